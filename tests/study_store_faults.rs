//! The folder of a study on a disk that is full or read-only, forbidden, or not a folder: one clear sentence each, and
//! nothing is damaged. The disks are made in a mount namespace.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use wattgrad::internals::study::store::{Claim, Identity, RunId, Saved, Store, StoreError};
use wattgrad::internals::study::{Outcome, Purpose, RunRecord, SCHEMA};

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

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::create_or_open(folder, &identity())
}

fn claim(store: &Store) -> Claim {
    store.claim_next(&identity().runs).unwrap().unwrap()
}

fn refused(folder: &Path) -> String {
    let error = open(folder).err().unwrap().to_string();
    one_sentence(&error);
    error
}

/// A message is one line that names what failed and ends with what to do.
fn one_sentence(text: &str) {
    assert!(!text.contains('\n') && text.contains(": "), "{text}");
}

fn record(run: &RunId, bytes: usize) -> RunRecord {
    RunRecord {
        schema: SCHEMA,
        id: run.to_string(),
        cell: "lr".to_owned(),
        seed: 1,
        purpose: Purpose::Main,
        outcome: Outcome::Failed,
        search: None,
        error: Some("x".repeat(bytes)),
        overlap: false,
        record: None,
    }
}

fn save(claim: &mut Claim) -> Result<Saved, StoreError> {
    let record = record(claim.run(), 18_000);
    claim.save(&record)
}

/// Continues a study until all is done or the disk is full.
fn complete(store: &Store) -> Result<(), StoreError> {
    while let Some(mut claim) = store.claim_next(&identity().runs)? {
        save(&mut claim)?;
    }
    Ok(())
}

