//! The cost of a run, and summaries of a cell's runs.

use serde::Serialize;

/// How a run ended with respect to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It reached the target: its cost is what it spent.
    Reached,
    /// The budget ended it first: its cost is more than it spent.
    OverBudget,
    /// Its loss was not finite: it never reaches the target.
    Diverged,
}

/// An invalid cost.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "invalid cost {spent} of a run that ended as {ended:?}: a cost must be finite and above 0 (or 0 if the run diverged)"
)]
pub struct InvalidCost {
    spent: f64,
    ended: End,
}

/// What one run spent until it reached the target, was cut off or diverged, in the unit of the compared cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    spent: f64,
    ended: End,
}

impl Trial {
    /// # Errors
    /// [`InvalidCost`] if `spent` is not finite or negative, or is 0 for a run that did not diverge: costs are compared by
    /// their logarithms.
    pub fn new(spent: f64, ended: End) -> Result<Self, InvalidCost> {
        let at_once = spent == 0.0 && ended == End::Diverged;
        if spent.is_finite() && (spent > 0.0 || at_once) {
            Ok(Self { spent, ended })
        } else {
            Err(InvalidCost { spent, ended })
        }
    }

    pub fn spent(&self) -> f64 {
        self.spent
    }

    pub fn ended(&self) -> End {
        self.ended
    }

    pub fn reached(&self) -> bool {
        self.ended == End::Reached
    }
}

/// The expected cost of one success with restarts: everything the runs spent over the number that reached the target. This is
/// the expected running time (ERT) of the COCO benchmarks, <https://arxiv.org/abs/1603.08785>. `None` if no run reached the
/// target.
pub fn expected_cost(trials: &[Trial]) -> Option<f64> {
    let reached = trials.iter().filter(|t| t.reached()).count();
    (reached > 0).then(|| trials.iter().map(Trial::spent).sum::<f64>() / reached as f64)
}

/// The share of runs that reached the target, 0 to 1. `None` without runs.
pub fn success_share(trials: &[Trial]) -> Option<f64> {
    let reached = trials.iter().filter(|t| t.reached()).count();
    (!trials.is_empty()).then(|| reached as f64 / trials.len() as f64)
}

/// The median cost to the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Median {
    /// In the unit of the cost.
    Value(f64),
    /// Half of the runs or more did not reach the target.
    OverBudget,
}

/// The median cost to the target; a run that did not reach it costs more than any other. `None` without runs.
pub fn median(trials: &[Trial]) -> Option<Median> {
    if trials.is_empty() {
        return None;
    }
    let mut costs: Vec<f64> = trials
        .iter()
        .map(|t| if t.reached() { t.spent } else { f64::INFINITY })
        .collect();
    costs.sort_by(f64::total_cmp);
    let middle = costs.len() / 2;
    let value = if costs.len().is_multiple_of(2) {
        costs[middle - 1] + (costs[middle] - costs[middle - 1]) / 2.0
    } else {
        costs[middle]
    };
    Some(if value.is_finite() {
        Median::Value(value)
    } else {
        Median::OverBudget
    })
}

/// The horizon of a study: the smallest cost at which the budget cut off a run, or the largest cost of a run that reached the
/// target if none was cut off. Up to it every run that did not diverge was observed. `None` if all diverged.
pub fn tau<'a>(trials: impl IntoIterator<Item = &'a Trial>) -> Option<f64> {
    let (mut cut, mut reached) = (None::<f64>, None::<f64>);
    for trial in trials {
        match trial.ended {
            End::OverBudget => cut = Some(cut.map_or(trial.spent, |c| c.min(trial.spent))),
            End::Reached => reached = Some(reached.map_or(trial.spent, |a| a.max(trial.spent))),
            End::Diverged => {}
        }
    }
    cut.or(reached)
}

/// The mean of min(X, `tau`), X being the cost to the target: a run that was cut off or diverged counts `tau`. `None` without
/// runs.
pub fn restricted_mean(trials: &[Trial], tau: f64) -> Option<f64> {
    let restricted = trials.iter().map(|t| match t.ended {
        End::Reached => t.spent.min(tau),
        End::OverBudget | End::Diverged => tau,
    });
    (!trials.is_empty()).then(|| restricted.sum::<f64>() / trials.len() as f64)
}
