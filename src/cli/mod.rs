//! The command line: one file per command, which parses, calls the library and prints.

mod args;
mod bench;
mod calibrate;
mod completions;
mod doctor;
mod explain;
mod failure;
mod global;
mod infer;
mod interrupt;
mod lr_find;
mod man;
mod margin;
mod measure;
mod output;
mod port;
mod profile;
mod progress;
mod report;
mod roofline;
mod run_meter;
mod search;
mod step_profile;
mod study;
mod study_progress;
mod train;
mod tune;
mod watch;
mod watch_log;
mod wrap;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command};
use failure::Failure;

/// Parses the command line, runs the command and reports errors.
pub fn main() -> ExitCode {
    let parsed = args::command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, and a closed pipe is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    cli.global.color.write_global();
    output::log(&cli.global);
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.report(),
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Doctor(args) => doctor::run(args, global),
        Command::Calibrate(args) => calibrate::run(args, global),
        Command::Measure(args) => measure::run(args, global),
        Command::Watch(args) => watch::run(args, global),
        Command::Train(args) => train::run(args, global),
        Command::Report(args) => report::run(args, global),
        Command::Study(args) => study::run(args, global),
        Command::Search(args) => search::run(args, global),
        Command::Infer(args) => infer::run(args, global),
        Command::LrFind(args) => lr_find::run(args, global),
        Command::Explain(args) => explain::run(args, global),
        Command::Bench(args) => bench::run(args, global),
        Command::Profile(args) => step_profile::run(args, global),
        Command::Roofline(args) => roofline::run(args, global),
        Command::Tune(args) => tune::run(args, global),
        Command::Port(args) => port::run(args, global),
        Command::Completions(args) => completions::run(args, &mut Cli::command()),
        Command::Man(args) => man::run(args, Cli::command()),
    }
}
