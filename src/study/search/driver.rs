//! Runs a search on a device, with the store of studies: every rung is a record, and recorded rungs are not made again.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::budget::{SearchBudget, Unit};
use super::found::{End, Ended, Job, Rung, Train, Until};
use super::policy;
use super::proposer::{Dimension, Space};
use super::result::{Searched, spent};
use super::settings::SearchSettings;
use crate::device::Gpu;
use crate::study::error::StudyError;
use crate::study::event::StudyEvent;
use crate::study::execute::{POLL, prepare};
use crate::study::execution::{Execution, Part, record_bytes};
use crate::study::options::StudyOptions;
use crate::study::records::records;
use crate::study::run::{Outcome, RunRecord, SearchRung};
use crate::study::shard::Shard;
use crate::study::spec::{Cell, Study};
use crate::study::store::{Identity, RunId, Store};
use crate::train::PauseAt;

/// The folder of the checkpoints in that of a search.
const CHECKPOINTS: &str = "checkpoints";

/// Searches the best cell of `study` within `budget`; [`StudyOptions::shard`] limits it to the cells of a shard. A search
/// that was interrupted, killed or given a larger budget continues from its records.
///
/// # Errors
/// As [`execute`](crate::study::execute()), and [`StudyError::NoRungJoules`].
pub fn search(
    gpu: &Gpu,
    study: &Study,
    (budget, settings): (SearchBudget, SearchSettings),
    options: &StudyOptions,
    on_event: &mut dyn FnMut(StudyEvent<'_>),
) -> Result<Searched, StudyError> {
    let space = space(study, options.shard);
    if space.cells.is_empty() {
        return Err(StudyError::EmptyShard);
    }
    let store = Store::create_or_open(&options.folder, &identity(study, budget.unit, settings)?)?;
    // Every cell needs the weights of every seed, whatever its shard.
    let whole = StudyOptions {
        shard: None,
        ..options.clone()
    };
    let Some(made) = prepare(gpu, study, &whole, on_event)? else {
        return Ok(Searched::interrupted(study, budget, settings, &space));
    };
    let execution = Execution::new(gpu, study, options, (made, store), on_event)?;
    if (study.budget.joules.is_some() || budget.unit == Unit::Joules) && !execution.measured {
        return Err(StudyError::NoJoules);
    }
    let mut driver = Driver {
        known: known(&execution.store)?,
        execution,
        unit: budget.unit,
        rungs: HashMap::new(),
        total: 0.0,
    };
    let found = policy::find(&space, &settings, budget.amount, &mut driver)?;
    if found.ended == Some(Ended::Complete) {
        let folder = options.folder.join(CHECKPOINTS);
        // A leftover checkpoint does no harm.
        let _ = fs::remove_dir_all(folder);
    }
    let records: Vec<&RunRecord> = driver.known.values().collect();
    Ok(Searched::new(
        study,
        (budget, settings),
        &space,
        &found,
        &records,
    ))
}

/// What tells the folder of a search from that of the grid and of other searches. The budget may grow.
fn identity(
    study: &Study,
    unit: Unit,
    settings: SearchSettings,
) -> Result<Identity, crate::study::store::StoreError> {
    let mut identity = Identity {
        runs: Vec::new(),
        ..study.identity()?
    };
    identity.meaning["search"] = json!({ "unit": unit, "settings": settings });
    Ok(identity)
}

/// The cells of a study, or of a shard of it.
pub(super) fn space(study: &Study, shard: Option<Shard>) -> Space {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    for axis in &study.axes {
        let zipped = study.zip.iter().find(|group| group.contains(&axis.key));
        let group: Vec<&str> = match zipped {
            Some(group) => group.iter().map(String::as_str).collect(),
            None => vec![axis.key.as_str()],
        };
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let axis = |key: &str| study.axes.iter().find(|axis| axis.key == key);
    let dimensions = groups.iter().filter_map(|group| axis(group[0]));
    let place = |cell: &Cell, group: &[&str]| {
        let value = cell.settings.iter().find(|(key, _)| key == group[0])?;
        // Zipped axes may repeat a value, so all of them decide.
        let rows = axis(group[0])?.values.len();
        let same = |row: &usize| {
            group.iter().all(|key| {
                let own = cell.settings.iter().find(|(name, _)| name == key);
                own.map(|own| &own.1) == axis(key).map(|axis| &axis.values[*row])
            })
        };
        (0..rows)
            .find(same)
            .or_else(|| axis(group[0])?.values.iter().position(|v| *v == value.1))
    };
    let cells = study.cells.iter().enumerate();
    let cells = cells.filter(|(_, cell)| shard.is_none_or(|shard| shard.contains(&cell.id)));
    let cells: Vec<(usize, Vec<usize>)> = cells
        .map(|(at, cell)| {
            let places = groups.iter().map(|group| place(cell, group).unwrap_or(0));
            (at, places.collect())
        })
        .collect();
    Space {
        dimensions: dimensions
            .map(|axis| Dimension {
                values: axis.values.len(),
                ordered: axis.values.iter().all(serde_json::Value::is_number),
            })
            .collect(),
        names: cells
            .iter()
            .map(|(at, _)| study.cells[*at].id.clone())
            .collect(),
        cells,
        seeds: study.seeds.clone(),
        // The confirming runs of a shard would confirm a cell that another shard may beat.
        fresh: match shard {
            Some(_) => Vec::new(),
            None => study.fresh_seeds(study.confirm as usize),
        },
    }
}

/// The records of a folder by name.
fn known(store: &Store) -> Result<HashMap<String, RunRecord>, StudyError> {
    let (runs, _) = records(std::slice::from_ref(store))?;
    let done = runs.into_iter().filter(|run| run.outcome.is_final());
    Ok(done.map(|run| (run.id.clone(), run)).collect())
}

struct Driver<'a> {
    execution: Execution<'a>,
    unit: Unit,
    known: HashMap<String, RunRecord>,
    /// Rungs of each cell and seed so far, and what its run has cost.
    rungs: HashMap<(usize, u32), (u32, f64)>,
    /// What the search has cost so far.
    total: f64,
}

impl Train for Driver<'_> {
    type Error = StudyError;

    fn train(&mut self, job: Job) -> Result<Option<Rung>, StudyError> {
        let study = self.execution.study;
        let run = study.run(job.cell, job.seed, job.purpose);
        let (number, before) = *self.rungs.entry((job.cell, job.seed)).or_default();
        let part = Part {
            rung: SearchRung {
                rung: number,
                until: match job.until {
                    Until::Window => Some(PauseAt::Samples(study.window_samples as f64)),
                    Until::Cost(cost) => Some(self.unit.pause(cost)),
                    Until::End => None,
                },
            },
            checkpoints: self.folder(&run.id),
        };
        let id = format!("{}+r{number}", run.id);
        let recorded = self.known.contains_key(&id);
        if !recorded {
            match self.make(&run, &id, &part)? {
                Some(record) => self.known.insert(id.clone(), record),
                None => return Ok(None),
            };
        }
        let record = &self.known[&id];
        let cost = match &record.record {
            Some(training) => spent(training, self.unit),
            // What a run cost that failed is not known.
            None => Some(before),
        };
        let Some(cost) = cost else {
            let training = record.record.as_ref();
            return Err(StudyError::NoRungJoules {
                run: id,
                seconds: training.map_or(0.0, |record| record.durations.training_seconds),
            });
        };
        self.total += cost - before;
        self.rungs.insert((job.cell, job.seed), (number + 1, cost));
        (self.execution.on_event)(StudyEvent::Rung {
            run: record,
            spent: self.total,
            recorded,
        });
        let training = record.record.as_ref();
        let goal = study.goal();
        Ok(Some(Rung {
            spent: cost,
            value: training.and_then(|record| goal.margin(&record.evaluations)),
            end: match record.outcome {
                Outcome::Reached => End::Reached,
                Outcome::OverBudget => End::OverBudget,
                Outcome::Diverged => End::Diverged,
                Outcome::Failed => End::Failed,
                Outcome::Stopped | Outcome::Interrupted => End::Paused,
            },
            until: match (number, record.search.and_then(|search| search.until)) {
                (0, Some(PauseAt::Samples(_))) if job.until == Until::Window => None,
                (_, until) => until.map(PauseAt::amount),
            },
        }))
    }
}

