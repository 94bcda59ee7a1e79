//! A user's own kernels: checked against an oracle, timed, and measured in joules.
//!
//! A [`Kernel`] is compiled from WGSL; [`Kernel::bind`] gives it data and a grid; the [`KernelLaunch`] can be run,
//! compared, timed and metered any number of times.

mod bind;
mod compare;
mod data;
mod error;
mod interface;
mod kernel;
mod launch;
mod load;
pub(crate) mod metering;
pub mod port;
pub mod profile;
pub(crate) mod replay;
pub mod roofline;
mod timing;
pub mod tune;

pub use compare::KernelComparison;
pub use data::{BindingData, KernelOutputs};
pub use error::KernelError;
pub use interface::{Binding, BindingAccess, BindingElement};
pub use kernel::Kernel;
pub use launch::KernelLaunch;
pub use load::DeviceLoad;
pub use timing::{KernelEnergy, KernelTiming, TimingClock};
