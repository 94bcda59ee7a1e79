//! Units and digits of columns and axes.

use crate::study::analysis::{CostKind, CostReport};

/// The unit of a column or an axis, the same for all its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DisplayUnit {
    /// Its size in the cost's own unit.
    pub per: f64,
    pub symbol: &'static str,
}

impl DisplayUnit {
    /// A unit in which values up to `most` have few digits before the decimal point.
    pub fn of(kind: &CostKind, most: f64) -> Self {
        let units: &[(f64, &'static str)] = match kind {
            CostKind::Energy { .. } => &[
                (1e6, "MJ"),
                (1e3, "kJ"),
                (1.0, "J"),
                (1e-3, "mJ"),
                (1e-6, "uJ"),
            ],
            CostKind::Seconds => &[(10_800.0, "h"), (300.0, "min"), (1.0, "s")],
            CostKind::Samples => &[(1e6, "M samples"), (1e3, "k samples"), (1.0, "samples")],
            CostKind::Flops => &[
                (1e15, "PFLOP"),
                (1e12, "TFLOP"),
                (1e9, "GFLOP"),
                (1e6, "MFLOP"),
                (1.0, "FLOP"),
            ],
            CostKind::Bytes => &[
                (1e15, "PB"),
                (1e12, "TB"),
                (1e9, "GB"),
                (1e6, "MB"),
                (1.0, "B"),
            ],
        };
        let last = units[units.len() - 1];
        // Up to 300 seconds and 180 minutes the smaller unit still has few digits.
        let (from, symbol) = units
            .iter()
            .copied()
            .find(|(from, _)| most >= *from)
            .unwrap_or(last);
        let per = match symbol {
            "h" => 3600.0,
            "min" => 60.0,
            _ => from,
        };
        Self { per, symbol }
    }

    /// The unit for all expected costs, or without any, for all that was spent.
    pub fn for_cost(cost: &CostReport) -> Self {
        let spent = cost.cells.iter().flat_map(|cell| &cell.trials);
        let most = cost
            .cells
            .iter()
            .filter_map(|cell| cell.expected)
            .reduce(f64::max)
            .or_else(|| spent.map(|point| point.spent).reduce(f64::max));
        Self::of(&cost.kind, most.unwrap_or(1.0))
    }

    /// `value` in this unit, with three digits.
    pub fn show(&self, value: f64) -> String {
        digits(value / self.per)
    }

    /// An interval in this unit, without its symbol: `15.0 to 42.6`.
    pub fn interval(&self, low: f64, high: f64) -> String {
        format!("{} to {}", self.show(low), self.show(high))
    }

    /// The same with the unit's symbol.
    pub fn amount(&self, value: f64) -> String {
        format!("{} {}", self.show(value), self.symbol)
    }
}

/// Three digits: `0.0123`, `1.23`, `12.3`, `123`, `12345`.
pub(super) fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0" } else { "-" }.into();
    }
    let places = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.0, 0.01234, 1.0, 12.34, 123.4, 12_345.0, f64::NAN];
        assert_eq!(
            shown.map(digits),
            ["0", "0.0123", "1.00", "12.3", "123", "12345", "-"]
        );
    }

    #[test]
    fn picks_the_unit_by_the_largest_value() {
        let unit = |kind: &CostKind, most| DisplayUnit::of(kind, most).symbol;
        assert_eq!(unit(&CostKind::Seconds, 299.0), "s");
        assert_eq!(unit(&CostKind::Seconds, 301.0), "min");
        assert_eq!(
            DisplayUnit::of(&CostKind::Seconds, 600.0).amount(90.0),
            "1.50 min"
        );
        assert_eq!(unit(&CostKind::Samples, 60_000.0), "k samples");
        assert_eq!(unit(&CostKind::Flops, 3.8e11), "GFLOP");
        assert_eq!(unit(&CostKind::Bytes, 0.0), "B");
    }
}
