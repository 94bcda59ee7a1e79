//! The targets at which single runs can be compared.

use crate::train::{Budget, Goal, MetricTarget, Outcome, Record, TargetReached, TargetResult};
use crate::units::thousands;

/// A note says so if the first evaluation of a run is this many times as late as that of another run.
const UNEVEN: f64 = 1.5;

/// The common target of some runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CommonTarget {
    /// Without thresholds if the runs have no target in common.
    pub target: MetricTarget,
    /// Samples between evaluations and in the window, if all runs had the same.
    pub cadence: Option<(u64, u64)>,
    /// What each run could spend, if all had the same.
    pub budget: Option<Budget>,
    /// How the runs are compared.
    pub notes: Vec<String>,
}

/// Finds the target at which all of `records` can be compared, and sets when each reached it. A run ends at its last
/// threshold, so no common threshold is beyond the easiest of these.
pub(super) fn align(records: &mut [Record]) -> CommonTarget {
    let own: Vec<Option<MetricTarget>> = records.iter().map(last_target).collect();
    let without = |note: &str| CommonTarget {
        notes: vec![note.into()],
        ..CommonTarget::default()
    };
    let Some(easiest) = own.iter().flatten().reduce(easier) else {
        return without("the runs have no target: the cost of a run is that of the whole run");
    };
    let same = |own: &MetricTarget| (own.metric, &own.task) == (easiest.metric, &easiest.task);
    if !own.iter().flatten().all(same) {
        return without(
            "the runs have targets of different metrics or tasks: the cost of a run is that of the whole run",
        );
    }
    match common_window(records) {
        Some(goal) => by_windows(records, &goal, easiest, &own),
        None => by_evaluations(records, easiest, &own),
    }
}

/// The target at which a run ends, with its last threshold alone.
fn last_target(record: &Record) -> Option<MetricTarget> {
    let target = match &record.goal {
        Some(goal) => goal.target.clone(),
        None => record.regime.target(),
    };
    let last = *target.thresholds.last()?;
    let own = target.tasks.iter();
    let own = own.filter_map(|(task, values)| Some((task.clone(), vec![*values.last()?])));
    Some(MetricTarget {
        thresholds: vec![last],
        tasks: own.collect(),
        ..target
    })
}

fn easier<'a>(one: &'a MetricTarget, other: &'a MetricTarget) -> &'a MetricTarget {
    match one.metric.reaches(other.thresholds[0], one.thresholds[0]) {
        true => one,
        false => other,
    }
}

/// The first goal, if every run has one with the same window and cadence.
fn common_window(records: &[Record]) -> Option<Goal> {
    let first = records.first()?.goal.as_ref()?;
    let alike = |goal: &Goal| {
        goal.every_samples == first.every_samples
            && goal.window == first.window
            && !goal.target.thresholds.is_empty()
    };
    let all = records
        .iter()
        .all(|record| record.goal.as_ref().is_some_and(alike));
    all.then(|| first.clone())
}

/// Runs with the same window, such as those of a study.
fn by_windows(
    records: &mut [Record],
    goal: &Goal,
    easiest: &MetricTarget,
    own: &[Option<MetricTarget>],
) -> CommonTarget {
    let goals = || records.iter().filter_map(|record| record.goal.as_ref());
    let metric = easiest.metric;
    let mut thresholds: Vec<f64> = goals()
        .flat_map(|goal| goal.target.thresholds.iter().copied())
        .filter(|threshold| metric.reaches(easiest.thresholds[0], *threshold))
        .collect();
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    if !metric.higher_is_better() {
        thresholds.reverse();
    }
    let target = match goals().all(|other| other.target == goal.target) {
        true => goal.target.clone(),
        false => MetricTarget {
            thresholds,
            ..easiest.clone()
        },
    };
    let budget = goals()
        .all(|other| other.budget == goal.budget)
        .then_some(goal.budget);
    for record in records.iter_mut() {
        let same = |goal: &Goal| goal.target == target;
        if let Some(goal) = record.goal.as_ref().filter(|goal| !same(goal)) {
            let common = Goal {
                target: target.clone(),
                ..goal.clone()
            };
            record.target_results = common.results(&record.evaluations);
        }
    }
    CommonTarget {
        target,
        cadence: Some((
            goal.every_samples,
            goal.every_samples * u64::from(goal.window),
        )),
        budget,
        notes: different_targets(own, easiest).into_iter().collect(),
    }
}

