//! `wattgrad train`.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wattgrad::device::{Gpu, GpuOptions};
use wattgrad::kernels::Tuning;
use wattgrad::report;
use wattgrad::train::{Outcome, Outputs, Regime, Trainer};

use super::args::Global;
use super::failure::Failure;
use super::progress::Progress;
use super::suggest::Suggest;
use super::{INTERRUPTED, output};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad train --model mlp --target-accuracy 0.85 --record run.json\n  wattgrad train --model cnn --lr 0.01 --epochs 3 --eval-every 0.5 --save-weights cnn.safetensors"
)]
pub struct Args {
    #[command(flatten)]
    pub setup: Setup,

    /// Update rule
    #[arg(long, value_name = "NAME", default_value = "sgd", value_parser = Suggest(&["sgd"]))]
    optimizer: String,

    /// Learning rate
    #[arg(
        long,
        value_name = "LR",
        default_value_t = 0.05,
        allow_hyphen_values = true
    )]
    lr: f64,

    /// Momentum, from 0 to below 1
    #[arg(
        long,
        value_name = "M",
        default_value_t = 0.9,
        allow_hyphen_values = true
    )]
    momentum: f64,

    /// Weight decay, added to the gradient
    #[arg(
        long,
        value_name = "D",
        default_value_t = 0.0,
        allow_hyphen_values = true
    )]
    weight_decay: f64,

    /// Look ahead along the momentum
    #[arg(long)]
    nesterov: bool,

    /// Most epochs [default: 5 where --max-steps is not given]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,

    /// Most training steps; 0 evaluates once and trains nothing
    #[arg(long, value_name = "N")]
    max_steps: Option<u32>,

    /// Order of the training samples
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "shuffled",
        value_parser = Suggest(&["shuffled", "sequential"]),
    )]
    order: String,

    /// Epochs from one evaluation to the next; may be a fraction
    #[arg(
        long,
        value_name = "EPOCHS",
        default_value_t = 1.0,
        allow_hyphen_values = true
    )]
    eval_every: f64,

    /// End at the first evaluation with at least this accuracy, 0 to 1
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    target_accuracy: Option<f64>,

    /// Start from these weights (safetensors under PyTorch's names)
    #[arg(long, value_name = "FILE")]
    init_weights: Option<PathBuf>,

    /// Write the final weights (safetensors)
    #[arg(long, value_name = "FILE")]
    save_weights: Option<PathBuf>,

    /// Write a JSON object a step: step, samples, loss
    #[arg(long, value_name = "FILE")]
    steps_log: Option<PathBuf>,

    /// Write the record of the run (JSON)
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Assume that a busy core draws this many watts, and give joules of CPU time marked as assumed
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    assume_watts_per_core: Option<f64>,

    /// Print the record as JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// What a step is built from; `explain` has these too.
#[derive(Debug, clap::Args)]
pub struct Setup {
    /// Network
    #[arg(
        long,
        value_name = "NAME",
        default_value = "mlp",
        value_parser = Suggest(wattgrad::model::presets::NAMES),
    )]
    pub model: String,

    /// Data set: auto, fashion-mnist, digits, or a folder of IDX files; auto takes Fashion-MNIST where it finds it
    #[arg(long, value_name = "DATA", default_value = "auto")]
    pub data: String,

    /// Samples of a training step
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub batch_size: u32,

    /// Samples of an evaluation step; changes no result [default: 500, or all]
    #[arg(long, value_name = "N")]
    pub eval_batch_size: Option<u32>,

    /// Seed of the initial weights and the order of samples
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u32,

    /// Choose kernels by this device profile (TOML) instead of the device's own
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

impl Setup {
    /// These choices, all others as they are by default.
    pub fn regime(&self) -> Regime {
        Regime {
            model: self.model.clone(),
            data: self.data.clone(),
            batch_size: self.batch_size,
            eval_batch_size: self.eval_batch_size,
            seed: self.seed,
            ..Regime::default()
        }
    }

    /// The profile that was asked for.
    pub fn tuning(&self) -> Result<Option<Tuning>, Failure> {
        self.profile.as_deref().map(read_profile).transpose()
    }
}

impl Args {
    fn regime(&self) -> Result<Regime, Failure> {
        Ok(Regime {
            optimizer: self.optimizer.parse()?,
            lr: self.lr,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            nesterov: self.nesterov,
            epochs: self.epochs,
            max_steps: self.max_steps,
            order: Regime::parse_order(&self.order)?,
            eval_every: self.eval_every,
            target_accuracy: self.target_accuracy,
            ..self.setup.regime()
        })
    }

    fn outputs(&self) -> Outputs {
        Outputs {
            record: self.record.clone(),
            weights: self.save_weights.clone(),
            steps_log: self.steps_log.clone(),
        }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    // All that can be wrong without a device comes first: it is found at once, and on a machine that has none.
    let regime = args.regime()?;
    regime.check()?;
    let meter = global.meter_options(args.assume_watts_per_core)?;
    let tuning = args.setup.tuning()?;
    let data = regime.open_data()?;
    regime.check_data(&data)?;
    let network = regime.build_network(&data)?;
    let weights = match &args.init_weights {
        Some(path) => Some((
            regime.read_weights(path, &data)?,
            path.display().to_string(),
        )),
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
    if let Some(tuning) = tuning {
        trainer = trainer.tuning(tuning);
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

fn read_profile(path: &Path) -> Result<Tuning, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::failed(format!(
            "cannot read the profile {path:?} ({error}): check that the file exists and that you may read it"
        ))
    })?;
    toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].lines().count().max(1))
            .map(|line| format!(" at line {line}"))
            .unwrap_or_default();
        let message = error.message().replace('\n', " ");
        Failure::failed(format!(
            "the profile {path:?} cannot be used{line} ({message}): mend it, or leave --profile out"
        ))
    })
}

/// A flag that the first Ctrl-C or termination sets; the second ends the program at once.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let set = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(INTERRUPTED));
        }
    });
    if let Err(error) = set {
        tracing::warn!("an interrupt will end the run without its record: {error}");
    }
    stop
}
