//! The dispatches of a training step one by one, for the lab.

use serde::Serialize;

use super::run::Program;
use crate::device::{Memory, Step};
use crate::kernels::Access;
use crate::kernels::count::{CountError, Counted};

/// The part of a training step that a dispatch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepPhase {
    /// The order of samples and the gather of a batch.
    Batch,
    /// The forward pass.
    Forward,
    /// The losses and their gradients.
    Loss,
    /// The backward pass.
    Backward,
    /// Accumulation, clipping, the update rule and the step's results.
    Update,
}

impl StepPhase {
    /// All, in the order of a step.
    pub const ALL: [Self; 5] = [
        Self::Batch,
        Self::Forward,
        Self::Loss,
        Self::Backward,
        Self::Update,
    ];

    /// The name in output.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["batch", "forward", "loss", "backward", "update"][self as usize]
    }
}

/// A dispatch of a training step.
#[derive(Clone, Debug)]
pub struct StepDispatch {
    /// Its index in the program.
    pub at: usize,
    /// Such as `fc1 forward`.
    pub label: String,
    /// The layer it belongs to, if any.
    pub layer: Option<String>,
    /// Its phase.
    pub phase: StepPhase,
    /// Its shader file.
    pub shader: &'static str,
    /// The chosen variant, where there is a choice.
    pub variant: String,
    /// How often it runs in a step.
    pub per_step: u32,
    /// Bytes of all operands.
    pub operand_bytes: u64,
    /// Its work, counted from the code.
    pub work: Result<Counted, CountError>,
    /// Equal for dispatches of the same code on the same sizes.
    pub kind: usize,
    /// Whether it waits for earlier dispatches.
    pub waits: bool,
}

impl Program<'_> {
    /// The dispatches of a training step, once each, in order.
    #[must_use]
    pub fn step_dispatches(&self) -> Vec<StepDispatch> {
        let lowered = &self.lowered;
        let [gathered, forward, losses] = lowered.phase_ends;
        let phase = |at: usize| match at {
            at if at < gathered => StepPhase::Batch,
            at if at < forward => StepPhase::Forward,
            at if at < losses => StepPhase::Loss,
            at if at < lowered.forward_backward.end => StepPhase::Backward,
            _ => StepPhase::Update,
        };
        let mut kinds: Vec<(&str, &[u32], [u32; 3])> = vec![];
        let mut found = vec![];
        for (at, waits) in self.waits().into_iter().enumerate() {
            let per_step = match at {
                at if lowered.forward_backward.contains(&at) => self.options.accumulate,
                at if lowered.accumulate.contains(&at) => self.options.accumulate - 1,
                _ => 1,
            };
            if per_step == 0 {
                continue;
            }
            let dispatch = &self.list().dispatches[at];
            let filled = &self.built.filled[at];
            let kind = (
                filled.composed.wgsl.as_str(),
                dispatch.sizes.as_slice(),
                dispatch.grid,
            );
            let number = kinds.iter().position(|known| *known == kind);
            found.push(StepDispatch {
                at,
                label: dispatch.label.clone(),
                layer: self.layer(&dispatch.label),
                phase: phase(at),
                shader: dispatch.shader,
                variant: dispatch.variant.clone(),
                per_step,
                operand_bytes: dispatch.bytes,
                work: filled.work(dispatch),
                kind: number.unwrap_or_else(|| {
                    kinds.push(kind);
                    kinds.len() - 1
                }),
                waits,
            });
        }
        found
    }

    /// The commands of a whole training step.
    #[must_use]
    pub fn step_commands(&self) -> &[Step] {
        &self.train
    }

    /// The index of the dispatch at each place of [`Program::step_commands`].
    #[must_use]
    pub fn step_order(&self) -> Vec<usize> {
        let lowered = &self.lowered;
        let micro = lowered
            .forward_backward
            .clone()
            .chain(lowered.accumulate.clone());
        let last = lowered
            .forward_backward
            .clone()
            .chain(lowered.update.clone());
        (1..self.options.accumulate)
            .flat_map(|_| micro.clone())
            .chain(last)
            .collect()
    }

    /// The commands of dispatch `at`.
    #[must_use]
    pub fn dispatch_commands(&self, at: usize) -> &[Step] {
        &self.built.steps[at..=at]
    }

    /// The memory that dispatch `at` both reads and writes.
    #[must_use]
    pub fn changed_by(&self, at: usize) -> Vec<Memory> {
        let dispatch = &self.list().dispatches[at];
        let operands = self.built.filled[at].composed.operands.iter();
        let updated = operands.filter(|operand| operand.access == Access::Update);
        let mut slots: Vec<usize> = updated
            .filter_map(|operand| {
                let found = dispatch.operands.iter().find(|(n, _)| *n == operand.name);
                Some(self.plan.places[&found?.1].slot)
            })
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
            .into_iter()
            .map(|slot| self.built.memory[slot].clone())
            .collect()
    }

    /// The window form that is bound now, and the steps until the host must start another window.
    #[must_use]
    pub fn bound_window(&self) -> (usize, u32) {
        let position = self.window_order.position(self.step);
        let stream = self.stream.as_ref();
        let form = stream.map_or(position.window, |stream| stream.variant(position.window));
        (form, position.left)
    }

    /// Whether each dispatch of a step waits for earlier ones. The first of a step waits for the step before.
    fn waits(&self) -> Vec<bool> {
        let summary = self.summary();
        let lists = summary.lists.iter().filter(|list| list.per_step > 0);
        lists
            .flat_map(|list| {
                let dispatches = list.dispatches.iter().enumerate();
                dispatches.map(|(place, dispatch)| dispatch.barrier || place == 0)
            })
            .collect()
    }

    /// The layer whose name begins `label`, the longest if several do.
    fn layer(&self, label: &str) -> Option<String> {
        let names = self.network.nodes().iter().map(|node| &node.name);
        let begins = names.filter(|name| {
            let rest = label.strip_prefix(name.as_str());
            !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        begins.max_by_key(|name| name.len()).cloned()
    }
}
