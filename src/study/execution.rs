//! What every run of a study needs: the device, the records, the data sets and the machine's lock.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::error::StudyError;
use super::event::StudyEvent;
use super::options::StudyOptions;
use super::plan::PlannedRun;
use super::pretraining::{self, Pretrained};
use super::records::records;
use super::run::{Outcome, RunRecord, SCHEMA, SearchRung};
use super::spec::Study;
use super::store::{Claim, HostLock, RunId, Saved, Store, StoreError};
use crate::data::{DataOptions, Dataset};
use crate::device::Gpu;
use crate::energy::{Meter, MeterOptions, Selection, Status};
use crate::train::{
    self, CheckpointEvery, Checkpoints, Init, Observer, Outputs, Regime, TrainError, Trainer,
    metered_device,
};

/// On one machine no two runs of studies are timed or metered at once.
const LOCK: &str = "measured-run";

/// The device works for this long before the first metered run, so that no run is measured on a cold device.
const WARM_UP_SECONDS: f64 = 10.0;

/// Least space reserved for a record: twice that of one with a hundred evaluations.
const RECORD_BYTES: u64 = 256 * 1024;

/// Space for one evaluation, half as much again as it takes, and most space for all of them: few runs make all that
/// their budget allows.
const EVALUATION_BYTES: u64 = 512;
const MOST_EVALUATION_BYTES: u64 = 16 << 20;

/// What runs have to do with initial weights.
pub(super) enum Made {
    Plain,
    /// They start from those of pretraining runs, where their regime says so.
    From(Pretrained),
    /// They are the pretraining runs themselves, of these seeds, and save their weights.
    Weights(Vec<u32>),
}

/// The part of a run that a rung of a search trains.
pub(super) struct Part {
    pub rung: SearchRung,
    /// The folder of the run's checkpoints.
    pub checkpoints: PathBuf,
}

pub(super) struct Execution<'a> {
    pub gpu: &'a Gpu,
    pub study: &'a Study,
    pub options: &'a StudyOptions,
    pub store: Store,
    pub made: Made,
    /// Whether a source measures energy here.
    pub measured: bool,
    warm: bool,
    data: HashMap<(String, DataOptions), Dataset>,
    pub on_event: &'a mut dyn FnMut(StudyEvent<'_>),
}

impl<'a> Execution<'a> {
    /// Opens the meter for a moment, and reads all records: those that cannot be read are reported now, not after hours
    /// of runs.
    pub fn new(
        gpu: &'a Gpu,
        study: &'a Study,
        options: &'a StudyOptions,
        (made, store): (Made, Store),
        on_event: &'a mut dyn FnMut(StudyEvent<'_>),
    ) -> Result<Self, StudyError> {
        records(std::slice::from_ref(&store))?;
        let meter = Meter::open(&options.meter, Some(&metered_device(&gpu.adapter)))
            .map_err(TrainError::from)?;
        let sources = meter.sources();
        let measured = sources
            .iter()
            .any(|source| source.status == Status::Measured);
        Ok(Self {
            gpu,
            study,
            options,
            store,
            made,
            measured,
            warm: false,
            data: HashMap::new(),
            on_event,
        })
    }

    /// Trains a run, or a part of it, and returns its record under the name `id`.
    ///
    /// # Errors
    /// The device is lost: the next run would fail in the same way. Other errors are in the record.
    pub fn record(
        &mut self,
        run: &PlannedRun,
        id: &str,
        part: Option<&Part>,
    ) -> Result<RunRecord, StudyError> {
        let mut record = RunRecord {
            schema: SCHEMA,
            id: id.to_owned(),
            cell: self.study.cells[run.cell].id.clone(),
            seed: run.seed,
            purpose: run.purpose,
            outcome: Outcome::Failed,
            search: part.map(|part| part.rung),
            error: None,
            overlap: self.options.overlap,
            record: None,
        };
        match self.train(run, part) {
            Ok(training) => {
                record.outcome = training.outcome.into();
                record.record = Some(training);
            }
            Err(error @ TrainError::Program(_)) if error.is_lost_device() => {
                return Err(error.into());
            }
            Err(error) => record.error = Some(error.to_string()),
        }
        Ok(record)
    }

    /// Saves the record of a claimed run.
    pub fn save(&mut self, claim: &mut Claim, record: &RunRecord) -> Result<(), StudyError> {
        let saved = claim.save(record).map_err(|source| StudyError::NotSaved {
            run: record.id.clone(),
            source,
        })?;
        if let Saved::Duplicate(path) = saved {
            (self.on_event)(StudyEvent::Note(format!(
                "{} has another record already, which counts; this one is saved as {path:?}",
                record.id
            )));
        }
        Ok(())
    }
}

impl Execution<'_> {
    pub fn stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// The machine's lock; `None` if the study was interrupted while waiting for it.
    pub fn lock(&mut self) -> Result<Option<HostLock>, StudyError> {
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

    /// How many runs of `order` are done.
    pub fn done(&self, order: &[RunId]) -> Result<usize, StudyError> {
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

    fn train(
        &mut self,
        run: &PlannedRun,
        part: Option<&Part>,
    ) -> Result<train::Record, TrainError> {
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
        if let Some(part) = part {
            trainer = trainer.checkpoints(Checkpoints {
                every: CheckpointEvery::default(),
                resume: true,
                ..Checkpoints::new(&part.checkpoints)
            });
            if let Some(pause) = part.rung.until {
                trainer = trainer.pause_at(pause);
            }
        }
        Ok(trainer.run(&mut Forward(&mut *self.on_event))?.record)
    }

    /// Trains for a while without a meter and discards the weights: where joules are measured, no run is to be the one
    /// that warms the device up.
    pub fn warm_up(&mut self, run: &PlannedRun) -> Result<(), StudyError> {
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

    fn regime(&self, run: &PlannedRun) -> Regime {
        Regime {
            seed: run.seed,
            ..self.study.cells[run.cell].regime.clone()
        }
    }
}

/// Space to reserve for the next record: for the evaluations that its budget allows, or twice the longest record so far.
pub(super) fn record_bytes(store: &Store, study: &Study) -> Result<u64, StoreError> {
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
    use crate::study::run::Purpose;

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
            search: None,
            error: Some("x".repeat(400_000)),
            overlap: false,
            record: None,
        };
        claim.save(&record).unwrap();
        assert!((800_000..810_000).contains(&bytes(&study)));
    }
}
