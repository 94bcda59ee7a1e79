//! The report of studies: on a terminal, as a page, a card, a table for a pull request, and as CSV.
//!
//! Every format names the cost, its sensor and scope, and whether it was measured or assumed; measured and assumed joules
//! never share an axis, a column or a ranking.

mod as_if;
mod card;
pub(super) mod chart;
mod colours;
mod csv_table;
mod curves;
mod data;
mod devices;
mod display_unit;
mod downsample;
pub(super) mod folded;
mod heat_maps;
mod layout;
mod ledger;
mod markdown;
mod other_costs;
pub(super) mod page;
pub(super) mod regimes;
mod summary;
mod terminal;
pub(super) mod words;

pub use card::card;
pub use csv_table::CsvTable;
pub use data::tables;
pub use devices::{markdown_by_device, page_by_device, tables_by_device, terminal_by_device};
pub use layout::WIDTH;
pub use markdown::markdown;
pub use page::page;
pub use terminal::terminal;
pub(super) use words::NO_ENERGY;
