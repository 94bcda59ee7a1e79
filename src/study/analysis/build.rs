//! Computes the analysis of a design and its runs.

use std::collections::HashMap;

use super::answer::{Answer, answer, cell_words};
use super::cost::{kinds, trial, worth};
use super::design::Design;
use super::lead::lead;
use super::{
    Analysis, CellCost, CellReport, Confirmation, CostKind, CostReport, EndPoint, FreshCost,
    Machine, RunLine, SensorSummary, TrialPoint,
};
use crate::energy::Status;
use crate::study::run::{Outcome, Purpose, RunRecord};
use crate::study::stats::{
    Trial, cell_spread, compare, confirmed_ratio, cost_interval, expected_cost, extremes,
    geometric_mean, median, pareto_front, restricted_mean, success_share, tau, versus_reference,
};

/// Version of the keys of an analysis.
const SCHEMA: u32 = 2;

impl Analysis {
    /// Analyses the runs of a design. Runs that are not planned are ignored, and so is a reference that is not a cell.
    pub fn new(design: &Design, runs: &[RunRecord], notes: Vec<String>) -> Self {
        let mut analysis = Self::led_by(design, runs, notes, None);
        analysis.split(design, runs);
        analysis.answer = answer(&analysis);
        analysis
    }

    /// Without an answer; `headline` is the cost that leads, if that is known.
    pub(super) fn led_by(
        design: &Design,
        runs: &[RunRecord],
        mut notes: Vec<String>,
        headline: Option<(CostKind, Option<f64>)>,
    ) -> Self {
        let known = design.reference.filter(|cell| *cell < design.cells.len());
        let design = &Design {
            reference: known,
            ..design.clone()
        };
        let grouped = Grouped::new(design, runs);
        let targets: Vec<Option<f64>> = match design.target.thresholds.is_empty() {
            true => vec![None],
            false => design
                .target
                .thresholds
                .iter()
                .rev()
                .copied()
                .map(Some)
                .collect(),
        };
        let kinds = kinds(runs);
        let mut costs: Vec<CostReport> = targets
            .iter()
            .flat_map(|target| kinds.iter().map(|kind| grouped.cost(kind, *target)))
            .filter(|cost| cost.cells.iter().any(|cell| !cell.trials.is_empty()))
            .collect();
        match headline {
            Some((kind, threshold)) => costs.sort_by_key(|cost| !cost.is_of(&kind, threshold)),
            None => {
                notes.extend(lead(&mut costs));
                notes.extend(missing(design, costs.first(), targets[0]));
            }
        }
        let ends = grouped.ends(costs.first());
        // The front wants the better value to be the higher.
        let better = |value: f64| match design.target.metric.higher_is_better() {
            true => value,
            false => -value,
        };
        let (with_end, points): (Vec<usize>, Vec<(f64, f64)>) = ends
            .iter()
            .enumerate()
            .filter_map(|(cell, end)| end.map(|end| (cell, (end.cost, better(end.value)))))
            .unzip();
        let pareto = pareto_front(&points)
            .into_iter()
            .map(|at| with_end[at])
            .collect();
        let started = || {
            runs.iter()
                .filter_map(|run| Some(run.record.as_ref()?.started))
        };
        let dates = started().reduce(f64::min).zip(started().reduce(f64::max));
        Self {
            schema: SCHEMA,
            name: design.name.clone(),
            dates,
            base: design.base.clone(),
            axes: design.axes.clone(),
            cells: grouped.cells(&ends),
            reference: design.reference,
            seeds: design.seeds.clone(),
            confirm: design.confirm,
            target: design.target.clone(),
            cadence: design.cadence,
            budget: design.budget,
            planned: design.runs.len(),
            by_outcome: by_outcome(runs),
            costs,
            pareto,
            sensors: sensors(runs),
            machines: machines(runs),
            by_tasks: Vec::new(),
            answer: Answer::default(),
            notes,
        }
    }
}

/// Where the costs to the last target are missing.
fn missing(design: &Design, headline: Option<&CostReport>, last: Option<f64>) -> Option<String> {
    let (found, last) = (headline?.threshold?, last?);
    let [found_text, last_text] = [found, last].map(|value| design.target.describe(value));
    (found != last).then(|| {
        format!("no run to {last_text} has ended yet, so the answer is about {found_text}")
    })
}

/// The runs that count, by cell and purpose.
struct Grouped<'a> {
    design: &'a Design,
    runs: &'a [RunRecord],
    by_cell: Vec<Vec<&'a RunRecord>>,
}

impl<'a> Grouped<'a> {
    fn new(design: &'a Design, runs: &'a [RunRecord]) -> Self {
        let mut by_cell = vec![Vec::new(); design.cells.len()];
        for run in runs {
            if let Some(cell) = design.cells.iter().position(|cell| cell.id == run.cell) {
                by_cell[cell].push(run);
            }
        }
        Self {
            design,
            runs,
            by_cell,
        }
    }

