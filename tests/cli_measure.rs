//! `wattgrad measure` and `watch` from outside: exit codes, output, and joules through a stand-in NVML that the test
//! compiles.
#![cfg(all(feature = "cli", unix))]

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use wattgrad::internals::energy::{
    Calibration, Grade, IdlePower, Interval, MeterOptions, RawUnit, SensorModel, SensorSpec,
};

/// The program, untouched by whatever the caller's environment chooses, on a machine without NVML.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    command.args(args).stdin(Stdio::null());
    for name in ["WATTGRAD_ADAPTER", "WATTGRAD_METER", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("WATTGRAD_NVML", "/nowhere/libnvidia-ml.so.1");
    command
}

fn wattgrad(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", stdout(output)))
}

/// The one sentence of a command that ended with `code` and printed no result.
fn sentence(output: &Output, code: i32) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(stdout(output), "");
    let told: Vec<&str> = text.lines().collect();
    assert!(
        told.len() == 1 && told[0].starts_with("error: "),
        "not one sentence: {text}"
    );
    told[0].to_owned()
}

/// One card of `WATTS` that ticks every 20 ms.
struct StandIn {
    _folder: TempDir,
    library: PathBuf,
}

const WATTS: f64 = 200.0;

impl StandIn {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(format!(
                "-DCARDS={{\"00000000:01:00.0\",7,-1,0,0,0,0,0x220410de,0,STEADY,{WATTS:?},0.02}}"
            ))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/nvml.c"))
            .status()
            .expect("a C compiler `cc`, which linking Rust needs as well");
        assert!(status.success(), "the stand-in library does not compile");
        Self {
            _folder: folder,
            library,
        }
    }

    fn run(&self, args: &[&str]) -> Output {
        let args = [args[0], "--meter", "nvml"]
            .iter()
            .chain(&args[1..])
            .copied()
            .collect::<Vec<_>>();
        program(&args)
            .env("WATTGRAD_NVML", &self.library)
            .env("XDG_CACHE_HOME", self._folder.path())
            .output()
            .unwrap()
    }
}

#[test]
fn a_command_without_any_instrument_is_run_and_explained() {
    let output = wattgrad(&["measure", "--meter", "nvml", "--", "sleep", "0.3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "source",
        "/nowhere/libnvidia-ml.so.1",
        "fix: ",
        "sleep ran 0.3",
        "exit code 0",
        "could not be measured here",
        "wattgrad doctor",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let table: Vec<&str> = text.lines().take(2).collect();
    assert!(table.iter().all(|line| line.len() <= 80), "{table:?}");
    assert!(!text.contains(" 0 J") && !text.contains("0.0"), "{text}");
}

#[test]
fn the_end_of_the_command_is_passed_on() {
    let code = |args: &[&str]| {
        wattgrad(&[&["measure", "--meter", "none", "--"], args].concat())
            .status
            .code()
    };
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["false"]), Some(1));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    let killed = wattgrad(&[
        "measure",
        "--meter",
        "none",
        "--",
        "sh",
        "-c",
        "kill -TERM $$",
    ]);
    assert_eq!(killed.status.signal(), Some(15));
    assert!(stdout(&killed).contains("signal 15"), "{}", stdout(&killed));
    let told = json_of_any(&wattgrad(&[
        "measure",
        "--meter",
        "none",
        "--json",
        "--",
        "sh",
        "-c",
        "kill -KILL $$",
    ]));
    assert_eq!(told["exit_code"], 137);
}

