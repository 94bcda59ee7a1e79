//! Processes that are killed or interrupted, and files that are cut off.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::stopped::start_and_stop;
use super::{RUNS, folder, json, output, printed, records, run, wattgrad};

fn spawn(file: &str, out: &std::path::Path) -> Child {
    wattgrad(&[
        "study",
        "run",
        file,
        "--quiet",
        "--out",
        out.to_str().unwrap(),
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap()
}

#[test]
fn ten_kills_lose_no_run_and_repeat_none() {
    let (_whole, file, unbroken) = folder();
    assert!(run(&file, &unbroken).status.success());
    let (_folder, file, out) = folder();
    let mut draw = fastrand::Rng::with_seed(20);
    let mut finished = 0;
    for _ in 0..10 {
        let mut child = spawn(&file, &out);
        sleep(Duration::from_millis(draw.u64(100..2500)));
        finished += usize::from(child.try_wait().unwrap().is_some());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(finished < 10, "no kill interrupted a run");
    // On a slow machine no run may have ended yet.
    if records(&out).is_empty() {
        let mut child = spawn(&file, &out);
        while records(&out).is_empty() {
            assert!(child.try_wait().unwrap().is_none());
            sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // A record that is cut off is found, and its run is repeated.
    let first = records(&out).into_keys().next().unwrap();
    let first = out.join("runs").join(format!("{first}.json"));
    let whole = std::fs::read(&first).unwrap();
    std::fs::write(&first, &whole[..whole.len() / 2]).unwrap();
    let status = output(&["study", "status", out.to_str().unwrap()]);
    assert!(
        printed(&status).contains("is damaged"),
        "{}",
        printed(&status)
    );
    let last = run(&file, &out);
    assert!(last.status.success(), "{}", printed(&last));
    let damaged = std::fs::read_dir(out.join("damaged")).unwrap().count();
    assert_eq!(damaged, 1);

    let (broken, unbroken) = (records(&out), records(&unbroken));
    assert_eq!(broken.len(), RUNS);
    assert!(broken.keys().eq(unbroken.keys()));
    for (id, record) in &broken {
        assert_eq!(repeatable(record), repeatable(&unbroken[id]), "{id}");
    }
    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", printed(&verified));
}

#[test]
fn saves_and_repeats_an_interrupted_run() {
    let (_folder, file, out) = folder();
    let stopped = start_and_stop(&file, &out, libc::SIG_DFL);
    stopped.signal("INT");
    let ended = stopped.resume().wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", printed(&ended));
    assert!(records(&out).len() < RUNS);
    let status = output(&["study", "status", out.to_str().unwrap(), "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        status["done"].as_u64().unwrap() as usize,
        records(&out).len()
    );
    let last = run(&file, &out);
    assert!(last.status.success(), "{}", printed(&last));
    assert_eq!(records(&out).len(), RUNS);
    for record in records(&out).values() {
        assert_ne!(record["outcome"], "interrupted");
    }
    // The current run may just have ended.
    for aside in std::fs::read_dir(out.join("interrupted")).unwrap() {
        assert_eq!(json(&aside.unwrap().path())["outcome"], "interrupted");
    }
}

/// The part of a record that is the same when the run is repeated: no times, readings or state of the machine.
fn repeatable(record: &Value) -> Value {
    let mut kept = record.clone();
    kept.as_object_mut().unwrap().remove("sha256");
    let training = kept["record"].as_object_mut().unwrap();
    for key in [
        "started",
        "durations",
        "energy",
        "energy_per_step",
        "energy_per_evaluation",
        "energy_to_end",
        "energy_by_phase",
        "metered_windows",
        "steps_after_divergence",
        "contention",
        "program",
    ] {
        training.remove(key);
    }
    training["work"].as_object_mut().unwrap().remove("submits");
    timeless(&mut kept);
    kept
}

fn timeless(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("seconds");
            map.remove("training_seconds");
            map.values_mut().for_each(timeless);
        }
        Value::Array(all) => all.iter_mut().for_each(timeless),
        _ => {}
    }
}
