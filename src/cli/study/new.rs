//! `wattgrad study new`.

use crate::study::TEMPLATE;

use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  wattgrad study new > mine.toml\n  wattgrad study new | less")]
pub struct Args {}

pub fn run(_: &Args) -> Result<u8, Failure> {
    output::print(TEMPLATE)?;
    Ok(0)
}
