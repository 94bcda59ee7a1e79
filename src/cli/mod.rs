//! The command line: one file a command, each parses, calls the library and prints.

mod args;
mod calibrate;
mod completions;
mod doctor;
mod explain;
mod failure;
mod man;
mod margin;
mod measure;
mod output;
mod progress;
mod report;
mod study;
mod study_progress;
mod train;
mod watch;
mod wrap;

use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command, Global};
use failure::Failure;

/// Exit code of a run that a signal ended.
const INTERRUPTED: u8 = 130;

/// Parses the command line, runs the command, tells what went wrong.
pub fn main() -> ExitCode {
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, and a closed pipe is no reason to complain.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    cli.global.color.write_global();
    output::log(&cli.global);
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.tell(),
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    let global: &Global = &cli.global;
    match &cli.command {
        Command::Doctor(args) => doctor::run(args, global),
        Command::Calibrate(args) => calibrate::run(args, global),
        Command::Measure(args) => measure::run(args, global),
        Command::Watch(args) => watch::run(args, global),
        Command::Train(args) => train::run(args, global),
        Command::Report(args) => report::run(args, global),
        Command::Study(args) => study::run(args, global),
        Command::Explain(args) => explain::run(args, global),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

/// A flag that the first Ctrl-C or termination sets; the second ends the program at once.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    #[cfg(unix)]
    let nohup = hang_up_is_ignored();
    let set = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(INTERRUPTED));
        }
    });
    if let Err(error) = set {
        tracing::warn!("an interrupt will end the run without its record: {error}");
    }
    #[cfg(unix)]
    if nohup {
        // SAFETY: it is ignored again, as whoever started this program has it.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    stop
}

/// Whether this program was started to outlive its terminal (`nohup`), which the handler would undo.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    // SAFETY: all zero is a valid `sigaction`, nothing is set, and what is read goes to a struct of our own.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}
