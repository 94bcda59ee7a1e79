//! The rows of a log, one after the other, into an integral.

use std::cell::RefCell;
use std::rc::Rc;

use csv::ByteRecord;

use super::cells::{cell_time, first_time, window_end};
use super::columns::Columns;
use super::decimal::decimal;
use super::energy::LogEnergy;
use super::error::LogError;
use super::integrate::{Integrator, NoIntegral, Sample};
use super::options::LogOptions;
use super::same_time::{SameTime, same_time};
use super::sample::{Sampled, comment, named_again, shown, taken};
use super::table::Table;
use super::text::Noticed;
use super::wraps::Wraps;
use crate::energy::cell::decimal::Decimal;
use crate::energy::cell::number;
use crate::energy::cell::time::{self, DAY, SECOND, TimeUnit};
use crate::energy::cell::unit::Quantity;

/// Beyond this no device draws power.
const MOST_WATTS: f64 = 1e8;
/// A row that gave no sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Skipped {
    count: u64,
    /// Of the first: its line and what it held.
    first: Option<(u64, String)>,
}

impl Skipped {
    fn add(&mut self, line: u64, cell: &[u8]) {
        self.count += 1;
        self.first.get_or_insert_with(|| (line, shown(cell)));
    }
}

/// The state between two rows.
struct Stream<'a> {
    columns: &'a Columns,
    options: &'a LogOptions,
    names: &'a [String],
    decimal: Decimal,
    integrator: Integrator,
    window: (Option<i64>, Option<i64>),
    same_time: SameTime,
    /// Rows of one time that wait for the next time.
    group: Vec<(f64, u64)>,
    group_at: i64,
    first: Option<i64>,
    last: Option<i64>,
    wraps: Wraps,
    days: i64,
    taken: u64,
    /// Rows without a reading in the window, and rows without a time.
    missing: Skipped,
    timeless: Skipped,
    /// Rows without a time since the last good one.
    trailing: Skipped,
    /// Whether the newest row was shorter than the names.
    cut: Option<u64>,
    /// Cells of a whole row, and the newest row, if it has fewer.
    width: usize,
    short: Option<u64>,
    device: Vec<Option<Vec<u8>>>,
    joined: Vec<u8>,
}

pub fn energy(
    table: Table,
    sample: Sampled,
    columns: &Columns,
    options: &LogOptions,
    noticed: &Rc<RefCell<Noticed>>,
) -> Result<LogEnergy, LogError> {
    let Table {
        names,
        mut rows,
        format,
        delimiter,
    } = table;
    let decimal = decimal(&sample, columns, &names, options)?;
    let first = first_time(&sample, columns);
    let window = (
        options
            .from
            .as_deref()
            .map(|text| window_end(text, columns.time_unit, first))
            .transpose()?,
        options
            .to
            .as_deref()
            .map(|text| window_end(text, columns.time_unit, first))
            .transpose()?,
    );
    if let (Some(from), Some(to)) = window
        && from >= to
    {
        return Err(LogError::Reversed {
            from: time::written(from, columns.time_unit),
            to: time::written(to, columns.time_unit),
        });
    }
    let mut stream = Stream {
        columns,
        options,
        names: &names,
        decimal,
        integrator: Integrator::new(columns.quantity, window),
        window,
        same_time: same_time(&sample, columns, &names, decimal)?,
        group: Vec::new(),
        group_at: 0,
        first: None,
        last: None,
        wraps: Wraps::new(columns.unit, columns.time_unit, options.wraps_at),
        days: 0,
        taken: 0,
        missing: Skipped::default(),
        timeless: Skipped::default(),
        trailing: Skipped::default(),
        cut: None,
        width: sample
            .rows
            .iter()
            .map(|(_, row)| row.len())
            .max()
            .unwrap_or(0)
            .min(names.len()),
        short: None,
        device: vec![None; columns.devices.len()],
        joined: Vec::new(),
    };
    for (line, row) in &sample.rows {
        stream.row(*line, row)?;
    }
    let mut row = ByteRecord::new();
    let mut ended = sample.whole;
    while !ended && !stream.integrator.done() {
        match rows.next(&mut row)? {
            Some(line) => stream.row(line, &row)?,
            None => ended = true,
        }
    }
    stream.flush(None);
    let mut notes = stream.notes(ended);
    let noticed = noticed.borrow();
    if noticed.cut {
        notes.push("the gzip stream is cut off: the rows before the cut are used".into());
    }
    if noticed.nuls > 0 {
        notes.push(format!(
            "{} NUL bytes were skipped, as a power loss leaves them",
            noticed.nuls
        ));
    }
    let unit = columns.time_unit;
    if let (Some(first), Some(last)) = (stream.first, stream.last) {
        let outside = |flag, at, side, row| LogError::Outside {
            flag,
            at: time::written(at, unit),
            side,
            row: time::written(row, unit),
        };
        match window {
            (Some(from), _) if from < first => {
                return Err(outside("--from", from, "before the first", first));
            }
            (Some(from), _) if from > last => {
                return Err(outside("--from", from, "after the last", last));
            }
            (_, Some(to)) if to > last => return Err(outside("--to", to, "after the last", last)),
            (_, Some(to)) if to < first => {
                return Err(outside("--to", to, "before the first", first));
            }
            _ => {}
        }
    }
    let bad = stream.timeless.count + stream.missing.count;
    if bad > stream.taken
        && let Some((line, _)) = stream
            .timeless
            .first
            .as_ref()
            .or(stream.missing.first.as_ref())
    {
        return Err(LogError::MostlyBad {
            bad,
            all: bad + stream.taken,
            line: *line,
            column: names[columns.value].clone(),
        });
    }
    let coarse = match stream.same_time {
        SameTime::Spread => 1.0,
        SameTime::Single => 0.0,
    };
    let integral = stream
        .integrator
        .finish(options.averaging, coarse)
        .map_err(|why| match why {
            NoIntegral::TooFew(count) => LogError::TooFew(count),
            NoIntegral::Still => LogError::Still(names[columns.value].clone()),
            NoIntegral::Missing(gap) => LogError::Missing {
                seconds: format!("{:.0} s", gap.seconds()),
                from: time::written(gap.from, unit),
                to: time::written(gap.to, unit),
            },
        })?;
    notes.splice(0..0, integral.notes(columns.quantity, unit));
    let value = &names[columns.value];
    let what = match columns.quantity {
        Quantity::Power => "power",
        Quantity::Counter => "energy counter",
        Quantity::PerRow => "energy per row",
    };
    let assumed = if columns.unit_assumed {
        " (assumed: the log does not state it)"
    } else {
        ""
    };
    let times: Vec<&str> = columns.time.iter().map(|&at| names[at].as_str()).collect();
    let spread = if coarse > 0.0 {
        ", rows with the same time spread evenly"
    } else {
        ""
    };
    let read_as = format!(
        "{}, {delimiter}: time {:?} in {}{spread}, {what} {value:?} in {}{assumed}",
        format.name,
        times.join(" + "),
        unit.name(),
        columns.unit.symbol,
    );
    Ok(LogEnergy {
        read_as,
        column: value.clone(),
        quantity: columns.quantity,
        joules: integral.joules,
        ci: (
            integral.joules - integral.below,
            integral.joules + integral.above,
        ),
        from: time::written(integral.from, unit),
        to: time::written(integral.to, unit),
        seconds: (integral.to - integral.from) as f64 / SECOND as f64,
        samples: integral.samples,
        interval_seconds: integral.usual,
        notes,
    })
}

