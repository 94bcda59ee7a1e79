//! One command, run once.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;

use crate::cli::failure::Failure;
use crate::cli::global::Global;
use crate::cli::interrupt::INTERRUPTED;
use crate::cli::output;
use crate::energy::Meter;
use crate::units::seconds;

use super::args::Args;
use super::baseline::{Baseline, Before, UNMEASURED};
use super::child::{self, Ended};
use super::phases::{self, Parts, Reader};
use super::result::{Run, SCHEMA};
use super::row;
use super::single::SingleRun;

pub fn run(
    program: &OsStr,
    arguments: &[OsString],
    args: &Args,
    global: &Global,
) -> Result<u8, Failure> {
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    child::pass_signals();
    let before = Before::measure(&meter, args.baseline);
    let mut command = child::program(program, arguments, args.json);
    if args.phase.is_some() {
        command.stdout(Stdio::piped());
    }
    let window = meter.start();
    if child::interrupted() {
        return Ok(INTERRUPTED);
    }
    let mut reader = None;
    let ended = child::run_reading(command, |pipe| {
        let pattern = args.phase.clone();
        reader = pattern.map(|pattern| Reader::start(pipe, pattern, args.json));
    })?;
    let mut parts = Parts::default();
    let result = window.finish_with(|from, to| {
        parts = reader
            .as_ref()
            .map(|reader| reader.phases(from, to))
            .unwrap_or_default();
        parts.spans()
    });
    let notes = reader.is_some().then(|| parts.notes());
    let phases = reader.is_some().then(|| parts.with_joules(&result));
    let mut run = Run {
        phases,
        notes: notes.unwrap_or_default(),
        ..Run::new(result.sources, ended)
    };
    if args.baseline.is_some() && before.is_none() {
        run.notes.push(UNMEASURED.to_owned());
    }
    let baseline = before.map(Before::finish);
    if let Some(baseline) = &baseline {
        baseline.apply(&mut run);
    }
    let printed = if args.json {
        output::print_json(&SingleRun {
            schema: SCHEMA,
            run: &run,
            baseline: baseline.as_ref(),
        })
    } else {
        output::print_text(&text(program, &run, baseline.as_ref(), ended))
    };
    // The exit code is that of the command, whether or not the result was read.
    printed.or_else(Failure::unless_closed_pipe)?;
    if let Some(reader) = reader {
        reader.finish();
    }
    if let Some(signal) = ended.signal {
        child::die_by(signal);
    }
    Ok(ended.exit())
}

fn text(program: &OsStr, run: &Run, baseline: Option<&Baseline>, ended: Ended) -> String {
    let phases = run.phases.as_deref().map_or(String::new(), phases::table);
    let notes: String = run.notes.iter().map(|note| format!("{note}\n")).collect();
    format!(
        "{}{}{phases}{notes}{} ran {} and {}; {}.\n",
        row::table(&run.sources),
        baseline.map_or(String::new(), Baseline::text),
        program.to_string_lossy(),
        seconds(ended.seconds),
        ended.describe(),
        row::clause(&run.sources)
    )
}
