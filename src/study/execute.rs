//! Makes the runs of a study, one after another.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::analysis::Analysis;
use super::error::StudyError;
use super::open::{design, records};
use super::plan::PlannedRun;
use super::pretraining::{self, Pretrained};
use super::run::{Outcome, Purpose, RunRecord, SCHEMA};
use super::shard::Shard;
use super::spec::Study;
use super::store::{Claim, HostLock, RunId, Saved, Store, StoreError};
use crate::data::{DataOptions, Dataset};
use crate::device::Gpu;
use crate::energy::{Meter, MeterOptions, Selection, Status};
use crate::train::{self, Init, Observer, Outputs, Regime, TrainError, Trainer, metered_device};

/// On one machine no two runs of studies are timed or metered at once.
const LOCK: &str = "measured-run";

/// The device works for this long before the first metered run, so that no run is measured on a cold device.
const WARM_UP_SECONDS: f64 = 10.0;

/// How often to check the runs of other processes.
const POLL: Duration = Duration::from_secs(1);

/// Least space reserved for a record: twice that of one with a hundred evaluations.
const RECORD_BYTES: u64 = 256 * 1024;

/// Space for one evaluation, half as much again as it takes, and most space for all of them: few runs make all that
/// their budget allows.
const EVALUATION_BYTES: u64 = 512;
const MOST_EVALUATION_BYTES: u64 = 16 << 20;

/// Something that happened in a study.
#[derive(Debug)]
#[non_exhaustive]
pub enum StudyEvent<'a> {
    /// Another process of this machine makes a run; its id if known.
    Waiting(Option<u32>),
    /// The device is warmed up before the first metered run.
    WarmingUp,
    /// A run starts; `done` of `planned` runs are done.
    Started {
        run: &'a PlannedRun,
        done: usize,
        planned: usize,
    },
    /// Something happened in the run.
    Training(&'a train::Event),
    /// The run ended and its record is saved.
    Ended {
        run: &'a RunRecord,
        done: usize,
        planned: usize,
    },
    Note(String),
}

/// How a call of [`execute`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Every run is done.
    Complete,
    /// [`StudyOptions::stop`] was set.
    Interrupted,
}

#[derive(Clone, Debug, Default)]
pub struct StudyOptions {
    /// The study's folder.
    pub folder: PathBuf,
    pub meter: MeterOptions,
    /// Do not wait for other runs of this machine; time and joules are then not ranked.
    pub overlap: bool,
    /// Make only the runs of this shard.
    pub shard: Option<Shard>,
    /// Once set, ends the current run, as interrupted, and the study.
    pub stop: Arc<AtomicBool>,
}

