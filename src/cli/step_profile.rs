//! `wattgrad profile`: where the time and the joules of a step go.

use std::path::PathBuf;

use crate::data::Dataset;
use crate::device::{Gpu, GpuOptions};
use crate::energy::Meter;
use crate::files::writable;
use crate::lab::profile::{
    self, Profile, ProfileError, ProfileEvent, ProfileOptions, TimingMethod,
};
use crate::lab::roofline::{Roofline, RooflineDevice};
use crate::model::Network;
use crate::report::lab::{profile as profile_text, profile_page};
use crate::suggest::Suggest;
use crate::train::{Regime, TrainError, Trainer, metered_device};

use super::failure::Failure;
use super::global::Global;
use super::output::{self, say, write};
use super::profile::Profile as DeviceProfile;
use super::progress::reading;
use super::train::Setup;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad profile --model resnet8 --batch-size 128\n  wattgrad profile --model cnn --html step.html --trace step.json"
)]
pub struct Args {
    #[command(flatten)]
    setup: Setup,

    /// How kernels are timed: auto, timestamps or replay
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "auto",
        value_parser = Suggest::text(&["auto", "timestamps", "replay"]),
    )]
    timing: String,

    /// Rounds in which the step and every kernel are timed once
    #[arg(short, long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Seconds of each window of energy, longer for slow sensors
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    energy_seconds: f64,

    /// Write a page with bars, roofline and tables (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write one step as a trace for ui.perfetto.dev (JSON)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Program(error) => TrainError::from(error).into(),
            ProfileError::Device(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let seconds = args.energy_seconds;
    if !(seconds.is_finite() && seconds > 0.0) {
        return Err(Failure::misuse(format!(
            "--energy-seconds must be above 0, got {seconds}"
        )));
    }
    let regime = args.setup.regime.clone();
    regime.check()?;
    let meter_options = global.meter_options(None)?;
    for path in args.html.iter().chain(&args.trace) {
        writable(path).map_err(|error| Failure::cannot_write(path, &error))?;
    }
    let options = ProfileOptions {
        method: match args.timing.as_str() {
            "timestamps" => Some(TimingMethod::Timestamps),
            "replay" => Some(TimingMethod::Replay),
            "auto" => None,
            other => {
                return Err(Failure::misuse(format!(
                    "--timing must be auto, timestamps or replay, got {other:?}"
                )));
            }
        },
        rounds: args.rounds,
        energy_seconds: seconds,
    };
    let setup = Prepared::new(regime, args.setup.profile()?, global)?;
    let gpu = Gpu::open(&GpuOptions {
        adapter: global.adapter.clone(),
        ..Default::default()
    })?;
    let roofline = Roofline::kept(&RooflineDevice::of(&gpu.adapter));
    let meter = Meter::open(&meter_options, Some(&metered_device(&gpu.adapter)))?;
    let title = setup.title(&gpu);
    let found = setup.profile(&gpu, &meter, roofline.as_ref(), &options, global)?;
    if let Some(path) = &args.html {
        write(path, &profile_page(&found, roofline.as_ref(), &title))?;
    }
    if let Some(path) = &args.trace {
        write(path, &profile::trace(&found, &title).to_string())?;
    }
    match args.json {
        true => output::print_json(&found)?,
        false => output::print_text(&profile_text(&found, &title, global.verbose > 0))?,
    }
    Ok(0)
}

/// A step that is ready to be built for replay.
pub struct Prepared {
    regime: Regime,
    data: Dataset,
    network: Network,
    profile: DeviceProfile,
}

impl Prepared {
    /// Reads data and network; everything that needs no device.
    pub fn new(regime: Regime, profile: DeviceProfile, global: &Global) -> Result<Self, Failure> {
        let data = regime.read_data(&mut reading(global))?;
        regime.check_data(&data)?;
        let network = regime.build_network(&data)?;
        Ok(Self {
            regime,
            data,
            network,
            profile,
        })
    }

    /// What is profiled, and where.
    pub fn title(&self, gpu: &Gpu) -> String {
        format!(
            "{} on {}, batch {}, on {} ({})",
            self.regime.model,
            self.data.name,
            self.regime.batch_size,
            gpu.adapter.name,
            gpu.adapter.backend
        )
    }

    /// Builds the step and profiles it.
    pub fn profile(
        self,
        gpu: &Gpu,
        meter: &Meter,
        roofline: Option<&Roofline>,
        options: &ProfileOptions,
        global: &Global,
    ) -> Result<Profile, Failure> {
        let mut program = Trainer::new(gpu, self.regime)?
            .data(self.data)
            .network(self.network)
            .tuning(self.profile.on(gpu, global))
            .replay(true)
            .program()?;
        let mut watch = |event: ProfileEvent<'_>| {
            if let ProfileEvent::Stage(what, done, of) = event {
                say(global, &format!("{what} ({} of {of})", done + 1));
            }
        };
        let found = profile::profile(gpu, &mut program, meter, roofline, options, &mut watch)?;
        program.save_pipelines();
        Ok(found)
    }
}
