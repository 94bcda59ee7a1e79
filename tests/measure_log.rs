//! `wattgrad measure --log`: invented recordings with known energy and, where `WATTGRAD_TRACES` names a folder of them,
//! recordings of a GPU's sensor beside an external power meter.
#![cfg(feature = "cli")]

mod skip;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use skip::skipped;

fn measure(file: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattgrad"))
        .env_remove("WATTGRAD_METER")
        .args(["measure", "--log"])
        .arg(file)
        .args(more)
        .output()
        .unwrap()
}

fn row(file: &Path, more: &[&str]) -> Value {
    let output = measure(file, &[more, &["--json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told.get("exit_code").is_none(), "{told}");
    assert_eq!(told["sources"].as_array().unwrap().len(), 1);
    told["sources"][0].clone()
}

fn refused(file: &Path, more: &[&str], code: i32) -> String {
    let output = measure(file, more);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(
        output.stdout.is_empty() && told.lines().count() == 1,
        "{told}"
    );
    told
}

fn number(row: &Value, name: &str) -> f64 {
    row[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name} in {row}"))
}

/// 20 s at 100 Hz: 50 W, from the 5th to the 15th second 150 W, with a ripple; the counter beside it ticks as often.
fn made_up() -> String {
    let mut text = String::from("time_s,other,power_w,joules\n");
    let mut joules = 1000.0;
    for look in 0..2000 {
        let at = f64::from(look) * 0.01 - 2.0;
        let watts = if (5.0..15.0).contains(&at) {
            150.0
        } else {
            50.0
        };
        let ripple = if look % 2 == 0 { 1.0 } else { -1.0 };
        joules += 0.01 * watts;
        text += &format!("{at:.3},7,{:.2},{joules:.4}\n", watts + ripple);
    }
    text
}

#[test]
fn integrates_power_and_subtracts_energy() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("a.csv");
    std::fs::write(&plain, made_up()).unwrap();
    // The ending says nothing; the first bytes do.
    let packed = folder.path().join("b.csv");
    let mut gz = GzEncoder::new(File::create(&packed).unwrap(), Default::default());
    gz.write_all(made_up().as_bytes()).unwrap();
    gz.finish().unwrap();
    // Between 8 and 12 s: 4 s of 150 W.
    let window = ["--from", "8", "--to", "12"];
    for file in [&plain, &packed] {
        for (column, unit) in [("power_w", "watts"), ("joules", "joules")] {
            let args = [&["--column", column, "--unit", unit], &window[..]].concat();
            let row = row(file, &args);
            assert_eq!(row["source"], format!("log:{column}"));
            assert_eq!(row["status"], "measured");
            assert!((number(&row, "joules") - 600.0).abs() < 6.0, "{row}");
            assert!(number(&row, "ci_low") <= 600.0 && 600.0 <= number(&row, "ci_high"));
            assert!((number(&row, "seconds") - 4.0).abs() < 1e-9);
        }
    }
    // All of it: 10 s of 150 W and the rest of 50 W; negative seconds are seconds.
    let row = row(&plain, &["--column", "power_w", "--unit", "watts"]);
    let truth = 10.0 * 150.0 + (19.99 - 10.0) * 50.0;
    assert!(
        (number(&row, "joules") - truth).abs() < 20.0,
        "{truth}: {row}"
    );
}

#[test]
fn averaging_widens_the_interval() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, made_up()).unwrap();
    let width = |more: &[&str]| {
        let row = row(
            &file,
            &[&["--column", "power_w", "--from", "2", "--to", "12"], more].concat(),
        );
        number(&row, "ci_high") - number(&row, "ci_low")
    };
    assert!(width(&["--averaging", "1"]) > width(&[]) + 50.0);
}

