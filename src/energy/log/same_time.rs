//! Rows of one time: a coarse clock, or several devices.

use super::LogError;
use super::cells::{cell_time, taken};
use super::columns::Columns;
use super::sample::Sampled;
use crate::energy::cell::number;

/// Levels of interleaved devices lie farther apart than so many standard deviations of one of them.
const APART: f64 = 3.0;

/// How rows of one time are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameTime {
    /// They are rare: each replaces the one before it.
    Single,
    /// The clock is coarse: they are spread up to the next time.
    Spread,
}

/// Whether rows of one time are a coarse clock; an error where they are several devices.
pub fn same_time(sample: &Sampled, columns: &Columns, commas: bool) -> Result<SameTime, LogError> {
    let mut joined = Vec::new();
    let taken = sample.rows.iter().filter(|(_, row)| taken(row, columns));
    let read: Vec<(u64, i64, f64)> = taken
        .filter_map(|(line, row)| {
            let at = cell_time(row, columns, &mut joined)?;
            Some((*line, at, number(row.get(columns.value)?, commas)?.0))
        })
        .collect();
    if read.len() < 4 {
        return Ok(SameTime::Single);
    }
    let gaps: Vec<i64> = read.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    for size in 2..=16 {
        // In groups of this size the times are equal or nearly so, and the next group is far.
        let within = gaps
            .iter()
            .enumerate()
            .filter(|(at, _)| at % size != size - 1)
            .map(|(_, gap)| *gap);
        let between = gaps.iter().skip(size - 1).step_by(size).copied();
        let (Some(widest), Some(nearest)) = (within.max(), between.min()) else {
            continue;
        };
        if nearest <= 0 || widest > nearest / 5 || read.len() < 2 * size {
            continue;
        }
        if let Some(line) = levels(&read, size) {
            return Err(LogError::SeveralLevels { rows: size, line });
        }
        break;
    }
    let equal = gaps.iter().filter(|&&gap| gap == 0).count();
    let later = gaps.iter().filter(|&&gap| gap > 0).count();
    Ok(match equal > later.max(1) / 2 {
        true => SameTime::Spread,
        false => SameTime::Single,
    })
}

/// Whether rows by their place in a group of `size` keep levels of their own: the line of the second row.
fn levels(read: &[(u64, i64, f64)], size: usize) -> Option<u64> {
    let mut of_place = Vec::new();
    for place in 0..size {
        let values: Vec<f64> = read
            .iter()
            .skip(place)
            .step_by(size)
            .map(|(.., value)| *value)
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // Changes from group to group, not the spread, so that a load that comes and goes does not hide the levels.
        let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let mut steps: Vec<f64> = steps.collect();
        steps.sort_by(f64::total_cmp);
        of_place.push((mean, steps.get(steps.len() / 2).copied().unwrap_or(0.0)));
    }
    let spread = of_place.iter().map(|(_, step)| *step).fold(0.0, f64::max);
    let means = of_place.iter().map(|(mean, _)| *mean);
    let (low, high) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), mean| {
        (low.min(mean), high.max(mean))
    });
    (high - low > APART * spread.max(1e-3 * high.abs())).then(|| read[1].0)
}
