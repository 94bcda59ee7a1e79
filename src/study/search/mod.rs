//! A search: the best cell of a study for a part of the grid's cost.
//!
//! `policy` decides which cell is trained next and how far, and asks a [`Train`] for it: the device and the records in the
//! program (`driver`), simulated learning curves in the tests. docs/search.md describes the rules.

mod budget;
mod driver;
mod found;
mod plan;
mod policy;
mod proposer;
mod result;
mod settings;

pub use budget::{SearchBudget, Unit};
pub use driver::search;
pub use found::{End, Ended, Fate, Found, Job, Rung, RungRow, Train, Until};
pub use plan::SearchPlan;
pub use policy::find;
pub use proposer::{Dimension, Space};
pub use result::{Best, GridCost, Searched, SearchedCell, last_rungs};
pub use settings::{Propose, SearchSettings, Stop};
