//! `wattgrad study merge`: clashing records, two versions, a folder that was copied in part, the same run from two machines.

use std::fs;
use std::path::{Path, PathBuf};

use wattgrad::internals::study::merge_folders;
use wattgrad::internals::study::store::{RunId, Store};

use super::worker::{id, identity, record};

/// A folder of a study of 6 runs in which these are done.
fn made(at: &Path, name: &str, runs: &[usize]) -> PathBuf {
    let folder = at.join(name);
    let store = Store::create_or_open(&folder, &identity(6)).unwrap();
    let order: Vec<RunId> = runs.iter().map(|run| id(*run)).collect();
    while let Some(mut claim) = store.claim_next(&order).unwrap() {
        claim.save(&record(claim.run())).unwrap();
    }
    folder
}

fn file(folder: &Path, run: usize) -> PathBuf {
    folder.join(format!("runs/{}.json", id(run)))
}

fn names(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn merging_keeps_every_record_once_and_is_repeatable() {
    let scene = tempfile::tempdir().unwrap();
    let at = scene.path();
    let (a, b) = (made(at, "a", &[0, 1, 2]), made(at, "b", &[2, 3]));
    // The run 1 of another machine is another record; run 2 is the same in both.
    let c = made(at, "c", &[1, 4]);
    let changed = fs::read_to_string(file(&c, 1))
        .unwrap()
        .replace("\"seed\": 1", "\"seed\": 7");
    fs::write(file(&c, 1), changed).unwrap();
    // A folder of which only a part was copied: no other folders, a record that is cut off, one under another's name.
    let d = at.join("d");
    fs::create_dir_all(d.join("runs")).unwrap();
    fs::copy(a.join("study.json"), d.join("study.json")).unwrap();
    let whole = fs::read(file(&a, 0)).unwrap();
    fs::write(file(&d, 3), &whole[..whole.len() / 2]).unwrap();
    fs::write(file(&d, 5), &whole).unwrap();
    fs::write(d.join(format!("runs/{}.json.part", id(4))), "").unwrap();

    let out = at.join("out");
    let folders = [&a, &b, &c, &d];
    let merged = merge_folders(&folders, &out).unwrap();
    assert_eq!((merged.folders, merged.added, merged.known), (4, 5, 1));
    assert_eq!(merged.duplicates.len(), 1);
    assert!(merged.duplicates[0].ends_with(format!("duplicates/{}.1.json", id(1))));
    assert_eq!(merged.left_out.len(), 2, "{:?}", merged.left_out);
    assert!(
        merged.left_out[1].contains("it is the record of"),
        "{:?}",
        merged.left_out
    );
    for (run, from) in [(0, &a), (1, &a), (2, &a), (3, &b), (4, &c)] {
        assert_eq!(
            fs::read(file(&out, run)).unwrap(),
            fs::read(file(from, run)).unwrap()
        );
    }
    // The first record of a run counts, and its checksum is that of its machine.
    assert_eq!(Store::open(&out).unwrap().runs().unwrap().altered, []);

    let again = merge_folders(&folders, &out).unwrap();
    assert_eq!(
        (again.added, again.known, again.duplicates.len()),
        (0, 7, 0)
    );
    assert_eq!(
        (names(&out.join("runs")), names(&out.join("duplicates"))),
        (5, 1)
    );
    assert_eq!(
        names(&d.join("runs")),
        3,
        "nothing changes in what is merged"
    );

    // The record of another run stays where it is, and the study goes on in the merged folder.
    let store = Store::create_or_open(&out, &identity(6)).unwrap();
    assert_eq!(
        store
            .claim_next(&store.manifest().study.runs)
            .unwrap()
            .unwrap()
            .run(),
        &id(5)
    );
}

#[test]
fn folders_of_another_study_or_version_are_refused_and_nothing_is_merged() {
    let scene = tempfile::tempdir().unwrap();
    let at = scene.path();
    let a = made(at, "a", &[0]);
    let other = at.join("other");
    Store::create_or_open(&other, &identity(5)).unwrap();
    let out = at.join("out");
    let error = merge_folders(&[&a, &other], &out).unwrap_err().to_string();
    assert!(error.contains("different studies"), "{error}");
    assert!(!out.exists());

    let old = made(at, "old", &[1]);
    let text = fs::read_to_string(file(&old, 1)).unwrap();
    let schema = text.replacen("\"schema\": 2", "\"schema\": 1", 1);
    assert_ne!(schema, text);
    fs::write(file(&old, 1), schema).unwrap();
    let error = merge_folders(&[&a, &old], &out).unwrap_err().to_string();
    assert!(
        error.contains("has schema 1") && error.contains("reads schema 2"),
        "{error}"
    );
    let error = merge_folders(&[at.join("none")], &out)
        .unwrap_err()
        .to_string();
    assert!(error.contains("none"), "{error}");
}
