//! `wattgrad lr-find`.

use std::path::PathBuf;

use crate::device::{Gpu, GpuOptions};
use crate::report;
use crate::train::{LrSweep, Trainer};

use super::failure::Failure;
use super::global::Global;
use super::interrupt::{INTERRUPTED, stop_on_interrupt};
use super::output;
use super::progress::reading;
use super::train::Setup;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad lr-find --model cnn --optimizer adamw\n  wattgrad lr-find --batch-size 256 --svg lr.svg"
)]
pub struct Args {
    #[command(flatten)]
    setup: Setup,

    /// First learning rate
    #[arg(long, value_name = "LR", default_value_t = LrSweep::default().from, allow_hyphen_values = true)]
    from: f64,

    /// Last learning rate
    #[arg(long, value_name = "LR", default_value_t = LrSweep::default().to, allow_hyphen_values = true)]
    to: f64,

    /// Steps from the first to the last, by equal factors
    #[arg(long, value_name = "N", default_value_t = LrSweep::default().steps)]
    steps: u32,

    /// Write the plot (SVG)
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Print every step and the suggestion as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let sweep = LrSweep {
        from: args.from,
        to: args.to,
        steps: args.steps,
    };
    let regime = args.setup.regime.clone();
    sweep.check()?;
    sweep.check_regime(&regime)?;
    regime.check()?;
    let profile = args.setup.profile()?;
    let data = regime.read_data(&mut reading(global))?;
    regime.check_data(&data)?;
    let network = regime.build_network(&data)?;
    let title = format!(
        "{} on {}, {}",
        regime.model,
        data.name,
        regime.recipe_without(|key| key == "lr")
    );
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let stop = stop_on_interrupt();
    let mut trainer = Trainer::new(&gpu, regime)?
        .data(data)
        .network(network)
        .stop(stop.clone());
    trainer = trainer.tuning(profile.on(&gpu, global));
    let found = trainer.find_lr(sweep, &mut |_| ())?;
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Ok(INTERRUPTED);
    }
    if let Some(path) = &args.svg {
        let svg = report::lr_find_svg(&found, &title);
        output::write(path, &svg)?;
    }
    match args.json {
        true => output::print_json(&found)?,
        false => output::print_text(&format!("{title}\n\n{}", report::lr_find(&found)))?,
    }
    Ok(0)
}
