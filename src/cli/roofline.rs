//! `wattgrad roofline`: what this device can do.

use std::path::{Path, PathBuf};

use crate::device::{Gpu, GpuOptions};
use crate::energy::Meter;
use crate::files::{writable, write_whole};
use crate::lab::roofline::{Roofline, RooflineDevice};
use crate::report::lab::{roofline, roofline_page, roofline_svg};
use crate::train::metered_device;

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad roofline\n  wattgrad roofline --refresh --svg roofline.svg"
)]
pub struct Args {
    /// Measure again, even if a result of this adapter and driver is kept
    #[arg(long)]
    refresh: bool,

    /// Seconds of each intensity whose energy is measured, where a sensor is available
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    energy_seconds: f64,

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
    if let Some(path) = &args.svg {
        let title = format!("Roofline of {}", found.device.name);
        let picture = roofline_svg(&found, &[], &[], &title).ok_or_else(|| {
            Failure::failed("there is no plot: a peak of arithmetic or memory was not measured")
        })?;
        write(path, &picture)?;
    }
    if let Some(path) = &args.html {
        write(
            path,
            &roofline_page(&found, &[], &[], "The roofs of this device."),
        )?;
    }
    match args.json {
        true => output::print_json(&found)?,
        false => output::print_text(&roofline(&found))?,
    }
    Ok(0)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_whole(path, text.as_bytes()).map_err(|error| Failure::cannot_write(path, &error))
}
