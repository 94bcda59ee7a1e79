//! Runs that are killed and resumed.

use super::{program, sentence, stderr, succeeded};
#[cfg(unix)]
use super::{stdout, wattgrad};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

const RUN: [&str; 9] = [
    "train",
    "--data",
    "digits",
    "--epochs",
    "6",
    "--eval-every",
    "0.7",
    "--meter",
    "none",
];

struct Folder {
    at: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self {
            at: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Arguments of a run with its log and weights named `name`.
    fn run(&self, name: &str, more: &[&str]) -> Vec<String> {
        let files = [
            "--steps-log".to_owned(),
            self.text(&format!("{name}.jsonl")),
            "--save-weights".to_owned(),
            self.text(&format!("{name}.safetensors")),
        ];
        let given = RUN.iter().chain(more).map(|text| (*text).to_owned());
        given.chain(files).collect()
    }

    fn command(&self, name: &str, more: &[&str]) -> Command {
        let args = self.run(name, more);
        program(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The arguments of a run that writes checkpoints to `name` every two steps.
    fn checkpoints(&self, name: &str) -> [String; 4] {
        [
            "--checkpoint".to_owned(),
            self.text(name),
            "--every".to_owned(),
            "2steps".to_owned(),
        ]
    }

    #[track_caller]
    fn same(&self, a: &str, b: &str) {
        for file in ["jsonl", "safetensors"] {
            let read = |name: &str| fs::read(self.path(&format!("{name}.{file}"))).unwrap();
            assert!(read(a) == read(b), "{a}.{file} and {b}.{file} differ");
        }
    }
}

/// The newest checkpoint in a folder, by its step.
fn newest(folder: &Path) -> Option<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let steps = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?;
        Some((step.parse().ok()?, path.clone()))
    });
    steps.max()
}

