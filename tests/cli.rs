//! The program from outside: what it prints, where, and with which exit code.
#![cfg(feature = "cli")]

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const COMMANDS: [&str; 8] = [
    "measure",
    "watch",
    "doctor",
    "calibrate",
    "train",
    "explain",
    "completions",
    "man",
];

/// The program, untouched by whatever the caller's environment chooses.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    command.args(args).stdin(Stdio::null());
    for name in [
        "WATTGRAD_ADAPTER",
        "WATTGRAD_METER",
        "WATTGRAD_DATA",
        "WATTGRAD_SHADERS",
        "RUST_LOG",
        "NO_COLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    command
}

fn wattgrad(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

/// A short run on the embedded digits.
fn train(more: &[&str]) -> Output {
    let args = [&["train", "--data", "digits", "--max-steps", "3"], more].concat();
    wattgrad(&args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeded(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

/// The one sentence of a command that ended with `code`.
fn sentence(output: &Output, code: i32) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(
        output.stdout.is_empty(),
        "a result was printed: {}",
        stdout(output)
    );
    let told: Vec<&str> = text.lines().filter(|l| l.starts_with("error:")).collect();
    assert_eq!(told.len(), 1, "{text}");
    assert!(
        !text.contains("panicked") && !text.contains('\x1b'),
        "{text}"
    );
    told[0].to_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_version_names_features_and_licence() {
    let output = wattgrad(&["--version"]);
    succeeded(&output);
    let text = stdout(&output);
    assert!(
        text.starts_with(concat!("wattgrad ", env!("CARGO_PKG_VERSION"), "\n")),
        "{text}"
    );
    assert!(text.contains("features: gpu, cli"), "{text}");
    let gpl = cfg!(all(feature = "rapl", target_os = "linux"));
    assert_eq!(text.contains("GPL-3.0"), gpl, "{text}");
    assert!(text.contains("MIT OR Apache-2.0"), "{text}");
}

#[test]
fn every_help_ends_with_two_examples_that_name_real_flags() {
    for command in [&[][..], &COMMANDS.map(Some)]
        .concat()
        .into_iter()
        .chain([None])
    {
        let args: Vec<&str> = command.into_iter().chain(["--help"]).collect();
        let output = wattgrad(&args);
        succeeded(&output);
        let text = stdout(&output);
        let (before, examples) = text.rsplit_once("Examples:\n").expect(&text);
        let examples: Vec<&str> = examples.lines().collect();
        assert_eq!(examples.len(), 2, "{text}");
        for example in examples {
            let start = format!("  wattgrad {}", command.unwrap_or_default());
            assert!(example.starts_with(&start), "{example}");
            if command.is_some() {
                for flag in example.split_whitespace().filter(|w| w.starts_with("--")) {
                    assert!(before.contains(&format!("{flag} ")), "{flag} in {example}");
                }
            }
        }
    }
}

#[test]
fn the_root_help_lists_every_command_in_its_group() {
    let text = stdout(&wattgrad(&["--help"]));
    for (group, next, members) in [
        ("\nMeasure\n", "\nTrain\n", &COMMANDS[..4]),
        ("\nTrain\n", "\nMore\n", &COMMANDS[4..6]),
        ("\nMore\n", "\nOptions\n", &COMMANDS[6..]),
    ] {
        let part = text
            .split_once(group)
            .unwrap()
            .1
            .split_once(next)
            .unwrap()
            .0;
        let listed: Vec<&str> = part
            .lines()
            .filter_map(|l| l.split_whitespace().next())
            .collect();
        assert_eq!(listed, members);
    }
    let nothing = wattgrad(&[]);
    assert_eq!(nothing.status.code(), Some(2), "no command is misuse");
    assert!(stderr(&nothing).contains("Usage"));
    assert_eq!(wattgrad(&["study"]).status.code(), Some(2));
}

#[test]
fn bad_values_are_told_in_one_sentence() {
    for (args, told) in [
        (&["--lr", "-1"][..], "learning rate of -1"),
        (&["--lr", "nan"], "learning rate of NaN"),
        (&["--lr=-inf"], "learning rate of -inf"),
        (&["--momentum", "1"], "momentum of 1"),
        (&["--momentum", "-0.5"], "momentum of -0.5"),
        (&["--weight-decay", "-1e-4"], "weight decay of -0.0001"),
        (
            &["--nesterov", "--momentum", "0"],
            "nesterov needs a momentum",
        ),
        (&["--batch-size", "0"], "batch size of 0"),
        (&["--eval-batch-size", "0"], "evaluation batch size of 0"),
        (&["--batch-size", "60001"], "batch size of 60001 is above"),
        (&["--model", "vgg"], "vgg"),
        (&["--order", "random"], "no order \"random\""),
        (&["--optimizer", "adamw"], "no optimizer \"adamw\""),
        (&["--meter", "voltcraft"], "`voltcraft`"),
        (&["--data", "no/such/folder"], "no/such/folder"),
        (&["--data", "Cargo.toml"], "Cargo.toml"),
        (&["--eval-every", "0"], "every 0 epochs"),
        (&["--eval-every", "-1"], "every -1 epochs"),
        (&["--target-accuracy", "86"], "write 86 % as 0.86"),
        (&["--assume-watts-per-core", "-7"], "-7 W per core"),
    ] {
        let error = sentence(&train(args), 2);
        assert!(error.contains(told), "{args:?}: {error}");
    }
    // What is no number at all is the flag parser's to tell.
    for args in [["--lr", "fast"], ["--batch-size", "-1"], ["--seed", "1.5"]] {
        assert_eq!(train(&args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn known_names_are_part_of_the_sentence() {
    let error = sentence(&train(&["--model", "vgg"]), 2);
    for name in ["mlp", "cnn", "resnet8"] {
        assert!(error.contains(name), "{error}");
    }
    let error = sentence(&train(&["--meter", "voltcraft"]), 2);
    for name in ["auto", "none", "nvml", "rapl", "cpu-time"] {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn flags_have_environment_twins() {
    let output = program(&["train", "--data", "digits"])
        .env("WATTGRAD_METER", "voltcraft")
        .output()
        .unwrap();
    assert!(sentence(&output, 2).contains("`voltcraft`"));
    let output = program(&["doctor"])
        .env("WATTGRAD_ADAPTER", "no such card")
        .output()
        .unwrap();
    if adapters() > 0 {
        assert!(sentence(&output, 2).contains("no such card"));
    }
}

fn doctor() -> Value {
    let output = wattgrad(&["doctor", "--json"]);
    succeeded(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn adapters() -> usize {
    doctor()["adapters"].as_array().unwrap().len()
}

#[test]
fn the_doctor_finds_adapters_sources_and_data() {
    let found = doctor();
    assert_eq!(found["schema"], 1);
    let adapters = found["adapters"].as_array().unwrap();
    let chosen = adapters.iter().filter(|a| a["chosen"] == true).count();
    assert_eq!(chosen, usize::from(!adapters.is_empty()));
    let sources: Vec<&str> = found["energy"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            if row["status"] == "unavailable" {
                assert!(
                    row["reason"].as_str().is_some_and(|r| !r.is_empty()),
                    "{row}"
                );
            }
            row["source"].as_str().unwrap()
        })
        .collect();
    for family in ["nvml", "rapl", "cpu-time"] {
        assert!(sources.iter().any(|s| s.starts_with(family)), "{sources:?}");
    }
    let data = found["data"].as_array().unwrap();
    assert!(
        data.iter()
            .any(|d| d["spec"] == "digits" && d["present"] == true)
    );
    assert_eq!(data.iter().filter(|d| d["auto"] == true).count(), 1);

    let text = stdout(&wattgrad(&["doctor"]));
    for adapter in adapters {
        assert!(text.contains(adapter["name"].as_str().unwrap()), "{text}");
    }
    for part in ["Adapters", "Energy", "Data", "digits", "to open it:"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_any_driver_the_doctor_says_how_to_get_one_and_training_fails() {
    let blind = |args: &[&str]| {
        program(args)
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .output()
            .unwrap()
    };
    let output = blind(&["doctor"]);
    succeeded(&output);
    let text = stdout(&output);
    assert!(text.contains("no graphics adapter was found"), "{text}");
    assert!(
        text.contains("mesa-vulkan-drivers") && text.contains("Data"),
        "{text}"
    );
    let output = blind(&["doctor", "--json"]);
    succeeded(&output);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["adapters"], Value::Array(vec![]));
    assert!(
        found["problem"]
            .as_str()
            .unwrap()
            .contains("no graphics adapter")
    );
    let error = sentence(&blind(&["train", "--data", "digits"]), 1);
    assert!(error.contains("no graphics adapter was found"), "{error}");
}

#[test]
fn completions_and_manual_speak_of_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = wattgrad(&["completions", shell]);
        succeeded(&output);
        let script = stdout(&output);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
        if ["bash", "zsh", "fish"].contains(&shell) {
            assert!(script.contains("resnet8"), "{shell} completes values");
        }
    }
    assert_eq!(wattgrad(&["completions", "tcsh"]).status.code(), Some(2));
    let page = stdout(&wattgrad(&["man"]));
    assert!(page.contains(".TH wattgrad 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    succeeded(&wattgrad(&["man", "--out", pages.to_str().unwrap()]));
    for command in COMMANDS {
        let page = std::fs::read_to_string(pages.join(format!("wattgrad-{command}.1"))).unwrap();
        assert!(page.contains("Examples"), "{command}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    for args in [
        &["--help"][..],
        &["completions", "zsh"],
        &["man"],
        &["doctor"],
        &[
            "train",
            "--data",
            "digits",
            "--max-steps",
            "1",
            "--json",
            "--quiet",
        ],
    ] {
        let mut child = program(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The reading end is gone before anything is printed.
        drop(child.stdout.take());
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(0), "{args:?}: {told}");
        assert_eq!(told, "", "{args:?}");
    }
}

#[test]
fn results_go_to_stdout_and_progress_to_stderr() {
    let output = train(&[]);
    succeeded(&output);
    let (result, progress) = (stdout(&output), stderr(&output));
    for line in [
        "model ", "data ", "device ", "result ", "time ", "rate ", "work ", "energy ",
    ] {
        assert!(
            result.lines().any(|l| l.starts_with(line)),
            "{line} in {result}"
        );
    }
    assert!(
        result.contains("digits") && result.contains("after 3 steps"),
        "{result}"
    );
    assert!(
        result.contains("nvml: unavailable: ") || result.contains("nvml:0"),
        "{result}"
    );
    assert!(
        progress.contains("accuracy") && !progress.contains('\r'),
        "{progress}"
    );
    assert!(
        progress.contains("left out"),
        "the incomplete batch is told: {progress}"
    );

    let quiet = train(&["--quiet"]);
    succeeded(&quiet);
    assert_eq!(stderr(&quiet), "");
    assert!(stdout(&quiet).contains("accuracy"));
}

#[test]
fn the_record_holds_what_a_comparison_needs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let log = folder.path().join("steps.jsonl");
    let output = wattgrad(&[
        "train",
        "--data",
        "digits",
        "--epochs",
        "1",
        "--eval-every",
        "0.5",
        "--assume-watts-per-core",
        "10",
        "--record",
        path.to_str().unwrap(),
        "--steps-log",
        log.to_str().unwrap(),
        "--json",
    ]);
    succeeded(&output);
    let record = json(&path);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, record, "--json prints the record");

    assert_eq!(record["schema"], 1);
    assert_eq!(record["outcome"], "completed");
    assert_eq!(record["regime"]["lr"], 0.05);
    assert_eq!(record["regime"]["batch_size"], 64);
    assert_eq!(record["regime"]["order"], "shuffled");
    assert_eq!(record["data"]["name"], "digits");
    assert_eq!(record["data"]["sha256"].as_str().unwrap().len(), 64);
    assert!(
        record["device"]["name"]
            .as_str()
            .is_some_and(|n| !n.is_empty())
    );
    for key in ["driver", "driver_info", "backend", "kind"] {
        assert!(record["device"][key].is_string(), "{key}");
    }
    assert_eq!(record["versions"]["wattgrad"], env!("CARGO_PKG_VERSION"));

    let samples = record["data"]["train_samples"].as_u64().unwrap();
    let steps = samples / 64;
    assert_eq!(record["steps"].as_u64(), Some(steps));
    assert_eq!(record["steps_per_epoch"].as_u64(), Some(steps));
    assert_eq!(record["dropped_per_epoch"].as_u64(), Some(samples % 64));
    let evaluations = record["evaluations"].as_array().unwrap();
    assert_eq!(evaluations.len(), 2);
    let mut before = 0.0;
    for point in evaluations {
        let step = point["step"].as_u64().unwrap();
        assert_eq!(point["samples"].as_u64(), Some(64 * step));
        let seconds = point["seconds"].as_f64().unwrap();
        assert!(seconds > before);
        before = seconds;
        assert!(point["loss"].as_f64().is_some_and(|l| l > 0.0));
        assert!((0.0..=1.0).contains(&point["accuracy"].as_f64().unwrap()));
    }
    assert_eq!(evaluations[1]["step"].as_u64(), Some(steps));
    assert!(
        record["work"]["flops_per_step"]
            .as_u64()
            .is_some_and(|n| n > 1_000_000)
    );
    assert!(
        record["work"]["bytes_per_step"]
            .as_u64()
            .is_some_and(|n| n > 100_000)
    );
    assert!(
        record["times"]["training_seconds"]
            .as_f64()
            .is_some_and(|s| s > 0.0)
    );
    assert!(
        record["program"]["lists"]
            .as_array()
            .is_some_and(|l| l.len() >= 3)
    );

    let energy = record["energy"].as_array().unwrap();
    assert!(!energy.is_empty());
    for row in energy {
        for key in ["source", "scope", "method", "status"] {
            assert!(row[key].is_string(), "{key} in {row}");
        }
        let unavailable = row["status"] == "unavailable";
        assert_eq!(row.get("joules").is_none(), unavailable, "{row}");
        assert!(!unavailable || row["reason"].is_string(), "{row}");
    }
    let assumed = energy
        .iter()
        .find(|row| row["source"] == "cpu-time")
        .unwrap();
    assert_eq!(assumed["status"], "assumed");
    assert_eq!(assumed["method"], "assumed");
    assert!(assumed["seconds"].as_f64().is_some_and(|s| s > 0.0));

    let lines: Vec<Value> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len() as u64, steps);
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["step"].as_u64(), Some(i as u64 + 1));
        assert_eq!(line["samples"].as_u64(), Some(64 * (i as u64 + 1)));
        assert!(line["loss"].is_f64(), "{line}");
    }
}

#[test]
fn without_a_meter_there_is_no_row() {
    let output = train(&["--meter", "none", "--json"]);
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["energy"], Value::Array(vec![]));
    assert_eq!(record["meter"]["selection"], "none");
}

#[test]
fn a_target_ends_the_run_and_missing_it_is_said_but_no_failure() {
    let outcome = |target: &str| {
        let args = [
            "--eval-every",
            "0.04",
            "--target-accuracy",
            target,
            "--json",
        ];
        let output = train(&args);
        succeeded(&output);
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        (record["outcome"].clone(), record["steps"].as_u64().unwrap())
    };
    assert_eq!(outcome("0"), ("target-reached".into(), 1));
    assert_eq!(outcome("1"), ("target-not-reached".into(), 3));
    let output = train(&["--target-accuracy", "1"]);
    succeeded(&output);
    assert!(
        stdout(&output).contains("NOT reached"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn saved_weights_are_evaluated_without_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.safetensors");
    let file = file.to_str().unwrap();
    let output = train(&["--save-weights", file, "--json"]);
    succeeded(&output);
    let trained: Value = serde_json::from_slice(&output.stdout).unwrap();
    // The later of two equal flags counts.
    let args = ["--init-weights", file, "--max-steps", "0"];
    let output = train(&[&args[..], &["--json"]].concat());
    succeeded(&output);
    let loaded: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(loaded["steps"], 0);
    let (before, after) = (&trained["evaluations"], &loaded["evaluations"]);
    assert_eq!(after.as_array().unwrap().len(), 1);
    for key in ["loss", "accuracy"] {
        assert_eq!(
            after[0][key],
            before[before.as_array().unwrap().len() - 1][key]
        );
    }
    let output = train(&args);
    succeeded(&output);
    let text = stdout(&output);
    assert!(
        text.contains("accuracy") && text.contains("test loss"),
        "{text}"
    );
}

#[test]
fn weights_that_do_not_fit_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let record = at("r.json");
    let refused = |weights: &str| {
        let output = train(&["--init-weights", weights, "--record", &record]);
        let error = sentence(&output, 1);
        assert!(!Path::new(&record).exists());
        error
    };
    assert!(refused(&at("none.safetensors")).contains("none.safetensors"));
    std::fs::write(at("text.safetensors"), "not a file of tensors").unwrap();
    assert!(refused(&at("text.safetensors")).contains("text.safetensors"));

    let save = |name: &str, change: &dyn Fn(&mut wattgrad::model::weights::Weights)| {
        let mut weights = wattgrad::model::weights::Weights::default();
        for (layer, from, to) in [("fc1", 64, 512), ("fc2", 512, 256), ("fc3", 256, 10)] {
            weights
                .insert(
                    format!("{layer}.weight"),
                    vec![to, from],
                    vec![0.0; to * from],
                )
                .unwrap();
            // One is left out where the change puts none.
            if layer != "fc2" {
                weights
                    .insert(format!("{layer}.bias"), vec![to], vec![0.0; to])
                    .unwrap();
            }
        }
        change(&mut weights);
        weights.write(Path::new(&at(name)), "completed").unwrap();
        at(name)
    };
    let missing = refused(&save("missing", &|_| {}));
    assert!(missing.contains("fc2.bias"), "{missing}");
    let misshapen = refused(&save("misshapen", &|w| {
        w.insert("fc2.bias", vec![255], vec![0.0; 255]).unwrap();
    }));
    assert!(
        misshapen.contains("[255]") && misshapen.contains("[256]"),
        "{misshapen}"
    );
    let extra = refused(&save("extra", &|w| {
        w.insert("fc2.bias", vec![256], vec![0.0; 256]).unwrap();
        w.insert("fc9.bias", vec![1], vec![0.0]).unwrap();
    }));
    assert!(extra.contains("fc9.bias"), "{extra}");
}

#[test]
fn what_cannot_be_written_is_told_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("no/such/folder/file");
    let bad = bad.to_str().unwrap();
    for flag in ["--record", "--steps-log", "--save-weights"] {
        let output = train(&[flag, bad]);
        let error = sentence(&output, 1);
        assert!(error.contains("no/such/folder"), "{flag}: {error}");
        assert!(!stderr(&output).contains("accuracy"), "{flag}: it trained");
    }
    let same = folder.path().join("same");
    let same = same.to_str().unwrap();
    let error = sentence(&train(&["--record", same, "--steps-log", same]), 2);
    assert!(error.contains("a file of its own"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_and_saves_what_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("r.json");
    let output = train(&[
        "--steps-log",
        "/dev/full",
        "--record",
        record.to_str().unwrap(),
    ]);
    let error = sentence(&output, 1);
    assert!(
        error.contains("steps log") && error.contains("/dev/full"),
        "{error}"
    );
    assert_eq!(json(&record)["steps"], 3);
    for flag in ["--record", "--save-weights"] {
        let error = sentence(&train(&[flag, "/dev/full"]), 1);
        assert!(error.contains("/dev/full"), "{error}");
    }
    let output = program(&["completions", "bash"])
        .stdout(
            std::fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("standard output"));
}

#[test]
fn a_run_that_diverges_says_so_and_logs_null() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("s.jsonl");
    let args = [
        "train", "--data", "digits", "--epochs", "3", "--lr", "1e30", "--json",
    ];
    let output = wattgrad(&[&args[..], &["--steps-log", log.to_str().unwrap()]].concat());
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["outcome"], "diverged");
    let lines = std::fs::read_to_string(&log).unwrap();
    assert!(lines.contains("\"loss\":null"), "{lines}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_record_and_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (record, weights, log) = (at("r.json"), at("w.safetensors"), at("s.jsonl"));
    let mut child = program(&[
        "train",
        "--data",
        "digits",
        "--epochs",
        "1000000",
        "--record",
        &record,
        "--save-weights",
        &weights,
        "--steps-log",
        &log,
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    // A line in the log means that training is under way.
    let patience = std::time::Instant::now();
    while std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 {
        assert!(patience.elapsed().as_secs() < 120, "no step was logged");
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a signal to a child that has not been waited for, so its id is its own.
    assert_eq!(unsafe { libc::kill(id, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(stdout(&output).contains("INTERRUPTED"));
    let record = json(Path::new(&record));
    assert_eq!(record["outcome"], "interrupted");
    let steps = record["steps"].as_u64().unwrap();
    assert!(steps > 0);
    let lines = std::fs::read_to_string(&log).unwrap().lines().count();
    assert_eq!(lines as u64, steps, "every step that was taken is logged");
    let bytes = std::fs::read(&weights).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(
        metadata.metadata().as_ref().unwrap()["outcome"],
        "interrupted"
    );
}

#[test]
fn a_profile_that_is_none_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    std::fs::write(&path, "name = \"x\"\ntexel = 3\n").unwrap();
    let error = sentence(&train(&["--profile", path.to_str().unwrap()]), 1);
    assert!(
        error.contains("p.toml") && error.contains("line 2"),
        "{error}"
    );
    let error = sentence(&train(&["--profile", "no/profile.toml"]), 1);
    assert!(error.contains("no/profile.toml"), "{error}");
}

#[test]
fn the_step_is_explained_and_its_shaders_written() {
    let output = wattgrad(&["explain", "--data", "digits"]);
    succeeded(&output);
    let text = stdout(&output);
    for part in [
        "forward_backward:",
        "update:",
        "evaluate:",
        "pipelines:",
        "memory",
        "parameters",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let output = wattgrad(&["explain", "--data", "digits", "--json"]);
    succeeded(&output);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["lists"].as_array().is_some_and(|l| l.len() >= 3));

    let folder = tempfile::tempdir().unwrap();
    for (language, ending) in [
        ("wgsl", "wgsl"),
        ("spirv", "spv"),
        ("hlsl", "hlsl"),
        ("msl", "metal"),
    ] {
        let out = folder.path().join(language);
        let args = ["explain", "--data", "digits", "--emit", language, "--out"];
        succeeded(&wattgrad(&[&args[..], &[out.to_str().unwrap()]].concat()));
        let files: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        assert!(!files.is_empty());
        for file in files {
            assert_eq!(file.extension().unwrap(), ending);
            let bytes = std::fs::read(&file).unwrap();
            match language {
                "spirv" => assert_eq!(bytes[..4], 0x0723_0203u32.to_le_bytes()),
                "msl" => assert!(String::from_utf8(bytes).unwrap().contains("kernel void")),
                "hlsl" => assert!(String::from_utf8(bytes).unwrap().contains("numthreads")),
                _ => assert!(String::from_utf8(bytes).unwrap().contains("@compute")),
            }
        }
    }
    let error = sentence(
        &wattgrad(&[
            "explain", "--data", "digits", "--emit", "glsl", "--out", "x",
        ]),
        2,
    );
    assert!(error.contains("glsl"), "{error}");
}
