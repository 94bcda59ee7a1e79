//! Values of flags and of the environment.

use super::skip::skipped;
use super::{adapters, program, sentence, stdout, train, wattgrad};

#[test]
fn invalid_values_are_reported_in_one_sentence() {
    for (args, message) in [
        (
            &["--lr", "-1"][..],
            "learning rate must be a finite number of at least 0, such as 0.05, got -1",
        ),
        (&["--lr", "nan"], "got NaN"),
        (&["--lr=-inf"], "got -inf"),
        (
            &["--momentum", "1"],
            "momentum must be at least 0 and below 1, such as 0.9, got 1",
        ),
        (&["--momentum", "-0.5"], "got -0.5"),
        (&["--weight-decay", "-1e-4"], "got -0.0001"),
        (
            &["--nesterov", "--momentum", "0"],
            "nesterov needs a momentum",
        ),
        (
            &["--batch-size", "0"],
            "the batch size must be at least 1, got 0",
        ),
        (
            &["--eval-batch-size", "0"],
            "the evaluation batch size must be at least 1, got 0",
        ),
        (&["--batch-size", "60001"], "got 60001"),
        (&["--model", "vgg"], "vgg"),
        (&["--order", "random"], "unknown order \"random\""),
        (&["--optimizer", "adagrad"], "unknown optimizer \"adagrad\""),
        (
            &["--optimizer", "lion", "--momentum", "0.9"],
            "lion has no momentum",
        ),
        (
            &["--optimizer", "adam", "--eps", "0"],
            "eps must be a finite number",
        ),
        (&["--schedule", "cosin"], "\"cosin\""),
        (&["--gamma", "0.5"], "schedule constant has no gamma"),
        (&["--schedule", "step"], "schedule step needs step-size"),
        (
            &["--schedule", "cosine", "--warmup-steps", "3"],
            "the warm-up takes 3 steps, but the run has 3",
        ),
        (&["--clip-norm", "0"], "clip-norm must be a finite number"),
        (&["--accumulate", "0"], "at least 1, got 0"),
        (&["--accumulate", "24"], "got 1536"),
        (&["--meter", "voltcraft"], "`voltcraft`"),
        (&["--data", "no/such/folder"], "no/such/folder"),
        (&["--data", "Cargo.toml"], "Cargo.toml"),
        (
            &["--eval-every", "0"],
            "epochs between evaluations must be a finite number above 0, such as 0.5, got 0",
        ),
        (&["--eval-every", "-1"], "got -1"),
        (&["--target-accuracy", "85"], "write 85 % as 0.85"),
        (
            &["--assume-watts-per-core", "-7"],
            "watts per core must be a finite number above 0, such as 7.5, got -7",
        ),
    ] {
        let error = sentence(&train(args), 2);
        assert!(error.contains(message), "{args:?}: {error}");
    }
    // What is no number at all is the flag parser's to tell.
    for args in [["--lr", "fast"], ["--batch-size", "-1"], ["--seed", "1.5"]] {
        assert_eq!(train(&args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn error_lists_the_known_names() {
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
fn environment_variables_replace_flags() {
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
    } else {
        skipped("WATTGRAD_ADAPTER", "this machine has no adapter");
    }
}

#[test]
fn rejects_invalid_profiles_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    let head = "name = \"x\"\nlanes = 64\nreduction_lanes = 64\nfill = 128\n[[gemm]]\n";
    let tile = "rm = 1\nrn = 1\nthreads_x = 8\nthreads_y = 8\nmax_split = 1\n";
    for (rule, expected) in [
        (
            format!("core = \"thin\"\n{tile}"),
            "line 6: unknown variant `thin`",
        ),
        (
            "core = \"direct\"\nmax_split = 1\n".to_owned(),
            "gemm rule 1: the tile lacks rm",
        ),
        (
            "core = \"tile\"\nmax_split = 1\nrm = 2\n".to_owned(),
            "gemm rule 1: the tile lacks rn",
        ),
        (
            format!("core = \"direct\"\nrows = 2\n{tile}"),
            "line 7: unknown field `rows`",
        ),
        (tile.to_owned(), "missing field `core`"),
        (
            format!("core = \"direct\"\n{}", tile.replace("rm = 1", "rm = 0")),
            "lacks rm",
        ),
    ] {
        std::fs::write(&path, format!("{head}{rule}")).unwrap();
        for command in [["train"], ["explain"]] {
            let arguments = [command[0], "--profile", path.to_str().unwrap()];
            let error = sentence(&wattgrad(&arguments), 2);
            assert!(
                error.contains("p.toml") && error.contains(expected),
                "{error}"
            );
        }
    }
    let error = sentence(&train(&["--profile", "no/profile.toml"]), 1);
    assert!(error.contains("no/profile.toml"), "{error}");
    // Subgroups of llvmpipe have 4, 8 or 16 lanes; no device has two of these at once.
    let refused = [4, 16].map(|lanes| {
        let text = format!("{head}core = \"direct\"\n{tile}")
            .replace("fill = 128", &format!("fill = 128\ntexel = {lanes}"));
        std::fs::write(&path, text).unwrap();
        let output = train(&[
            "--profile",
            path.to_str().unwrap(),
            "--data",
            "digits",
            "--max-steps",
            "1",
        ]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    });
    assert!(
        refused
            .iter()
            .any(|(code, error)| *code == Some(2) && error.contains("lanes")),
        "{refused:?}"
    );
}

/// In f16 a skipped step takes no learning rate of the sweep.
#[test]
fn lr_find_gives_each_loss_the_learning_rate_of_its_own_step() {
    let sweep = |scale: &str, more: &[&str]| {
        let args = ["lr-find", "--data", "digits", "--steps", "50"];
        let half = ["--precision", "f16", "--loss-scale", scale];
        wattgrad(&[&args[..], &half, more].concat())
    };
    let points = |scale: &str| {
        let output = sweep(scale, &["--json"]);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        found["points"].as_array().unwrap().clone()
    };
    let (all, skipping) = (points("65536"), points("1e15"));
    // At the highest learning rates the loss diverges, which ends the sweep.
    assert!((36..=50).contains(&all.len()), "{}", all.len());
    assert!((10..36).contains(&skipping.len()), "{}", skipping.len());
    for (point, other) in skipping.iter().zip(&all) {
        assert_eq!(point["lr"], other["lr"]);
    }
    let none = stdout(&sweep("1e30", &[]));
    assert!(none.contains("choose a smaller --loss-scale"), "{none}");
}
