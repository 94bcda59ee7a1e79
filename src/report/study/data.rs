//! The tables: files of `--csv`, and the data behind each figure of the page.

use serde::Serialize;

use super::courses::{Source, main_runs, sources};
use super::table::{Table, number, rounded};
use super::words::{State, kind_name, verdict};
use crate::energy::{Interval, Status};
use crate::model::Metric;
use crate::study::analysis::{Analysis, CostReport};
use crate::study::stats::Median;
use crate::study::{Opened, RunRecord};
use crate::train::{Record, Way};

/// Points of a run in `power.csv`.
const POWER_POINTS: usize = 2_000;

/// Every table of every study, each with a column that names the study.
pub fn tables(studies: &[Opened]) -> Vec<Table> {
    let mut all: Vec<Table> = Vec::new();
    for Opened { analysis, runs } in studies {
        let of_one = [
            cells(analysis),
            costs(analysis, &analysis.costs.iter().collect::<Vec<_>>()),
            trials(analysis),
            run_lines(analysis, runs),
            evaluations(runs),
            power(runs),
            energy(runs),
            instruments(analysis),
        ];
        for mut table in of_one {
            table.header.insert(0, "study".into());
            for row in &mut table.rows {
                row.insert(0, analysis.name.clone());
            }
            match all.iter_mut().find(|known| known.name == table.name) {
                // Studies differ in their axes, and so in these columns.
                Some(known) if known.header == table.header => known.rows.extend(table.rows),
                Some(known) => merge(known, table),
                None => all.push(table),
            }
        }
    }
    all
}

/// Adds rows whose columns are not all the same.
fn merge(into: &mut Table, from: Table) {
    for name in &from.header {
        if !into.header.contains(name) {
            into.header.push(name.clone());
            into.rows.iter_mut().for_each(|row| row.push(String::new()));
        }
    }
    for row in from.rows {
        let value = |name: &String| {
            let at = from.header.iter().position(|known| known == name);
            at.map_or_else(String::new, |at| row[at].clone())
        };
        into.rows.push(into.header.iter().map(value).collect());
    }
}

