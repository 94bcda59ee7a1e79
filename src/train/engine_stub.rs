//! Stands in for the engine until it is merged.
#![allow(missing_docs)]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::data::Dataset;
use crate::device::Gpu;
use crate::kernels::{Shape, Tuning};
use crate::model::weights::Weights;
use crate::optim::Sgd;

#[derive(Clone, Debug)]
pub struct Network {
    parameters: Vec<ParameterSpec>,
}

impl Network {
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    pub name: String,
    pub shape: Vec<usize>,
    pub kind: ParameterKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    Weight { fan_in: usize },
    Bias { fan_in: usize },
    NormWeight,
    NormBias,
    RunningMean,
    RunningVar,
}

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("there is no network {name:?}: choose one of {known}")]
    Unknown { name: String, known: String },
}

pub mod presets {
    use super::*;

    pub const NAMES: &[&str] = &["mlp", "cnn", "resnet8"];

    pub fn by_name(name: &str, input: Shape, classes: u32) -> Result<Network, ModelError> {
        if !NAMES.contains(&name) {
            return Err(ModelError::Unknown {
                name: name.into(),
                known: NAMES.join(", "),
            });
        }
        let mut parameters = Vec::new();
        let sizes = [input.elements() as usize, 512, 256, classes as usize];
        for i in 0..3 {
            let (from, to) = (sizes[i], sizes[i + 1]);
            parameters.push(ParameterSpec {
                name: format!("fc{}.weight", i + 1),
                shape: vec![to, from],
                kind: ParameterKind::Weight { fan_in: from },
            });
            parameters.push(ParameterSpec {
                name: format!("fc{}.bias", i + 1),
                shape: vec![to],
                kind: ParameterKind::Bias { fan_in: from },
            });
        }
        if name == "resnet8" {
            for (leaf, kind) in [
                ("weight", ParameterKind::NormWeight),
                ("bias", ParameterKind::NormBias),
                ("running_mean", ParameterKind::RunningMean),
                ("running_var", ParameterKind::RunningVar),
            ] {
                parameters.push(ParameterSpec {
                    name: format!("bn1.{leaf}"),
                    shape: vec![16],
                    kind,
                });
            }
        }
        Ok(Network { parameters })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    Shuffled,
    Sequential,
}

pub struct ProgramOptions {
    pub batch_size: u32,
    pub eval_batch_size: u32,
    pub seed: u32,
    pub order: Order,
    pub sgd: Sgd,
    pub tuning: Tuning,
    pub shard_limit: Option<u64>,
    pub replay: bool,
    pub steps_per_submit: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("the stand-in cannot do this: use the engine")]
    Stub,
}

pub struct StepResult {
    pub step: u64,
    pub loss: f32,
    pub correct: u32,
    pub gradient_norm: f32,
    pub non_finite: bool,
}

