//! The laboratory: a user's own kernel, checked against an oracle, timed and metered.
//!
//! A [`Kernel`] is WGSL that anyone wrote; [`Kernel::bind`] puts data behind its bindings and gives a [`Launch`], which
//! can be run, compared, timed and metered as often as wanted.

mod compare;
mod data;
mod error;
mod interface;
mod kernel;
mod launch;
mod load;
mod timing;

pub use compare::Comparison;
pub use data::{Data, Outputs};
pub use error::KernelError;
pub use interface::{Access, Binding, Element};
pub use kernel::Kernel;
pub use launch::Launch;
pub use load::DeviceLoad;
pub use timing::{Clock, Metered, Timing};
