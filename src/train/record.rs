//! The record of a run: everything a later comparison needs, as JSON.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::contention::Contention;
use super::error::TrainError;
use super::goal::Goal;
use super::host::{Host, Versions};
use super::metered_windows_windows::MeteredWindows;
use super::outputs;
use super::regime::Regime;
use super::target::TargetResult;
use crate::data::Dataset;
use crate::device::AdapterSummary;
use crate::energy::{Interval, SourceResult, Status};
use crate::model::metric::{self, Metric, MetricValue};

/// Version of the record's keys; a key that changes its meaning raises it.
pub const SCHEMA: u32 = 2;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All steps were taken; the run had no target.
    Completed,
    /// The target was reached.
    TargetReached,
    /// All steps were taken and the target was not reached.
    TargetNotReached,
    /// The run was stopped from outside.
    Interrupted,
    /// A loss or gradient was not finite; no step after it could mend that.
    Diverged,
}

impl Outcome {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::TargetReached => "target-reached",
            Self::TargetNotReached => "target-not-reached",
            Self::Interrupted => "interrupted",
            Self::Diverged => "diverged",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One evaluation of the whole test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationPoint {
    /// Training steps before it.
    pub step: u64,
    /// Training samples before it.
    pub samples: u64,
    /// Seconds from the start of the first step to its end.
    pub seconds: f64,
    /// Of the seconds, those of training.
    pub training_seconds: f64,
    /// The metrics of every task, in the order of the network's tasks.
    pub metrics: Vec<MetricValue>,
    /// Joules since the first step, where a budget in joules was checked right after the evaluation. The check uses them;
    /// they are not a result, since the sensor may not have reported all of them yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules_so_far: Option<f64>,
}

impl EvaluationPoint {
    /// Accuracy of the first task over the whole test set, 0 to 1; NaN where it was not measured.
    pub fn accuracy(&self) -> f64 {
        self.metric(Metric::Accuracy)
            .map_or(f64::NAN, |found| found.value)
    }

    /// Mean loss of the first task over the whole test set; NaN where it is not finite.
    pub fn loss(&self) -> f64 {
        self.metric(Metric::Loss)
            .map_or(f64::NAN, |found| found.value)
    }

    /// A metric of the first task.
    pub fn metric(&self, metric: Metric) -> Option<&MetricValue> {
        metric::find(&self.metrics, None, metric)
    }

    /// The metrics in words, such as `accuracy 86.12 %, loss 0.3912`; several tasks are named.
    pub fn describe(&self) -> String {
        let first = self.metrics.first().map(|value| &value.task);
        let several = self.metrics.iter().any(|value| Some(&value.task) != first);
        let text = self.metrics.iter().map(|value| {
            let shown = format!("{} {}", value.metric, value.metric.show(value.value));
            match several {
                true => format!("{} {shown}", value.task),
                false => shown,
            }
        });
        text.collect::<Vec<_>>().join(", ")
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The data a run was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// Name of the set.
    pub name: String,
    /// Folder it was read from, `embedded` or `arrays`.
    pub source: String,
    /// Licence as far as known.
    pub licence: String,
    /// SHA-256 over all columns.
    pub sha256: String,
    /// Training samples.
    pub train_samples: usize,
    /// Test samples.
    pub test_samples: usize,
    /// Number of classes.
    pub classes: usize,
    /// Shape of one sample.
    pub sample_shape: Vec<usize>,
}

impl DataRecord {
    pub(super) fn new(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            source: data.source.clone(),
            licence: data.licence.clone(),
            sha256: data.sha256.clone(),
            train_samples: data.train.len,
            test_samples: data.test.len,
            classes: data.classes,
            sample_shape: data
                .train
                .inputs
                .first()
                .map(|column| column.spec.shape.clone())
                .unwrap_or_default(),
        }
    }
}

/// The network that was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// Its name.
    pub name: String,
    /// Its trained and running values, all tensors together.
    pub parameters: u64,
    /// Where its first weights came from: `default`, drawn from the regime's seed, or a file.
    pub initial_weights: String,
}

/// The device a run was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Name given by the driver.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `other` or `cpu`.
    pub kind: String,
    /// The programming interface.
    pub backend: String,
    /// Name of the driver.
    pub driver: String,
    /// Version of the driver in its own words.
    pub driver_info: String,
    /// PCI address, where the backend tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
    /// Vendor number.
    pub vendor_id: u32,
    /// Device number.
    pub device_id: u32,
}

impl DeviceRecord {
    pub(super) fn new(adapter: &AdapterSummary) -> Self {
        Self {
            name: adapter.name.clone(),
            kind: adapter.kind.to_string(),
            backend: adapter.backend.to_string(),
            driver: adapter.driver.clone(),
            driver_info: adapter.driver_info.clone(),
            pci_id: adapter.pci_id.clone(),
            vendor_id: adapter.vendor_id,
            device_id: adapter.device_id,
        }
    }
}

