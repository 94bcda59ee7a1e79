//! Rows of one time: a coarse clock, or several devices.

use std::collections::BTreeSet;

use super::cells::cell_time;
use super::columns::{Columns, listed};
use super::error::LogError;
use super::sample::{Sampled, shown, taken};
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
    names: &[String],
    decimal: Decimal,
) -> Result<SameTime, LogError> {
    let mut joined = Vec::new();
    let taken = sample
        .rows
        .iter()
        .filter(|(_, row)| taken(row, &columns.rows));
    let (kept, read): (Vec<_>, Vec<_>) = taken
        .filter_map(|numbered| {
            let row = &numbered.1;
            let at = cell_time(row, columns, &mut joined)?;
            Some((numbered, (at, number(row.get(columns.value)?, decimal)?.0)))
        })
        .unzip();
    if let Some((devices, second)) = interleaved(&read) {
        // A column with as many values as there are devices names them, whatever it is called.
        for (at, name) in names.iter().enumerate() {
            let cells = kept.iter().filter_map(|(_, row)| row.get(at));
            let values: BTreeSet<&[u8]> = cells.collect();
            let measured = at == columns.value || columns.time.contains(&at);
            if let Some(first) = values
                .first()
                .filter(|_| !measured && values.len() == devices)
            {
                return Err(LogError::SeveralDevices {
                    column: name.clone(),
                    first: shown(first),
                    values: listed(values.iter().copied()),
                });
            }
        }
        return Err(LogError::SeveralLevels {
            rows: devices,
            line: kept[second].0,
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
