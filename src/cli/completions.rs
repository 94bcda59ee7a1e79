//! `wattgrad completions`.

use super::failure::Failure;
use super::output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad completions bash > ~/.local/share/bash-completion/completions/wattgrad\n  wattgrad completions zsh > \"${fpath[1]}/_wattgrad\""
)]
pub struct Args {
    /// Shell
    pub shell: clap_complete::Shell,
}

pub fn run(args: &Args, program: &mut clap::Command) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "wattgrad", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
