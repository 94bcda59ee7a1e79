//! Two processes at once.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use super::stopped::start_and_stop;
use super::{RUNS, folder, printed, records, wattgrad};

#[test]
fn two_processes_make_every_run_once_and_never_at_the_same_time() {
    let (_folder, file, out) = folder();
    // The first holds the machine until the second waits for it.
    let first = start_and_stop(&file, &out, libc::SIG_DFL);
    let mut second = wattgrad(&["study", "run", &file, "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("waiting for process") {
        assert_ne!(stderr.read_line(&mut text).unwrap(), 0, "{text}");
    }
    // The pipe's buffer has room for the rest of its output.
    for ended in [first.resume(), second].map(|child| child.wait_with_output().unwrap()) {
        text += &printed(&ended);
        assert!(ended.status.success(), "{text}");
    }
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(records(&out).len(), RUNS);
    assert_eq!(text.matches(" steps in ").count(), RUNS, "{text}");
    let duplicates = std::fs::read_dir(out.join("duplicates")).unwrap();
    assert_eq!(duplicates.count(), 0);

    let mut windows: Vec<(f64, f64)> = records(&out)
        .values()
        .map(|record| {
            let record = &record["record"];
            let started = record["started"].as_f64().unwrap();
            (
                started,
                started + record["durations"]["total_seconds"].as_f64().unwrap(),
            )
        })
        .collect();
    windows.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in windows.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{pair:?} overlap");
    }
}
