//! The command line: every command, its help and the version.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::global::Global;
use super::{
    bench, calibrate, completions, doctor, explain, infer, lr_find, man, measure, port, report,
    roofline, search, step_profile, study, train, tune, watch,
};

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nfeatures: gpu, cli",
    "\nlicence: MIT OR Apache-2.0"
);

/// `rapl-energy` is under the GPL, and so is a binary that contains it. Other systems than Linux do not need it.
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

/// The groups of commands in the help; clap itself has a single list.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Measure", &["measure", "watch", "doctor", "calibrate"]),
    ("Train", &["train", "lr-find", "infer", "explain"]),
    ("Compare", &["study", "search", "report"]),
    ("Kernels", &["bench", "profile", "roofline", "tune", "port"]),
    ("More", &["completions", "man"]),
];

/// Measure the energy of neural-network training and of any command, and compare training settings by joules
#[derive(Debug, Parser)]
#[command(
    name = "wattgrad",
    version = version(),
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
    /// Measure the energy of a command, or compare commands
    Measure(Box<measure::Args>),
    /// Show the live power of every source
    Watch(watch::Args),
    /// List what this machine can measure and run, and how to enable the rest
    Doctor(doctor::Args),
    /// Calibrate this machine's energy sensors
    Calibrate(calibrate::Args),
    /// Train a network and report its accuracy, time and energy
    Train(Box<train::Args>),
    /// Find a learning rate by a range test
    LrFind(Box<lr_find::Args>),
    /// Measure the time and energy of inference by batch size
    Infer(Box<infer::Args>),
    /// Print a training step: kernels, grids, FLOPs, bytes, memory
    Explain(Box<explain::Args>),
    /// Compare training settings over several seeds
    Study(study::Args),
    /// Find the best settings of a study for a part of its cost
    Search(search::Args),
    /// Summarize studies or single runs as text, HTML, SVG, Markdown, CSV or JSON
    Report(Box<report::Args>),
    /// Time and check a WGSL kernel of your own, and measure its energy
    Bench(Box<bench::Args>),
    /// Show where the time and the joules of a training step go
    Profile(Box<step_profile::Args>),
    /// Measure what this device can do: FLOP/s, bytes per second, launches, energy
    Roofline(roofline::Args),
    /// Search the fastest or cheapest kernel variants of this device
    Tune(tune::Args),
    /// Examine a new device: kernels, determinism, training, sensors
    Port(port::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual
    Man(man::Args),
}

/// The command with the help of its subcommands in short: global options are listed by `wattgrad --help` alone.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    let template = template(&command);
    // Passes the global options on to the subcommands, where they can be hidden.
    command.build();
    let global: Vec<clap::Id> = command
        .get_arguments()
        .map(|arg| arg.get_id().clone())
        .collect();
    command
        .help_template(template)
        .mut_subcommands(|subcommand| fold(subcommand, &global))
}

/// The headings of a regime's many flags in the help; others are options.
const HEADINGS: [(&str, &[&str]); 2] = [
    (
        "Optimizer",
        &[
            "optimizer",
            "lr",
            "momentum",
            "weight_decay",
            "nesterov",
            "dampening",
            "beta1",
            "beta2",
            "alpha",
            "eps",
            "centered",
            "no_decay_norms",
            "head_lr",
            "clip_norm",
            "accumulate",
            "precision",
            "loss_scale",
        ],
    ),
    (
        "Schedule",
        &[
            "schedule",
            "schedule_unit",
            "step_size",
            "milestones",
            "gamma",
            "power",
            "min_lr",
            "pct_start",
            "div_factor",
            "final_div_factor",
            "cycle_momentum",
            "base_momentum",
            "max_momentum",
            "warmup_steps",
            "warmup_epochs",
            "warmup_start",
        ],
    ),
];

/// The heading of an argument.
fn heading(id: &str) -> Option<&'static str> {
    let found = HEADINGS.iter().find(|(_, ids)| ids.contains(&id));
    found.map(|(heading, _)| *heading)
}

fn fold(command: clap::Command, global: &[clap::Id]) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string);
    let kept = ["help", "version"];
    command
        .mut_args(|arg| {
            let hide = global.contains(arg.get_id()) && !kept.contains(&arg.get_id().as_str());
            let hidden = hide || arg.is_hide_set();
            match heading(arg.get_id().as_str()) {
                Some(heading) => arg.help_heading(heading).hide(hidden),
                None => arg.hide(hidden),
            }
        })
        .after_help(format!(
            "Global options: wattgrad --help\n\n{}",
            examples.unwrap_or_default()
        ))
        .mut_subcommands(|subcommand| fold(subcommand, global))
}

fn template(command: &clap::Command) -> String {
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (group, members) in GROUPS {
        text += &format!("\n{group}\n");
        let members = members
            .iter()
            .filter_map(|name| command.find_subcommand(name));
        for member in members {
            let about = member.get_about().map(ToString::to_string);
            text += &format!(
                "  {:<11}  {}\n",
                member.get_name(),
                about.unwrap_or_default()
            );
        }
    }
    text + "\nOptions\n{options}{after-help}"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &clap::Command) {
        let about = command.get_about().map(ToString::to_string);
        let arguments = command.get_arguments();
        let helps = arguments.filter_map(|arg| arg.get_help().map(ToString::to_string));
        for help in helps.chain(about.filter(|_| command.get_name() != "wattgrad")) {
            let short = help.chars().count() < 80 && !help.ends_with('.');
            assert!(short, "{}: {help}", command.get_name());
        }
        command.get_subcommands().for_each(check);
    }

    #[test]
    fn help_lines_are_short() {
        check(&command());
    }
}
