//! How long work that is repeated is metered: for as long as the slowest source that can be used needs, and until the
//! ticks of a sensor that looks part of the time have come round the step.

use super::clock::Moment;
use super::estimate;
use super::figure::{Method, Reading, SourceResult};
use super::window::Window;

/// Ticks that a window of repeated work is to hold: with fewer its edges weigh.
const TICKS: f64 = 60.0;
/// While phases leave a gap, it is looked again after so many seconds: a look goes through all readings.
const AGAIN: f64 = 1.0;

/// When a window of repeated work may end.
///
/// ```
/// use wattgrad::internals::energy::{WindowLength, Meter, MeterOptions};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let window = meter.start();
/// let mut extent = WindowLength::between(0.1, 60.0);
/// let (mut done, mut sum) = (0u64, 0.0f64);
/// window.stamp(0.0);
/// while extent.should_continue(&window) {
///     sum += (0..100_000).map(f64::from).sum::<f64>();
///     done += 1;
///     window.stamp(done as f64);
/// }
/// let (rows, each) = window.stop_per_unit();
/// println!("{sum}: {} sources, {} of them with joules a unit", rows.len(), each.len());
/// # Ok::<(), wattgrad::internals::energy::MeterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WindowLength {
    most: f64,
    /// Before this the window does not end.
    until: f64,
    ticks: Vec<(String, Method, f64)>,
}

impl WindowLength {
    /// Of `least` seconds, or more where a source needs it, up to `most`.
    pub fn between(least: f64, most: f64) -> Self {
        Self {
            most,
            until: least.min(most),
            ticks: Vec::new(),
        }
    }

    /// With the ticks that an earlier window has shown: a slow instrument may not tick often enough to learn it anew.
    #[must_use]
    pub fn after(mut self, rows: &[SourceResult]) -> Self {
        let told = rows.iter().filter_map(|row| {
            // An outside meter's every line is new, so its tick is seen by their number only.
            let counted = || Some(row.seconds? / row.updates? as f64);
            let tick = row.update_interval_seconds.or_else(counted)?;
            Some((row.source.clone(), row.method, tick))
        });
        self.ticks.extend(told);
        self
    }

    /// Whether the work is to go on; to be asked while it does.
    pub fn should_continue(&mut self, window: &Window) -> bool {
        let lasted = Moment::now().monotonic - window.from().monotonic;
        if lasted < self.until {
            return true;
        }
        if lasted >= self.most {
            return false;
        }
        let needed = self.needed(window);
        if lasted < needed {
            self.until = needed;
            return true;
        }
        if window.covered() {
            return false;
        }
        self.until = (lasted + AGAIN).min(self.most);
        true
    }

    /// Seconds for the slowest source that can be used within the most.
    fn needed(&self, window: &Window) -> f64 {
        let each = window.charged().filter_map(|(opened, collector)| {
            let instrument = opened.sensor.as_ref().ok()?;
            let spec = instrument.spec();
            let told = self.ticks.iter();
            let mut told = told
                .filter(|(source, method, _)| (source, *method) == (&opened.source, opened.method));
            let tick = opened.model.update_interval.or_else(|| {
                collector
                    .look_at(|readings, tick| {
                        tick.or_else(|| spacing(readings, instrument.keeps_record()))
                    })
                    .or_else(|| told.next().map(|told| told.2))
            });
            let ticks = TICKS.max(instrument.least_updates() as f64);
            let tick = tick.filter(|_| !opened.is_continuous());
            let (least, wanted) = estimate::needed(&spec, &opened.model, tick, ticks);
            // One that the most is too short for has no say.
            (least <= self.most).then(|| wanted.min(self.most))
        });
        each.fold(0.0, f64::max)
    }
}

/// The mean time between two new values; of an instrument that keeps its own record each reading is one.
fn spacing(readings: &[Reading], keeps_record: bool) -> Option<f64> {
    let fresh = |pair: &&[Reading]| keeps_record || pair[0].value != pair[1].value;
    let count = readings.windows(2).filter(fresh).count();
    let (first, last) = (readings.first()?, readings.last()?);
    (count > 0).then(|| (last.at.monotonic - first.at.monotonic) / count as f64)
}
