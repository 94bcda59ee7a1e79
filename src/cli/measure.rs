//! `wattgrad measure`.

mod child;
mod compare;
mod export;
mod once;
mod ratio;
mod replay;
mod rows;
#[cfg(unix)]
mod signals;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgGroup;

pub use rows::clip;

use super::args::Global;
use super::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    group = ArgGroup::new("what").args(["commands", "argv", "replay"]).required(true),
    override_usage = "wattgrad measure [OPTIONS] -- COMMAND [ARGS]...\n       \
        wattgrad measure [OPTIONS] 'COMMAND' 'COMMAND'...\n       \
        wattgrad measure [OPTIONS] --replay FILE --column NAME --unit UNIT",
    after_help = "Examples:\n  wattgrad measure -- sleep 2\n  wattgrad measure --runs 5 --warmup 1 'gzip -k -9 data' 'xz -k data'"
)]
pub struct Args {
    /// Commands for the shell, run in turn and compared
    #[arg(value_name = "COMMAND")]
    commands: Vec<String>,

    /// One command and its arguments, run once and without a shell
    #[arg(last = true, value_name = "COMMAND")]
    argv: Vec<OsString>,

    /// Runs of each command
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with_all = ["argv", "replay"],
        value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Runs of each command before those that count
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ["argv", "replay"])]
    warmup: u32,

    /// Command for the shell before each run, outside of the window
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["argv", "replay"])]
    prepare: Option<String>,

    /// Write every run and the comparison as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["argv", "replay"])]
    export_json: Option<PathBuf>,

    /// Write the comparison as a table in Markdown
    #[arg(long, value_name = "FILE", conflicts_with_all = ["argv", "replay"])]
    export_markdown: Option<PathBuf>,

    /// Settle recorded readings instead: CSV, plain or gzipped, with a line of names; the first column is seconds
    #[arg(long, value_name = "FILE", requires_all = ["column", "unit"])]
    replay: Option<PathBuf>,

    /// Column of the readings
    #[arg(long, value_name = "NAME", conflicts_with_all = ["commands", "argv"])]
    column: Option<String>,

    /// Whether the readings are power or a counter of energy
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["commands", "argv"])]
    unit: Option<replay::Unit>,

    /// Begin of the window in the recording's seconds [default: its first reading]
    #[arg(
        long,
        value_name = "S",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    from: Option<f64>,

    /// End of the window in the recording's seconds [default: its last reading]
    #[arg(
        long,
        value_name = "S",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    to: Option<f64>,

    /// Seconds over which the instrument averages; shorter than a tenth of the window [default: one reading]
    #[arg(
        long,
        value_name = "S",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    averaging: Option<f64>,

    /// Assume that a busy core draws this many watts, and give joules of CPU time marked as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    assume_watts_per_core: Option<f64>,

    /// Print JSON instead of the table; the commands' own output goes to stderr
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if let Some(file) = &args.replay {
        replay::run(file, args)
    } else if let Some((program, rest)) = args.argv.split_first() {
        once::run(program, rest, args, global)
    } else {
        compare::run(args, global)
    }
}
