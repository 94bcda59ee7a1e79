//! The folder of a study under what happens to it: runners that are killed, stopped and many, on one host and on two
//! (here), and files that are cut or of another version (records.rs). Faults of the disk are in study_store_faults.rs.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use wattgrad::internals::study::store::{Event, LeaseTimes, RunId, State, Store};

#[path = "study_store/records.rs"]
mod records;
mod skip;
#[path = "study_store/worker.rs"]
mod worker;
use skip::skipped;
use worker::{Task, assert_complete, id, payload, records};

/// What a worker does, in a process of its own.
#[test]
#[ignore = "started by the other tests"]
fn worker() {
    worker::work();
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Whether two hosts can be made of one here; says so where they can't.
fn two_hosts(test: &str) -> bool {
    let made = worker::under("elsewhere")
        .arg("true")
        .output()
        .is_ok_and(|output| output.status.success());
    if !made {
        skipped(test, "no other host name can be set here (unshare -u)");
    }
    made
}

#[test]
fn twenty_kills_lose_no_run_and_count_none_twice() {
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
    // A dead process's half-written record, whether or not a kill left one.
    let lock = fs::read_dir(task.folder.join("locks")).unwrap().next();
    let token = lock.unwrap().unwrap().file_name().into_string().unwrap();
    let half = task.folder.join(format!("runs/.{token}.99.tmp"));
    fs::write(&half, "{\"schema\": 1, \"run\": \"").unwrap();
    let before = Store::open(&task.folder).unwrap().runs::<Value>().unwrap();
    assert!(
        !before.is_empty() && before.len() < task.runs,
        "{}",
        before.len()
    );
    task.start().finish();
    assert!(!half.exists());
    assert_complete(&task);

    let unbroken = Task::new(whole.path(), 100).work(0);
    unbroken.start().finish();
    let hostless = |task: &Task| -> Vec<(String, Value)> {
        let records = records(&task.folder.join("runs")).into_iter();
        records.map(|(run, (payload, _))| (run, payload)).collect()
    };
    assert_eq!(hostless(&task), hostless(&unbroken));
}

/// Every run was begun and ended once, and by more than one process.
fn assert_shared(task: &Task) {
    let events = task.events();
    for name in ["begin", "end", "kept"] {
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
fn two_runners_of_one_host_share_the_runs() {
    let folder = folder();
    let task = Task::new(folder.path(), 60);
    let (a, b) = (task.start(), task.start());
    a.finish();
    b.finish();
    assert_shared(&task);
    assert_complete(&task);
}

#[test]
fn two_runners_of_two_hosts_share_the_runs() {
    if !two_hosts("two_runners_of_two_hosts_share_the_runs") {
        return;
    }
    let folder = folder();
    let mut task = Task::new(folder.path(), 60);
    // Nobody dies here, and a disk that syncs slowly is not to look like it.
    task.times = LeaseTimes::default();
    let (a, b) = (task.host("host-a").start(), task.host("host-b").start());
    a.finish();
    b.finish();
    assert_shared(&task);
    assert_complete_but_locks(&task);
    let hosts: BTreeSet<String> = records(&task.folder.join("runs"))
        .into_values()
        .map(|record| record.1)
        .collect();
    assert_eq!(hosts, ["host-a".to_owned(), "host-b".to_owned()].into());
}

/// A dead process of another host leaves its lock: none but a process of that host knows that it is dead.
fn assert_complete_but_locks(task: &Task) {
    for entry in fs::read_dir(task.folder.join("locks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("host-"), "{name}");
        fs::remove_file(path).unwrap();
    }
    assert_complete(task);
}

#[test]
fn the_lease_of_a_killed_host_is_taken_over_after_it_expired() {
    if !two_hosts("the_lease_of_a_killed_host_is_taken_over_after_it_expired") {
        return;
    }
    let folder = folder();
    let mut task = Task::new(folder.path(), 3);
    // Long beside what a loaded machine and disk make of a renewal.
    task.times = LeaseTimes {
        lease: Duration::from_secs(3),
        renew: Duration::from_millis(250),
    };
    let a = task.work(60_000).host("host-a").start();
    task.wait_for("begin", 1);
    // It lives longer than its lease because it renews it.
    let b = task.host("host-b").start();
    task.wait_for("kept", 2);
    sleep(3 * task.times.lease);
    assert_eq!(
        task.events()
            .iter()
            .filter(|event| event.0 == "begin")
            .count(),
        3
    );
    let state = |expected: bool| {
        let states = Store::open(&task.folder).unwrap().states().unwrap();
        let State::Claimed(holder) = &states[0].1 else {
            panic!("{states:?}")
        };
        assert_eq!(
            (holder.host.name.as_str(), holder.alive),
            ("host-a", expected)
        );
    };
    state(true);
    let pid = a.pid();
    let killed = Instant::now();
    assert!(a.kill());
    task.wait_for("begin", 4);
    // Its last renewal may be one period old.
    assert!(
        killed.elapsed() > task.times.lease - task.times.renew,
        "{:?}",
        killed.elapsed()
    );
    b.finish();
    assert_complete_but_locks(&task);
    let journal = Store::open(&task.folder).unwrap().journal().unwrap();
    let taken = journal
        .entries
        .iter()
        .find(|entry| entry.host == "host-b" && entry.run == id(0));
    let expected = Event::TakenOver {
        from_host: "host-a".to_owned(),
        from_pid: pid,
        reason: "its lease expired".to_owned(),
    };
    assert_eq!(taken.unwrap().event, expected);
}

#[test]
fn of_two_records_of_a_run_the_first_counts_and_the_other_is_kept() {
    if !two_hosts("of_two_records_of_a_run_the_first_counts_and_the_other_is_kept") {
        return;
    }
    let folder = folder();
    let task = Task::new(folder.path(), 1);
    let a = task.work(3_000).host("host-a").start();
    task.wait_for("begin", 1);
    a.signal(libc::SIGSTOP);
    task.host("host-b").start().finish();
    let first = fs::read(task.folder.join(format!("runs/{}.json", id(0)))).unwrap();
    a.signal(libc::SIGCONT);
    a.finish();
    assert_eq!(
        fs::read(task.folder.join(format!("runs/{}.json", id(0)))).unwrap(),
        first
    );
    let of = |folder: &str| records(&task.folder.join(folder))[id(0).as_str()].clone();
    assert_eq!(of("runs"), (payload(id(0).as_str()), "host-b".to_owned()));
    assert_eq!(
        of("duplicates"),
        (payload(id(0).as_str()), "host-a".to_owned())
    );
    let store = Store::open(&task.folder).unwrap();
    assert_eq!(store.runs::<Value>().unwrap().len(), 1);
    assert_eq!(store.duplicates::<Value>().unwrap()[0].host, "host-a");
    let journal = store.journal().unwrap().entries;
    let last = &journal.last().unwrap().event;
    assert!(matches!(last, Event::Duplicate { file, .. } if task.folder.join(file).exists()));
    assert_complete_but_locks(&task);
}

#[test]
fn a_runner_that_only_sleeps_keeps_its_run_on_its_own_host() {
    let folder = folder();
    let task = Task::new(folder.path(), 2);
    let a = task.work(3_000).start();
    task.wait_for("begin", 1);
    a.signal(libc::SIGSTOP);
    let b = task.start();
    task.wait_for("kept", 1);
    // Its lease expires, but the kernel still holds its lock.
    sleep(3 * task.times.lease);
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
fn what_is_measured_on_one_host_never_overlaps_whatever_the_folder() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    // Longer than a waiting process takes to look again.
    let mut task = Task::new(folder.path(), 20).work(150);
    task.lock = Some(folder.path().to_owned());
    let mut other = task.clone();
    other.folder = path("other");
    let killed = Task {
        folder: path("killed"),
        ..task.work(60_000)
    };
    // A holder that is killed holds nothing.
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
    // They take turns; neither waits until the other is done.
    assert!(changes > 10, "{changes}");
    assert_complete(&task);
    assert_complete(&other);
}
