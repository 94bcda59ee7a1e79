//! Where the time and the joules of a training step go.

mod closure;
mod dispatch_replay;
mod energy;
mod event;
mod measure;
mod timestamps;
mod trace;

use serde::Serialize;

use super::error::KernelError;
use super::roofline::Fraction;
use crate::device::DeviceError;
use crate::energy::{Interval, Unavailable};
use crate::program::{ProgramError, StepPhase};
use crate::train::Contention;

pub use closure::Closure;
pub use energy::ProfileEnergy;
pub use event::{Launched, ProfileEvent};
pub use measure::{ProfileOptions, profile};
pub use trace::trace;

/// Version of the keys of a profile.
const SCHEMA: u32 = 1;

/// How kernels are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimingMethod {
    /// The device's timestamps around each dispatch of a real step.
    Timestamps,
    /// Each kernel repeated many times in a submission.
    Replay,
}

impl TimingMethod {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timestamps => "timestamps",
            Self::Replay => "replay",
        }
    }
}

/// Where the time and the joules of a step go.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// Version of the keys.
    pub schema: u32,
    /// How kernels were timed.
    pub method: TimingMethod,
    /// Why timestamps were not used, where the choice was automatic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method_reason: Option<String>,
    /// The clock of the figures: `device` or `host`.
    pub clock: &'static str,
    /// Rounds in which everything was timed once.
    pub rounds: u32,
    /// Mean seconds of a training step by the host's clock, as `train` runs it.
    pub step_seconds: f64,
    /// 95 % confidence interval of the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_seconds_ci: Option<Interval>,
    /// When the roofline was measured that fractions refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline_measured_at: Option<String>,
    /// What other processes used while everything was timed.
    pub contention: Contention,
    /// The dispatches, in order.
    pub dispatches: Vec<DispatchProfile>,
    /// Seconds of a step: kernels, gaps, idle, and what is not explained.
    pub time: Closure,
    /// Joules, where a source measured them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy: Option<ProfileEnergy>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_unavailable: Option<Unavailable>,
    /// Seconds per empty dispatch, without and with a wait, and per submission.
    pub launch_gap: f64,
    /// With a wait for the dispatch before.
    pub dependent_launch_gap: f64,
    /// One step: the index in `dispatches`, start and end in seconds.
    #[serde(skip)]
    pub timeline: Vec<(usize, f64, f64)>,
}

/// A dispatch of a step.
#[derive(Clone, Debug, Serialize)]
pub struct DispatchProfile {
    /// Its index in the program.
    #[serde(skip)]
    pub at: usize,
    /// Such as `fc1 forward`.
    pub label: String,
    /// The layer it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Its part of the step.
    pub phase: StepPhase,
    /// Its shader file and variant.
    pub kernel: String,
    /// How often it runs in a step.
    pub per_step: u32,
    /// Whether it waits for earlier dispatches.
    pub waits: bool,
    /// Mean seconds of a launch without the gap before it.
    pub seconds: f64,
    /// 95 % confidence interval of the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_ci: Option<Interval>,
    /// Of the time of the step, all its launches together.
    pub share: f64,
    /// FLOPs of a launch, counted from the code.
    pub flops: u64,
    /// Bytes that the code loads and stores.
    pub bytes: u64,
    /// Bytes that must move at least once.
    pub distinct_bytes: u64,
    /// Whether loops end by data, so that FLOPs and bytes are the least.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lower_bound: bool,
    /// FLOP/s.
    pub flops_per_second: f64,
    /// B/s of the bytes that the code loads and stores.
    pub bytes_per_second: f64,
    /// How near it is to the roofline, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Fraction>,
    /// Joules of a launch without the gap before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    /// 95 % confidence interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joules_ci: Option<Interval>,
    /// Of the joules of the step, all its launches together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joules_share: Option<f64>,
    #[serde(skip)]
    kind: usize,
}

impl DispatchProfile {
    /// Seconds of all its launches in a step.
    pub fn step_seconds(&self) -> f64 {
        self.seconds * f64::from(self.per_step)
    }

    /// Joules of all its launches in a step.
    pub fn step_joules(&self) -> Option<f64> {
        Some(self.joules? * f64::from(self.per_step))
    }
}

/// Dispatches that have something in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// Launches in a step.
    pub launches: u32,
    /// Seconds in a step.
    pub seconds: f64,
    /// Seconds by phase, in the order of [`StepPhase::ALL`].
    pub by_phase: [f64; 5],
    /// FLOPs in a step.
    pub flops: u64,
    /// Bytes in a step that the code loads and stores.
    pub bytes: u64,
    /// Joules in a step, if all its members have them.
    pub joules: Option<f64>,
    /// The shortest time that the roofline allows, divided by the time; absent where a member lacks it.
    pub roofline: Option<f64>,
}

impl Profile {
    /// Dispatches by `name`, in the order of their first launch.
    pub fn groups(&self, name: impl Fn(&DispatchProfile) -> String) -> Vec<Group> {
        let mut groups: Vec<Group> = vec![];
        for dispatch in &self.dispatches {
            let name = name(dispatch);
            let place = groups.iter().position(|group| group.name == name);
            let place = place.unwrap_or_else(|| {
                groups.push(Group {
                    name,
                    launches: 0,
                    seconds: 0.0,
                    by_phase: [0.0; 5],
                    flops: 0,
                    bytes: 0,
                    joules: Some(0.0),
                    roofline: Some(0.0),
                });
                groups.len() - 1
            });
            let group = &mut groups[place];
            let launches = u64::from(dispatch.per_step);
            group.launches += dispatch.per_step;
            group.seconds += dispatch.step_seconds();
            group.by_phase[dispatch.phase as usize] += dispatch.step_seconds();
            group.flops += launches * dispatch.flops;
            group.bytes += launches * dispatch.bytes;
            group.joules = group
                .joules
                .zip(dispatch.step_joules())
                .map(|(sum, more)| sum + more);
            let fraction = dispatch.roofline.map(|found| found.fraction);
            group.roofline = group
                .roofline
                .zip(fraction)
                .map(|(sum, fraction)| sum + fraction * dispatch.step_seconds());
        }
        for group in &mut groups {
            group.roofline = group.roofline.map(|shortest| shortest / group.seconds);
        }
        groups
    }
}

/// Why a step could not be profiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A kernel that measures gaps.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Timestamps were asked for and cannot be trusted.
    #[error("the timestamps of this device cannot be used: {reason}; use --timing replay")]
    Timestamps {
        /// Why.
        reason: String,
    },
}
