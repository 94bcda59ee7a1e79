//! An energy laboratory for neural-network training: an engine whose every kernel is hand-written WGSL run through
//! wgpu on any vendor's GPU, and a meter that reports what a step or a run costs in joules, and which sensor measured it.
#![warn(missing_docs)]

#[cfg(feature = "gpu")]
mod canonical;
#[cfg(feature = "gpu")]
mod checksum;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "gpu")]
mod conformance;
#[cfg(feature = "criterion")]
pub mod criterion;
#[cfg(feature = "gpu")]
mod data;
#[cfg(feature = "gpu")]
mod device;
#[cfg(feature = "gpu")]
mod difference;
mod energy;
mod files;
#[cfg(feature = "gpu")]
mod kernels;
#[cfg(feature = "gpu")]
mod lab;
#[cfg(feature = "gpu")]
mod model;
#[cfg(feature = "gpu")]
mod optim;
#[cfg(feature = "gpu")]
mod program;
#[cfg(feature = "gpu")]
mod report;
#[cfg(feature = "gpu")]
mod study;
#[cfg(feature = "cli")]
mod suggest;
#[cfg(feature = "gpu")]
mod train;
#[cfg(feature = "gpu")]
mod units;

#[cfg(feature = "gpu")]
pub use data::{Arrays, ColumnSpec, DataError, Dataset, InputValues, Normalisation};
#[cfg(feature = "gpu")]
pub use device::{AdapterKind, AdapterSummary, Backend, DeviceError, Gpu, GpuOptions, Limits};
pub use energy::{
    Assumed, Conditions, Covers, DeviceKind, EnergyPerUnit, Grade, Interval, Measured, Meter,
    MeterError, MeterOptions, MeterUnit, MeteredDevice, Method, Moment, PartResult,
    PerUnitUnavailable, RawUnit, Reading, Scope, Selection, SourceReport, SourceResult, Stamp,
    Status, Unavailable, Window, WindowResult,
};
#[cfg(feature = "gpu")]
pub use kernels::Precision;
#[cfg(feature = "gpu")]
pub use kernels::count::Counted;
#[cfg(feature = "gpu")]
pub use lab::{
    Binding, BindingAccess, BindingData, BindingElement, Kernel, KernelComparison, KernelEnergy,
    KernelError, KernelLaunch, KernelOutputs, KernelTiming, TimingClock,
};
#[cfg(feature = "gpu")]
pub use model::layers::{AvgPool2d, Conv2d, MaxPool2d};
#[cfg(feature = "gpu")]
pub use model::weights::{Weights, WeightsError};
#[cfg(feature = "gpu")]
pub use model::{LossKind, Metric, MetricValue, ModelError, Network, Value};
#[cfg(feature = "gpu")]
pub use optim::{Milestones, OptimError, Optimizer, RateSchedule, ScheduleError, ScheduleUnit};
#[cfg(feature = "gpu")]
pub use program::{
    DispatchSummary, ListSummary, LossScale, MemorySummary, OperandSummary, Order, ProgramError,
    Summary,
};
#[cfg(feature = "gpu")]
pub use train::{
    Budget, CheckpointError, CheckpointEvery, Checkpoints, ClassSet, ClassWeights, Contention,
    DataRecord, Derivation, DeviceRecord, Durations, EnergyFigure, EvaluationPoint, Event, Goal,
    Host, Init, InitialWeights, MeterRecord, MeteredWindows, MetricTarget, Names, NetworkRecord,
    NoObserver, Numbers, Observer, Outcome, Outputs, Phase, PhaseEnergy, Record, RecordedWindow,
    Regime, RegimeError, RunEnergy, RunSetup, Session, Step, TargetReached, TargetResult,
    TrainError, Trainer, TrainingResult, Versions, WarmUp, Work,
};

/// What the program, the tests and the benchmarks of this package need beyond the public API. No stability is promised.
#[doc(hidden)]
pub mod internals {
    #[cfg(feature = "cli")]
    pub use crate::cli::main;
    pub mod energy {
        pub use crate::energy::*;
    }
    #[cfg(feature = "gpu")]
    pub use gpu::*;
    #[cfg(feature = "gpu")]
    mod gpu {
        pub mod conformance {
            pub use crate::conformance::*;
        }
        pub mod data {
            pub use crate::data::*;
        }
        pub mod device {
            pub use crate::device::*;
        }
        pub mod kernels {
            pub use crate::kernels::*;
        }
        pub mod lab {
            pub use crate::lab::*;
        }
        pub mod model {
            pub use crate::model::*;
        }
        pub mod optim {
            pub use crate::optim::*;
        }
        pub mod program {
            pub use crate::program::*;
        }
        pub mod report {
            pub use crate::report::*;
        }
        pub mod study {
            pub use crate::study::*;
        }
        pub mod train {
            pub use crate::train::*;
        }
        pub mod units {
            pub use crate::units::*;
        }
    }
}

/// The examples of README.md, which `cargo test --doc` compiles as they stand.
#[cfg(all(doctest, feature = "gpu"))]
#[doc = include_str!("../README.md")]
struct Readme;
