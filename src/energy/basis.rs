//! What a figure was computed with, so that it can be computed again.

use serde::{Deserialize, Serialize};

use super::estimate::{Edge, Estimate, Stamp};
use super::phase;
use super::recording::Recording;
use super::sensor::{SensorSpec, Unavailable};
use super::sensor_model::SensorModel;

/// All that stands between a row's readings and its joules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// What the readings mean.
    pub spec: SensorSpec,
    /// What was known of the instrument.
    pub known: SensorModel,
    /// Start and end of the window on the readings' monotonic clock, seconds.
    pub window: (f64, f64),
    /// How the power at start and end lies to that within.
    pub edges: [Edge; 2],
    /// Updates of the instrument that a figure needs.
    #[serde(default)]
    pub least_updates: u64,
    /// Whether others used the device in the window too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl Basis {
    /// The joules of the whole window.
    pub(super) fn whole(&self, recording: &Recording) -> Result<Estimate, Unavailable> {
        self.enough(recording.between_ends(self.window, self.edges, &self.known)?)
    }

    /// The joules from one time in the window to another.
    pub(super) fn part(
        &self,
        recording: &Recording,
        part: (f64, f64),
    ) -> Result<Estimate, Unavailable> {
        let (from, to) = self.window;
        // A load begins and ends with the window, and goes on at the ends of a part that lie within it.
        let edge = |at: f64, end: Edge| match at > from && at < to {
            true => Edge::Interior,
            false => end,
        };
        let edges = [edge(part.0, self.edges[0]), edge(part.1, self.edges[1])];
        self.enough(recording.between_ends(part, edges, &self.known)?)
    }

    /// Units of the work that was stamped, and the joules of all of them, from a tick to another inside the work.
    pub(super) fn units(
        &self,
        recording: &Recording,
        stamps: &[Stamp],
    ) -> Result<(f64, Estimate), Unavailable> {
        let (mut from, mut to) = self.window;
        if let (Some(first), Some(last)) = (stamps.first(), stamps.last()) {
            (from, to) = (from.max(first.at), to.min(last.at));
        }
        let mut window = recording.in_load(from, to, stamps, &self.known)?;
        let at = |time: f64| phase::done(stamps, time.clamp(from, to));
        let units = match (at(window.from), at(window.to)) {
            (Some(first), Some(last)) if last > first => last - first,
            _ => {
                return Err(Unavailable::new(
                    "no work was finished between two of its ticks",
                ));
            }
        };
        // A submit's work is stamped as a whole, so each edge may lie anywhere within one.
        let longest = stamps
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .fold(0.0, f64::max);
        window.widen(window.joules / window.seconds() * longest / 2.0);
        Ok((units, window))
    }

    fn enough(&self, estimate: Estimate) -> Result<Estimate, Unavailable> {
        if estimate.updates >= self.least_updates {
            return Ok(estimate);
        }
        Err(Unavailable::new(format!(
            "the window of {:.3} s holds {} of the instrument's own updates, and a figure needs {}",
            estimate.seconds(),
            estimate.updates,
            self.least_updates
        ))
        .with_fix("meter a longer window"))
    }
}