/// A name as the records write it.
fn written(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn ends(interval: Option<Interval>) -> [String; 2] {
    [
        number(interval.map(|i| i.low)),
        number(interval.map(|i| i.high)),
    ]
}

/// The cells, with what they came to at the end of their runs.
pub(super) fn cells(analysis: &Analysis) -> Table {
    let mut table = Table::new("cells", &["cell"]);
    let keys = analysis.axes.iter().map(|axis| axis.key.clone());
    table.header.extend(keys);
    let unit = analysis.headline().map_or("", |cost| cost.kind.unit());
    let rest = [
        "runs_planned",
        "reference",
        "end_cost_kind",
        "end_cost",
        "end_cost_unit",
        "end_accuracy_confirming_half",
        "pareto",
    ];
    table.header.extend(rest.map(String::from));
    let kind = analysis
        .headline()
        .map_or_else(String::new, |cost| kind_name(&cost.kind));
    for (at, cell) in analysis.cells.iter().enumerate() {
        let mut row = vec![cell.id.clone()];
        row.extend(cell.values.iter().cloned());
        row.extend([
            cell.runs.len().to_string(),
            (analysis.reference == Some(at)).to_string(),
            kind.clone(),
            number(cell.end.map(|end| end.cost)),
            unit.to_owned(),
            number(cell.end.map(|end| end.value)),
            analysis.pareto.contains(&at).to_string(),
        ]);
        table.rows.push(row);
    }
    table
}

/// What each cell costs.
pub(super) fn costs(analysis: &Analysis, costs: &[&CostReport]) -> Table {
    let mut table = Table::new(
        "costs",
        &[
            "cost",
            "unit",
            "target_accuracy",
            "cell",
            "state",
            "expected",
            "geometric_mean",
            "low_95",
            "high_95",
            "share_reached",
            "median",
            "restricted_mean",
            "tau",
            "sd_log",
            "df",
            "confirmed_accuracy",
            "times_best",
            "times_best_low",
            "times_best_high",
            "verdict",
            "times_reference",
            "times_reference_low",
            "times_reference_high",
            "p_reference_holm",
        ],
    );
    for cost in costs {
        for (at, cell) in cost.cells.iter().enumerate() {
            let contrast = cell.contrast.and_then(|contrast| contrast.ratio);
            let named = cell.named.map(|named| named.ratio);
            table.rows.push(vec![
                kind_name(&cost.kind),
                cost.kind.unit().into(),
                number(cost.at_least),
                analysis.cells[at].id.clone(),
                State::of(cell).words().into(),
                number(cell.expected),
                number(cell.geometric_mean),
                number(cell.interval.map(|i| i.low)),
                number(cell.interval.map(|i| i.high)),
                number(cell.share),
                match cell.median {
                    Some(Median::Value(value)) => number(Some(value)),
                    Some(Median::OverBudget) => "over budget".into(),
                    None => String::new(),
                },
                number(cell.restricted_mean),
                number(cost.tau),
                number(cell.spread.map(|spread| spread.sd)),
                number(cell.spread.map(|spread| spread.df)),
                number(cell.confirmed),
                number(contrast.map(|ratio| ratio.ratio())),
                number(contrast.and_then(|ratio| ratio.low())),
                number(contrast.and_then(|ratio| ratio.high())),
                verdict(cost, at).into(),
                number(named.map(|ratio| ratio.ratio())),
                number(named.and_then(|ratio| ratio.low())),
                number(named.and_then(|ratio| ratio.high())),
                number(cell.named.map(|named| named.adjusted)),
            ]);
        }
    }
    table
}

/// Every seed of every cell in every cost, the replicates of the reference cell, and the fresh runs that confirm.
fn trials(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "trials",
        &[
            "cost",
            "unit",
            "target_accuracy",
            "cell",
            "run",
            "seed",
            "purpose",
            "ended",
            "spent",
            "of_it_evaluating",
            "without_evaluations",
            "first_single_spent",
            "confirmed_accuracy",
            "way",
            "repeatability_low",
            "repeatability_high",
            "accuracy_low",
            "accuracy_high",
            "unranked_because",
        ],
    );
    for cost in &analysis.costs {
        let main = cost.cells.iter().enumerate();
        let mut listed: Vec<(usize, &str, _)> =
            main.map(|(at, cell)| (at, "main", &cell.trials)).collect();
        let extra = cost.cells.iter().enumerate();
        listed.extend(extra.map(|(at, cell)| (at, "replicate", &cell.replicates)));
        if let Some(fresh) = &cost.confirmation {
            // One cell may be two of these.
            let mut seen = Vec::new();
            let sides = [
                (cost.best, &fresh.best),
                (cost.worst, &fresh.worst),
                (analysis.reference, &fresh.reference),
            ];
            listed.extend(
                sides
                    .into_iter()
                    .filter_map(|(at, points)| Some((at?, "confirm", points)))
                    .filter(|(at, ..)| {
                        let new = !seen.contains(at);
                        seen.push(*at);
                        new
                    }),
            );
        }
        for (at, purpose, points) in listed {
            for point in points {
                let mut row = vec![
                    kind_name(&cost.kind),
                    cost.kind.unit().into(),
                    number(cost.at_least),
                    analysis.cells[at].id.clone(),
                    point.run.clone(),
                    point.seed.to_string(),
                    purpose.into(),
                    written(&point.ended),
                    number(Some(point.spent)),
                    number(point.evaluating),
                    number(point.without_evaluations()),
                    number(point.first_single),
                    number(point.confirmed),
                    point.way.map_or_else(String::new, |way| written(&way)),
                ];
                row.extend(ends(point.ci));
                row.extend(ends(point.accuracy));
                row.push(point.unranked.clone().unwrap_or_default());
                table.rows.push(row);
            }
        }
    }
    table
}

/// Every planned run.
fn run_lines(analysis: &Analysis, runs: &[RunRecord]) -> Table {
    let mut table = Table::new(
        "runs",
        &[
            "run",
            "cell",
            "seed",
            "purpose",
            "outcome",
            "error",
            "steps",
            "samples",
            "training_s",
            "evaluation_s",
            "start_up_s",
            "last_accuracy",
            "others_cpu_share",
            "device",
        ],
    );
    for cell in &analysis.cells {
        for line in &cell.runs {
            let record = runs
                .iter()
                .find(|run| run.id == line.id)
                .and_then(|run| run.record.as_ref());
            let of = |get: &dyn Fn(&Record) -> Option<f64>| number(record.and_then(get));
            table.rows.push(vec![
                line.id.clone(),
                cell.id.clone(),
                line.seed.to_string(),
                written(&line.purpose),
                line.outcome
                    .map_or("not run", |outcome| outcome.name())
                    .into(),
                line.error.clone().unwrap_or_default(),
                record.map_or_else(String::new, |record| record.steps.to_string()),
                record.map_or_else(String::new, |record| record.samples.to_string()),
                of(&|record| Some(record.times.training_seconds)),
                of(&|record| Some(record.times.evaluation_seconds)),
                of(&|record| Some(record.times.startup_seconds)),
                of(&|record| Some(record.evaluations.last()?.accuracy())),
                of(&|record| record.others.cpu_share),
                record.map_or_else(String::new, |record| record.device.name.clone()),
            ]);
        }
    }
    table
}

