//! The arguments of `wattgrad measure`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgGroup;
use regex::bytes::Regex;

use super::comparing::Comparing;
use crate::energy::log::{Decimal, LogOptions, TimeUnit, Unit};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    group = ArgGroup::new("what").args(["commands", "argv", "log"]).required(true),
    override_usage = "wattgrad measure [OPTIONS] -- PROGRAM [ARGS]...\n       \
        wattgrad measure [OPTIONS] 'COMMAND' 'COMMAND'...\n       \
        wattgrad measure [OPTIONS] --log FILE",
    after_help = "Examples:\n  wattgrad measure --runs 5 --warmup 1 'gzip -k -9 data' 'xz -k data'\n  \
        wattgrad measure --log nvidia-smi.csv --from 10 --to 40"
)]
pub struct Args {
    /// Shell commands to run in turn and compare
    #[arg(value_name = "COMMAND")]
    pub commands: Vec<String>,

    /// One program with its arguments, after `--`: run once without a shell
    #[arg(last = true, value_name = "PROGRAM")]
    pub argv: Vec<OsString>,

    /// Report joules above the idle power of this long before and after, such as 10s
    #[arg(long, value_name = "TIME", conflicts_with = "log", value_parser = seconds)]
    pub baseline: Option<f64>,

    /// Report each part of the run between lines of its output that match REGEX
    #[arg(long, value_name = "REGEX", conflicts_with_all = ["commands", "log"], value_parser = pattern)]
    pub phase: Option<Regex>,

    /// Compute energy from the log of another program, `-` for stdin
    #[arg(long, value_name = "FILE", visible_alias = "replay")]
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

    /// Print JSON; the output of the command goes to stderr
    #[arg(long)]
    pub json: bool,

    // Last, because its heading would go on with what follows.
    #[command(flatten)]
    pub comparing: Comparing,
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

/// Seconds of `10`, `10s`, `500ms` or `2min`.
fn seconds(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match text[digits.len()..].trim() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        _ => return Err("use seconds, such as 10s".to_owned()),
    };
    let number = digits.trim().parse::<f64>();
    let seconds = number.map_err(|_| "use seconds, such as 10s".to_owned())? * scale;
    match (1.0..=3600.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("it must be between 1 s and 3600 s".to_owned()),
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        // The last line of several is the reason.
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default();
        reason.trim_start_matches("error: ").to_owned()
    })
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
        .ok_or_else(|| format!("unknown unit of time {word:?}: use s, min, h, ms, us, ns or iso"))
}

fn condition(text: &str) -> Result<(String, String), String> {
    let (column, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not COLUMN=VALUE, such as gpu=0"))?;
    Ok((column.trim().to_owned(), value.trim().to_owned()))
}
