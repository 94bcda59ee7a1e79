//! What a search would do, for `--dry-run`.

use serde::Serialize;

use super::budget::{SearchBudget, Unit};
use super::driver::space;
use super::settings::SearchSettings;
use crate::energy::Status;
use crate::study::estimate::{Estimate, ProgramEstimate};
use crate::study::shard::Shard;
use crate::study::spec::Study;

/// Version of the keys of [`SearchPlan`].
const SCHEMA: u32 = 1;

/// A search before it starts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchPlan {
    pub schema: u32,
    pub name: String,
    pub budget: SearchBudget,
    pub settings: SearchSettings,
    pub cells: usize,
    pub seeds: usize,
    pub confirming: usize,
    /// Samples of the first rung of a cell.
    pub window_samples: u64,
    /// What the first rung of every cell costs, in the unit of the budget; absent if it cannot be estimated here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_rung: Option<f64>,
    /// What the whole grid costs at most, without confirming runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_at_most: Option<f64>,
}

impl SearchPlan {
    pub fn new(
        study: &Study,
        (budget, settings): (SearchBudget, SearchSettings),
        shard: Option<Shard>,
        estimate: &Estimate,
    ) -> Self {
        let space = space(study, shard);
        // Cells that differ only in values given at run time share a program.
        let all: usize = estimate.programs.iter().map(|one| one.cells).sum();
        let part = space.cells.len() as f64 / all.max(1) as f64;
        let sum = |of: &dyn Fn(&ProgramEstimate) -> Option<f64>| {
            let costs = estimate.programs.iter();
            let costs = costs.map(|one| Some(of(one)? * one.cells as f64));
            Some(part * costs.sum::<Option<f64>>()?)
        };
        let watts = estimate
            .energy
            .iter()
            .find(|row| row.status == Status::Measured);
        let watts = watts.map(|row| row.watts);
        let cost = |one: &ProgramEstimate, steps: f64, evaluations: f64| {
            let seconds = steps * one.step_seconds + evaluations * one.evaluation_seconds;
            match budget.unit {
                Unit::Seconds => Some(seconds),
                Unit::Joules => Some(watts? * seconds),
                Unit::Samples => Some(steps * f64::from(one.batch_size)),
                Unit::Flops => Some(one.flops / one.steps as f64 * steps),
            }
        };
        let window = study.window_samples as f64;
        let evaluations = window / study.every_samples as f64;
        let seeds = space.seeds.len();
        let whole = sum(&|one| cost(one, one.steps as f64, one.evaluations as f64));
        Self {
            schema: SCHEMA,
            name: study.name.clone(),
            budget,
            settings,
            cells: space.cells.len(),
            seeds,
            confirming: space.fresh.len(),
            window_samples: study.window_samples,
            first_rung: sum(&|one| cost(one, window / f64::from(one.batch_size), evaluations)),
            grid_at_most: whole
                .map(|whole| whole * seeds as f64)
                .filter(|at_most| at_most.is_finite()),
        }
    }
}