#[test]
fn names_the_file_and_tells_misuse_from_a_bad_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("t,power,average\n0,1,2\n1,2,3\n");
    let message = refused(&file, &["--column", "watts"], 2);
    assert!(
        message.contains("a.csv")
            && message.contains("\"watts\"")
            && message.contains("power, average"),
        "{message}"
    );
    write("t,watts\n0,1\n1,-2\n");
    assert!(refused(&file, &[], 1).contains("line 3"));
    write("t,watts\n0,1\n1,2\n");
    assert!(refused(&file, &["--to", "5"], 2).contains("the last row of the log at 1 s"));
    write("t,joules\n0,0\n1,0\n2,0\n");
    assert!(refused(&file, &[], 2).contains("does not change"));
    write("");
    assert!(refused(&file, &[], 1).contains("is empty"));
    assert!(refused(&folder.path().join("none.csv"), &[], 1).contains("none.csv"));
}

#[test]
fn reads_stdin_and_says_how_it_read_the_log() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wattgrad"))
        .args(["measure", "--log", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(made_up().replace(",joules", ",other2").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("power \"power_w\" in W"), "{text}");
}

/// Columns of a gzipped table by name.
fn columns(path: &Path) -> (Vec<String>, Vec<Vec<f64>>) {
    let mut text = String::new();
    let file = File::open(path).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let names: Vec<String> = lines
        .next()
        .unwrap()
        .split(',')
        .map(str::to_owned)
        .collect();
    let mut columns = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(cell.parse().unwrap());
        }
    }
    (names, columns)
}

/// Joules between two times, by the trapezoid rule with both ends on the straight line between their readings.
fn trapezoid(times: &[f64], watts: &[f64], from: f64, to: f64) -> f64 {
    let mut joules = 0.0;
    for (time, power) in times.windows(2).zip(watts.windows(2)) {
        let (a, b) = (time[0].max(from), time[1].min(to));
        if b > a {
            let at =
                |t: f64| power[0] + (power[1] - power[0]) * (t - time[0]) / (time[1] - time[0]);
            joules += (b - a) * (at(a) + at(b)) / 2.0;
        }
    }
    joules
}

#[test]
fn accuracy_interval_holds_the_joules_of_an_external_meter() {
    let Some(folder) = std::env::var_os("WATTGRAD_TRACES").map(PathBuf::from) else {
        skipped(
            "accuracy_interval_holds_the_joules_of_an_external_meter",
            "WATTGRAD_TRACES names no folder of recordings",
        );
        return;
    };
    let mut replayed = 0;
    let mut sensors: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|why| panic!("WATTGRAD_TRACES={}: {why}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".nvml.csv.gz"))
        .collect();
    sensors.sort();
    for sensor in sensors {
        let name = sensor
            .to_string_lossy()
            .replace(".nvml.csv.gz", ".meter.csv.gz");
        let (_, meter) = columns(Path::new(&name));
        let (names, shown) = columns(&sensor);
        let (times, watts) = (&meter[0], &meter[1]);
        let from = times[0].max(shown[0][0]);
        let to = times.last().unwrap().min(*shown[0].last().unwrap());
        let truth = trapezoid(times, watts, from, to);
        for column in ["power_w", "instant_w"] {
            if !names.iter().any(|name| name == column) {
                continue;
            }
            let (from, to) = (from.to_string(), to.to_string());
            let row = row(
                &sensor,
                &[
                    "--column", column, "--unit", "watts", "--from", &from, "--to", &to,
                ],
            );
            let (low, high) = (number(&row, "accuracy_low"), number(&row, "accuracy_high"));
            eprintln!(
                "{}: {column} {:.1} J ({low:.1} to {high:.1}), outside {truth:.1} J",
                sensor.display(),
                number(&row, "joules")
            );
            assert!(
                low <= truth && truth <= high,
                "{truth} J by the outside meter: {row}"
            );
            // An interval that holds anything says nothing.
            assert!(high - low < 0.4 * truth, "{row}");
            replayed += 1;
        }
    }
    assert!(replayed > 0, "no NAME.nvml.csv.gz in {}", folder.display());
}
