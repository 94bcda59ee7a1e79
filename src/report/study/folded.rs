//! Parts of a page around its figures: what is folded in, the data behind a figure, and the control that saves it.

use maud::{Markup, html};
use serde::Serialize;

use super::csv_table::CsvTable;
use super::words::counted;
use crate::study::analysis::{Analysis, CellReport};

/// What a plot or table does not show by itself, folded in.
pub(super) fn how(text: &Markup) -> Markup {
    html! { details { summary { "How this was computed" } p { (text) } } }
}

/// The data behind a figure, to be opened and copied, and saved by the figure's control.
pub(in crate::report) fn data_behind(tables: &[CsvTable], remark: &str) -> Markup {
    html! {
        @for table in tables.iter().filter(|table| !table.rows.is_empty()) {
            details {
                summary { "Data as CSV: " (table.name) ", " (counted(table.rows.len(), "row")) }
                @if !remark.is_empty() { p { (remark) } }
                pre tabindex="0" data-table=(table.name) { (table.csv()) }
            }
        }
    }
}

/// The rows of a table of the page that a figure draws.
pub(in crate::report) struct Rows {
    table: &'static str,
    start: String,
    /// Of these cells; all if empty.
    cells: Vec<String>,
}

impl Rows {
    /// The whole table.
    pub fn all(table: &'static str) -> Self {
        Self {
            table,
            start: String::new(),
            cells: Vec::new(),
        }
    }

    /// The rows whose first fields are `fields`.
    pub fn of(table: &'static str, fields: impl Serialize) -> Self {
        Self {
            start: CsvTable::start(fields),
            ..Self::all(table)
        }
    }

    /// Of one cell alone.
    pub fn of_cell(self, cell: &CellReport) -> Self {
        Self {
            cells: vec![CsvTable::start((&cell.id,))],
            ..self
        }
    }

    /// Of the cells of a part of a study whose cells learn different tasks.
    pub fn of_part(self, part: &Analysis) -> Self {
        let own = part.cells.iter().filter(|_| part.tasks().is_some());
        Self {
            cells: own.map(|cell| CsvTable::start((&cell.id,))).collect(),
            ..self
        }
    }
}

/// A figure with the control that saves it, which the page's script shows.
pub(in crate::report) fn figure(rows: &Rows, content: &Markup) -> Markup {
    let start = Some(&rows.start).filter(|start| !start.is_empty());
    let cells = Some(rows.cells.join("\n")).filter(|cells| !cells.is_empty());
    html! {
        figure data-table=(rows.table) data-rows=[start] data-cells=[cells] {
            (content)
            p class="save" hidden {
                "Save as "
                @for format in ["SVG", "PNG", "CSV"] { button type="button" { (format) } " " }
            }
        }
    }
}
