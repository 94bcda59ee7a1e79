//! One run's cost, and what is said of one cell's runs.

use super::log_cost::{mean_log, of_reached};
use serde::Serialize;

/// How a run ended, as far as its cost to the target goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It reached the target: what it spent is the cost of the target.
    Reached,
    /// The budget ended it first: reaching the target costs more than it spent.
    OverBudget,
    /// Its loss was no longer finite: it never arrives.
    Diverged,
}

/// A cost that no run can have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "a run that ended as {ended:?} cannot have spent {spent}: a cost is finite and above zero (zero only where the run \
     diverged); leave such a run out"
)]
pub struct InvalidCost {
    spent: f64,
    ended: End,
}

/// One run: what it spent until it reached the target, was cut off or diverged. The unit is the study's cost: joules,
/// seconds, samples or FLOPs, the same for all that are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    spent: f64,
    ended: End,
}

impl Trial {
    /// # Errors
    /// [`InvalidCost`] where `spent` is not finite or below zero, or is zero in a run that did not diverge: costs are
    /// compared by their logarithms.
    pub fn new(spent: f64, ended: End) -> Result<Self, InvalidCost> {
        let at_once = spent == 0.0 && ended == End::Diverged;
        if spent.is_finite() && (spent > 0.0 || at_once) {
            Ok(Self { spent, ended })
        } else {
            Err(InvalidCost { spent, ended })
        }
    }

    /// What the run spent, in the unit of the study's cost.
    pub fn spent(&self) -> f64 {
        self.spent
    }

    /// How the run ended.
    pub fn ended(&self) -> End {
        self.ended
    }

    /// Whether the run reached the target.
    pub fn reached(&self) -> bool {
        self.ended == End::Reached
    }
}

/// The expected cost of one success with restarts: all that the runs spent over how many of them reached the target.
/// This is the expected running time (ERT) of the COCO benchmarks, <https://arxiv.org/abs/1603.08785>. None where no run
/// reached.
pub fn expected_cost(trials: &[Trial]) -> Option<f64> {
    let reached = trials.iter().filter(|t| t.reached()).count();
    (reached > 0).then(|| trials.iter().map(Trial::spent).sum::<f64>() / reached as f64)
}

/// The share of runs that reached the target, 0 to 1. None without runs.
pub fn success_share(trials: &[Trial]) -> Option<f64> {
    let reached = trials.iter().filter(|t| t.reached()).count();
    (!trials.is_empty()).then(|| reached as f64 / trials.len() as f64)
}

/// The median cost to the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Median {
    /// In the unit of the study's cost.
    Value(f64),
    /// Half of the runs or more did not reach.
    OverBudget,
}

/// The median of the cost to the target, where a run that did not reach costs more than any other. Of an even number of
/// runs it is the mean of the middle two. None without runs.
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

/// The study's horizon, from all its trials: the smallest cost at which a budget cut a run off, or the largest cost of
/// an arrival where none was cut off. Up to it every run that did not diverge was watched. None where all diverged.
pub fn tau<'a>(trials: impl IntoIterator<Item = &'a Trial>) -> Option<f64> {
    let (mut cut, mut arrival) = (None::<f64>, None::<f64>);
    for trial in trials {
        match trial.ended {
            End::OverBudget => cut = Some(cut.map_or(trial.spent, |c| c.min(trial.spent))),
            End::Reached => arrival = Some(arrival.map_or(trial.spent, |a| a.max(trial.spent))),
            End::Diverged => {}
        }
    }
    cut.or(arrival)
}

/// The mean of min(X, `tau`), X being the cost to the target: a run that was cut off or diverged counts `tau`. In the
/// unit of the cost. None without runs.
pub fn restricted_mean(trials: &[Trial], tau: f64) -> Option<f64> {
    let restricted = trials.iter().map(|t| match t.ended {
        End::Reached => t.spent.min(tau),
        End::OverBudget | End::Diverged => tau,
    });
    (!trials.is_empty()).then(|| restricted.sum::<f64>() / trials.len() as f64)
}

/// The geometric mean of the costs of the runs that reached. None where none did.
pub fn geometric_mean(trials: &[Trial]) -> Option<f64> {
    let logs = of_reached(trials);
    (!logs.is_empty()).then(|| mean_log(&logs).exp())
}
