//! Times: numbers in some unit, or dates, as exact nanoseconds.

use jiff::civil::{Date, DateTime, Time};

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
    /// A date and a time of day.
    Iso,
    /// A time of day alone; it starts anew at midnight.
    TimeOfDay,
}

pub const SECOND: i64 = 1_000_000_000;
/// No time of a log is farther from its zero than this, in nanoseconds.
const FARTHEST: u64 = 4_000_000_000_000_000_000;
pub const DAY: i64 = 86_400 * SECOND;

impl TimeUnit {
    /// By the name of a flag's value.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "s" => Self::Seconds,
            "min" => Self::Minutes,
            "h" => Self::Hours,
            "ms" => Self::Millis,
            "us" => Self::Micros,
            "ns" => Self::Nanos,
            "iso" => Self::Iso,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
            Self::Iso => "date and time",
            Self::TimeOfDay => "time of day",
        }
    }

    /// Nanoseconds of one; 0 of dates.
    fn nanos(self) -> i64 {
        match self {
            Self::Seconds => SECOND,
            Self::Minutes => 60 * SECOND,
            Self::Hours => 3600 * SECOND,
            Self::Millis => 1_000_000,
            Self::Micros => 1000,
            Self::Nanos => 1,
            Self::Iso | Self::TimeOfDay => 0,
        }
    }

    /// The unit that a column's name contains: `timestamp_ms`, `Time [us]`, `elapsed (sec)`.
    pub(crate) fn in_name(name: &str) -> Option<Self> {
        let words = name.split(|c: char| !c.is_alphanumeric()).rev();
        words.into_iter().find_map(|word| {
            Some(match word.to_lowercase().as_str() {
                "s" | "sec" | "secs" | "second" | "seconds" => Self::Seconds,
                "min" | "mins" | "minute" | "minutes" => Self::Minutes,
                "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hours,
                "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => Self::Millis,
                "us" | "usec" | "micros" | "microsecond" | "microseconds" => Self::Micros,
                "ns" | "nsec" | "nanos" | "nanosecond" | "nanoseconds" => Self::Nanos,
                _ => return None,
            })
        })
    }

    /// The unit of a Unix time, by its size: seconds have 10 digits, milliseconds 13, microseconds 16, nanoseconds 19.
    /// `None` where it is no Unix time between 2001 and 2128.
    pub(crate) fn of_unix(cell: &[u8]) -> Option<Self> {
        let digits = cell.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = &cell[digits..];
        if !(rest.is_empty() || matches!(rest[0], b'.' | b',')) || cell.first() == Some(&b'0') {
            return None;
        }
        Some(match digits {
            10 => Self::Seconds,
            13 => Self::Millis,
            16 => Self::Micros,
            19 => Self::Nanos,
            _ => return None,
        })
    }

    /// Nanoseconds of the time in a cell, within some 127 years of 1970, so that differences do not overflow.
    pub(crate) fn read(self, cell: &[u8]) -> Option<i64> {
        let nanos = match self {
            Self::Iso => date_time(cell).map(|(at, _)| at),
            Self::TimeOfDay => time_of_day(cell),
            unit => decimal(cell, unit.nanos()),
        };
        nanos.filter(|nanos| nanos.unsigned_abs() < FARTHEST)
    }
}

/// A decimal number times `unit`, exactly, rounded down to whole nanoseconds; exponents by way of a float.
fn decimal(cell: &[u8], unit: i64) -> Option<i64> {
    let (negative, body) = match cell.first()? {
        b'-' => (true, &cell[1..]),
        b'+' => (false, &cell[1..]),
        _ => (false, cell),
    };
    let mut whole: i64 = 0;
    let mut at = 0;
    while let Some(digit) = body.get(at).filter(|byte| byte.is_ascii_digit()) {
        whole = whole
            .checked_mul(10)?
            .checked_add(i64::from(digit - b'0'))?;
        at += 1;
    }
    let mut value = whole.checked_mul(unit)?;
    let mut digits = at;
    if body.get(at).is_some_and(|byte| matches!(byte, b'.' | b',')) {
        at += 1;
        let mut place = unit;
        while let Some(digit) = body.get(at).filter(|byte| byte.is_ascii_digit()) {
            place /= 10;
            value = value.checked_add(i64::from(digit - b'0') * place)?;
            at += 1;
            digits += 1;
        }
    }
    if digits == 0 {
        return None;
    }
    if at < body.len() {
        if !matches!(body[at], b'e' | b'E') {
            return None;
        }
        let number: f64 = std::str::from_utf8(body).ok()?.parse().ok()?;
        let nanos = number * unit as f64;
        (nanos.abs() < i64::MAX as f64).then_some(())?;
        value = nanos as i64;
    }
    Some(if negative { -value } else { value })
}

