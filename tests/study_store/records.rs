//! What one process finds in the folder: records that are cut, changed or of another version, another study's, and runs
//! that were given back.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wattgrad::internals::study::store::{
    Event, Identity, Kept, LeaseTimes, RunId, Runner, State, Store, StoreError,
};

use super::worker::{Task, id, identity, payload};

fn open(folder: &Path, identity: &Identity) -> Result<Runner, StoreError> {
    Runner::create_or_open(folder, identity, &LeaseTimes::default())
}

/// Does all runs of a study in this process.
fn complete(runner: &Runner) {
    while let Some(mut claim) = runner.claim_next(&runner.study().runs).unwrap() {
        let payload = payload(claim.run().as_str());
        claim.finish("reached", &payload).unwrap();
    }
}

#[test]
fn a_cut_record_is_noticed_moved_and_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let task = Task::new(folder.path(), 5);
    complete(&open(&task.folder, &identity(5)).unwrap());
    let file = |number| task.folder.join(format!("runs/{}.json", id(number)));
    let whole = fs::read(file(4)).unwrap();
    fs::write(file(4), &whole[..whole.len() / 2]).unwrap();
    fs::write(file(3), "").unwrap();
    fs::copy(file(0), file(2)).unwrap();

    // A reader names them and moves nothing.
    let store = Store::open(&task.folder).unwrap();
    let damaged: Vec<RunId> = store
        .states()
        .unwrap()
        .into_iter()
        .filter(|(_, state)| matches!(state, State::Damaged { .. }))
        .map(|(run, _)| run)
        .collect();
    assert_eq!(damaged, [id(2), id(3), id(4)]);
    assert_eq!(store.runs::<Value>().unwrap().len(), 2);
    assert!(file(4).exists());

    let runner = open(&task.folder, &identity(5)).unwrap();
    assert_eq!(
        runner
            .states()
            .unwrap()
            .iter()
            .filter(|(_, s)| *s == State::Open)
            .count(),
        3
    );
    complete(&runner);
    let aside = fs::read(task.folder.join(format!("damaged/{}.1.json", id(4)))).unwrap();
    assert_eq!(aside, &whole[..whole.len() / 2]);
    let journal = runner.journal().unwrap().entries;
    let noted = |run: &RunId| {
        journal
            .iter()
            .filter(|e| e.run == *run && matches!(e.event, Event::Damaged { .. }))
            .count()
    };
    assert_eq!(
        [0, 1, 2, 3, 4].map(|number| noted(&id(number))),
        [0, 0, 1, 1, 1]
    );
    assert_eq!(runner.runs::<Value>().unwrap().len(), 5);

    // A record that was changed by hand is whole, and named by its SHA-256.
    assert_eq!(runner.altered().unwrap(), []);
    let text = fs::read_to_string(file(1)).unwrap();
    fs::write(file(1), text.replacen("\"sum\": 1", "\"sum\": 2", 1)).unwrap();
    assert_ne!(fs::read_to_string(file(1)).unwrap(), text);
    assert_eq!(runner.altered().unwrap(), [id(1)]);
}

#[test]
fn a_version_that_is_not_known_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    complete(&open(&path, &identity(2)).unwrap());
    let file = path.join(format!("runs/{}.json", id(1)));
    let change = |file: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    };
    // The keys of another version need not be these.
    for to in [
        "\"schema\": 2",
        "\"schema\": 7, \"novel\": 1",
        "\"schema\": \"b\"",
    ] {
        let kept = fs::read(&file).unwrap();
        change(&file, "\"schema\": 1", to);
        change(&file, "\"payload\"", "\"content\"");
        let changed = fs::read(&file).unwrap();
        let store = Store::open(&path).unwrap();
        let errors = [
            store.runs::<Value>().unwrap_err(),
            store.states().unwrap_err(),
            open(&path, &identity(2)).err().unwrap(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::UnknownSchema { .. }), "{error}");
            let said = error.to_string();
            assert!(
                said.contains(id(1).as_str()) && said.contains("schema"),
                "{said}"
            );
        }
        assert_eq!(fs::read(&file).unwrap(), changed);
        fs::write(&file, kept).unwrap();
    }
    change(&path.join("study.json"), "\"schema\": 1", "\"schema\": 2");
    let error = Store::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("study.json") && error.contains("schema 2"),
        "{error}"
    );
}

#[test]
fn a_study_that_means_something_else_is_refused_with_what_differs() {
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
    let said = refused(&|other| other.meaning["base"]["lr"] = 0.2.into()).unwrap();
    assert!(said.contains("base.lr is 0.1 there and 0.2 here"), "{said}");
    let said = refused(&|other| other.name = "another".to_owned()).unwrap();
    assert!(
        said.contains("name is \"made-up\" there and \"another\" here"),
        "{said}"
    );
    let said = refused(&|other| other.runs.swap(0, 1)).unwrap();
    assert!(said.contains("runs[0]"), "{said}");
    let said = refused(&|other| other.runs.push(id(0))).unwrap();
    assert!(said.contains("twice"), "{said}");
}

#[test]
fn a_run_given_back_or_set_aside_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    let study = identity(1);
    let runner = open(&path, &study).unwrap();
    let claim = runner.claim_next(&study.runs).unwrap().unwrap();
    assert!(runner.claim_next(&study.runs).unwrap().is_none());
    let second = open(&path, &study).unwrap();
    assert!(second.claim_next(&study.runs).unwrap().is_none());
    drop(claim);
    for _ in 0..2 {
        let mut claim = second.claim_next(&study.runs).unwrap().unwrap();
        let kept = claim.set_aside("interrupted", &"cost").unwrap();
        assert!(matches!(kept, Kept::Aside(path) if path.exists()));
    }
    assert_eq!(runner.states().unwrap(), [(id(0), State::Open)]);
    assert_eq!(runner.done().unwrap(), []);
    complete(&runner);
    let aside = runner.interrupted::<String>().unwrap();
    assert_eq!(aside.len(), 2);
    assert_eq!(
        (aside[0].outcome.as_str(), aside[0].payload.as_str()),
        ("interrupted", "cost")
    );
    assert_eq!(runner.runs::<Value>().unwrap().len(), 1);
    // A payload that is not what the reader asks for is whole all the same.
    let error = runner.runs::<u32>().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    // Runs that are not in the plan can be added, and come last.
    let more = [RunId::new("confirm@4").unwrap()];
    let mut claim = runner.claim_next(&more).unwrap().unwrap();
    claim.finish("reached", &1).unwrap();
    assert_eq!(runner.states().unwrap()[1], (more[0].clone(), State::Done));
    assert_eq!(runner.done().unwrap(), [id(0), more[0].clone()]);
}

#[test]
fn a_cut_line_of_the_journal_costs_that_line_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study");
    let study = identity(4);
    let runner = open(&path, &study).unwrap();
    runner
        .claim_next(&study.runs)
        .unwrap()
        .unwrap()
        .finish("reached", &1)
        .unwrap();
    let journal = path.join("journal.jsonl");
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, &whole[..whole.len() - 30]).unwrap();
    complete(&runner);
    let read = runner.journal().unwrap();
    assert_eq!((read.entries.len(), read.unreadable), (7, 1));
    // The line that was lost is written anew by the next runner, once.
    for _ in 0..2 {
        let runner = open(&path, &study).unwrap();
        assert_eq!(runner.journal().unwrap().entries.len(), 8);
        assert_eq!(runner.altered().unwrap(), []);
    }
}
