//! `wattgrad study status`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::report::{Align, columns};
use crate::study::{self, Outcome};

use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wattgrad study status lr-batch\n  wattgrad study status lr-batch --json"
)]
pub struct Args {
    /// The study's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Status {
    /// Planned runs.
    runs: usize,
    done: usize,
    by_outcome: BTreeMap<&'static str, usize>,
    cells: Vec<Cell>,
    /// What to know of the folder: damaged and later records, a cut journal.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Cell {
    id: String,
    seeds: Vec<Seed>,
}

#[derive(Serialize)]
struct Seed {
    seed: u32,
    /// `open` where the run is not made yet.
    outcome: &'static str,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let opened = study::open(&args.folder)?;
    let outcome = |outcome: Option<Outcome>| outcome.map_or("open", Outcome::name);
    let cells = opened.analysis.cells.iter().map(|cell| Cell {
        id: cell.id.clone(),
        seeds: cell
            .runs
            .iter()
            .map(|run| Seed {
                seed: run.seed,
                outcome: outcome(run.outcome),
            })
            .collect(),
    });
    let analysis = &opened.analysis;
    let status = Status {
        runs: analysis.planned,
        done: analysis.done(),
        by_outcome: analysis
            .by_outcome
            .iter()
            .map(|(outcome, count)| (outcome.name(), *count))
            .collect(),
        cells: cells.collect(),
        notes: analysis.notes.clone(),
    };
    if args.json {
        output::print_json(&status)?;
        return Ok(0);
    }
    let ended: Vec<String> = status
        .by_outcome
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    let mut text = format!(
        "{}: {} of {} runs done",
        analysis.name, status.done, status.runs
    );
    if !ended.is_empty() {
        text += &format!(" ({})", ended.join(", "));
    }
    text += "\n\n";
    let rows: Vec<Vec<String>> = status
        .cells
        .iter()
        .map(|cell| {
            let seeds: Vec<String> = cell
                .seeds
                .iter()
                .map(|seed| format!("{} {}", seed.seed, seed.outcome))
                .collect();
            vec![cell.id.clone(), seeds.join(", ")]
        })
        .collect();
    text += &columns(&rows, &[Align::Left, Align::Left], "");
    if !status.notes.is_empty() {
        text += "\n";
    }
    for note in &status.notes {
        text += &format!("note: {note}\n");
    }
    output::print_text(&text)?;
    Ok(0)
}
