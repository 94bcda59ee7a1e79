//! What a line of a meter says: its time and its power or energy, however both are written.

use crate::energy::cell::decimal::Decimal;
use crate::energy::cell::json::walk;
use crate::energy::cell::time::{DAY, SECOND, TimeUnit, date_time};
use crate::energy::cell::unit::{Quantity, Unit, guess, is_unclear};
use crate::energy::cell::{DEVICES, number};
use crate::energy::sensor::Unavailable;

/// More than any meter of a machine shows.
pub(super) const MAX_WATTS: f64 = 1e6;

/// Words of the names of time columns.
const TIMES: [&str; 5] = ["time", "timestamp", "datetime", "date", "seconds"];

/// How the lines of a meter are laid out, as far as they have shown it.
pub(super) struct Layout {
    /// The unit that the user gave.
    given: Option<Unit>,
    /// Nanoseconds by which the local clock is ahead of UTC.
    local: i64,
    /// Whether a line other than a blank or a comment was read: the first of them may be a header.
    begun: bool,
    names: Vec<String>,
    /// Whether a time had digits behind those of the seconds.
    finer: bool,
    /// What the columns that identify a device hold.
    device: Option<Vec<String>>,
}

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A blank, a comment or a header.
    Nothing,
    /// A line in place of a reading: `[N/A]`.
    NoReading,
    /// Seconds since 1970, seconds by which they may be more, and watts or joules.
    Reading { unix: f64, within: f64, value: f64 },
}

impl Layout {
    pub(super) fn new(given: Option<Unit>, unix: f64) -> Self {
        let now = jiff::Timestamp::from_second(unix as i64).unwrap_or_default();
        let zone = jiff::tz::TimeZone::system();
        Self {
            given,
            local: i64::from(zone.to_offset(now).seconds()) * SECOND,
            begun: false,
            names: Vec::new(),
            finer: false,
            device: None,
        }
    }

    /// Whether the values are power, not a counter of energy.
    pub(super) fn is_power(&self) -> bool {
        self.given.is_none_or(|unit| unit.power)
    }

