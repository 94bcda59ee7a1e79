//! The readings of one sensor over time, and the joules computed from them.

use super::clock::Clock;
use super::estimate::{self, Edge, Estimate};
use super::figure::{Reading, Stamp};
use super::poll_schedule::PollSchedule;
use super::sensor::{Sensor, SensorSpec, Unavailable};
use super::sensor_model::SensorModel;
use super::series::{self, Series};

/// Raw readings of one sensor in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    spec: SensorSpec,
    readings: Vec<Reading>,
}

impl Recording {
    /// From readings in order of time.
    pub fn new(spec: SensorSpec, readings: Vec<Reading>) -> Self {
        Self { spec, readings }
    }

    /// Samples `sensor` until `until` returns true for the time, asleep between its updates. `update_interval`: where
    /// already known.
    ///
    /// # Errors
    /// As [`Sensor::read`]; the readings until then are lost.
    pub fn take(
        sensor: &dyn Sensor,
        clock: &dyn Clock,
        update_interval: Option<f64>,
        mut until: impl FnMut(f64) -> bool,
    ) -> Result<Self, Unavailable> {
        let spec = sensor.spec();
        let mut schedule = PollSchedule::new(spec, update_interval);
        let mut readings = Vec::new();
        while !until(clock.now()) {
            let next = schedule.poll(sensor, clock, &mut readings)?;
            clock.sleep_until(next);
        }
        Ok(Self { spec, readings })
    }

    /// The raw readings.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The update interval as these readings show it; `None` where they were too far apart, or too few.
    pub(crate) fn update_interval(&self) -> Option<f64> {
        series::update_interval(self.spec, &self.readings)
    }

    /// All joules of a fixed window, in seconds on the readings' monotonic clock, with the edges at its two ends.
    ///
    /// # Errors
    /// Why there are no joules: the sensor is faulty, or the window is too short for it.
    pub fn fixed(
        &self,
        window: (f64, f64),
        edges: [Edge; 2],
        model: &SensorModel,
    ) -> Result<Estimate, Unavailable> {
        estimate::fixed(&self.series(model)?, model, window, edges)
    }

    /// Joules from one update to another, inside a load that runs from `from` to `to`. With `stamps` of the work, the
    /// phases of a part-time sensor within the steps are checked.
    ///
    /// # Errors
    /// As [`Recording::fixed`].
    pub fn in_load(
        &self,
        from: f64,
        to: f64,
        stamps: &[Stamp],
        model: &SensorModel,
    ) -> Result<Estimate, Unavailable> {
        estimate::in_load(&self.series(model)?, model, from, to, stamps)
    }

    /// Whether a longer window of the same load would show no more of a step: between `from` and `to` a part-time sensor
    /// has sampled all of it. Also true for a faulty sensor, where more readings would not help.
    pub fn covers(&self, from: f64, to: f64, stamps: &[Stamp], model: &SensorModel) -> bool {
        self.series(model).map_or(true, |series| {
            estimate::covered(&series, model, (from, to), stamps)
        })
    }

    pub(crate) fn series(&self, model: &SensorModel) -> Result<Series, Unavailable> {
        Series::new(self.spec, &self.readings, model.update_interval)
    }
}
