//! How the tables of the terminal say which cell a row is.

use super::names;
use crate::study::analysis::Analysis;

/// Letters for the name of a cell in a table with all its figures.
const NAMES: usize = 26;

/// How the table says which cell a row is.
pub(super) struct Labels {
    /// The columns that name it.
    pub head: Vec<String>,
    /// What stands in them, for each cell.
    pub cells: Vec<Vec<String>>,
    /// What the values in one column are.
    pub told: String,
    /// The name has a line of its own above the figures.
    pub above: bool,
}

impl Labels {
    /// A column for each axis where there is room, else one of values alone, else whole names above the figures: a name
    /// that is cut would be that of other cells too.
    pub fn of(analysis: &Analysis) -> Self {
        let axes = &analysis.axes;
        let widest = |at: usize| {
            let values = analysis.cells.iter().filter_map(|cell| cell.values.get(at));
            values
                .chain([&axes[at].key])
                .map(|text| text.chars().count())
                .max()
                .unwrap_or(0)
                + 2
        };
        if !axes.is_empty() && (0..axes.len()).map(widest).sum::<usize>() <= NAMES + 4 {
            return Self {
                head: axes.iter().map(|axis| axis.key.clone()).collect(),
                cells: analysis
                    .cells
                    .iter()
                    .map(|cell| cell.values.clone())
                    .collect(),
                told: String::new(),
                above: false,
            };
        }
        let (names, told) = short_names(analysis, NAMES);
        if names.iter().all(|name| name.chars().count() <= NAMES) {
            return Self {
                head: vec!["cell".into()],
                cells: names.into_iter().map(|name| vec![name]).collect(),
                told,
                above: false,
            };
        }
        Self {
            head: Vec::new(),
            cells: vec![Vec::new(); analysis.cells.len()],
            told: String::new(),
            above: true,
        }
    }
}

/// The whole names of all cells where they have no more than `most` letters, or their values alone where those have, and
/// then what the values are.
pub(super) fn short_names(analysis: &Analysis, most: usize) -> (Vec<String>, String) {
    let cells = || 0..analysis.cells.len();
    let fit = |names: &[String]| names.iter().all(|name| name.chars().count() <= most);
    let whole: Vec<String> = cells().map(|at| analysis.cells[at].id.clone()).collect();
    let short = names::aligned(analysis);
    match !fit(&whole) && fit(&short) {
        true => (short, format!("cell: {}", names::axes(analysis))),
        false => (whole, String::new()),
    }
}
