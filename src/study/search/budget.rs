//! The budget of a search: an amount and its unit, which is also the cost that the search minimizes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::train::PauseAt;
use crate::units::{joules, seconds, si};

/// What a search spends and minimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Joules of the first source that measures.
    Joules,
    /// Seconds of training and evaluation.
    Seconds,
    /// Training samples.
    Samples,
    /// Floating-point operations of training.
    Flops,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Joules => "energy",
            Self::Seconds => "time",
            Self::Samples => "training samples",
            Self::Flops => "training FLOPs",
        }
    }

    /// `amount` with its unit, in a few digits.
    pub fn show(self, amount: f64) -> String {
        match self {
            Self::Joules => joules(amount),
            Self::Seconds => seconds(amount),
            Self::Samples => format!("{}samples", si(amount)),
            Self::Flops => format!("{}FLOP", si(amount)),
        }
    }

    /// Where a run pauses that may spend `amount`.
    pub fn pause(self, amount: f64) -> PauseAt {
        match self {
            Self::Joules => PauseAt::Joules(amount),
            Self::Seconds => PauseAt::Seconds(amount),
            Self::Samples => PauseAt::Samples(amount),
            Self::Flops => PauseAt::Flops(amount),
        }
    }
}

/// The suffixes of a budget.
const SUFFIXES: [(&str, Unit, f64); 18] = [
    ("J", Unit::Joules, 1.0),
    ("kJ", Unit::Joules, 1e3),
    ("MJ", Unit::Joules, 1e6),
    ("Wh", Unit::Joules, 3.6e3),
    ("kWh", Unit::Joules, 3.6e6),
    ("s", Unit::Seconds, 1.0),
    ("min", Unit::Seconds, 60.0),
    ("h", Unit::Seconds, 3600.0),
    ("samples", Unit::Samples, 1.0),
    ("ksamples", Unit::Samples, 1e3),
    ("Msamples", Unit::Samples, 1e6),
    ("Gsamples", Unit::Samples, 1e9),
    ("FLOP", Unit::Flops, 1.0),
    ("MFLOP", Unit::Flops, 1e6),
    ("GFLOP", Unit::Flops, 1e9),
    ("TFLOP", Unit::Flops, 1e12),
    ("PFLOP", Unit::Flops, 1e15),
    ("EFLOP", Unit::Flops, 1e18),
];

/// The most that a search may spend: `5kJ`, `20min`, `2e6samples`, `3TFLOP`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SearchBudget {
    pub unit: Unit,
    pub amount: f64,
}

impl FromStr for SearchBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "give an amount above 0 with its unit, such as 5kJ, 20min, 2e6samples or 3TFLOP, not {text:?}"
            )
        };
        let text = text.trim();
        let parse = |(suffix, unit, factor): &(&str, Unit, f64)| {
            let number: f64 = text.strip_suffix(suffix)?.trim().parse().ok()?;
            let amount = number * factor;
            (amount.is_finite() && amount > 0.0).then_some(Self {
                unit: *unit,
                amount,
            })
        };
        SUFFIXES.iter().find_map(parse).ok_or_else(wrong)
    }
}

impl fmt::Display for SearchBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.unit.show(self.amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_amounts_with_units() {
        let read = |text: &str| text.parse::<SearchBudget>();
        for (text, unit, amount) in [
            ("5kJ", Unit::Joules, 5e3),
            ("0.5 kWh", Unit::Joules, 1.8e6),
            ("90s", Unit::Seconds, 90.0),
            ("20min", Unit::Seconds, 1200.0),
            ("2e6samples", Unit::Samples, 2e6),
            ("2Msamples", Unit::Samples, 2e6),
            ("3TFLOP", Unit::Flops, 3e12),
        ] {
            assert_eq!(read(text), Ok(SearchBudget { unit, amount }), "{text}");
        }
        for wrong in ["", "5", "kJ", "-1s", "0J", "infs", "NaNJ", "5 years"] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains("such as 5kJ"), "{wrong}: {error}");
        }
    }
}