/// Makes the runs of `study` that its folder does not contain yet. A run that fails for a reason of its own (data that do
/// not fit, too little memory) is recorded as failed, and the study continues.
///
/// # Errors
/// [`StudyError`]: a folder of another study, a budget in joules where none are measured, a lost device, a record that
/// cannot be saved.
pub fn execute(
    gpu: &Gpu,
    study: &Study,
    options: &StudyOptions,
    on_event: &mut dyn FnMut(StudyEvent<'_>),
) -> Result<Completion, StudyError> {
    let store = Store::create_or_open(&options.folder, &study.identity()?)?;
    let Some(pretraining) = &study.pretrain else {
        return make_all(gpu, study, options, Made::Plain, store, on_event);
    };
    let folder = options.folder.join(pretraining::FOLDER);
    let first = Store::create_or_open(&folder, &pretraining.identity()?)?;
    let weights = pretraining::weights_file(&folder, "");
    let weights = weights.parent().unwrap_or(&folder);
    std::fs::create_dir_all(weights).map_err(StoreError::io("create", weights))?;
    // A shard needs the runs of its own seeds only.
    let uses = |run: &&PlannedRun| {
        study.cells[run.cell].regime.init == Some(Init::Pretrained)
            && options.shard.is_none_or(|shard| shard.contains(&run.id))
    };
    let seeds = match options.shard {
        Some(_) => study
            .plan()
            .iter()
            .filter(uses)
            .map(|run| run.seed)
            .collect(),
        None => pretraining.seeds.clone(),
    };
    let runs = pretraining.plan().len();
    if first.done()?.len() < runs {
        on_event(StudyEvent::Note(format!(
            "{runs} pretraining runs come first, one per seed; their records and weights are in {folder:?}"
        )));
    }
    let own = StudyOptions {
        folder: folder.clone(),
        shard: None,
        ..options.clone()
    };
    let made = make_all(
        gpu,
        pretraining,
        &own,
        Made::Weights(seeds),
        first,
        on_event,
    )?;
    if made == Completion::Interrupted {
        return Ok(made);
    }
    let pretrained = Pretrained::open(&options.folder)?;
    make_all(gpu, study, options, Made::From(pretrained), store, on_event)
}

/// What runs have to do with initial weights.
enum Made {
    Plain,
    /// They start from those of pretraining runs, where their regime says so.
    From(Pretrained),
    /// They are the pretraining runs themselves, of these seeds, and save their weights.
    Weights(Vec<u32>),
}

fn make_all(
    gpu: &Gpu,
    study: &Study,
    options: &StudyOptions,
    made: Made,
    store: Store,
    on_event: &mut dyn FnMut(StudyEvent<'_>),
) -> Result<Completion, StudyError> {
    // Records that cannot be read are reported now, not after hours of runs.
    records(std::slice::from_ref(&store))?;
    let meter = Meter::open(&options.meter, Some(&metered_device(&gpu.adapter)))
        .map_err(TrainError::from)?;
    let measured = meter
        .sources()
        .iter()
        .any(|source| source.status == Status::Measured);
    drop(meter);
    if study.budget.joules.is_some() && !measured {
        return Err(StudyError::NoJoules);
    }
    let mut execution = Execution {
        gpu,
        study,
        options,
        store,
        made,
        measured,
        warm: false,
        data: HashMap::new(),
        on_event,
    };
    let mut plan = study.plan();
    if let Some(shard) = options.shard {
        plan.retain(|run| shard.contains(&run.id));
    }
    if let Made::Weights(seeds) = &execution.made {
        plan.retain(|run| seeds.contains(&run.seed));
    }
    let first = execution.make(&plan)?;
    if first == Completion::Interrupted || study.confirm == 0 {
        return Ok(first);
    }
    if options.shard.is_some() {
        (execution.on_event)(StudyEvent::Note(
            "runs with fresh seeds need the results of all shards: copy runs/ of all folders into one, and run the study \
             there without --shard"
                .into(),
        ));
        return Ok(first);
    }
    plan.extend(execution.confirmations()?);
    execution.make(&plan)
}

struct Execution<'a> {
    gpu: &'a Gpu,
    study: &'a Study,
    options: &'a StudyOptions,
    store: Store,
    made: Made,
    measured: bool,
    warm: bool,
    data: HashMap<(String, DataOptions), Dataset>,
    on_event: &'a mut dyn FnMut(StudyEvent<'_>),
}