    fn points(
        &self,
        cell: usize,
        purpose: Purpose,
        kind: &CostKind,
        target: Option<f64>,
    ) -> Vec<TrialPoint> {
        self.by_cell[cell]
            .iter()
            .filter(|run| run.purpose == purpose)
            .filter_map(|run| trial(run, kind, target))
            .collect()
    }

    fn cost(&self, kind: &CostKind, target: Option<f64>) -> CostReport {
        let points: Vec<Vec<TrialPoint>> = (0..self.by_cell.len())
            .map(|cell| self.points(cell, Purpose::Main, kind, target))
            .collect();
        let trials: Vec<Vec<Trial>> = points.iter().map(|cell| ranked(cell)).collect();
        let extra: Vec<TrialPoint> = self.design.reference.map_or_else(Vec::new, |cell| {
            self.points(cell, Purpose::Replicate, kind, target)
        });
        let replicates: Vec<Trial> = self.design.reference.map_or_else(Vec::new, |cell| {
            let mut all = ranked(&extra);
            // The main runs of the reference cell are replicates too.
            all.extend(&trials[cell]);
            all
        });
        let tau = tau(trials.iter().flatten());
        let comparison = compare(&trials, &replicates);
        let spread = comparison.as_ref().and_then(|found| found.spread.clone());
        let extremes = match self.design.search {
            true => None,
            false => extremes(&trials, spread.as_ref()),
        };
        let versus = match self.design.reference {
            Some(reference) => versus_reference(&trials, reference),
            None => vec![None; trials.len()],
        };
        let unranked = points
            .iter()
            .flatten()
            .filter(|point| point.unranked.is_some())
            .count();
        let best = comparison.as_ref().map(|found| found.best);
        let worst = extremes.as_ref().map(|found| found.worst);
        let confirmation = best.and_then(|best| {
            let of = |cell: Option<usize>| {
                cell.map_or_else(Vec::new, |cell| {
                    self.points(cell, Purpose::Confirm, kind, target)
                })
            };
            let (fresh_best, fresh_worst) = (of(Some(best)), of(worst));
            (!fresh_best.is_empty()).then(|| Confirmation {
                cost: fresh_cost(&fresh_best, best),
                ratio: confirmed_ratio(&ranked(&fresh_best), &ranked(&fresh_worst), tau),
                reference: of(self.design.reference),
                best: fresh_best,
                worst: fresh_worst,
            })
        });
        let reference = self.design.reference;
        let replicates_of = |cell: usize| match reference == Some(cell) {
            true => extra.clone(),
            false => Vec::new(),
        };
        let cells = points
            .into_iter()
            .zip(&trials)
            .enumerate()
            .map(|(cell, (points, trials))| CellCost {
                expected: expected_cost(trials),
                share: success_share(trials),
                median: median(trials),
                restricted_mean: tau.and_then(|tau| restricted_mean(trials, tau)),
                geometric_mean: geometric_mean(trials),
                interval: spread
                    .as_ref()
                    .and_then(|spread| cost_interval(trials, spread.of(cell), cell as u64))
                    .filter(|_| all_reached(trials)),
                spread: cell_spread(trials),
                contrast: comparison.as_ref().map(|found| found.cells[cell]),
                versus_reference: versus[cell],
                confirmed: mean(points.iter().filter_map(|point| point.confirmed)),
                replicates: replicates_of(cell),
                trials: points,
            })
            .collect();
        CostReport {
            kind: kind.clone(),
            threshold: target,
            tau,
            cells,
            best,
            indistinguishable: comparison
                .as_ref()
                .map_or_else(Vec::new, |found| found.indistinguishable()),
            no_claim: comparison.and_then(|found| found.no_claim),
            spread: spread.map(|spread| (spread.pooled, spread.source)),
            worst,
            extremes: extremes.map(|found| found.ratio),
            null_ratio: extremes.and_then(|found| found.null_ratio),
            confirmation,
            unranked,
        }
    }

    /// Cost in the headline's kind and value of the metric at the end of the main runs of each cell.
    fn ends(&self, headline: Option<&CostReport>) -> Vec<Option<EndPoint>> {
        let of = |cell: usize| {
            let headline = headline?;
            let ranked = headline.cells[cell]
                .trials
                .iter()
                .filter(|point| point.unranked.is_none());
            let ends: Vec<(f64, f64)> = ranked
                .filter_map(|point| {
                    let run = self.by_cell[cell].iter().find(|run| run.id == point.run)?;
                    Some((point.spent, self.final_value(run)?))
                })
                .collect();
            let cost = mean(ends.iter().map(|end| end.0))?;
            let value = mean(ends.iter().map(|end| end.1))?;
            Some(EndPoint { cost, value })
        };
        (0..self.by_cell.len()).map(of).collect()
    }

