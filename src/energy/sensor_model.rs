//! How a sensor follows the power it measures.

use serde::{Deserialize, Serialize};

use super::figure::{Grade, Interval};
use super::sensor::{Quantity, SensorSpec};

/// How a sensor follows the power it measures: from its calibration, or, without one, as wide as known sensors vary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorModel {
    /// Seconds between two new values; `None` until it has been measured.
    pub update_interval: Option<f64>,
    /// Seconds from a change of power to its appearance in the values.
    pub delay: f64,
    /// How far `delay` can be off, either way (95 %).
    pub delay_error: f64,
    /// Seconds, after the delay, until a change of power is shown in full, the tail of a lag included.
    pub settling_time: f64,
    /// The share of the time in which the sensor samples; `None` where unknown.
    pub coverage: Option<f64>,
    /// Share of the energy by which the sensor was seen not to be linear in time (95 %); 0 where nothing was seen.
    pub nonlinearity: f64,
    /// Its grade; `None` without calibration.
    pub grade: Option<Grade>,
    /// What it shows of the idle device; `None` where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdlePower>,
}

/// Watts of an idle device when its sensor was calibrated: 95 % confidence intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdlePower {
    /// Without an open context.
    pub cold: Interval,
    /// With a context and its buffers open.
    pub context: Interval,
    /// While empty dispatches follow one another.
    pub empty: Interval,
}

/// A change is shown in full after this many averaging times, even where the sensor follows by a lag and not by a mean.
pub(crate) const SETTLED: f64 = 2.5;
/// Cards publish a value up to this many seconds after they sampled it.
const LATEST_PUBLICATION: f64 = 0.06;
/// Counters that update faster than this are read from the chip itself, not published by firmware,
const CHIP_UPDATE_INTERVAL: f64 = 0.005;
/// and their values can be this many updates old.
const CHIP_UPDATES: f64 = 2.0;
/// Power sensors of unknown averaging can average over a second, as most boards of one vendor do.
const UNKNOWN_AVERAGING: f64 = 1.0;

impl SensorModel {
    /// The model of a sensor without calibration.
    pub fn uncalibrated(spec: &SensorSpec) -> Self {
        let expected = spec.expected_update_interval;
        let published = if expected > CHIP_UPDATE_INTERVAL {
            LATEST_PUBLICATION
        } else {
            CHIP_UPDATES * expected
        };
        let mut model = Self {
            delay: published / 2.0,
            delay_error: published / 2.0,
            coverage: Some(1.0),
            ..Self::unopened()
        };
        if let Quantity::Power { averaging } = spec.quantity {
            model.coverage = None;
            model.settling_time = averaging.unwrap_or(UNKNOWN_AVERAGING);
            match averaging {
                // A mean over more than one update interval is, on the whole, the power of its middle.
                Some(over) => model.delay += (over - expected).max(0.0) / 2.0,
                None => {
                    model.delay += UNKNOWN_AVERAGING / 4.0;
                    model.delay_error += UNKNOWN_AVERAGING / 4.0;
                }
            }
        }
        model
    }

    /// The model of a sensor that could not be opened.
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

    /// Seconds after the start of a load until every value shows the load only.
    pub(crate) fn response_time(&self) -> f64 {
        self.delay + self.delay_error + self.settling_time
    }

    /// Seconds before and after a window whose power the pre-roll and post-roll must represent: the shortest roll.
    pub(crate) fn roll_seconds(&self) -> f64 {
        self.delay_error + self.settling_time
    }
}
