//! A study divided into shards, and its folders merged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wattgrad::internals::study::RunRecord;
use wattgrad::internals::study::store::{RunId, Store};

use super::{RUNS, STUDY, folder, json, output, printed, records, run};

fn shard(file: &str, out: &Path, shard: &str) -> std::process::Output {
    let out = out.to_str().unwrap();
    output(&["study", "run", file, "--shard", shard, "--out", out])
}

fn analysis(folders: &[&Path]) -> Value {
    let mut arguments = vec!["report", "--json"];
    arguments.extend(folders.iter().map(|folder| folder.to_str().unwrap()));
    let report = output(&arguments);
    assert!(report.status.success(), "{}", printed(&report));
    serde_json::from_slice(&report.stdout).unwrap()
}

/// Copies records into another folder of the same study.
fn copy(from: &Path, to: &Path, keep: impl Fn(&str) -> bool) {
    std::fs::create_dir_all(to.join("runs")).unwrap();
    std::fs::copy(from.join("study.json"), to.join("study.json")).unwrap();
    for id in records(from).into_keys().filter(|id| keep(id)) {
        let file = format!("runs/{id}.json");
        std::fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

#[test]
fn three_shards_make_every_run_once_and_merge_into_one_study() {
    let (folder, file, _) = folder();
    let at = |name: &str| folder.path().join(name);
    let folders: Vec<PathBuf> = ["1/3", "2/3", "3/3"]
        .into_iter()
        .map(|index| {
            let out = at(&index.replace('/', "-of-"));
            let ended = shard(&file, &out, index);
            assert!(ended.status.success(), "{}", printed(&ended));
            assert!(printed(&ended).contains(&format!("shard {index}:")));
            out
        })
        .collect();
    let of: Vec<BTreeSet<String>> = folders
        .iter()
        .map(|folder| records(folder).into_keys().collect())
        .collect();
    assert_eq!(of.iter().map(BTreeSet::len).sum::<usize>(), RUNS, "{of:?}");
    assert_eq!(of.iter().flatten().collect::<BTreeSet<_>>().len(), RUNS);

    // Merged, they are the study in one folder.
    let whole = at("whole");
    for folder in &folders {
        copy(folder, &whole, |_| true);
    }
    let paths: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let backwards: Vec<&Path> = paths.iter().rev().copied().collect();
    let one = analysis(&[&whole]);
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(analysis(&paths), one);
    assert_eq!(analysis(&backwards), one);
    // The same record in two folders is one record.
    assert_eq!(analysis(&[&whole, paths[0], paths[0]]), one);
    let mut status = vec!["study", "status", "--json"];
    status.extend(paths.iter().map(|path| path.to_str().unwrap()));
    let status: Value = serde_json::from_slice(&output(&status).stdout).unwrap();
    assert_eq!((&status["runs"], &status["done"]), (&9.into(), &9.into()));

    conflict(&whole, &paths, &file);
}

/// Reports a run that two folders record differently; the first folder counts.
fn conflict(whole: &Path, paths: &[&Path], file: &str) {
    let id = "batch-size=16,lr=0.02@1";
    let with = paths.iter().find(|path| records(path).contains_key(id));
    let other = with.unwrap();
    let path = other.join(format!("runs/{id}.json"));
    let mut changed = json(&path);
    changed["record"]["samples"] = 77.into();
    // As another process would have recorded it, with its checksum.
    std::fs::remove_file(&path).unwrap();
    let record: RunRecord = serde_json::from_value(changed).unwrap();
    let store = Store::open(other).unwrap();
    let mut claim = store
        .claim_next(&[RunId::new(id).unwrap()])
        .unwrap()
        .unwrap();
    claim.save(&record).unwrap();
    let (first, second) = (whole.to_str().unwrap(), other.to_str().unwrap());
    for command in [
        &["study", "status", first, second][..],
        &["study", "verify", first, second],
        &["report", first, second],
    ] {
        let text = printed(&output(command));
        // A terminal's width does not break lines here.
        for folder in [first, second] {
            let named = format!("{folder}/runs/{id}.json");
            assert!(
                text.split_whitespace().collect::<String>().contains(&named),
                "{text}"
            );
        }
    }
    let samples = |folders: &[&Path]| {
        let analysis = analysis(folders);
        let costs = analysis[0]["costs"].as_array().unwrap().clone();
        let samples = costs
            .into_iter()
            .find(|cost| cost["kind"]["kind"] == "samples");
        samples.unwrap()
    };
    assert_eq!(samples(&[whole, other]), samples(&[whole]));

    // Another study is not merged.
    let different = whole.with_file_name("different.toml");
    std::fs::write(
        &different,
        STUDY.replace("seeds = [1, 2]", "seeds = [1, 3]"),
    )
    .unwrap();
    let out = whole.with_file_name("different");
    let ended = shard(different.to_str().unwrap(), &out, "1/2");
    assert!(ended.status.success(), "{}", printed(&ended));
    let third = out.to_str().unwrap();
    for command in [
        &["study", "status", first, third][..],
        &["study", "verify", first, third],
        &["report", first, third],
    ] {
        let refused = output(command);
        let text = printed(&refused);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert_eq!(text.matches("error:").count(), 1, "{text}");
        assert!(text.contains("seeds[1] is 2 there and 3 here"), "{text}");
    }
    // A whole study in one folder has nothing left to make.
    let ended = run(file, whole);
    assert!(ended.status.success(), "{}", printed(&ended));
    assert!(
        printed(&ended).contains("9 of 9 runs done"),
        "{}",
        printed(&ended)
    );
}

#[test]
fn rejects_shards_out_of_range() {
    let (_folder, file, out) = folder();
    for bad in ["0/3", "4/3", "1/0", "1", "a/3"] {
        let refused = shard(&file, &out, bad);
        let text = printed(&refused);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert!(
            text.contains("--shard") && text.contains("from 1 to N"),
            "{text}"
        );
    }
    assert!(!out.exists());
}

#[test]
fn confirmation_runs_wait_for_all_shards() {
    let (_folder, file, out) = folder();
    let study = STUDY
        .replace("seeds = [1, 2]", "seeds = [1]")
        .replace("batch-size = [16, 32]", "batch-size = [16]")
        .replace("replicates = 1", "confirm = 1");
    std::fs::write(&file, study).unwrap();
    let ended = shard(&file, &out, "1/1");
    assert!(ended.status.success(), "{}", printed(&ended));
    assert!(
        printed(&ended).contains("without --shard"),
        "{}",
        printed(&ended)
    );
    assert_eq!(records(&out).len(), 2);
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", printed(&ended));
    assert_eq!(records(&out).len(), 4);
}