impl Driver<'_> {
    fn folder(&self, run: &str) -> PathBuf {
        self.execution.options.folder.join(CHECKPOINTS).join(run)
    }

    /// Trains a rung, unless another process makes it; `None` if the user interrupted it.
    fn make(
        &mut self,
        run: &crate::study::PlannedRun,
        id: &str,
        part: &Part,
    ) -> Result<Option<RunRecord>, StudyError> {
        let order = [RunId::new(id)?];
        let mut noted = false;
        while !self.execution.stopped() {
            let lock = match self.execution.options.overlap {
                true => None,
                false => match self.execution.lock()? {
                    None => break,
                    lock => lock,
                },
            };
            let Some(mut claim) = self.execution.store.claim_next(&order)? else {
                drop(lock);
                if self.execution.done(&order)? == 1 {
                    self.known.extend(known(&self.execution.store)?);
                    if let Some(record) = self.known.get(id) {
                        return Ok(Some(record.clone()));
                    }
                }
                if !noted {
                    noted = true;
                    (self.execution.on_event)(StudyEvent::Note(
                        "another process makes this rung; waiting for it".to_owned(),
                    ));
                }
                std::thread::sleep(POLL);
                continue;
            };
            claim.reserve(record_bytes(&self.execution.store, self.execution.study)?)?;
            self.execution.warm_up(run)?;
            let mut record = self.execution.record(run, id, Some(part))?;
            if record.outcome == Outcome::Interrupted && !self.execution.stopped() {
                record.outcome = Outcome::Stopped;
            }
            self.execution.save(&mut claim, &record)?;
            match record.outcome {
                Outcome::Interrupted => break,
                Outcome::Stopped => {}
                // It is not continued. A leftover checkpoint does no harm.
                _ => drop(fs::remove_dir_all(&part.checkpoints)),
            }
            return Ok(Some(record));
        }
        Ok(None)
    }
}
