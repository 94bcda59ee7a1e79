//! `wattgrad report`.

use std::path::{Path, PathBuf};

use crate::report;
use crate::report::export::Export;
use crate::report::study::CsvTable;
use crate::study::analysis::Analysis;
use crate::study::as_if::{AsIf, Instrument};
use crate::study::ledger::{Factor, Ledgers};
use crate::study::open_all;
use crate::study::side_by_side::open_by_device;
use crate::train::InferenceRecord;

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad report lr-batch --html report.html\n  wattgrad report desktop/lr-batch laptop/lr-batch --by device"
)]
pub struct Args {
    /// Study folders, and records of `train --record` to compare with each other
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Compare the devices that made the runs instead of merging them
    #[arg(long, value_name = "WHAT", conflicts_with = "svg")]
    by: Option<By>,

    /// Show what an instrument would have said: poll-15s, average-1s, two-point, tdp=W
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "by"
    )]
    as_if: Vec<Instrument>,

    /// Runs that share a pretraining run, for its shared cost
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    uses: u32,

    /// Set training against inference as `wattgrad infer` measured it
    #[arg(long, value_name = "FILE", conflicts_with = "by")]
    inference: Option<PathBuf>,

    /// Carbon per kWh with source and date: "363 g, SOURCE, DATE"
    #[arg(long, value_name = "FACTOR")]
    intensity: Option<Factor>,

    /// Price per kWh with source and date: "0.28 EUR, SOURCE, DATE"
    #[arg(long, value_name = "FACTOR")]
    price: Option<Factor>,

    /// Write a page with every plot, its data and the methods
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write every table into this folder, which is created if missing
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,

    /// Write runs in another tool's format: codecarbon=FILE, power=FILE
    #[arg(long, value_name = "FORMAT=FILE", conflicts_with = "by")]
    export: Vec<Export>,

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

/// A study in the JSON.
#[derive(serde::Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    analysis: &'a Analysis,
    ledgers: &'a Ledgers,
    #[serde(skip_serializing_if = "<[AsIf]>::is_empty")]
    as_if: &'a [AsIf],
}

/// What `--by` compares.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum By {
    /// The devices that made the runs.
    Device,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    match args.by {
        Some(By::Device) => by_device(args, global),
        None => by_study(args, global),
    }
}

fn by_study(args: &Args, global: &Global) -> Result<u8, Failure> {
    let inference = args.inference.as_deref().map(InferenceRecord::read);
    let inference = inference.transpose()?;
    let mut studies = open_all(&args.paths)?;
    let factors = [args.intensity.clone(), args.price.clone()];
    let factors: Vec<Factor> = factors.into_iter().flatten().collect();
    for one in &mut studies {
        one.ledgers.add_factors(&one.analysis, &factors);
        one.ledgers.uses = f64::from(args.uses);
        let all = args.as_if.iter();
        one.as_if = all
            .flat_map(|instrument| AsIf::all(one, *instrument))
            .collect();
    }
    if let Some(record) = &inference {
        let set = studies
            .iter_mut()
            .map(|one| one.ledgers.set_inference(&one.analysis, &one.runs, record));
        if !set.collect::<Vec<_>>().contains(&true) {
            return Err(Failure::misuse(format!(
                "--inference is of the network {} on {}, and no regime of these that reached its target is: measure their network \
                 on their device",
                record.network.name, record.device.name
            )));
        }
    }
    if !args.as_if.is_empty() && studies.iter().all(|one| one.as_if.is_empty()) {
        return Err(Failure::failed(
            "--as-if computes joules from kept readings, and no run has readings of a sensor that measured energy",
        ));
    }
    if let Some(path) = &args.svg {
        let [only] = studies.as_slice() else {
            return Err(Failure::misuse(format!(
                "--svg draws one study, got {}: give one study, or only records",
                studies.len()
            )));
        };
        write(path, &report::study::card(only), global)?;
    }
    if let Some(path) = &args.html {
        write(path, &report::study::page(&studies), global)?;
    }
    if let Some(folder) = &args.csv {
        tables(folder, report::study::tables(&studies), global)?;
    }
    for export in &args.export {
        let text = export.text(&studies, args.intensity.as_ref());
        write(&export.path, &text, global)?;
    }
    if args.json {
        let all = studies.iter().map(|one| Entry {
            analysis: &one.analysis,
            ledgers: &one.ledgers,
            as_if: &one.as_if,
        });
        output::print_json(&all.collect::<Vec<_>>())?;
    } else if args.markdown {
        output::print(&report::study::markdown(&studies))?;
    } else {
        output::print_text(&report::study::terminal(&studies))?;
    }
    Ok(0)
}

fn by_device(args: &Args, global: &Global) -> Result<u8, Failure> {
    let compared = open_by_device(&args.paths)?;
    if let Some(path) = &args.html {
        write(path, &report::study::page_by_device(&compared), global)?;
    }
    if let Some(folder) = &args.csv {
        tables(folder, report::study::tables_by_device(&compared), global)?;
    }
    if args.json {
        output::print_json(&compared)?;
    } else if args.markdown {
        output::print(&report::study::markdown_by_device(&compared))?;
    } else {
        output::print_text(&report::study::terminal_by_device(&compared))?;
    }
    Ok(0)
}

fn tables(folder: &Path, tables: Vec<CsvTable>, global: &Global) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
    for table in tables {
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
