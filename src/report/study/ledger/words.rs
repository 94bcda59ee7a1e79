//! Each ledger in a sentence.

use super::super::words::threshold;
use crate::study::Opened;
use crate::study::analysis::{Analysis, CostKind};
use crate::study::ledger::{
    Footprint, Inference, InferenceCell, LifeCycle, Multitask, PretrainedCell, Pretraining,
};
use crate::study::stats::{Fieller, Mean, MeanRatio};
use crate::units::si;

/// Name and sentence of the first ledger of each kind.
pub(in super::super) fn sentences(opened: &Opened) -> Vec<(&'static str, String)> {
    let (analysis, ledgers) = (&opened.analysis, &opened.ledgers);
    let mut all = Vec::new();
    if let Some(found) = ledgers.pretraining.first() {
        all.push(("pretraining", pretraining(analysis, found)));
    }
    all.extend(
        first_of_each_joint(&ledgers.multitask).map(|one| ("multitask", multitask(analysis, one))),
    );
    if let Some(found) = ledgers.life_cycle.first() {
        all.extend(life_cycle(analysis, found).map(|text| ("life cycle", text)));
    }
    for found in first_of_each_factor(&ledgers.footprint) {
        all.extend(footprint(analysis, found).map(|text| ("footprint", text)));
    }
    all
}

/// The ledger of the headline for each cell with several tasks.
pub(super) fn first_of_each_joint(all: &[Multitask]) -> impl Iterator<Item = &Multitask> {
    let first = |at: &usize| all[..*at].iter().all(|one| one.joint != all[*at].joint);
    (0..all.len()).filter(first).map(|at| &all[at])
}

/// The ledger of the headline for each factor.
pub(super) fn first_of_each_factor(all: &[Footprint]) -> impl Iterator<Item = &Footprint> {
    let first = |at: &usize| all[..*at].iter().all(|one| one.factor != all[*at].factor);
    (0..all.len()).filter(first).map(|at| &all[at])
}

/// `measured energy to 85 %`.
pub(super) fn of(analysis: &Analysis, kind: &CostKind, to: Option<f64>) -> String {
    let noun = match kind {
        CostKind::Energy { source, scope, .. } => format!("energy ({source}, {})", scope.name()),
        CostKind::Seconds => "time".into(),
        CostKind::Flops => "training FLOPs".into(),
        other => other.noun().into(),
    };
    match to {
        Some(value) => format!("{noun} to {}", threshold(analysis, value)),
        None => noun,
    }
}

fn pretraining(analysis: &Analysis, found: &Pretraining) -> String {
    let cells: Vec<String> = found
        .cells
        .iter()
        .map(|cell| format!("{}: {}", analysis.cells[cell.cell].name(), pays_off(cell)))
        .collect();
    format!(
        "By {}: {}.",
        of(analysis, &found.kind, found.threshold),
        cells.join("; ")
    )
}

/// When pretraining pays off for a cell.
fn pays_off(cell: &PretrainedCell) -> String {
    let costs = format!(
        "a run costs {} times as much as one from scratch, without the pretraining",
        ratio(&cell.sunk)
    );
    let Some(found) = cell.break_even.filter(|found| found.ratio > 0.0) else {
        return format!("pretraining does not pay off, {costs}");
    };
    match found.interval {
        Fieller::Between(i) => format!(
            "pretraining pays off when {:.1} runs share it (95 % CI {:.1} to {:.1})",
            found.ratio,
            i.low.max(0.0),
            i.high
        ),
        Fieller::Unknown => format!(
            "pretraining pays off when {:.1} runs share it (no interval)",
            found.ratio
        ),
        Fieller::Outside(i) => format!(
            "pretraining pays off when {:.1} runs share it, but the saving is not significant: at least {:.1} runs, and \
             possibly never",
            found.ratio,
            i.high.max(0.0)
        ),
        Fieller::Any => format!(
            "pretraining pays off when {:.1} runs share it, but the data allow any number and never",
            found.ratio
        ),
    }
}

/// The number of runs at which pretraining pays off, for a table.
pub(super) fn break_even(cell: &PretrainedCell) -> String {
    let Some(found) = cell.break_even.filter(|found| found.ratio > 0.0) else {
        return "never".into();
    };
    let number = format!("{:.1}", found.ratio);
    match found.interval {
        Fieller::Between(i) => format!("{number} ({:.1} to {:.1})", i.low.max(0.0), i.high),
        Fieller::Outside(i) => format!("{number} ({:.1} or more, or never)", i.high.max(0.0)),
        Fieller::Any => format!("{number} (any, or never)"),
        Fieller::Unknown => format!("{number} (no interval)"),
    }
}

