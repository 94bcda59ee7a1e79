//! A sensor: what its values mean and how it is read.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::clock::{self, Moment};
use super::figure::{RawUnit, Reading};

/// What a sensor's values are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Energy since some time in the past.
    Energy {
        /// The value, in its unit, at which the counter restarts from 0; `None` for a counter that never wraps in practice.
        wraps_at: Option<u64>,
    },
    /// Power.
    Power {
        /// Seconds that a reading averages over, from a data sheet; `None` where only calibration can tell.
        averaging: Option<f64>,
    },
}

/// What is known of a sensor before it is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorSpec {
    /// The unit of its readings.
    pub unit: RawUnit,
    /// What they measure.
    pub quantity: Quantity,
    /// Joules (or watts) per unit; [`RawUnit::scale`] unless an assumption converts the reading to joules.
    pub scale: f64,
    /// More watts than the covered part can draw: a larger step is a faulty counter (an underflow, a reset taken for a
    /// wrap), not a load.
    pub max_watts: f64,
    /// The expected update interval in seconds, used until it has been measured; 0 for a sensor that changes with every
    /// read.
    pub expected_update_interval: f64,
}

impl SensorSpec {
    /// An energy counter that never wraps.
    pub fn energy(unit: RawUnit, max_watts: f64, expected_update_interval: f64) -> Self {
        Self {
            unit,
            quantity: Quantity::Energy { wraps_at: None },
            scale: unit.scale(),
            max_watts,
            expected_update_interval,
        }
    }

    /// A power sensor whose averaging is unknown.
    pub fn power(unit: RawUnit, max_watts: f64, expected_update_interval: f64) -> Self {
        Self {
            quantity: Quantity::Power { averaging: None },
            ..Self::energy(unit, max_watts, expected_update_interval)
        }
    }

    /// The same counter, restarting from 0 after `value` units.
    #[must_use]
    pub fn wrapping_at(self, value: u64) -> Self {
        let wraps_at = Some(value);
        Self {
            quantity: Quantity::Energy { wraps_at },
            ..self
        }
    }

    /// The same sensor, averaging over `seconds`.
    #[must_use]
    pub fn averaging(self, seconds: f64) -> Self {
        let averaging = Some(seconds);
        Self {
            quantity: Quantity::Power { averaging },
            ..self
        }
    }

    /// Whether each reading is an update of its power, also one that repeats a value: a meter that prints lines.
    pub(crate) fn shows_each_update(&self) -> bool {
        self.is_power() && self.expected_update_interval == 0.0
    }

    /// Whether its readings are power.
    pub fn is_power(&self) -> bool {
        matches!(self.quantity, Quantity::Power { .. })
    }
}

/// Why a source gives no joules, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{reason}")]
pub struct Unavailable {
    /// One sentence.
    pub reason: String,
    /// The command or setting that enables it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The command that reverts the fix, where the fix changes the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

impl Unavailable {
    /// Without a fix.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            fix: None,
            undo: None,
        }
    }

    /// With the command or setting that enables the source.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    /// With the command that reverts the fix.
    #[must_use]
    pub fn with_undo(self, undo: impl Into<String>) -> Self {
        Self {
            undo: Some(undo.into()),
            ..self
        }
    }

    /// With the fix of a window that is too short.
    pub(crate) fn longer_window(self) -> Self {
        self.with_fix("meter a longer window")
    }
}

/// The state of a device when it was read: what changes power at equal work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Conditions {
    /// Clock of the shader or processor cores, MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_mhz: Option<u32>,
    /// Clock of the memory, MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mhz: Option<u32>,
    /// Temperature, degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub celsius: Option<f64>,
    /// The power limit in force, watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_watts: Option<f64>,
    /// What holds the clocks down at this moment, in the driver's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttled_by: Vec<String>,
    /// Seconds throttled by the power limit since the driver was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_violation_seconds: Option<f64>,
    /// Seconds throttled by heat since the driver was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thermal_violation_seconds: Option<f64>,
}

/// A sensor that can be read.
pub trait Sensor: Send + Sync {
    /// What its readings mean.
    fn spec(&self) -> SensorSpec;

    /// The raw value now, in the unit of [`Sensor::spec`].
    ///
    /// # Errors
    /// Why it cannot be read, or not any more. The meter itself rejects values that drivers show where they have none (0
    /// of an energy counter, a type's maximum).
    fn read(&self) -> Result<u64, Unavailable>;

    /// Appends one reading taken now, or, of a sensor that keeps a record, everything recorded since the last call.
    ///
    /// # Errors
    /// As [`Sensor::read`].
    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let began = clock::begin();
        let value = self.read()?;
        let (at, read_seconds) = Moment::middle_since(began);
        let unit = self.spec().unit;
        into.push(Reading {
            value,
            unit,
            at,
            read_seconds,
        });
        Ok(())
    }

    /// Whether [`Sensor::poll`] gives readings that the sensor itself took and timestamped.
    fn keeps_record(&self) -> bool {
        false
    }

    /// Why a sensor that keeps a record gives nothing new, though it can be polled: it has stopped or never began.
    fn silent(&self) -> Option<Unavailable> {
        None
    }

    /// Remarks on a window, given by its ends on the monotonic clock.
    fn notes(&self, _from: f64, _to: f64) -> Vec<String> {
        Vec::new()
    }

    /// The fewest new values that a window must hold, beyond what every window needs: for sensors with a coarse quantum or
    /// late values.
    fn least_updates(&self) -> u64 {
        0
    }

    /// Why its joules are not only this run's at this moment: a sentence that names the other users.
    fn shared(&self) -> Option<String> {
        None
    }

    /// The state of the device, where the sensor can tell.
    fn conditions(&self) -> Option<Conditions> {
        None
    }
}
