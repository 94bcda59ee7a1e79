//! The folder of a study on a disk that is full, for reading only, forbidden, or no folder at all: one clear sentence
//! each, and nothing is damaged. Disks of its own are made in a mount namespace.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wattgrad::internals::study::store::{
    Identity, Kept, LeaseTimes, RunId, Runner, State, Store, StoreError,
};

mod namespace;
use namespace::{SCENE, ordinary_user, play};

const DISK: &str = "/mnt";
const RUNS: usize = 30;

fn study() -> PathBuf {
    Path::new(DISK).join("study")
}

fn identity() -> Identity {
    Identity {
        name: "made-up".to_owned(),
        meaning: json!({ "lr": [0.1, 0.2] }),
        text: String::new(),
        runs: (0..RUNS)
            .map(|number| RunId::new(format!("run-{number}")).unwrap())
            .collect(),
    }
}

fn open(folder: &Path) -> Result<Runner, StoreError> {
    let times = LeaseTimes {
        lease: Duration::from_secs(1),
        renew: Duration::from_millis(50),
    };
    Runner::create_or_open(folder, &identity(), &times)
}

fn refused(folder: &Path) -> String {
    let error = open(folder).err().unwrap().to_string();
    one_sentence(&error);
    error
}

/// A message is one line that names what it is about and ends with a way out.
fn one_sentence(said: &str) {
    assert!(!said.contains('\n') && said.contains(": "), "{said}");
}

fn payload(run: &RunId) -> Value {
    json!({ "text": run.as_str().repeat(3000) })
}

/// Goes on with a study until all is done or space is missing.
fn go_on(runner: &Runner) -> Result<(), StoreError> {
    while let Some(mut claim) = runner.claim_next(&runner.study().runs)? {
        let payload = payload(claim.run());
        claim.finish("reached", &payload)?;
    }
    Ok(())
}

/// Every record in the folder is whole, read without the store; how many there are.
fn whole_records() -> usize {
    let files = fs::read_dir(study().join("runs")).unwrap();
    let paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    for path in &paths {
        let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let run = RunId::new(file["run"].as_str().unwrap()).unwrap();
        assert_eq!(file["payload"], payload(&run));
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), run.as_str());
    }
    paths.len()
}

/// Takes all space that is left on the disk.
fn fill() -> PathBuf {
    let path = Path::new(DISK).join("filler");
    let mut size = 1 << 20;
    let mut filler = Vec::new();
    while size > 0 {
        filler.resize(filler.len() + size, 1);
        if fs::write(&path, &filler).is_err() {
            filler.truncate(filler.len() - size);
            size /= 2;
        }
    }
    // What the last trial wrote stays: not a byte is free.
    path
}

#[test]
#[ignore = "played by the other tests, in a namespace of its own"]
fn scene() {
    let name = std::env::var(SCENE).unwrap();
    match name.as_str() {
        "full" => full(),
        "full_again" => full_again(),
        "reserved" => reserved(),
        "read_only" => read_only(),
        "forbidden" => forbidden(),
        other => panic!("no scene {other}"),
    }
    println!("played {name}");
}

#[test]
fn a_full_disk_stops_the_study_and_damages_nothing() {
    for scene in ["full", "full_again", "reserved"] {
        play(
            scene,
            &format!("mount -t tmpfs -o size=1m none {DISK} || exit 77"),
            &[],
        );
    }
}

/// Full while a run lasts: its lease is renewed all the same, and its record is kept once there is space.
fn full() {
    let runner = open(&study()).unwrap();
    let runs = identity().runs;
    for _ in 0..5 {
        let mut claim = runner.claim_next(&runs).unwrap().unwrap();
        let payload = payload(claim.run());
        claim.finish("reached", &payload).unwrap();
    }
    let mut claim = runner.claim_next(&runs).unwrap().unwrap();
    let run = claim.run().clone();
    let filler = fill();
    let renewed = || match &runner.states().unwrap()[5].1 {
        State::Claimed(holder) => holder.renewed,
        other => panic!("{other:?}"),
    };
    let before = renewed();
    let began = Instant::now();
    while renewed() == before {
        assert!(began.elapsed() < Duration::from_secs(30), "no renewal");
        sleep(Duration::from_millis(5));
    }
    assert!(renewed() > before && !claim.lost());
    for _ in 0..2 {
        let error = claim.finish("reached", &payload(&run)).unwrap_err();
        let said = error.to_string();
        one_sentence(&said);
        assert!(error.is_full() && said.contains("make room"), "{said}");
        assert!(said.contains("/mnt/study/runs/run-5.json"), "{said}");
        assert_eq!(whole_records(), 5);
    }
    let other = runner.claim_next(&runs).err().unwrap();
    assert!(other.is_full(), "{other}");
    fs::remove_file(filler).unwrap();
    claim.finish("reached", &payload(&run)).unwrap();
    go_on(&runner).unwrap();
    assert_eq!(whole_records(), RUNS);
}

