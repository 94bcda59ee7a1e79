//! `wattgrad watch`.

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::energy::{LiveReading, Meter, Selection, Status};
use crate::report::{Align, columns};
use crate::units::{seconds, si};

use super::args::Global;
use super::failure::Failure;
use super::measure::clip;
use super::output::{self, say};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad watch\n  wattgrad watch --interval 0.5 --samples 20 --json"
)]
pub struct Args {
    /// Seconds from one sample to the next, and over which watts are averaged
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1.0,
        allow_hyphen_values = true
    )]
    interval: f64,

    /// End after so many samples [default: at Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    samples: Option<u64>,

    /// Assume that a busy core draws this many watts, and show those of this process as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    assume_watts_per_core: Option<f64>,

    /// Print a JSON object a sample
    #[arg(long)]
    json: bool,
}

/// Names beyond this are cut.
const LONGEST_NAME: usize = 32;

/// A source that can be read and has shown nothing for so long is not waited for any longer.
const PATIENCE_SECONDS: f64 = 30.0;

/// One line of `--json`.
#[derive(Serialize)]
struct Sample<'a> {
    /// Since the first reading.
    seconds: f64,
    sources: &'a [LiveReading],
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if !(args.interval >= 0.05 && args.interval <= 3600.0) {
        return Err(Failure::misuse(format!(
            "an interval of {} s is none to watch at: give 0.05 to 3600 seconds",
            args.interval
        )));
    }
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    let (interrupt, interrupted) = mpsc::channel();
    if let Err(error) = ctrlc::set_handler(move || {
        // Nobody listens only where the display has ended.
        let _ = interrupt.send(());
    }) {
        tracing::warn!("an interrupt will not end the display quietly: {error}");
    }
    let began = Instant::now();
    let live = meter.live();
    let redraw = !args.json && std::io::stdout().is_terminal();
    let mut drawn = 0;
    let mut before: Option<Vec<LiveReading>> = None;
    let mut shown = false;
    let mut next = Instant::now();
    for sample in 0.. {
        if args.samples == Some(sample) {
            break;
        }
        next += Duration::from_secs_f64(args.interval);
        let wait = next.saturating_duration_since(Instant::now());
        match interrupted.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) => break,
            // Without a handler the channel is closed, and Ctrl-C ends the process itself.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
        let rows = live.watts(args.interval);
        let at = began.elapsed().as_secs_f64();
        shown |= rows.iter().any(|row| row.watts.is_some());
        let waited = !shown && at >= PATIENCE_SECONDS.max(2.0 * args.interval);
        // Who asked for no source at all gets what was asked for.
        let nothing = !rows.is_empty() && (live.over() || waited);
        if drawn > 0 {
            // Up by what was drawn, and all below it wiped.
            output::print(&format!("\x1b[{drawn}A\x1b[J"))?;
        }
        if !args.json {
            explain(global, &rows, before.as_deref());
            if nothing {
                return Err(closing(shown, global));
            }
        }
        if args.json {
            let line = serde_json::to_string(&Sample {
                seconds: at,
                sources: &rows,
            })
            .map_err(|error| Failure::failed(format!("a sample cannot be JSON: {error}")))?;
            output::print(&(line + "\n"))?;
        } else if redraw {
            let text = table(&rows, at);
            drawn = text.lines().count();
            output::print(&text)?;
        } else {
            output::print(&line(&rows, at))?;
        }
        before = Some(rows);
        if args.json && nothing {
            return Err(closing(shown, global));
        }
    }
    Ok(0)
}

/// What ends a display that has nothing to show.
fn closing(shown: bool, global: &Global) -> Failure {
    let when = if shown { "any more" } else { "here" };
    let with = match global.selection() {
        Ok(Selection::Auto) => "",
        _ => " with the same --meter",
    };
    Failure::failed(format!(
        "no source shows watts {when}: `wattgrad doctor`{with} says what would open one"
    ))
}

/// Why a source shows nothing: at first, and when one shows no more that did `before`.
fn explain(global: &Global, rows: &[LiveReading], before: Option<&[LiveReading]>) {
    let told = |at: usize| match before {
        None => true,
        Some(before) => before[at].watts.is_some() && rows[at].watts.is_none(),
    };
    for (at, row) in rows.iter().enumerate() {
        if let Some(reason) = row.reason.as_ref().filter(|_| told(at)) {
            let fix = row
                .fix
                .as_ref()
                .map_or(String::new(), |fix| format!("; fix: {fix}"));
            say(global, &format!("{}: {reason}{fix}", row.source));
        }
    }
    if rows.is_empty() && before.is_none() {
        say(global, "nothing is watched (meter none)");
    }
}

fn watts(row: &LiveReading) -> String {
    match row.watts {
        Some(watts) => format!("{}W", si(watts)),
        None => "-".into(),
    }
}

fn state(row: &LiveReading) -> &'static str {
    match row.status {
        Status::Measured => "",
        Status::Assumed => "assumed",
        Status::Shared => "shared",
        Status::Unavailable => "unavailable",
    }
}

/// The sources that show something; all where none does.
fn table(rows: &[LiveReading], at: f64) -> String {
    let any = rows.iter().any(|row| row.watts.is_some());
    let cells: Vec<Vec<String>> = rows
        .iter()
        .filter(|row| !any || row.watts.is_some())
        .map(|row| {
            vec![
                // A line that is broken by the terminal would not be wiped whole.
                clip(&row.source, LONGEST_NAME),
                row.scope.name().into(),
                watts(row),
                state(row).into(),
            ]
        })
        .collect();
    let sides = [Align::Left, Align::Left, Align::Right, Align::Left];
    format!("after {}\n{}", seconds(at), columns(&cells, &sides, "  "))
}

fn line(rows: &[LiveReading], at: f64) -> String {
    let cells: Vec<String> = rows
        .iter()
        .map(|row| {
            let state = state(row);
            match (row.watts, state) {
                (None, _) => format!("{} {state}", row.source),
                (Some(_), "") => format!("{} {}", row.source, watts(row)),
                (Some(_), state) => format!("{} {} {state}", row.source, watts(row)),
            }
        })
        .collect();
    format!("{at:.2} s  {}\n", cells.join("  "))
}
