//! `wattgrad study status`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::report::{Align, columns};
use crate::study::{self, Outcome, Submitted};

use super::slurm::{self, Task};

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

/// Version of the keys of [`Status`].
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Status {
    schema: u32,
    name: String,
    /// Whether a search chose the runs.
    search: bool,
    /// Planned runs.
    runs: usize,
    done: usize,
    by_outcome: BTreeMap<&'static str, usize>,
    cells: Vec<Cell>,
    /// The tasks of a study that was submitted to Slurm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<ShardTask>,
    /// Damaged and conflicting records, contention.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ShardTask {
    #[serde(flatten)]
    task: Task,
    /// Planned runs of its shard, and how many are done.
    runs: usize,
    done: usize,
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
    let opened = study::open(&args.folders)?;
    let analysis = opened.analysis;
    let (tasks, unanswered) = tasks(&args.folders)?;
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
        schema: SCHEMA,
        name: analysis.name.clone(),
        search: opened.search,
        runs: analysis.planned,
        done: analysis.done(),
        by_outcome: by_outcome
            .map(|(outcome, count)| (outcome.name(), *count))
            .collect(),
        cells: cells.collect(),
        tasks,
        notes: analysis.notes.iter().cloned().chain(unanswered).collect(),
    };
    if args.json {
        output::print_json(&status)?;
    } else {
        output::print_text(&text(&status))?;
    }
    Ok(0)
}

/// The tasks of the submitted studies among `folders`, and notes.
fn tasks(folders: &[PathBuf]) -> Result<(Vec<ShardTask>, Vec<String>), Failure> {
    let (mut tasks, mut notes) = (Vec::new(), Vec::new());
    for folder in folders {
        let Some(submitted) = Submitted::read(folder)? else {
            continue;
        };
        if submitted.jobs.is_empty() {
            notes.push(format!("{folder:?} was prepared, but no job was submitted"));
            continue;
        }
        let progress = submitted.progress(folder)?;
        let (found, unanswered) = slurm::tasks(&submitted.jobs);
        notes.extend(unanswered);
        let rows = found.into_iter().map(|task| {
            let (runs, done) = progress[(task.task as usize - 1).min(progress.len() - 1)];
            ShardTask { task, runs, done }
        });
        tasks.extend(rows);
    }
    let left = |row: &&ShardTask| row.done < row.runs && !row.task.is_active();
    let stuck = tasks.iter().filter(left).count();
    if stuck > 0 {
        let tasks = match stuck {
            1 => "1 task has ended and has".to_owned(),
            n => format!("{n} tasks have ended and have"),
        };
        notes.push(format!(
            "{tasks} runs left: `wattgrad study submit` submits them again"
        ));
    }
    Ok((tasks, notes))
}

/// The tasks, a row each.
fn task_rows(tasks: &[ShardTask]) -> String {
    let mut rows = vec![
        ["task", "job", "state", "node", "runs done"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(tasks.iter().map(|row| {
        let task = &row.task;
        let why = task
            .reason
            .as_ref()
            .map_or_else(String::new, |why| format!(" ({why})"));
        vec![
            task.task.to_string(),
            task.job.clone(),
            format!("{}{why}", task.state),
            task.node.clone().unwrap_or_default(),
            format!("{} of {}", row.done, row.runs),
        ]
    }));
    let align = [
        Align::Right,
        Align::Right,
        Align::Left,
        Align::Left,
        Align::Right,
    ];
    columns(&rows, &align, "")
}

fn text(status: &Status) -> String {
    let name = &status.name;
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
    if !status.tasks.is_empty() {
        text += &format!("\n{}", task_rows(&status.tasks));
    }
    if !status.notes.is_empty() {
        text += "\n";
    }
    for note in &status.notes {
        text += &format!("note: {note}\n");
    }
    text
}
