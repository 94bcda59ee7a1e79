//! `wattgrad search`.

use std::path::PathBuf;

use crate::device::{Gpu, GpuOptions};
use crate::report;
use crate::study::search::{
    Ended, Propose, SearchBudget, SearchPlan, SearchSettings, Stop, search,
};
use crate::study::{self, Outcome, Shard, Study, StudyEvent, StudyOptions};

use super::failure::Failure;
use super::global::Global;
use super::interrupt::{INTERRUPTED, stop_on_interrupt};
use super::output;
use super::run_meter::RunMeter;
use super::study_progress::StudyProgress;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad search studies/quickstart.toml --budget 60s --dry-run\n  wattgrad search studies/power-of-training.toml --budget 20kJ --propose bayes"
)]
pub struct Args {
    /// Study file (TOML; `wattgrad study new` prints one)
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Most to spend, in the unit to minimize: 5kJ, 20min, 2e6samples, 3TFLOP
    #[arg(long, value_name = "AMOUNT")]
    budget: SearchBudget,

    /// Folder for the records [default: the study's name and -search]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print what the search would do, and run nothing
    #[arg(long)]
    dry_run: bool,

    /// When cells end early: halving, median or none
    #[arg(long, value_name = "RULE", default_value = "halving")]
    stop: Stop,

    /// Which cells come next: random, or bayes (tree-structured Parzen estimator)
    #[arg(long, value_name = "WAY", default_value = "random")]
    propose: Propose,

    /// Increase the limit of a rung by this factor, and continue 1 of N cells
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=16))]
    eta: u32,

    /// Fewest cells that halving continues
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,

    /// Cells that are halved together
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(2..))]
    bracket: u32,

    /// Seed of the order of the cells
    #[arg(long, value_name = "N", default_value_t = 0)]
    search_seed: u64,

    /// Search only the cells of shard I of N
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Do not wait for other runs of this machine; time and joules are not ranked
    #[arg(long)]
    overlap: bool,

    #[command(flatten)]
    meter: RunMeter,

    /// Print the plan or the result as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    fn settings(&self) -> SearchSettings {
        SearchSettings {
            stop: self.stop,
            propose: self.propose,
            eta: self.eta,
            keep: self.keep as usize,
            bracket: self.bracket as usize,
            seed: self.search_seed,
        }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let study = Study::read(&args.file)?;
    let meter = args.meter.options(global)?;
    study::check_data(&study)?;
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let chosen = (args.budget, args.settings());
    if args.dry_run {
        let estimate = study::estimate(&gpu, &study, None, &meter)?;
        let plan = SearchPlan::new(&study, chosen, args.shard, &estimate);
        match args.json {
            true => output::print_json(&plan)?,
            false => output::print_text(&report::search_plan(&plan))?,
        }
        return Ok(0);
    }
    let folder = args.out.clone();
    let options = StudyOptions {
        folder: folder.unwrap_or_else(|| PathBuf::from(format!("{}-search", study.name))),
        meter,
        overlap: args.overlap,
        shard: args.shard,
        stop: stop_on_interrupt(),
    };
    let mut progress = StudyProgress::new(global, &study);
    let unit = args.budget.unit;
    let found = search(&gpu, &study, chosen, &options, &mut |event| match event {
        StudyEvent::Rung {
            run,
            spent,
            recorded: false,
        } => output::say(
            global,
            &format!(
                "{:>13} of {}  {}  {}",
                unit.show(spent),
                args.budget,
                run.id,
                match run.outcome {
                    Outcome::Stopped => "paused",
                    outcome => outcome.name(),
                }
            ),
        ),
        // Every run has the same notes as the runs of a study, which say nothing about the search.
        StudyEvent::Rung { .. } | StudyEvent::Training(_) => {}
        event => progress.event(&event),
    })?;
    let folder = options.folder.display();
    let printed = match args.json {
        true => output::print_json(&found),
        false => {
            let target = study.target.thresholds.last();
            let target = target.map_or_else(String::new, |last| study.target.describe(*last));
            let mut text = report::search(&found, &target);
            text += &format!("\nwattgrad report {folder} --html report.html\n");
            output::print_text(&text)
        }
    };
    match found.ended {
        Ended::Interrupted => {
            // An interrupt at the terminal ends the reader of a pipe too.
            printed.or_else(Failure::unless_closed_pipe)?;
            output::say(global, "interrupted: run the same command to continue");
            Ok(INTERRUPTED)
        }
        _ => printed.map(|()| 0),
    }
}
