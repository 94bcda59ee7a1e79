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
    after_help = "Examples:\n  wattgrad study status lr-batch\n  wattgrad study status shard-1 shard-2 --json"
)]
pub struct Args {
    /// Folders of one study; several, such as those of its shards, are merged
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

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
    /// Damaged and conflicting records, contention.
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
    /// `pending` for a run that is not made yet.
    outcome: &'static str,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let analysis = study::open(&args.folders)?.analysis;
    let outcome = |outcome: Option<Outcome>| outcome.map_or("pending", Outcome::name);
    let cells = analysis.cells.iter().map(|cell| Cell {
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
    let by_outcome = analysis.by_outcome.iter();
    let status = Status {
        runs: analysis.planned,
        done: analysis.done(),
        by_outcome: by_outcome
            .map(|(outcome, count)| (outcome.name(), *count))
            .collect(),
        cells: cells.collect(),
        notes: analysis.notes.clone(),
    };
    if args.json {
        output::print_json(&status)?;
    } else {
        output::print_text(&text(&analysis.name, &status))?;
    }
    Ok(0)
}

fn text(name: &str, status: &Status) -> String {
    let mut text = format!("{name}: {} of {} runs done", status.done, status.runs);
    let by_outcome = status.by_outcome.iter();
    let ended: Vec<String> = by_outcome
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    if !ended.is_empty() {
        text += &format!(" ({})", ended.join(", "));
    }
    text += "\n\n";
    let row = |cell: &Cell| {
        let seeds = cell.seeds.iter();
        let seeds: Vec<String> = seeds
            .map(|seed| format!("{} {}", seed.seed, seed.outcome))
            .collect();
        vec![cell.id.clone(), seeds.join(", ")]
    };
    let rows: Vec<Vec<String>> = status.cells.iter().map(row).collect();
    text += &columns(&rows, &[Align::Left, Align::Left], "");
    if !status.notes.is_empty() {
        text += "\n";
    }
    for note in &status.notes {
        text += &format!("note: {note}\n");
    }
    text
}
