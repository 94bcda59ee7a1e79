//! Makes the runs of a study, one after another, until none is left to make.

mod keep;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::keep::Patience;
use super::analysis::Analysis;
use super::error::StudyError;
use super::open::{design, records};
use super::plan::PlannedRun;
use super::run::{Outcome, Purpose, RunRecord, SCHEMA};
use super::spec::Study;
use super::store::{Claim, HostLock, Identity, Kept, LeaseTimes, RunId, Runner, StoreError};
use crate::data::Dataset;
use crate::device::Gpu;
use crate::energy::{Meter, MeterOptions, Status};
use crate::train::{self, Goal, Observer, Regime, TrainError, Trainer, target};

/// Kind of the host's lock: on one host no two runs of studies are timed or metered at once.
const LOCK: &str = "measured-run";

/// For so many seconds the device works before the first metered run, so that none is metered cold.
const WARM_UP_SECONDS: f64 = 10.0;

/// How often it is looked at what others have made or left.
const OTHERS: Duration = Duration::from_secs(1);

/// Something that happened in a study.
#[derive(Debug)]
#[non_exhaustive]
pub enum StudyEvent<'a> {
    /// Another process of this host makes a run; its id where it is known.
    Waiting(Option<u32>),
    /// The device is warmed up before the first metered run.
    WarmingUp,
    /// A run begins, after `done` of `planned`.
    Begun {
        /// The run.
        run: &'a PlannedRun,
        /// Runs that are done.
        done: usize,
        /// Runs that there are.
        planned: usize,
    },
    /// Something happened in the run.
    Training(&'a train::Event),
    /// The run is over and kept.
    Ended {
        /// What it came to.
        run: &'a RunRecord,
        /// Runs that are done.
        done: usize,
        /// Runs that there are.
        planned: usize,
    },
    /// One sentence worth knowing.
    Note(String),
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Every run is done.
    Complete,
    /// It was stopped from outside.
    Interrupted,
}

/// How a study is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The study's folder.
    pub folder: PathBuf,
    /// What runs are metered with.
    pub meter: MeterOptions,
    /// Does not wait for other runs of this host; time and joules are then not ranked.
    pub overlap: bool,
    /// When leases are renewed and expire.
    pub lease: LeaseTimes,
    /// Ends the run in hand, as interrupted, and the study soon after it is set.
    pub stop: Arc<AtomicBool>,
}

/// Makes the runs of `study` that its folder does not hold yet.
///
/// # Errors
/// [`StudyError`]: a folder of another study, a budget in joules where none are measured, a device that is lost, a record
/// that cannot be written. A run that fails for a reason of its own (data that do not fit, too little memory) is kept as
/// failed, and the study goes on.
pub fn execute(
    gpu: &Gpu,
    study: &Study,
    options: &Options,
    tell: &mut dyn FnMut(StudyEvent<'_>),
) -> Result<Finished, StudyError> {
    let runner = Runner::create_or_open(&options.folder, &identity(study)?, &options.lease)?;
    // What the end could not read is refused before hours are spent on more of it.
    records(&runner)?;
    let meter =
        Meter::open(&options.meter, Some(&target(&gpu.adapter))).map_err(TrainError::from)?;
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
        runner,
        measured,
        warm: false,
        data: HashMap::new(),
        tell,
    };
    let mut plan = study.plan();
    loop {
        let finished = execution.make(&plan)?;
        if finished != Finished::Complete {
            return Ok(finished);
        }
        let more = execution.confirmations(&plan)?;
        if more.is_empty() {
            return Ok(Finished::Complete);
        }
        plan.extend(more);
    }
}

struct Execution<'a> {
    gpu: &'a Gpu,
    study: &'a Study,
    options: &'a Options,
    runner: Runner,
    measured: bool,
    warm: bool,
    data: HashMap<String, Dataset>,
    tell: &'a mut dyn FnMut(StudyEvent<'_>),
}

