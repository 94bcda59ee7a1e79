//! What people read: summaries of runs, steps, estimates and studies.

mod columns;
mod estimate;
pub mod export;
mod inference;
pub mod lab;
mod lr_find;
mod port;
mod program;
mod run;
mod search;
pub mod study;
mod tune;

pub use columns::{Align, columns};
pub use estimate::estimate;
pub use inference::inference;
pub use lr_find::{lr_find, lr_find_svg};
pub use port::{port, port_page};
pub use program::program;
pub use run::run;
pub use search::{search, search_plan};
pub use tune::tune;
