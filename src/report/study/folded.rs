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
    /// The cells or runs of which one is in a field; all if empty.
    ids: Vec<String>,
}

impl Rows {
    /// The whole table.
    pub fn all(table: &'static str) -> Self {
        Self {
            table,
            start: String::new(),
            ids: Vec::new(),
        }
    }

    /// The rows whose first fields are `fields`.
    pub fn of(table: &'static str, fields: impl Serialize) -> Self {
        Self {
            start: CsvTable::start(fields),
            ..Self::all(table)
        }
    }

    /// Those of one cell.
    pub fn of_cell(self, cell: &CellReport) -> Self {
        self.with([cell.id.as_str()])
    }

    /// Those of the cells of a part of a study whose cells learn different tasks.
    pub fn of_part(self, part: &Analysis) -> Self {
        match part.tasks() {
            Some(_) => self.with(part.cells.iter().map(|cell| cell.id.as_str())),
            None => self,
        }
    }

    /// Those with one of these cells or runs in a field.
    pub fn with<'a>(self, ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            ids: ids.into_iter().map(|id| CsvTable::start((id,))).collect(),
            ..self
        }
    }
}

/// A figure with the control that saves it, which the page's script shows.
pub(in crate::report) fn figure(rows: &Rows, content: &Markup) -> Markup {
    let start = Some(&rows.start).filter(|start| !start.is_empty());
    let ids = Some(rows.ids.join("\n")).filter(|ids| !ids.is_empty());
    html! {
        figure data-table=(rows.table) data-rows=[start] data-ids=[ids] {
            (content)
            p class="save" hidden {
                "Save as "
                @for format in ["SVG", "PNG", "CSV"] { button type="button" { (format) } " " }
            }
        }
    }
}