/// `2026-03-03T09:15:00.112+02:00`, `2026/03/03 09:15:00.112`, `03-03-2026 09:15:00`, `3.3.2026 9:15:00`, and whether it
/// has a zone; a time without a zone counts as UTC.
pub(crate) fn date_time(cell: &[u8]) -> Option<(i64, bool)> {
    let (text, half) = half_day(std::str::from_utf8(cell).ok()?.trim());
    let split = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, rest) = text.split_at(split);
    let date = read_date(date)?;
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    // A zone begins after the time of day: Z, +02:00, +0200, or an abbreviation for UTC.
    let zone = rest
        .find(['Z', 'z', '+', '-', ' ', 'U', 'G'])
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let nanos = if clock.is_empty() {
        0
    } else {
        half.shift(clock_time(clock.as_bytes())?)?
    };
    let offset = read_zone(zone.trim())?;
    let midnight = DateTime::from_parts(date, Time::midnight());
    let days = i64::from(
        midnight
            .date()
            .since(Date::constant(1970, 1, 1))
            .ok()?
            .get_days(),
    );
    let at = days
        .checked_mul(DAY)?
        .checked_add(nanos)?
        .checked_sub(offset)?;
    Some((at, !zone.is_empty()))
}

/// The first two numbers of a date such as `03/04/2026`, in which a month and a day may be either.
pub(crate) fn month_or_day(cell: &[u8]) -> Option<(u8, u8)> {
    let text = std::str::from_utf8(cell).ok()?;
    let date = text.trim().split(['T', ' ']).next()?;
    let mut parts = date.split(['-', '/']);
    let mut part = || parts.next()?.parse::<u8>().ok();
    Some((part()?, part()?))
}

fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.split(['-', '/', '.']);
    let mut part = || parts.next()?.parse::<i16>().ok();
    let (a, b, c) = (part()?, part()?, part()?);
    if parts.next().is_some() {
        return None;
    }
    let small = |value: i16| i8::try_from(value).ok();
    if text.find(['-', '/', '.'])? >= 3 {
        return Date::new(a, small(b)?, small(c)?).ok();
    }
    // The day is last: with dots it comes first (3.4.2026), otherwise the month does (MLPerf's power daemon).
    let year = if c < 100 { c + 2000 } else { c };
    let (month, day) = if text.contains('.') { (b, a) } else { (a, b) };
    let (month, day) = (small(month)?, small(day)?);
    Date::new(year, month, day)
        .or_else(|_| Date::new(year, day, month))
        .ok()
}

fn read_zone(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) if matches!(zone, "Z" | "z" | "UTC" | "GMT") => return Some(0),
        Some(_) => return None,
    };
    let digits: String = zone[1..].chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i64>().ok()?, 0),
        4 => (
            digits[..2].parse::<i64>().ok()?,
            digits[2..].parse::<i64>().ok()?,
        ),
        _ => return None,
    };
    Some(sign * (hours * 3600 + minutes * 60) * SECOND)
}

/// Which half of a day of twelve hours a time says.
#[derive(Clone, Copy)]
enum HalfDay {
    Unsaid,
    Am,
    Pm,
}

impl HalfDay {
    fn shift(self, nanos: i64) -> Option<i64> {
        let noon = 12 * 3600 * SECOND;
        if matches!(self, Self::Unsaid) {
            return Some(nanos);
        }
        // The twelfth hour is the first one: 12:30 AM is 0:30.
        let within = (SECOND * 3600..noon + 3600 * SECOND)
            .contains(&nanos)
            .then_some(nanos % noon)?;
        Some(if matches!(self, Self::Pm) {
            within + noon
        } else {
            within
        })
    }
}

/// The text before `AM` or `PM`.
fn half_day(text: &str) -> (&str, HalfDay) {
    let Some((rest, word)) = text
        .len()
        .checked_sub(2)
        .and_then(|end| text.split_at_checked(end))
    else {
        return (text, HalfDay::Unsaid);
    };
    let half = match word {
        "AM" | "am" => HalfDay::Am,
        "PM" | "pm" => HalfDay::Pm,
        _ => return (text, HalfDay::Unsaid),
    };
    (rest.trim_end(), half)
}

/// `09:15:00.112`, `9:15` or `9:15 PM`, with a comma for the point too.
fn time_of_day(cell: &[u8]) -> Option<i64> {
    let (clock, half) = half_day(std::str::from_utf8(cell).ok()?.trim());
    half.shift(clock_time(clock.as_bytes())?)
}

