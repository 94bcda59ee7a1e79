//! Text in columns.

/// Alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows as lines with two spaces between columns. A row may have fewer texts than there are columns; no line ends in spaces.
///
/// ```
/// use wattgrad::internals::report::{Align, columns};
///
/// let rows = vec![vec!["a".to_owned(), "10".into()], vec!["bcd".into(), "9".into()]];
/// assert_eq!(columns(&rows, &[Align::Left, Align::Right], ""), "a    10\nbcd   9\n");
/// ```
pub fn columns(rows: &[Vec<String>], align: &[Align], indent: &str) -> String {
    let mut widths = vec![0; align.len()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(indent);
        for ((cell, width), side) in row.iter().zip(&widths).zip(align) {
            match side {
                Align::Left => line.push_str(&format!("{cell:<width$}  ")),
                Align::Right => line.push_str(&format!("{cell:>width$}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Characters of the longest line.
pub(super) fn width(text: &str) -> usize {
    let widths = text.lines().map(|line| line.chars().count());
    widths.max().unwrap_or(0)
}
