//! Logarithms of costs: seeds change a cost by a factor, so cells are compared by log cost.

use super::trial::{End, Trial};

/// Log costs of the runs that reached.
pub(super) fn of_reached(trials: &[Trial]) -> Vec<f64> {
    let reached = trials.iter().filter(|t| t.reached());
    reached.map(|t| t.spent().ln()).collect()
}

/// Log costs of the runs that did not diverge. A run that the budget cut off counts what it spent, a lower bound.
pub(super) fn without_diverged(trials: &[Trial]) -> Vec<f64> {
    let counted = trials.iter().filter(|t| t.ended() != End::Diverged);
    counted.map(|t| t.spent().ln()).collect()
}

/// Log costs of all runs; a diverged run counts `tau`, a lower bound.
pub(super) fn of_all(trials: &[Trial], tau: f64) -> Vec<f64> {
    let at_least = |t: &Trial| match t.ended() {
        End::Diverged => tau,
        End::Reached | End::OverBudget => t.spent(),
    };
    trials.iter().map(|t| at_least(t).ln()).collect()
}

/// The mean, computed from the first value, so that the mean of equal values is exactly that value.
pub(super) fn mean_log(logs: &[f64]) -> f64 {
    let Some(&first) = logs.first() else {
        return f64::NAN;
    };
    first + logs.iter().map(|x| x - first).sum::<f64>() / logs.len() as f64
}

/// The sum of squared differences from the mean: exactly 0 for equal values.
pub(super) fn squares(logs: &[f64]) -> f64 {
    let mean = mean_log(logs);
    logs.iter().map(|x| (x - mean).powi(2)).sum()
}

/// The geometric mean cost of the runs that reached the target. `None` if none did.
pub fn geometric_mean(trials: &[Trial]) -> Option<f64> {
    let logs = of_reached(trials);
    (!logs.is_empty()).then(|| mean_log(&logs).exp())
}