    /// Reads a line that arrived about `now`, in seconds since 1970.
    pub(super) fn read(&mut self, line: &str, now: f64) -> Result<Line, Unavailable> {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            return Ok(Line::Nothing);
        }
        let first = !std::mem::replace(&mut self.begun, true);
        let cells = match line.starts_with('{') {
            true => self.object(line)?,
            false => cells(line),
        };
        if !line.starts_with('{') && self.is_header(&cells, first) {
            self.names = cells;
            return Ok(Line::Nothing);
        }
        let (time, value) = self.columns(&cells, line)?;
        self.check_device(&cells)?;
        let not_read = || {
            let unit = self.given.unwrap_or(Unit::WATT);
            Unavailable::new(format!("the line `{line}` is not `time {}`", unit.symbol))
        };
        let unix = unix(&cells[time], self.local, now).ok_or_else(not_read)?;
        let cell = &cells[value];
        let Some((number, own)) = number(cell.as_bytes(), Decimal::Point) else {
            return match cell.contains(|c: char| c.is_ascii_digit()) {
                true => Err(not_read()),
                false => Ok(Line::NoReading),
            };
        };
        if !number.is_finite() {
            return Ok(Line::NoReading);
        }
        let unit = self.unit(own, value, line)?;
        let value = number * unit.scale;
        if value < 0.0 || (unit.power && value > MAX_WATTS) {
            return Err(Unavailable::new(format!(
                "the line `{line}` has an impossible value"
            )));
        }
        // A program that drops zeros at the end writes a whole second now and then.
        self.finer |= !is_whole(&cells[time]);
        let within = if self.finer { 0.0 } else { 1.0 };
        Ok(Line::Reading {
            unix,
            within,
            value,
        })
    }

    /// The cells of a JSON object, which names its columns.
    fn object(&mut self, line: &str) -> Result<Vec<String>, Unavailable> {
        let object = serde_json::from_str(line).map_err(|why| {
            Unavailable::new(format!("the line `{line}` is not a JSON object: {why}"))
        })?;
        self.names.clear();
        let mut cells = Vec::new();
        walk(&object, String::new(), &mut |name, cell| {
            self.names.push(name);
            cells.push(cell);
        });
        Ok(cells)
    }

    /// A header is the first line, the first header again, or a line that names a time.
    fn is_header(&self, cells: &[String], first: bool) -> bool {
        let named = |cell: &String| {
            let mut words = cell.split(|c: char| !c.is_alphanumeric());
            words.any(|word| TIMES.contains(&word.to_lowercase().as_str()))
        };
        cells[0].starts_with(char::is_alphabetic)
            && (first || self.names == cells || cells.iter().any(named))
    }

    /// The positions of the time and the value.
    fn columns(&self, cells: &[String], line: &str) -> Result<(usize, usize), Unavailable> {
        let named = self.names.len() == cells.len();
        let is_time = |name: &String| TIMES.iter().any(|word| name.to_lowercase().contains(word));
        if cells.len() == 2 {
            let swapped = named && is_time(&self.names[1]) && !is_time(&self.names[0]);
            return Ok(if swapped { (1, 0) } else { (0, 1) });
        }
        let several = |how: String| {
            Unavailable::new(format!(
                "the line `{line}` has {} columns{how}",
                cells.len()
            ))
            .with_fix("print only the time and the value in each line")
        };
        if !named {
            return Err(several(" and no header".into()));
        }
        let time = self.names.iter().position(is_time).unwrap_or(0);
        let of_kind = |name: &str| {
            guess(name).is_some_and(|found| (found == Quantity::Power) == self.is_power())
        };
        let values: Vec<usize> = (0..cells.len())
            .filter(|&at| at != time && of_kind(&self.names[at]))
            .collect();
        match values.as_slice() {
            [one] => Ok((time, *one)),
            found => Err(several(format!(
                ", {} of them of {}",
                found.len(),
                if self.is_power() { "power" } else { "energy" }
            ))),
        }
    }

    /// The unit of a value: the unit behind it, that of its name, the given unit, or watts.
    fn unit(&self, own: Option<Unit>, column: usize, line: &str) -> Result<Unit, Unavailable> {
        let named = || self.names.get(column).and_then(|name| Unit::in_name(name));
        let found = own.or_else(named);
        if let (None, None, Some(name)) = (self.given, found, self.names.get(column))
            && is_unclear(name)
        {
            return Err(Unavailable::new(format!(
                "the column `{name}` does not state that it is power in a known unit"
            ))
            .with_fix("--meter-unit UNIT, or print another column"));
        }
        let wrong = |found: Unit, expected: &str| {
            let what = match own {
                Some(_) => format!("the line `{line}`"),
                None => format!("the column `{}`", self.names[column]),
            };
            Unavailable::new(format!("{what} is in {}, not in {expected}", found.symbol))
                .with_fix(format!("--meter-unit {}", found.symbol))
        };
        match (self.given, found) {
            (Some(given), Some(found)) if given != found => Err(wrong(found, given.symbol)),
            (None, Some(found)) if !found.power => Err(wrong(found, "units of power")),
            (given, found) => Ok(found.or(given).unwrap_or(Unit::WATT)),
        }
    }

    fn check_device(&mut self, cells: &[String]) -> Result<(), Unavailable> {
        if self.names.len() != cells.len() {
            return Ok(());
        }
        let columns = self.names.iter().zip(cells);
        let (names, device): (Vec<&String>, Vec<String>) = columns
            .filter(|(name, _)| DEVICES.contains(&name.to_lowercase().as_str()))
            .map(|(name, cell)| (name, cell.clone()))
            .unzip();
        let seen = self.device.get_or_insert_with(|| device.clone());
        let mut pairs = names.into_iter().zip(seen.iter().zip(&device));
        match pairs.find(|(_, (seen, cell))| seen != cell) {
            None => Ok(()),
            Some((name, (seen, cell))) => Err(several_devices(&format!(
                " (column `{name}`: {seen}, {cell})"
            ))),
        }
    }
}

/// The lines are those of several devices.
pub(super) fn several_devices(how: &str) -> Unavailable {
    Unavailable::new(format!("the lines are those of several devices{how}")).with_fix(
        "print one device, as `nvidia-smi -i 0` does; add a --meter for each other device",
    )
}

