//! `[target]`, `[evaluate]` and `[budget]`.

use std::collections::BTreeMap;

use super::cells::PlacedCell;
use super::de::At;
use super::error::{Source, StudyFileError};
use super::format::{BudgetTable, EvaluateTable, TargetTable};
use super::settings::{self, Base};
use crate::model::{Metric, ModelError};
use crate::train::{Budget, MetricTarget};

/// The goal of every run, and the places of its limits.
pub(super) struct Goal {
    pub target: MetricTarget,
    pub window_samples: u64,
    pub every_samples: u64,
    pub budget: Budget,
    every_at: usize,
    samples_at: Option<usize>,
    steps_at: Option<usize>,
}

impl Goal {
    pub fn new(
        source: Source<'_>,
        target: TargetTable,
        evaluate: EvaluateTable,
        budget: At<BudgetTable>,
    ) -> Result<Self, StudyFileError> {
        let window_at = target.window.at;
        let window = source.whole("window", &target.window, 1, u64::MAX)?;
        let every = source.whole("every-samples", &evaluate.every_samples, 1, u64::MAX)?;
        let window_error = |what: String| Err(source.error(window_at, what));
        if window % every != 0 {
            return window_error(format!(
                "a window of {window} samples is not a whole number of evaluations, which come every {every} samples: use a multiple of {every}"
            ));
        }
        if window / every > u64::from(u32::MAX) {
            return window_error("a window of so many evaluations is never full: use fewer".into());
        }
        let at = |count: &Option<At<u64>>| count.as_ref().map(|count| count.at);
        Ok(Self {
            window_samples: window,
            every_samples: every,
            every_at: evaluate.every_samples.at,
            samples_at: at(&budget.value.samples),
            steps_at: at(&budget.value.steps),
            target: metric_target(source, target)?,
            budget: limits(source, budget)?,
        })
    }

    /// Checks every cell against the goal.
    pub fn check(&self, cells: &[PlacedCell], base: &Base<'_>) -> Result<(), StudyFileError> {
        for PlacedCell { cell, settings } in cells {
            let batch = cell.regime.step_samples();
            if self.every_samples < u64::from(batch) {
                let what = format!(
                    "steps of {batch} samples cannot be evaluated every {} samples: use a smaller batch size, or every-samples of at least {batch}",
                    self.every_samples
                );
                let both = settings.iter().chain(&base.settings);
                let at = settings::cause(both, &cell.regime, |other| {
                    u64::from(other.step_samples()) <= self.every_samples
                });
                return Err(base.source.error(at.unwrap_or(self.every_at), what));
            }
            if let Err(error) = cell.regime.check_budget(&self.budget) {
                let both = settings.iter().chain(&base.settings);
                let at = settings::cause(both, &cell.regime, |other| {
                    other.check_budget(&self.budget).is_ok()
                });
                return Err(base
                    .source
                    .error(at.unwrap_or(self.every_at), error.to_string()));
            }
            // The samples of an epoch are not known yet.
            let known = Budget {
                epochs: None,
                ..self.budget
            };
            let steps = known.steps(batch, u32::MAX);
            let window = self.window_samples;
            let by_steps = self.steps_at.filter(|_| known.steps == Some(steps));
            if let Some(at) = by_steps.or(self.samples_at)
                && steps.saturating_mul(u64::from(batch)) < window
            {
                let what = format!(
                    "the budget ends after {steps} steps of {batch} samples, before the window of {window} samples is full, so no run could reach the target: increase it"
                );
                return Err(base.source.error(at, what));
            }
        }
        Ok(())
    }
}

fn metric_target(source: Source<'_>, table: TargetTable) -> Result<MetricTarget, StudyFileError> {
    let At { at, value: name } = table.metric;
    let metric: Metric = name
        .parse()
        .map_err(|error: ModelError| source.error(at, error.to_string()))?;
    let ((key, wanted), (other, wrong), example) = match metric.higher_is_better() {
        true => (
            ("at-least", table.at_least),
            ("at-most", table.at_most),
            "at-least = [0.80, 0.85]",
        ),
        false => (
            ("at-most", table.at_most),
            ("at-least", table.at_least),
            "at-most = [0.50, 0.40]",
        ),
    };
    if let Some(wrong) = wrong {
        let what = format!("a target {metric} takes `{key}`, not `{other}`");
        return Err(source.error(wrong.at, what));
    }
    let Some(wanted) = wanted else {
        let what = format!("`{key}` is missing in [target]: add {example}");
        return Err(source.error(at, what));
    };
    let mut target = MetricTarget {
        task: table.task,
        metric,
        thresholds: Vec::new(),
        tasks: BTreeMap::new(),
    };
    source.check_not_empty(key, wanted.at, wanted.value.len())?;
    for threshold in wanted.value {
        target.thresholds.push(threshold.value);
        target
            .check()
            .map_err(|error| source.error(threshold.at, error.to_string()))?;
    }
    for (At { at, value: task }, values) in table.tasks.map_or_else(Vec::new, |own| own.value.0) {
        let own = values.value.iter().map(|value| value.value).collect();
        target.tasks.insert(task, own);
        target
            .check()
            .map_err(|error| source.error(at, error.to_string()))?;
    }
    Ok(target)
}

fn limits(source: Source<'_>, table: At<BudgetTable>) -> Result<Budget, StudyFileError> {
    let At { at, value: table } = table;
    let count = |key: &str, value: Option<At<u64>>| {
        value
            .map(|value| source.whole(key, &value, 1, u64::MAX))
            .transpose()
    };
    let amount = |key: &str, value: Option<At<f64>>| match value {
        Some(At { at, value }) if value <= 0.0 => {
            let what = format!("`{key}` takes a number above 0, not {value}");
            Err(source.error(at, what))
        }
        value => Ok(value.map(|value| value.value)),
    };
    let budget = Budget {
        samples: count("samples", table.samples)?,
        steps: count("steps", table.steps)?,
        epochs: amount("epochs", table.epochs)?,
        seconds: amount("seconds", table.seconds)?,
        joules: amount("joules", table.joules)?,
    };
    if budget.is_empty() {
        let what = "[budget] limits nothing: add samples, steps, epochs, seconds or joules";
        return Err(source.error(at, what));
    }
    Ok(budget)
}
