//! `wattgrad study run`.

use std::path::PathBuf;

use crate::device::{Gpu, GpuOptions};
use crate::study::{self, Completion, Opened, Shard, Study, StudyOptions};

use crate::cli::failure::Failure;
use crate::cli::global::Global;
use crate::cli::interrupt::{INTERRUPTED, stop_on_interrupt};
use crate::cli::output;
use crate::cli::run_meter::RunMeter;
use crate::cli::study_progress::StudyProgress;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad study run studies/quickstart.toml --dry-run\n  wattgrad study run studies/quickstart.toml --out runs/quickstart\n  wattgrad study run studies/power-of-training.toml --shard 1/3"
)]
pub struct Args {
    /// Study file (TOML; `wattgrad study new` prints one)
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Folder for the records [default: the study's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Estimate time, work and energy at most, and run nothing
    #[arg(long)]
    dry_run: bool,

    /// Make only the runs of shard I of N, to divide a study over N machines
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Do not wait for other runs of this machine; time and joules are not ranked
    #[arg(long)]
    overlap: bool,

    #[command(flatten)]
    meter: RunMeter,

    /// Print the estimate or the analysis as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let study = Study::read(&args.file)?;
    let meter = args.meter.options(global)?;
    study::check_data(&study)?;
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    if args.dry_run {
        let estimate = study::estimate(&gpu, &study, args.shard, &meter)?;
        match args.json {
            true => output::print_json(&estimate)?,
            false => output::print_text(&crate::report::estimate(&study, &estimate))?,
        }
        return Ok(0);
    }
    let folder = args.out.clone();
    let options = StudyOptions {
        folder: folder.unwrap_or_else(|| PathBuf::from(&study.name)),
        meter,
        overlap: args.overlap,
        shard: args.shard,
        stop: stop_on_interrupt(),
    };
    let mut progress = StudyProgress::new(global, &study);
    let completion = study::execute(&gpu, &study, &options, &mut |event| progress.event(&event));
    progress.finish();
    let completion = completion?;
    let opened = study::open(&[&options.folder])?;
    let printed = match args.json {
        true => output::print_json(&opened.analysis),
        false => output::print_text(&summary(&opened, &study, &options)),
    };
    match completion {
        Completion::Complete => printed.map(|()| 0),
        Completion::Interrupted => {
            // An interrupt at the terminal ends the reader of a pipe too.
            printed.or_else(Failure::unless_closed_pipe)?;
            output::say(global, "interrupted: run the same command to continue");
            Ok(INTERRUPTED)
        }
    }
}

fn summary(opened: &Opened, study: &Study, options: &StudyOptions) -> String {
    let analysis = &opened.analysis;
    let folder = options.folder.display();
    let Some(shard) = options.shard else {
        return format!(
            "{} of {} runs done in {folder}\n{}\n\nwattgrad report {folder} --html report.html\n",
            analysis.done(),
            analysis.planned,
            analysis.answer,
        );
    };
    let mut plan = study.plan();
    plan.retain(|run| shard.contains(&run.id));
    let done = opened.runs.iter().filter(|run| run.outcome.is_final());
    let done = done.filter(|run| plan.iter().any(|planned| planned.id == run.id));
    format!(
        "shard {shard}: {} of {} runs done in {folder}\n\nwattgrad report {folder} DIR... (the folders of all shards)\n",
        done.count(),
        plan.len()
    )
}
