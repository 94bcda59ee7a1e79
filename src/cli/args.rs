//! The flags that every command has, and the list of commands.

use crate::energy::{MeterError, MeterOptions, Selection};
use crate::suggest::Suggest;
use clap::{Args, Parser, Subcommand};

use super::{calibrate, completions, doctor, explain, man, measure, report, study, train, watch};

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nfeatures: gpu, cli",
    "\nlicence: MIT OR Apache-2.0"
);

/// `rapl-energy` is under the GPL, and so is a binary that contains it; off Linux it is not in.
const VERSION_RAPL: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nfeatures: gpu, cli, rapl",
    "\nlicence: GPL-3.0 (this binary contains rapl-energy; wattgrad itself is MIT OR Apache-2.0)"
);

fn version() -> &'static str {
    if cfg!(all(feature = "rapl", target_os = "linux")) {
        VERSION_RAPL
    } else {
        VERSION
    }
}

/// Commands in their groups; clap itself knows one list only.
const TEMPLATE: &str = "\
{about}

{usage-heading} {usage}

Measure
  measure      Joules of any command; or commands compared
  watch        Live watts of every source
  doctor       What can be measured and run here, and how to unlock more
  calibrate    Examine this machine's instruments, once, to know how far they repeat

Train
  train        Train one network: accuracy, time, joules
  explain      Print the step: kernels, grids, FLOPs, bytes, memory

Compare
  study        Many regimes and seeds: which reaches the accuracy for the least energy
  report       What studies or single runs amount to: terminal, page, card, tables

More
  completions  Print a completion script for a shell
  man          Print the manual

Options
{options}{after-help}";

/// An energy laboratory for neural-network training: trains networks through hand-written WGSL kernels on any GPU and
/// says what it cost in joules, and through which instrument
#[derive(Debug, Parser)]
#[command(
    name = "wattgrad",
    version = version(),
    help_template = TEMPLATE,
    after_help = "Examples:\n  wattgrad measure -- sleep 2\n  wattgrad train --target-accuracy 0.85",
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: Global,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Joules of any command; or commands compared
    Measure(Box<measure::Args>),
    /// Live watts of every source
    Watch(watch::Args),
    /// What can be measured and run here, and how to unlock more
    Doctor(doctor::Args),
    /// Examine this machine's instruments, once, to know how far they repeat
    Calibrate(calibrate::Args),
    /// Train one network: accuracy, time, joules
    Train(Box<train::Args>),
    /// Print the step: kernels, grids, FLOPs, bytes, memory
    Explain(explain::Args),
    /// Many regimes and seeds: which reaches the accuracy for the least energy
    Study(study::Args),
    /// What studies or single runs amount to: terminal, page, card, tables
    Report(report::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual
    Man(man::Args),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Adapter to use, by index, part of its name, or PCI address; the fastest otherwise
    #[arg(long, global = true, value_name = "ADAPTER", env = "WATTGRAD_ADAPTER")]
    pub adapter: Option<String>,

    /// Energy source; several may be given, each in a flag of its own or parted by commas: auto, none, one of nvml, hwmon,
    /// pm_counters, battery, perf, rapl, apple and cpu-time, a part such as nvml:0 or rapl:package-0, or an outside meter,
    /// file:PATH or cmd:COMMAND
    #[arg(
        long,
        global = true,
        value_name = "METER",
        env = "WATTGRAD_METER",
        default_value = "auto",
        hide_possible_values = true,
        action = clap::ArgAction::Append,
        value_parser = Suggest::text(METERS),
    )]
    pub meter: Vec<String>,

    /// What the lines of file:PATH and cmd:COMMAND give beside the time: one for all of them, or one for each in their order
    #[arg(
        long,
        global = true,
        value_name = "UNIT",
        default_value = "watts",
        action = clap::ArgAction::Append,
        value_parser = Suggest::text(&["watts", "joules"]),
    )]
    pub meter_unit: Vec<String>,

    /// Say more on stderr; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// What a shell completes after `--meter`.
const METERS: &[&str] = &[
    "auto",
    "none",
    "nvml",
    "hwmon",
    "pm_counters",
    "battery",
    "perf",
    "rapl",
    "apple",
    "file:",
    "cmd:",
    "cpu-time",
];

impl Global {
    /// The sources asked for.
    pub fn selection(&self) -> Result<Selection, MeterError> {
        let names: Vec<&str> = self.meter.iter().flat_map(|given| parted(given)).collect();
        Selection::of(&names)
    }

    /// What is metered with; an unknown name or unit and impossible watts are found here, before anything is opened.
    pub fn meter_options(&self, watts: Option<f64>) -> Result<MeterOptions, MeterError> {
        let meter_units = self.meter_unit.iter().map(|unit| unit.parse());
        let meter_units = meter_units.collect::<Result<_, _>>()?;
        let options = MeterOptions {
            selection: self.selection()?,
            meter_units,
            assume_watts_per_core: watts,
            ..Default::default()
        };
        options.check()?;
        Ok(options)
    }
}

/// The names of a list parted by commas. Behind `file:` and `cmd:` a comma is the path's or the command's own; an
/// environment variable that is set to nothing names nothing.
fn parted(mut given: &str) -> Vec<&str> {
    let mut names = Vec::new();
    loop {
        given = given.trim();
        let outside = given.starts_with("file:") || given.starts_with("cmd:");
        match given.split_once(',').filter(|_| !outside) {
            Some((name, rest)) => {
                names.push(name.trim());
                given = rest;
            }
            None => {
                names.push(given);
                break;
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    pub fn write_global(self) {
        match self {
            // Looks at NO_COLOR, CLICOLOR and the terminal.
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn a_comma_parts_names_but_no_command() {
        assert_eq!(parted("nvml:0, rapl"), ["nvml:0", "rapl"]);
        assert_eq!(parted("cmd:read a,b"), ["cmd:read a,b"]);
        assert_eq!(parted("nvml,file:/a,b"), ["nvml", "file:/a,b"]);
        assert!(parted(" ").is_empty());
    }
}