    /// The metric's mean over the last window on the confirming half; without a goal, its value in the last evaluation of
    /// the whole test set.
    fn final_value(&self, run: &RunRecord) -> Option<f64> {
        let record = run.record.as_ref()?;
        let Some(goal) = &record.goal else {
            let last = record.evaluations.last()?;
            let value = self.design.target.find(last)?.value;
            return Some(value).filter(|value| value.is_finite());
        };
        let window = goal.window as usize;
        let last = record.evaluations.len().checked_sub(window)?;
        let values = record.evaluations[last..].iter();
        mean(values.filter_map(|point| Some(goal.target.find(point)?.confirming)))
            .filter(|value| value.is_finite())
    }

    fn cells(&self, ends: &[Option<EndPoint>]) -> Vec<CellReport> {
        let planned = |cell: usize| self.design.runs.iter().filter(move |run| run.cell == cell);
        let cells = self.design.cells.iter().zip(ends).enumerate();
        let runs: HashMap<&str, &RunRecord> = self
            .runs
            .iter()
            .rev()
            .map(|run| (run.id.as_str(), run))
            .collect();
        cells
            .map(|(cell, (design, end))| CellReport {
                id: design.id.clone(),
                words: cell_words(design, &self.design.axes),
                values: design.values.clone(),
                runs: planned(cell)
                    .map(|planned| {
                        let run = runs.get(planned.id.as_str());
                        RunLine {
                            id: planned.id.clone(),
                            seed: planned.seed,
                            purpose: planned.purpose,
                            outcome: run.map(|run| run.outcome),
                            error: run.and_then(|run| run.error.clone()),
                        }
                    })
                    .collect(),
                end: *end,
            })
            .collect()
    }
}

/// The cost of a cell from runs with fresh seeds; `None` if none of them is ranked. `seed` is that of the bootstrap.
fn fresh_cost(fresh: &[TrialPoint], seed: usize) -> Option<FreshCost> {
    let trials = ranked(fresh);
    let ranked_points = fresh.iter().filter(|point| point.unranked.is_none());
    let spread = cell_spread(&trials).filter(|spread| spread.sd > 0.0);
    Some(FreshCost {
        runs: trials.len(),
        share: success_share(&trials)?,
        expected: expected_cost(&trials),
        geometric_mean: geometric_mean(&trials),
        interval: spread
            .and_then(|spread| cost_interval(&trials, spread, seed as u64))
            .filter(|_| all_reached(&trials)),
        confirmed: mean(ranked_points.filter_map(|point| point.confirmed)),
    })
}

/// Whether no run failed: otherwise an interval of the runs that reached the target would stand beside an expected cost that it
/// does not contain.
fn all_reached(trials: &[Trial]) -> bool {
    success_share(trials) == Some(1.0)
}

/// The trials of the ranked points.
pub(in crate::study) fn ranked(points: &[TrialPoint]) -> Vec<Trial> {
    points
        .iter()
        .filter(|point| point.unranked.is_none())
        .filter_map(|point| Trial::new(point.spent, point.ended).ok())
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn by_outcome(runs: &[RunRecord]) -> Vec<(Outcome, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for run in runs {
        *counts.entry(run.outcome).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

fn sensors(runs: &[RunRecord]) -> Vec<SensorSummary> {
    let mut found: Vec<SensorSummary> = Vec::new();
    for (row, worth) in runs
        .iter()
        .filter_map(|run| run.record.as_ref())
        .flat_map(|record| record.energy.iter().map(|row| (row, worth(record, row))))
    {
        let gives = usize::from(worth.is_some());
        let by_steps = worth.filter(|_| row.status == Status::Unavailable);
        let status = by_steps.unwrap_or(row.status);
        let reason = row.reason.clone().filter(|_| by_steps.is_none());
        let known = found
            .iter_mut()
            .find(|one| one.source == row.source && one.method == row.method);
        match known {
            Some(known) => {
                known.runs += gives;
                if gives > 0 && known.status == Status::Unavailable {
                    known.status = status;
                    known.reason = reason;
                }
            }
            None => found.push(SensorSummary {
                source: row.source.clone(),
                scope: row.scope,
                method: row.method,
                status,
                grade: row.grade,
                update_interval_seconds: row.update_interval_seconds,
                runs: gives,
                reason,
                fix: row.fix.clone().filter(|_| by_steps.is_none()),
            }),
        }
    }
    found
}

fn machines(runs: &[RunRecord]) -> Vec<Machine> {
    let mut found: Vec<Machine> = Vec::new();
    for record in runs.iter().filter_map(|run| run.record.as_ref()) {
        let same = |one: &&mut Machine| {
            one.device == record.device
                && one.host == record.host
                && one.versions == record.versions
        };
        match found.iter_mut().find(same) {
            Some(known) => known.runs += 1,
            None => found.push(Machine {
                device: record.device.clone(),
                host: record.host.clone(),
                versions: record.versions.clone(),
                runs: 1,
            }),
        }
    }
    found
}
