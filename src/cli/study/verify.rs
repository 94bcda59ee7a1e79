//! `wattgrad study verify`.

use std::path::{Path, PathBuf};

use crate::study;

use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad study verify lr-batch\n  wattgrad study verify lr-batch && wattgrad study status lr-batch"
)]
pub struct Args {
    /// The study's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let verified = study::verify(&args.folder)?;
    for difference in &verified.differences {
        output::print_text(&format!("{difference}\n"))?;
    }
    match verified.differences.len() {
        0 => {
            output::print_text(&format!(
                "{} records: every figure follows from its readings\n",
                verified.records
            ))?;
            Ok(0)
        }
        1 => Err(differs("1 figure", "does", &args.folder)),
        n => Err(differs(&format!("{n} figures"), "do", &args.folder)),
    }
}

fn differs(figures: &str, do_not: &str, folder: &Path) -> Failure {
    Failure::failed(format!(
        "{figures} of {folder:?} {do_not} not follow from what its records hold: make those runs again, or restore the records"
    ))
}
