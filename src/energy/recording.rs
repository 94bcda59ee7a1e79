//! The readings of one instrument over a stretch of time, and what follows from them.

use super::clock::Moment;
use super::collector::RECORD_SECONDS;
use super::estimate::{self, Edge, Estimate, Stamp};
use super::figure::Reading;
use super::poll_schedule::PollSchedule;
use super::sensor::{Sensor, SensorSpec, Unavailable};
use super::sensor_model::SensorModel;
use super::series::{self, Series};

/// The time an instrument is watched in: the machine's, or that of a simulation.
pub trait Clock {
    /// Seconds on the monotonic clock of the readings.
    fn now(&self) -> f64;

    /// Returns at `at`, or somewhat later.
    fn sleep_until(&self, at: f64);
}

/// This machine's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> f64 {
        Moment::now().monotonic
    }

    fn sleep_until(&self, at: f64) {
        let wait = at - self.now();
        if wait > 0.0 {
            std::thread::sleep(std::time::Duration::from_secs_f64(wait.min(3600.0)));
        }
    }
}

/// Raw readings of one instrument in the order of time.
///
/// ```
/// use wattgrad::internals::energy::{Edge, SensorModel, Moment, Reading, Recording, SensorSpec, RawUnit};
///
/// // A counter that ticks every 0.1 s at 200 W, looked at every 10 ms for 20 s.
/// let readings = (0..2000).map(|look| Reading {
///     value: 1_000 + (look / 10) * 20_000,
///     unit: RawUnit::Millijoule,
///     at: Moment { monotonic: look as f64 * 0.01, unix: 1.7e9 + look as f64 * 0.01 },
///     read_seconds: 1e-4,
/// });
/// let spec = SensorSpec::energy(RawUnit::Millijoule, 1e4, 0.1);
/// let recording = Recording::new(spec, readings.collect());
/// let known = SensorModel::uncalibrated(&spec);
/// let window = recording.between(5.0, 15.0, Edge::Interior, &known)?;
/// assert!((window.joules - 2000.0).abs() < 1.0);
/// assert!(window.repeatability.holds(2000.0) && window.repeatability.half() < 20.0);
/// # Ok::<(), wattgrad::internals::energy::Unavailable>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    spec: SensorSpec,
    readings: Vec<Reading>,
}

impl Recording {
    /// From readings in the order of time.
    pub fn new(spec: SensorSpec, readings: Vec<Reading>) -> Self {
        Self { spec, readings }
    }

    /// Watches `instrument` until `until` says so, asleep between its ticks. `tick`: where it is known already.
    ///
    /// # Errors
    /// As [`Sensor::read`], with what had been read until then lost.
    pub fn take(
        instrument: &dyn Sensor,
        clock: &dyn Clock,
        tick: Option<f64>,
        mut until: impl FnMut(f64) -> bool,
    ) -> Result<Self, Unavailable> {
        let spec = instrument.spec();
        let mut schedule = PollSchedule::new(spec, tick);
        let mut readings = Vec::new();
        while !until(clock.now()) {
            let before = readings.len();
            instrument.poll(&mut readings)?;
            readings[before..]
                .iter()
                .for_each(|reading| schedule.observe(reading));
            let now = clock.now();
            clock.sleep_until(if instrument.keeps_record() {
                now + RECORD_SECONDS
            } else {
                schedule.next(now)
            });
        }
        Ok(Self { spec, readings })
    }

    /// What the readings mean.
    pub fn spec(&self) -> SensorSpec {
        self.spec
    }

    /// The raw readings.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The tick as these readings show it; `None` where they were too far apart, or too few.
    pub fn tick(&self) -> Option<f64> {
        series::tick_of(self.spec, &self.readings)
    }

    /// All joules of a fixed window, in seconds on the readings' monotonic clock.
    ///
    /// # Errors
    /// Why there is no figure: the instrument lies, or the window is too short for it.
    pub fn between(
        &self,
        from: f64,
        to: f64,
        edges: Edge,
        known: &SensorModel,
    ) -> Result<Estimate, Unavailable> {
        self.between_ends((from, to), [edges; 2], known)
    }

    /// The same, where the power around the two ends lies differently.
    pub(crate) fn between_ends(
        &self,
        window: (f64, f64),
        edges: [Edge; 2],
        known: &SensorModel,
    ) -> Result<Estimate, Unavailable> {
        let series = self.series(known)?;
        estimate::between(&series, known, window, edges)
    }

    /// Joules from one tick to another, inside a load that runs from `from` to `to`. With `stamps` of the work done, the
    /// phases of a part-time sensor within the steps are looked at.
    ///
    /// # Errors
    /// As [`Recording::between`].
    pub fn in_load(
        &self,
        from: f64,
        to: f64,
        stamps: &[Stamp],
        known: &SensorModel,
    ) -> Result<Estimate, Unavailable> {
        let series = self.series(known)?;
        estimate::in_load(&series, known, from, to, stamps)
    }

    /// Whether a longer window of the same load could tell no more of a step: no part-time sensor's looks have left a part
    /// of it unseen between `from` and `to`. `true` as well where the readings lie: more of them would not help.
    pub fn covers(&self, from: f64, to: f64, stamps: &[Stamp], known: &SensorModel) -> bool {
        self.series(known).map_or(true, |series| {
            estimate::covered(&series, known, (from, to), stamps)
        })
    }

    pub(crate) fn series(&self, known: &SensorModel) -> Result<Series, Unavailable> {
        Series::new(self.spec, &self.readings, known.update_interval)
    }
}
