//! Training of the presets: against PyTorch's losses, and against itself.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::drawn;
use super::findings::Element;
use crate::data::{DataError, Dataset};
use crate::device::Gpu;
use crate::kernels::{Shape, Tuning};
use crate::model::weights::WeightsError;
use crate::model::{ModelError, Network, presets};
use crate::optim::{OptimError, Sgd};
use crate::program::{Order, Program, ProgramError, ProgramOptions};

/// PyTorch's runs; `scripts/fixtures/port.py` writes them.
static LOSSES: LazyLock<Losses> = LazyLock::new(|| {
    serde_json::from_str(include_str!("losses.json")).expect("the embedded losses are valid")
});

#[derive(Deserialize)]
struct Losses {
    momentum: f64,
    runs: Vec<Reference>,
}

/// A preset's training by PyTorch, from weights and samples that [`drawn`] draws.
#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    /// The preset.
    pub preset: String,
    /// Shape of a sample.
    pub shape: Vec<usize>,
    /// Classes.
    pub classes: usize,
    /// Samples of a step.
    pub batch_size: u32,
    /// Learning rate of SGD.
    pub lr: f64,
    /// Loss of each step in f64, before its update.
    pub losses: Vec<f64>,
    /// Largest difference allowed at each step: ten times the distance of PyTorch's f32 runs so far.
    pub bounds: Vec<f64>,
}

/// The references of all presets.
#[must_use]
pub fn references() -> &'static [Reference] {
    &LOSSES.runs
}

/// Why a preset cannot be trained here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the error of a step")]
pub enum TrainingError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Optim(#[from] OptimError),
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// A preset's losses beside PyTorch's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Followed {
    /// The preset.
    pub preset: String,
    /// Training steps.
    pub steps: usize,
    /// Wall-clock seconds of the steps, compilation included.
    pub seconds: f64,
    /// Loss of the last step.
    pub last_loss: f64,
    /// Largest difference from PyTorch over the difference allowed; NaN never occurs: a loss that is not finite fails.
    pub worst_share: f64,
    /// The first step whose loss is too far off; its index counts from 0.
    pub failure: Option<Element>,
}

/// Whether a preset gives the same bits again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repeated {
    /// The preset.
    pub preset: String,
    /// Training steps of each run.
    pub steps: u32,
    /// Runs compared with the first: a second one, and others with these steps per submit.
    pub submit_sizes: Vec<u32>,
    /// The first difference in words.
    pub failure: Option<String>,
}

/// A preset with its data and weights, ready to train.
struct Setting<'a> {
    reference: &'a Reference,
    network: Network,
    data: Dataset,
}

impl Reference {
    fn setting(&self) -> Result<Setting<'_>, TrainingError> {
        let sizes: Vec<u32> = self.shape.iter().map(|n| *n as u32).collect();
        let input = match sizes[..] {
            [channels, length] => Shape::from([channels, length]),
            [channels, height, width] => Shape::from([channels, height, width]),
            _ => Shape::vector(sizes.iter().product()),
        };
        let count = self.losses.len() * self.batch_size as usize;
        Ok(Setting {
            reference: self,
            network: presets::by_name(&self.preset, input, self.classes as u32)?,
            data: drawn::samples(count, &self.shape, self.classes)?,
        })
    }

    /// Trains as many steps as PyTorch did and compares the losses.
    ///
    /// # Errors
    /// [`TrainingError`] where the preset cannot be trained on this device.
    pub fn follow(&self, gpu: &Gpu, tuning: &Tuning) -> Result<Followed, TrainingError> {
        let setting = self.setting()?;
        let start = Instant::now();
        let losses = setting.losses(gpu, tuning, self.losses.len() as u32, None)?;
        let seconds = start.elapsed().as_secs_f64();
        let (mut worst_share, mut failure) = (0f64, None);
        for (index, loss) in losses.iter().enumerate() {
            let (got, expected, tolerance) =
                (f64::from(*loss), self.losses[index], self.bounds[index]);
            let share = (got - expected).abs() / tolerance;
            worst_share = worst_share.max(share);
            // A NaN is not within the bound.
            let within = share <= 1.0;
            if failure.is_none() && !within {
                failure = Some(Element::from((index, got, expected, tolerance)));
            }
        }
        Ok(Followed {
            preset: self.preset.clone(),
            steps: losses.len(),
            seconds,
            last_loss: losses.last().copied().map_or(f64::NAN, f64::from),
            worst_share,
            failure,
        })
    }

    /// Trains `steps` steps again, and in submits of other sizes, and compares the bits of the losses.
    ///
    /// # Errors
    /// As [`Reference::follow`].
    pub fn repeat(
        &self,
        gpu: &Gpu,
        tuning: &Tuning,
        steps: u32,
    ) -> Result<Repeated, TrainingError> {
        let setting = self.setting()?;
        let submit_sizes = vec![1, 3, steps];
        let first = setting.losses(gpu, tuning, steps, Some(steps))?;
        let mut failure = None;
        for size in &submit_sizes {
            let again = setting.losses(gpu, tuning, steps, Some(*size))?;
            let mut pairs = first.iter().zip(&again).enumerate();
            if let Some((at, (a, b))) = pairs.find(|(_, (a, b))| a.to_bits() != b.to_bits()) {
                failure = Some(format!(
                    "the loss of step {} is {b} with {size} steps per submit and {a} with {steps}",
                    at + 1
                ));
                break;
            }
        }
        Ok(Repeated {
            preset: self.preset.clone(),
            steps,
            submit_sizes,
            failure,
        })
    }
}

impl Setting<'_> {
    fn losses(
        &self,
        gpu: &Gpu,
        tuning: &Tuning,
        steps: u32,
        steps_per_submit: Option<u32>,
    ) -> Result<Vec<f32>, TrainingError> {
        let rule = Arc::new(Sgd::new(self.reference.lr, LOSSES.momentum, 0.0, false)?);
        let batch = self.reference.batch_size;
        let options = ProgramOptions {
            order: Order::Sequential,
            steps_per_submit,
            ..ProgramOptions::new(batch, batch, rule, tuning.clone())
        };
        let mut program = Program::new(gpu, &self.network, &self.data, &options)?;
        program.load(&drawn::weights(&self.network)?)?;
        let mut losses = vec![];
        program.train(steps, &AtomicBool::new(false), &mut |step| {
            losses.push(step.loss);
        })?;
        Ok(losses)
    }
}
