//! `wattgrad study run`.

use std::path::PathBuf;

use crate::device::{Gpu, GpuOptions};
use crate::study::{self, Finished, Study, StudyOptions};

use crate::cli::args::Global;
use crate::cli::failure::Failure;
use crate::cli::study_progress::StudyProgress;
use crate::cli::{INTERRUPTED, output, stop_on_interrupt};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad study run studies/quickstart.toml --dry-run\n  wattgrad study run studies/quickstart.toml --out runs/quickstart"
)]
pub struct Args {
    /// The study's file (TOML; `wattgrad study new` prints one)
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Folder of its records [default: the study's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Say how long it will take at most, how much work it is and what it may cost, and make no run
    #[arg(long)]
    dry_run: bool,

    /// Do not wait for other runs of this host; time and joules are then not ranked
    #[arg(long)]
    overlap: bool,

    /// Assume that a busy core draws this many watts, and give joules of CPU time marked as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    assume_watts_per_core: Option<f64>,

    /// Print the estimate, or how the study stands at the end, as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let study = Study::read(&args.file)?;
    let meter = global.meter_options(args.assume_watts_per_core)?;
    study::check_data(&study)?;
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(&study.name));
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    if args.dry_run {
        let estimate = study::estimate(&gpu, &study, &meter)?;
        match args.json {
            true => output::print_json(&estimate)?,
            false => output::print_text(&crate::report::estimate(&study, &estimate))?,
        }
        return Ok(0);
    }
    let options = StudyOptions {
        folder: folder.clone(),
        meter,
        overlap: args.overlap,
        stop: stop_on_interrupt(),
        ..StudyOptions::default()
    };
    let mut progress = StudyProgress::new(global, &study);
    let finished = study::execute(&gpu, &study, &options, &mut |event| progress.event(&event));
    progress.finish();
    let finished = finished?;
    let opened = study::open(&folder)?;
    let printed = if args.json {
        output::print_json(&opened.analysis)
    } else {
        let analysis = &opened.analysis;
        output::print_text(&format!(
            "{} of {} runs done in {folder}\n{}\n\nwattgrad report {folder} --html report.html\n",
            analysis.done(),
            analysis.planned,
            analysis.answer,
            folder = folder.display(),
        ))
    };
    match finished {
        Finished::Complete => printed.map(|()| 0),
        Finished::Interrupted => {
            // An interrupt at the terminal ends the reader of a pipe too.
            printed.or_else(Failure::unless_nobody_reads)?;
            output::say(global, "interrupted: the same command goes on from here");
            Ok(INTERRUPTED)
        }
    }
}
