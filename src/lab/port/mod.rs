//! A new device, examined from start to end: conformance, determinism, training, roofline, tuning, sensors.

mod choice;
mod clock;
mod conformance;
mod problems;
mod state;
mod step;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use choice::{Choice, choose};
pub use conformance::{Conformance, KernelRow};
pub use state::{Key, StateError};
pub use step::PortStep;

use clock::Clock;

use crate::conformance::{ExamOptions, Followed, Guard, Repeated, examine, references};
use crate::device::{DeviceError, Gpu, PipelineCache};
use crate::energy::{Meter, SourceReport};
use crate::kernels::Tuning;
use crate::lab::KernelError;
use crate::lab::roofline::Roofline;
use crate::lab::tune::{Objective, TuneError, TuneOptions, Tuned, tune};
use crate::train::{DeviceRecord, Host, Versions};

/// Version of the keys of a port.
pub const SCHEMA: u32 = 1;

/// Steps of the determinism runs.
const REPEATED_STEPS: u32 = 10;

/// The presets of a quick port.
const QUICK: [&str; 3] = ["mlp", "cnn", "resnet8"];

/// Seconds of each intensity whose energy the roofline measures.
const ENERGY_SECONDS: f64 = 5.0;

/// Seconds after which the tuning begins nothing new.
const TUNING_SECONDS: f64 = 600.0;

/// After this, a quick port starts no further step.
const QUICK_LIMIT: Duration = Duration::from_secs(8 * 60);

/// The training of a preset, or why there was none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trained<T> {
    /// The preset.
    pub preset: String,
    /// The result.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
    /// Why it could not be trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn none<T>() -> Option<T> {
    None
}

/// What was found of a device; each step fills its part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Port {
    /// Version of the keys.
    pub schema: u32,
    /// Device, driver and kernels: a port of others is not continued.
    pub key: Key,
    /// When it was begun: RFC 3339, UTC.
    pub begun_at: String,
    /// The device.
    pub device: DeviceRecord,
    /// The machine.
    pub host: Host,
    /// The versions.
    pub versions: Versions,
    /// Environment variables that change drivers or kernels.
    pub environment: BTreeMap<String, String>,
    /// What `wattgrad doctor -v` prints.
    pub doctor: String,
    /// Every kernel against the oracle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformance: Option<Conformance>,
    /// The profile whose kernels are right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Each preset trained again.
    pub determinism: Vec<Trained<Repeated>>,
    /// Each preset against PyTorch.
    pub training: Vec<Trained<Followed>>,
    /// What the device can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Roofline>,
    /// The search for the fastest kernel variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuned>,
    /// The energy sources.
    pub sensors: Vec<SourceReport>,
    /// Seconds of each step that ended, those of interrupted attempts included.
    pub seconds: BTreeMap<String, f64>,
    /// Seconds so far of each step that did not end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seconds_so_far: BTreeMap<String, f64>,
    /// Why a step, or a preset of one, was left out.
    pub left_out: BTreeMap<String, String>,
}

/// What to do.
#[derive(Clone, Debug)]
pub struct PortOptions {
    /// Stay under ten minutes.
    pub quick: bool,
    /// The steps to run.
    pub steps: Vec<PortStep>,
    /// The file that keeps what is done.
    pub state: PathBuf,
    /// Announces what a driver may never end or not survive.
    pub guard: Rc<Guard>,
}

/// Reports how far a port is: a step, and a part of it.
pub type Progress<'a> = &'a mut dyn FnMut(&str, &str);

impl Port {
    /// Runs the steps that are not done, and writes the state after each.
    ///
    /// # Errors
    /// [`PortError`] where the state cannot be written or the device is lost.
    pub fn run(
        &mut self,
        gpu: &Gpu,
        meter: &Meter,
        options: &PortOptions,
        progress: Progress<'_>,
    ) -> Result<(), PortError> {
        let start = Instant::now();
        let late = || options.quick && start.elapsed() > QUICK_LIMIT;
        self.left_out.clear();
        let lost = options.guard.lost_seconds();
        if !lost.is_empty() {
            for (step, seconds) in lost {
                *self.seconds_so_far.entry(step).or_default() += seconds;
            }
            self.write(&options.state)?;
            options.guard.lost_seconds_are_kept();
        }
        for step in PortStep::ALL {
            let name = step.name().to_owned();
            if !options.steps.contains(step) {
                if !self.seconds.contains_key(&name) {
                    self.left_out.insert(name, "not chosen with --step".into());
                }
                continue;
            }
            let clock = &mut Clock::start(*step, &options.guard);
            let ran = match step {
                PortStep::Conformance => self.conform(gpu, options, progress),
                PortStep::Determinism => self.repeat(gpu, options, clock, &late, progress)?,
                PortStep::Training => self.train(gpu, options, clock, &late, progress)?,
                PortStep::Roofline | PortStep::Tuning if late() => {
                    self.left_out.insert(name.clone(), out_of_time());
                    false
                }
                PortStep::Tuning if options.quick => {
                    self.left_out.insert(name.clone(), "--quick".into());
                    false
                }
                PortStep::Roofline | PortStep::Tuning => {
                    let run = || match step {
                        PortStep::Roofline => self.measure(gpu, meter, progress),
                        _ => self.tune(gpu, meter, progress),
                    };
                    match options.guard.unlimited(step.name(), run) {
                        Ok(ran) => ran?,
                        Err(why) => {
                            self.left_out.insert(name.clone(), why);
                            false
                        }
                    }
                }
            };
            if ran {
                clock.add_to(&mut self.seconds_so_far);
                let own = self.seconds_so_far.remove(&name).unwrap_or_default();
                *self.seconds.entry(name).or_default() += own;
                self.write(&options.state)?;
            }
            options.guard.end_step();
            gpu.check()?;
        }
        Ok(())
    }