/// Where the seconds went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// From the start of the run to the first step: reading data, planning, compiling, opening the meter.
    pub startup_seconds: f64,
    /// Of these, compiling kernels.
    pub compile_seconds: f64,
    /// Training steps alone.
    pub training_seconds: f64,
    /// Evaluations alone.
    pub evaluation_seconds: f64,
    /// From the start of the run to the end of the last evaluation.
    pub total_seconds: f64,
}

/// The work that was done, as the kernels' own formulas count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Floating-point operations of a training step.
    pub flops_per_step: u64,
    /// Bytes that a training step's kernels read and write.
    pub bytes_per_step: u64,
    /// Dispatches of a training step.
    pub dispatches_per_step: u64,
    /// Floating-point operations of all training steps.
    pub training_flops: f64,
    /// Bytes of all training steps.
    pub training_bytes: f64,
    /// Floating-point operations of all evaluations.
    pub evaluation_flops: f64,
    /// Command buffers handed to the device.
    pub submits: u64,
}

/// What was metered with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeterRecord {
    /// `auto`, `none`, or the source asked for.
    pub selection: String,
    /// Watts a busy core was assumed to draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_watts_per_core: Option<f64>,
    /// What the energy rows cover.
    pub window: String,
}

/// How a figure of energy was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Derivation {
    /// The joules of the run itself, or of a part of it; to the end of a run only over at least 50 ticks of the instrument.
    Direct,
    /// Counted work times the joules of one step and of one evaluation, each from a long window of the same program,
    /// run on past the end with its weights thrown away.
    StepsTimesJoules,
    /// From such a window.
    Window,
    /// The joules of the whole run, evaluations included, divided by its steps: nothing better could be had.
    RunOverSteps,
    /// Watts at rest, from the instrument's calibration, times the seconds of the run.
    WattsTimesSeconds,
}

impl Derivation {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::StepsTimesJoules => "steps-times-joules",
            Self::Window => "window",
            Self::RunOverSteps => "run-over-steps",
            Self::WattsTimesSeconds => "watts-times-seconds",
        }
    }
}

/// A figure of energy that follows from a run's readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyFigure {
    /// The instrument.
    pub source: String,
    /// What the figure is worth.
    pub status: Status,
    /// How it was come by.
    pub derivation: Derivation,
    /// Joules.
    pub joules: f64,
    /// The 95 % interval of repeatability; absent for assumed joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// The 95 % interval that also holds the instrument's gain and offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
}

/// A part of a run. All but [`Phase::Idle`] follow one another, so that those of the run's window add up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Building the program: planning memory, uploading the data, compiling and binding the kernels. Before the run's
    /// window.
    Compile,
    /// What comes before the first step and is no compiling: reading data, drawing weights. Where compiling is too short
    /// for the source, it is in here.
    StartUp,
    /// The first submits, until one was no slower, a step, than a quarter above the run's median: a driver compiles with
    /// the first step, and submits grow from one step each. Where it is too short for the source, its steps are counted
    /// in [`Phase::Train`].
    WarmUp,
    /// The training steps after the warm-up, times what one costs.
    Train,
    /// The evaluations, times what one costs.
    Evaluate,
    /// What the device would have drawn at rest, with a context open, for as long as the run's window lasted. It is
    /// contained in the others and never added to them: the run's joules less these are those above idle.
    Idle,
    /// What the other phases of the run's window do not explain; negative where they explain more than there was.
    Rest,
}

impl Phase {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::StartUp => "start-up",
            Self::WarmUp => "warm-up",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Idle => "idle",
            Self::Rest => "rest",
        }
    }
}

/// The joules of one phase through one source, or why they are not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseEnergy {
    /// The phase.
    pub phase: Phase,
    /// The instrument.
    pub source: String,
    /// What the figure is worth; `Unavailable` without one.
    pub status: Status,
    /// Whether it is a share of other phases, and so no part of a sum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contained: bool,
    /// How it was come by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
    /// Joules; absent where they are not known, never 0 in their stead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    /// The 95 % interval of repeatability; absent for assumed joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// The 95 % interval that also holds the instrument's gain and offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Everything about one run.