impl Execution<'_> {
    /// Makes every run of `plan` that no process has made or is making.
    fn make(&mut self, plan: &[PlannedRun]) -> Result<Completion, StudyError> {
        let order: Vec<RunId> = plan
            .iter()
            .map(|run| RunId::new(&run.id))
            .collect::<Result<_, _>>()?;
        let mut noted = false;
        while !self.stopped() {
            let lock = match self.options.overlap {
                true => None,
                false => match self.lock()? {
                    None => break,
                    lock => lock,
                },
            };
            let Some(mut claim) = self.store.claim_next(&order)? else {
                drop(lock);
                if self.done(&order)? == order.len() {
                    return Ok(Completion::Complete);
                }
                if !noted {
                    noted = true;
                    (self.on_event)(StudyEvent::Note(
                        "other processes make the remaining runs; waiting for them".to_owned(),
                    ));
                }
                std::thread::sleep(POLL);
                continue;
            };
            let at = order.iter().position(|id| id == claim.run());
            let Some(run) = at.map(|at| &plan[at]) else {
                continue;
            };
            // No run starts without space for its record.
            claim.reserve(record_bytes(&self.store, self.study)?)?;
            self.warm_up(run)?;
            self.run(run, &mut claim, &order)?;
        }
        Ok(Completion::Interrupted)
    }

    fn stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// The machine's lock; `None` if the study was interrupted while waiting for it.
    fn lock(&mut self) -> Result<Option<HostLock>, StudyError> {
        let mut noted = false;
        let (on_event, stop) = (&mut *self.on_event, &self.options.stop);
        Ok(HostLock::wait(LOCK, |holder| {
            if !noted {
                on_event(StudyEvent::Waiting(holder));
                noted = true;
            }
            !stop.load(Ordering::Relaxed)
        })?)
    }

    fn run(
        &mut self,
        run: &PlannedRun,
        claim: &mut Claim,
        order: &[RunId],
    ) -> Result<(), StudyError> {
        let (done, planned) = (self.done(order)?, order.len());
        (self.on_event)(StudyEvent::Started { run, done, planned });
        let mut record = RunRecord {
            schema: SCHEMA,
            id: run.id.clone(),
            cell: self.study.cells[run.cell].id.clone(),
            seed: run.seed,
            purpose: run.purpose,
            outcome: Outcome::Failed,
            error: None,
            overlap: self.options.overlap,
            record: None,
        };
        match self.train(run) {
            Ok(training) => {
                record.outcome = training.outcome.into();
                record.record = Some(training);
            }
            // The next run would fail in the same way.
            Err(error @ TrainError::Program(_)) if error.is_lost_device() => {
                return Err(error.into());
            }
            Err(error) => record.error = Some(error.to_string()),
        }
        let saved = claim.save(&record).map_err(|source| StudyError::NotSaved {
            run: run.id.clone(),
            source,
        })?;
        if let Saved::Duplicate(path) = saved {
            (self.on_event)(StudyEvent::Note(format!(
                "{} has another record already, which counts; this one is saved as {path:?}",
                run.id
            )));
        }
        let done = self.done(order)?;
        (self.on_event)(StudyEvent::Ended {
            run: &record,
            done,
            planned,
        });
        Ok(())
    }

    /// How many runs of `order` are done.
    fn done(&self, order: &[RunId]) -> Result<usize, StudyError> {
        let done = self.store.done()?;
        Ok(order.iter().filter(|run| done.contains(run)).count())
    }

    fn data(&mut self, regime: &Regime) -> Result<Dataset, TrainError> {
        let key = (regime.data.clone(), regime.data_options());
        let whole = match self.data.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(regime.read_whole(&mut |_| ())?),
        };
        regime.select(whole.clone())
    }

    fn train(&mut self, run: &PlannedRun) -> Result<train::Record, TrainError> {
        let regime = self.regime(run);
        let data = self.data(&regime)?;
        let weights = match &self.made {
            Made::From(pretrained) if regime.init == Some(Init::Pretrained) => {
                Some(pretrained.weights(&regime, &data)?)
            }
            _ => None,
        };
        let outputs = match &self.made {
            Made::Weights(_) => Outputs {
                weights: Some(pretraining::weights_file(&self.options.folder, &run.id)),
                ..Outputs::default()
            },
            _ => Outputs::default(),
        };
        let mut trainer = Trainer::new(self.gpu, regime)?
            .data(data)
            .meter(self.options.meter.clone())
            .goal(self.study.goal())
            .outputs(outputs)
            .stop(Arc::clone(&self.options.stop));
        if let Some(found) = weights {
            trainer = trainer.weights(found.weights, found.origin);
        }
        Ok(trainer.run(&mut Forward(&mut *self.on_event))?.record)
    }

    /// Trains for a while without a meter and discards the weights: where joules are measured, no run is to be the one
    /// that warms the device up.
    fn warm_up(&mut self, run: &PlannedRun) -> Result<(), StudyError> {
        if self.warm || !self.measured {
            return Ok(());
        }
        self.warm = true;
        (self.on_event)(StudyEvent::WarmingUp);
        let regime = Regime {
            init: None,
            ..self.regime(run)
        };
        let mut goal = self.study.goal();
        goal.target.thresholds.clear();
        goal.budget.seconds = Some(WARM_UP_SECONDS);
        let data = self.data(&regime)?;
        Trainer::new(self.gpu, regime)?
            .data(data)
            .meter(MeterOptions {
                selection: Selection::None,
                ..MeterOptions::default()
            })
            .goal(goal)
            .stop(Arc::clone(&self.options.stop))
            .run(&mut train::NoObserver)?;
        Ok(())
    }

    /// The runs with fresh seeds of the best, worst and reference cell, once the planned runs are done.
    fn confirmations(&mut self) -> Result<Vec<PlannedRun>, StudyError> {
        let (runs, _) = records(std::slice::from_ref(&self.store))?;
        let analysis = Analysis::new(&design(self.study, &runs), &runs, Vec::new());
        let reference = self.study.reference;
        let cells = analysis.headline().map_or_else(
            || reference.into_iter().collect(),
            |cost| cost.to_confirm(reference),
        );
        if analysis.headline().is_none_or(|cost| cost.best.is_none()) {
            let rest = match cells.is_empty() {
                true => "nothing is run again with fresh seeds",
                false => "only the reference cell is run again with fresh seeds",
            };
            (self.on_event)(StudyEvent::Note(format!(
                "no run reached the target, so {rest}"
            )));
        }
        // One block per seed, as in the study itself.
        let seeds = self.study.fresh_seeds(self.study.confirm as usize);
        let block = |seed: u32| cells.iter().map(move |cell| (*cell, seed));
        let runs = seeds.into_iter().flat_map(block);
        Ok(runs
            .map(|(cell, seed)| self.study.run(cell, seed, Purpose::Confirm))
            .collect())
    }

    fn regime(&self, run: &PlannedRun) -> Regime {
        Regime {
            seed: run.seed,
            ..self.study.cells[run.cell].regime.clone()
        }
    }
}

