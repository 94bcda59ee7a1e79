//! Training: a [`Regime`] says what, a [`Trainer`] does it on a device and meters it, a [`Record`] keeps all of it.

mod course;
mod error;
mod events;
mod goal;
mod host;
mod joules;
mod metered;
mod others;
mod outputs;
mod phases;
mod recipe;
mod record;
mod regime;
mod regime_error;
mod run_on;
mod schedule;
mod steps_log;
mod target;
mod trainer;
mod warm_up;

pub use crate::optim::Optimizer;
pub use error::TrainError;
pub use events::{Event, Observer, Ready, Silent, Step};
pub use goal::{Budget, Goal};
pub use host::{Host, Versions};
pub use joules::Figures;
pub use metered::{KeptWindow, Metered};
pub use others::Others;
pub use outputs::Outputs;
pub use record::{
    DataRecord, DeviceRecord, EnergyFigure, EvaluationPoint, MeterRecord, NetworkRecord, Outcome,
    Phase, PhaseEnergy, Record, SCHEMA, Times, Way, Work,
};
pub use regime::Regime;
pub use regime_error::RegimeError;
pub use schedule::Schedule;
pub use target::{MetricTarget, TargetReached, TargetResult};
pub use trainer::{Run, Trainer, target};
pub use warm_up::WarmUp;
