//! The arguments of `wattgrad measure`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgGroup;

use crate::energy::log::{Decimal, LogOptions, TimeUnit, Unit};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    group = ArgGroup::new("what").args(["commands", "argv", "log"]).required(true),
    override_usage = "wattgrad measure [OPTIONS] -- COMMAND [ARGS]...\n       \
        wattgrad measure [OPTIONS] 'COMMAND' 'COMMAND'...\n       \
        wattgrad measure [OPTIONS] --log FILE",
    after_help = "Examples:\n  wattgrad measure --runs 5 --warmup 1 'gzip -k -9 data' 'xz -k data'\n  \
        wattgrad measure --log nvidia-smi.csv --from 10 --to 70"
)]
pub struct Args {
    /// Shell commands to run in turn and compare
    #[arg(value_name = "COMMAND")]
    pub commands: Vec<String>,

    /// One command with its arguments, run once without a shell
    #[arg(last = true, value_name = "COMMAND")]
    pub argv: Vec<OsString>,

    /// Runs of each command
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with_all = ["argv", "log"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,

    /// Warm-up runs of each command before the measured runs
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ["argv", "log"])]
    pub warmup: u32,

    /// Shell command to run before each run, not measured
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["argv", "log"])]
    pub prepare: Option<String>,

    /// Write every run and the comparison as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["argv", "log"])]
    pub export_json: Option<PathBuf>,

    /// Write the comparison as a Markdown table
    #[arg(long, value_name = "FILE", conflicts_with_all = ["argv", "log"])]
    pub export_markdown: Option<PathBuf>,

    /// Compute energy from the log of another program, `-` for stdin
    #[arg(long, value_name = "FILE", alias = "replay")]
    pub log: Option<PathBuf>,

    /// Column of power or energy, by name or number [default: found by its name]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["commands", "argv"])]
    pub column: Option<String>,

    /// Unit of that column, such as W, mW, J or kWh [default: detected]
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["commands", "argv"], value_parser = unit)]
    pub unit: Option<Unit>,

    /// Each row has the energy since the previous row
    #[arg(long, conflicts_with_all = ["commands", "argv"])]
    pub per_row: bool,

    /// Column of the time, by name or number [default: found by its name]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["commands", "argv"])]
    pub time: Option<String>,

    /// Unit of the time: s, ms, us, ns or iso [default: detected]
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["commands", "argv"], value_parser = time_unit)]
    pub time_unit: Option<TimeUnit>,

    /// Use only rows whose column has this value, such as gpu=0; repeatable
    #[arg(long = "where", value_name = "COLUMN=VALUE", conflicts_with_all = ["commands", "argv"], value_parser = condition)]
    pub rows: Vec<(String, String)>,

    /// Start of the window, in seconds or as a date and time [default: first row]
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    pub from: Option<String>,

    /// End of the window [default: last row]
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with_all = ["commands", "argv"],
        allow_hyphen_values = true
    )]
    pub to: Option<String>,

    /// Character before the decimals: `.` or `,` [default: as the cells show]
    #[arg(long, value_name = "CHAR", value_parser = decimal, conflicts_with_all = ["commands", "argv"])]
    pub decimal: Option<Decimal>,

    /// Averaging time of the sensor in seconds [default: one row]
    #[arg(long, value_name = "S", conflicts_with_all = ["commands", "argv"], allow_hyphen_values = true)]
    pub averaging: Option<f64>,

    /// Fail if a row in the window has no reading
    #[arg(long, conflicts_with_all = ["commands", "argv"])]
    pub strict: bool,

    /// Value at which the energy counter wraps to 0
    #[arg(long, value_name = "VALUE", conflicts_with_all = ["commands", "argv"])]
    pub wraps_at: Option<f64>,

    /// Also report CPU time times W watts per core, marked as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    pub assume_watts_per_core: Option<f64>,

    /// Print JSON; the output of the commands goes to stderr
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// What to take from the log.
    pub fn log_options(&self) -> LogOptions {
        LogOptions {
            column: self.column.clone(),
            unit: self.unit,
            per_row: self.per_row,
            time: self.time.clone(),
            time_unit: self.time_unit,
            rows: self.rows.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            decimal: self.decimal,
            averaging: self.averaging,
            strict: self.strict,
            wraps_at: self.wraps_at,
        }
    }
}

fn unit(word: &str) -> Result<Unit, String> {
    Unit::parse(word)
        .ok_or_else(|| format!("unknown unit {word:?}: use one of {}", Unit::symbols()))
}

fn decimal(word: &str) -> Result<Decimal, String> {
    Decimal::parse(word).ok_or_else(|| format!("{word:?} is not `.` or `,`"))
}

fn time_unit(word: &str) -> Result<TimeUnit, String> {
    TimeUnit::parse(word)
        .ok_or_else(|| format!("unknown unit of time {word:?}: use s, ms, us, ns or iso"))
}

fn condition(text: &str) -> Result<(String, String), String> {
    let (column, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not COLUMN=VALUE, such as gpu=0"))?;
    Ok((column.trim().to_owned(), value.trim().to_owned()))
}
