//! Which columns of a table are the time, the power or energy, and the device.

use std::collections::BTreeSet;

use super::error::LogError;
use super::options::LogOptions;
use super::table::Table;
use crate::energy::cell::time::{self, TimeUnit};
use crate::energy::cell::unit::{self, Quantity, Unit};

use super::sample::{Sampled, same, shown, taken};
use crate::energy::cell::DEVICES;

/// Words of a time column's name, the surest first.
const TIMES: [&str; 9] = [
    "timestamp",
    "datetime",
    "time",
    "date",
    "seconds",
    "elapsed",
    "epoch",
    "zeit",
    "unix",
];
/// A name of a unit alone is a time too.
const LONE: [&str; 5] = ["t", "s", "sec", "ms", "ts"];
/// From row to row, times without a unit advance by less than this many seconds.
const LONGEST_STEP: i64 = 100;
/// And by more than this many nanoseconds.
const SHORTEST_STEP: i64 = 100_000;

/// The columns that are read, by their positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// One, or a date and a time of day.
    pub time: Vec<usize>,
    pub time_unit: TimeUnit,
    pub value: usize,
    pub unit: Unit,
    /// Whether nothing but the name suggested the unit.
    pub unit_assumed: bool,
    pub quantity: Quantity,
    /// Rows to take.
    pub rows: Vec<(usize, Vec<u8>)>,
    /// Columns that must not change.
    pub devices: Vec<usize>,
}

impl Columns {
    pub fn choose(table: &Table, sample: &Sampled, options: &LogOptions) -> Result<Self, LogError> {
        let rows = options
            .rows
            .iter()
            .map(|(name, value)| Ok((position(table, name)?, value.clone().into_bytes())))
            .collect::<Result<Vec<_>, LogError>>()?;
        values_occur(table, sample, &rows)?;
        let time = time_columns(table, sample, options)?;
        let (value, unit, unit_assumed, quantity) = value_column(table, sample, options, &time)?;
        let time_unit = time_unit(table, sample, options, &time, &rows)?;
        let devices = devices(table, sample, &rows, &time, value)?;
        Ok(Self {
            time,
            time_unit,
            value,
            unit,
            unit_assumed,
            quantity,
            rows,
            devices,
        })
    }
}

/// The column of this name, or of this number from 1.
fn position(table: &Table, name: &str) -> Result<usize, LogError> {
    let exact = table.names.iter().position(|known| known == name);
    let lower = name.to_lowercase();
    let loose = || {
        table
            .names
            .iter()
            .position(|known| known.to_lowercase() == lower)
    };
    let number = || {
        let number: usize = name.parse().ok()?;
        (1..=table.names.len())
            .contains(&number)
            .then(|| number - 1)
    };
    exact
        .or_else(loose)
        .or_else(number)
        .ok_or_else(|| LogError::NoColumn {
            name: name.to_owned(),
            known: known(table),
        })
}

fn known(table: &Table) -> String {
    let named = table.names.iter().filter(|name| !name.is_empty());
    let names: Vec<String> = named.take(30).map(|name| shown(name.as_bytes())).collect();
    names.join(", ")
}

fn time_columns(
    table: &Table,
    sample: &Sampled,
    options: &LogOptions,
) -> Result<Vec<usize>, LogError> {
    if let Some(name) = &options.time {
        return Ok(vec![position(table, name)?]);
    }
    let format = table.format;
    let found: Vec<usize> = format
        .time
        .iter()
        .filter_map(|name| position(table, name).ok())
        .collect();
    match (format.time, found.as_slice()) {
        (["Date", "Time"], [date, clock]) => return Ok(vec![*date, *clock]),
        (_, [first, ..]) => return Ok(vec![*first]),
        _ => {}
    }
    let reads = |at: usize| {
        let mut cells = sample
            .rows
            .iter()
            .filter_map(|(_, row)| row.get(at))
            .take(20);
        cells.any(|cell| {
            [
                TimeUnit::Nanos,
                TimeUnit::Seconds,
                TimeUnit::Iso,
                TimeUnit::TimeOfDay,
            ]
            .iter()
            .any(|unit| unit.read(cell).is_some())
        })
    };
    let lower: Vec<String> = table.names.iter().map(|name| name.to_lowercase()).collect();
    let alone = lower.iter().position(|name| {
        let word = name.split(|c: char| !c.is_alphanumeric()).next();
        LONE.contains(&name.as_str()) || word == Some("ts")
    });
    let named = TIMES
        .iter()
        .find_map(|word| (0..lower.len()).find(|&at| lower[at].contains(word) && reads(at)));
    // Without names the first column is the time.
    let numbered = table.names.first().filter(|name| *name == "1").map(|_| 0);
    let at = named.or(alone).or(numbered).filter(|&at| reads(at));
    at.map(|at| vec![at]).ok_or_else(|| LogError::NoTime {
        known: known(table),
    })
}

