//! Text in columns.

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells as lines, each column as wide as its widest cell, two spaces between. A row may have fewer cells than
/// there are columns; no line ends in spaces.
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