/// Full at any moment, and the process gives up: the next one goes on.
fn full_again() {
    let room = Path::new(DISK).join("room");
    let mut stopped = BTreeSet::new();
    for kib in [964, 864, 764, 664, 564, 464] {
        fs::write(&room, vec![1; kib * 1024]).unwrap();
        let error = match open(&study()) {
            Ok(runner) => go_on(&runner).unwrap_err(),
            Err(error) => error,
        };
        one_sentence(&error.to_string());
        assert!(error.is_full(), "{error}");
        stopped.insert(whole_records());
        fs::remove_file(&room).unwrap();
    }
    // It came further each time.
    assert!(stopped.len() >= 5, "{stopped:?}");
    let runner = open(&study()).unwrap();
    go_on(&runner).unwrap();
    assert_eq!(whole_records(), RUNS);
    assert_eq!(runner.altered().unwrap(), []);
    let finished = runner.journal().unwrap().entries;
    let finished = finished.iter().filter(|entry| {
        matches!(
            entry.event,
            wattgrad::internals::study::store::Event::Finished { .. }
        )
    });
    assert_eq!(finished.count(), RUNS);
}

/// Full when the run is over: what is reserved holds the record, to the last byte and no further.
fn reserved() {
    let runner = open(&study()).unwrap();
    let runs = identity().runs;
    let mut claim = runner.claim_next(&runs).unwrap().unwrap();
    claim.reserve(64 * 1024).unwrap();
    let longer = json!({ "text": "x".repeat(70 * 1024) });
    let record = payload(claim.run());
    let filler = fill();
    assert!(
        fs::write(Path::new(DISK).join("more"), "x").is_err(),
        "the disk is not full"
    );
    for _ in 0..2 {
        let error = claim.finish("reached", &longer).unwrap_err();
        assert!(error.is_full() && claim.kept().is_none(), "{error}");
    }
    claim.finish("reached", &record).unwrap();
    drop(claim);
    assert_eq!(whole_records(), 1);
    assert_eq!(runner.longest().unwrap(), record_bytes("run-0"));
    assert_eq!(runner.altered().unwrap(), []);

    // One that does not count is kept in the same way.
    fs::remove_file(filler).unwrap();
    let mut claim = runner.claim_next(&runs).unwrap().unwrap();
    claim.reserve(64 * 1024).unwrap();
    let filler = fill();
    let kept = claim.set_aside("interrupted", &record).unwrap();
    assert!(matches!(kept, Kept::Aside(path) if path.exists()));
    assert_eq!(runner.interrupted::<Value>().unwrap()[0].payload, record);

    // No room to reserve, or more than there is: the claim is open again, and nothing stays.
    fs::remove_file(&filler).unwrap();
    let mut claim = runner.claim_next(&runs).unwrap().unwrap();
    let error = claim.reserve(2 << 20).unwrap_err();
    one_sentence(&error.to_string());
    assert!(error.is_full(), "{error}");
    drop(claim);
    assert_eq!(whole_records(), 1);

    // A file that was taken for a dead process's is made anew.
    let mut claim = runner.claim_next(&runs).unwrap().unwrap();
    assert_eq!(claim.run(), &runs[1]);
    claim.reserve(64 * 1024).unwrap();
    for half in hidden() {
        fs::remove_file(half).unwrap();
    }
    claim.finish("reached", &payload(&runs[1])).unwrap();
    go_on(&runner).unwrap();
    assert_eq!(whole_records(), RUNS);
}

fn record_bytes(run: &str) -> u64 {
    let path = study().join(format!("runs/{run}.json"));
    fs::metadata(path).unwrap().len()
}

/// Files in `runs/` that are being written.
fn hidden() -> Vec<PathBuf> {
    let paths = fs::read_dir(study().join("runs")).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    let hidden: Vec<PathBuf> = paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with('.')
        })
        .collect();
    assert!(!hidden.is_empty());
    hidden
}

#[test]
fn a_disk_for_reading_only_is_read_and_not_written() {
    play(
        "read_only",
        &format!("mount -t tmpfs -o size=4m none {DISK} || exit 77"),
        &[],
    );
}

