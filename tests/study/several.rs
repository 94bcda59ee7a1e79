//! Two runners at once.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::hand::in_hand;
use super::{RUNS, folder, records, told, wattgrad};

#[test]
fn two_runners_make_every_run_once_and_none_beside_another() {
    let (_folder, file, out) = folder();
    // The first holds the machine until the second has been seen to wait for it.
    let first = in_hand(&file, &out, libc::SIG_DFL);
    let mut second = wattgrad(&["study", "run", &file, "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting for process") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // What else it says has room in the pipe's buffer.
    let ended = [first.go_on(), second].map(|child| child.wait_with_output().unwrap());
    for one in &ended {
        assert!(one.status.success(), "{}", told(one));
    }
    assert_eq!(records(&out).len(), RUNS);
    assert_eq!(
        std::fs::read_dir(out.join("duplicates")).unwrap().count(),
        0
    );
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"finished\"").count(), RUNS, "{journal}");

    let mut windows: Vec<(f64, f64)> = records(&out)
        .values()
        .map(|record| {
            let record = &record["record"];
            let started = record["started"].as_f64().unwrap();
            (
                started,
                started + record["times"]["total_seconds"].as_f64().unwrap(),
            )
        })
        .collect();
    windows.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in windows.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{pair:?} overlap");
    }
}