/// Accuracy on the way, with the joules of each source.
fn evaluations(runs: &[RunRecord]) -> Table {
    let mut table = Table::new(
        "evaluations",
        &[
            "run",
            "cell",
            "seed",
            "step",
            "samples",
            "seconds",
            "loss",
            "accuracy",
            "accuracy_deciding_half",
            "accuracy_confirming_half",
        ],
    );
    let sources = sources(runs);
    for source in &sources {
        table.header.push(joules_column(source));
    }
    for run in runs {
        let Some(record) = &run.record else { continue };
        let joules: Vec<Option<Vec<f64>>> =
            sources.iter().map(|source| source.joules(record)).collect();
        for (at, point) in record.evaluations.iter().enumerate() {
            let mut row = vec![
                run.id.clone(),
                run.cell.clone(),
                run.seed.to_string(),
                point.step.to_string(),
                point.samples.to_string(),
                number(Some(point.seconds)),
                number(Some(point.loss())),
                number(Some(point.accuracy())),
                number(point.metric(Metric::Accuracy).map(|value| value.deciding)),
                number(point.metric(Metric::Accuracy).map(|value| value.confirming)),
            ];
            row.extend(
                joules
                    .iter()
                    .map(|along| number(along.as_ref().map(|along| along[at]))),
            );
            table.rows.push(row);
        }
    }
    table
}

/// The name of a column of a source's joules.
pub(super) fn joules_column(source: &Source) -> String {
    format!(
        "joules_{}_{}_{}",
        source.status.name(),
        source.name,
        source.scope.name()
    )
}

/// Watts over time.
fn power(runs: &[RunRecord]) -> Table {
    let mut table = Table::new(
        "power",
        &[
            "source", "scope", "status", "run", "cell", "seed", "seconds", "watts",
        ],
    );
    for source in sources(runs) {
        for (run, record) in main_runs(runs) {
            for (seconds, watts) in source.power(record, POWER_POINTS) {
                table.rows.push(vec![
                    source.name.clone(),
                    source.scope.name().into(),
                    source.status.name().into(),
                    run.id.clone(),
                    run.cell.clone(),
                    run.seed.to_string(),
                    rounded(Some(seconds)),
                    rounded(Some(watts)),
                ]);
            }
        }
    }
    table
}

/// Joules of a step, an evaluation and each phase of each run.
fn energy(runs: &[RunRecord]) -> Table {
    let mut table = Table::new(
        "energy",
        &[
            "run",
            "cell",
            "seed",
            "source",
            "scope",
            "status",
            "of",
            "way",
            "joules",
            "repeatability_low",
            "repeatability_high",
            "accuracy_low",
            "accuracy_high",
            "contained_in_others",
        ],
    );
    for (run, record) in runs
        .iter()
        .filter_map(|run| Some((run, run.record.as_ref()?)))
    {
        let mut row = |of: String,
                       source: &str,
                       status: Status,
                       way: Option<Way>,
                       joules,
                       intervals,
                       contained: bool| {
            let scope = record.energy.iter().find(|row| row.source == source);
            let [ci, accuracy]: [Option<Interval>; 2] = intervals;
            let mut cells = vec![
                run.id.clone(),
                run.cell.clone(),
                run.seed.to_string(),
                source.to_owned(),
                scope.map_or("", |row| row.scope.name()).into(),
                Status::name(status).into(),
                of,
                way.map_or_else(String::new, |way| written(&way)),
                number(joules),
            ];
            cells.extend(ends(ci));
            cells.extend(ends(accuracy));
            cells.push(contained.to_string());
            table.rows.push(cells);
        };
        let figures = [
            ("step", &record.energy_per_step),
            ("evaluation", &record.energy_per_evaluation),
            ("to the end", &record.energy_to_end),
        ];
        for (of, figures) in figures {
            for figure in figures {
                row(
                    of.into(),
                    &figure.source,
                    figure.status,
                    Some(figure.way),
                    Some(figure.joules),
                    [figure.ci, figure.accuracy],
                    false,
                );
            }
        }
        for phase in &record.energy_by_phase {
            row(
                format!("phase {}", written(&phase.phase)),
                &phase.source,
                phase.status,
                phase.way,
                phase.joules,
                [phase.ci, phase.accuracy],
                phase.contained,
            );
        }
    }
    table
}

/// What joules came through, and what gave none.
pub(super) fn instruments(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "instruments",
        &[
            "source",
            "scope",
            "method",
            "status",
            "grade",
            "tick_s",
            "runs_with_joules",
            "reason",
            "fix",
        ],
    );
    for one in &analysis.instruments {
        table.rows.push(vec![
            one.source.clone(),
            one.scope.name().into(),
            one.method.name().into(),
            one.status.name().into(),
            one.grade.map_or_else(String::new, |grade| written(&grade)),
            number(one.update_interval_seconds),
            one.runs.to_string(),
            one.reason.clone().unwrap_or_default(),
            one.fix.clone().unwrap_or_default(),
        ]);
    }
    table
}
