//! The names of cells: whole, or as the values of what varies; and where a line may be broken without tearing one.

use textwrap::WordSeparator;
use textwrap::core::Word;

use crate::study::analysis::Analysis;

/// Between two values.
const BETWEEN: &str = " · ";

/// The axes that vary, in the order of the study's file.
pub(super) fn varying(analysis: &Analysis) -> Vec<usize> {
    (0..analysis.axes.len())
        .filter(|axis| analysis.axes[*axis].values.len() > 1)
        .collect()
}

/// What varies: `batch-size · lr`.
pub(super) fn axes(analysis: &Analysis) -> String {
    let keys: Vec<&str> = varying(analysis)
        .into_iter()
        .map(|axis| analysis.axes[axis].key.as_str())
        .collect();
    keys.join(BETWEEN)
}

/// A cell by the values of what varies, `64 · 0.1`; by its whole name where there are no axes.
pub(super) fn values(analysis: &Analysis, cell: usize) -> String {
    let known = &analysis.cells[cell];
    let values: Vec<&str> = varying(analysis)
        .into_iter()
        .filter_map(|axis| known.values.get(axis))
        .map(String::as_str)
        .collect();
    match values.is_empty() {
        true => known.id.clone(),
        false => values.join(BETWEEN),
    }
}

/// All cells by these values, each below those of the same axis.
pub(super) fn aligned(analysis: &Analysis) -> Vec<String> {
    let axes = varying(analysis);
    let width = |axis: &usize| {
        let values = analysis.axes[*axis].values.iter();
        values.map(|value| value.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = axes.iter().map(width).collect();
    let cells = analysis.cells.iter().map(|cell| {
        let values = axes.iter().zip(&widths);
        let values: Vec<String> = values
            .filter_map(|(axis, width)| Some(format!("{:>width$}", cell.values.get(*axis)?)))
            .collect();
        match values.is_empty() {
            true => cell.id.clone(),
            false => values.join(BETWEEN),
        }
    });
    cells.collect()
}

/// The parts of a name, `batch-size=64` and `lr=0.1`; each but the last with its comma.
pub(super) fn parts(id: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, _) in id.match_indices(',') {
        // Thousands have a comma too.
        if id[at + 1..].starts_with(char::is_alphabetic) {
            parts.push(&id[from..=at]);
            from = at + 1;
        }
    }
    parts.push(&id[from..]);
    parts
}

/// Breaks lines at spaces and between the parts of a name, and not between a number and `%`.
pub(super) fn separator() -> WordSeparator {
    WordSeparator::Custom(|line| {
        let mut words: Vec<&str> = Vec::new();
        let mut from = 0;
        for (at, _) in line.match_indices(' ') {
            let rest = &line[at + 1..];
            if !rest.starts_with([' ', '%']) {
                words.extend(parts(&line[from..=at]));
                from = at + 1;
            }
        }
        words.extend(parts(&line[from..]));
        Box::new(words.into_iter().map(Word::from))
    })
}

#[cfg(test)]
mod tests {
    use textwrap::{Options, WordSplitter, wrap};

    use super::*;

    #[test]
    fn names_are_parted_and_numbers_are_not() {
        assert_eq!(
            parts("batch-size=64,lr=0.1,momentum=0"),
            ["batch-size=64,", "lr=0.1,", "momentum=0"]
        );
        assert_eq!(parts("6,000"), ["6,000"]);
        assert_eq!(parts(""), [""]);
    }

    #[test]
    fn lines_are_broken_between_the_parts_of_a_name_and_not_before_a_percent_sign() {
        let options = Options::new(24)
            .word_separator(separator())
            .word_splitter(WordSplitter::NoHyphenation);
        let text = "batch-size=32,lr=0.03,momentum=0.9 reached its 90.00 % of it";
        assert_eq!(
            wrap(text, options),
            [
                "batch-size=32,lr=0.03,",
                "momentum=0.9 reached its",
                "90.00 % of it"
            ]
        );
    }
}
