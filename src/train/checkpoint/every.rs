use std::fmt;
use std::str::FromStr;

use super::CheckpointError;
use crate::train::evaluation_schedule::EvaluationSchedule;

/// How often checkpoints are written: `5min`, `90s`, `2h`, `1epoch`, `0.5epochs`, `500steps`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CheckpointEvery {
    /// After this many seconds since the last one.
    Seconds(f64),
    /// After multiples of this many epochs; may be a fraction.
    Epochs(f64),
    /// After multiples of this many steps.
    Steps(u64),
}

impl Default for CheckpointEvery {
    fn default() -> Self {
        Self::Seconds(300.0)
    }
}

impl CheckpointEvery {
    /// The steps after which checkpoints are written; `None` where time decides.
    pub(super) fn steps(self, steps_per_epoch: u32) -> Option<EvaluationSchedule> {
        match self {
            Self::Seconds(_) => None,
            Self::Epochs(epochs) => {
                Some(EvaluationSchedule::new(u64::MAX, steps_per_epoch, epochs))
            }
            Self::Steps(steps) => Some(EvaluationSchedule::every_samples(u64::MAX, 1, steps)),
        }
    }
}

impl FromStr for CheckpointEvery {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let wrong = || CheckpointError::Every {
            given: text.to_owned(),
        };
        let given = text.trim();
        let letters = given.find(|c: char| c.is_ascii_alphabetic() && c != 'e');
        // `1epoch` and `1e3s`: an `e` belongs to the number where digits follow it.
        let epoch = given.find("epoch");
        let at = epoch.or(letters).ok_or_else(wrong)?;
        let (number, unit) = (given[..at].trim(), &given[at..]);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        if !(number.is_finite() && number > 0.0) {
            return Err(wrong());
        }
        match unit {
            "s" | "sec" | "second" | "seconds" => Ok(Self::Seconds(number)),
            "m" | "min" | "minute" | "minutes" => Ok(Self::Seconds(60.0 * number)),
            "h" | "hour" | "hours" => Ok(Self::Seconds(3600.0 * number)),
            "epoch" | "epochs" => Ok(Self::Epochs(number)),
            "step" | "steps" if number.fract() == 0.0 && number < 1e15 => {
                Ok(Self::Steps(number as u64))
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for CheckpointEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) if seconds % 60.0 == 0.0 => write!(f, "{}min", seconds / 60.0),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
            Self::Epochs(epochs) => write!(f, "{epochs}epochs"),
            Self::Steps(steps) => write!(f, "{steps}steps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_epochs_and_steps() {
        let read = |text: &str| text.parse::<CheckpointEvery>();
        for (text, expected) in [
            ("5min", CheckpointEvery::Seconds(300.0)),
            ("90 s", CheckpointEvery::Seconds(90.0)),
            ("0.5h", CheckpointEvery::Seconds(1800.0)),
            ("1epoch", CheckpointEvery::Epochs(1.0)),
            ("0.25 epochs", CheckpointEvery::Epochs(0.25)),
            ("500steps", CheckpointEvery::Steps(500)),
            ("1e3steps", CheckpointEvery::Steps(1000)),
        ] {
            let found = read(text).unwrap();
            assert_eq!(found, expected, "{text}");
            assert_eq!(read(&found.to_string()).unwrap(), expected, "{found}");
        }
        for wrong in [
            "", "5", "min", "0s", "-1epoch", "1.5steps", "5 years", "NaNs",
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("such as 5min"), "{wrong}: {error}");
        }
    }

    #[test]
    fn checkpoints_follow_multiples() {
        let next = |every: CheckpointEvery, done| every.steps(10).and_then(|s| s.next_after(done));
        assert_eq!(next(CheckpointEvery::Steps(7), 0), Some(7));
        assert_eq!(next(CheckpointEvery::Steps(7), 7), Some(14));
        assert_eq!(next(CheckpointEvery::Epochs(0.5), 12), Some(15));
        assert_eq!(next(CheckpointEvery::default(), 12), None);
    }
}
