//! `wattgrad study submit`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::study::{self, Job, Slurm, Study, Submitted};

use super::slurm::{self, Array};
use crate::cli::failure::Failure;
use crate::cli::output;

/// Tasks unless the file or the command says how many.
const USUAL_TASKS: u64 = 8;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad study submit studies/power-of-training.toml --slurm --print\n  wattgrad study submit studies/power-of-training.toml --slurm --tasks 16 -- --meter nvml"
)]
pub struct Args {
    /// Study file (TOML); its table [slurm] has partition, GPUs, time and so on
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Submit a job array to Slurm
    #[arg(long, required = true)]
    slurm: bool,

    /// Folder for the shards, which all nodes see [default: the study's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Tasks of the array [default: of the file, otherwise up to 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    tasks: Option<u64>,

    /// Print the script, and neither submit nor write anything
    #[arg(long)]
    print: bool,

    /// Print the job as JSON
    #[arg(long)]
    json: bool,

    /// Further options for `wattgrad study run`
    #[arg(last = true, value_name = "OPTION")]
    more: Vec<String>,
}

#[derive(Serialize)]
struct Printed<'a> {
    /// Version of these keys.
    schema: u32,
    folder: &'a Path,
    job: &'a Job,
    shards: u64,
}

pub fn run(args: &Args) -> Result<u8, Failure> {
    let study = Study::read(&args.file)?;
    if let Some(word) = args
        .more
        .iter()
        .find(|word| word.chars().any(char::is_control))
    {
        return Err(Failure::misuse(format!(
            "{word:?} has a line break: give one line per option"
        )));
    }
    let none = Slurm::default();
    let slurm = study.slurm.as_ref().unwrap_or(&none);
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(&study.name));
    let folder = std::path::absolute(&out).map_err(|error| Failure::cannot_write(&out, &error))?;
    let known = Submitted::read(&folder)?;
    let runs = study.plan().len() as u64;
    let mut submitted = match (known, args.tasks) {
        (Some(known), Some(tasks)) if tasks != known.shards => {
            return Err(Failure::misuse(format!(
                "{folder:?} has {} shards, and their number cannot change: leave --tasks out, or choose another folder",
                known.shards
            )));
        }
        (Some(known), _) => known,
        (None, tasks) => {
            let usual = slurm.tasks.unwrap_or(USUAL_TASKS);
            Submitted::new(tasks.unwrap_or(usual).min(runs).max(1))
        }
    };
    let first = submitted.jobs.is_empty();
    if !args.print {
        if !first {
            check_idle(&submitted)?;
        }
        std::fs::create_dir_all(folder.join("logs"))
            .map_err(|error| Failure::cannot_write(&folder, &error))?;
        submitted.create_folders(&folder, &study)?;
        submitted.write(&folder)?;
    }
    let tasks: Vec<u64> = match first {
        true => (1..=submitted.shards).collect(),
        false => left(&submitted, &folder)?,
    };
    if tasks.is_empty() {
        output::print_text(&format!(
            "every run is done; nothing is submitted\n\nwattgrad report {}\n",
            out.display()
        ))?;
        return Ok(0);
    }
    let program = match &slurm.program {
        Some(program) => PathBuf::from(program),
        // In a container this program has another place.
        None if slurm.container.is_some() => PathBuf::from("wattgrad"),
        None => std::env::current_exe().map_err(|error| {
            Failure::failed(format!(
                "cannot find this program ({error}): set `program` in [slurm]"
            ))
        })?,
    };
    let directory = std::env::current_dir().map_err(|error| {
        Failure::failed(format!(
            "cannot find the working directory ({error}): change to one that exists"
        ))
    })?;
    let script = Array {
        name: &study.name,
        slurm,
        tasks: &tasks,
        shards: submitted.shards,
        folder: &folder,
        directory: &directory,
        program,
        more: &args.more,
    }
    .script();
    if args.print {
        output::print(&script)?;
        return Ok(0);
    }
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        output::write(&path, text)?;
        Ok::<_, Failure>(path)
    };
    write("study.toml", &study.text)?;
    let path = write("job.sh", &script)?;
    let job = Job {
        id: slurm::submit(&path)?,
        tasks,
    };
    submitted.jobs.push(job.clone());
    submitted.write(&folder)?;
    match args.json {
        true => output::print_json(&Printed {
            schema: 1,
            folder: &folder,
            job: &job,
            shards: submitted.shards,
        })?,
        false => output::print_text(&format!(
            "submitted job {} with {} tasks\n\nwattgrad study status {}\n",
            job.id,
            job.tasks.len(),
            out.display()
        ))?,
    }
    Ok(0)
}

/// Two arrays that work on the same shards would make runs twice.
fn check_idle(submitted: &Submitted) -> Result<(), Failure> {
    let (tasks, notes) = slurm::tasks(&submitted.jobs);
    if let Some(task) = tasks.iter().find(|task| task.is_active()) {
        return Err(Failure::misuse(format!(
            "task {} of job {} is {}: wait until the job has ended, or cancel it with scancel",
            task.task, task.job, task.state
        )));
    }
    // Without an answer of squeue nobody knows.
    match notes
        .iter()
        .find(|note| note.starts_with("squeue") || note.starts_with("cannot run squeue"))
    {
        Some(note) => Err(Failure::failed(format!(
            "cannot find out whether the last job has ended ({note}): run this where squeue works"
        ))),
        None => Ok(()),
    }
}

/// The shards that have runs left.
fn left(submitted: &Submitted, folder: &Path) -> Result<Vec<u64>, study::StudyError> {
    let progress = submitted.progress(folder)?;
    let open = (1..).zip(progress).filter(|(_, (runs, done))| done < runs);
    Ok(open.map(|(number, _)| number).collect())
}
