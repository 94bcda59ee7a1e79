//! One sensor of a source: what it covers and how it is read, or why it is unavailable.

use std::sync::Arc;

use super::figure::{Covers, Grade, Method, Scope, Status};
use super::sensor::{Sensor, SensorSpec, Unavailable};
use super::sensor_model::SensorModel;

/// One sensor of a source, or why the source is unavailable.
pub(crate) struct OpenSensor {
    /// The source's name, or that name, a colon and a part: `nvml:0`, `rapl:package-0`.
    pub source: String,
    pub scope: Scope,
    pub method: Method,
    pub covers: Option<Covers>,
    /// Why its joules are not only this run's, where the sensor counts the work of others too.
    pub shared: Option<String>,
    /// A remark for every result: why power stands in for a counter.
    pub note: Option<String>,
    pub sensor: Result<Arc<dyn Sensor>, Unavailable>,
    /// Device and driver, stable over restarts. Calibrations are stored under it.
    pub identity: String,
    /// What is known of the sensor, from its calibration where there is one.
    pub model: SensorModel,
    /// A second sensor of the same device: an energy counter is compared with it, and it replaces the counter where the
    /// counter fails.
    pub companion: Option<Box<Self>>,
}

impl OpenSensor {
    pub(crate) fn new(
        source: impl Into<String>,
        scope: Scope,
        method: Method,
        covers: Option<Covers>,
        sensor: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Self {
        let source = source.into();
        let sensor = sensor.map(Arc::<dyn Sensor>::from);
        Self {
            identity: source.clone(),
            source,
            scope,
            method,
            covers,
            shared: None,
            note: None,
            model: sensor.as_ref().map_or_else(
                |_| SensorModel::unopened(),
                |sensor| SensorModel::uncalibrated(&sensor.spec()),
            ),
            sensor,
            companion: None,
        }
    }

    /// An energy counter.
    pub(crate) fn counter(
        source: impl Into<String>,
        scope: Scope,
        covers: Option<Covers>,
        sensor: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Self {
        Self::new(source, scope, Method::Counter, covers, sensor)
    }

    /// A power sensor.
    pub(crate) fn power(
        source: impl Into<String>,
        scope: Scope,
        covers: Option<Covers>,
        sensor: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Self {
        Self::new(source, scope, Method::IntegratedPower, covers, sensor)
    }

    /// With the key of its calibration.
    pub(crate) fn with_identity(self, identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            ..self
        }
    }

    /// The sensor and its companion.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.companion.as_deref())
    }

    /// The status of its results.
    pub(crate) fn status(&self) -> Status {
        match (&self.sensor, self.method, &self.shared) {
            (Err(_), _, _) => Status::Unavailable,
            (Ok(_), Method::Assumed, _) => Status::Assumed,
            (Ok(_), _, Some(_)) => Status::Shared,
            (Ok(_), _, None) => Status::Measured,
        }
    }

    /// Whether every read gives a new value, valid at the moment of the read.
    pub(crate) fn is_continuous(&self) -> bool {
        self.sensor.as_ref().is_ok_and(|sensor| {
            sensor.spec().expected_update_interval == 0.0 && !sensor.keeps_record()
        })
    }

    /// The grade of its results: that of its calibration, or the best possible without one.
    pub(crate) fn grade(&self, spec: &SensorSpec) -> Grade {
        let uncalibrated = if spec.is_power() { Grade::C } else { Grade::B };
        self.model.grade.unwrap_or(uncalibrated)
    }
}