/// Other runs: the first evaluation of the whole test set decides, as in `train`.
fn by_evaluations(
    records: &mut [Record],
    easiest: &MetricTarget,
    own: &[Option<MetricTarget>],
) -> CommonTarget {
    let mut notes: Vec<String> = different_targets(own, easiest).into_iter().collect();
    notes.push(format!(
        "a run reaches the target at its first evaluation of the whole test set at or {} {}; no other half of the test set confirms it",
        match easiest.metric.higher_is_better() {
            true => "above",
            false => "below",
        },
        easiest.metric.show(easiest.thresholds[0])
    ));
    if records.iter().any(|record| record.goal.is_some()) {
        notes.push("some runs were decided by a window over half of the test set; this is ignored, as others were not".into());
    }
    notes.extend(uneven_evaluations(records));
    let mut without = 0;
    for record in records.iter_mut() {
        record.goal = None;
        let evaluated = !record.evaluations.is_empty() || record.outcome == Outcome::Diverged;
        record.target_results = match evaluated {
            true => vec![first_reached(record, easiest)],
            false => Vec::new(),
        };
        without += usize::from(!evaluated);
    }
    if without > 0 {
        notes.push(format!(
            "{without} of {} runs were never evaluated and do not count",
            records.len()
        ));
    }
    CommonTarget {
        target: easiest.clone(),
        notes,
        ..CommonTarget::default()
    }
}

/// A note for runs that had different targets.
fn different_targets(own: &[Option<MetricTarget>], easiest: &MetricTarget) -> Option<String> {
    let thresholds = own.iter().flatten().map(|target| target.thresholds[0]);
    let mut named: Vec<f64> = thresholds.collect();
    named.sort_by(f64::total_cmp);
    named.dedup();
    let without = own.iter().any(Option::is_none);
    if named.len() < 2 && !without {
        return None;
    }
    let show = |value| easiest.metric.show(value);
    let mut named: Vec<String> = named.into_iter().map(show).collect();
    if without {
        named.push("none".into());
    }
    Some(format!(
        "the runs had DIFFERENT targets ({}): they are compared at the easiest, {}",
        named.join(", "),
        show(easiest.thresholds[0])
    ))
}

/// The first evaluation whose value over the whole test set reaches the target.
fn first_reached(record: &Record, target: &MetricTarget) -> TargetResult {
    let threshold = target.thresholds[0];
    let values = record.evaluations.iter().enumerate();
    let mut values = values.filter_map(|(at, point)| Some((at, point, target.find(point)?.value)));
    let reached = values
        .find(|(_, _, value)| target.metric.reaches(*value, threshold))
        .map(|(at, point, value)| TargetReached {
            evaluation: at,
            step: point.step,
            samples: point.samples,
            seconds: point.seconds,
            training_seconds: point.training_seconds,
            value,
            // The whole test set decided, so no half is left to confirm it.
            confirmed: None,
        });
    TargetResult {
        threshold,
        reached,
        first_single: reached,
    }
}

/// A note for runs of which some were evaluated much later than others.
fn uneven_evaluations(records: &[Record]) -> Option<String> {
    let first = |record: &Record| record.evaluations.first().map(|point| point.samples);
    let gaps = || records.iter().filter_map(first);
    let (least, most) = (gaps().min()?, gaps().max()?);
    (most as f64 > UNEVEN * least as f64).then(|| {
        format!(
            "the first evaluation came after {} samples in some runs and after {} in others: a cost is known only to the \
             distance between evaluations",
            thousands(least),
            thousands(most)
        )
    })
}
