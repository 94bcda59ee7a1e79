//! Text that fits: long lines are broken between words and continued below their last column, names are cut.

use std::io;

use terminal_size::{Width, terminal_size_of};
use textwrap::{Options, WordSplitter, wrap};

/// On a terminal narrower than this, broken lines are no easier to read.
const MIN_WIDTH: usize = 40;

/// Indentation of a continued line behind the start of its column.
const INDENT: usize = 2;

/// `text` as stdout shows it.
pub fn for_stdout(text: &str) -> String {
    lines(text, terminal_size_of(io::stdout()).map(|size| size.0))
}

/// `text` as stderr shows it.
pub fn for_stderr(text: &str) -> String {
    lines(text, terminal_size_of(io::stderr()).map(|size| size.0))
}

/// Breaks the lines of `text` that are wider than the terminal; nothing changes without a terminal.
fn lines(text: &str, width: Option<Width>) -> String {
    let width = width.map(|width| usize::from(width.0));
    let Some(width) = width.filter(|width| *width >= MIN_WIDTH) else {
        return text.to_owned();
    };
    text.split_inclusive('\n')
        .map(|line| {
            let (line, end) = match line.strip_suffix('\n') {
                Some(line) => (line, "\n"),
                None => (line, ""),
            };
            broken(line, width) + end
        })
        .collect()
}

fn broken(line: &str, width: usize) -> String {
    let margin = " ".repeat(column(line, width) + INDENT);
    // Paths and flags stay whole, so that they can be copied.
    let options = Options::new(width)
        .subsequent_indent(&margin)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    wrap(line, options).join("\n")
}

/// Start of the last column of a table's line, or of the first where the last begins too far to the right.
fn column(line: &str, width: usize) -> usize {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let before = |gap: usize| line[..gap].chars().count() + 2;
    line.rmatch_indices("  ")
        .map(|(gap, _)| before(gap))
        .next()
        .filter(|start| *start <= width * 3 / 4)
        .unwrap_or(indent)
}

/// `text`, shortened to `length` characters where it is longer.
pub fn clip(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(length - 2).collect();
    cut += "..";
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_long_lines_between_words_below_their_column() {
        let text = "short\n\
                    energy  rapl: no counter at /sys/class/powercap/intel-rapl; sudo modprobe it\n\
                    a line of words that has no column anywhere in it\n";
        assert_eq!(
            lines(text, Some(Width(48))),
            "short\n\
             energy  rapl: no counter at\n          /sys/class/powercap/intel-rapl; sudo\n          modprobe it\n\
             a line of words that has no column anywhere in\n  it\n"
        );
    }

    #[test]
    fn continues_below_the_first_column_where_the_last_is_far_right() {
        let line = "  *  0  a device with a rather long name  cpu and more of it";
        let broken = "  *  0  a device with a rather long name\n    cpu and more of it";
        assert_eq!(lines(line, Some(Width(44))), broken);
    }

    #[test]
    fn changes_nothing_without_terminal_or_space() {
        let text = "one two three four five six seven eight nine ten\n\nend";
        for width in [None, Some(10), Some(80)] {
            assert_eq!(lines(text, width.map(Width)), text);
        }
    }
}
