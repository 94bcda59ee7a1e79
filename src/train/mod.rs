//! Training: a [`Regime`] holds the choices of a run, a [`Trainer`] runs it on a device and meters it, and a [`Record`] keeps
//! the results.

mod after_run;
mod checkpoint;
mod contention;
mod energy_figure;
mod environment;
mod error;
mod evaluation;
mod evaluation_schedule;
mod events;
mod goal;
mod infer;
mod initial_weights;
mod lr_find;
mod metered_windows;
mod outputs;
mod pause;
mod phases;
mod recipe;
mod record;
mod regime;
mod regime_error;
mod run;
mod run_energy;
mod sessions;
mod steps_log;
mod target;
mod target_tracker;
mod trainer;
mod training_loop;
mod warm_up;
mod work;

pub use crate::optim::Optimizer;
pub use checkpoint::{CheckpointError, CheckpointEvery, Checkpoints};
pub use contention::Contention;
pub use energy_figure::{Derivation, EnergyFigure};
pub use environment::{DeviceRecord, Host, Versions};
pub use error::TrainError;
pub use evaluation::EvaluationPoint;
pub use events::{Event, NoObserver, Observer, RunSetup, Step};
pub use goal::{Budget, Goal};
pub use infer::{InferenceEnergy, InferencePoint, InferenceRecord};
pub use initial_weights::InitialWeights;
pub use lr_find::{LrFinding, LrPoint, LrSweep};
pub use metered_windows::{MeteredWindows, RecordedWindow};
pub use outputs::Outputs;
pub use pause::PauseAt;
pub use phases::{Phase, PhaseEnergy};
pub use record::{
    DataRecord, Durations, MeterRecord, NetworkRecord, Outcome, Record, SCHEMA, Work,
};
pub use regime::{ClassSet, Init, Names, Numbers, Regime};
pub use regime_error::RegimeError;
pub use run::TrainingResult;
pub use run_energy::RunEnergy;
pub use sessions::Session;
pub use target::{MetricTarget, TargetReached, TargetResult};
pub use trainer::{Trainer, metered_device};
pub use warm_up::WarmUp;
