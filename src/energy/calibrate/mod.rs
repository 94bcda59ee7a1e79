//! Calibration: how a sensor behaves, found by sampling it while the device is idle and under a load that is switched.
//!
//! [`calibrate_sensor`] runs by any clock, so that a simulated sensor is calibrated as a card is. [`Calibration`] stores
//! the result, once per device and driver.

mod procedure;
mod response;
mod store;
mod workload;

#[cfg(feature = "cli")]
pub(crate) use procedure::CalibrationResult;
pub use procedure::calibrate_sensor;
pub use store::Calibration;
pub(crate) use store::recall;
pub use workload::{Activity, Workload};
