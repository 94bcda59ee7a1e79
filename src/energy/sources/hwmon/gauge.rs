//! One sensor of a hwmon chip, read from its files.

use std::path::{Path, PathBuf};

use super::super::files;
use crate::energy::counter;
use crate::energy::figure::RawUnit;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// Which files a sensor is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// Microjoules since the driver was loaded.
    Energy(PathBuf),
    /// Microwatts.
    Power(PathBuf),
    /// Millivolts and milliamperes.
    Product { volts: PathBuf, amperes: PathBuf },
}

/// Fields of the drivers at their maximum, in microwatts: 32 bits of microwatts and of milliwatts, 16 bits of watts.
const MAXIMA: [u64; 3] = [4_294_967_295, 4_294_967_295_000, 65_535_000_000];
/// 16 bits of milliwatts, as some AMD processors show them all the time.
const AMD_MAXIMUM: u64 = 65_535_000;

pub(super) struct Gauge {
    files: Files,
    spec: SensorSpec,
    amd: bool,
}

impl Gauge {
    /// Opens a sensor of `driver`; `averaging` seconds where its files tell them.
    pub(super) fn open(
        files: Files,
        driver: &str,
        averaging: Option<f64>,
        max_watts: f64,
        tick: f64,
    ) -> Result<Self, Unavailable> {
        let spec = match (&files, averaging) {
            (Files::Energy(_), _) => SensorSpec::energy(RawUnit::Microjoule, max_watts, tick),
            (_, None) => SensorSpec::power(RawUnit::Microwatt, max_watts, tick),
            (_, Some(seconds)) => {
                SensorSpec::power(RawUnit::Microwatt, max_watts, tick).averaging(seconds)
            }
        };
        let gauge = Self {
            files,
            spec,
            amd: driver == "amdgpu",
        };
        let value = gauge.read()?;
        if let Files::Energy(path) = &gauge.files {
            counter::supported(value, None)
                .map_err(|why| Unavailable::new(format!("{}: {why}", path.display())))?;
        }
        Ok(gauge)
    }

    fn microwatts(&self, path: &Path, value: u64) -> Result<u64, Unavailable> {
        if MAXIMA.contains(&value) || (self.amd && value == AMD_MAXIMUM) {
            return Err(Unavailable::new(format!(
                "{} reads {value} uW, its field's maximum, as drivers do that have no power to show",
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
            Files::Power(path) => self.microwatts(path, files::number(path)?),
            Files::Product { volts, amperes } => {
                let (millivolts, milliamperes): (u64, u64) =
                    (files::number(volts)?, files::number(amperes)?);
                millivolts.checked_mul(milliamperes).ok_or_else(|| {
                    Unavailable::new(format!(
                        "{} reads {milliamperes} mA, which is no current",
                        amperes.display()
                    ))
                })
            }
        }
    }
}
