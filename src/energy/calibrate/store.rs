//! The stored calibrations of this machine's sensors.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::sensor_model::SensorModel;
use crate::files::{cache_folder, file_named};

/// The version of the files; files of another version are ignored.
const VERSION: u32 = 2;

/// What `wattgrad calibrate` found of one sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    version: u32,
    /// Device and driver.
    identity: String,
    /// The model that windows are computed with.
    model: SensorModel,
    /// Why the sensor must not be used, where the calibration rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected: Option<String>,
}

impl Calibration {
    /// Of the sensor `identity`.
    pub fn new(identity: &str, model: SensorModel, rejected: Option<String>) -> Self {
        Self {
            version: VERSION,
            identity: identity.to_owned(),
            model,
            rejected,
        }
    }

    /// Writes it to the folder of the options.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn store(&self, options: &MeterOptions) -> std::io::Result<PathBuf> {
        let folder = folder(options).ok_or_else(|| {
            std::io::Error::other("there is no cache folder: set XDG_CACHE_HOME or HOME")
        })?;
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(file_named(&self.identity));
        crate::files::write_whole(&path, &serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }
}

/// Gives `sensor` the model of its stored calibration; a sensor that its calibration rejected becomes unavailable.
pub(crate) fn recall(options: &MeterOptions, sensor: &mut OpenSensor) {
    if sensor.sensor.is_err() {
        return;
    }
    let stored = folder(options)
        .and_then(|folder| std::fs::read(folder.join(file_named(&sensor.identity))).ok())
        .and_then(|bytes| serde_json::from_slice::<Calibration>(&bytes).ok())
        .filter(|stored| stored.version == VERSION && stored.identity == sensor.identity);
    match stored {
        Some(Calibration {
            rejected: Some(reason),
            ..
        }) => {
            sensor.sensor = Err(
                Unavailable::new(format!("rejected by its calibration: {reason}"))
                    .with_fix("wattgrad calibrate"),
            );
            sensor.model = SensorModel::unopened();
        }
        Some(stored) => sensor.model = stored.model,
        None => {}
    }
}

fn folder(options: &MeterOptions) -> Option<PathBuf> {
    if let Some(folder) = &options.calibrations {
        return Some(folder.clone());
    }
    cache_folder().map(|cache| cache.join("calibrations"))
}
