//! `wattgrad roofline`: what this device can do.

use std::path::PathBuf;

use serde::Serialize;

use crate::device::{Gpu, GpuOptions};
use crate::energy::{Meter, MeterOptions, Selection};
use crate::files::writable;
use crate::lab::profile::{DispatchProfile, ProfileOptions};
use crate::lab::roofline::{Roofline, RooflineDevice};
use crate::model::presets;
use crate::report::lab::{
    kernels_table, plotted, plotted_groups, roofline, roofline_page, roofline_svg,
};
use crate::suggest::Suggest;
use crate::train::{Regime, metered_device};

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say, write};
use super::profile::Profile;
use super::step_profile::Prepared;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad roofline --refresh\n  wattgrad roofline --model resnet8 --svg roofline.svg"
)]
pub struct Args {
    /// Measure again, even if a result of this adapter and driver is kept
    #[arg(long)]
    refresh: bool,

    /// Seconds of each intensity whose energy is measured, where a sensor is available
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    energy_seconds: f64,

    /// Time the kernels of a training step of this model, and plot them
    #[arg(long, value_name = "MODEL", value_parser = Suggest::text(presets::NAMES))]
    model: Option<String>,

    /// Batch size of the model
    #[arg(long, value_name = "N", requires = "model", default_value_t = 64)]
    batch_size: u32,

    /// Data set of the model [default: as train]
    #[arg(long, value_name = "DATA", requires = "model")]
    data: Option<String>,

    /// Write the plot (SVG)
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Write a page with the plot and the figures (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Rounds of the timing of a model's kernels.
const ROUNDS: u32 = 5;

/// A roofline as JSON, with the kernels of a model.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    roofline: &'a Roofline,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernels: Option<&'a [DispatchProfile]>,
}

impl Args {
    /// The step whose kernels are plotted; everything that needs no device.
    fn step(&self, global: &Global) -> Result<Option<Prepared>, Failure> {
        let Some(model) = &self.model else {
            return Ok(None);
        };
        let mut regime = Regime {
            model: model.clone(),
            batch_size: self.batch_size,
            ..Regime::default()
        };
        if let Some(data) = &self.data {
            regime.data.clone_from(data);
        }
        regime.check()?;
        Prepared::new(regime, Profile::read(None)?, global).map(Some)
    }
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let seconds = args.energy_seconds;
    if !(seconds.is_finite() && seconds > 0.0) {
        return Err(Failure::misuse(format!(
            "--energy-seconds must be above 0, got {seconds}"
        )));
    }
    for path in args.svg.iter().chain(&args.html) {
        writable(path).map_err(|error| Failure::cannot_write(path, &error))?;
    }
    let meter_options = global.meter_options(None)?;
    let step = args.step(global)?;
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let kept = Roofline::kept(&RooflineDevice::of(&gpu.adapter));
    let found = match kept.filter(|_| !args.refresh) {
        Some(kept) => {
            say(
                global,
                "this result is kept from before; measure again with --refresh",
            );
            kept
        }
        None => {
            let meter = Meter::open(&meter_options, Some(&metered_device(&gpu.adapter)))?;
            let mut progress = |what: &str| say(global, &format!("measuring {what}"));
            let found = Roofline::measure(&gpu, &meter, seconds, &mut progress)?;
            if let Err(error) = found.keep() {
                say(global, &format!("note: the result is not kept ({error})"));
            }
            found
        }
    };
    let mut title = format!("Roofline of {}", found.device.name);
    let mut profile = None;
    if let Some(step) = step {
        title = step.title(&gpu);
        let options = ProfileOptions {
            method: None,
            rounds: ROUNDS,
            energy_seconds: seconds,
        };
        let none = MeterOptions {
            selection: Selection::None,
            ..MeterOptions::default()
        };
        let meter = Meter::open(&none, None)?;
        profile = Some(step.profile(&gpu, &meter, Some(&found), &options, global)?);
    }
    let kernels = profile.as_ref().map_or_else(Vec::new, plotted);
    let groups = plotted_groups(&kernels);
    if let Some(path) = &args.svg {
        let picture = roofline_svg(&found, &kernels, &groups, &title).ok_or_else(|| {
            Failure::failed("there is no plot: a peak of arithmetic or memory was not measured")
        })?;
        write(path, &picture)?;
    }
    if let Some(path) = &args.html {
        let caption = match &profile {
            Some(_) => format!("{title}. Points above a roof read their data from a cache."),
            None => "The roofs of this device.".into(),
        };
        write(path, &roofline_page(&found, &kernels, &groups, &caption))?;
    }
    match args.json {
        true => output::print_json(&Printed {
            roofline: &found,
            kernels: profile.as_ref().map(|profile| &profile.dispatches[..]),
        })?,
        false => {
            let kernels = profile.as_ref().map(kernels_table);
            let kernels = kernels.map_or(String::new(), |table| format!("\n{title}\n{table}"));
            output::print_text(&format!("{}{kernels}", roofline(&found)))?;
        }
    }
    Ok(0)
}
