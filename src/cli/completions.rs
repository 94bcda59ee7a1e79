//! `wattgrad completions`.

use clap::CommandFactory as _;

use super::args::Cli;
use super::failure::Failure;
use super::output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad completions bash > ~/.local/share/bash-completion/completions/wattgrad\n  wattgrad completions zsh > \"${fpath[1]}/_wattgrad\""
)]
pub struct Args {
    /// The shell
    pub shell: clap_complete::Shell,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wattgrad", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
