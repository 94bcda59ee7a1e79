//! The examples of CONTRIBUTING.md, added to a copy of the repository exactly as they are written there, pass the checks.
#![cfg(feature = "gpu")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that the copy needs to be built and tested.
const TREE: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "src",
    "shaders",
    "tests",
    "examples",
    "benches",
    "docs",
];

/// Where a block of code goes.
#[derive(Debug, PartialEq)]
enum Place {
    New,
    End,
    After(String),
}

#[derive(Debug)]
struct Edit {
    path: String,
    place: Place,
    code: String,
}

/// The blocks of code that follow `New file PATH:`, `In PATH, after the line LINE:` or `At the end of PATH:`.
fn edits(text: &str) -> Vec<Edit> {
    let mut edits = vec![];
    let mut paragraph = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let quoted: Vec<&str> = paragraph.split('`').collect();
            // The last sentence of the paragraph before: text `quoted` text ... `quoted` ":".
            let [.., before, last, ":"] = quoted.as_slice() else {
                panic!("no file is named before {code:?}");
            };
            let (path, place) = match () {
                () if before.ends_with("New file ") => (*last, Place::New),
                () if before.ends_with("At the end of ") => (*last, Place::End),
                () if *before == ", after the line " => {
                    (quoted[quoted.len() - 4], Place::After((*last).to_owned()))
                }
                () => panic!("what happens to {last} before {code:?}?"),
            };
            edits.push(Edit {
                path: path.to_owned(),
                place,
                code: code.iter().map(|line| format!("{line}\n")).collect(),
            });
            paragraph.clear();
        } else if line.is_empty() {
            // An empty line between the paragraph and its block.
            if !paragraph.ends_with(':') {
                paragraph.clear();
            }
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        }
    }
    edits
}

/// Every file below `path`, relative to `root`.
fn files(root: &Path, path: &Path, found: &mut Vec<PathBuf>) {
    if root.join(path).is_dir() {
        for entry in fs::read_dir(root.join(path)).unwrap() {
            files(root, &path.join(entry.unwrap().file_name()), found);
        }
    } else {
        found.push(path.to_owned());
    }
}

fn apply(edit: &Edit, old: Option<String>) -> String {
    let Edit { path, place, code } = edit;
    match (place, old) {
        (Place::New, None) => code.clone(),
        (Place::New, Some(_)) => panic!("{path} exists"),
        (_, None) => panic!("{path} does not exist"),
        (Place::End, Some(old)) => old + code,
        (Place::After(line), Some(old)) => {
            let found = old.lines().filter(|old| old.trim() == line).count();
            assert_eq!(found, 1, "`{line}` in {path}");
            old.lines()
                .map(|old| match old.trim() == line {
                    true => format!("{old}\n{code}"),
                    false => format!("{old}\n"),
                })
                .collect()
        }
    }
}

#[test]
fn every_example_names_its_place() {
    let edits = edits(include_str!("../CONTRIBUTING.md"));
    let new = edits.iter().filter(|edit| edit.place == Place::New);
    assert_eq!((edits.len(), new.count()), (17, 6), "{edits:#?}");
}

#[test]
#[ignore = "builds a copy of the crate; .ci/run runs it"]
fn examples_pass_the_checks_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let copy = scratch.join("contributing");
    let mut paths = vec![];
    for name in TREE {
        files(root, Path::new(name), &mut paths);
    }
    let mut wanted: Vec<(PathBuf, Vec<u8>)> = paths
        .into_iter()
        .map(|path| (path.clone(), fs::read(root.join(path)).unwrap()))
        .collect();
    for edit in edits(include_str!("../CONTRIBUTING.md")) {
        let at = wanted
            .iter()
            .position(|(path, _)| *path == Path::new(&edit.path));
        let old = at.map(|at| String::from_utf8(wanted.remove(at).1).unwrap());
        wanted.push((edit.path.clone().into(), apply(&edit, old).into_bytes()));
    }
    // What is there already stays as it is, so that a second run builds nothing anew.
    let mut stale = vec![];
    if copy.is_dir() {
        files(&copy, Path::new(""), &mut stale);
    }
    let keep: BTreeSet<&PathBuf> = wanted.iter().map(|(path, _)| path).collect();
    for path in stale.iter().filter(|path| !keep.contains(path)) {
        fs::remove_file(copy.join(path)).unwrap();
    }
    for (path, bytes) in &wanted {
        let path = copy.join(path);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }

    let mut features = vec![];
    features.extend(cfg!(feature = "rapl").then_some("rapl"));
    features.extend(cfg!(feature = "criterion").then_some("criterion"));
    let cargo = |tests: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .current_dir(&copy)
            // Dependencies are shared with this build; the copy itself is compiled as fast as can be.
            .env("CARGO_TARGET_DIR", scratch.parent().unwrap())
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env_remove("CARGO_MANIFEST_DIR")
            .args(["test", "--offline", "--locked", "--features"])
            .arg(features.join(","))
            .args(tests)
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        text.into_owned()
    };
    let text = cargo(&["--test", "instances", "--test", "board"]);
    assert!(
        text.contains("test board_counts_microjoules ... ok"),
        "{text}"
    );
    let text = cargo(&["--test", "kernels", "scale"]);
    assert!(text.contains("test suites::scale ... ok"), "{text}");
}