fn value_column(
    table: &Table,
    sample: &Sampled,
    options: &LogOptions,
    time: &[usize],
) -> Result<(usize, Unit, bool, Quantity), LogError> {
    let format = table.format;
    let at = match &options.column {
        Some(name) => position(table, name)?,
        None => match format
            .values
            .iter()
            .find_map(|name| position(table, name).ok())
        {
            Some(at) => at,
            None => guessed(table, time)?,
        },
    };
    let column = table.names[at].clone();
    let in_cells = sample
        .rows
        .iter()
        .filter_map(|(_, row)| row.get(at))
        .find_map(|cell| {
            let cell = std::str::from_utf8(cell).ok()?;
            let word =
                cell.trim_start_matches(|c: char| !c.is_alphabetic() && c != 'µ' && c != 'μ');
            let number =
                cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
            // A row of units may stand below the names.
            let unit = cell.trim_matches(['[', ']', '(', ')']);
            Unit::parse(if number { word.trim() } else { unit })
        });
    // A format's unit is that of its own columns; others may be named otherwise.
    let of_format = format
        .unit
        .filter(|_| format.values.is_empty() || format.values.contains(&column.as_str()));
    let found = in_cells.or_else(|| Unit::in_name(&column)).or(of_format);
    let (unit, assumed) = match (options.unit, found) {
        (Some(given), Some(found)) if given != found => {
            return Err(LogError::UnitContradicted {
                given: given.symbol,
                column,
                found: found.symbol,
            });
        }
        (Some(given), _) => (given, false),
        (None, Some(found)) => (found, false),
        (None, None) => match (Unit::assumed(&column), unit::guess(&column)) {
            (Some(unit), _) => (unit, true),
            (None, Some(_)) => return Err(LogError::UnitUnknown(column)),
            (None, None) => {
                return Err(LogError::NoValues {
                    known: known(table),
                });
            }
        },
    };
    if let Some(guess) = unit::guess(&column)
        && (guess == Quantity::Power) != unit.power
        && Unit::in_name(&column).is_none()
    {
        let word = |power| if power { "power" } else { "energy" };
        return Err(LogError::KindContradicted {
            given: unit.symbol,
            is: word(unit.power),
            column,
            holds: word(!unit.power),
        });
    }
    let per_row = options.per_row
        || unit::guess(&column) == Some(Quantity::PerRow)
        || (format.quantity == Some(Quantity::PerRow) && options.column.is_none())
        || (format.quantity == Some(Quantity::PerRow) && format.values.contains(&column.as_str()));
    let quantity = match (unit.power, per_row) {
        (true, _) => Quantity::Power,
        (false, true) => Quantity::PerRow,
        (false, false) => Quantity::Counter,
    };
    let unfit = match quantity {
        Quantity::Power if options.per_row => Some(("--per-row", "power")),
        Quantity::Power if options.wraps_at.is_some() => Some(("--wraps-at", "power")),
        Quantity::PerRow if options.wraps_at.is_some() => Some(("--wraps-at", "energy per row")),
        _ => None,
    };
    match unfit {
        Some((flag, holds)) => Err(LogError::Unfit {
            flag,
            column,
            holds,
        }),
        None => Ok((at, unit, assumed, quantity)),
    }
}

/// The only column whose name suggests power, or else energy.
fn guessed(table: &Table, time: &[usize]) -> Result<usize, LogError> {
    let of = |quantity| -> Vec<usize> {
        let other = (0..table.names.len()).filter(|at| !time.contains(at));
        other
            .filter(|&at| unit::guess(&table.names[at]) == Some(quantity))
            .collect()
    };
    for quantity in [Quantity::Power, Quantity::Counter, Quantity::PerRow] {
        match of(quantity).as_slice() {
            [] => {}
            [one] => return Ok(*one),
            several => {
                let names: Vec<&str> = several.iter().map(|&at| table.names[at].as_str()).collect();
                return Err(LogError::SeveralColumns(names.join(", ")));
            }
        }
    }
    // A table of two columns without telling names: the other one, if its unit is given.
    Err(LogError::NoValues {
        known: known(table),
    })
}

