//! The arguments of `wattgrad measure`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgGroup;

/// The unit of recorded readings: power, or an energy counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Unit {
    Watts,
    Joules,
}

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
    /// Shell commands to run in turn and compare
    #[arg(value_name = "COMMAND")]
    pub commands: Vec<String>,

    /// One command with its arguments, run once without a shell
    #[arg(last = true, value_name = "COMMAND")]
    pub argv: Vec<OsString>,

    /// Runs of each command
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with_all = ["argv", "replay"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,

    /// Runs of each command before the runs that count
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ["argv", "replay"])]
    pub warmup: u32,

    /// Shell command to run before each run, not measured
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["argv", "replay"])]
    pub prepare: Option<String>,

    /// Write every run and the comparison as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["argv", "replay"])]
    pub export_json: Option<PathBuf>,

    /// Write the comparison as a Markdown table
    #[arg(long, value_name = "FILE", conflicts_with_all = ["argv", "replay"])]
    pub export_markdown: Option<PathBuf>,

    /// Compute energy from a recorded log (CSV) instead of running a command
    #[arg(long, value_name = "FILE", requires_all = ["column", "unit"])]
    pub replay: Option<PathBuf>,

    /// Column of the readings in the log
    #[arg(long, value_name = "NAME", conflicts_with_all = ["commands", "argv"])]
    pub column: Option<String>,

    /// Unit of the readings
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["commands", "argv"])]
    pub unit: Option<Unit>,

    /// Start of the window in the log's seconds [default: first reading]
    #[arg(
        long,
        value_name = "S",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    pub from: Option<f64>,

    /// End of the window in the log's seconds [default: last reading]
    #[arg(
        long,
        value_name = "S",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    pub to: Option<f64>,

    /// Averaging time of the sensor; at most a tenth of the window
    #[arg(
        long,
        value_name = "S",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    pub averaging: Option<f64>,

    /// Also report CPU time times W watts per core, marked as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    pub assume_watts_per_core: Option<f64>,

    /// Print JSON; the output of the commands goes to stderr
    #[arg(long)]
    pub json: bool,
}