#[test]
fn a_run_that_is_killed_ten_times_ends_like_one_that_never_was() {
    let folder = Folder::new();
    succeeded(&folder.command("unbroken", &[]).output().unwrap());
    let checkpoints = folder.checkpoints("ck");
    let checkpoints = checkpoints.each_ref().map(String::as_str);
    let args = [&checkpoints[..], &["--resume"]].concat();
    let mut random = fastrand::Rng::with_seed(13);
    let step = || newest(&folder.path("ck")).map_or(0, |(step, _)| step);
    let mut killed = 0;
    for moment in 0..10 {
        let mut child = folder
            .command("killed", &args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The first is killed before any step, the others after some: the moment is somewhere in a step, an evaluation, or
        // the writing of a file.
        let wanted = step() + if moment == 0 { 0 } else { random.u64(2..12) };
        while step() < wanted && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_micros(random.u64(0..30_000)));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(killed, 10, "the run ended before it was killed");
    let output = folder
        .command("killed", &[&args[..], &["--json"]].concat())
        .output()
        .unwrap();
    succeeded(&output);
    folder.same("unbroken", "killed");
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sessions = record["earlier_sessions"].as_array().unwrap();
    assert!(sessions.len() > 3, "{sessions:?}");
    let mut at = 0;
    for session in sessions {
        assert_eq!(session["from_step"].as_u64(), Some(at));
        at = session["to_step"].as_u64().unwrap();
    }
    let evaluations = record["evaluations"].as_array().unwrap();
    let steps: Vec<u64> = evaluations
        .iter()
        .map(|point| point["step"].as_u64().unwrap())
        .collect();
    assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
    assert_eq!(Some(steps[steps.len() - 1]), record["steps"].as_u64());
    let seconds = |key: &str| record["durations"][key].as_f64().unwrap();
    assert!(seconds("checkpoint_seconds") > 0.0);
    assert!(seconds("total_seconds") > seconds("training_seconds"));
}

#[test]
fn a_damaged_checkpoint_falls_back_and_another_run_is_refused() {
    let folder = Folder::new();
    let ck = folder.checkpoints("ck");
    let ck = ck.each_ref().map(String::as_str);
    let short = ["--max-steps", "9"];
    let run = |name: &str, more: &[&str]| {
        folder
            .command(name, &[&short[..], more].concat())
            .output()
            .unwrap()
    };
    succeeded(&run("unbroken", &[]));
    succeeded(&run("resumed", &ck));
    let resume = [&ck[..], &["--resume"]].concat();

    let refused = |more: &[&str], parts: &[&str]| {
        let error = sentence(&run("other", more), 2);
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
    };
    refused(&ck, &["of step 8", "--resume"]);
    let with = |more: &[&'static str]| [&resume[..], more].concat();
    refused(&with(&["--lr", "0.1"]), &["lr is 0.05 there and 0.1 here"]);
    refused(
        &with(&["--model", "cnn"]),
        &["model is \"mlp\" there and \"cnn\" here"],
    );
    refused(&with(&["--seed", "1"]), &["seed is 0 there and 1 here"]);
    let alone = run("other", &["--resume"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(stderr(&alone).contains("--checkpoint"));
    refused(
        &[&ck[..2], &["--every", "often"]].concat(),
        &["5min", "\"often\""],
    );

    let steps = |steps: &'static str| with(&["--max-steps", steps]);
    refused(&steps("7"), &["of step 8", "7 steps", "--max-steps"]);
    let schedule = ["--schedule", "cosine"];
    refused(&with(&schedule), &["min-lr is absent there"]);

    let (step, path) = newest(&folder.path("ck")).unwrap();
    assert_eq!(step, 8);
    let good = fs::read(&path).unwrap();
    for at in [good.len() - 5, 300, 4] {
        let mut bad = good.clone();
        bad[at] ^= 4;
        fs::write(&path, bad).unwrap();
        let output = run("resumed", &resume);
        succeeded(&output);
        let notes = stderr(&output);
        assert!(notes.contains("is damaged"), "{at}: {notes}");
        assert!(notes.contains("continues after step 6"), "{notes}");
        folder.same("unbroken", "resumed");
    }
    // The last run wrote the checkpoint of step 8 again.
    let output = run("resumed", &resume);
    assert!(stderr(&output).contains("continues after step 8"));
    let log = folder.path("resumed.jsonl");
    fs::write(&log, "").unwrap();
    let error = sentence(&run("resumed", &resume), 1);
    assert!(error.contains("has 0 bytes"), "{error}");
    for entry in fs::read_dir(folder.path("ck")).unwrap() {
        fs::write(entry.unwrap().path(), "{}").unwrap();
    }
    let error = sentence(&run("resumed", &resume), 1);
    assert!(error.contains("cannot read any checkpoint"), "{error}");
}

#[test]
fn a_run_is_made_longer_unless_its_schedule_ends_with_it() {
    let folder = Folder::new();
    let stepped = [
        "--optimizer=adam",
        "--schedule=step",
        "--step-size=1",
        "--gamma=0.5",
    ];
    for (name, more) in [("adam", &stepped[..]), ("cosine", &["--schedule=cosine"])] {
        let ck = folder.checkpoints(name);
        let ck = ck.each_ref().map(String::as_str);
        let run = |name: &str, steps: &str, also: &[&str]| {
            let all = [&["--max-steps", steps][..], more, also].concat();
            folder.command(name, &all).output().unwrap()
        };
        succeeded(&run("resumed", "6", &ck));
        let longer = run("resumed", "9", &[&ck[..], &["--resume"]].concat());
        if name == "cosine" {
            let error = sentence(&longer, 2);
            assert!(error.contains("max-steps is 6 there and 9 here"), "{error}");
            continue;
        }
        succeeded(&longer);
        succeeded(&run("unbroken", "9", &[]));
        folder.same("unbroken", "resumed");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_writes_a_checkpoint_and_a_full_disk_leaves_the_earlier_ones() {
    use std::os::unix::process::CommandExt as _;

    let folder = Folder::new();
    succeeded(&folder.command("unbroken", &[]).output().unwrap());
    let ck = folder.text("ck");
    let args = ["--checkpoint", &ck, "--every", "1h", "--resume"];
    let mut child = folder
        .command("interrupted", &args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let log = folder.path("interrupted.jsonl");
    // The log is written at intervals.
    while fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        assert!(started.elapsed().as_secs() < 60, "no step was taken");
        sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    Command::new("kill")
        .args(["-s", "INT", &id])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (step, _) = newest(&folder.path("ck")).unwrap();
    assert!(step > 0);

    // Files larger than 200 kB cannot be written, so no checkpoint can; the log can.
    let mut command = folder.command(
        "interrupted",
        &["--checkpoint", &ck, "--every", "20steps", "--resume"],
    );
    // SAFETY: both may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = libc::rlimit {
                rlim_cur: 200_000,
                rlim_max: libc::RLIM_INFINITY,
            };
            libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
            Ok(())
        })
    };
    let output = command.output().unwrap();
    let notes = stderr(&output);
    assert!(notes.contains("cannot write the checkpoint"), "{notes}");
    assert!(
        notes.contains(&format!("the one of step {step} stays")),
        "{notes}"
    );
    assert_eq!(newest(&folder.path("ck")).unwrap().0, step);
    // The weights are as large, and fail with a sentence of their own.
    assert_eq!(output.status.code(), Some(1), "{notes}");

    let output = wattgrad(
        &folder
            .run("interrupted", &args)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    succeeded(&output);
    assert!(stdout(&output).contains("resumed"), "{}", stdout(&output));
    folder.same("unbroken", "interrupted");
}
