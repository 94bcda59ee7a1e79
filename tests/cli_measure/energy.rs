//! The energy of one command.

use std::time::Instant;

use wattgrad::internals::energy::{
    Calibration, Grade, IdlePower, Interval, MeterOptions, RawUnit, SensorModel, SensorSpec,
};

use crate::{StandIn, WATTS, json, number, stderr, stdout, wattgrad};

#[test]
fn runs_a_command_without_any_sensor() {
    let output = wattgrad(&["measure", "--meter", "nvml", "--", "sleep", "0.3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "/nowhere/libnvidia-ml.so.1",
        "fix: ",
        "sleep ran 0.3",
        "exit code 0",
        "energy was not measured",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains(" 0 J") && !text.contains("0.0"), "{text}");
    // Of all sources of a machine without any only the names are printed.
    let text = stdout(&wattgrad(&["measure", "--", "true"]));
    if text.contains("energy was not measured") {
        assert!(
            text.lines().count() == 2 && text.contains("unavailable: nvml, "),
            "{text}"
        );
        assert!(text.contains("wattgrad doctor"), "{text}");
    }
}

#[test]
fn words_of_one_command_are_not_compared() {
    let output = wattgrad(&["measure", "--runs", "1", "sleep", "0.1"]);
    assert_ne!(output.status.code(), Some(0));
    let text = stderr(&output);
    assert!(text.contains("wattgrad measure -- sleep 0.1"), "{text}");
}

#[test]
fn json_omits_missing_figures() {
    let result = json(&wattgrad(&[
        "measure", "--meter", "nvml", "--json", "--", "sleep", "0.1",
    ]));
    assert!((0.1..5.0).contains(&result["seconds"].as_f64().unwrap()));
    assert_eq!(result["exit_code"], 0);
    let rows = result["sources"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let row = rows[0].as_object().unwrap();
    assert_eq!(row["source"], "nvml");
    assert_eq!(row["scope"], "board");
    assert_eq!(row["method"], "counter");
    assert_eq!(row["status"], "unavailable");
    assert!(row["reason"].as_str().unwrap().contains("/nowhere/"));
    for absent in [
        "joules",
        "ci_low",
        "ci_high",
        "accuracy_low",
        "accuracy_high",
        "grade",
    ] {
        assert!(!row.contains_key(absent), "{absent} in {row:?}");
    }
}

#[test]
fn joules_are_watts_times_seconds() {
    let stand_in = StandIn::new();
    let began = Instant::now();
    let output = stand_in.run(&["measure", "--json", "--", "sleep", "1"]);
    let most = began.elapsed().as_secs_f64();
    let result = json(&output);
    let row = &result["sources"][0];
    assert_eq!(
        (&row["source"], &row["status"]),
        (&"nvml:0".into(), &"measured".into())
    );
    let number = |name: &str| number(row, name);
    assert!((1.0..most).contains(&number("seconds")), "{row}");
    // A tick of 4 J at either edge.
    let truth = WATTS * result["seconds"].as_f64().unwrap();
    assert!(
        (number("joules") - truth).abs() < 8.0,
        "{truth} J, not {row}"
    );
    assert!(
        number("ci_low") < truth && truth < number("ci_high"),
        "{truth} in {row}"
    );
    assert!(number("accuracy_low") < number("ci_low"), "{row}");
    assert!(number("accuracy_high") > number("ci_high"), "{row}");
    assert!(row["grade"].is_string(), "{row}");
    let text = stdout(&stand_in.run(&["measure", "--", "sleep", "0.5"]));
    assert!(
        text.contains("nvml:0 measured ") && text.contains("95 % CI"),
        "{text}"
    );
}

/// A calibration of the stand-in's counter, kept in its folder, that saw these watts at rest.
fn calibrated(stand_in: &StandIn, rest: Interval) {
    let options = MeterOptions {
        calibrations: Some(stand_in.folder.path().join("wattgrad/calibrations")),
        ..Default::default()
    };
    let spec = SensorSpec::energy(RawUnit::Millijoule, 1e4, 0.02);
    let mut known = SensorModel::uncalibrated(&spec);
    known.update_interval = Some(0.02);
    known.grade = Some(Grade::A);
    known.idle = Some(IdlePower {
        cold: rest,
        context: rest,
        empty: rest,
    });
    let identity = "nvml GPU-00000000:01:00.0 driver 550.00";
    Calibration::new(identity, known, None)
        .store(&options)
        .unwrap();
}

#[test]
fn reports_joules_above_idle_after_calibration() {
    let stand_in = StandIn::new();
    let bare = json(&stand_in.run(&["measure", "--json", "--", "sleep", "0.5"]));
    let row = bare["sources"][0].as_object().unwrap();
    assert!(!row.keys().any(|key| key.contains("idle")), "{row:?}");

    calibrated(&stand_in, Interval::around(50.0, 1.0));
    let result = json(&stand_in.run(&["measure", "--json", "--", "sleep", "1"]));
    let row = &result["sources"][0];
    let number = |name: &str| number(row, name);
    let seconds = number("seconds");
    let above = number("above_idle_joules");
    assert!(
        (above - (number("joules") - 50.0 * seconds)).abs() < 1e-6,
        "{row}"
    );
    // The rest's own half-width, 1 W, and the window's, as independent errors.
    let gross = (number("ci_high") - number("ci_low")) / 2.0;
    let half = (number("above_idle_ci_high") - number("above_idle_ci_low")) / 2.0;
    assert!((half - gross.hypot(seconds)).abs() < 1e-6, "{row}");
    let truth = (WATTS - 50.0) * seconds;
    assert!(
        number("above_idle_accuracy_low") < number("above_idle_ci_low")
            && number("above_idle_ci_low") < truth
            && truth < number("above_idle_ci_high")
            && number("above_idle_ci_high") < number("above_idle_accuracy_high"),
        "{row}"
    );
    assert_eq!(
        row["idle_watts"],
        serde_json::json!({"low": 49.0, "high": 51.0})
    );

    let text = stdout(&stand_in.run(&["measure", "--", "sleep", "0.5"]));
    let line = text
        .lines()
        .find(|line| line.contains("above idle"))
        .expect(&text);
    assert!(
        line.starts_with("nvml:0: ") && line.contains("50 W idle power") && line.len() <= 80,
        "{line}"
    );
    let text = stdout(&stand_in.run(&["measure", "--runs", "2", "sleep 0.3", "sleep 0.6"]));
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("J above idle"))
        .collect();
    assert!(
        lines.len() == 2 && lines[1].starts_with("2: nvml:0: "),
        "{text}"
    );
}
