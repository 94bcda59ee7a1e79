//! The result of a search, and what its records amount to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::budget::{SearchBudget, Unit};
use super::found::{Ended, Fate, Found, RungRow};
use super::proposer::Space;
use super::settings::{SearchSettings, Stop};
use crate::energy::Status;
use crate::study::analysis::cell_words;
use crate::study::open::{contention_note, design};
use crate::study::run::RunRecord;
use crate::study::spec::Study;
use crate::train::{Derivation, Record};

/// Version of the keys of [`Searched`].
const SCHEMA: u32 = 1;

/// The cell that a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    pub cell: String,
    /// The cell in words.
    #[serde(skip)]
    pub words: String,
    /// The expected cost of one success with restarts, over `seeds` seeds.
    pub cost: f64,
    pub seeds: usize,
}

/// The best cell's runs with fresh seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FreshRuns {
    pub runs: usize,
    pub planned: usize,
    pub reached: usize,
    /// The expected cost of one success; absent if none reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// What a search cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpentParts {
    pub first_seed: f64,
    pub other_seeds: f64,
    pub confirming: f64,
    pub total: f64,
    /// Seconds of reading data, planning and compiling at the start of every rung, which no cost of a run includes.
    pub start_up_seconds: f64,
}

/// What the whole grid would cost, without confirming runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GridCost {
    pub runs: usize,
    /// If every run that was not made or stopped early cost no more than the part of its cell that was trained.
    pub at_least: f64,
    /// If each of them spent the budget of a run; absent where that budget gives no number of samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchedCell {
    pub id: String,
    pub fate: Fate,
    /// Cost of its first seed.
    pub spent: f64,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Searched {
    pub schema: u32,
    pub name: String,
    pub budget: SearchBudget,
    pub settings: SearchSettings,
    pub ended: Ended,
    /// Absent if no run reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<FreshRuns>,
    /// The source of the joules and its scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub spent: SpentParts,
    pub grid: GridCost,
    pub rungs: Vec<RungRow>,
    /// In the order of the study.
    pub cells: Vec<SearchedCell>,
    pub notes: Vec<String>,
}

impl Searched {
    pub(super) fn new(
        study: &Study,
        (budget, settings): (SearchBudget, SearchSettings),
        space: &Space,
        found: &Found,
        records: &[&RunRecord],
    ) -> Self {
        let design = design(study, &[]);
        let words = |name: &String| {
            let cell = design.cells.iter().find(|cell| cell.id == *name);
            cell.map_or_else(|| name.clone(), |cell| cell_words(cell, &design.axes))
        };
        let best = found.best.map(|(at, cost, seeds)| Best {
            cell: space.names[at].clone(),
            words: words(&space.names[at]),
            cost,
            seeds,
        });
        let trained = records.iter().filter_map(|run| run.record.as_ref());
        let confirmed = (best.is_some() && !space.fresh.is_empty()).then(|| FreshRuns {
            runs: found.confirmed.len(),
            planned: space.fresh.len(),
            reached: found.confirmed.iter().filter(|run| run.0).count(),
            cost: found.confirmed_cost(),
        });
        let cells = space.names.iter().zip(&found.fates).zip(&found.costs);
        let owned: Vec<RunRecord> = records.iter().map(|run| (*run).clone()).collect();
        let disturbed = matches!(budget.unit, Unit::Joules | Unit::Seconds);
        let shared = contention_note(&owned).filter(|_| disturbed);
        let shared =
            shared.map(|note| format!("{note}, and this search ranks by {}", budget.unit.name()));
        Self {
            schema: SCHEMA,
            name: study.name.clone(),
            budget,
            settings,
            ended: found.ended.unwrap_or(Ended::Interrupted),
            best,
            confirmed,
            source: match budget.unit {
                Unit::Joules => trained.clone().find_map(source),
                _ => None,
            },
            spent: SpentParts {
                first_seed: found.first_seed,
                other_seeds: found.other_seeds,
                confirming: found.confirming,
                total: found.spent(),
                start_up_seconds: start_up(records),
            },
            grid: grid(study, budget.unit, space, found, records),
            rungs: rows(&found.rungs, settings.stop),
            cells: cells
                .map(|((id, fate), spent)| SearchedCell {
                    id: id.clone(),
                    fate: *fate,
                    spent: *spent,
                })
                .collect(),
            notes: shared.into_iter().collect(),
        }
    }

    /// The result before anything was tried.
    pub(super) fn interrupted(
        study: &Study,
        budget: SearchBudget,
        settings: SearchSettings,
        space: &Space,
    ) -> Self {
        let found = Found {
            fates: vec![Fate::NotTried; space.cells.len()],
            costs: vec![0.0; space.cells.len()],
            ..Found::default()
        };
        Self::new(study, (budget, settings), space, &found, &[])
    }

    /// What it cost in per cent of the grid: at least and, where the grid's cost has a bound, at most. Confirming runs
    /// are in neither.
    pub fn share_of_grid(&self) -> (Option<f64>, f64) {
        let spent = self.spent.total - self.spent.confirming;
        let share = |grid: f64| 100.0 * spent / grid;
        (self.grid.at_most.map(share), share(self.grid.at_least))
    }
}

/// What a run has cost; `None` in joules that no source measured.
pub(super) fn spent(record: &Record, unit: Unit) -> Option<f64> {
    Some(match unit {
        Unit::Samples => record.samples as f64,
        Unit::Flops => record.work.training_flops,
        Unit::Seconds => record.durations.training_seconds + record.durations.evaluation_seconds,
        Unit::Joules => return joules(record),
    })
}

