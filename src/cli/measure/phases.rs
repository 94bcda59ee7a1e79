//! `--phase`: the parts of a run between lines of its output, and the joules of each.

use std::io::{self, Read as _, Write};
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use regex::bytes::Regex;
use serde::Serialize;

use crate::cli::wrap::clip;
use crate::energy::{Moment, SourceResult, Status, WindowResult, explain};
use crate::report::{Align, columns};
use crate::units::seconds;

use super::row::{Row, amount_of};

/// A part of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Phase {
    /// The first group of the pattern, or all that it matched.
    pub name: String,
    /// From the start of the run.
    pub start_seconds: f64,
    pub seconds: f64,
    pub sources: Vec<Row>,
}

/// The name of the part before the first line that matches.
const FIRST: &str = "before the first match";
/// A pattern that matches more lines is not one of phases.
const MOST: usize = 1000;
/// The start of a line that is searched.
const LINE_BYTES: usize = 64 * 1024;
/// A process that the command left behind may keep its output open.
const PATIENCE: Duration = Duration::from_secs(1);

/// The last lines of a command are read up to this many seconds after its end; later ones are not its own.
const READING: f64 = 0.1;

/// A line that begins a phase.
struct Cut {
    /// Seconds on the monotonic clock.
    at: f64,
    name: String,
}

/// Reads the output of a command while it runs.
pub struct Reader {
    cuts: Receiver<Cut>,
    thread: std::thread::JoinHandle<()>,
}

impl Reader {
    /// Passes `pipe` on unchanged, to stderr with `json`.
    pub fn start(pipe: ChildStdout, pattern: Regex, json: bool) -> Self {
        let (sender, cuts) = channel();
        let thread = std::thread::spawn(move || {
            let mut out: Box<dyn Write> = match json {
                true => Box::new(io::stderr()),
                false => Box::new(io::stdout()),
            };
            let mut lines = Lines::new(pattern);
            // A reader that has gone closes the command's pipe too.
            let _ = pass_on(pipe, &mut out, |bytes| {
                let at = Moment::now().monotonic;
                lines.add(bytes, |name| {
                    let _ = sender.send(Cut { at, name });
                });
            });
        });
        Self { cuts, thread }
    }

    /// The phases of a run from `from` to `to`, without joules, once its output has ended.
    pub fn phases(&self, from: f64, to: f64) -> Parts {
        let mut cuts = vec![Cut {
            at: from,
            name: FIRST.to_owned(),
        }];
        let ended = loop {
            match self.cuts.recv_timeout(PATIENCE) {
                Ok(cut) if cut.at <= to + READING => cuts.push(Cut {
                    at: cut.at.min(to),
                    ..cut
                }),
                Ok(_) => break false,
                Err(why) => break why == RecvTimeoutError::Disconnected,
            }
        };
        let matches = cuts.len() - 1;
        cuts.truncate(MOST + 1);
        let ends: Vec<f64> = cuts.iter().skip(1).map(|cut| cut.at).chain([to]).collect();
        Parts {
            phases: cuts
                .into_iter()
                .zip(ends)
                .map(|(cut, end)| (cut.name, cut.at, end))
                .collect(),
            matches,
            ended,
        }
    }

    /// Waits until all output was passed on.
    pub fn finish(self) {
        let _ = self.thread.join();
    }
}

/// Copies `pipe` to `out`; `see` gets each piece as it arrives.
fn pass_on(
    mut pipe: ChildStdout,
    out: &mut dyn Write,
    mut see: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; LINE_BYTES];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                see(&buffer[..count]);
                out.write_all(&buffer[..count])?;
                out.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Searches the lines of a stream that comes in pieces. A last line without an end begins no phase.
struct Lines {
    pattern: Regex,
    line: Vec<u8>,
}

impl Lines {
    fn new(pattern: Regex) -> Self {
        Self {
            pattern,
            line: Vec::new(),
        }
    }

    fn add(&mut self, bytes: &[u8], mut found: impl FnMut(String)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = self.line.trim_ascii_end();
                if let Some(captures) = self.pattern.captures(line) {
                    let groups = captures.iter().skip(1).flatten();
                    let mut names = groups
                        .chain(captures.get(0))
                        .map(|name| shown(name.as_bytes()));
                    found(
                        names
                            .find(|name| !name.is_empty())
                            .unwrap_or_else(|| shown(line)),
                    );
                }
                self.line.clear();
            }
        }
    }
}

/// A name as terminals can show it.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let visible: String = text.chars().filter(|c| !c.is_control()).collect();
    visible.trim().to_owned()
}

/// The phases of a run as its output shows them.
#[derive(Default)]
pub struct Parts {
    /// Name, start and end on the monotonic clock.
    phases: Vec<(String, f64, f64)>,
    matches: usize,
    ended: bool,
}

impl Parts {
    pub fn spans(&self) -> Vec<(f64, f64)> {
        self.phases
            .iter()
            .map(|&(_, from, to)| (from, to))
            .collect()
    }

