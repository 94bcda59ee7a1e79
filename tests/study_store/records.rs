//! Records that are cut off, changed or of another version, another study in the folder, and runs that were released.

use std::fs;
use std::path::Path;

use wattgrad::internals::study::store::{Identity, RunId, Saved, Store, StoreError};
use wattgrad::internals::study::{Outcome, RunRecord};

use super::worker::{id, identity, record};

fn open(folder: &Path, identity: &Identity) -> Result<Store, StoreError> {
    Store::create_or_open(folder, identity)
}

/// Makes all runs of a study in this process.
fn complete(store: &Store) {
    while let Some(mut claim) = store.claim_next(&store.manifest().study.runs).unwrap() {
        let record = record(claim.run());
        claim.save(&record).unwrap();
    }
}

#[test]
fn moves_a_record_that_is_cut_off_and_repeats_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    complete(&open(&path, &identity(5)).unwrap());
    let file = |number| path.join(format!("runs/{}.json", id(number)));
    let whole = fs::read(file(4)).unwrap();
    fs::write(file(4), &whole[..whole.len() / 2]).unwrap();
    fs::write(file(3), "").unwrap();
    fs::copy(file(0), file(2)).unwrap();

    // Reading reports the damaged records and moves nothing.
    let store = Store::open(&path).unwrap();
    let runs = store.runs().unwrap();
    let damaged = runs.damaged.into_iter().map(|(run, _)| run);
    assert_eq!(damaged.collect::<Vec<RunId>>(), [id(2), id(3), id(4)]);
    assert_eq!(runs.records.len(), 2);
    assert!(file(4).exists());

    let store = open(&path, &identity(5)).unwrap();
    assert_eq!(store.done().unwrap(), [id(0), id(1)]);
    complete(&store);
    let moved = fs::read(path.join(format!("damaged/{}.1.json", id(4)))).unwrap();
    assert_eq!(moved, &whole[..whole.len() / 2]);
    assert_eq!(fs::read_dir(path.join("damaged")).unwrap().count(), 3);
    let runs = store.runs().unwrap();
    assert_eq!((runs.records.len(), runs.damaged), (5, vec![]));

    // A changed record is complete, and its checksum shows the change. Reformatting changes nothing.
    assert_eq!(store.runs().unwrap().altered, []);
    let text = fs::read_to_string(file(1)).unwrap();
    fs::write(file(1), text.replace("\n  ", "\n\t")).unwrap();
    assert_eq!(store.runs().unwrap().altered, []);
    fs::write(file(1), text.replacen("\"seed\": 1", "\"seed\": 2", 1)).unwrap();
    assert_ne!(fs::read_to_string(file(1)).unwrap(), text);
    assert_eq!(store.runs().unwrap().altered, [id(1)]);
}

#[test]
fn rejects_an_unknown_schema_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    complete(&open(&path, &identity(2)).unwrap());
    let file = path.join(format!("runs/{}.json", id(1)));
    let change = |file: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    };
    // Another version may have other keys.
    for to in [
        "\"schema\": 1",
        "\"schema\": 7, \"novel\": 1",
        "\"schema\": \"b\"",
    ] {
        let kept = fs::read(&file).unwrap();
        change(&file, "\"schema\": 2", to);
        change(&file, "\"outcome\"", "\"ending\"");
        let changed = fs::read(&file).unwrap();
        let store = Store::open(&path).unwrap();
        let errors = [
            store.runs().unwrap_err(),
            open(&path, &identity(2)).err().unwrap(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::UnknownSchema { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.contains(id(1).as_str()) && text.contains("schema"),
                "{text}"
            );
        }
        assert_eq!(fs::read(&file).unwrap(), changed);
        fs::write(&file, kept).unwrap();
    }
    // A complete record with other keys is not damaged.
    change(&file, "\"outcome\"", "\"ending\"");
    let error = open(&path, &identity(2)).err().unwrap();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    change(&path.join("study.json"), "\"schema\": 2", "\"schema\": 1");
    let error = Store::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("study.json") && error.contains("schema 1"),
        "{error}"
    );
}

#[test]
fn rejects_another_study_with_the_first_difference() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    let study = identity(3);
    complete(&open(&path, &study).unwrap());
    let refused = |change: &dyn Fn(&mut Identity)| {
        let mut other = study.clone();
        change(&mut other);
        open(&path, &other).err().map(|error| error.to_string())
    };
    assert_eq!(refused(&|other| other.text.push_str("# a comment\n")), None);
    let text = refused(&|other| other.meaning["base"]["lr"] = 0.2.into()).unwrap();
    assert!(text.contains("base.lr is 0.1 there and 0.2 here"), "{text}");
    let text = refused(&|other| other.name = "another".to_owned()).unwrap();
    assert!(
        text.contains("name is \"made-up\" there and \"another\" here"),
        "{text}"
    );
    let text = refused(&|other| other.runs.swap(0, 1)).unwrap();
    assert!(text.contains("runs[0]"), "{text}");
    let text = refused(&|other| other.runs.push(id(0))).unwrap();
    assert!(text.contains("twice"), "{text}");
}

#[test]
fn repeats_a_run_that_was_released_or_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    let study = identity(1);
    let first = open(&path, &study).unwrap();
    let claim = first.claim_next(&study.runs).unwrap().unwrap();
    assert!(first.claim_next(&study.runs).unwrap().is_none());
    let second = open(&path, &study).unwrap();
    assert!(second.claim_next(&study.runs).unwrap().is_none());
    drop(claim);
    let interrupted = RunRecord {
        outcome: Outcome::Interrupted,
        ..record(&id(0))
    };
    for _ in 0..2 {
        let mut claim = second.claim_next(&study.runs).unwrap().unwrap();
        let saved = claim.save(&interrupted).unwrap();
        assert!(matches!(saved, Saved::Interrupted(path) if path.exists()));
    }
    assert_eq!(first.done().unwrap(), []);
    complete(&first);
    let all = first.interrupted().unwrap();
    assert_eq!(all, [interrupted.clone(), interrupted]);
    assert_eq!(first.runs().unwrap().records.len(), 1);
    // Runs beyond the plan come last.
    let more = [RunId::new("confirm@4").unwrap()];
    let mut claim = first.claim_next(&more).unwrap().unwrap();
    claim.save(&record(&more[0])).unwrap();
    assert_eq!(first.done().unwrap(), [id(0), more[0].clone()]);
}

#[test]
fn keeps_a_second_record_of_a_run_without_counting_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    let study = identity(1);
    let store = open(&path, &study).unwrap();
    let mut claim = store.claim_next(&study.runs).unwrap().unwrap();
    // Somebody copies a record into the folder during the run.
    let other = tempfile::tempdir().unwrap();
    complete(&open(&other.path().join("study"), &study).unwrap());
    let copied = other.path().join(format!("study/runs/{}.json", id(0)));
    fs::copy(&copied, store.path(&id(0))).unwrap();
    let saved = claim.save(&record(&id(0))).unwrap();
    assert!(matches!(&saved, Saved::Duplicate(path) if path.exists()));
    assert_eq!(
        fs::read(&copied).unwrap(),
        fs::read(store.path(&id(0))).unwrap()
    );
    assert_eq!(store.duplicates().unwrap().len(), 1);
}
