//! The tables: files of `--csv`, and the data behind each figure of the page.

use serde::Serialize;

use super::as_if;
use super::csv_table::{CsvTable, rounded};
use super::curves::{EnergySource, energy_sources, main_runs};
use super::ledger;
use super::words::{State, kind_name, verdict};
use crate::energy::{Interval, Status};
use crate::model::{Metric, metric};
use crate::study::analysis::{Analysis, CostReport, TrialPoint};
use crate::study::stats::{Median, Ratio};
use crate::study::{Opened, RunRecord};
use crate::train::Derivation;

/// Points of a run in `power.csv`.
const POWER_POINTS: usize = 2_000;

/// Every table of every study, with a column that names the study.
pub fn tables(studies: &[Opened]) -> Vec<CsvTable> {
    let mut all: Vec<CsvTable> = Vec::new();
    for opened in studies {
        let Opened { analysis, runs, .. } = opened;
        let own = [
            cells(analysis),
            costs(analysis, &analysis.costs.iter().collect::<Vec<_>>()),
            trials(analysis),
            run_lines(analysis, runs),
            evaluations(runs),
            power(runs),
            energy(runs),
            sensors(analysis),
        ];
        let as_if = Some(as_if::table(opened)).filter(|table| !table.rows.is_empty());
        let further = ledger::tables(opened).into_iter().chain(as_if);
        for mut table in own.into_iter().chain(further) {
            table.header.insert(0, "study".into());
            for row in &mut table.rows {
                row.insert(0, analysis.name.clone());
            }
            match all.iter_mut().find(|known| known.name == table.name) {
                Some(known) => known.append(table),
                None => all.push(table),
            }
        }
    }
    all
}

fn ends(interval: Option<Interval>) -> [Option<f64>; 2] {
    [interval.map(|i| i.low), interval.map(|i| i.high)]
}

fn with_ends(ratio: Option<Ratio>) -> [Option<f64>; 3] {
    ratio.map_or([None; 3], |ratio| {
        [Some(ratio.ratio()), ratio.low(), ratio.high()]
    })
}

/// The cells, with their cost and accuracy at the end of their runs.
pub(super) fn cells(analysis: &Analysis) -> CsvTable {
    let mut table = CsvTable::new("cells", "cell");
    let keys = analysis.axes.iter().map(|axis| axis.key.clone());
    table.header.extend(keys);
    let rest = "runs_planned reference end_cost_kind end_cost end_cost_unit end_value_confirming_half pareto";
    table.header.extend(rest.split(' ').map(str::to_owned));
    let kind = analysis.headline().map(|cost| &cost.kind);
    for (at, cell) in analysis.cells.iter().enumerate() {
        table.push((
            &cell.id,
            &cell.values,
            cell.runs.len(),
            analysis.reference == Some(at),
            kind.map(kind_name),
            cell.end.map(|end| end.cost),
            kind.map(|kind| kind.unit()),
            cell.end.map(|end| end.value),
            analysis.pareto.contains(&at),
        ));
    }
    table
}

/// The first fields of a cost in the tables of costs.
pub(super) fn cost_key(cost: &CostReport) -> impl Serialize + use<> {
    (kind_name(&cost.kind), cost.kind.unit(), cost.threshold)
}

/// The cost of each cell.
pub(super) fn costs(analysis: &Analysis, costs: &[&CostReport]) -> CsvTable {
    let mut table = CsvTable::new(
        "costs",
        "cost unit target cell state expected geometric_mean ci_low ci_high share_reached median restricted_mean \
         tau sd_log df confirmed times_best times_best_low times_best_high verdict times_reference \
         times_reference_low times_reference_high p_reference_holm",
    );
    for cost in costs {
        for (at, cell) in cost.cells.iter().enumerate() {
            let contrast = cell.contrast.and_then(|contrast| contrast.ratio);
            let named = cell.versus_reference.map(|named| named.ratio);
            let median = match cell.median {
                Some(Median::Value(value)) => value.to_string(),
                Some(Median::OverBudget) => "over budget".into(),
                None => String::new(),
            };
            table.push((
                cost_key(cost),
                (&analysis.cells[at].id, State::of(cell).words()),
                (cell.expected, cell.geometric_mean),
                (cell.interval.map(|i| i.low), cell.interval.map(|i| i.high)),
                (cell.share, median, cell.restricted_mean, cost.tau),
                (
                    cell.spread.map(|spread| spread.sd),
                    cell.spread.map(|spread| spread.df),
                ),
                cell.confirmed,
                with_ends(contrast),
                verdict(cost, at),
                with_ends(named),
                cell.versus_reference.map(|named| named.adjusted),
            ));
        }
    }
    table
}

