//! Copies weights, optimizer state and gradients between the host and the arenas of a program.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ProgramError;
use super::arenas::Trained;
use super::run::Program;
use crate::data::Dtype;
use crate::kernels::batch::state::{self, GROUPS};
use crate::kernels::{Precision, Tensor};
use crate::model::ParameterSpec;
use crate::model::weights::{Values, Weights};

/// What a program is after some step: loaded again, it takes the same further steps, bit for bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Training steps done.
    pub step: u64,
    /// Parameters and running statistics.
    pub weights: Weights,
    /// The tensors that the update rule keeps, in the layout of files, each named after its parameter:
    /// `momentum.fc1.weight`. Parameters that are not trained have none.
    pub optimizer: Weights,
    /// The counters of the state. Hyperparameters and learning rates are those of the program that continues.
    pub words: Vec<u32>,
}

/// The scale of the loss of a program whose gradients are f16.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LossScale {
    /// The scale after the last step.
    pub last: f32,
    /// Steps that changed nothing because a gradient was not finite at their scale.
    pub skipped_steps: u32,
}

impl Program<'_> {
    /// Loads `weights`, clears the optimizer state and starts again at step 0.
    ///
    /// # Errors
    /// The weights lack a tensor, have an unknown one, or one has the wrong shape.
    pub fn load(&mut self, weights: &Weights) -> Result<(), ProgramError> {
        weights.check(self.network.parameters())?;
        self.fill_all(weights, &Weights::default());
        self.tracked = counts(weights);
        self.tracked_from = 0;
        self.reset();
        Ok(())
    }

    /// Loads a snapshot and continues at its step. A tensor of the update rule that the snapshot lacks becomes zero: its
    /// parameter was not trained before.
    ///
    /// # Errors
    /// As [`Program::load`], and [`ProgramError::State`].
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), ProgramError> {
        snapshot.weights.check(self.network.parameters())?;
        let (found, expected) = (snapshot.words.len(), GROUPS as usize);
        if found != expected {
            return Err(ProgramError::State { found, expected });
        }
        self.fill_all(&snapshot.weights, &snapshot.optimizer);
        self.tracked = counts(&snapshot.weights);
        self.tracked_from = snapshot.step;
        self.continue_at(snapshot.step, &snapshot.words);
        Ok(())
    }

    /// Reads the scale of the loss back; `None` in f32.
    ///
    /// # Errors
    /// The device failed.
    pub fn loss_scale(&self) -> Result<Option<LossScale>, ProgramError> {
        if self.options.precision == Precision::F32 {
            return Ok(None);
        }
        let state = self.gpu.read(self.memory(self.lowered.state))?;
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&state);
        Ok(Some(LossScale {
            last: f32::from_bits(words[state::LOSS_SCALE as usize]),
            skipped_steps: words[state::SKIPPED as usize],
        }))
    }

    /// Reads everything back that [`Program::restore`] needs.
    ///
    /// # Errors
    /// The device failed.
    pub fn snapshot(&self) -> Result<Snapshot, ProgramError> {
        let mut optimizer = Weights::default();
        let mut read = Arenas::default();
        let specs = self.network.parameters();
        for (spec, tensor) in specs.iter().zip(&self.lowered.arenas.tensors) {
            if !spec.trained() {
                continue;
            }
            let slice = self.lowered.arenas.slices[tensor];
            for (name, state) in self.kept(slice.arena) {
                let values = values(spec, slice.first_quad, read.bytes(self, state)?);
                optimizer.insert(format!("{name}.{}", spec.name), spec.shape.clone(), values)?;
            }
        }
        let state = self.gpu.read(self.memory(self.lowered.state))?;
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&state);
        Ok(Snapshot {
            step: self.step,
            weights: self.weights()?,
            optimizer,
            words: words[..GROUPS as usize].to_vec(),
        })
    }

    /// The tensors that the update rule keeps for the arena of parameters `arena`, with their names.
    fn kept(&self, arena: Tensor) -> impl Iterator<Item = (&'static str, Tensor)> + '_ {
        let mut arenas = self.lowered.arenas.parameters.iter();
        let found = arenas.find(|one| one.parameters == arena);
        let trained: Option<&Trained> = found.and_then(|arena| arena.trained.as_ref());
        let names = self.options.update_rule.form().state.iter().copied();
        names.zip(trained.into_iter().flat_map(|t| t.optimizer_state.clone()))
    }

    /// Writes every parameter, running statistic and tensor of the update rule.
    fn fill_all(&self, weights: &Weights, optimizer: &Weights) {
        let arenas = &self.lowered.arenas;
        let parameters = arenas.parameters.iter().map(|arena| arena.parameters);
        for arena in parameters.clone().chain(arenas.statistics.iter().copied()) {
            self.fill(arena, arena, |spec| weights.floats(&spec.name));
        }
        for arena in parameters {
            for (name, state) in self.kept(arena) {
                self.fill(state, arena, |spec| {
                    optimizer.floats(&format!("{name}.{}", spec.name))
                });
            }
        }
    }

    /// Writes to `arena`, in the layout of the arena `places`, the values of each parameter, zero elsewhere.
    fn fill<'v>(
        &self,
        arena: Tensor,
        places: Tensor,
        values: impl Fn(&ParameterSpec) -> Option<&'v [f32]>,
    ) {
        let arenas = &self.lowered.arenas;
        let mut host = vec![0.0_f32; self.lowered.list.info(arena).quads as usize * 4];
        for (spec, tensor) in self.network.parameters().iter().zip(&arenas.tensors) {
            let slice = arenas.slices[tensor];
            if slice.arena == places
                && let Some(values) = values(spec)
            {
                let at = slice.first_quad as usize * 4;
                let stored = spec.layout.store(values);
                host[at..at + stored.len()].copy_from_slice(&stored);
            }
        }
        self.gpu
            .write(self.memory(arena), 0, bytemuck::cast_slice(&host));
    }

    /// Reads the weights back.
    ///
    /// # Errors
    /// The device failed.
    pub fn weights(&self) -> Result<Weights, ProgramError> {
        let mut weights = Weights::default();
        let mut read = Arenas::default();
        let specs = self.network.parameters();
        for (spec, tensor) in specs.iter().zip(&self.lowered.arenas.tensors) {
            let slice = self.lowered.arenas.slices[tensor];
            let values = values(spec, slice.first_quad, read.bytes(self, slice.arena)?);
            weights.insert(spec.name.clone(), spec.shape.clone(), values)?;
        }
        let steps = self.batches(self.step - self.tracked_from);
        weights.count_batches(specs, &self.tracked, steps);
        Ok(weights)
    }

    /// The batches that a batch norm sees in `steps` steps.
    fn batches(&self, steps: u64) -> u64 {
        steps * u64::from(self.options.accumulate)
    }

    /// The gradient of a parameter in the last step, in the file's layout; `None` if it is not trained.
    ///
    /// # Errors
    /// The device failed.
    pub fn gradient(&self, name: &str) -> Result<Option<Vec<f32>>, ProgramError> {
        let specs = self.network.parameters();
        let arenas = &self.lowered.arenas;
        let found = specs.iter().position(|p| p.name == name);
        let Some((at, tensor)) = found.and_then(|at| Some((at, arenas.gradients[at]?))) else {
            return Ok(None);
        };
        let slice = arenas.slices[&tensor];
        let bytes = self.gpu.read(self.memory(slice.arena))?;
        Ok(Some(values(&specs[at], slice.first_quad, &bytes)))
    }
}

/// The bytes of arenas, each read once.
#[derive(Default)]
struct Arenas(HashMap<Tensor, Vec<u8>>);

impl Arenas {
    fn bytes(&mut self, program: &Program<'_>, arena: Tensor) -> Result<&[u8], ProgramError> {
        Ok(match self.0.entry(arena) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(program.gpu.read(program.memory(arena))?),
        })
    }
}

/// What an arena holds for a parameter, in the layout of files.
fn values(spec: &ParameterSpec, first_quad: u64, arena: &[u8]) -> Vec<f32> {
    let first = (first_quad * Dtype::F32.quad_bytes()) as usize;
    let bytes = &arena[first..][..spec.layout.bytes() as usize];
    let device: Vec<f32> = bytemuck::pod_collect_to_vec(bytes);
    spec.layout.restore(&device)
}

/// The batch counters of batch norms.
fn counts(weights: &Weights) -> Weights {
    let mut counts = Weights::default();
    for (name, param) in weights.iter() {
        if let Values::I64(count) = param.values {
            counts.insert_count(name, count);
        }
    }
    counts
}
