//! What a run tells while it goes on.

use super::record::{EvaluationPoint, Record};

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// One sentence worth knowing: samples that are left out, a result that could not be written.
    Note(String),
    /// Everything is built and loaded; the first step comes next.
    Ready(RunSetup),
    /// A training step is done.
    Step(Step),
    /// The test set was evaluated.
    Evaluation(EvaluationPoint),
    /// The run is over; its files are not written yet.
    Finished(Box<Record>),
}

/// What a run will be.
#[derive(Clone, Debug)]
pub struct RunSetup {
    /// The network's name.
    pub model: String,
    /// The data set's name.
    pub data: String,
    /// Where the data set came from.
    pub source: String,
    /// The adapter's name.
    pub device: String,
    /// Most training steps the run may take.
    pub steps: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u32,
    /// Samples of a step.
    pub batch_size: u32,
    /// Seconds from the start of the run until now.
    pub seconds: f64,
}

/// One training step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its number, from 1.
    pub step: u64,
    /// Training samples seen so far, this step's included.
    pub samples: u64,
    /// Mean loss of its batch before the update.
    pub loss: f32,
    /// Samples of its batch that were classified correctly before the update.
    pub correct: u32,
    /// Norm of the gradient over all trained parameters.
    pub gradient_norm: f32,
    /// Whether the loss or a gradient was not finite.
    pub non_finite: bool,
    /// Seconds since training started at which the host learned of it.
    pub seconds: f64,
}

/// Someone who is told. Every closure over `&Event` is one.
pub trait Observer {
    /// Is told of `event`; the run waits meanwhile.
    fn event(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn event(&mut self, _: &Event) {}
}
