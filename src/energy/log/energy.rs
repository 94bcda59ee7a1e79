//! What a log shows: the energy of a window.

use crate::energy::cell::unit::Quantity;
use crate::energy::estimate::{Estimate, accuracy};
use crate::energy::figure::Interval;

/// The energy of a log's window.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogEnergy {
    /// What was taken for what, in one line.
    pub read_as: String,
    /// The column's name.
    pub column: String,
    /// What the column holds.
    pub quantity: Quantity,
    /// Joules of the window.
    pub joules: f64,
    /// 95 % confidence interval: what the rows leave open.
    pub ci: (f64, f64),
    /// Where the window begins, as the log writes times.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Its length.
    pub seconds: f64,
    /// Readings in the window.
    pub samples: u64,
    /// Seconds between two readings, the median.
    pub interval_seconds: f64,
    /// What a reader of the figure must know: holes, rows without a reading, clocks.
    pub notes: Vec<String>,
}

impl LogEnergy {
    /// As the estimate of a window, with the accuracy of a sensor that nobody calibrated.
    pub(crate) fn estimate(&self) -> Estimate {
        let ci = Interval {
            low: self.ci.0,
            high: self.ci.1,
        };
        Estimate {
            joules: self.joules,
            accuracy: accuracy(ci, self.seconds),
            ci,
            from: 0.0,
            to: self.seconds,
            updates: self.samples,
        }
    }
}
