//! `wattgrad train`.

use std::path::PathBuf;

use crate::device::{Gpu, GpuOptions};
use crate::report;
use crate::train::{CheckpointEvery, Checkpoints, Outcome, Outputs, Regime, Trainer};

use super::failure::Failure;
use super::global::Global;
use super::interrupt::{INTERRUPTED, stop_on_interrupt};
use super::output;
use super::profile::Profile;
use super::progress::{Progress, reading};
use super::run_meter::RunMeter;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad train --model mlp --target-accuracy 0.85 --record run.json\n  wattgrad train --model cnn --lr 0.01 --epochs 3 --eval-every 0.5 --save-weights cnn.safetensors"
)]
pub struct Args {
    #[command(flatten)]
    setup: Setup,

    /// Start from these weights (safetensors with PyTorch's names); see --only
    #[arg(long, value_name = "FILE")]
    init_weights: Option<PathBuf>,

    /// Accept initial weights with NaN or infinity
    #[arg(long, requires = "init_weights")]
    allow_non_finite: bool,

    /// Write the final weights (safetensors)
    #[arg(long, value_name = "FILE")]
    save_weights: Option<PathBuf>,

    /// Write step, samples and loss of each step (JSON Lines)
    #[arg(long, value_name = "FILE")]
    steps_log: Option<PathBuf>,

    /// Write checkpoints to this folder, and keep the last two
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,

    /// Interval of checkpoints: a time, epochs or steps
    #[arg(
        long,
        value_name = "INTERVAL",
        requires = "checkpoint",
        default_value_t = CheckpointEvery::default(),
        value_parser = |text: &str| text.parse::<CheckpointEvery>().map_err(|error| error.to_string()),
    )]
    every: CheckpointEvery,

    /// Continue from the newest checkpoint in the folder, if there is one
    #[arg(long, requires = "checkpoint")]
    resume: bool,

    /// Write the record of the run (JSON)
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    #[command(flatten)]
    meter: RunMeter,

    /// Print the record as JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// What a step is built from; `explain` has these too.
#[derive(Debug, clap::Args)]
pub struct Setup {
    #[command(flatten)]
    pub regime: Regime,

    /// Device profile (TOML), or default: the built-in one [default: as tuned]
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

impl Setup {
    /// The profile of `--profile`.
    pub fn profile(&self) -> Result<Profile, Failure> {
        Profile::read(self.profile.as_deref())
    }
}

impl Args {
    fn outputs(&self) -> Outputs {
        Outputs {
            record: self.record.clone(),
            weights: self.save_weights.clone(),
            steps_log: self.steps_log.clone(),
        }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    // Everything that needs no device is checked first: errors appear at once, also on a machine without a device.
    let regime = args.setup.regime.clone();
    let regime = regime.with_weights_given(args.init_weights.is_some())?;
    regime.check()?;
    let meter = args.meter.options(global)?;
    let profile = args.setup.profile()?;
    let data = regime.read_data(&mut reading(global))?;
    regime.check_data(&data)?;
    let network = regime.build_network(&data)?;
    let weights = match &args.init_weights {
        Some(path) => {
            let found = regime.read_weights(path, &data, args.allow_non_finite)?;
            for note in &found.notes {
                output::say(global, &format!("note: {note}"));
            }
            Some((found.weights, found.origin))
        }
        None => None,
    };
    let outputs = args.outputs();
    outputs.check()?;

    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let mut trainer = Trainer::new(&gpu, regime)?
        .data(data)
        .network(network)
        .meter(meter)
        .outputs(outputs)
        .stop(stop_on_interrupt());
    if let Some((weights, origin)) = weights {
        trainer = trainer.weights(weights, origin);
    }
    trainer = trainer.tuning(profile.on(&gpu, global));
    if let Some(folder) = args.checkpoint.clone() {
        trainer = trainer.checkpoints(Checkpoints {
            folder,
            every: args.every,
            resume: args.resume,
        });
    }
    let record = trainer.run(&mut Progress::new(global))?.record;

    if args.json {
        output::print(&record.to_json()?)?;
    } else {
        output::print_text(&report::run(&record))?;
    }
    Ok(match record.outcome {
        Outcome::Interrupted => INTERRUPTED,
        _ => 0,
    })
}
