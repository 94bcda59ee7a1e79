//! `wattgrad tune`.

use std::path::PathBuf;

use crate::device::{Gpu, GpuOptions};
use crate::energy::{Meter, Status};
use crate::kernels::{GemmCore, built_in, install};
use crate::lab::tune::{Objective, TuneError, TuneOptions, tune};
use crate::model::presets;
use crate::report;
use crate::suggest::Suggest;
use crate::train::metered_device;

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say};
use super::profile::Profile;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad tune --for time\n  wattgrad tune --for energy --model resnet18 --batch-size 128 --shape 3x32x32"
)]
pub struct Args {
    /// What shall be low: time, energy, or edp (energy times time)
    #[arg(
        long = "for",
        value_name = "OBJECTIVE",
        default_value = "time",
        value_parser = Suggest::read(Objective::NAMES, |text| text.parse::<Objective>()),
    )]
    objective: Objective,

    /// Tune for the steps of this preset; repeat the flag or separate with commas
    #[arg(
        long,
        value_name = "MODEL",
        value_delimiter = ',',
        default_value = "mlp,cnn,resnet8",
        value_parser = Suggest::text(presets::NAMES),
    )]
    model: Vec<String>,

    /// Samples of a step
    #[arg(long, value_name = "N", default_value_t = 64)]
    batch_size: u32,

    /// Shape of a sample, such as 3x32x32 [default: 1x28x28 for mlp, cnn, resnet8]
    #[arg(long, value_name = "CxHxW")]
    shape: Option<String>,

    /// Tune only the products, with these cores: direct, tile or texel
    #[arg(
        long,
        value_name = "CORE",
        value_delimiter = ',',
        value_parser = Suggest::read(&["direct", "tile", "texel"], parse_core),
    )]
    core: Vec<GemmCore>,

    /// Begin with this device profile (TOML) instead of the built-in one
    #[arg(long, value_name = "FILE", default_value = "default")]
    profile: PathBuf,

    /// Begin no further part of the search after so many seconds
    #[arg(long, value_name = "S", default_value_t = 600.0)]
    budget: f64,

    /// Also write the profile to this file (TOML), for --profile
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let shape = args.shape.as_deref().map(parse_shape).transpose()?;
    if args.batch_size == 0 {
        return Err(Failure::misuse("--batch-size must be at least 1, got 0"));
    }
    if !(args.budget.is_finite() && args.budget > 0.0) {
        return Err(Failure::misuse(format!(
            "--budget must be above 0 seconds, got {}",
            args.budget
        )));
    }
    for model in &args.model {
        if !presets::NAMES.contains(&model.as_str()) {
            return Err(Failure::misuse(format!(
                "unknown preset {model:?}: choose one of {}",
                presets::NAMES.join(", ")
            )));
        }
    }
    let start = Profile::read(Some(&args.profile))?;
    if let Some(path) = &args.out {
        crate::files::writable(path).map_err(|error| Failure::cannot_write(path, &error))?;
    }
    let meter_options = global.meter_options(None)?;
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let meter = Meter::open(&meter_options, Some(&metered_device(&gpu.adapter)))?;
    let measured = meter.sources().iter().any(|s| s.status == Status::Measured);
    if args.objective != Objective::Time && !measured {
        return Err(Failure::failed(format!(
            "--for {} needs a sensor, and this machine has none that measures: wattgrad doctor shows how to enable one",
            args.objective
        )));
    }
    let start = match start {
        Profile::File(tuning) => tuning,
        Profile::Installed | Profile::BuiltIn => built_in(&gpu),
    };
    let options = TuneOptions {
        objective: args.objective,
        models: args.model.clone(),
        batch_size: args.batch_size,
        shape,
        cores: args.core.clone(),
        start,
        budget: args.budget,
    };
    let found = tune(&gpu, &meter, &options, &mut |what| say(global, what))?;
    if found.changed {
        let evidence = serde_json::to_value(&found)
            .map_err(|error| Failure::failed(format!("cannot write the evidence ({error})")))?;
        let path = install(&gpu, found.profile.clone(), evidence).map_err(|error| {
            Failure::failed(format!(
                "cannot install the profile ({error}): check the cache folder"
            ))
        })?;
        let name = &found.profile.name;
        say(
            global,
            &format!(
                "installed {} ({}); runs on this device use it now, unless with --profile default",
                name,
                path.display()
            ),
        );
    }
    if let Some(path) = &args.out {
        let text = toml::to_string(&found.profile)
            .map_err(|error| Failure::failed(format!("cannot write the profile ({error})")))?;
        output::write(path, &text)?;
    }
    match args.json {
        true => output::print_json(&found)?,
        false => output::print_text(&report::tune(&found))?,
    }
    Ok(0)
}

fn parse_core(text: &str) -> Result<GemmCore, String> {
    match text {
        "direct" => Ok(GemmCore::Direct),
        "tile" => Ok(GemmCore::Tile),
        "texel" => Ok(GemmCore::Texel),
        _ => Err(format!(
            "unknown core {text:?}: choose direct, tile or texel"
        )),
    }
}

/// `3x32x32`, or `6x32` for a series.
fn parse_shape(text: &str) -> Result<Vec<usize>, Failure> {
    let sizes: Option<Vec<usize>> = text.split('x').map(|n| n.parse().ok()).collect();
    sizes
        .filter(|sizes| (2..=3).contains(&sizes.len()) && !sizes.contains(&0))
        .ok_or_else(|| {
            Failure::misuse(format!(
                "--shape must be two or three sizes above 0, such as 3x32x32, got {text:?}"
            ))
        })
}

impl From<TuneError> for Failure {
    fn from(error: TuneError) -> Self {
        match error {
            TuneError::Data(error) => error.into(),
            TuneError::Model(error) => error.into(),
            other => Self::failed(other),
        }
    }
}