    /// What the user should know of the lines.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.matches == 0 {
            notes.push("no line of the output matched --phase: check the pattern".to_owned());
        }
        if self.matches > MOST {
            notes.push(format!(
                "{} lines matched --phase; the last phase has all after line {MOST}: use a pattern that matches fewer",
                self.matches
            ));
        }
        // A line just before the end is no sign of a buffer.
        let between = self
            .phases
            .get(1..self.matches.min(MOST))
            .unwrap_or_default();
        let together = between
            .iter()
            .filter(|(_, from, to)| to - from < 1e-4)
            .count();
        if together > 0 {
            notes.push(format!(
                "{together} of {} matching lines arrived together with the next: the command may buffer its output; \
                 use `stdbuf -oL COMMAND` or `python -u`",
                self.matches
            ));
        }
        if !self.ended {
            notes.push("a process of the command still keeps its output open".to_owned());
        }
        notes
    }

    /// The phases with their joules.
    pub fn with_joules(self, result: &WindowResult) -> Vec<Phase> {
        let start = self.phases.first().map_or(0.0, |first| first.1);
        let phases = self.phases.into_iter().enumerate();
        phases
            .map(|(at, (name, from, to))| Phase {
                name,
                start_seconds: from - start,
                seconds: to - from,
                sources: result
                    .sources
                    .iter()
                    .filter(|whole| whole.seconds.is_some())
                    .map(|whole| row(whole, result, at, to - from))
                    .collect(),
            })
            .collect()
    }
}

/// The source of `whole` in the phase `at`.
fn row(whole: &SourceResult, result: &WindowResult, at: usize, seconds: f64) -> Row {
    let mut own = whole.clone();
    own.notes.clear();
    own.seconds = Some(seconds);
    let parts = result.parts.get(at).into_iter().flatten();
    let part = parts
        .into_iter()
        .find(|part| part.source == whole.source && part.method == whole.method);
    let estimate = part.map(|part| (part.status, &part.outcome));
    own.joules = None;
    [own.ci_low, own.ci_high, own.accuracy_low, own.accuracy_high] = [None; 4];
    own.updates = None;
    match estimate {
        Some((status, Ok(found))) => {
            own.status = status;
            own.joules = Some(found.joules);
            if status != Status::Assumed {
                own.ci_low = Some(found.ci.low);
                own.ci_high = Some(found.ci.high);
                own.accuracy_low = Some(found.accuracy.low);
                own.accuracy_high = Some(found.accuracy.high);
                own.updates = Some(found.updates).filter(|updates| *updates > 0);
            }
        }
        Some((_, Err(why))) => {
            own.status = Status::Unavailable;
            own.grade = None;
            own.reason = Some(why.reason.clone());
            own.fix = None;
        }
        None => {
            own.status = Status::Unavailable;
            own.grade = None;
        }
    }
    own.into()
}

/// A table of the phases by the sources that have joules, and why the others have none.
pub fn table(phases: &[Phase]) -> String {
    let rows = || phases.iter().flat_map(|phase| &phase.sources);
    let above = rows().any(|row| row.above_idle.is_some());
    let mut cells = vec![heads(above)];
    for phase in phases {
        let mut shown = phase
            .sources
            .iter()
            .filter(|row| row.result.joules.is_some())
            .peekable();
        if shown.peek().is_none() {
            let mut line = vec![clip(&phase.name, 24), "-".into(), "-".into(), "-".into()];
            line.push(seconds(phase.seconds));
            cells.push(line);
        }
        cells.extend(shown.map(|row| {
            let power = row.result.watts();
            let mut line = vec![
                clip(&phase.name, 24),
                clip(&row.result.source, 18),
                row.energy(),
                power.map_or("-".into(), |watts| format!("{}W", crate::units::si(watts))),
                seconds(phase.seconds),
            ];
            let idle = row.above_idle.as_ref();
            line.extend(idle.map(|above| amount_of(above.joules, Some(above.half()))));
            line
        }));
    }
    let width = cells[0].len();
    for line in &mut cells {
        line.resize(width, "-".into());
    }
    let sides = [
        Align::Left,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
    ];
    columns(&cells, &sides[..width], "") + &reasons(phases)
}

fn heads(above: bool) -> Vec<String> {
    let heads = ["phase", "source", "energy", "power", "time"].map(str::to_owned);
    let above = above.then(|| "above idle".to_owned());
    heads.into_iter().chain(above).collect()
}

/// One line per source that lacks the joules of phases.
fn reasons(phases: &[Phase]) -> String {
    let mut text = String::new();
    let sources = phases.first().map_or(&[][..], |phase| &phase.sources);
    for (at, source) in sources.iter().enumerate() {
        let lacking = phases.iter().filter_map(|phase| {
            let result = &phase.sources.get(at)?.result;
            let reason = result.reason.as_ref().filter(|_| result.joules.is_none())?;
            Some((phase, explain(reason, result.fix.as_deref(), None)))
        });
        let lacking: Vec<_> = lacking.collect();
        if let Some((phase, reason)) = lacking.first() {
            text += &format!(
                "{}: no joules for {} of {} phases; {}: {reason}\n",
                source.result.source,
                lacking.len(),
                phases.len(),
                phase.name
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_pieces_name_their_phases() {
        let mut names = Vec::new();
        let mut lines = Lines::new(Regex::new(r"epoch (\d+)|done").unwrap());
        for piece in [
            "epo",
            "ch 1\nloss 2\n",
            "\x1b[1mepoch 2\x1b[0m\r\nx done\n",
            "epoch 3",
        ] {
            lines.add(piece.as_bytes(), |name| names.push(name));
        }
        assert_eq!(names, ["1", "2", "done"]);
        let mut lines = Lines::new(Regex::new("^x").unwrap());
        let mut count = 0;
        // A line without end does not fill the memory.
        for _ in 0..100 {
            lines.add(&[b'x'; LINE_BYTES], |_| count += 1);
        }
        assert!(lines.line.len() <= LINE_BYTES);
        lines.add(b"\n\xff\nx\n", |_| count += 1);
        assert_eq!(count, 2);
    }
}
