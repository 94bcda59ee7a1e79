//! A step as a list: a network, a batch size, an update rule and a device lowered to prebuilt dispatches over one memory
//! plan, and run with many steps per submit.
//!
//! `lower` walks the graph and appends symbolic dispatches, `fuse` decides which layers share a kernel, `plan` gives every
//! tensor a place, `build` compiles and binds, `run` submits.

mod arenas;
mod backward;
mod binding;
mod build;
mod data;
mod error;
mod fit;
mod forward;
mod fuse;
mod losses;
mod lower;
mod lowering;
mod options;
mod pace;
mod plan;
mod replay;
mod run;
mod step_end;
mod stream;
#[allow(missing_docs, reason = "docs/records.md describes the keys")]
mod summary;
mod weights;
mod window_order;
mod windows;

pub(crate) use binding::{binding_kind, texel};
pub use error::ProgramError;
pub use lower::dispatches;
pub use options::{LOSS_SCALE, Order, ProgramOptions};
pub use replay::{StepDispatch, StepPhase};
pub use run::{Counters, Evaluation, Program, StepResult};
pub use summary::{
    DispatchSummary, FEW_WORKGROUPS, LONG_SUM, ListSummary, MemorySummary, OperandSummary, Summary,
};
pub use weights::{LossScale, Snapshot};
