//! The readings of a hwmon channel's files.

use std::path::{Path, PathBuf};

use super::super::{files, fn_sensor};
use crate::energy::figure::RawUnit;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// The files that a channel is read from.
pub(super) enum Files {
    /// Microjoules since the driver was loaded.
    Energy(PathBuf),
    /// Microwatts.
    Power(PathBuf),
    /// Millivolts and milliamperes.
    Product { volts: PathBuf, amperes: PathBuf },
}

/// More than anything behind one sensor draws.
pub(super) const MAX_WATTS: f64 = 10_000.0;
/// Drivers update their values about this often.
pub(super) const EXPECTED_UPDATE_INTERVAL: f64 = 0.1;

/// The largest values of the drivers' fields, in microwatts: 32 bits of microwatts or milliwatts, 16 bits of watts.
const MAXIMA: [u64; 3] = [4_294_967_295, 4_294_967_295_000, 65_535_000_000];
/// 16 bits of milliwatts, which some AMD processors show all the time.
const AMD_MAXIMUM: u64 = 65_535_000;

/// Opens a channel of `driver`; `averaging` in seconds where its files give it.
pub(super) fn open(
    files: Files,
    driver: &str,
    averaging: Option<f64>,
) -> Result<Box<dyn Sensor>, Unavailable> {
    let power = SensorSpec::power(RawUnit::Microwatt, MAX_WATTS, EXPECTED_UPDATE_INTERVAL);
    let power = averaging.map_or(power, |seconds| power.averaging(seconds));
    match files {
        Files::Energy(path) => {
            let spec = SensorSpec::energy(RawUnit::Microjoule, MAX_WATTS, EXPECTED_UPDATE_INTERVAL);
            fn_sensor::open(&path.clone(), spec, move || files::number(&path))
        }
        Files::Power(path) => {
            let amd = driver == "amdgpu";
            fn_sensor::open(&path.clone(), power, move || microwatts(&path, amd))
        }
        Files::Product { volts, amperes } => fn_sensor::open(&volts.clone(), power, move || {
            let millivolts: u64 = files::number(&volts)?;
            let milliamperes = files::number(&amperes)?;
            millivolts.checked_mul(milliamperes).ok_or_else(|| {
                Unavailable::new(format!(
                    "{} reads {milliamperes} mA, which is impossible",
                    amperes.display()
                ))
            })
        }),
    }
}

fn microwatts(path: &Path, amd: bool) -> Result<u64, Unavailable> {
    let value = files::number(path)?;
    if MAXIMA.contains(&value) || (amd && value == AMD_MAXIMUM) {
        return Err(Unavailable::new(format!(
            "{} reads {value} uW, the maximum of its field, which drivers show when they have no value",
            path.display()
        )));
    }
    Ok(value)
}
