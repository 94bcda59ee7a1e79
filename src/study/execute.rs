//! Makes the runs of a study, one after another.

use std::time::Duration;

use super::analysis::Analysis;
use super::error::StudyError;
use super::event::StudyEvent;
use super::execution::{Execution, Made, record_bytes};
use super::open::design;
use super::options::StudyOptions;
use super::plan::PlannedRun;
use super::pretraining::{self, Pretrained};
use super::records::records;
use super::run::Purpose;
use super::spec::Study;
use super::store::{Claim, RunId, Store, StoreError};
use crate::device::Gpu;
use crate::train::Init;

/// How often to check the runs of other processes.
pub(super) const POLL: Duration = Duration::from_secs(1);

/// How a call of [`execute`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Every run is done.
    Complete,
    /// [`StudyOptions::stop`] was set.
    Interrupted,
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
    match prepare(gpu, study, options, on_event)? {
        Some(made) => make_all(gpu, study, options, made, store, on_event),
        None => Ok(Completion::Interrupted),
    }
}

/// Makes the pretraining runs, if the study has any; `None` if they were interrupted.
pub(super) fn prepare(
    gpu: &Gpu,
    study: &Study,
    options: &StudyOptions,
    on_event: &mut dyn FnMut(StudyEvent<'_>),
) -> Result<Option<Made>, StudyError> {
    let Some(pretraining) = &study.pretrain else {
        return Ok(Some(Made::Plain));
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
        folder,
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
    Ok(match made {
        Completion::Complete => Some(Made::From(Pretrained::open(&options.folder)?)),
        Completion::Interrupted => None,
    })
}

fn make_all(
    gpu: &Gpu,
    study: &Study,
    options: &StudyOptions,
    made: Made,
    store: Store,
    on_event: &mut dyn FnMut(StudyEvent<'_>),
) -> Result<Completion, StudyError> {
    let mut execution = Execution::new(gpu, study, options, (made, store), on_event)?;
    if study.budget.joules.is_some() && !execution.measured {
        return Err(StudyError::NoJoules);
    }
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
            "runs with fresh seeds need the results of all shards: merge their folders with `wattgrad study merge`, and run the \
             study in the merged folder without --shard"
                .into(),
        ));
        return Ok(first);
    }
    plan.extend(execution.confirmations()?);
    execution.make(&plan)
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

    fn run(
        &mut self,
        run: &PlannedRun,
        claim: &mut Claim,
        order: &[RunId],
    ) -> Result<(), StudyError> {
        let (done, planned) = (self.done(order)?, order.len());
        (self.on_event)(StudyEvent::Started { run, done, planned });
        let record = self.record(run, &run.id, None)?;
        self.save(claim, &record)?;
        let done = self.done(order)?;
        (self.on_event)(StudyEvent::Ended {
            run: &record,
            done,
            planned,
        });
        Ok(())
    }

    /// The runs with fresh seeds of the cells to confirm, once the planned runs are done.
    fn confirmations(&mut self) -> Result<Vec<PlannedRun>, StudyError> {
        let (runs, _) = records(std::slice::from_ref(&self.store))?;
        let analysis = Analysis::new(&design(self.study, &runs), &runs, Vec::new());
        let (cells, reached) = analysis.to_confirm();
        if !reached {
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
}
