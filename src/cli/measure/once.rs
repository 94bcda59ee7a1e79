//! One command, run once.

use std::ffi::{OsStr, OsString};

use crate::cli::failure::Failure;
use crate::cli::global::Global;
use crate::cli::interrupt::INTERRUPTED;
use crate::cli::output;
use crate::energy::Meter;
use crate::units::seconds;

use super::args::Args;
use super::child;
use super::result::{self, Run, SCHEMA, SingleRun};

pub fn run(
    program: &OsStr,
    arguments: &[OsString],
    args: &Args,
    global: &Global,
) -> Result<u8, Failure> {
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    child::pass_signals();
    let command = child::program(program, arguments, args.json);
    let window = meter.start();
    if child::interrupted() {
        return Ok(INTERRUPTED);
    }
    let ended = child::run(command)?;
    let run = Run {
        sources: window.stop().into_iter().map(Into::into).collect(),
        seconds: ended.seconds,
        exit_code: Some(ended.code),
    };
    let printed = if args.json {
        output::print_json(&SingleRun {
            schema: SCHEMA,
            run: &run,
        })
    } else {
        let ending = match ended.signal {
            Some(signal) => format!("was ended by signal {signal}"),
            None => format!("ended with exit code {}", ended.code),
        };
        output::print_text(&format!(
            "{}{} ran {} and {ending}; {}.\n",
            result::table(&run.sources),
            program.to_string_lossy(),
            seconds(ended.seconds),
            result::clause(&run.sources)
        ))
    };
    // The exit code is that of the command, whether or not the result was read.
    printed.or_else(Failure::unless_closed_pipe)?;
    if let Some(signal) = ended.signal {
        child::die_by(signal);
    }
    Ok(ended.exit())
}
