//! Several devices whose rows follow each other.

/// Levels of interleaved devices lie farther apart than so many standard deviations of one of them.
const APART: f64 = 3.0;
const MOST_DEVICES: usize = 16;
/// Fewer groups have levels by chance.
const FEWEST_GROUPS: usize = 3;

/// The number of devices whose rows of nanoseconds and a value are interleaved, and the row of the second one: groups of
/// nearly equal times in which each place keeps a level of its own.
pub fn interleaved(rows: &[(i64, f64)]) -> Option<(usize, usize)> {
    (2..=MOST_DEVICES.min(rows.len() / FEWEST_GROUPS)).find_map(|size| {
        // The first rows may belong to a group that began earlier.
        let grouped = (0..size).find(|&first| is_grouped(&rows[first..], size))?;
        have_levels(&rows[grouped..], size).then_some((size, grouped + 1))
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