/// The cells of a line: separated by semicolons, commas, tabs or, without any, by blanks. A date and a time of day are one
/// cell, as are a number and its unit.
fn cells(line: &str) -> Vec<String> {
    if let Some(separator) = [';', ',', '\t'].into_iter().find(|&c| line.contains(c)) {
        let own = |cell: &str| cell.trim().trim_matches('"').to_owned();
        return line.split(separator).map(own).collect();
    }
    let (line, error) = line.split_at(line.find('[').unwrap_or(line.len()));
    let words = line.split_whitespace().map(str::to_owned);
    let mut cells: Vec<String> = words
        .chain(Some(error.to_owned()).filter(|error| !error.is_empty()))
        .collect();
    let is_of_day = |cell: &String| TimeUnit::TimeOfDay.read(cell.as_bytes()).is_some();
    if cells.len() > 2 && is_of_day(&cells[1]) && date_time(cells[0].as_bytes()).is_some() {
        let of_day = cells.remove(1);
        cells[0] = format!("{} {of_day}", cells[0]);
    }
    if cells.len() > 2 && cells.last().is_some_and(|cell| Unit::parse(cell).is_some()) {
        let unit = cells.pop().unwrap_or_default();
        let last = cells.len() - 1;
        cells[last] = format!("{} {unit}", cells[last]);
    }
    cells
}

/// Whether a time has no more digits than those of seconds.
fn is_whole(cell: &str) -> bool {
    let seconds = cell.split_once(':').map_or(cell, |(_, after)| after);
    let finer = TimeUnit::of_unix(cell.as_bytes()).is_some_and(|unit| unit != TimeUnit::Seconds);
    !finer && !seconds.contains(['.', ','])
}

