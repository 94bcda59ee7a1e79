//! Events of a run, as they happen.

use super::evaluation::EvaluationPoint;
use super::record::Record;

/// An event of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A note in one sentence, such as how many samples are left out or which result could not be written.
    Note(String),
    /// Everything is built and loaded; the first step comes next.
    Ready(RunSetup),
    /// A training step ended.
    Step(Step),
    /// An evaluation ended.
    Evaluation(EvaluationPoint),
    /// The run ended; its files are not written yet.
    Finished(Box<Record>),
}

/// What a run is about to do.
#[derive(Clone, Debug)]
pub struct RunSetup {
    /// Name of the network.
    pub model: String,
    /// Name of the data set.
    pub data: String,
    /// Where the data set came from.
    pub source: String,
    /// Name of the adapter.
    pub device: String,
    /// Most training steps of the run.
    pub steps: u64,
    /// Steps per epoch.
    pub steps_per_epoch: u32,
    /// Samples per step.
    pub batch_size: u32,
    /// Seconds since the start of the run.
    pub seconds: f64,
}

/// A training step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its number, from 1.
    pub step: u64,
    /// Training samples so far, this step's included.
    pub samples: u64,
    /// Mean loss of its batch before the update.
    pub loss: f32,
    /// Samples of its batch that were classified correctly before the update.
    pub correct: u32,
    /// Euclidean norm of the gradient over all trained parameters; NaN in a step that was skipped because a gradient of the
    /// scaled loss was not finite in f16.
    pub gradient_norm: f32,
    /// Whether the loss or a gradient was not finite.
    pub non_finite: bool,
    /// Seconds from the first step until the host received this result.
    pub seconds: f64,
}

/// Receives the events of a run. Every closure over `&Event` is an observer.
pub trait Observer {
    /// Receives `event`; the run waits until it returns.
    fn event(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}

/// Ignores all events.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn event(&mut self, _: &Event) {}
}
