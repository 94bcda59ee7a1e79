//! One channel of a hwmon chip, read from its files.

use std::path::{Path, PathBuf};

use super::super::files;
use crate::energy::counter;
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

pub(super) struct Gauge {
    files: Files,
    spec: SensorSpec,
    amd: bool,
}

impl Gauge {
    /// Opens a channel of `driver`; `averaging` in seconds where its files give it.
    pub(super) fn open(
        files: Files,
        driver: &str,
        averaging: Option<f64>,
    ) -> Result<Self, Unavailable> {
        let power = || SensorSpec::power(RawUnit::Microwatt, MAX_WATTS, EXPECTED_UPDATE_INTERVAL);
        let spec = match (&files, averaging) {
            (Files::Energy(_), _) => {
                SensorSpec::energy(RawUnit::Microjoule, MAX_WATTS, EXPECTED_UPDATE_INTERVAL)
            }
            (_, None) => power(),
            (_, Some(seconds)) => power().averaging(seconds),
        };
        let amd = driver == "amdgpu";
        let gauge = Self { files, spec, amd };
        let value = gauge.read()?;
        if let Files::Energy(path) = &gauge.files {
            counter::supported(value, None)
                .map_err(|why| Unavailable::new(format!("{}: {why}", path.display())))?;
        }
        Ok(gauge)
    }

    fn microwatts(&self, path: &Path) -> Result<u64, Unavailable> {
        let value = files::number(path)?;
        if MAXIMA.contains(&value) || (self.amd && value == AMD_MAXIMUM) {
            return Err(Unavailable::new(format!(
                "{} reads {value} uW, the maximum of its field, which drivers show where they have no value",
                path.display()
            )));
        }
        Ok(value)
    }
}

impl Sensor for Gauge {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        match &self.files {
            Files::Energy(path) => files::number(path),
            Files::Power(path) => self.microwatts(path),
            Files::Product { volts, amperes } => {
                let (millivolts, milliamperes): (u64, u64) =
                    (files::number(volts)?, files::number(amperes)?);
                millivolts.checked_mul(milliamperes).ok_or_else(|| {
                    Unavailable::new(format!(
                        "{} reads {milliamperes} mA, which is impossible",
                        amperes.display()
                    ))
                })
            }
        }
    }
}
