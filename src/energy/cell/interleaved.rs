//! Several devices whose rows follow each other.

/// Levels of interleaved devices lie farther apart than so many standard deviations of one of them.
const APART: f64 = 3.0;
const MOST_DEVICES: usize = 16;
/// Fewer groups have levels by chance.
const FEWEST_GROUPS: usize = 3;
/// From so many groups on, the mean difference of two places tells devices apart although each device changes a lot.
const MANY_GROUPS: usize = 8;
/// Standard errors that such a difference has at least.
const STANDARD_ERRORS: f64 = 6.0;
/// The part of the highest level that it has at least.
const LEAST_DIFFERENCE: f64 = 0.02;

/// The number of devices whose rows of nanoseconds and a value are interleaved, and the row of the second one: groups of
/// nearly equal times in which each place keeps a level of its own, or whose equal times are too fine for a coarse clock.
pub fn interleaved(rows: &[(i64, f64)]) -> Option<(usize, usize)> {
    (2..=MOST_DEVICES.min(rows.len() / FEWEST_GROUPS)).find_map(|size| {
        // The first rows may belong to a group that began earlier.
        let grouped = (0..size).find(|&first| is_grouped(&rows[first..], size))?;
        let rows = &rows[grouped..];
        (have_levels(rows, size) || differ(rows, size) || have_fine_times(rows, size))
            .then_some((size, grouped + 1))
    })
}

/// Whether the times in each group are nearly equal, and the next group is far.
fn is_grouped(rows: &[(i64, f64)], size: usize) -> bool {
    if rows.len() < FEWEST_GROUPS * size {
        return false;
    }
    let gaps = || rows.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let within = gaps()
        .enumerate()
        .filter(|(at, _)| at % size != size - 1)
        .map(|(_, gap)| gap);
    let between = gaps().skip(size - 1).step_by(size);
    let (Some(widest), Some(nearest)) = (within.max(), between.min()) else {
        return false;
    };
    nearest > 0 && widest <= nearest / 5
}

fn have_levels(rows: &[(i64, f64)], size: usize) -> bool {
    let (mut low, mut high, mut spread) = (f64::INFINITY, f64::NEG_INFINITY, 0.0f64);
    for place in 0..size {
        let values = rows
            .iter()
            .skip(place)
            .step_by(size)
            .map(|(_, value)| *value);
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (low, high) = (low.min(mean), high.max(mean));
        // Changes from group to group, not the spread, so that a load that comes and goes does not hide the levels.
        let mut steps: Vec<f64> = values
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .collect();
        steps.sort_by(f64::total_cmp);
        spread = spread.max(steps.get(steps.len() / 2).copied().unwrap_or(0.0));
    }
    high - low > APART * spread.max(1e-3 * high.abs())
}

/// Whether a place differs from the first one by the same amount in many groups. A trend over the whole recording is no
/// such difference.
fn differ(rows: &[(i64, f64)], size: usize) -> bool {
    let groups: Vec<&[(i64, f64)]> = rows.chunks_exact(size).collect();
    if groups.len() < MANY_GROUPS {
        return false;
    }
    let count = groups.len() as f64;
    let trend = (groups[groups.len() - 1][0].1 - groups[0][0].1) / (count - 1.0) / size as f64;
    (1..size).any(|place| {
        let difference = |group: &&[(i64, f64)]| group[place].1 - group[0].1 - trend * place as f64;
        let mean = groups.iter().map(difference).sum::<f64>() / count;
        let squares = groups
            .iter()
            .map(|group| (difference(group) - mean).powi(2));
        let error = (squares.sum::<f64>() / (count - 1.0) / count).sqrt();
        let level = |place: usize| groups.iter().map(|group| group[place].1).sum::<f64>() / count;
        let high = level(0).abs().max(level(place).abs());
        mean.abs() > (STANDARD_ERRORS * error).max(LEAST_DIFFERENCE * high)
    })
}

/// Whether the times of groups are equal within and no multiples of what lies between them, as those of a clock would be
/// that is too coarse for the rows.
fn have_fine_times(rows: &[(i64, f64)], size: usize) -> bool {
    let groups = || rows.chunks_exact(size);
    let gaps = rows.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let tick = gaps.filter(|&gap| gap > 0).min().unwrap_or(1);
    groups().all(|group| group[0].0 == group[size - 1].0)
        && groups().any(|group| group[0].0 % tick != 0)
}