/// Every seed of every cell in every cost, the replicates of the reference cell, and the confirming runs.
fn trials(analysis: &Analysis) -> CsvTable {
    let mut table = CsvTable::new(
        "trials",
        "cost unit target cell run seed purpose ended spent of_it_evaluating without_evaluations \
         first_single_spent confirmed derivation ci_low ci_high accuracy_low accuracy_high unranked_because",
    );
    for cost in &analysis.costs {
        let cells = || cost.cells.iter().enumerate();
        let mut groups: Vec<(usize, &str, &[TrialPoint])> = Vec::new();
        groups.extend(cells().map(|(at, cell)| (at, "main", cell.trials.as_slice())));
        groups.extend(cells().map(|(at, cell)| (at, "replicate", cell.replicates.as_slice())));
        if let Some(fresh) = &cost.confirmation {
            let sides = [
                (cost.best, &fresh.best),
                (cost.worst, &fresh.worst),
                (analysis.reference, &fresh.reference),
            ];
            // The reference cell may also be the best or the worst.
            for (cell, points) in sides {
                let Some(at) = cell else { continue };
                if !groups
                    .iter()
                    .any(|known| (known.0, known.1) == (at, "confirm"))
                {
                    groups.push((at, "confirm", points));
                }
            }
        }
        for (at, purpose, points) in groups {
            for point in points {
                table.push((
                    cost_key(cost),
                    (&analysis.cells[at].id, &point.run, point.seed, purpose),
                    (point.ended, point.spent, point.evaluating),
                    (point.without_evaluations(), point.first_single),
                    (point.confirmed, point.derivation),
                    (ends(point.ci), ends(point.accuracy)),
                    &point.unranked,
                ));
            }
        }
    }
    table
}

/// Every planned run.
fn run_lines(analysis: &Analysis, runs: &[RunRecord]) -> CsvTable {
    let mut table = CsvTable::new(
        "runs",
        "run cell seed purpose outcome error steps samples training_s evaluation_s start_up_s last_value \
         contention_cpu_share device",
    );
    for cell in &analysis.cells {
        for line in &cell.runs {
            let run = runs.iter().find(|run| run.id == line.id);
            let record = run.and_then(|run| run.record.as_ref());
            table.push((
                (&line.id, &cell.id, line.seed, line.purpose),
                line.outcome.map_or("not run", |outcome| outcome.name()),
                &line.error,
                (
                    record.map(|record| record.steps),
                    record.map(|record| record.samples),
                ),
                record.map(|record| record.durations.training_seconds),
                record.map(|record| record.durations.evaluation_seconds),
                record.map(|record| record.durations.startup_seconds),
                record.and_then(|record| {
                    Some(analysis.target.find(record.evaluations.last()?)?.value)
                }),
                record.and_then(|record| record.contention.cpu_share),
                record.map(|record| &record.device.name),
            ));
        }
    }
    table
}

