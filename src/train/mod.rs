//! Training: a [`Regime`] says what, a [`Trainer`] does it on a device and meters it, a [`Record`] keeps all of it.

mod after_run;
mod contention;
mod error;
mod evaluation_schedule;
mod events;
mod goal;
mod host;
mod metered_windows;
mod outputs;
mod phases;
mod recipe;
mod record;
mod regime;
mod regime_error;
mod run_energy;
mod steps_log;
mod target;
mod trainer;
mod training_loop;
mod warm_up;

pub use crate::optim::Optimizer;
pub use contention::Contention;
pub use error::TrainError;
pub use events::{Event, NoObserver, Observer, RunSetup, Step};
pub use goal::{Budget, Goal};
pub use host::{Host, Versions};
pub use metered_windows::{MeteredWindows, RecordedWindow};
pub use outputs::Outputs;
pub use record::{
    DataRecord, Derivation, DeviceRecord, Durations, EnergyFigure, EvaluationPoint, MeterRecord,
    NetworkRecord, Outcome, Phase, PhaseEnergy, Record, SCHEMA, Work,
};
pub use regime::Regime;
pub use regime_error::RegimeError;
pub use run_energy::RunEnergy;
pub use target::{MetricTarget, TargetReached, TargetResult};
pub use trainer::{Run, Trainer, metered_device};
pub use warm_up::WarmUp;
