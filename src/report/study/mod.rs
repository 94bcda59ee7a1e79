//! The report of studies: on a terminal, as a page, a card, a table for a pull request, and as CSV.
//!
//! Every format names the cost, its sensor and scope, and whether it was measured or assumed; measured and assumed joules
//! never share an axis, a column or a ranking.

mod card;
pub(super) mod chart;
mod colours;
mod csv_table;
mod curves;
mod data;
mod display_unit;
mod downsample;
mod heat_maps;
mod markdown;
mod page;
mod regimes;
mod summary;
mod terminal;
mod words;

pub use card::card;
pub use csv_table::CsvTable;
pub use data::tables;
pub use markdown::markdown;
pub use page::page;
pub use terminal::{WIDTH, terminal};
pub(super) use words::NO_ENERGY;
