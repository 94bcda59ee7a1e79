//! Copies weights and gradients between the host and the arenas of a program.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ProgramError;
use super::run::Program;
use crate::kernels::Tensor;
use crate::model::weights::{Values, Weights};

impl Program<'_> {
    /// Loads `weights`, clears the optimizer state and starts again at step 0.
    ///
    /// # Errors
    /// The weights lack a tensor, have an unknown one, or one has the wrong shape.
    pub fn load(&mut self, weights: &Weights) -> Result<(), ProgramError> {
        weights.check(self.network.parameters())?;
        let arenas = &self.lowered.arenas;
        for arena in &arenas.parameters {
            self.fill(arena.parameters, weights);
            for state in arena.trained.iter().flat_map(|t| &t.optimizer_state) {
                self.fill(*state, &Weights::default());
            }
        }
        for arena in &arenas.statistics {
            self.fill(*arena, weights);
        }
        self.tracked = Weights::default();
        for (name, param) in weights.iter() {
            if let Values::I64(count) = param.values {
                self.tracked.insert_count(name, count);
            }
        }
        self.reset();
        Ok(())
    }

    /// Writes the values of `weights` to an arena, zero elsewhere.
    fn fill(&self, arena: Tensor, weights: &Weights) {
        let arenas = &self.lowered.arenas;
        let mut host = vec![0.0_f32; self.lowered.list.info(arena).quads as usize * 4];
        for (spec, tensor) in self.network.parameters().iter().zip(&arenas.tensors) {
            let slice = arenas.slices[tensor];
            if slice.arena == arena
                && let Some(values) = weights.floats(&spec.name)
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
        let mut read: HashMap<Tensor, Vec<u8>> = HashMap::new();
        let tensors = &self.lowered.arenas.tensors;
        for (at, tensor) in tensors.iter().enumerate() {
            let arena = self.lowered.arenas.slices[tensor].arena;
            let bytes = match read.entry(arena) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.gpu.read(self.memory(arena))?),
            };
            let spec = &self.network.parameters()[at];
            let values = self.restored(at, *tensor, bytes);
            weights.insert(spec.name.clone(), spec.shape.clone(), values)?;
        }
        weights.count_batches(self.network.parameters(), &self.tracked, self.step);
        Ok(weights)
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
        let bytes = self.gpu.read(self.memory(arenas.slices[&tensor].arena))?;
        Ok(Some(self.restored(at, tensor, &bytes)))
    }

    /// The values of parameter `at` or its gradient, read from the bytes of the arena of `tensor`, in the file's layout.
    fn restored(&self, at: usize, tensor: Tensor, arena: &[u8]) -> Vec<f32> {
        let layout = &self.network.parameters()[at].layout;
        let quad = self.lowered.list.info(tensor).dtype.quad_bytes();
        let first = (self.lowered.arenas.slices[&tensor].first_quad * quad) as usize;
        let device: Vec<f32> =
            bytemuck::pod_collect_to_vec(&arena[first..][..layout.bytes() as usize]);
        layout.restore(&device)
    }
}
