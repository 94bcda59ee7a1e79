//! Long lines on a terminal: broken between words, and what follows stays below its column.

use textwrap::{Options, WordSplitter, wrap};

/// Where a terminal is narrower than this, breaking lines makes them no easier to read.
const LEAST: usize = 40;

/// How far a line that goes on stands behind where its column began.
const INDENT: usize = 2;

/// Breaks the lines of `text` that are wider than the terminal; a `width` of `None` is no terminal, and nothing changes.
pub fn lines(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| *width >= LEAST) else {
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
    // Paths and flags stay whole, to be copied.
    let options = Options::new(width)
        .subsequent_indent(&margin)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    wrap(line, options).join("\n")
}

/// Where the last column of a table's line begins; that of its first where the last is too far right to go on below it.
fn column(line: &str, width: usize) -> usize {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let before = |gap: usize| line[..gap].chars().count() + 2;
    line.rmatch_indices("  ")
        .map(|(gap, _)| before(gap))
        .next()
        .filter(|start| *start <= width * 3 / 4)
        .unwrap_or(indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words_below_their_column() {
        let text = "short\n\
                    energy  rapl: no counter at /sys/class/powercap/intel-rapl; sudo modprobe it\n\
                    a line of words that has no column anywhere in it\n";
        assert_eq!(
            lines(text, Some(48)),
            "short\n\
             energy  rapl: no counter at\n          /sys/class/powercap/intel-rapl; sudo\n          modprobe it\n\
             a line of words that has no column anywhere in\n  it\n"
        );
    }

    #[test]
    fn what_begins_far_to_the_right_goes_on_below_the_first_column() {
        let line = "  *  0  a device with a rather long name  cpu and more of it";
        let broken = "  *  0  a device with a rather long name\n    cpu and more of it";
        assert_eq!(lines(line, Some(44)), broken);
    }

    #[test]
    fn without_a_terminal_or_room_nothing_changes() {
        let text = "one two three four five six seven eight nine ten\n\nend";
        for width in [None, Some(10), Some(80)] {
            assert_eq!(lines(text, width), text);
        }
    }
}
