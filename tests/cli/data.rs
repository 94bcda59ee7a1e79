//! Options of data sets.

use super::{sentence, stdout, succeeded, wattgrad};
use serde_json::Value;

fn train(more: &[&str]) -> std::process::Output {
    wattgrad(&[&["train", "--max-steps", "3", "--json"], more].concat())
}

#[test]
fn options_of_data_are_recorded_where_they_are_given() {
    let regime = |more: &[&str]| -> Value {
        let output = train(more);
        succeeded(&output);
        let record: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(record["steps"], 3);
        record["regime"].clone()
    };
    let set = "synthetic:classes=3,samples=600,test=60,shape=1x8x8";
    let changed = [
        "--augment",
        "crop:1, flip",
        "--data-window",
        "0.06MB",
        "--batch-size",
        "16",
    ];
    let small = ["--data", set, "--eval-batch-size", "8"];
    let given = regime(&[&small[..], &changed].concat());
    assert_eq!(given["augment"], "flip,crop:1");
    assert_eq!(given["data_window"], "60kB");
    let plain = regime(&small);
    let options = [
        "augment",
        "data_window",
        "image_size",
        "window",
        "stride",
        "split",
    ];
    for key in options {
        assert!(plain.get(key).is_none(), "{key}: {plain}");
    }
}

#[test]
fn options_that_do_not_apply_are_misuse() {
    for (args, message) in [
        (
            &["--data", "digits", "--image-size", "8"][..],
            "--image-size does not apply to digits",
        ),
        (
            &["--data", "synthetic", "--window", "8"],
            "--window does not apply to synthetic",
        ),
        (
            &["--data", "synthetic:classes=1"],
            "classes must be between 2",
        ),
        (&["--data", "docs"], "contains no dataset of a known format"),
        (
            &["--data", "digits", "--augment", "spin"],
            "unknown change \"spin\"",
        ),
        (
            &["--data", "digits", "--augment", "crop:9"],
            "are 8 wide, less than crop:9",
        ),
        (
            &["--data", "digits", "--data-window", "0"],
            "invalid size \"0\"",
        ),
        (
            &["--data", "digits", "--data-window", "9kB"],
            "raise --data-window",
        ),
    ] {
        let text = sentence(&train(args), 2);
        assert!(text.contains(message), "{args:?}: {text}");
    }
}