/// Checks that every record in the folder is whole, read without the store; returns how many there are.
fn whole_records() -> usize {
    let files = fs::read_dir(study().join("runs")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let paths: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    for path in &paths {
        let found: RunRecord = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let run = RunId::new(path.file_stem().unwrap().to_str().unwrap()).unwrap();
        assert_eq!(found, record(&run, 18_000));
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
    // The last attempt stays, so that not a byte is free.
    path
}

#[test]
#[ignore = "run by other tests in a mount namespace"]
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

/// The disk fills up during a run without reserved space. The record can be saved once there is space.
fn full() {
    let store = open(&study()).unwrap();
    for _ in 0..5 {
        save(&mut claim(&store)).unwrap();
    }
    let mut claim = claim(&store);
    let filler = fill();
    for _ in 0..2 {
        let error = save(&mut claim).unwrap_err();
        let text = error.to_string();
        one_sentence(&text);
        assert!(error.is_full() && text.contains("make room"), "{text}");
        assert!(text.contains("/mnt/study/runs/run-5.json"), "{text}");
        assert_eq!(whole_records(), 5);
    }
    fs::remove_file(filler).unwrap();
    save(&mut claim).unwrap();
    drop(claim);
    complete(&store).unwrap();
    assert_eq!(whole_records(), RUNS);
}

/// The disk fills up at any moment and the process ends. The next process continues.
fn full_again() {
    let room = Path::new(DISK).join("room");
    let mut stopped = BTreeSet::new();
    for kib in [964, 864, 764, 664, 564, 464] {
        fs::write(&room, vec![1; kib * 1024]).unwrap();
        let error = match open(&study()) {
            Ok(store) => complete(&store).unwrap_err(),
            Err(error) => error,
        };
        one_sentence(&error.to_string());
        assert!(error.is_full(), "{error}");
        stopped.insert(whole_records());
        fs::remove_file(&room).unwrap();
    }
    // Each process made more runs.
    assert!(stopped.len() >= 5, "{stopped:?}");
    let store = open(&study()).unwrap();
    complete(&store).unwrap();
    assert_eq!(whole_records(), RUNS);
    assert_eq!(store.runs().unwrap().altered, []);
}

/// The disk is full when the run ends. The reserved space suffices for a record of exactly this length.
fn reserved() {
    let store = open(&study()).unwrap();
    let mut first = claim(&store);
    first.reserve(64 * 1024).unwrap();
    let filler = fill();
    assert!(
        fs::write(Path::new(DISK).join("more"), "x").is_err(),
        "the disk is not full"
    );
    let longer = record(first.run(), 70 * 1024);
    for _ in 0..2 {
        let error = first.save(&longer).unwrap_err();
        assert!(error.is_full(), "{error}");
    }
    save(&mut first).unwrap();
    drop(first);
    assert_eq!(whole_records(), 1);
    let bytes = fs::metadata(study().join("runs/run-0.json")).unwrap().len();
    assert_eq!(store.longest().unwrap(), bytes);
    assert_eq!(store.runs().unwrap().altered, []);

    // The record of an interrupted run is saved in the same way.
    fs::remove_file(filler).unwrap();
    let mut second = claim(&store);
    second.reserve(64 * 1024).unwrap();
    let filler = fill();
    let interrupted = RunRecord {
        outcome: Outcome::Interrupted,
        ..record(second.run(), 18_000)
    };
    let saved = second.save(&interrupted).unwrap();
    assert!(matches!(saved, Saved::Interrupted(path) if path.exists()));
    assert_eq!(store.interrupted().unwrap(), [interrupted]);
    drop(second);

    // With too little space to reserve, the run is released and nothing stays.
    fs::remove_file(&filler).unwrap();
    let mut third = claim(&store);
    let error = third.reserve(2 << 20).unwrap_err();
    one_sentence(&error.to_string());
    assert!(error.is_full(), "{error}");
    drop(third);
    assert_eq!(fs::read_dir(study().join("runs")).unwrap().count(), 1);
    complete(&store).unwrap();
    assert_eq!(whole_records(), RUNS);
}

#[test]
fn reads_a_study_on_a_read_only_disk() {
    play(
        "read_only",
        &format!("mount -t tmpfs -o size=4m none {DISK} || exit 77"),
        &[],
    );
}

fn read_only() {
    let store = open(&study()).unwrap();
    complete(&store).unwrap();
    fs::remove_file(store.path(&identity().runs[3])).unwrap();
    let status = Command::new("mount")
        .args(["-o", "remount,bind,ro", DISK])
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(
        Store::open(&study()).unwrap().runs().unwrap().records.len(),
        29
    );
    let error = store.claim_next(&identity().runs).err().unwrap();
    let text = error.to_string();
    one_sentence(&text);
    assert!(text.contains("read-only"), "{text}");
    let text = refused(&Path::new(DISK).join("new"));
    assert!(
        text.contains("read-only") && text.contains("/mnt/new"),
        "{text}"
    );
}

#[test]
fn reads_a_study_of_another_user() {
    let made = tempfile::tempdir().unwrap();
    let folder = made.path().join("study");
    let store = open(&folder).unwrap();
    complete(&store).unwrap();
    fs::remove_file(store.path(&identity().runs[3])).unwrap();
    let prepare = format!(
        "mount -t tmpfs -o size=4m none {DISK} && cp -r {folder:?} {DISK}/study && mkdir {DISK}/closed \
         && chmod -R a+rX,a-w {DISK}/study && chmod 0 {DISK}/closed && chmod 555 {DISK} || exit 77"
    );
    play("forbidden", &prepare, ordinary_user());
}

fn forbidden() {
    let store = open(&study()).unwrap();
    assert_eq!(store.runs().unwrap().records.len(), 29);
    let text = complete(&store).unwrap_err().to_string();
    assert!(
        text.contains("run-3.json") && text.contains("give this user access"),
        "{text}"
    );
    for folder in ["new", "closed"].map(|name| Path::new(DISK).join(name)) {
        let text = refused(&folder);
        assert!(
            text.contains(folder.to_str().unwrap()) && text.contains("give this user access"),
            "{text}"
        );
    }
    let error = Store::open(&Path::new(DISK).join("closed"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("give this user access"), "{error}");
    closed_meanwhile();
}

/// The folder becomes inaccessible during a run whose space is reserved, and accessible again.
fn closed_meanwhile() {
    let made = tempfile::tempdir().unwrap();
    let store = open(made.path()).unwrap();
    let mut claim = claim(&store);
    claim.reserve(64 * 1024).unwrap();
    let runs = made.path().join("runs");
    let mode = |mode| fs::set_permissions(&runs, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let error = save(&mut claim).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(
        error.to_string().contains("give this user access"),
        "{error}"
    );
    mode(0o755);
    assert_eq!(save(&mut claim).unwrap(), Saved::Record);
    assert_eq!(store.runs().unwrap().altered, []);
}

#[test]
fn rejects_folders_without_a_study_in_one_sentence() {
    let made = tempfile::tempdir().unwrap();
    let at = |name: &str| made.path().join(name);
    fs::write(at("file"), "text").unwrap();
    let text = refused(&at("file"));
    assert!(text.contains("a file is where a folder"), "{text}");
    let text = refused(&at("file").join("below"));
    assert!(text.contains("a file is where a folder"), "{text}");

    fs::create_dir(at("full")).unwrap();
    fs::write(at("full").join("notes.txt"), "mine").unwrap();
    let text = refused(&at("full"));
    assert!(
        text.contains("notes.txt") && text.contains("empty folder"),
        "{text}"
    );
    assert_eq!(fs::read_dir(at("full")).unwrap().count(), 1);

    // Folders of the same names with other files, and records whose study.json is lost.
    for inner in ["runs", "interrupted"] {
        let file = at("named").join(inner).join("mine.json");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "{}").unwrap();
        let text = refused(&at("named"));
        assert!(text.contains(&format!("{inner}/mine.json")), "{text}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
        fs::remove_file(&file).unwrap();
    }
    open(&at("named")).unwrap();

    for (name, word) in [
        ("full", "not the folder of a study"),
        ("absent", "cannot open"),
        ("file", "a file is where a folder"),
    ] {
        let error = Store::open(&at(name)).unwrap_err().to_string();
        one_sentence(&error);
        assert!(error.contains(word) && error.contains(name), "{error}");
    }

    open(&at("study")).unwrap();
    let file = at("study").join("study.json");
    for text in [
        "",
        "{\"schema\": 2, \"name\": \"made-",
        "[]",
        "{\"name\": 1}",
    ] {
        fs::write(&file, text).unwrap();
        let error = refused(&at("study"));
        assert!(
            error.contains("study.json") && error.contains("restore it"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