impl Execution<'_> {
    /// Makes every run of `plan` that nobody made or makes.
    fn make(&mut self, plan: &[PlannedRun]) -> Result<Finished, StudyError> {
        let order: Vec<RunId> = plan
            .iter()
            .map(|run| RunId::new(&run.id))
            .collect::<Result<_, _>>()?;
        let mut told = false;
        loop {
            if self.stopped() {
                return Ok(Finished::Interrupted);
            }
            let lock = match self.options.overlap {
                true => None,
                false => match self.lock()? {
                    Some(lock) => Some(lock),
                    None => return Ok(Finished::Interrupted),
                },
            };
            let Some(mut claim) = self.runner.claim_next(&order)? else {
                drop(lock);
                let done = self.runner.done()?;
                if order.iter().all(|run| done.contains(run)) {
                    return Ok(Finished::Complete);
                }
                if !told {
                    told = true;
                    (self.tell)(StudyEvent::Note(
                        "other processes make what is left; what they leave undone is taken over"
                            .to_owned(),
                    ));
                }
                std::thread::sleep(OTHERS);
                continue;
            };
            let at = order.iter().position(|id| id == claim.run());
            let Some(run) = at.map(|at| &plan[at]) else {
                continue;
            };
            // Where there is no room for the record of a run, none is begun.
            claim.reserve(keep::room(&self.runner, self.study)?)?;
            self.warm_up(run)?;
            self.one(run, &mut claim, lock, plan.len())?;
        }
    }

    fn stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    fn lock(&mut self) -> Result<Option<HostLock>, StudyError> {
        let mut told = false;
        let (tell, stop) = (&mut *self.tell, &self.options.stop);
        Ok(HostLock::wait(LOCK, |holder| {
            if !told {
                tell(StudyEvent::Waiting(holder));
                told = true;
            }
            !stop.load(Ordering::Relaxed)
        })?)
    }

    fn one(
        &mut self,
        run: &PlannedRun,
        claim: &mut Claim,
        lock: Option<HostLock>,
        planned: usize,
    ) -> Result<(), StudyError> {
        let done = self.done()?;
        (self.tell)(StudyEvent::Begun { run, done, planned });
        let regime = self.regime(run);
        let trained = self.train(regime, self.study.goal());
        let mut kept = RunRecord {
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
        match trained {
            Ok(record) => {
                kept.outcome = record.outcome.into();
                kept.record = Some(record);
            }
            // The next run would meet the same.
            Err(error @ TrainError::Program(_)) if error.is_lost_device() => {
                return Err(error.into());
            }
            Err(error) => kept.error = Some(error.to_string()),
        }
        let place = self.keep(claim, &kept, lock)?;
        if let Kept::Duplicate(path) = place {
            (self.tell)(StudyEvent::Note(format!(
                "another process made {} meanwhile; its record counts, and this one is kept as {path:?}",
                run.id
            )));
        }
        let done = self.done()?;
        (self.tell)(StudyEvent::Ended {
            run: &kept,
            done,
            planned,
        });
        Ok(())
    }

    /// Keeps the record of a run; the host is free for others while it cannot be written.
    fn keep(
        &mut self,
        claim: &mut Claim,
        run: &RunRecord,
        lock: Option<HostLock>,
    ) -> Result<Kept, StudyError> {
        let outcome = run.outcome.name();
        let patience = Patience::new(&self.options.stop);
        let (tell, folder) = (&mut *self.tell, &self.options.folder);
        let waiting = |error: &StoreError| {
            drop(lock);
            tell(StudyEvent::Note(patience.told(&run.id, folder, error)));
        };
        let kept = match run.outcome {
            Outcome::Interrupted => claim.set_aside(outcome, run),
            _ => patience.keep(|| claim.finish(outcome, run), waiting),
        };
        kept.map_err(|error| match claim.kept() {
            // Only the journal's line is missing, which the next runner writes.
            Some(_) => error.into(),
            None => StudyError::NotKept {
                run: run.id.clone(),
                source: error,
            },
        })
    }

    fn done(&self) -> Result<usize, StudyError> {
        Ok(self.runner.done()?.len())
    }

    fn data(&mut self, regime: &Regime) -> Result<Dataset, TrainError> {
        if let Some(data) = self.data.get(&regime.data) {
            return Ok(data.clone());
        }
        let data = regime.open_data()?;
        self.data.insert(regime.data.clone(), data.clone());
        Ok(data)
    }

    fn train(&mut self, regime: Regime, goal: Goal) -> Result<train::Record, TrainError> {
        let data = self.data(&regime)?;
        let trainer = Trainer::new(self.gpu, regime)?
            .data(data)
            .meter(self.options.meter.clone())
            .goal(goal)
            .stop(Arc::clone(&self.options.stop));
        let mut observer = Told(&mut *self.tell);
        Ok(trainer.run(&mut observer)?.record)
    }

    /// Trains for a while without a meter and throws the weights away: where joules are measured, no run is to be the one
    /// that warms the device.
    fn warm_up(&mut self, run: &PlannedRun) -> Result<(), StudyError> {
        if self.warm || !self.measured {
            return Ok(());
        }
        self.warm = true;
        (self.tell)(StudyEvent::WarmingUp);
        let regime = self.regime(run);
        let mut goal = self.study.goal();
        goal.target.thresholds.clear();
        goal.budget.seconds = Some(WARM_UP_SECONDS);
        let data = self.data(&regime)?;
        Trainer::new(self.gpu, regime)?
            .data(data)
            .meter(MeterOptions {
                selection: crate::energy::Selection::None,
                ..MeterOptions::default()
            })
            .goal(goal)
            .stop(Arc::clone(&self.options.stop))
            .run(&mut train::Silent)?;
        Ok(())
    }

    /// The runs with fresh seeds of best, worst and reference cell that `plan`, whose runs are all done, does not hold.
    fn confirmations(&mut self, plan: &[PlannedRun]) -> Result<Vec<PlannedRun>, StudyError> {
        if self.study.confirm == 0 || plan.iter().any(|run| run.purpose == Purpose::Confirm) {
            return Ok(Vec::new());
        }
        let runs = records(&self.runner)?;
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
            (self.tell)(StudyEvent::Note(format!("no run arrived, so {rest}")));
        }
        // A block of each seed, as in the study itself.
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

/// The study as its folder knows it.
fn identity(study: &Study) -> Result<Identity, StudyError> {
    let runs = study
        .plan()
        .iter()
        .map(|run| RunId::new(&run.id))
        .collect::<Result<_, _>>()?;
    Ok(Identity {
        name: study.name.clone(),
        meaning: study.meaning(),
        text: study.text.clone(),
        runs,
    })
}

/// Passes on what a trainer tells.
struct Told<'a>(&'a mut dyn FnMut(StudyEvent<'_>));

impl Observer for Told<'_> {
    fn event(&mut self, event: &train::Event) {
        (self.0)(StudyEvent::Training(event));
    }
}
