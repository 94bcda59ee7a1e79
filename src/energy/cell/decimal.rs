//! Numbers with points or commas. `185,123` is 185.123 in one country and 185123 in another.

/// What stands between the whole part of a number and its decimals; the other one groups thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal {
    /// `185.12`.
    Point,
    /// `185,12`.
    Comma,
}

/// What a number says of its table's decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    Of(Decimal),
    /// A single comma before three digits.
    Unclear,
}

impl Decimal {
    /// By a flag's value.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "." => Some(Self::Point),
            "," => Some(Self::Comma),
            _ => None,
        }
    }

    /// The number of these digits. `None` if it is none, or would be another one with the other sign.
    pub fn read(self, digits: &str) -> Option<f64> {
        match (self, digits.split_once(',')) {
            (Self::Point, None) => digits.parse().ok(),
            (Self::Point, Some(_)) => {
                let (whole, decimals) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
                is_grouped(whole, ',').then(|| (whole.replace(',', "") + decimals).parse().ok())?
            }
            (Self::Comma, None) if is_grouped(digits, '.') => None,
            (Self::Comma, None) => digits.parse().ok(),
            (Self::Comma, Some((whole, decimals))) => {
                let whole = match is_grouped(whole, '.') {
                    true => whole.replace('.', ""),
                    false => whole.to_owned(),
                };
                format!("{whole}.{decimals}").parse().ok()
            }
        }
    }
}

/// What the digits of a number say, if anything: `59,85` and `1.234,5` have a decimal comma, `59.85` and `1,234.5` a point.
pub fn evidence(digits: &str) -> Option<Evidence> {
    let comma = Decimal::Comma.read(digits);
    let point = Decimal::Point.read(digits);
    let signs = (digits.contains(','), digits.contains('.'));
    Some(match (comma, point, signs) {
        (Some(_), None, (true, _)) => Evidence::Of(Decimal::Comma),
        (None, Some(_), (true, _)) => Evidence::Of(Decimal::Point),
        // A number that begins with 0 has no thousands.
        (Some(_), Some(_), (true, false)) => match digits.trim_start_matches(['-', '+']) {
            unsigned if unsigned.starts_with('0') => Evidence::Of(Decimal::Comma),
            _ => Evidence::Unclear,
        },
        (_, Some(_), (false, true)) => Evidence::Of(Decimal::Point),
        _ => return None,
    })
}

/// Whether a whole number has its thousands grouped: one to three digits, then groups of three.
fn is_grouped(whole: &str, sign: char) -> bool {
    let mut groups = whole.trim_start_matches(['-', '+']).split(sign);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    let mut others = groups.peekable();
    others.peek().is_some()
        && (1..=3).contains(&first.len())
        && digits(first)
        && others.all(|group| group.len() == 3 && digits(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_points_and_commas() {
        for (digits, point, comma) in [
            ("59.85", Some(59.85), Some(59.85)),
            ("59,85", None, Some(59.85)),
            ("1,234.5", Some(1234.5), None),
            ("1.234,5", None, Some(1234.5)),
            ("185,123", Some(185_123.0), Some(185.123)),
            ("185.123", Some(185.123), None),
            ("1,234,567", Some(1_234_567.0), None),
            ("1234,567", None, Some(1234.567)),
            ("1e3", Some(1000.0), Some(1000.0)),
            ("1,2,3", None, None),
            (",5", None, Some(0.5)),
            ("", None, None),
        ] {
            assert_eq!(Decimal::Point.read(digits), point, "{digits}");
            assert_eq!(Decimal::Comma.read(digits), comma, "{digits}");
        }
    }

    #[test]
    fn tells_what_a_number_shows() {
        for (digits, shown) in [
            ("59,85", Some(Evidence::Of(Decimal::Comma))),
            ("0,123", Some(Evidence::Of(Decimal::Comma))),
            ("1.234,5", Some(Evidence::Of(Decimal::Comma))),
            ("59.85", Some(Evidence::Of(Decimal::Point))),
            ("1,234,567", Some(Evidence::Of(Decimal::Point))),
            ("185,123", Some(Evidence::Unclear)),
            ("185", None),
            ("1.2.3", None),
        ] {
            assert_eq!(evidence(digits), shown, "{digits}");
        }
    }
}