/// Space to reserve for the next record: for the evaluations that its budget allows, or twice the longest record so far.
fn record_bytes(store: &Store, study: &Study) -> Result<u64, StoreError> {
    let evaluations = study.budget.samples.unwrap_or(0) / study.every_samples.max(1);
    let expected = evaluations
        .saturating_mul(EVALUATION_BYTES)
        .min(MOST_EVALUATION_BYTES);
    Ok((RECORD_BYTES + expected).max(store.longest()?.saturating_mul(2)))
}

struct Forward<'a>(&'a mut dyn FnMut(StudyEvent<'_>));

impl Observer for Forward<'_> {
    fn event(&mut self, event: &train::Event) {
        (self.0)(StudyEvent::Training(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_space_follows_the_budget_and_the_longest_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut study = Study::parse("study.toml", crate::study::TEMPLATE).unwrap();
        let (samples, every) = (study.budget.samples.unwrap(), study.every_samples);
        let identity = study.identity().unwrap();
        let store = Store::create_or_open(folder.path(), &identity).unwrap();
        let bytes = |study: &Study| record_bytes(&store, study).unwrap();
        assert_eq!(
            bytes(&study),
            RECORD_BYTES + samples / every * EVALUATION_BYTES
        );
        study.budget.samples = Some(u64::MAX);
        assert_eq!(bytes(&study), RECORD_BYTES + MOST_EVALUATION_BYTES);
        study.budget.samples = None;
        assert_eq!(bytes(&study), RECORD_BYTES);
        let mut claim = store.claim_next(&identity.runs).unwrap().unwrap();
        let record = RunRecord {
            schema: SCHEMA,
            id: claim.run().to_string(),
            cell: String::new(),
            seed: 1,
            purpose: Purpose::Main,
            outcome: Outcome::Failed,
            error: Some("x".repeat(400_000)),
            overlap: false,
            record: None,
        };
        claim.save(&record).unwrap();
        assert!((800_000..810_000).contains(&bytes(&study)));
    }
}
