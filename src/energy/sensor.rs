//! An instrument: what the number it shows means, and how it is read.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::clock::{self, Moment};
use super::figure::{RawUnit, Reading};

/// What the number an instrument shows means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Energy since some moment in the past.
    Energy {
        /// The value after which it begins again at 0, in its unit; `None` for a counter that never does in practice.
        wraps_at: Option<u64>,
    },
    /// Power.
    Power {
        /// Over how many seconds a reading is averaged, where a data sheet tells; `None` where only calibration can.
        averaging: Option<f64>,
    },
}

/// What is known of an instrument before it is watched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorSpec {
    /// The unit of its readings.
    pub unit: RawUnit,
    /// What they mean.
    pub quantity: Quantity,
    /// Joules (or watts) per unit; [`RawUnit::scale`] unless an assumption stands between the reading and the joule.
    pub scale: f64,
    /// More watts than what it covers could ever draw: a step above it is a counter that lies (an underflow, a reset
    /// taken for a wrap), not a load.
    pub max_watts: f64,
    /// Roughly how often it is expected to change, in seconds, until it was watched; 0 for one that changes with every
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

    /// A sensor of power whose averaging is not known.
    pub fn power(unit: RawUnit, max_watts: f64, expected_update_interval: f64) -> Self {
        Self {
            unit,
            quantity: Quantity::Power { averaging: None },
            scale: unit.scale(),
            max_watts,
            expected_update_interval,
        }
    }

    /// The same counter, beginning again at 0 after `value` units.
    #[must_use]
    pub fn wrapping_at(self, value: u64) -> Self {
        Self {
            quantity: Quantity::Energy {
                wraps_at: Some(value),
            },
            ..self
        }
    }

    /// The same sensor, averaging over `seconds`.
    #[must_use]
    pub fn averaging(self, seconds: f64) -> Self {
        Self {
            quantity: Quantity::Power {
                averaging: Some(seconds),
            },
            ..self
        }
    }

    /// Whether its readings are power.
    pub fn is_power(&self) -> bool {
        matches!(self.quantity, Quantity::Power { .. })
    }
}

/// Why a source gives no figure, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{reason}")]
pub struct Unavailable {
    /// One sentence.
    pub reason: String,
    /// The one command or setting that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The one command that undoes the fix, where it changes the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

impl Unavailable {
    /// A refusal without a fix.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            fix: None,
            undo: None,
        }
    }

    /// With the command or setting that opens the source.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    /// With the command that undoes the fix.
    #[must_use]
    pub fn with_undo(self, undo: impl Into<String>) -> Self {
        Self {
            undo: Some(undo.into()),
            ..self
        }
    }
}

/// The state a device was in when it was read: what moves power at equal work.
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
    /// Seconds spent held down by the power limit since the driver was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_violation_seconds: Option<f64>,
    /// Seconds spent held down by heat since the driver was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thermal_violation_seconds: Option<f64>,
}

/// One instrument, opened.
pub trait Sensor: Send + Sync {
    /// What its readings mean.
    fn spec(&self) -> SensorSpec;

    /// The raw value now, in the unit of [`Sensor::spec`].
    ///
    /// # Errors
    /// Why it cannot be read (any more). A value that drivers show where they have none (0 of an energy counter, a
    /// type's maximum) is found by the meter and need not be refused here.
    fn read(&self) -> Result<u64, Unavailable>;

    /// Appends what there is to read: one reading taken now, or, of an instrument that keeps its own record, everything
    /// recorded since the last call.
    ///
    /// # Errors
    /// As [`Sensor::read`].
    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let began = clock::begin();
        let value = self.read()?;
        into.push(reading(value, self.spec().unit, began));
        Ok(())
    }

    /// Whether [`Sensor::poll`] gives readings that were taken, and timed, by the instrument itself.
    fn keeps_record(&self) -> bool {
        false
    }

    /// Why an instrument that keeps its own record gives nothing new, though it can still be polled: it has stopped, or
    /// never began.
    fn silent(&self) -> Option<Unavailable> {
        None
    }

    /// The least number of new values that a window must hold to have a figure, beyond what any needs: where their
    /// quantum, or how late they are, is large beside what a few of them amount to.
    fn least_updates(&self) -> u64 {
        0
    }

    /// Why what it meters is not this run's own at this moment: a sentence that names who else uses it.
    fn shared(&self) -> Option<String> {
        None
    }

    /// The state of what it meters, where it can tell.
    fn conditions(&self) -> Option<Conditions> {
        None
    }
}

/// A value with the clocks and the time its read took.
fn reading(value: u64, unit: RawUnit, began: Instant) -> Reading {
    let (at, read_seconds) = Moment::middle_since(began);
    Reading {
        value,
        unit,
        at,
        read_seconds,
    }
}