pub struct Evaluation {
    pub loss: f64,
    pub accuracy: f64,
    pub correct: u64,
    pub samples: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub submits: u64,
    pub steps: u64,
    pub dispatches: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub lists: Vec<ListSummary>,
    pub memory: Vec<MemorySummary>,
    pub pipelines: u32,
    pub compile_seconds: f64,
    pub submits: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ListSummary {
    pub name: String,
    pub flops: u64,
    pub bytes: u64,
    pub workgroups: u64,
    pub barriers: u32,
    pub dispatches: Vec<DispatchSummary>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DispatchSummary {
    pub label: String,
    pub shader: String,
    pub variant: String,
    pub grid: [u32; 3],
    pub workgroups: u64,
    pub workgroup_size: [u32; 3],
    pub flops: u64,
    pub bytes: u64,
    pub k: Option<u32>,
    pub operands: Vec<OperandSummary>,
}

#[derive(Clone, Debug, Serialize)]
pub struct OperandSummary {
    pub name: String,
    pub tensor: String,
    pub place: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct MemorySummary {
    pub role: String,
    pub bytes: u64,
    pub buffers: u32,
}

pub struct Program {
    weights: Option<Weights>,
    batch: u32,
    train: u32,
    test: u64,
    lr: f64,
    steps: Cell<u64>,
}

impl Program {
    pub fn new(
        _: &Gpu,
        _: &Network,
        data: &Dataset,
        options: &ProgramOptions,
    ) -> Result<Self, ProgramError> {
        Ok(Self {
            weights: None,
            batch: options.batch_size,
            train: data.train.len as u32,
            test: data.test.len as u64,
            lr: options.sgd.lr(),
            steps: Cell::new(0),
        })
    }
    pub fn load(&mut self, weights: &Weights) -> Result<(), ProgramError> {
        self.weights = Some(weights.clone());
        Ok(())
    }
    pub fn weights(&self) -> Result<Weights, ProgramError> {
        self.weights.clone().ok_or(ProgramError::Stub)
    }
    pub fn steps_per_epoch(&self) -> u32 {
        self.train / self.batch
    }
    pub fn train(
        &mut self,
        steps: u32,
        stop: &AtomicBool,
        each: &mut dyn FnMut(StepResult),
    ) -> Result<u32, ProgramError> {
        for done in 0..steps {
            if stop.load(Ordering::Relaxed) {
                return Ok(done);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
            let step = self.steps.get() + 1;
            self.steps.set(step);
            let non_finite = self.lr > 1e6 && step > 2;
            let loss = if non_finite {
                f32::NAN
            } else {
                2.3 / (step as f32).sqrt()
            };
            each(StepResult {
                step,
                loss,
                correct: 0,
                gradient_norm: 1.0,
                non_finite,
            });
        }
        Ok(steps)
    }
    pub fn evaluate(&mut self) -> Result<Evaluation, ProgramError> {
        let accuracy = 1.0 - 0.9 / ((self.steps.get() + 1) as f64).sqrt();
        let correct = (accuracy * self.test as f64) as u64;
        Ok(Evaluation {
            loss: 1.0 - accuracy,
            accuracy: correct as f64 / self.test as f64,
            correct,
            samples: self.test,
        })
    }
    pub fn summary(&self) -> Summary {
        let row = |label: &str, k| DispatchSummary {
            label: label.into(),
            shader: "gemm/direct".into(),
            variant: "direct 4x4".into(),
            grid: [8, 4, 1],
            workgroups: 32,
            workgroup_size: [8, 8, 1],
            flops: 51_380_224,
            bytes: 1_900_000,
            k,
            operands: vec![OperandSummary {
                name: "a".into(),
                tensor: "x".into(),
                place: "activations+0".into(),
            }],
        };
        let list = |name: &str| ListSummary {
            name: name.into(),
            flops: 102_760_448,
            bytes: 3_800_000,
            workgroups: 64,
            barriers: 1,
            dispatches: vec![row("fc1 forward", Some(784)), row("fc1 dw", Some(3136))],
        };
        Summary {
            lists: vec![list("forward_backward"), list("update"), list("evaluate")],
            memory: vec![MemorySummary {
                role: "parameters".into(),
                bytes: 2_143_272,
                buffers: 1,
            }],
            pipelines: 3,
            compile_seconds: 0.5,
            submits: 0,
        }
    }
    pub fn counters(&self) -> Counters {
        Counters {
            submits: self.steps.get() / 8,
            steps: self.steps.get(),
            dispatches: 2 * self.steps.get(),
        }
    }
    pub fn shaders(&self) -> Vec<(String, String)> {
        vec![(
            "relu".into(),
            "@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] = max(x[id.x], 0.0); }\n".into(),
        )]
    }
}

pub fn default_tuning(gpu: &Gpu) -> Tuning {
    Tuning {
        name: "stub".into(),
        texel: gpu.texel(),
        lanes: 64,
        fill: 64,
        gemm: Vec::new(),
    }
}
