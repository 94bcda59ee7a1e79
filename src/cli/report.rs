//! `wattgrad report`.

use std::path::{Path, PathBuf};

use crate::report;
use crate::study::{Opened, open_all};

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad report lr-batch --html report.html\n  wattgrad report first.json second.json --markdown"
)]
pub struct Args {
    /// Study folders, and records of `train --record` to compare with each other
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Write a page with every plot, its data and the methods
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write every table into this folder, which is created if missing
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,

    /// Write a card for a slide, of one study
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Print a Markdown table, for a pull request
    #[arg(long, conflicts_with = "json")]
    markdown: bool,

    /// Print the analysis as JSON, a list with an entry per study
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let studies = open_all(&args.paths)?;
    if let Some(path) = &args.svg {
        let [only] = studies.as_slice() else {
            return Err(Failure::misuse(format!(
                "--svg draws one study, got {}: give one study, or only records",
                studies.len()
            )));
        };
        write(path, &report::study::card(&only.analysis), global)?;
    }
    if let Some(path) = &args.html {
        write(path, &report::study::page(&studies), global)?;
    }
    if let Some(folder) = &args.csv {
        tables(folder, &studies, global)?;
    }
    if args.json {
        let all: Vec<_> = studies.iter().map(|one| &one.analysis).collect();
        output::print_json(&all)?;
    } else if args.markdown {
        output::print(&report::study::markdown(&studies))?;
    } else {
        output::print_text(&report::study::terminal(&studies))?;
    }
    Ok(0)
}

fn tables(folder: &Path, studies: &[Opened], global: &Global) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
    for table in report::study::tables(studies) {
        let path = folder.join(format!("{}.csv", table.name));
        write(&path, &table.csv(), global)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str, global: &Global) -> Result<(), Failure> {
    crate::files::write_whole(path, text.as_bytes()).map_err(|error| refused(path, &error))?;
    say(global, &format!("written: {}", path.display()));
    Ok(())
}

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "cannot write {path:?} ({error}): choose a writable folder"
    ))
}