fn clock_time(cell: &[u8]) -> Option<i64> {
    let mut parts = cell.split(|&byte| byte == b':');
    let hours = decimal(parts.next()?, 1).filter(|hours| (0..24).contains(hours))?;
    let minutes = decimal(parts.next()?, 1).filter(|minutes| (0..60).contains(minutes))?;
    let seconds = match parts.next() {
        Some(seconds) => decimal(seconds, SECOND)?,
        None => 0,
    };
    // HWiNFO and others write a fourth part of milliseconds.
    let millis = match parts.next() {
        Some(millis) => decimal(millis, 1_000_000)?,
        None => 0,
    };
    if parts.next().is_some() || !(0..61 * SECOND).contains(&seconds) {
        return None;
    }
    Some((hours * 3600 + minutes * 60) * SECOND + seconds + millis)
}

/// Seconds with as many digits as they need, for a sentence.
pub fn seconds(nanos: i64) -> String {
    let text = format!("{:.3}", nanos as f64 / SECOND as f64);
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    format!("{trimmed} s")
}

/// A time as the log writes it: a date, or seconds.
pub fn written(nanos: i64, unit: TimeUnit) -> String {
    if unit != TimeUnit::Iso {
        return seconds(nanos);
    }
    match jiff::Timestamp::from_nanosecond(i128::from(nanos / 1_000_000) * 1_000_000) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::UTC).datetime().to_string(),
        Err(_) => seconds(nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_exactly() {
        assert_eq!(
            TimeUnit::Seconds.read(b"1772529300.112"),
            Some(1_772_529_300_112_000_000)
        );
        assert_eq!(
            TimeUnit::Millis.read(b"1772529300112"),
            Some(1_772_529_300_112_000_000)
        );
        assert_eq!(
            TimeUnit::Nanos.read(b"1772529300112000783"),
            Some(1_772_529_300_112_000_783)
        );
        assert_eq!(TimeUnit::Seconds.read(b"0,25"), Some(250_000_000));
        assert_eq!(TimeUnit::Seconds.read(b"1e-3"), Some(1_000_000));
        assert_eq!(TimeUnit::Seconds.read(b"-0.5"), Some(-500_000_000));
        for bad in [
            &b""[..],
            b".",
            b"1.2.3",
            b"12a",
            b"99999999999999999999",
            b"inf",
        ] {
            assert_eq!(TimeUnit::Seconds.read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_dates() {
        let at = TimeUnit::Iso.read(b"2026-03-03T09:15:00.112Z").unwrap();
        assert_eq!(at, 1_772_529_300_112_000_000);
        for same in [
            "2026-03-03 09:15:00.112",
            "2026/03/03 09:15:00.112",
            "2026-03-03T11:15:00.112+02:00",
            "2026-03-03T11:15:00.112+0200",
            "03-03-2026 09:15:00.112",
            "3.3.2026 9:15:00,112",
            "2026-03-03 09:15:00.112 UTC",
            "3.3.2026 9:15:0:112",
            "03/03/2026 09:15:00.112 AM",
        ] {
            assert_eq!(TimeUnit::Iso.read(same.as_bytes()), Some(at), "{same}");
        }
        for bad in [
            "2026-13-03 09:15:00",
            "yesterday",
            "2026-03-03 25:00:00",
            "2026-03-03 09:15:00 CEST",
            "2026-03-03 13:15:00 PM",
            "2026-03-03 0:15:00 AM",
        ] {
            assert_eq!(TimeUnit::Iso.read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn reads_days_of_two_halves() {
        for (text, hour) in [
            ("12:30 AM", 0),
            ("1:30 am", 1),
            ("12:30 PM", 12),
            ("11:30PM", 23),
        ] {
            let at = (hour * 3600 + 1800) * SECOND;
            assert_eq!(
                TimeUnit::TimeOfDay.read(text.as_bytes()),
                Some(at),
                "{text}"
            );
        }
    }

    #[test]
    fn recognizes_units() {
        assert_eq!(TimeUnit::of_unix(b"1772529300112"), Some(TimeUnit::Millis));
        assert_eq!(
            TimeUnit::of_unix(b"1772529300.112"),
            Some(TimeUnit::Seconds)
        );
        assert_eq!(TimeUnit::of_unix(b"12.5"), None);
        assert_eq!(TimeUnit::in_name("timestamp_ms"), Some(TimeUnit::Millis));
        assert_eq!(
            TimeUnit::in_name("Elapsed Time (sec)"),
            Some(TimeUnit::Seconds)
        );
        assert_eq!(TimeUnit::in_name("Time"), None);
    }
}
