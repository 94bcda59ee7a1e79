//! Weights read and written, and files that cannot be.

#[cfg(target_os = "linux")]
use super::{json, program};
use super::{sentence, stderr, stdout, succeeded, train};
use serde_json::Value;
use std::path::Path;

#[test]
fn evaluates_saved_weights_without_a_step() {
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
    let last = before.as_array().unwrap().last().unwrap();
    assert_eq!(after[0]["metrics"], last["metrics"]);
    let output = train(&args);
    succeeded(&output);
    let text = stdout(&output);
    assert!(
        text.contains("test accuracy") && text.contains("loss"),
        "{text}"
    );
}

#[test]
fn rejects_weights_that_do_not_fit_before_writing() {
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

    let save = |name: &str, change: &dyn Fn(&mut wattgrad::internals::model::weights::Weights)| {
        let mut weights = wattgrad::internals::model::weights::Weights::default();
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
    let other = at("cnn.safetensors");
    succeeded(&train(&[
        "--model",
        "cnn",
        "--max-steps",
        "0",
        "--save-weights",
        &other,
    ]));
    let other = refused(&other);
    assert!(other.contains("use --model cnn"), "{other}");
}

#[test]
fn reports_unwritable_outputs_before_training() {
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
    assert!(error.contains("choose two files"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_fails_and_keeps_the_other_outputs() {
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
fn trains_a_network_file_and_records_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let text = "[[layer]]\nname = \"fc1\"\ntype = \"linear\"\nout_features = 20\n\n[[layer]]\ntype = \"gelu\"\n\n\
                [[layer]]\ntype = \"dropout\"\np = 0.2\n";
    std::fs::write(at("net.toml"), text).unwrap();
    let output = train(&["--model", &at("net.toml"), "--json"]);
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["network"]["file"]["text"], text);
    let sha256 = record["network"]["file"]["sha256"].as_str().unwrap();
    assert_eq!(sha256.len(), 64);
    assert_eq!(record["regime"]["model"], at("net.toml"));

    std::fs::write(at("bad.toml"), text.replace("gelu", "gleu")).unwrap();
    let error = sentence(&train(&["--model", &at("bad.toml")]), 2);
    assert!(error.contains("bad.toml:7: "), "{error}");
    assert!(error.contains("did you mean gelu?"), "{error}");
    let error = sentence(&train(&["--model", &at("none.toml")]), 2);
    assert!(error.contains("none.toml"), "{error}");
    let error = sentence(&train(&["--model", "cnn", "--stem", "small"]), 2);
    assert!(error.contains("cnn has no choice of stems"), "{error}");
}
