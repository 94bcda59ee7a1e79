//! The report of studies: on a terminal, as a page, a card, a table for a pull request, and as CSV.
//!
//! Every form says of each cost which it is, through which source and scope, and whether it was measured or assumed; the
//! two never share an axis, a column or a ranking.

mod card;
mod chart;
mod courses;
mod data;
mod heat;
mod labels;
mod markdown;
mod names;
mod page;
mod table;
mod terminal;
mod thin;
mod words;

pub use card::card;
pub use data::tables;
pub use markdown::markdown;
pub use page::page;
pub use table::Table;
pub use terminal::{WIDTH, terminal};
