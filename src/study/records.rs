//! The records of the runs of a study, merged from its folders.

use std::collections::{HashMap, HashSet};

use super::run::{Outcome, RunRecord};
use super::store::{RunId, Runs, Store, StoreError};

/// The record of every run of some folders of one study, and a note for each run that two folders record differently: of
/// these the first counts. Records that were changed since they were written are left out.
pub(super) fn records(stores: &[Store]) -> Result<(Vec<RunRecord>, Vec<String>), StoreError> {
    let read = stores.iter().map(Store::runs).collect::<Result<_, _>>()?;
    merge(stores, read)
}

/// The same for records that are already read.
pub(super) fn merge(
    stores: &[Store],
    read: Vec<Runs>,
) -> Result<(Vec<RunRecord>, Vec<String>), StoreError> {
    let mut runs: Vec<(RunRecord, &Store)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut notes = Vec::new();
    for (store, read) in stores.iter().zip(read) {
        for run in &read.altered {
            notes.push(format!(
                "{:?} was changed after its run ended and is left out: restore it from a copy, or delete it and run the \
                 study again",
                store.path(run)
            ));
        }
        for (run, detail) in &read.damaged {
            notes.push(format!(
                "{:?} is damaged ({detail}): `wattgrad study run` moves it to damaged/ and makes the run again",
                store.path(run)
            ));
        }
        let altered: HashSet<&str> = read.altered.iter().map(RunId::as_str).collect();
        for record in read.records {
            if altered.contains(record.id.as_str()) {
                continue;
            }
            let Some(at) = places.get(&record.id) else {
                places.insert(record.id.clone(), runs.len());
                runs.push((record, store));
                continue;
            };
            let (known, first) = &runs[*at];
            if *known != record {
                let path = |folder: &Store| {
                    let file = format!("runs/{}.json", record.id);
                    folder.folder().join(file)
                };
                notes.push(format!(
                    "{:?} and {:?} are different records of one run: the first counts",
                    path(first),
                    path(store)
                ));
            }
        }
    }
    if let [first, _, ..] = stores {
        let planned = first.manifest().study.runs.iter();
        let places: HashMap<&str, usize> = planned.map(RunId::as_str).zip(0..).collect();
        runs.sort_by_cached_key(|(run, _)| {
            let place = places.get(run.id.as_str()).copied();
            let unplanned = place.is_none().then(|| run.id.clone());
            (place.unwrap_or(usize::MAX), unplanned)
        });
    }
    let mut runs: Vec<RunRecord> = runs.into_iter().map(|(run, _)| run).collect();
    // An interrupted run shows what it cost until it is made again.
    for store in stores {
        for interrupted in store.interrupted()? {
            match runs.iter_mut().find(|run| run.id == interrupted.id) {
                Some(run) if run.outcome == Outcome::Interrupted => *run = interrupted,
                Some(_) => {}
                None => runs.push(interrupted),
            }
        }
    }
    Ok((runs, notes))
}
