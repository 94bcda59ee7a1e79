//! What is known of an instrument's behaviour when a window is settled.

use serde::{Deserialize, Serialize};

use super::figure::{Grade, Interval};
use super::sensor::{Quantity, SensorSpec};

/// How an instrument follows what it meters: learnt by `calibrate`, or, without it, as wide as instruments are known to
/// be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorModel {
    /// Seconds between two new values; `None` until they were watched.
    pub update_interval: Option<f64>,
    /// Seconds from what happens to its being shown.
    pub delay: f64,
    /// How far `delay` can be off, either way (95 %).
    pub delay_error: f64,
    /// Seconds, after the delay, until a change of power is shown in full, the tail of a lag included.
    pub settling_time: f64,
    /// The share of the time in which a sensor samples; `None` where that is not known.
    pub coverage: Option<f64>,
    /// Share of the energy that the instrument was seen not to be linear in time (95 %); 0 where nothing was seen.
    pub nonlinearity: f64,
    /// Its grade; `None` where it was not calibrated.
    pub grade: Option<Grade>,
    /// What it shows of the device at rest; `None` where that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdlePower>,
}

/// Watts of a device at rest, as they were when its instrument was calibrated: 95 % intervals, repeatability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdlePower {
    /// Without so much as a context on it.
    pub cold: Interval,
    /// With a context and its buffers open.
    pub context: Interval,
    /// While empty dispatches follow one another.
    pub empty: Interval,
}

/// So many times what a sensor averages over, a change is shown in full even where it comes by a lag and no mean.
pub(crate) const SETTLED: f64 = 2.5;
/// Cards publish a value up to this long after they sampled it.
const LATEST_PUBLICATION: f64 = 0.06;
/// Counters that tick faster than this are read from the chip itself, not published by firmware.
const CHIP_TICK: f64 = 0.005;
/// And what they show may be so many of their ticks old.
const CHIP_TICKS: f64 = 2.0;
/// Power sensors of unknown averaging may average over a second, as most boards of one vendor do.
const UNKNOWN_AVERAGING: f64 = 1.0;

impl SensorModel {
    /// What can be said of an instrument that nobody calibrated.
    pub fn uncalibrated(spec: &SensorSpec) -> Self {
        let published = if spec.expected_update_interval > CHIP_TICK {
            LATEST_PUBLICATION
        } else {
            CHIP_TICKS * spec.expected_update_interval
        };
        let (mut delay, mut delay_error) = (published / 2.0, published / 2.0);
        let (mut settle, mut coverage) = (0.0, Some(1.0));
        match spec.quantity {
            Quantity::Energy { .. } => {}
            // A mean over more than a tick is, on the whole, the power of its middle.
            Quantity::Power {
                averaging: Some(over),
            } => {
                delay += (over - spec.expected_update_interval).max(0.0) / 2.0;
                settle = over;
                coverage = None;
            }
            Quantity::Power { averaging: None } => {
                delay += UNKNOWN_AVERAGING / 4.0;
                delay_error += UNKNOWN_AVERAGING / 4.0;
                settle = UNKNOWN_AVERAGING;
                coverage = None;
            }
        }
        Self {
            update_interval: None,
            delay,
            delay_error,
            settling_time: settle,
            coverage,
            nonlinearity: 0.0,
            grade: None,
            idle: None,
        }
    }

    /// So long after a load has begun, all that is shown is of the load.
    pub(crate) fn roll(&self) -> f64 {
        self.delay + self.delay_error + self.settling_time
    }

    /// For how long before and after a window power has to be taken for that of the roll: the roll is no shorter.
    pub(crate) fn reach(&self) -> f64 {
        self.delay_error + self.settling_time
    }

    /// Of an instrument that could not be opened.
    pub(crate) fn unopened() -> Self {
        Self {
            update_interval: None,
            delay: 0.0,
            delay_error: 0.0,
            settling_time: 0.0,
            coverage: None,
            nonlinearity: 0.0,
            grade: None,
            idle: None,
        }
    }
}