/// The learning curves: every metric of every task, and the joules of each source.
fn evaluations(runs: &[RunRecord]) -> CsvTable {
    let mut table = CsvTable::new("evaluations", "run cell seed step samples seconds");
    let records = || runs.iter().filter_map(|run| run.record.as_ref());
    let mut metrics: Vec<(&str, Metric)> = Vec::new();
    let points = records().flat_map(|record| &record.evaluations);
    for found in points.flat_map(|point| &point.metrics) {
        if !metrics.contains(&(&found.task, found.metric)) {
            metrics.push((&found.task, found.metric));
        }
    }
    let one_task = metrics.iter().all(|(task, _)| *task == metrics[0].0);
    for (task, metric) in &metrics {
        let name = match one_task {
            true => metric.name().to_owned(),
            false => format!("{task}_{metric}"),
        };
        let halves = ["", "_deciding_half", "_confirming_half"];
        table
            .header
            .extend(halves.map(|half| format!("{name}{half}")));
    }
    let sources = energy_sources(runs);
    table.header.extend(sources.iter().map(joules_column));
    for run in runs {
        let Some(record) = &run.record else { continue };
        let joules: Vec<Option<Vec<f64>>> =
            sources.iter().map(|source| source.joules(record)).collect();
        for (at, point) in record.evaluations.iter().enumerate() {
            let values = metrics.iter().map(|(task, metric)| {
                let found = metric::find(&point.metrics, Some(task), *metric);
                found.map_or([None; 3], |found| {
                    [found.value, found.deciding, found.confirming].map(Some)
                })
            });
            let joules = joules.iter().map(|curve| Some(curve.as_ref()?[at]));
            table.push((
                (&run.id, &run.cell, run.seed),
                (point.step, point.samples, point.seconds),
                values.collect::<Vec<_>>(),
                joules.collect::<Vec<Option<f64>>>(),
            ));
        }
    }
    table
}

/// The name of the column with a source's joules.
pub(super) fn joules_column(source: &EnergySource) -> String {
    let EnergySource {
        name,
        scope,
        status,
    } = source;
    format!("joules_{}_{name}_{}", status.name(), scope.name())
}

fn power(runs: &[RunRecord]) -> CsvTable {
    let mut table = CsvTable::new("power", "source scope status run cell seed seconds watts");
    for source in energy_sources(runs) {
        for (run, record) in main_runs(runs) {
            for (seconds, watts) in source.power(record, POWER_POINTS) {
                table.push((
                    (&source.name, source.scope.name(), source.status.name()),
                    (&run.id, &run.cell, run.seed),
                    (rounded(seconds), rounded(watts)),
                ));
            }
        }
    }
    table
}

/// Joules of a step, of an evaluation, to the end, and of each phase of each run.
fn energy(runs: &[RunRecord]) -> CsvTable {
    let mut table = CsvTable::new(
        "energy",
        "run cell seed source scope status of derivation joules ci_low ci_high accuracy_low accuracy_high \
         contained_in_other_phases",
    );
    for run in runs {
        let Some(record) = &run.record else { continue };
        let mut push = |of: &str,
                        origin: (&str, Status),
                        derivation: Option<Derivation>,
                        joules,
                        intervals: [_; 2],
                        contained: bool| {
            let row = record.energy.iter().find(|row| row.source == origin.0);
            table.push((
                (&run.id, &run.cell, run.seed),
                (origin.0, row.map(|row| row.scope.name()), origin.1.name()),
                (of, derivation, joules),
                intervals.map(ends),
                contained,
            ));
        };
        let figures = [
            ("step", &record.energy_per_step),
            ("evaluation", &record.energy_per_evaluation),
            ("to the end", &record.energy_to_end),
        ];
        for (of, figures) in figures {
            for figure in figures {
                let origin = (figure.source.as_str(), figure.status);
                let intervals = [figure.ci, figure.accuracy];
                push(
                    of,
                    origin,
                    Some(figure.derivation),
                    Some(figure.joules),
                    intervals,
                    false,
                );
            }
        }
        for phase in &record.energy_by_phase {
            let of = format!("phase {}", phase.phase.name());
            let origin = (phase.source.as_str(), phase.status);
            let intervals = [phase.ci, phase.accuracy];
            push(
                &of,
                origin,
                phase.derivation,
                phase.joules,
                intervals,
                phase.contained,
            );
        }
    }
    table
}

/// The sensors, and why some gave no joules.
pub(super) fn sensors(analysis: &Analysis) -> CsvTable {
    let mut table = CsvTable::new(
        "sensors",
        "source scope method status grade update_interval_s runs_with_joules reason fix",
    );
    for sensor in &analysis.sensors {
        table.push((
            (&sensor.source, sensor.scope.name(), sensor.method.name()),
            (sensor.status.name(), sensor.grade),
            (sensor.update_interval_seconds, sensor.runs),
            (&sensor.reason, &sensor.fix),
        ));
    }
    table
}