fn json_of_any(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_cannot_be_started_is_one_sentence() {
    let missing = wattgrad(&["measure", "--", "no-such-command-here", "-x"]);
    assert!(sentence(&missing, 127).contains("no-such-command-here"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain");
    std::fs::write(&file, "no program").unwrap();
    let plain = wattgrad(&["measure", "--", file.to_str().unwrap()]);
    assert!(sentence(&plain, 126).contains("cannot be started"));
}

#[test]
fn misuse_is_told_by_exit_code_2() {
    for args in [
        &["measure"][..],
        &["measure", "--runs", "0", "true"],
        &["measure", "--runs", "3", "--", "true"],
        &["measure", "true", "--", "true"],
        &["measure", "--column", "watts", "--", "true"],
        &["measure", "--replay", "a.csv", "--column", "watts"],
        &["measure", "--meter", "voltcraft", "--", "true"],
        &["measure", "--assume-watts-per-core=-1", "--", "true"],
        &["watch", "--interval", "0"],
        &["watch", "--samples", "0"],
        &["doctor", "--meter", "voltcraft"],
        &["measure", "--meter-unit", "joules", "--", "true"],
        &["measure", "--meter-unit", "volts", "--", "true"],
    ] {
        assert_eq!(wattgrad(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn output_of_the_command_passes_through_untouched() {
    let script = "printf 'a\\0b\\n'; printf err >&2";
    let output = wattgrad(&["measure", "--meter", "none", "--", "sh", "-c", script]);
    assert!(output.stdout.starts_with(b"a\0b\n"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "err");
    let output = wattgrad(&[
        "measure", "--meter", "none", "--json", "--", "sh", "-c", script,
    ]);
    assert_eq!(json(&output)["exit_code"], 0);
    assert_eq!(output.stderr, b"a\0b\nerr");
    // One command reads our input.
    let mut child = program(&["measure", "--meter", "none", "--", "cat"])
        .stdin(Stdio::from(std::fs::File::open("Cargo.toml").unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success() && text.starts_with("[package]"));
}

#[test]
fn json_has_no_figure_where_there_is_none() {
    let told = json(&wattgrad(&[
        "measure", "--meter", "nvml", "--json", "--", "sleep", "0.1",
    ]));
    assert!((0.1..5.0).contains(&told["seconds"].as_f64().unwrap()));
    assert_eq!(told["exit_code"], 0);
    let rows = told["sources"].as_array().unwrap();
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
fn a_closed_pipe_ends_quietly_with_the_commands_own_code() {
    let mut child = program(&["measure", "--meter", "none", "--", "sh", "-c", "exit 3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(3), String::new())
    );
}

#[test]
fn a_signal_goes_to_the_command_and_the_result_is_told() {
    let mut command = program(&[
        "measure",
        "--meter",
        "none",
        "--",
        "sh",
        "-c",
        "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done",
    ]);
    // What a shell starts in the background ignores interrupts, and a shell cannot trap what was ignored when it began.
    // SAFETY: `signal` is one of the calls that may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let text = stdout(&output);
    assert!(
        text.starts_with("ready\n") && text.contains("exit code 7"),
        "{text}"
    );
}

#[test]
fn joules_of_a_command_are_the_cards_watts_times_its_seconds() {
    let stand_in = StandIn::new();
    let began = Instant::now();
    let output = stand_in.run(&["measure", "--json", "--", "sleep", "1"]);
    let most = began.elapsed().as_secs_f64();
    let told = json(&output);
    let row = &told["sources"][0];
    assert_eq!(
        (&row["source"], &row["status"]),
        (&"nvml:0".into(), &"measured".into())
    );
    let number = |name: &str| {
        row[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} in {row}"))
    };
    assert!((1.0..most).contains(&number("seconds")), "{row}");
    // A tick of 4 J at either edge.
    let truth = WATTS * told["seconds"].as_f64().unwrap();
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
        text.contains("nvml:0 measured ") && text.contains(" +- "),
        "{text}"
    );
}

/// A calibration of the stand-in's counter, kept in its folder, that saw these watts at rest.
fn calibrated(stand_in: &StandIn, rest: Interval) {
    let options = MeterOptions {
        calibrations: Some(stand_in._folder.path().join("wattgrad/calibrations")),
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
fn joules_above_idle_stand_beside_the_gross_ones() {
    let stand_in = StandIn::new();
    let bare = json(&stand_in.run(&["measure", "--json", "--", "sleep", "0.5"]));
    let row = bare["sources"][0].as_object().unwrap();
    assert!(!row.keys().any(|key| key.contains("idle")), "{row:?}");

    calibrated(&stand_in, Interval::around(50.0, 1.0));
    let told = json(&stand_in.run(&["measure", "--json", "--", "sleep", "1"]));
    let row = &told["sources"][0];
    let number = |name: &str| {
        row[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} in {row}"))
    };
    let seconds = number("seconds");
    let above = number("above_idle_joules");
    assert!(
        (above - (number("joules") - 50.0 * seconds)).abs() < 1e-6,
        "{row}"
    );
    // The rest's own half-width, 1 W, and the window's, as independent errors.
    let gross = (number("ci_high") - number("ci_low")) / 2.0;
    let half = (number("above_idle_joules_high") - number("above_idle_joules_low")) / 2.0;
    assert!((half - gross.hypot(seconds)).abs() < 1e-6, "{row}");
    let truth = (WATTS - 50.0) * seconds;
    assert!(
        number("above_idle_absolute_low") < number("above_idle_joules_low")
            && number("above_idle_joules_low") < truth
            && truth < number("above_idle_joules_high")
            && number("above_idle_joules_high") < number("above_idle_absolute_high"),
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
        line.starts_with("nvml:0: ") && line.contains("50 W at rest") && line.len() <= 80,
        "{line}"
    );
    let text = stdout(&stand_in.run(&["measure", "--runs", "2", "sleep 0.3", "sleep 0.6"]));
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("above idle"))
        .collect();
    assert!(
        lines.len() == 2 && lines[1].starts_with("2: nvml:0: "),
        "{text}"
    );
}

#[test]
fn watching_nothing_that_can_be_read_ends_with_its_reasons() {
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
        "error: no source shows watts",
    ] {
        let lines = text.lines().filter(|line| line.starts_with(once));
        assert_eq!(lines.count(), 1, "{once} in {text}");
    }
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn the_doctor_tries_the_meters_that_are_named() {
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
fn commands_are_compared_in_joules() {
    let stand_in = StandIn::new();
    let folder = tempfile::tempdir().unwrap();
    let (file, markdown) = (folder.path().join("a.json"), folder.path().join("a.md"));
    let trace = folder.path().join("order");
    let said = |name: &str| format!("printf {name} >>{}; sleep ", trace.display());
    let (short, long) = (said("S") + "0.4", said("L") + "1.2");
    let prepare = format!("printf p >>{}", trace.display());
    let output = stand_in.run(&[
        "measure",
        "--runs",
        "3",
        "--warmup",
        "1",
        "--prepare",
        &prepare,
        "--export-json",
        file.to_str().unwrap(),
        "--export-markdown",
        markdown.to_str().unwrap(),
        "--json",
        &long,
        &short,
    ]);
    let told = json(&output);
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), "pLpSpSpLpLpSpSpL");
    let commands = told["commands"].as_array().unwrap();
    assert_eq!(commands[0]["command"], long);
    for (command, seconds) in commands.iter().zip([1.2, 0.4]) {
        let runs = command["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 3);
        for run in runs {
            assert_eq!(run["exit_code"], 0);
            assert!(run["seconds"].as_f64().unwrap() >= seconds);
            let joules = run["sources"][0]["joules"].as_f64().unwrap();
            let truth = WATTS * run["seconds"].as_f64().unwrap();
            assert!((joules - truth).abs() < 8.0, "{truth} J, not {run}");
        }
    }
    let comparison = &told["comparison"];
    assert_eq!(comparison["unit"], "joules");
    assert_eq!(comparison["source"], "nvml:0");
    assert_eq!(comparison["least"], short);
    let other = &comparison["others"][0];
    let number = |name: &str| other[name].as_f64().unwrap();
    assert_eq!(
        (&other["command"], &other["pairs"]),
        (&long.clone().into(), &3.into())
    );
    assert!((2.5..3.2).contains(&number("ratio")), "{other}");
    assert!(number("ratio_low") < number("ratio") && number("ratio") < number("ratio_high"));
    assert!(
        comparison["sentence"]
            .as_str()
            .unwrap()
            .contains("joules by nvml:0")
    );

    let exported: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(exported, told);
    let table = std::fs::read_to_string(&markdown).unwrap();
    assert_eq!(
        table.lines().filter(|line| line.starts_with('|')).count(),
        4,
        "{table}"
    );
    assert!(
        table.contains("nvml:0") && table.contains("| 1 |"),
        "{table}"
    );
}

#[test]
fn without_joules_commands_are_compared_in_seconds_and_it_is_said() {
    let args = [
        "measure",
        "--meter",
        "nvml",
        "--runs",
        "3",
        "sleep 0.3",
        "sleep 0.1",
    ];
    let output = wattgrad(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("`sleep 0.3` took ")
            && text.contains("times the seconds of `sleep 0.1`")
            && text.contains("no source measured the joules"),
        "{text}"
    );
    let one = json(&wattgrad(&[
        "measure", "--meter", "none", "--runs", "2", "--json", "true",
    ]));
    assert_eq!(one["commands"][0]["runs"].as_array().unwrap().len(), 2);
    assert!(one.get("comparison").is_none());
}

#[test]
fn a_failing_command_is_not_compared() {
    let output = wattgrad(&["measure", "--meter", "none", "--json", "exit 5", "true"]);
    assert_eq!(output.status.code(), Some(5));
    let told = json_of_any(&output);
    assert_eq!(told["commands"][0]["runs"][0]["exit_code"], 5);
    assert!(told.get("comparison").is_none());
    assert!(stderr(&output).contains("`exit 5` ended with exit code 5"));
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/file.json");
    let output = wattgrad(&[
        "measure",
        "--export-json",
        nowhere.to_str().unwrap(),
        "true",
        "true",
    ]);
    assert!(sentence(&output, 1).contains("file.json"));
    let output = wattgrad(&["measure", "--meter", "none", "--prepare", "exit 9", "true"]);
    assert!(sentence(&output, 1).contains("exit 9"));
}

#[test]
fn watts_are_watched() {
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
    // Without an instrument each sample says why.
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
    let told = json_of_any(&output);
    assert_eq!(told["sources"][0]["status"], "unavailable");
    assert!(told["sources"][0].get("watts").is_none());
}

#[test]
fn watching_ends_well_at_an_interrupt() {
    let child = program(&["watch", "--meter", "none", "--interval", "0.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(600));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).lines().count() >= 2);
}

#[test]
fn the_doctor_grades_what_it_can_open() {
    let stand_in = StandIn::new();
    let output = program(&["doctor"])
        .env("WATTGRAD_NVML", &stand_in.library)
        .env("XDG_CACHE_HOME", stand_in._folder.path())
        // The adapter is not the point: the card is then a row by itself.
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
