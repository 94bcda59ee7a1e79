//! `watch` and `doctor`: the sources that are available.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::{
    StandIn, WATTS, interrupt, json, json_of_any, number, program, sentence, stderr, stdout,
    wattgrad,
};

#[test]
fn ends_with_reasons_where_nothing_can_be_watched() {
    let output = wattgrad(&[
        "watch",
        "--meter",
        "nvml,file:/nowhere/a.log",
        "--interval",
        "0.1",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let text = stderr(&output);
    for once in [
        "nvml: ",
        "file:/nowhere/a.log: ",
        "error: no source shows power",
    ] {
        let lines = text.lines().filter(|line| line.starts_with(once));
        assert_eq!(lines.count(), 1, "{once} in {text}");
    }
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn shows_watts_per_sample() {
    let stand_in = StandIn::new();
    let output = stand_in.run(&["watch", "--interval", "0.3", "--samples", "3", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let samples: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(samples.len(), 3);
    let last = &samples[2]["sources"][0];
    assert_eq!(last["source"], "nvml:0");
    let watts = last["watts"].as_f64().unwrap();
    assert!((watts / WATTS - 1.0).abs() < 0.15, "{watts} W");
    let text = stdout(&stand_in.run(&["watch", "--interval", "0.2", "--samples", "2"]));
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("nvml:0 ") && text.ends_with("W\n"), "{text}");
    // Without a sensor each sample has the reason.
    let output = wattgrad(&[
        "watch",
        "--meter",
        "nvml",
        "--interval",
        "0.1",
        "--samples",
        "1",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let result = json_of_any(&output);
    assert_eq!(result["sources"][0]["status"], "unavailable");
    assert!(result["sources"][0].get("watts").is_none());
}

#[test]
fn ends_without_error_on_interrupt() {
    let mut child = program(&["watch", "--meter", "none", "--interval", "0.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().is_some() && lines.next().is_some());
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn tests_the_selected_meters() {
    let folder = tempfile::tempdir().unwrap();
    let meter = "cmd:while :; do echo \"$(date +%s.%N) 42\"; sleep 0.05; done";
    let elsewhere = "cmd:while :; do echo \"$(($(date +%s) - 1000)).5 42\"; sleep 0.05; done";
    let absent = format!("file:{}", folder.path().join("a.log").display());
    let output = program(&["doctor", "--json", "--meter", meter, "--meter", elsewhere])
        .env("WATTGRAD_METER", "none")
        .args(["--meter", &absent])
        .output()
        .unwrap();
    let found = json(&output);
    let row = |name: &str| {
        let rows = found["energy"].as_array().unwrap();
        assert_eq!(rows.len(), 3, "{found}");
        let row = rows.iter().find(|row| row["source"] == name);
        row.unwrap_or_else(|| panic!("{name} in {found}"))
    };
    assert_eq!(row(meter)["status"], "measured");
    assert!(row(meter).get("reason").is_none(), "{}", row(meter));
    for (name, with) in [(elsewhere, "Unix clock"), (&absent, "cannot be read")] {
        let row = row(name);
        assert_eq!(row["status"], "unavailable");
        assert!(row["reason"].as_str().unwrap().contains(with), "{row}");
        assert!(row["fix"].is_string(), "{row}");
    }
    let output = program(&["doctor"])
        .env("WATTGRAD_METER", &absent)
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(text.contains(&absent) && !text.contains("nvml"), "{text}");
}

#[test]
fn grades_available_sensors() {
    let stand_in = StandIn::new();
    let output = program(&["doctor"])
        .env("WATTGRAD_NVML", stand_in.library)
        .env("XDG_CACHE_HOME", stand_in.folder.path())
        // Without an adapter the card is a sensor by itself.
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .output()
        .unwrap();
    let text = stdout(&output);
    let line = text
        .lines()
        .find(|line| line.contains("nvml:0 (board)"))
        .expect(&text);
    assert!(line.contains("grade B, not calibrated"), "{line}");
}

/// The joules that `measure --log` reads from a log, and the seconds.
fn read_back(log: &str, more: &[&str]) -> (f64, f64) {
    let read = json(&wattgrad(
        &[&["measure", "--log", log, "--json"], more].concat(),
    ));
    (
        number(&read["sources"][0], "joules"),
        number(&read, "seconds"),
    )
}

#[test]
fn writes_a_log_that_measure_reads_back() {
    let stand_in = StandIn::new();
    let log = stand_in.folder.path().join("power.csv");
    let log = log.to_str().unwrap();
    // A meter's counter of 40 J/s beside the card's own.
    let meter = "cmd:while :; do date +%s.%N | awk '{printf \"%s,%.4f\\n\", $1, ($1 % 100000) * 40}'; sleep 0.05; done";
    let lines = "cmd:while :; do echo \"$(date +%s.%N) 42.5\"; sleep 0.05; done";
    let counted = ["watch", "--interval", "0.4", "--samples", "6", "--log", log];
    let output = stand_in.run(
        &[
            &counted[..],
            &["--meter", "nvml", "--meter", meter, "--meter-unit", "J"],
        ]
        .concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for (source, watts, within) in [(meter, 40.0, 1e-3), ("nvml:0", WATTS, 0.05)] {
        let (joules, seconds) = read_back(log, &["--where", &format!("source={source}")]);
        assert!(seconds > 1.5, "{seconds}");
        assert!(
            (joules / seconds / watts - 1.0).abs() < within,
            "{source}: {joules} J in {seconds} s"
        );
    }
    // Several sources are named, not mixed.
    assert!(sentence(&wattgrad(&["measure", "--log", log]), 2).contains("--where source="));
    // A log that exists is not replaced.
    let again = wattgrad(&["watch", "--samples", "1", "--log", log]);
    assert!(sentence(&again, 2).contains("the file exists"));
    let log = stand_in.folder.path().join("lines.csv");
    let log = log.to_str().unwrap();
    // The lines of a power meter are kept, and a killed program leaves them.
    let mut child = program(&["watch", "--interval", "0.1", "--meter", lines, "--log", log])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    child.kill().unwrap();
    child.wait().unwrap();
    let (joules, seconds) = read_back(log, &[]);
    assert!(seconds > 1.0, "{seconds}");
    assert!(
        (joules / seconds / 42.5 - 1.0).abs() < 1e-3,
        "{joules} J in {seconds} s"
    );
}

#[test]
fn checks_the_log_before_it_watches() {
    let watch = |log: &str| {
        wattgrad(&[
            "watch",
            "--meter",
            "none",
            "--interval",
            "0.1",
            "--log",
            log,
        ])
    };
    let unwritable = sentence(&watch("/nowhere/power.csv"), 1);
    assert!(
        unwritable.contains("cannot write \"/nowhere/power.csv\""),
        "{unwritable}"
    );
    if std::path::Path::new("/dev/full").exists() {
        assert!(sentence(&watch("/dev/full"), 1).contains("No space left"));
    }
}
