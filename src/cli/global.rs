//! The options of every command.

use std::path::PathBuf;

use crate::energy::{MeterError, MeterOptions, MeterUnit, Selection};
use crate::suggest::Suggest;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Adapter: its index, part of its name, or its PCI address [default: fastest]
    #[arg(long, global = true, value_name = "ADAPTER", env = "WATTGRAD_ADAPTER")]
    pub adapter: Option<String>,

    /// Energy source that `doctor` lists; repeat the flag or separate with commas
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

    /// Unit of file:PATH and cmd:COMMAND [default: as in its lines, or W]
    #[arg(
        long,
        global = true,
        value_name = "UNIT",
        action = clap::ArgAction::Append,
        value_parser = Suggest::text(&["W", "mW", "uW", "kW", "J", "mJ", "uJ", "kJ", "Wh", "kWh"]),
    )]
    pub meter_unit: Vec<String>,

    /// Print more on stderr; -vv for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// For tests: a folder in place of / for sensors read from files
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub sysfs_root: Option<PathBuf>,
}

/// Completions of `--meter`.
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
    pub fn selection(&self) -> Result<Selection, MeterError> {
        let names: Vec<&str> = self.meter.iter().flat_map(|list| split(list)).collect();
        Selection::of(&names)
    }

    /// The options of the meter; unknown names and units and invalid watts are reported before anything is opened.
    pub fn meter_options(&self, watts: Option<f64>) -> Result<MeterOptions, MeterError> {
        let meter_units = self.meter_unit.iter().map(|unit| {
            MeterUnit::parse(unit).ok_or_else(|| MeterError::BadUnit { unit: unit.clone() })
        });
        let options = MeterOptions {
            selection: self.selection()?,
            meter_units: meter_units.collect::<Result<_, _>>()?,
            assume_watts_per_core: watts,
            sysfs_root: self.sysfs_root.clone(),
            ..Default::default()
        };
        options.check()?;
        Ok(options)
    }
}

/// The names of a list separated by commas. After `file:` and `cmd:` a comma belongs to the path or command; an empty
/// environment variable names nothing.
fn split(mut list: &str) -> Vec<&str> {
    let mut names = Vec::new();
    loop {
        list = list.trim();
        let external = list.starts_with("file:") || list.starts_with("cmd:");
        match list.split_once(',').filter(|_| !external) {
            Some((name, rest)) => {
                names.push(name.trim());
                list = rest;
            }
            None => {
                names.push(list);
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
            // Checks NO_COLOR, CLICOLOR and the terminal.
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn commas_separate_names_but_belong_to_commands() {
        assert_eq!(split("nvml:0, rapl"), ["nvml:0", "rapl"]);
        assert_eq!(split("cmd:read a,b"), ["cmd:read a,b"]);
        assert_eq!(split("nvml,file:/a,b"), ["nvml", "file:/a,b"]);
        assert!(split(" ").is_empty());
    }
}
