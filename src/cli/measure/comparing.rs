//! The options of a comparison, named as in hyperfine.

use std::path::PathBuf;

use crate::cli::failure::Failure;

use super::shell::Shell;
use super::streams::{Input, Output};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Comparing commands")]
#[group(id = "comparing", multiple = true, conflicts_with_all = ["argv", "log"])]
pub struct Comparing {
    /// Runs of each command
    #[arg(short, long, value_name = "N", default_value_t = 10, conflicts_with_all = ["min_runs", "max_runs"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,

    /// At least N runs, and more until a command took 3 s [with --max-runs: 10]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub min_runs: Option<u32>,

    /// At most N runs, where --min-runs alone would do more
    #[arg(short = 'M', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_runs: Option<u32>,

    /// Warm-up runs of each command before the measured runs
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub warmup: u32,

    /// Shell command to run once before the runs of each command
    #[arg(short, long, value_name = "COMMAND")]
    pub setup: Option<String>,

    /// Shell command to run before each run; once for all, or once per command
    #[arg(short, long, value_name = "COMMAND")]
    pub prepare: Vec<String>,

    /// Shell command to run after each run; once for all, or once per command
    #[arg(short = 'C', long, value_name = "COMMAND")]
    pub conclude: Vec<String>,

    /// Shell command to run once after the runs of each command
    #[arg(short, long, value_name = "COMMAND")]
    pub cleanup: Option<String>,

    /// Replace {VAR} by each of the values a,b,c; repeatable, for every combination
    #[arg(short = 'L', long, num_args = 2, value_names = ["VAR", "VALUES"], allow_hyphen_values = true,
        conflicts_with = "parameter_scan")]
    pub parameter_list: Vec<String>,

    /// Replace {VAR} by each number from MIN to MAX
    #[arg(short = 'P', long, num_args = 3, value_names = ["VAR", "MIN", "MAX"], allow_hyphen_values = true)]
    pub parameter_scan: Option<Vec<String>>,

    /// Step of --parameter-scan [default: 1]
    #[arg(short = 'D', long, value_name = "STEP", requires = "parameter_scan")]
    pub parameter_step_size: Option<String>,

    /// Name of a command in the results; repeat it in the order of the commands
    #[arg(short = 'n', long, value_name = "NAME")]
    pub command_name: Vec<String>,

    /// Shell that runs the commands, such as bash; none to run without a shell
    #[arg(short = 'S', long, value_name = "SHELL", default_value = "default", value_parser = Shell::parse)]
    pub shell: Shell,

    /// Run the commands without a shell, as --shell none
    #[arg(short = 'N', conflicts_with = "shell")]
    pub no_shell: bool,

    /// Keep runs whose exit code is not 0
    #[arg(short, long)]
    pub ignore_failure: bool,

    /// Input of each run: null or a file
    #[arg(long, value_name = "WHERE", default_value = "null", value_parser = Input::parse)]
    pub input: Input,

    /// Output of runs: null, pipe, inherit or ./FILE; once for all or per command
    #[arg(long, value_name = "WHERE", default_value = "null", value_parser = Output::parse)]
    pub output: Vec<Output>,

    /// Write every run and the comparison as JSON
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,

    /// Write the figures of each command and source as CSV
    #[arg(long, value_name = "FILE")]
    pub export_csv: Option<PathBuf>,

    /// Write the comparison as a Markdown table
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,
}

/// Further runs are made until those of a command took this long.
const ENOUGH_SECONDS: f64 = 3.0;
const MIN_RUNS: u32 = 10;

impl Comparing {
    pub fn check(&self) -> Result<(), Failure> {
        if let (Some(least), Some(most)) = (self.min_runs, self.max_runs)
            && least > most
        {
            return Err(Failure::misuse(format!(
                "--min-runs {least} is above --max-runs {most}: swap them"
            )));
        }
        Ok(())
    }

    /// Whether the commands run in rounds. With a setup each has all its runs in turn: that of the next may undo it.
    pub fn takes_turns(&self) -> bool {
        self.setup.is_none() && self.cleanup.is_none()
    }

    pub fn shell(&self) -> &Shell {
        match self.no_shell {
            true => &Shell::None,
            false => &self.shell,
        }
    }

    /// How many runs to make, where the shortest took `seconds` with everything around it.
    pub fn count(&self, seconds: f64) -> u32 {
        if self.min_runs.is_none() && self.max_runs.is_none() {
            return self.runs;
        }
        let most = self.max_runs.unwrap_or(u32::MAX);
        let least = self.min_runs.unwrap_or(MIN_RUNS).min(most);
        let enough = (ENOUGH_SECONDS / seconds.max(1e-3)) as u32;
        enough.clamp(least, most)
    }
}
