//! The end of a training step: gradients are accumulated and clipped, the update, the step's results.

use super::arenas::{Arenas, Trained};
use super::options::ProgramOptions;
use crate::kernels::batch::state::Schedule;
use crate::kernels::{List, Role, Tensor, batch, optim};

/// Rows of the ring of step results.
pub(super) const RING: u32 = 256;

/// What the ends of micro-batches and steps are lowered from.
pub(super) struct StepEnd<'a> {
    pub arenas: &'a Arenas,
    pub options: &'a ProgramOptions,
    /// The table of chunks that updates read.
    pub chunks: Tensor,
    pub state: Tensor,
    pub schedule: Option<Schedule>,
    /// The losses of a micro-batch, and how many rows they have.
    pub rows: (Tensor, u32),
    pub results: Tensor,
    /// Micro-batches of an epoch; 0 if the host moves between windows.
    pub per_window: u32,
}

impl StepEnd<'_> {
    /// Appends what follows the backward pass of every micro-batch but the last; nothing without accumulation.
    pub fn accumulate(&self, list: &mut List) {
        let tuning = &self.options.tuning;
        for (at, _, trained) in self.trained() {
            let Some(sums) = trained.gradient_sums else {
                continue;
            };
            optim::accumulate(
                list,
                tuning,
                &numbered("accumulate", at),
                trained.gradients,
                sums,
                self.state,
                self.options.accumulate,
            );
        }
        if self.options.accumulate > 1 {
            let (rows, count) = self.rows;
            batch::finish_micro_batch(list, tuning, "finish micro-batch", rows, count, self.state);
        }
    }

    /// Appends what follows the backward pass of the last micro-batch.
    pub fn update(&self, list: &mut List) {
        let options = self.options;
        let tuning = &options.tuning;
        let count = self.arenas.chunks.len() as u32;
        let partials = list.buffer("gradient norm partials", Role::Scratch, u64::from(count));
        for (at, _, trained) in self.trained() {
            if let Some(sums) = trained.gradient_sums {
                let label = numbered("accumulated", at);
                let gradients = trained.gradients;
                optim::accumulated(list, tuning, &label, gradients, sums, options.accumulate);
            }
        }
        let norm_use = options.norm_use();
        if let Some(norm_use) = norm_use {
            for (at, _, trained) in self.trained() {
                optim::gradient_norm(
                    list,
                    tuning,
                    &numbered("gradient norm", at),
                    self.chunks,
                    &trained.chunks,
                    trained.gradients,
                    partials,
                );
            }
            let label = match norm_use.growth_interval {
                Some(_) => "loss scale",
                None => "clip",
            };
            optim::clip_factor(list, tuning, label, partials, count, norm_use, self.state);
        }
        let form = options.update_rule.form();
        for (at, parameters, trained) in self.trained() {
            let update = optim::Update {
                chunks: self.chunks,
                range: trained.chunks.clone(),
                parameters,
                gradients: trained.gradients,
                optimizer_state: &trained.optimizer_state,
                state: self.state,
                schedule: self.schedule,
                norm_use,
                norm_partials: partials,
            };
            optim::update(list, tuning, &numbered(form.name, at), &update, form);
        }
        let (rows, row_count) = self.rows;
        batch::finish_step(
            list,
            tuning,
            "finish step",
            rows,
            row_count,
            partials,
            count,
            self.state,
            self.results,
            RING,
            self.per_window,
            options.step_samples(),
        );
    }

    /// Each arena with trained parameters: its number, the arena and what is beside it.
    fn trained(&self) -> impl Iterator<Item = (usize, Tensor, &Trained)> {
        let arenas = self.arenas.parameters.iter().enumerate();
        arenas.filter_map(|(at, arena)| Some((at, arena.parameters, arena.trained.as_ref()?)))
    }
}

fn numbered(name: &str, at: usize) -> String {
    match at {
        0 => name.to_owned(),
        _ => format!("{name} {at}"),
    }
}