/// `0.83 (0.61 to 1.12)`.
pub(super) fn ratio(found: &MeanRatio) -> String {
    match found.interval {
        Fieller::Between(i) => format!("{:.2} ({:.2} to {:.2})", found.ratio, i.low, i.high),
        Fieller::Unknown => format!("{:.2} (no interval)", found.ratio),
        Fieller::Outside(_) | Fieller::Any => format!("{:.2} (no bounds)", found.ratio),
    }
}

/// `0.75 (95 % CI 0.65 to 0.87)`.
fn with_interval(found: &Mean, show: &dyn Fn(f64) -> String) -> String {
    match found.interval {
        Some(i) => format!(
            "{} (95 % CI {} to {})",
            show(found.mean),
            show(i.low),
            show(i.high)
        ),
        None => format!("{} (no interval)", show(found.mean)),
    }
}

fn multitask(analysis: &Analysis, found: &Multitask) -> String {
    let number = match found.single.len() {
        2 => "two networks".to_owned(),
        n => format!("{n} networks"),
    };
    let text = with_interval(&found.ratio, &|value| format!("{value:.2}"));
    format!(
        "One network for all tasks ({}) costs {text} times as much as {number} that reach the same accuracy of each task, by {}.",
        analysis.cells[found.joint].name(),
        of(analysis, &found.kind, found.threshold)
    )
}

/// The cells that a sentence names: the lowest and the highest, or the lowest of each choice of tasks.
fn named<'a, T>(
    analysis: &Analysis,
    all: &'a [T],
    cell: fn(&T) -> usize,
    value: fn(&T) -> f64,
) -> Vec<&'a T> {
    let lowest = |own: Vec<usize>| {
        let own = all.iter().filter(|one| own.contains(&cell(one)));
        own.min_by(|a, b| value(a).total_cmp(&value(b)))
    };
    let parts = analysis.parts().into_iter();
    let mut named: Vec<&'a T> = parts
        .filter_map(|part| lowest(analysis.cells_of(part)))
        .collect();
    if !analysis.is_split() {
        let highest = all.iter().max_by(|a, b| value(a).total_cmp(&value(b)));
        named.extend(highest.filter(|one| named.iter().all(|other| cell(other) != cell(one))));
    }
    named
}

fn life_cycle(analysis: &Analysis, found: &LifeCycle) -> Option<String> {
    let named = named(
        analysis,
        &found.cells,
        |cell| cell.cell,
        |cell| cell.training.mean,
    );
    let show = |value: f64| si(value).trim_end().to_owned();
    let of_cell = |cell: &&InferenceCell, samples: &str| {
        let number = with_interval(&cell.samples, &show);
        format!(
            "after {number}{samples} with {}",
            analysis.cells[cell.cell].name()
        )
    };
    let (first, rest) = named.split_first()?;
    let mut text = format!(
        "Inference outweighs training {}",
        of_cell(first, " samples")
    );
    for (at, cell) in rest.iter().enumerate() {
        let and = if at + 1 == rest.len() { "and " } else { "" };
        text += &format!(", {and}{}", of_cell(cell, ""));
    }
    text += &format!("; by {}", of(analysis, &found.kind, found.threshold));
    text += &match found.inference {
        Inference::Measured { batch_size } => {
            format!(", inference measured in batches of {batch_size}")
        }
        Inference::Evaluations {
            batch_size: Some(size),
        } => format!(", inference as in the evaluations, in batches of {size}"),
        Inference::Evaluations { batch_size: None } => ", inference as in the evaluations".into(),
    };
    Some(text + ".")
}

fn footprint(analysis: &Analysis, found: &Footprint) -> Option<String> {
    let named = named(analysis, &found.cells, |cell| cell.cell, |cell| cell.amount);
    let (least, rest) = named.split_first()?;
    let factor = &found.factor;
    let show = |value: f64| {
        format!(
            "{} {}",
            super::super::display_unit::digits(value),
            factor.unit
        )
    };
    let interval = least.interval.map_or_else(String::new, |i| {
        format!(" (95 % CI {} to {})", show(i.low), show(i.high))
    });
    let mut text = format!(
        "A training run with {} causes {}{interval}",
        analysis.cells[least.cell].name(),
        show(least.amount)
    );
    for cell in rest {
        let name = analysis.cells[cell.cell].name();
        text += &format!(", with {name} {}", show(cell.amount));
    }
    Some(format!(
        "{text}: {} at {} {} per kWh ({}, {}).",
        of(analysis, &found.kind, found.threshold),
        factor.per_kwh,
        factor.unit,
        factor.source,
        factor.date
    ))
}
