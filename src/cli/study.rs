//! `wattgrad study`.

mod new;
mod run;
mod status;
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
    /// Show which runs are done and how they ended
    Status(status::Args),
    /// Recompute every derived figure from the raw readings
    Verify(verify::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    match &args.command {
        Command::New(args) => new::run(args),
        Command::Run(args) => run::run(args, global),
        Command::Status(args) => status::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
