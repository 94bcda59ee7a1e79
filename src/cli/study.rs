//! `wattgrad study`.

mod new;
mod run;
mod status;
mod verify;

use super::args::Global;
use super::failure::Failure;

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
    /// Print a study file with comments, to begin from
    New(new::Args),
    /// Make all runs of a study; the same command again goes on where it was
    Run(run::Args),
    /// What is done and how it ended
    Status(status::Args),
    /// Compute every derived figure again from the raw readings and name what differs
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
