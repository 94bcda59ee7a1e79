//! The folder of a study with several processes, killed and stopped ones, and files that are cut off or of another
//! version. Full and read-only disks are in study_store_faults.rs.
#![cfg(unix)]

mod merging;
mod records;
mod worker;

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use wattgrad::internals::study::store::{RunId, Store};
use worker::{Task, assert_complete, id, records};

/// The work of a worker process.
#[test]
#[ignore = "started by the other tests"]
fn worker() {
    worker::work();
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn twenty_kills_lose_no_run_and_repeat_none() {
    let (broken, whole) = (folder(), folder());
    let task = Task::new(broken.path(), 100).work(15);
    let mut random = fastrand::Rng::with_seed(20);
    for kill in 1..=20 {
        let begun = task.events().len();
        let worker = task.start();
        task.wait_for("begin", usize::from(begun == 0));
        sleep(Duration::from_micros(random.u64(5_000..100_000)));
        assert!(worker.kill(), "the study was done before kill {kill}");
    }
    // Leftovers of dead processes, which a kill may not have produced: half a record and the draft of a published record.
    let before = Store::open(&task.folder).unwrap().done().unwrap();
    assert!(
        !before.is_empty() && before.len() < task.runs,
        "{}",
        before.len()
    );
    let open = (0..task.runs).map(id).find(|run| !before.contains(run));
    let draft = |run: &RunId| task.folder.join(format!("runs/{run}.json.part"));
    let (half, published) = (draft(&open.unwrap()), draft(&before[0]));
    fs::write(&half, "{\"schema\": 2, \"id\": \"").unwrap();
    fs::hard_link(published.with_extension(""), &published).unwrap();
    task.start().finish();
    assert!(!half.exists() && !published.exists());
    assert_complete(&task);

    let unbroken = Task::new(whole.path(), 100).work(0);
    unbroken.start().finish();
    let all = |task: &Task| records(&task.folder.join("runs"));
    assert_eq!(all(&task), all(&unbroken));
}

/// Every run began and ended once, and two processes made the runs.
fn assert_shared(task: &Task) {
    let events = task.events();
    for name in ["begin", "end", "saved"] {
        let mut runs: Vec<&str> = events
            .iter()
            .filter(|event| event.0 == name)
            .map(|event| event.1.as_str())
            .collect();
        runs.sort_unstable();
        let plan: Vec<RunId> = (0..task.runs).map(id).collect();
        assert!(
            runs.iter().copied().eq(plan.iter().map(RunId::as_str)),
            "{name}: {runs:?}"
        );
    }
    let workers: BTreeSet<u32> = events.iter().map(|event| event.2).collect();
    assert_eq!(workers.len(), 2);
}

#[test]
fn two_processes_share_the_runs() {
    let folder = folder();
    let task = Task::new(folder.path(), 60);
    let (a, b) = (task.start(), task.start());
    a.finish();
    b.finish();
    assert_shared(&task);
    assert_complete(&task);
}

#[test]
fn a_stopped_process_keeps_its_run() {
    let folder = folder();
    let task = Task::new(folder.path(), 2);
    let a = task.work(500).start();
    task.wait_for("begin", 1);
    a.signal(libc::SIGSTOP);
    let b = task.start();
    task.wait_for("saved", 1);
    sleep(Duration::from_millis(1000));
    let begun: Vec<_> = task
        .events()
        .into_iter()
        .filter(|event| event.0 == "begin")
        .collect();
    assert_eq!(begun.len(), 2, "{begun:?}");
    assert_ne!(begun[0].1, begun[1].1);
    a.signal(libc::SIGCONT);
    a.finish();
    b.finish();
    assert_shared(&task);
    assert_complete(&task);
}

#[test]
fn measured_runs_of_one_machine_never_overlap_whatever_the_folder() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    // Longer than the polling interval of a waiting process.
    let mut task = Task::new(folder.path(), 20).work(150);
    task.lock = Some(folder.path().to_owned());
    let mut other = task.clone();
    other.folder = path("other");
    let killed = Task {
        folder: path("killed"),
        ..task.work(60_000)
    };
    // A killed process holds no lock.
    let first = killed.start();
    task.wait_for("begin", 1);
    let (a, b) = (task.start(), other.start());
    task.wait_for("wait", 3);
    sleep(Duration::from_millis(300));
    let begun = |event: &&(String, String, u32)| event.0 != "wait";
    assert_eq!(task.events().iter().filter(begun).count(), 1);
    assert!(first.kill());
    a.finish();
    b.finish();
    let windows: Vec<_> = task
        .events()
        .into_iter()
        .filter(|event| ["begin", "end"].contains(&event.0.as_str()))
        .skip(1)
        .collect();
    assert_eq!(windows.len(), 80);
    let mut changes = 0;
    for pair in windows.chunks(2) {
        let (begin, end) = (&pair[0], &pair[1]);
        assert_eq!((begin.0.as_str(), end.0.as_str()), ("begin", "end"));
        assert_eq!((&begin.1, begin.2), (&end.1, end.2));
    }
    for pair in windows.windows(3).step_by(2) {
        changes += usize::from(pair[0].2 != pair[2].2);
    }
    // They take turns: neither waits until the other is done.
    assert!(changes > 10, "{changes}");
    assert_complete(&task);
    assert_complete(&other);
}