fn time_unit(
    table: &Table,
    sample: &Sampled,
    options: &LogOptions,
    time: &[usize],
    rows: &[(usize, Vec<u8>)],
) -> Result<TimeUnit, LogError> {
    let column = table.names[time[0]].clone();
    let taken = sample.rows.iter().filter(|(_, row)| taken(row, rows));
    let cells: Vec<&[u8]> = taken.filter_map(|(_, row)| row.get(time[0])).collect();
    let readable = |unit: TimeUnit| cells.iter().any(|cell| unit.read(cell).is_some());
    let by_size = cells.iter().find_map(|cell| TimeUnit::of_unix(cell));
    if let Some(given) = options.time_unit {
        return match by_size.filter(|found| *found != given && given != TimeUnit::Iso) {
            Some(found) => Err(LogError::TimeUnitContradicted {
                cell: cells.first().map(|cell| shown(cell)).unwrap_or_default(),
                column,
                given: given.name(),
                found: found.name(),
            }),
            None => Ok(given),
        };
    }
    if time.len() == 2 {
        return Ok(TimeUnit::Iso);
    }
    if let Some(unit) = by_size {
        return Ok(unit);
    }
    if let Some(unit) = table.format.time_unit.filter(|unit| readable(*unit)) {
        return Ok(unit);
    }
    if !readable(TimeUnit::Seconds) && !readable(TimeUnit::Nanos) {
        for unit in [TimeUnit::Iso, TimeUnit::TimeOfDay] {
            let unclear = |cell: &&&[u8]| {
                unit == TimeUnit::TimeOfDay
                    && cell.iter().filter(|&&byte| byte == b':').count() == 1
            };
            if let Some(cell) = cells.iter().find(unclear) {
                let cell = shown(cell);
                return Err(LogError::ClockUnclear { column, cell });
            }
            let dates: BTreeSet<(u8, u8)> = cells
                .iter()
                .filter_map(|cell| time::month_or_day(cell))
                .collect();
            let month_first = dates.iter().any(|&(_, second)| second > 12)
                && dates.iter().all(|&(first, _)| first <= 12);
            if dates.len() > 1 && !month_first {
                let cell = cells.first().map(|cell| shown(cell)).unwrap_or_default();
                return Err(LogError::DatesUnclear { column, cell });
            }
            if readable(unit) {
                return Ok(unit);
            }
        }
        return Err(LogError::NoTime {
            known: known(table),
        });
    }
    if let Some(unit) = TimeUnit::in_name(&column) {
        return Ok(unit);
    }
    let mut words = column.split(|c: char| !c.is_alphanumeric());
    let unknown = words.any(|word| {
        matches!(
            word.to_lowercase().as_str(),
            "d" | "day" | "days" | "ds" | "cs"
        )
    });
    let mut times: Vec<i64> = cells
        .iter()
        .filter_map(|cell| TimeUnit::Seconds.read(cell))
        .collect();
    times.dedup();
    let mut steps: Vec<i64> = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .collect();
    steps.sort_unstable();
    let step = steps.get(steps.len() / 2).copied().unwrap_or(0);
    // Days since 1900, as a spreadsheet keeps them, advance by a hundred-thousandth.
    if unknown || step >= LONGEST_STEP * time::SECOND || (0 < step && step < SHORTEST_STEP) {
        return Err(LogError::TimeUnitUnknown {
            step: (step as f64 / time::SECOND as f64).to_string(),
            column,
        });
    }
    Ok(TimeUnit::Seconds)
}

/// Whether each value of `--where` is in its column, if the whole log is known.
fn values_occur(
    table: &Table,
    sample: &Sampled,
    rows: &[(usize, Vec<u8>)],
) -> Result<(), LogError> {
    for (at, wanted) in rows {
        let cells = sample.rows.iter().filter_map(|(_, row)| row.get(*at));
        let values: BTreeSet<&[u8]> = cells.collect();
        let found = values.iter().any(|value| same(value, wanted));
        if !sample.rows.is_empty() && !found && sample.whole {
            return Err(LogError::NoRows {
                column: table.names[*at].clone(),
                value: shown(wanted),
                known: listed(values.into_iter()),
            });
        }
    }
    Ok(())
}

/// Columns that tell devices apart and hold one value; an error where one holds several.
fn devices(
    table: &Table,
    sample: &Sampled,
    rows: &[(usize, Vec<u8>)],
    time: &[usize],
    value: usize,
) -> Result<Vec<usize>, LogError> {
    let is_device = |at: &usize| {
        let name = &table.names[*at];
        let generic = DEVICES.contains(&name.to_lowercase().as_str());
        !time.contains(at)
            && *at != value
            && (generic || table.format.devices.contains(&name.as_str()))
    };
    let devices: Vec<usize> = (0..table.names.len()).filter(is_device).collect();
    let taken: Vec<_> = sample
        .rows
        .iter()
        .filter(|(_, row)| {
            taken(row, rows)
                && row.len() == table.names.len()
                && row
                    .get(time[0])
                    .is_some_and(|cell| cell != table.names[time[0]].as_bytes())
        })
        .collect();
    for &at in &devices {
        let values: BTreeSet<&[u8]> = taken.iter().filter_map(|(_, row)| row.get(at)).collect();
        // A number of the row tells no devices apart.
        if values.len() > 1 && 2 * values.len() <= taken.len().max(4) {
            let first = values.first().map(|value| shown(value));
            return Err(LogError::SeveralDevices {
                column: table.names[at].clone(),
                first: first.unwrap_or_default(),
                values: listed(values.into_iter()),
            });
        }
    }
    let steady = |at: &usize| {
        let values: BTreeSet<&[u8]> = taken.iter().filter_map(|(_, row)| row.get(*at)).collect();
        values.len() <= 1
    };
    Ok(devices.into_iter().filter(steady).collect())
}

/// Up to eight values, parted by commas.
pub fn listed<'a>(values: impl Iterator<Item = &'a [u8]>) -> String {
    let mut all: Vec<String> = values.take(9).map(shown).collect();
    if all.len() == 9 {
        all[8] = "...".into();
    }
    all.join(", ")
}