/// Seconds since 1970 of a number, by its digits seconds or a finer unit, or of a date; without a zone it is local. A time
/// of day is that of the day nearest to `now`.
fn unix(cell: &str, local: i64, now: f64) -> Option<f64> {
    let cell = cell.as_bytes();
    let unit = TimeUnit::of_unix(cell).unwrap_or(TimeUnit::Seconds);
    let nanos = if let Some(nanos) = unit.read(cell) {
        nanos
    } else if let Some((at, zoned)) = date_time(cell) {
        if zoned { at } else { at - local }
    } else {
        let of_day = TimeUnit::TimeOfDay.read(cell)? - local;
        let day = DAY as f64;
        of_day + ((now * 1e9 - of_day as f64) / day).round() as i64 * DAY
    };
    Some(nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-03 09:15:00.112 UTC.
    const NOW: f64 = 1_772_529_300.112;

    fn layout(given: Option<&str>) -> Layout {
        Layout {
            local: 3600 * SECOND,
            ..Layout::new(given.map(|unit| Unit::parse(unit).unwrap()), NOW)
        }
    }

    fn read(lines: &[&str], given: Option<&str>) -> Result<Line, Unavailable> {
        let mut layout = layout(given);
        let mut last = Ok(Line::Nothing);
        for line in lines {
            last = layout.read(line, NOW);
        }
        last
    }

    #[test]
    fn reads_the_lines_that_programs_print() {
        for (lines, given, value) in [
            (&["1772529300.112 120.5"][..], None, 120.5),
            (&["1772529300.112, 120.5"], Some("watts"), 120.5),
            (&["1772529300112;120.5"], None, 120.5),
            (&["1772529300112000\t120.5"], None, 120.5),
            (&["1772529300112000000 120.5 W"], Some("W"), 120.5),
            (&["2026-03-03T09:15:00.112+00:00 120.5"], None, 120.5),
            (&["2026-03-03 10:15:00.112 120500 mW"], None, 120.5),
            (&["2026/03/03 10:15:00.112, 120.50 W"], None, 120.5),
            (&["10:15:00.112 120.5"], None, 120.5),
            (
                &[
                    "timestamp, power.draw [W]",
                    "2026/03/03 10:15:00.112, 120.5",
                ],
                None,
                120.5,
            ),
            (
                &[
                    "timestamp, index, power.limit [W], power.draw [W]",
                    "2026/03/03 10:15:00.112, 0, 300.00 W, 120.50 W",
                ],
                None,
                120.5,
            ),
            (&["time,power_mw", "1772529300.112,120500"], None, 120.5),
            (&["1772529300.112 2"], Some("kWh"), 7.2e6),
            (&["watts time", "120.5 1772529300.112"], None, 120.5),
            (
                &[r#"{"power_mw": 120500, "timestamp": "2026-03-03T09:15:00.112Z"}"#],
                None,
                120.5,
            ),
            (
                &[
                    r#"{"timestamp": 1772529300.112, "gpu": {"index": 0, "power_w": 120.5}, "ok": true}"#,
                ],
                None,
                120.5,
            ),
            (
                &["time,energy_uj", "1772529300.112,5e6"],
                Some("microjoules"),
                5.0,
            ),
        ] {
            let unix = NOW;
            match read(lines, given) {
                Ok(Line::Reading {
                    unix: at,
                    within,
                    value: it,
                }) => {
                    assert_eq!(within, 0.0, "{lines:?}");
                    assert!((at - unix).abs() < 1e-6, "{lines:?}: {at}");
                    assert!((it / value - 1.0).abs() < 1e-12, "{lines:?}: {it}");
                }
                other => panic!("{lines:?}: {other:?}"),
            }
        }
        for line in [
            "1772529300 5",
            "2026-03-03T09:15:00Z 5",
            "10:15:00 5",
            "3.3.2026 10:15:00;5",
        ] {
            let whole = Line::Reading {
                unix: NOW.floor(),
                within: 1.0,
                value: 5.0,
            };
            assert_eq!(read(&[line], None), Ok(whole), "{line}");
        }
        // As AMD's documentation has it.
        let amd_smi = [
            "timestamp,gpu,total_energy_consumption",
            "1772529300,0,123.456",
        ];
        let counted = Line::Reading {
            unix: NOW.floor(),
            within: 1.0,
            value: 123.456,
        };
        assert_eq!(read(&amd_smi, Some("J")), Ok(counted));
        for lines in [
            &["2026/03/03 10:15:00.112, [N/A]"][..],
            &["1772529300.112 [Unknown Error]"],
            &["1772529300.112,"],
            &["1772529300.112 NaN"],
        ] {
            assert_eq!(read(lines, None), Ok(Line::NoReading), "{lines:?}");
        }
        let again = ["time watts", "1772529300.112 5", "time watts"];
        assert_eq!(read(&again, None), Ok(Line::Nothing));
    }

    #[test]
    fn rejects_lines_that_may_mean_something_else() {
        let boards = [
            "timestamp, index, power.draw [W]",
            "2026/03/03 10:15:00.112, 0, 59.85 W",
            "2026/03/03 10:15:00.113, 1, 14.00 W",
        ];
        for (lines, given, with) in [
            (
                &["1772529300,112;120,14"][..],
                None,
                "`1772529300,112;120,14` is not `time W`",
            ),
            (&["1772529300.112 12x"], None, "is not `time W`"),
            (
                &[r#"{"time": 1772529300.112, "watts""#],
                None,
                "is not a JSON object",
            ),
            (&["1772529300.112 -0.4"], None, "impossible"),
            (&["1772529300.112 429496420"], None, "impossible"),
            (
                &["1772529300.112,120.1,230.1"],
                None,
                "has 3 columns and no header",
            ),
            (&["1772529300.112 80 mW"], Some("W"), "is in mW, not in W"),
            (
                &["1772529300.112 80 J"],
                None,
                "is in J, not in units of power",
            ),
            (
                &["seconds,watts", "1772529300.112,80"],
                Some("J"),
                "`watts` is in W, not in J",
            ),
            (&boards, None, "several devices (column `index`: 0, 1)"),
            (
                &["1772529300.112 80", "NVML: Timeout"],
                None,
                "`NVML: Timeout` is not",
            ),
        ] {
            let reason = read(lines, given).unwrap_err().reason;
            assert!(reason.contains(with), "{lines:?}: {reason}");
        }
    }
}