    fn conform(&mut self, gpu: &Gpu, options: &PortOptions, progress: Progress<'_>) -> bool {
        if self.conformance.is_some() {
            return false;
        }
        let options = ExamOptions {
            twice: true,
            guard: Rc::clone(&options.guard),
            ..Default::default()
        };
        let pipelines = PipelineCache::with_directory(gpu, None);
        let mut part = |suite: &str, done: usize, of: usize| {
            progress("conformance", &format!("{} of {of}: {suite}", done + 1));
        };
        let (findings, _) = examine(gpu, pipelines, &options, &mut part);
        let found = Conformance::new(&findings);
        self.choice = Some(choose(gpu, &found.suspects));
        self.conformance = Some(found);
        true
    }

    /// The profile that training uses.
    fn profile(&self, gpu: &Gpu) -> Tuning {
        match &self.choice {
            Some(choice) => choice.profile.clone(),
            None => choose(gpu, &[]).profile,
        }
    }

    fn repeat(
        &mut self,
        gpu: &Gpu,
        options: &PortOptions,
        clock: &mut Clock<'_>,
        late: &dyn Fn() -> bool,
        progress: Progress<'_>,
    ) -> Result<bool, PortError> {
        let profile = self.profile(gpu);
        let mut ran = false;
        for reference in references()
            .iter()
            .filter(|r| QUICK.contains(&r.preset.as_str()))
        {
            let preset = &reference.preset;
            if self.determinism.iter().any(|done| done.preset == *preset) {
                continue;
            }
            if late() {
                let key = format!("determinism of {preset}");
                self.left_out.insert(key, out_of_time());
                continue;
            }
            progress("determinism", preset);
            let work = format!("determinism of {preset}");
            let run = || reference.repeat(gpu, &profile, REPEATED_STEPS);
            let result = options.guard.unlimited(&work, run);
            self.determinism.push(Trained::new(preset, result));
            clock.add_to(&mut self.seconds_so_far);
            self.write(&options.state)?;
            ran = true;
        }
        Ok(ran)
    }

    fn train(
        &mut self,
        gpu: &Gpu,
        options: &PortOptions,
        clock: &mut Clock<'_>,
        late: &dyn Fn() -> bool,
        progress: Progress<'_>,
    ) -> Result<bool, PortError> {
        let profile = self.profile(gpu);
        let mut ran = false;
        for reference in references() {
            let preset = &reference.preset;
            if self.training.iter().any(|done| done.preset == *preset) {
                continue;
            }
            let key = format!("training of {preset}");
            if options.quick && !QUICK.contains(&preset.as_str()) {
                self.left_out.insert(key, "--quick".into());
                continue;
            }
            if late() {
                self.left_out.insert(key, out_of_time());
                continue;
            }
            progress("training", preset);
            let result = options
                .guard
                .unlimited(&key, || reference.follow(gpu, &profile));
            self.training.push(Trained::new(preset, result));
            clock.add_to(&mut self.seconds_so_far);
            self.write(&options.state)?;
            ran = true;
        }
        Ok(ran)
    }

    fn measure(
        &mut self,
        gpu: &Gpu,
        meter: &Meter,
        progress: Progress<'_>,
    ) -> Result<bool, PortError> {
        if self.roofline.is_some() {
            return Ok(false);
        }
        let found = Roofline::measure(gpu, meter, ENERGY_SECONDS, &mut |what| {
            progress("roofline", what);
        });
        self.roofline = Some(found?);
        Ok(true)
    }

    fn tune(
        &mut self,
        gpu: &Gpu,
        meter: &Meter,
        progress: Progress<'_>,
    ) -> Result<bool, PortError> {
        if self.tuning.is_some() {
            return Ok(false);
        }
        let options = TuneOptions {
            objective: Objective::Time,
            models: QUICK.map(str::to_owned).to_vec(),
            batch_size: 64,
            shape: None,
            cores: vec![],
            start: self.profile(gpu),
            budget: TUNING_SECONDS,
        };
        let found = tune(gpu, meter, &options, &mut |what| progress("tuning", what));
        self.tuning = Some(found?);
        Ok(true)
    }

    /// The profile to use on this device, where it is not the built-in one: as tuned, or else the one that is right.
    #[must_use]
    pub fn new_profile(&self) -> Option<&Tuning> {
        let tuned = self.tuning.as_ref().filter(|tuned| tuned.changed);
        let right = self.choice.as_ref().filter(|choice| !choice.built_in);
        tuned
            .map(|tuned| &tuned.profile)
            .or_else(|| right.map(|choice| &choice.profile))
    }

    fn write(&self, path: &Path) -> Result<(), PortError> {
        state::write(self, path).map_err(PortError::State)
    }
}

impl<T> Trained<T> {
    fn new<E: ToString>(preset: &str, result: Result<Result<T, E>, String>) -> Self {
        let (result, error) = match result {
            Ok(Ok(result)) => (Some(result), None),
            Ok(Err(error)) => (None, Some(error.to_string())),
            Err(left_out) => (None, Some(left_out)),
        };
        Self {
            preset: preset.to_owned(),
            result,
            error,
        }
    }
}

fn out_of_time() -> String {
    "the time of --quick was used up; run it again without --quick".into()
}

/// Why a port cannot continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the error of a part")]
pub enum PortError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Roofline(#[from] KernelError),
    #[error(transparent)]
    Tune(#[from] TuneError),
}
