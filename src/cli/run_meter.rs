//! The options of a meter that measures training runs.

use super::global::Global;
use crate::energy::{MeterError, MeterOptions};

#[derive(Debug, clap::Args)]
pub struct RunMeter {
    /// Also report CPU time times W watts per core, marked as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    assume_watts_per_core: Option<f64>,

    /// Shortest window after a run that gives the joules of a step [default: 5]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    meter_seconds: Option<f64>,
}

impl RunMeter {
    /// The options of the meter, checked.
    pub fn options(&self, global: &Global) -> Result<MeterOptions, MeterError> {
        let options = MeterOptions {
            shortest_window: self.meter_seconds,
            ..global.meter_options(self.assume_watts_per_core)?
        };
        options.check()?;
        Ok(options)
    }
}