///
/// ```no_run
/// use wattgrad::Record;
///
/// // Written by `wattgrad train --record run.json`, by `Record::write`, or by a `Trainer` with `Outputs`.
/// let record = Record::read("run.json".as_ref())?;
/// println!("{} after {} steps in {:.1} s", record.outcome, record.steps, record.times.training_seconds);
/// for point in &record.evaluations {
///     println!("step {}: {}", point.step, point.describe());
/// }
/// for row in &record.energy {
///     println!("{row}"); // joules, or why there are none
/// }
/// # Ok::<(), wattgrad::internals::train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`] of the version that wrote it.
    pub schema: u32,
    /// Seconds since 1970 at its start.
    pub started: f64,
    /// What was asked for.
    pub regime: Regime,
    /// How it ended.
    pub outcome: Outcome,
    /// The network.
    pub network: NetworkRecord,
    /// The data.
    pub data: DataRecord,
    /// The device and its driver.
    pub device: DeviceRecord,
    /// The machine.
    pub host: Host,
    /// The versions.
    pub versions: Versions,
    /// Training steps taken; of a run that diverged, those up to the first that was not finite.
    pub steps: u64,
    /// Steps that were under way when a run was seen to diverge. They cost time and joules, are no part of the run, and
    /// their number depends on how fast the device was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub steps_after_divergence: u64,
    /// Training samples seen.
    pub samples: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u32,
    /// Samples at the end of each epoch's order that make no whole batch and are left out.
    pub dropped_per_epoch: u32,
    /// Mean loss of the last ten training steps (of all, where there are fewer); null where it is not finite or there
    /// was no step.
    pub training_loss: Option<f64>,
    /// Every evaluation, in order.
    pub evaluations: Vec<EvaluationPoint>,
    /// What the run was held to in the place of the regime's own limits, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// When each threshold of the goal's target was reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_results: Vec<TargetResult>,
    /// What else used the machine between the first step and the last evaluation.
    #[serde(default)]
    pub contention: Contention,
    /// The seconds.
    pub durations: Durations,
    /// The work.
    pub work: Work,
    /// What was metered with.
    pub meter: MeterRecord,
    /// A row per source, over training steps and the evaluations between and after them.
    pub energy: Vec<SourceResult>,
    /// Joules a training step, for each source that has joules.
    pub energy_per_step: Vec<EnergyFigure>,
    /// Joules of one evaluation of the test set, for each source of which a window of evaluations was metered.
    #[serde(default)]
    pub energy_per_evaluation: Vec<EnergyFigure>,
    /// Joules from the first step to the end of the run (to the target, where it was reached), evaluations included: in
    /// every way in which each source can tell. Where there are two, both are kept.
    #[serde(default)]
    pub energy_to_end: Vec<EnergyFigure>,
    /// Where the joules went, a row a source and phase, for each source that has any. A phase too short for its source
    /// has its reason and no joules.
    #[serde(default)]
    pub energy_by_phase: Vec<PhaseEnergy>,
    /// What those figures were computed from, beside the rows of `energy`: [`Record::recompute`] does so again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metered_windows: Option<MeteredWindows>,
    /// The step list: kernels, variants, grids, operations, bytes, memory.
    pub program: serde_json::Value,
}

impl Record {
    /// Reads a record from its file.
    ///
    /// # Errors
    /// [`TrainError::BadRecord`] for a file that cannot be read, is no record, or has another schema.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |detail: String| TrainError::BadRecord {
            path: path.to_owned(),
            detail,
        };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        match value["schema"].as_u64() {
            Some(schema) if schema != u64::from(SCHEMA) => Err(bad(format!(
                "its schema is {schema}, this version reads schema {SCHEMA}"
            ))),
            _ => serde_json::from_value(value).map_err(|error| bad(error.to_string())),
        }
    }

    /// The record as indented JSON with a line end.
    ///
    /// # Errors
    /// [`TrainError::Summary`] where a part of it cannot be JSON.
    pub fn to_json(&self) -> Result<String, TrainError> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| TrainError::Summary {
            detail: error.to_string(),
        })?;
        text.push('\n');
        Ok(text)
    }

    /// Writes the record: all of it, or nothing.
    ///
    /// # Errors
    /// [`TrainError::Output`].
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        outputs::write_record(path, self.to_json()?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_have_the_documented_keys() {
        let value = |metric| MetricValue {
            task: "label".into(),
            metric,
            value: 0.5,
            deciding: 0.25,
            confirming: 0.75,
        };
        let point = EvaluationPoint {
            step: 5,
            samples: 320,
            seconds: 1.5,
            training_seconds: 1.0,
            metrics: vec![value(Metric::Accuracy)],
            joules_so_far: None,
        };
        let text = serde_json::to_string(&point).unwrap();
        assert_eq!(
            text,
            r#"{"step":5,"samples":320,"seconds":1.5,"training_seconds":1.0,"metrics":[{"task":"label","metric":"accuracy","value":0.5,"deciding":0.25,"confirming":0.75}]}"#
        );
        assert!(point.loss().is_nan());
        assert_eq!(point.describe(), "accuracy 50.00 %");
        let other = MetricValue {
            task: "parity".into(),
            ..value(Metric::Loss)
        };
        let several = EvaluationPoint {
            metrics: vec![value(Metric::Accuracy), other],
            ..point
        };
        assert_eq!(
            several.describe(),
            "label accuracy 50.00 %, parity loss 0.5000"
        );
    }

    #[test]
    fn outcomes_are_written_as_they_are_shown() {
        for outcome in [
            Outcome::Completed,
            Outcome::TargetReached,
            Outcome::TargetNotReached,
            Outcome::Interrupted,
            Outcome::Diverged,
        ] {
            let json = serde_json::to_value(outcome).unwrap();
            assert_eq!(json, outcome.to_string());
        }
    }
}
