//! Rows of one time: a coarse clock, or several devices.

use super::LogError;
use super::cells::{cell_time, taken};
use super::columns::Columns;
use super::sample::Sampled;
use crate::energy::cell::decimal::Decimal;
use crate::energy::cell::interleaved::interleaved;
use crate::energy::cell::number;

/// How rows of one time are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameTime {
    /// They are rare: each replaces the one before it.
    Single,
    /// The clock is coarse: they are spread up to the next time.
    Spread,
}

/// Whether rows of one time are a coarse clock; an error where they are several devices.
pub fn same_time(
    sample: &Sampled,
    columns: &Columns,
    decimal: Decimal,
) -> Result<SameTime, LogError> {
    let mut joined = Vec::new();
    let taken = sample.rows.iter().filter(|(_, row)| taken(row, columns));
    let (lines, read): (Vec<u64>, Vec<(i64, f64)>) = taken
        .filter_map(|(line, row)| {
            let at = cell_time(row, columns, &mut joined)?;
            Some((*line, (at, number(row.get(columns.value)?, decimal)?.0)))
        })
        .unzip();
    if let Some((rows, second)) = interleaved(&read) {
        return Err(LogError::SeveralLevels {
            rows,
            line: lines[second],
        });
    }
    let gaps = read.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let (equal, later) = gaps.fold((0, 0), |(equal, later), gap| {
        (equal + usize::from(gap == 0), later + usize::from(gap > 0))
    });
    Ok(match read.len() >= 4 && equal > later.max(1) / 2 {
        true => SameTime::Spread,
        false => SameTime::Single,
    })
}
