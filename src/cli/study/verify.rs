//! `wattgrad study verify`.

use std::path::PathBuf;

use crate::study;

use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad study verify lr-batch\n  wattgrad study verify shard-1 shard-2"
)]
pub struct Args {
    /// Folders of one study
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let verified = study::verify(&args.folders)?;
    for note in &verified.notes {
        output::print_text(&format!("note: {note}\n"))?;
    }
    for difference in &verified.differences {
        output::print_text(&format!("{difference}\n"))?;
    }
    let figures = match verified.differences.len() {
        0 => {
            return output::print_text(&format!(
                "{} records verified: every figure follows from its readings\n",
                verified.records
            ))
            .map(|()| 0);
        }
        1 => "1 figure does".to_owned(),
        n => format!("{n} figures do"),
    };
    Err(Failure::failed(format!(
        "{figures} not follow from the records: restore these records from a copy, or delete them and run the study again"
    )))
}
