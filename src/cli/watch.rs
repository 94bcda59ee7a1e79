//! `wattgrad watch`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::energy::{LiveReading, Meter, Selection, Status, explain};
use crate::report::{Align, columns};
use crate::units::{seconds, si};

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};
use super::watch_log::Log;
use super::wrap::clip;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad watch --interval 0.5 --samples 20 --json\n  wattgrad watch --log power.csv"
)]
pub struct Args {
    /// Seconds between samples; the power is averaged over them
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1.0,
        allow_hyphen_values = true
    )]
    interval: f64,

    /// Number of samples [default: until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    samples: Option<u64>,

    /// Also show this process's CPU time times W watts per core, as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    assume_watts_per_core: Option<f64>,

    /// Also write the energy of each source to FILE, for `wattgrad measure --log FILE`
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Print one JSON object per sample
    #[arg(long)]
    json: bool,
}

/// Longer names are cut.
const LONGEST_NAME: usize = 32;

/// A source that can be read but has shown no power is given up after this long.
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
            "--interval must be between 0.05 and 3600 seconds, got {}",
            args.interval
        )));
    }
    let options = global.meter_options(args.assume_watts_per_core)?;
    let mut log = args.log.as_deref().map(Log::create).transpose()?;
    let meter = Meter::open(&options, None)?;
    let (interrupt, interrupted) = mpsc::channel();
    if let Err(error) = ctrlc::set_handler(move || {
        // Fails only where the display has ended.
        let _ = interrupt.send(());
    }) {
        tracing::warn!("cannot handle Ctrl-C ({error}): it may leave the display unfinished");
    }
    let began = Instant::now();
    let mut live = meter.live();
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
            // Without a handler the channel is closed, and Ctrl-C ends the process.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
        let rows = live.watts(args.interval);
        if let Some(log) = &mut log {
            log.add(&mut live)?;
        }
        let at = began.elapsed().as_secs_f64();
        shown |= rows.iter().any(|row| row.watts.is_some());
        let waited = !shown && at >= PATIENCE_SECONDS.max(2.0 * args.interval);
        // `--meter none` goes on without any source.
        let over = !rows.is_empty() && (live.over() || waited);
        if args.json {
            let sample = Sample {
                seconds: at,
                sources: &rows,
            };
            let line = serde_json::to_string(&sample)
                .map_err(|error| Failure::failed(format!("a sample is not valid JSON: {error}")))?;
            output::print(&(line + "\n"))?;
        } else {
            if drawn > 0 {
                // Moves up over the old table and clears it.
                output::print(&format!("\x1b[{drawn}A\x1b[J"))?;
            }
            report(global, &rows, before.as_deref());
            if over {
                return Err(no_power(shown, global));
            }
            let text = match redraw {
                true => table(&rows, at),
                false => line(&rows, at),
            };
            drawn = if redraw { text.lines().count() } else { 0 };
            output::print(&text)?;
        }
        before = Some(rows);
        if over {
            return Err(no_power(shown, global));
        }
    }
    Ok(0)
}

fn no_power(shown: bool, global: &Global) -> Failure {
    let when = if shown { " any more" } else { "" };
    let same = match global.selection() {
        Ok(Selection::Auto) => "",
        _ => " with the same --meter",
    };
    Failure::failed(format!(
        "no source shows power{when}: run `wattgrad doctor`{same} to see how to enable one"
    ))
}

/// Prints why a source shows no power: at the first sample, and where it showed power `before`.
fn report(global: &Global, rows: &[LiveReading], before: Option<&[LiveReading]>) {
    let new = |at: usize| match before {
        None => true,
        Some(before) => before[at].watts.is_some() && rows[at].watts.is_none(),
    };
    for (at, row) in rows.iter().enumerate() {
        if let Some(reason) = row.reason.as_ref().filter(|_| new(at)) {
            let reason = explain(reason, row.fix.as_deref(), None);
            say(global, &format!("{}: {reason}", row.source));
        }
    }
    if rows.is_empty() && before.is_none() {
        say(global, "no source is selected (--meter none)");
    }
}

fn watts(row: &LiveReading) -> String {
    row.watts
        .map_or("-".into(), |watts| format!("{}W", si(watts)))
}

fn state(row: &LiveReading) -> &'static str {
    match row.status {
        Status::Measured => "",
        status => status.name(),
    }
}

/// The sources that show power, or all of them where none does.
fn table(rows: &[LiveReading], at: f64) -> String {
    let any = rows.iter().any(|row| row.watts.is_some());
    let cells: Vec<Vec<String>> = rows
        .iter()
        .filter(|row| !any || row.watts.is_some())
        .map(|row| {
            vec![
                // A line wrapped by the terminal would not be cleared completely.
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
    let shown = rows.iter().filter(|row| row.watts.is_some());
    let cells = shown.map(|row| {
        let words = [row.source.clone(), watts(row), state(row).to_owned()];
        let words = words.into_iter().filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    });
    let mut cells = cells.collect::<Vec<_>>().join("  ");
    if cells.is_empty() {
        cells = "no source shows power".into();
    }
    format!("{at:.2} s  {cells}\n")
}
