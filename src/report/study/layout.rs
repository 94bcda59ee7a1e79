//! Width and styles of the terminal's report.

use super::regimes::wrap;

/// The widest line.
pub const WIDTH: usize = 80;

pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const GREEN: &str = "\x1b[1;32m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const PLAIN: &str = "\x1b[0m";

/// `text` in lines, the first of which begins with `first` and the others with `rest`.
pub(super) fn lines(text: &str, first: &str, rest: &str) -> String {
    wrap(text, WIDTH, first, rest).join("\n") + "\n"
}
