//! Idle power by a baseline, and the phases of a command, on a meter whose power the test sets.

use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::{json, number, program, stdout, wattgrad};

/// A meter that shows the watts of a file, which commands write.
struct Bench {
    folder: TempDir,
    meter: String,
}

impl Bench {
    fn new(watts: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let level = folder.path().join("level");
        std::fs::write(&level, format!("{watts}\n")).unwrap();
        let level = level.display();
        let meter = format!(
            "cmd:while :; do read w <{level}; echo \"$(date +%s.%N) $w\"; sleep 0.02; done"
        );
        Self { folder, meter }
    }

    /// A shell line that makes the meter show `watts`. A rename, because the meter must not read an empty file.
    fn draw(&self, watts: f64) -> String {
        let level = self.folder.path().join("level");
        let level = level.display();
        format!("echo {watts} >{level}.new; mv {level}.new {level}")
    }

    fn run(&self, args: &[&str]) -> Output {
        let args = [&["measure", "--meter", &self.meter], args].concat();
        program(&args).output().unwrap()
    }
}

fn only(sources: &Value) -> &Value {
    assert_eq!(sources.as_array().unwrap().len(), 1, "{sources}");
    &sources[0]
}

#[test]
fn phases_have_the_joules_of_their_power() {
    let bench = Bench::new(40.0);
    let phases = [("", 100.0, 1.0), ("1", 250.0, 1.5), ("2", 60.0, 1.2)];
    let mut script = String::new();
    for (name, watts, seconds) in phases {
        if !name.is_empty() {
            script += &format!("echo 'epoch {name}: loss 1'; ");
        }
        script += &format!("{}; sleep {seconds}; ", bench.draw(watts));
    }
    script += &format!("echo epoch 3; {}", bench.draw(40.0));
    let args = [
        "--json",
        "--phase",
        r"epoch (\d+)",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let output = bench.run(&args);
    let result = json(&output);
    assert!(crate::stderr(&output).contains("epoch 1: loss 1\nepoch 2: loss 1\nepoch 3\n"));
    let found = result["phases"].as_array().unwrap();
    let names: Vec<&str> = found
        .iter()
        .map(|phase| phase["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["before the first match", "1", "2", "3"]);
    let mut sum = 0.0;
    for (phase, (name, watts, seconds)) in found.iter().zip(phases) {
        let row = only(&phase["sources"]);
        let took = number(phase, "seconds");
        assert!((seconds..seconds + 1.0).contains(&took), "{name}: {took} s");
        let (joules, truth) = (number(row, "joules"), watts * took);
        assert!(
            number(row, "ci_low") <= truth && truth <= number(row, "ci_high"),
            "{name}: {truth} J, not {row}"
        );
        assert!(
            (joules / truth - 1.0).abs() < 0.2,
            "{name}: {truth} J, not {row}"
        );
        sum += joules;
    }
    // The last is shorter than the meter resolves.
    let last = only(&found[3]["sources"]);
    assert_eq!(last["status"], "unavailable", "{last}");
    assert!(
        last["reason"].as_str().unwrap().contains("too few updates"),
        "{last}"
    );
    assert!(last.get("joules").is_none() && last.get("grade").is_none());
    let whole = only(&result["sources"]);
    let half = (number(whole, "ci_high") - number(whole, "ci_low")) / 2.0;
    let slack = half + 250.0 * number(&found[3], "seconds");
    assert!(
        (sum - number(whole, "joules")).abs() <= slack,
        "{sum} J of {whole}"
    );
    let seconds: f64 = found.iter().map(|phase| number(phase, "seconds")).sum();
    assert!((seconds - number(whole, "seconds")).abs() < 1e-6);
}

#[test]
fn phases_leave_the_output_as_it_is() {
    let bare = [
        "measure", "--meter", "none", "--phase", "^b", "--", "sh", "-c",
    ];
    let script = "printf 'a\\0\\377\\nb\\nb without end'; printf err >&2; exit 3";
    let output = wattgrad(&[&bare[..], &[script]].concat());
    assert!(
        output.stdout.starts_with(b"a\0\xff\nb\nb without end"),
        "{}",
        stdout_lossy(&output)
    );
    assert_eq!(
        (output.stderr.as_slice(), output.status.code()),
        (&b"err"[..], Some(3))
    );
    let rows = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("b "))
        .count();
    assert_eq!(rows, 2, "{}", stdout_lossy(&output));
    let text = stdout(&wattgrad(&[&bare[..], &["echo a"]].concat()));
    assert!(
        text.contains("no line of the output matched --phase"),
        "{text}"
    );
    // Lines that a buffer held back are no phases.
    let text = stdout(&wattgrad(&[&bare[..], &["printf 'b\\nb\\nb\\n'"]].concat()));
    assert!(
        text.contains("arrived together") && text.contains("stdbuf -oL"),
        "{text}"
    );
    // A process that is left behind holds neither the result nor its own output back.
    let text = stdout(&wattgrad(
        &[&bare[..], &["echo b; (sleep 3; echo late) & exit 0"]].concat(),
    ));
    assert!(
        text.contains("still keeps its output open") && text.ends_with("late\n"),
        "{text}"
    );
    let chatty = "echo b; (for i in 1 2 3 4 5 6; do sleep 0.4; echo b; done) & exit 0";
    let text = stdout(&wattgrad(&[&bare[..], &[chatty]].concat()));
    assert!(text.contains("still keeps its output open"), "{text}");
}

fn stdout_lossy(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_baseline_gives_joules_above_idle() {
    let bench = Bench::new(40.0);
    let script = format!("{}; sleep 2; {}", bench.draw(150.0), bench.draw(40.0));
    let args = [
        "--json",
        "--baseline",
        "2s",
        "--assume-watts-per-core",
        "10",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let result = json(&bench.run(&args));
    let row = &result["sources"][0];
    let seconds = number(row, "seconds");
    let (above, idle) = (number(row, "above_idle_joules"), &row["idle_watts"]);
    assert_eq!(row["above_idle_from"], "baseline");
    let middle = f64::midpoint(number(idle, "low"), number(idle, "high"));
    assert!((middle - 40.0).abs() < 1.0, "{idle}");
    assert!((above - (number(row, "joules") - middle * seconds)).abs() < 1e-6);
    let truth = 110.0 * seconds;
    assert!(
        number(row, "above_idle_ci_low") <= truth && truth <= number(row, "above_idle_ci_high"),
        "{truth} J, not {row}"
    );
    // The interval has the errors of both: half of the run's, and the idle power's over the window.
    let half = |low: &str, high: &str| (number(row, high) - number(row, low)) / 2.0;
    let own = half("ci_low", "ci_high");
    let of_idle = (number(idle, "high") - number(idle, "low")) / 2.0 * seconds;
    let both = half("above_idle_ci_low", "above_idle_ci_high");
    assert!((both - own.hypot(of_idle)).abs() < 1e-6, "{row}");
    // Assumed joules have no idle power that was measured.
    let assumed = &result["sources"][1];
    assert_eq!(assumed["status"], "assumed");
    assert!(assumed.get("above_idle_joules").is_none(), "{assumed}");
    let baseline = &result["baseline"];
    assert_eq!(baseline["seconds"], 2.0);
    assert_eq!(baseline["sources"].as_array().unwrap().len(), 1);
}

#[test]
fn commands_are_also_compared_above_idle() {
    let bench = Bench::new(40.0);
    // 200 W and 80 W: 2.5 times the energy, and 4 times above an idle power of 40 W.
    let [high, low] = [200.0, 80.0]
        .map(|watts| format!("{}; sleep 1.5; {}", bench.draw(watts), bench.draw(40.0)));
    let names = ["-n", "high", "-n", "low"];
    let args = [
        &["--json", "--baseline", "1s", "--runs", "2"],
        &names[..],
        &[&high, &low],
    ];
    let result = json(&bench.run(&args.concat()));
    let other = &result["comparison"]["others"][0];
    let interval = &other["above_idle_ratio_ci"];
    let (above, total) = (number(other, "above_idle_ratio"), number(other, "ratio"));
    assert!(
        (total - 2.5).abs() < 0.2 && (above - 4.0).abs() < 0.4,
        "{other}"
    );
    assert!(
        number(interval, "low") <= 4.0 && number(interval, "high") >= 4.0,
        "{other}"
    );
    let sentence = result["comparison"]["sentence"].as_str().unwrap();
    assert!(sentence.contains(", above idle "), "{sentence}");
}

#[test]
fn a_baseline_names_a_drift_of_idle_power() {
    let bench = Bench::new(40.0);
    let (load, rest) = (bench.draw(150.0), bench.draw(60.0));
    let line = format!("{load}; sleep 1.5; {rest}");
    let output = bench.run(&["--json", "--baseline", "2s", "--runs", "2", &line]);
    let result = json(&output);
    let notes = result["baseline"]["notes"].to_string();
    assert!(
        notes.contains("idle power was 40") && notes.contains("60"),
        "{notes}"
    );
    // The idle power during the runs was between the two.
    let watts = &result["baseline"]["sources"][0]["watts"];
    assert!(
        number(watts, "low") <= 40.5 && number(watts, "high") >= 59.5,
        "{watts}"
    );
    for run in result["commands"][0]["runs"].as_array().unwrap() {
        let row = only(&run["sources"]);
        assert_eq!(row["above_idle_from"], "baseline", "{row}");
    }
    let text = stdout(&bench.run(&["--baseline", "1s", "--runs", "2", &line]));
    let line = text
        .lines()
        .find(|line| line.contains("above idle ("))
        .expect(&text);
    assert!(line.contains("idle power by --baseline"), "{line}");
}
