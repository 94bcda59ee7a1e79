//! Inference: seconds and joules of the forward pass over the test set, by batch size.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::environment::{DeviceRecord, Host, Versions};
use super::error::TrainError;
use super::record::{DataRecord, NetworkRecord};
use super::run::values;
use super::trainer::Trainer;
use crate::energy::{Interval, Meter, Scope, Status, WindowLength, WindowResult};
use crate::files::write_whole;

/// Version of the keys of an [`InferenceRecord`].
const SCHEMA: u32 = 1;

/// Fewest passes over the test set.
const PASSES: usize = 3;
/// A window is at most this many times as long as asked for, as a slow sensor needs more time.
const LONGEST: f64 = 12.0;

/// Joules of the inference of 1,000 samples through one source, or why there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InferenceEnergy {
    /// Name of the source.
    pub source: String,
    /// The part of the machine that it covers.
    pub scope: Scope,
    /// Measured, assumed, or unavailable.
    pub status: Status,
    /// Joules per 1,000 samples; absent where nothing was measured, never 0 instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules_per_1000: Option<f64>,
    /// 95 % confidence interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// 95 % accuracy interval, which includes the sensor's gain and offset errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
    /// Seconds in which it was measured; absent where the machine does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why there are no joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would enable the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Inference at one batch size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InferencePoint {
    /// Samples per batch.
    pub batch_size: u32,
    /// Samples of a pass, which is the test set once.
    pub samples_per_pass: u64,
    /// Floating-point operations for 1,000 samples.
    pub flops_per_1000: f64,
    /// Seconds for 1,000 samples, of each pass.
    pub seconds_per_1000: Vec<f64>,
    /// One per source.
    pub energy: Vec<InferenceEnergy>,
}

/// What inference costs on a device. Read by `wattgrad report --inference`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InferenceRecord {
    /// Version of the keys.
    pub schema: u32,
    /// Seconds since 1970.
    pub started: f64,
    /// The network.
    pub network: NetworkRecord,
    /// The data, whose test set is inferred.
    pub data: DataRecord,
    /// The device and its driver.
    pub device: DeviceRecord,
    /// The machine.
    pub host: Host,
    /// The versions.
    pub versions: Versions,
    /// In the order of the batch sizes asked for.
    pub points: Vec<InferencePoint>,
}

impl InferenceRecord {
    /// Reads a record from its file.
    ///
    /// # Errors
    /// [`TrainError::BadRecord`] for a file that cannot be read, is no such record, or has another schema.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |detail: String| TrainError::BadRecord {
            path: path.to_owned(),
            detail,
        };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let found: Self = serde_json::from_str(&text)
            .map_err(|error| bad(format!("it is not a record of `wattgrad infer`: {error}")))?;
        match found.schema {
            SCHEMA => Ok(found),
            other => Err(bad(format!(
                "its schema is {other}, this version reads schema {SCHEMA}"
            ))),
        }
    }

    /// Writes the record atomically.
    ///
    /// # Errors
    /// [`TrainError::Output`] and [`TrainError::Serialize`].
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| TrainError::Serialize {
            detail: error.to_string(),
        })?;
        write_whole(path, (text + "\n").as_bytes())
            .map_err(|source| TrainError::output("record", path, source))
    }
}

impl Trainer<'_> {
    /// Infers the test set repeatedly for at least `seconds`, in the regime's evaluation batch size. The result has one point;
    /// none if the run was stopped before the third pass.
    ///
    /// # Errors
    /// As [`Trainer::run`] before its first step, and [`TrainError::Program`] if the device fails.
    pub fn infer(self, meter: &Meter, seconds: f64) -> Result<InferenceRecord, TrainError> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let (built, trainer) = self.build(0)?;
        let mut program = built.program;
        let data = &built.blueprint.data;
        let samples = data.test.len as u64;
        // The first pass compiles the kernels.
        program.evaluate()?;
        let window = meter.start();
        let mut length = WindowLength::between(seconds, LONGEST * seconds);
        let mut passes = Vec::new();
        let stopped = || trainer.stop.load(Ordering::Relaxed);
        window.stamp(0.0);
        while !stopped() && (passes.len() < PASSES || length.should_continue(&window)) {
            let begun = Instant::now();
            program.evaluate()?;
            passes.push(begun.elapsed().as_secs_f64());
            window.stamp(passes.len() as f64);
        }
        let measured = window.finish(&[]);
        let per_1000 = 1000.0 / samples as f64;
        let batch_size = trainer.regime.eval_batch(data.test.len);
        let batches = samples.div_ceil(u64::from(batch_size)) as f64;
        let point = InferencePoint {
            batch_size,
            samples_per_pass: samples,
            flops_per_1000: program.summary().evaluation_flops() as f64 * batches * per_1000,
            seconds_per_1000: passes.iter().map(|seconds| seconds * per_1000).collect(),
            energy: energy(&measured, per_1000),
        };
        Ok(InferenceRecord {
            schema: SCHEMA,
            started: since_1970.map_or(0.0, |since| since.as_secs_f64()),
            network: NetworkRecord {
                name: trainer.regime.model.clone(),
                parameters: values(&built.blueprint.network),
                file: built.blueprint.network.source().cloned(),
                initial_weights: built.origin,
            },
            data: DataRecord::new(data),
            device: DeviceRecord::new(&trainer.gpu.adapter),
            host: Host::current(),
            versions: Versions::current(),
            points: if passes.len() < PASSES {
                Vec::new()
            } else {
                vec![point]
            },
        })
    }
}

/// The joules of each source; `per_1000`: passes for 1,000 samples.
fn energy(measured: &WindowResult, per_1000: f64) -> Vec<InferenceEnergy> {
    let each = measured.sources.iter().map(|row| {
        let none = InferenceEnergy {
            source: row.source.clone(),
            scope: row.scope,
            status: Status::Unavailable,
            joules_per_1000: None,
            ci: None,
            accuracy: None,
            seconds: row.seconds,
            reason: None,
            fix: None,
        };
        let mut units = measured.units.iter();
        let own = |source: &str| source == row.source;
        if let Some(unit) = units.find(|unit| own(&unit.source) && unit.method == row.method) {
            return InferenceEnergy {
                status: unit.status,
                joules_per_1000: Some(unit.joules() * per_1000),
                ci: Some(unit.window.ci.over(unit.units / per_1000)),
                accuracy: Some(unit.window.accuracy.over(unit.units / per_1000)),
                ..none
            };
        }
        let mut unavailable = measured.units_unavailable.iter();
        let why = unavailable.find(|one| own(&one.source) && one.method == row.method);
        InferenceEnergy {
            reason: why.map(|one| one.why.reason.clone()).or(row.reason.clone()),
            fix: why.and_then(|one| one.why.fix.clone()).or(row.fix.clone()),
            ..none
        }
    });
    each.collect()
}
