//! `wattgrad study merge`.

use std::path::PathBuf;

use crate::study;

use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad study merge shard-1 shard-2 shard-3 --out merged\n  wattgrad study merge power-of-training --out merged --json"
)]
pub struct Args {
    /// Folders of one study, or the folder of a submitted study
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// Folder for all records: new, empty or of the same study
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Print what was merged as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let merged = study::merge_folders(&args.folders, &args.out)?;
    if args.json {
        return output::print_json(&merged).map(|()| 0);
    }
    let out = args.out.display();
    let mut text = format!(
        "merged {} folders into {out}: {} records added, {} known\n",
        merged.folders, merged.added, merged.known
    );
    for path in &merged.duplicates {
        text += &format!("note: {path:?} is a second record of its run and does not count\n");
    }
    for file in &merged.left_out {
        text += &format!(
            "note: {file} is damaged and left out: copy it again, or make the run again\n"
        );
    }
    text += &format!("\nwattgrad study status {out}\n");
    output::print_text(&text)?;
    Ok(0)
}
