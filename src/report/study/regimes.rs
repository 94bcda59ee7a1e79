//! How tables and plots name regimes, and where their names are broken.

use textwrap::{Options, WordSeparator, WordSplitter};

use crate::study::analysis::Analysis;

/// Between two values.
const BETWEEN: &str = " · ";

/// Characters for the regime in a table of the terminal.
const ROOM: usize = 30;

/// Indices of the axes that vary.
pub(super) fn varying(analysis: &Analysis) -> Vec<usize> {
    (0..analysis.axes.len())
        .filter(|axis| analysis.axes[*axis].values.len() > 1)
        .collect()
}

/// An axis in words: `batch size`.
pub(super) fn axis_name(analysis: &Analysis, axis: usize) -> String {
    analysis.axes[axis].key.replace('-', " ")
}

/// The axes that vary: `batch size · lr`.
pub(super) fn axes(analysis: &Analysis) -> String {
    let axes = varying(analysis).into_iter();
    let names: Vec<String> = axes.map(|axis| axis_name(analysis, axis)).collect();
    names.join(BETWEEN)
}

/// A regime by its values of these axes, each padded to the axis's `widths`: `64 · 0.1`; by its name without axes.
fn padded(analysis: &Analysis, cell: usize, widths: &[usize]) -> String {
    let known = &analysis.cells[cell];
    let values = varying(analysis).into_iter().zip(widths);
    let values: Vec<String> = values
        .filter_map(|(axis, width)| Some(format!("{:>width$}", known.values.get(axis)?)))
        .collect();
    match values.is_empty() {
        true => known.name(),
        false => values.join(BETWEEN),
    }
}

/// The same without padding.
pub(super) fn values(analysis: &Analysis, cell: usize) -> String {
    padded(analysis, cell, &vec![0; analysis.axes.len()])
}

/// The columns that name the regimes in a table of the terminal.
pub(super) struct RegimeColumns {
    pub head: Vec<String>,
    /// One entry per cell, with a text for each column.
    pub cells: Vec<Vec<String>>,
    /// What the values in a single column mean.
    pub note: String,
    /// Without columns the name stands on a line above the figures.
    pub above: bool,
}

impl RegimeColumns {
    /// A column per axis where there is room, else one of values, else names above the figures. Names are never cut, since a
    /// cut name would be that of several regimes.
    pub fn of(analysis: &Analysis) -> Self {
        let axes = varying(analysis);
        let longest = |axis: usize| {
            let values = analysis.axes[axis].values.iter();
            values.map(|value| value.chars().count()).max().unwrap_or(0)
        };
        let heads: Vec<String> = axes.iter().map(|axis| axis_name(analysis, *axis)).collect();
        let wide = axes.iter().zip(&heads);
        let wide = wide.map(|(axis, head)| longest(*axis).max(head.chars().count()) + 2);
        let cells = || 0..analysis.cells.len();
        let complete = analysis
            .cells
            .iter()
            .all(|cell| cell.values.len() == analysis.axes.len());
        if !axes.is_empty() && complete && wide.sum::<usize>() <= ROOM {
            let values = |at: usize| {
                axes.iter()
                    .map(move |axis| analysis.cells[at].values[*axis].clone())
            };
            return Self {
                head: heads,
                cells: cells().map(|at| values(at).collect()).collect(),
                note: String::new(),
                above: false,
            };
        }
        let widths: Vec<usize> = axes.iter().map(|axis| longest(*axis)).collect();
        let names: Vec<String> = cells().map(|at| padded(analysis, at, &widths)).collect();
        let above = names.iter().any(|name| name.chars().count() > ROOM - 2);
        Self {
            head: if above {
                Vec::new()
            } else {
                vec!["regime".into()]
            },
            note: match above || axes.is_empty() {
                true => String::new(),
                false => format!("regime: {}", self::axes(analysis)),
            },
            cells: match above {
                true => vec![Vec::new(); names.len()],
                false => names.into_iter().map(|name| vec![name]).collect(),
            },
            above,
        }
    }
}

/// Keeps a number beside its `%`.
pub(in crate::report) fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%")
}

/// Lines of at most `width` characters.
pub(super) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(true);
    let text = unbroken(text);
    let lines = textwrap::wrap(&text, options).into_iter();
    lines.map(|line| line.replace('\u{a0}', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn breaks_no_line_before_a_percent_sign() {
        let text = "batch size 32, lr 0.03 reached its 90.00 % of it";
        for width in 12..40 {
            let lines = wrap(text, width, "", "");
            assert!(
                lines.iter().any(|line| line.contains("90.00 %")),
                "{lines:?}"
            );
        }
    }
}
