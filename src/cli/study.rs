//! `wattgrad study`.

mod merge;
mod new;
mod run;
mod slurm;
mod status;
mod submit;
mod verify;

use super::failure::Failure;
use super::global::Global;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad study run studies/quickstart.toml\n  wattgrad study status quickstart"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a commented study file to start from
    New(new::Args),
    /// Make all runs of a study, or continue an interrupted study
    Run(run::Args),
    /// Submit a study to Slurm as a job array, or what is left of it
    Submit(submit::Args),
    /// Show which runs are done and how they ended
    Status(status::Args),
    /// Merge folders of a study into one, such as those of its shards
    Merge(merge::Args),
    /// Recompute every derived figure from the raw readings
    Verify(verify::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    match &args.command {
        Command::New(args) => new::run(args),
        Command::Run(args) => run::run(args, global),
        Command::Submit(args) => submit::run(args),
        Command::Status(args) => status::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
