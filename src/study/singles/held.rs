//! What single runs were held to, and the targets at which they can be compared.

use crate::train::{Arrival, Budget, Crossing, EvaluationPoint, Goal, Outcome, Record};
use crate::units::{percent, thousands};

/// Evaluations that lie further apart than this many times those of another run are told of.
const UNEVEN: f64 = 1.5;

/// The common targets of some runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Held {
    /// Accuracies, rising; empty where no run had any.
    pub targets: Vec<f64>,
    /// Samples from one evaluation to the next, and in the window that decides; only where all runs had the same.
    pub cadence: Option<(u64, u64)>,
    /// What each run might spend, where all had the same.
    pub budget: Option<Budget>,
    /// By which rule they are compared.
    pub notes: Vec<String>,
}

/// Finds the targets that all of `records` can be compared at, and notes in each when it crossed them. A run ends at its
/// own last target and tells nothing of higher ones, so none is above the lowest of these.
pub(super) fn hold(records: &mut [Record]) -> Held {
    let own: Vec<Option<f64>> = records.iter().map(target).collect();
    let Some(lowest) = own.iter().copied().flatten().reduce(f64::min) else {
        return Held {
            notes: vec!["the runs were held to no target: their costs are those of whole runs that became differently accurate".into()],
            ..Held::default()
        };
    };
    match windowed(records) {
        Some(goal) => by_windows(records, &goal, lowest, &own),
        None => by_evaluations(records, lowest, &own),
    }
}

/// The accuracy at which a run ends.
fn target(record: &Record) -> Option<f64> {
    match &record.goal {
        Some(goal) => goal.at_least.last().copied(),
        None => record.regime.target_accuracy,
    }
}

/// The first goal, where every run has one and all are looked at alike.
fn windowed(records: &[Record]) -> Option<Goal> {
    let first = records.first()?.goal.as_ref()?;
    let alike = |goal: &Goal| {
        goal.every_samples == first.every_samples
            && goal.window == first.window
            && !goal.at_least.is_empty()
    };
    let all = records
        .iter()
        .all(|record| record.goal.as_ref().is_some_and(alike));
    all.then(|| first.clone())
}

/// Runs under goals of one window, as those of a study.
fn by_windows(records: &mut [Record], goal: &Goal, lowest: f64, own: &[Option<f64>]) -> Held {
    let goals = || records.iter().filter_map(|record| record.goal.as_ref());
    let mut targets: Vec<f64> = goals()
        .flat_map(|goal| goal.at_least.iter().copied())
        .filter(|target| *target <= lowest)
        .collect();
    targets.sort_by(f64::total_cmp);
    targets.dedup();
    let budget = goals()
        .all(|other| other.budget == goal.budget)
        .then_some(goal.budget);
    for record in records.iter_mut() {
        let same = |goal: &Goal| goal.at_least == targets;
        if let Some(goal) = record.goal.as_ref().filter(|goal| !same(goal)) {
            let common = Goal {
                at_least: targets.clone(),
                ..goal.clone()
            };
            record.crossings = common.crossings(&record.evaluations);
        }
    }
    Held {
        targets,
        cadence: Some((
            goal.every_samples,
            goal.every_samples * u64::from(goal.window),
        )),
        budget,
        notes: different(own, lowest).into_iter().collect(),
    }
}

/// Any other runs: the first evaluation of the whole test set decides, as it does where `train` has a target.
fn by_evaluations(records: &mut [Record], lowest: f64, own: &[Option<f64>]) -> Held {
    let mut notes: Vec<String> = different(own, lowest).into_iter().collect();
    notes.push(format!(
        "a run arrives at its first evaluation of the whole test set at or above {}: no other half confirms it",
        percent(lowest)
    ));
    if records.iter().any(|record| record.goal.is_some()) {
        notes.push("windows and halves of the test set that some runs were held to are not the same for all and left aside".into());
    }
    notes.extend(unevenly(records));
    let mut untold = 0;
    for record in records.iter_mut() {
        record.goal = None;
        let told = !record.evaluations.is_empty() || record.outcome == Outcome::Diverged;
        record.crossings = match told {
            true => vec![crossing(&record.evaluations, lowest)],
            false => Vec::new(),
        };
        untold += usize::from(!told);
    }
    if untold > 0 {
        notes.push(format!(
            "{untold} of {} runs were never evaluated and say nothing of the target",
            records.len()
        ));
    }
    Held {
        targets: vec![lowest],
        notes,
        ..Held::default()
    }
}

/// That runs had not the same target, in words.
fn different(own: &[Option<f64>], lowest: f64) -> Option<String> {
    let mut named: Vec<f64> = own.iter().copied().flatten().collect();
    named.sort_by(f64::total_cmp);
    named.dedup();
    let without = own.iter().any(Option::is_none);
    if named.len() < 2 && !without {
        return None;
    }
    let mut named: Vec<String> = named.into_iter().map(percent).collect();
    if without {
        named.push("none".into());
    }
    Some(format!(
        "the runs were held to DIFFERENT targets ({}): they are compared at the lowest, {}, which the others passed on \
         their way or not at all",
        named.join(", "),
        percent(lowest)
    ))
}

/// When the whole test set was first classified so well.
fn crossing(evaluations: &[EvaluationPoint], at_least: f64) -> Crossing {
    let at = evaluations
        .iter()
        .position(|point| point.accuracy >= at_least);
    let reached = at.map(|at| {
        let point = &evaluations[at];
        Arrival {
            evaluation: at,
            step: point.step,
            samples: point.samples,
            seconds: point.seconds,
            training_seconds: point.training_seconds,
            accuracy: point.accuracy,
            // All images decided, so that none is left to confirm it.
            confirmed: f64::NAN,
        }
    });
    Crossing {
        at_least,
        reached,
        first_single: reached,
    }
}

/// That some runs were looked at far more seldom than others, in words.
fn unevenly(records: &[Record]) -> Option<String> {
    let first = |record: &Record| record.evaluations.first().map(|point| point.samples);
    let gaps = || records.iter().filter_map(first);
    let (least, most) = (gaps().min()?, gaps().max()?);
    (most as f64 > UNEVEN * least as f64).then(|| {
        format!(
            "some runs were evaluated first after {} samples, others after {}: when a run arrives is known no finer than \
             its evaluations",
            thousands(least),
            thousands(most)
        )
    })
}
