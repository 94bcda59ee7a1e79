//! Numbers as a person reads them.

/// A count with a decimal prefix and three digits or more: `1.54 G`, `812 `, `15.0 k`. The unit is put behind it.
pub fn si(value: f64) -> String {
    const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let mut scaled = value;
    let mut place = 0;
    // 999.5 would be shown as 1000.
    while scaled.abs() >= 999.5 && place + 1 < PREFIXES.len() {
        scaled /= 1000.0;
        place += 1;
    }
    let digits = match scaled.abs() {
        _ if place == 0 && scaled.fract() == 0.0 => 0,
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.digits$} {}", PREFIXES[place])
}

/// Bytes in binary units: `2.04 MiB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value as f64;
    let mut place = 0;
    while scaled >= 1024.0 && place + 1 < UNITS.len() {
        scaled /= 1024.0;
        place += 1;
    }
    match place {
        0 => format!("{value} B"),
        _ => format!("{scaled:.2} {}", UNITS[place]),
    }
}

/// A whole number with commas between thousands: `535,818`.
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds: `0.482 s`, `31.2 s`, `4 min 07 s`, `2 h 05 min`.
pub fn seconds(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".into();
    }
    let whole = value.round().max(0.0) as u64;
    match value {
        value if value < 9.995 => format!("{value:.3} s"),
        value if value < 119.5 => format!("{value:.1} s"),
        _ if whole < 7200 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A share as per cent: `86.42 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A target accuracy without trailing zeros: `88 %`, `87.5 %`.
pub fn target_percent(share: f64) -> String {
    format!("{} %", (1e4 * share).round() / 100.0)
}

/// Joules: `812.4 J`, `1.52 kJ`, `3.10 mJ`.
pub fn joules(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size >= 999.5 => format!("{}J", si(value)),
        size if size >= 0.9995 => format!("{value:.4} J"),
        size if size >= 0.9995e-3 => format!("{:.4} mJ", value * 1e3),
        _ => format!("{:.4} uJ", value * 1e6),
    }
}

/// Joules with half of their interval, to the same digit, of which two count: `812.4 +- 5.2 J`, `1523 +- 12 J`.
pub fn joules_within(value: f64, half: f64) -> String {
    const UNITS: [(f64, &str); 5] = [
        (1e9, "GJ"),
        (1e6, "MJ"),
        (1e3, "kJ"),
        (1.0, "J"),
        (1e-3, "mJ"),
    ];
    if !(half.is_finite() && half > 0.0 && value.is_finite()) {
        return joules(value);
    }
    let size = value.abs().max(half);
    // Four digits before the point are read more easily than one and a prefix.
    let (unit, symbol) = UNITS
        .into_iter()
        .find(|(unit, symbol)| size >= unit * if *symbol == "kJ" { 10.0 } else { 1.0 })
        .unwrap_or((1e-6, "uJ"));
    let (value, half) = (value / unit, half / unit);
    let digits = (1.0 - half.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$} +- {half:.digits$} {symbol}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_three_digits_and_a_prefix() {
        let shown = [0.0, 7.0, 999.0, 999.6, 1000.0, 15_000.0, 1.54e9, 3e21];
        assert_eq!(
            shown.map(si),
            [
                "0 ", "7 ", "999 ", "1.00 k", "1.00 k", "15.0 k", "1.54 G", "3000 E"
            ]
        );
        assert_eq!(si(2.5), "2.50 ");
    }

    #[test]
    fn joules_have_no_digit_that_their_interval_leaves_open() {
        let shown = [
            (812.44, 5.23),
            (1523.4, 12.3),
            (25_340.0, 410.0),
            (0.0312, 0.0021),
            (3.0, 0.0),
            (5.0, 120.0),
        ];
        assert_eq!(
            shown.map(|(value, half)| joules_within(value, half)),
            [
                "812.4 +- 5.2 J",
                "1523 +- 12 J",
                "25.34 +- 0.41 kJ",
                "31.2 +- 2.1 mJ",
                "3.0000 J",
                "5 +- 120 J"
            ]
        );
    }

    #[test]
    fn bytes_are_binary() {
        assert_eq!(
            [0, 1023, 1024, 2_143_272].map(bytes),
            ["0 B", "1023 B", "1.00 KiB", "2.04 MiB"]
        );
    }

    #[test]
    fn thousands_are_parted() {
        assert_eq!(
            [0, 999, 1000, 535_818, 1_234_567].map(thousands),
            ["0", "999", "1,000", "535,818", "1,234,567"]
        );
    }

    #[test]
    fn long_times_are_told_in_minutes_and_hours() {
        assert_eq!(
            [0.4821, 31.24, 247.0, 7500.0, f64::NAN].map(seconds),
            ["0.482 s", "31.2 s", "4 min 07 s", "2 h 05 min", "unknown"]
        );
    }
}