/// Joules of the first source that measures, from the first step to the end of the last part of the run.
fn joules(record: &Record) -> Option<f64> {
    let measured = |figure: &&crate::train::EnergyFigure| figure.status == Status::Measured;
    let figures = || record.energy_to_end.iter().filter(measured);
    let direct = figures().find(|figure| figure.derivation == Derivation::Direct);
    if let Some(figure) = direct.or_else(|| figures().next()) {
        return Some(figure.joules);
    }
    // The part was too short for a figure of its own; the readings of its window are what there is.
    let row = record
        .energy
        .iter()
        .find(|row| row.status == Status::Measured)?;
    let earlier = record.earlier_sessions.iter().map(|session| {
        let mut figures = session.energy.iter();
        figures
            .find(|figure| figure.source == row.source)
            .map(|figure| figure.joules)
    });
    let earlier: f64 = earlier.sum::<Option<f64>>()?;
    Some(earlier + row.joules?)
}

fn source(record: &Record) -> Option<String> {
    let row = record
        .energy
        .iter()
        .find(|row| row.status == Status::Measured)?;
    Some(format!("{}, {}", row.source, row.scope.name()))
}

/// Seconds before the first step of every rung: the last record of a run has those of all its parts.
fn start_up(records: &[&RunRecord]) -> f64 {
    // In one order, so that the sum is the same in every call.
    let mut last: BTreeMap<(&str, u32), (u32, f64)> = BTreeMap::new();
    for run in records {
        let (Some(search), Some(record)) = (run.search, &run.record) else {
            continue;
        };
        let known = last.entry((&run.cell, run.seed)).or_default();
        if search.rung >= known.0 {
            *known = (search.rung, record.durations.startup_seconds);
        }
    }
    last.values().map(|(_, seconds)| seconds).sum()
}

fn grid(
    study: &Study,
    unit: Unit,
    space: &Space,
    found: &Found,
    records: &[&RunRecord],
) -> GridCost {
    let seeds = space.seeds.len() as f64;
    let tried: Vec<f64> = found
        .costs
        .iter()
        .copied()
        .filter(|cost| *cost > 0.0)
        .collect();
    let cells = space.cells.len() as f64;
    let mean = tried.iter().sum::<f64>() / (tried.len() as f64).max(1.0);
    let budget = study.goal().budget;
    let most = |at: usize| -> Option<f64> {
        if matches!(
            found.fates[at],
            Fate::Reached | Fate::OverBudget | Fate::Diverged | Fate::Failed
        ) {
            return Some(found.costs[at]);
        }
        let name = &space.names[at];
        let own = records.iter().filter(|run| run.cell == *name);
        let record = own
            .filter_map(|run| run.record.as_ref())
            .max_by_key(|record| record.samples)?;
        let batch = record.regime.step_samples();
        let steps = budget.steps(batch, record.steps_per_epoch);
        let samples = (steps < u64::MAX).then(|| steps as f64 * f64::from(batch));
        let by_samples = samples
            .and_then(|samples| Some(spent(record, unit)? / record.samples as f64 * samples));
        let own_limit = match unit {
            Unit::Seconds => budget.seconds,
            Unit::Joules => budget.joules,
            Unit::Samples | Unit::Flops => None,
        };
        by_samples.into_iter().chain(own_limit).reduce(f64::min)
    };
    let started = |at: &usize| found.costs[*at] > 0.0;
    let bounds: Option<Vec<f64>> = (0..space.cells.len()).filter(started).map(most).collect();
    let at_most = bounds
        .filter(|bounds| !bounds.is_empty())
        .map(|bounds| bounds.iter().sum::<f64>() / bounds.len() as f64 * cells * seeds);
    GridCost {
        runs: space.cells.len() * space.seeds.len(),
        at_least: mean * cells * seeds,
        at_most,
    }
}

/// Where cells are tried one after another, a rung is one row.
fn rows(rungs: &[RungRow], stop: Stop) -> Vec<RungRow> {
    if stop == Stop::Halving {
        return rungs.to_vec();
    }
    let mut rows: Vec<RungRow> = Vec::new();
    for rung in rungs {
        let Some(row) = rows.iter_mut().find(|row| row.rung == rung.rung) else {
            rows.push(RungRow {
                bracket: 1,
                ..rung.clone()
            });
            continue;
        };
        row.cells += rung.cells;
        row.reached += rung.reached;
        row.stopped += rung.stopped;
        row.ended += rung.ended;
        row.spent += rung.spent;
    }
    rows.sort_by_key(|row| row.rung);
    rows
}

/// The runs of a search: of each cell and seed its last rung, under the name that a run of the grid has.
pub fn last_rungs(runs: Vec<RunRecord>) -> Vec<RunRecord> {
    let mut last: Vec<RunRecord> = Vec::new();
    let number = |run: &RunRecord| run.search.map_or(0, |search| search.rung);
    for run in runs {
        let same = |other: &&mut RunRecord| (&other.cell, other.seed) == (&run.cell, run.seed);
        match last.iter_mut().find(same) {
            Some(known) if number(known) < number(&run) => *known = run,
            Some(_) => {}
            None => last.push(run),
        }
    }
    for run in &mut last {
        run.id = format!("{}@{}", run.cell, run.seed);
    }
    last
}