impl Stream<'_> {
    fn row(&mut self, line: u64, row: &ByteRecord) -> Result<(), LogError> {
        if comment(row) || self.integrator.done() {
            return Ok(());
        }
        // Also where --where would skip the row: the columns of all rows below it are others.
        let named = |at: usize| row.get(at) == Some(self.names[at].as_bytes());
        let again = named_again(row, self.names);
        if !again && self.columns.time.iter().all(|&at| named(at)) {
            return Err(LogError::ColumnsChanged { line });
        }
        if !taken(row, &self.columns.rows) {
            // A row that was cut off before its device is none of another device.
            if row.len() < self.names.len() {
                self.cut = Some(line);
            }
            return Ok(());
        }
        let Some(at) = cell_time(row, self.columns, &mut self.joined) else {
            if !again {
                self.trailing
                    .add(line, row.get(self.columns.time[0]).unwrap_or_default());
            }
            return Ok(());
        };
        self.cut =
            (row.len() < self.names.len() && row.len() <= self.columns.value).then_some(line);
        let at = self.in_order(at, line)?;
        let inside =
            self.window.0.is_none_or(|from| at >= from) && self.window.1.is_none_or(|to| at <= to);
        // Rows without a time were no trailer if others follow.
        if self.trailing.count > 0 {
            let trailing = std::mem::take(&mut self.trailing);
            if inside {
                self.timeless.count += trailing.count;
                self.timeless.first = self.timeless.first.take().or(trailing.first);
            }
        }
        self.same_device(row)?;
        // Of a row with too few cells nobody knows which are missing; the last one may be cut.
        if let Some(line) = self.short.take().filter(|_| inside) {
            self.no_reading(line, b"")?;
        }
        if row.len() < self.width {
            self.short = Some(line);
            self.cut = Some(line);
            return Ok(());
        }
        let cell = row.get(self.columns.value).unwrap_or_default();
        let read = number(cell, self.decimal).filter(|(value, own)| {
            value.is_finite() && own.is_none_or(|own| own.power == self.columns.unit.power)
        });
        let Some((value, own)) = read else {
            if inside && self.cut.is_none() {
                self.no_reading(line, cell)?;
            }
            return Ok(());
        };
        // Some programs write `850 mW` in one row and `1.2 W` in the next.
        let value = value * own.unwrap_or(self.columns.unit).scale;
        if inside || self.columns.quantity == Quantity::Counter {
            self.check(value, cell, line)?;
        }
        self.first.get_or_insert(at);
        let gap = self.last.replace(at).map_or(0, |last| at - last);
        self.taken += 1;
        if self.columns.quantity != Quantity::Counter {
            self.sample(at, value, line);
            return Ok(());
        }
        let inside = self.window.0.is_none_or(|from| at > from);
        match self.wraps.unwrapped(value, at, gap, line) {
            Ok(value) => self.sample(at, value, line),
            Err(why) if inside => return Err(why),
            Err(_) => {
                self.integrator = Integrator::new(self.columns.quantity, self.window);
                self.wraps.reset();
                self.sample(at, value, line);
            }
        }
        Ok(())
    }

    fn sample(&mut self, at: i64, value: f64, line: u64) {
        match self.same_time {
            SameTime::Single => self.integrator.add(Sample { at, value }),
            SameTime::Spread => {
                if !self.group.is_empty() && at != self.group_at {
                    self.flush(Some(at));
                }
                self.group_at = at;
                self.group.push((value, line));
            }
        }
    }

    /// Spreads the rows of one time up to the next time; those of the last time stand at it.
    fn flush(&mut self, next: Option<i64>) {
        let step = next.map_or(0, |next| (next - self.group_at).min(SECOND))
            / (self.group.len().max(1) as i64);
        let group = std::mem::take(&mut self.group);
        for (place, (value, _)) in group.into_iter().enumerate() {
            self.integrator.add(Sample {
                at: self.group_at + step * place as i64,
                value,
            });
            if next.is_none() {
                break;
            }
        }
    }

    /// The time, not before that of the last row; midnight passes.
    fn in_order(&mut self, at: i64, line: u64) -> Result<i64, LogError> {
        let mut at = at.saturating_add(self.days * DAY);
        let Some(before) = self.last.filter(|&before| at < before) else {
            return Ok(at);
        };
        if self.columns.time_unit == TimeUnit::TimeOfDay && before - at > DAY / 2 {
            self.days += 1;
            at = at.saturating_add(DAY);
            return Ok(at);
        }
        let (from, to) = self.window;
        if from.is_none_or(|from| before > from) && to.is_none_or(|to| at < to) {
            let by = before - at;
            let hour = (by - 3600 * SECOND).abs() < 120 * SECOND;
            return Err(LogError::ClockBack {
                by: time::seconds(by),
                at: time::written(before, self.columns.time_unit),
                line,
                cause: match hour {
                    true => ", as at the end of summer time",
                    false => ", as when a clock is set",
                },
            });
        }
        // The step lies outside of the window: what was before it does not reach into it.
        self.integrator = Integrator::new(self.columns.quantity, self.window);
        self.wraps.reset();
        Ok(at)
    }

    fn same_device(&mut self, row: &ByteRecord) -> Result<(), LogError> {
        for (seen, &at) in self.device.iter_mut().zip(&self.columns.devices) {
            let cell = row.get(at).unwrap_or_default();
            match seen {
                None => *seen = Some(cell.to_vec()),
                Some(first) if first == cell => {}
                Some(first) => {
                    let (first, other) = (shown(first), shown(cell));
                    return Err(LogError::SeveralDevices {
                        column: self.names[at].clone(),
                        values: format!("{first}, {other}"),
                        first,
                    });
                }
            }
        }
        Ok(())
    }

    fn no_reading(&mut self, line: u64, cell: &[u8]) -> Result<(), LogError> {
        if self.options.strict {
            return Err(LogError::Strict {
                line,
                column: self.names[self.columns.value].clone(),
                cell: shown(cell),
            });
        }
        self.missing.add(line, cell);
        Ok(())
    }

    fn check(&self, value: f64, cell: &[u8], line: u64) -> Result<(), LogError> {
        let power = self.columns.quantity == Quantity::Power;
        if value >= 0.0 && (!power || value <= MOST_WATTS) {
            return Ok(());
        }
        Err(LogError::Impossible {
            column: self.names[self.columns.value].clone(),
            cell: shown(cell),
            line,
            what: if power { "power" } else { "energy" },
        })
    }

    fn notes(&self, ended: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let rows = |count: u64| {
            if count == 1 {
                "1 row".to_owned()
            } else {
                format!("{count} rows")
            }
        };
        if let Some((line, cell)) = &self.missing.first {
            notes.push(format!(
                "{} without a reading in the window (first: line {line}, {cell:?})",
                rows(self.missing.count)
            ));
        }
        if let Some((line, cell)) = &self.timeless.first {
            notes.push(format!(
                "{} without a time in the window were skipped (first: line {line}, {cell:?})",
                rows(self.timeless.count)
            ));
        }
        if let Some(line) = self.cut.filter(|_| ended) {
            notes.push(format!(
                "the last row (line {line}) is cut off and was skipped"
            ));
        } else if let Some((line, _)) = self.trailing.first.as_ref().filter(|_| ended) {
            notes.push(format!(
                "{} without a time after the last reading were skipped (from line {line})",
                rows(self.trailing.count)
            ));
        }
        if self.wraps.count > 0 {
            notes.push(format!("wraps of the counter: {}", self.wraps.count));
        }
        notes
    }
}
