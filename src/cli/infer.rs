//! `wattgrad infer`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::device::{Gpu, GpuOptions};
use crate::energy::Meter;
use crate::files::writable;
use crate::report;
use crate::train::{Regime, Trainer, metered_device};

use super::failure::Failure;
use super::global::Global;
use super::interrupt::{INTERRUPTED, stop_on_interrupt};
use super::output::{self, say};
use super::progress::reading;
use super::train::Setup;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad infer --model cnn --batch-sizes 1,16,256\n  wattgrad infer --model cnn --init-weights cnn.safetensors --record infer.json"
)]
pub struct Args {
    #[command(flatten)]
    setup: Setup,

    /// Samples per batch of inference; repeat the flag or separate with commas
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1,16,64,256",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    batch_sizes: Vec<u32>,

    /// Seconds per batch size; more where a slow sensor needs them
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,

    /// Infer with these weights (safetensors); random weights cost the same
    #[arg(long, value_name = "FILE")]
    init_weights: Option<PathBuf>,

    /// Write the result, for `report --inference` (JSON)
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if !(args.seconds.is_finite() && args.seconds > 0.0 && args.seconds <= 3600.0) {
        return Err(Failure::misuse(format!(
            "--seconds must be above 0 and at most 3600, got {}",
            args.seconds
        )));
    }
    let regime = args.setup.regime.clone();
    let regime = regime.with_weights_given(args.init_weights.is_some())?;
    regime.check()?;
    let meter = global.meter_options(None)?;
    let profile = args.setup.profile()?;
    let data = regime.read_data(&mut reading(global))?;
    regime.check_data(&data)?;
    let weights = match &args.init_weights {
        Some(path) => Some(regime.read_weights(path, &data, false)?),
        None => None,
    };
    if let Some(path) = &args.record {
        writable(path).map_err(|error| Failure::cannot_write(path, &error))?;
    }
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let tuning = profile.on(&gpu, global);
    let meter = Meter::open(&meter, Some(&metered_device(&gpu.adapter)))?;
    let stop = stop_on_interrupt();
    let mut found = None;
    for size in sizes(&args.batch_sizes, data.test.len) {
        say(global, &format!("measuring batch size {size}"));
        let regime = Regime {
            eval_batch_size: Some(size),
            ..regime.clone()
        };
        let mut trainer = Trainer::new(&gpu, regime)?
            .data(data.clone())
            .stop(stop.clone());
        if let Some(found) = &weights {
            trainer = trainer.weights(found.weights.clone(), found.origin.clone());
        }
        trainer = trainer.tuning(tuning.clone());
        let one = trainer.infer(&meter, args.seconds)?;
        match &mut found {
            None => found = Some(one),
            Some(all) => all.points.extend(one.points),
        }
    }
    let Some(found) = found.filter(|found| !found.points.is_empty()) else {
        return Ok(INTERRUPTED);
    };
    if let Some(path) = &args.record {
        found.write(path)?;
    }
    match args.json {
        true => output::print_json(&found)?,
        false => output::print_text(&report::inference(&found))?,
    }
    Ok(match stop.load(Ordering::Relaxed) {
        true => INTERRUPTED,
        false => 0,
    })
}

/// Each size once, none above the number of samples.
fn sizes(wanted: &[u32], samples: usize) -> Vec<u32> {
    let most = u32::try_from(samples).unwrap_or(u32::MAX).max(1);
    let mut sizes: Vec<u32> = Vec::new();
    for size in wanted.iter().map(|size| (*size).min(most)) {
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    sizes
}