fn read_only() {
    let runner = open(&study()).unwrap();
    go_on(&runner).unwrap();
    drop(runner);
    let status = Command::new("mount")
        .args(["-o", "remount,bind,ro", DISK])
        .status()
        .unwrap();
    assert!(status.success());
    reads_all();
    let said = refused(&study());
    assert!(said.contains("reading only"), "{said}");
    let said = refused(&Path::new(DISK).join("new"));
    assert!(
        said.contains("reading only") && said.contains("/mnt/new"),
        "{said}"
    );
}

fn reads_all() {
    let store = Store::open(&study()).unwrap();
    assert_eq!(store.runs::<Value>().unwrap().len(), RUNS);
    assert!(
        store
            .states()
            .unwrap()
            .iter()
            .all(|(_, state)| *state == State::Done)
    );
    assert!(store.journal().unwrap().entries.len() >= 2 * RUNS);
    assert_eq!(store.altered().unwrap(), []);
}

#[test]
fn a_folder_of_somebody_else_is_read_and_not_written() {
    let made = tempfile::tempdir().unwrap();
    let folder = made.path().join("study");
    let runner = open(&folder).unwrap();
    go_on(&runner).unwrap();
    drop(runner);
    let prepare = format!(
        "mount -t tmpfs -o size=4m none {DISK} && cp -r {folder:?} {DISK}/study && mkdir {DISK}/closed \
         && chmod -R a+rX,a-w {DISK}/study && chmod 0 {DISK}/closed && chmod 555 {DISK} || exit 77"
    );
    play("forbidden", &prepare, ordinary_user());
}

fn forbidden() {
    reads_all();
    for folder in [
        study(),
        Path::new(DISK).join("new"),
        Path::new(DISK).join("closed"),
    ] {
        let said = refused(&folder);
        assert!(
            said.contains(folder.to_str().unwrap()) && said.contains("the right"),
            "{said}"
        );
    }
    let error = Store::open(&Path::new(DISK).join("closed"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("the right"), "{error}");
    closed_meanwhile();
}

/// The folder is closed while a run lasts whose room is reserved in it, and opened again.
fn closed_meanwhile() {
    let made = tempfile::tempdir().unwrap();
    let runner = open(made.path()).unwrap();
    let mut claim = runner.claim_next(&identity().runs).unwrap().unwrap();
    claim.reserve(64 * 1024).unwrap();
    let runs = made.path().join("runs");
    let mode = |mode| fs::set_permissions(&runs, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let error = claim.finish("reached", &1).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(error.to_string().contains("the right"), "{error}");
    mode(0o755);
    assert!(matches!(
        claim.finish("reached", &1).unwrap(),
        Kept::First(_)
    ));
    assert_eq!(runner.altered().unwrap(), []);
}

#[test]
fn what_is_no_folder_of_a_study_is_refused_with_a_sentence() {
    let made = tempfile::tempdir().unwrap();
    let at = |name: &str| made.path().join(name);
    fs::write(at("file"), "text").unwrap();
    let said = refused(&at("file"));
    assert!(said.contains("a file stands"), "{said}");
    let said = refused(&at("file").join("below"));
    assert!(said.contains("a file stands"), "{said}");

    fs::create_dir(at("full")).unwrap();
    fs::write(at("full").join("notes.txt"), "mine").unwrap();
    let said = refused(&at("full"));
    assert!(
        said.contains("notes.txt") && said.contains("empty folder"),
        "{said}"
    );
    assert_eq!(fs::read_dir(at("full")).unwrap().count(), 1);

    // Folders of the same names that are somebody else's, and records whose study.json is gone.
    for inner in ["runs", "leases"] {
        let file = at("named").join(inner).join("mine.json");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "{}").unwrap();
        let said = refused(&at("named"));
        assert!(said.contains(&format!("{inner}/mine.json")), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
        fs::remove_file(&file).unwrap();
    }
    drop(open(&at("named")).unwrap());

    for (name, word) in [
        ("full", "no study"),
        ("absent", "cannot open"),
        ("file", "a file stands"),
    ] {
        let error = Store::open(&at(name)).unwrap_err().to_string();
        one_sentence(&error);
        assert!(error.contains(word) && error.contains(name), "{error}");
    }

    drop(open(&at("study")).unwrap());
    let file = at("study").join("study.json");
    for text in [
        "",
        "{\"schema\": 1, \"name\": \"made-",
        "[]",
        "{\"name\": 1}",
    ] {
        fs::write(&file, text).unwrap();
        let said = refused(&at("study"));
        assert!(
            said.contains("study.json") && said.contains("restore it"),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
