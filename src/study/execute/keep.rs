//! Keeps the record of a run that is over, though the disk may be full or gone just then: it may have cost hours.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::study::spec::Study;
use crate::study::store::{Runner, StoreError};

/// Room that is reserved for a record at least: twice that of one with a hundred evaluations.
const LEAST: u64 = 256 * 1024;

/// Room for one evaluation, half as much again as it takes.
const EVALUATION: u64 = 512;

/// What is reserved for evaluations at most; few runs make all that their budget allows.
const EVALUATIONS: u64 = 16 << 20;

/// Room to reserve for the next record: what the evaluations of its budget may take, or twice the longest that is there.
pub(super) fn room(runner: &Runner, study: &Study) -> Result<u64, StoreError> {
    let samples = study.budget.samples.unwrap_or(0);
    let evaluations = samples / study.every_samples.max(1);
    let expected = LEAST + evaluations.saturating_mul(EVALUATION).min(EVALUATIONS);
    Ok(expected.max(runner.longest()?.saturating_mul(2)))
}

/// How long it is tried to keep a record.
pub(super) struct Patience<'a> {
    /// From the first trial to the last.
    pub(super) whole: Duration,
    /// From one trial to the next.
    pub(super) pause: Duration,
    /// Ends it at once when it is set.
    pub(super) stop: &'a AtomicBool,
}

/// How often a stop is looked for.
const GLANCE: Duration = Duration::from_millis(100);

impl<'a> Patience<'a> {
    /// Ten minutes, a trial a second: a person who reads of it can make room.
    pub(super) fn new(stop: &'a AtomicBool) -> Self {
        Self {
            whole: Duration::from_secs(600),
            pause: Duration::from_secs(1),
            stop,
        }
    }

    /// Calls `keep` until it succeeds, and `waiting` with the error of the first failure that another trial may mend.
    ///
    /// # Errors
    /// The last one of `keep`.
    pub(super) fn keep<T>(
        &self,
        mut keep: impl FnMut() -> Result<T, StoreError>,
        waiting: impl FnOnce(&StoreError),
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let mut waiting = Some(waiting);
        loop {
            let error = match keep() {
                Err(error @ (StoreError::Io { .. } | StoreError::NoLinks { .. })) => error,
                other => return other,
            };
            let tried = Instant::now();
            while tried.elapsed() < self.pause {
                if self.stop.load(Ordering::Relaxed) || began.elapsed() >= self.whole {
                    return Err(error);
                }
                if let Some(waiting) = waiting.take() {
                    waiting(&error);
                }
                thread::sleep(GLANCE.min(self.pause));
            }
        }
    }

    /// What a person can do meanwhile, in one sentence.
    pub(super) fn told(&self, run: &str, folder: &Path, error: &StoreError) -> String {
        let why = match error {
            StoreError::Io { source, .. } | StoreError::NoLinks { source, .. } => {
                source.to_string()
            }
            other => other.to_string(),
        };
        let remedy = match error.is_full() {
            true => "make room there",
            false => "put that right",
        };
        format!(
            "{run} is over and its record cannot be written to {folder:?} yet ({why}): {remedy} within {} min and nothing \
             of it is lost; an interrupt gives it up",
            self.whole.as_secs().div_ceil(60)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{self, ErrorKind};

    use super::*;
    use crate::study::TEMPLATE;
    use crate::study::store::LeaseTimes;

    #[test]
    fn room_follows_the_budget_and_the_longest_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut study = Study::parse("study.toml", TEMPLATE).unwrap();
        let (samples, every) = (study.budget.samples.unwrap(), study.every_samples);
        let identity = crate::study::execute::identity(&study).unwrap();
        let runner =
            Runner::create_or_open(folder.path(), &identity, &LeaseTimes::default()).unwrap();
        let room_now = |study: &Study| room(&runner, study).unwrap();
        assert_eq!(room_now(&study), LEAST + samples / every * EVALUATION);
        study.budget.samples = Some(u64::MAX);
        assert_eq!(room_now(&study), LEAST + EVALUATIONS);
        study.budget.samples = None;
        assert_eq!(room_now(&study), LEAST);
        let mut claim = runner.claim_next(&identity.runs).unwrap().unwrap();
        claim.finish("reached", &"x".repeat(400_000)).unwrap();
        assert!((800_000..810_000).contains(&room_now(&study)));
    }

    fn full() -> StoreError {
        StoreError::Io {
            doing: "write",
            path: "runs/r.json".into(),
            source: io::Error::from(ErrorKind::StorageFull),
        }
    }

    fn patience(stop: &AtomicBool, whole: u64) -> Patience<'_> {
        Patience {
            whole: Duration::from_millis(whole),
            pause: Duration::from_millis(1),
            stop,
        }
    }

    #[test]
    fn a_record_is_tried_again_and_that_is_told_once() {
        let stop = AtomicBool::new(false);
        let (mut trials, told) = (0, Cell::new(0));
        let kept = patience(&stop, 3_600_000).keep(
            || {
                trials += 1;
                if trials < 5 { Err(full()) } else { Ok("kept") }
            },
            |_| told.set(told.get() + 1),
        );
        assert_eq!(kept.unwrap(), "kept");
        assert_eq!((trials, told.get()), (5, 1));
    }

    #[test]
    fn patience_ends_by_its_bound_and_by_a_stop() {
        let stop = AtomicBool::new(false);
        let mut trials = 0;
        let mut keep = || -> Result<(), _> {
            trials += 1;
            Err(full())
        };
        let began = Instant::now();
        let error = patience(&stop, 50).keep(&mut keep, |_| {}).unwrap_err();
        assert!(error.is_full() && began.elapsed() >= Duration::from_millis(50));
        assert!(trials > 1, "{trials}");

        trials = 0;
        let whole = 3_600_000;
        let mut keep = || -> Result<(), _> {
            trials += 1;
            stop.store(trials == 3, Ordering::Relaxed);
            Err(full())
        };
        assert!(patience(&stop, whole).keep(&mut keep, |_| {}).is_err());
        assert_eq!(trials, 3);
    }

    #[test]
    fn what_no_waiting_mends_is_told_at_once() {
        let stop = AtomicBool::new(false);
        let encode = || -> Result<(), _> {
            Err(StoreError::Encode {
                run: "r".to_owned(),
                detail: "a bug".to_owned(),
            })
        };
        let kept = patience(&stop, 3_600_000).keep(encode, |_| panic!("waits"));
        assert!(matches!(kept, Err(StoreError::Encode { .. })));
    }
}
