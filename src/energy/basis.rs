//! What joules are computed with beside the readings, so that they can be recomputed.

use serde::{Deserialize, Serialize};

use super::estimate::{Edge, Estimate};
use super::figure::Stamp;
use super::phase;
use super::recording::Recording;
use super::sensor::{SensorSpec, Unavailable};
use super::sensor_model::SensorModel;

/// What the joules of a result are computed with beside its readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// What the readings mean.
    pub spec: SensorSpec,
    /// How the sensor follows the power.
    pub model: SensorModel,
    /// Start and end of the window on the readings' monotonic clock, seconds.
    pub window: (f64, f64),
    /// How the power at start and end relates to the power within.
    pub edges: [Edge; 2],
    /// The fewest updates of the sensor that a window must hold.
    #[serde(default)]
    pub least_updates: u64,
    /// Whether others used the device in the window too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl Basis {
    /// The joules of the whole window.
    pub(super) fn whole(&self, recording: &Recording) -> Result<Estimate, Unavailable> {
        self.part(recording, self.window)
    }

    /// The joules from one time in the window to another.
    pub(super) fn part(
        &self,
        recording: &Recording,
        part: (f64, f64),
    ) -> Result<Estimate, Unavailable> {
        let (from, to) = self.window;
        // The load begins and ends with the window, and continues across the ends of a part that lie within it.
        let edge = |at: f64, end: Edge| match at > from && at < to {
            true => Edge::Interior,
            false => end,
        };
        let edges = [edge(part.0, self.edges[0]), edge(part.1, self.edges[1])];
        let estimate = recording.fixed(part, edges, &self.model)?;
        if estimate.updates >= self.least_updates {
            return Ok(estimate);
        }
        Err(Unavailable::new(format!(
            "the window of {:.3} s contains {} updates of the sensor, and {} are needed",
            estimate.seconds(),
            estimate.updates,
            self.least_updates
        ))
        .longer_window())
    }

    /// Units of the work that was stamped, and the joules of all of them, from one update to another inside the work.
    pub(super) fn units(
        &self,
        recording: &Recording,
        stamps: &[Stamp],
    ) -> Result<(f64, Estimate), Unavailable> {
        let (mut from, mut to) = self.window;
        if let (Some(first), Some(last)) = (stamps.first(), stamps.last()) {
            (from, to) = (from.max(first.at), to.min(last.at));
        }
        let mut window = recording.in_load(from, to, stamps, &self.model)?;
        let done = |time: f64| phase::work_done(stamps, time.clamp(from, to));
        let units = done(window.from)
            .zip(done(window.to))
            .map(|(first, last)| last - first)
            .filter(|&units| units > 0.0)
            .ok_or_else(|| {
                Unavailable::new("no work finished between two updates of the sensor")
            })?;
        // The work of a submit is stamped as a whole, so each end can lie anywhere within one.
        let pairs = stamps.windows(2).map(|pair| pair[1].at - pair[0].at);
        let longest = pairs.fold(0.0, f64::max);
        window.widen(window.joules / window.seconds() * longest / 2.0);
        Ok((units, window))
    }
}
