//! Parts of a page that are folded in: explanations, and the data behind figures.

use maud::{Markup, html};

use super::csv_table::CsvTable;
use super::words::counted;

/// What a plot or table does not show by itself, folded in.
pub(super) fn how(text: &Markup) -> Markup {
    html! { details { summary { "How this was computed" } p { (text) } } }
}

/// The data behind a figure, to be opened and copied.
pub(super) fn data_behind(tables: &[CsvTable], remark: &str) -> Markup {
    html! {
        @for table in tables.iter().filter(|table| !table.rows.is_empty()) {
            details {
                summary { "Data as CSV: " (table.name) ", " (counted(table.rows.len(), "row")) }
                @if !remark.is_empty() { p { (remark) } }
                pre tabindex="0" { (table.csv()) }
            }
        }
    }
}
