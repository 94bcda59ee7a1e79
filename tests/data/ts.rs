//! The UCR/UEA format of time series.

use super::{one_sentence, open};
use std::fs;
use tempfile::TempDir;
use wattgrad::internals::data::{DataError, TaskKind};

const HEADER: &str = "# A comment\n@problemName Steps\n@timeStamps false\n@missing false\n@univariate false\n\
    @dimensions 2\n@equalLength true\n@seriesLength 3\n@classLabel true up down\n@data\n";

fn files(train: &str, test: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Steps_TRAIN.ts"), train).unwrap();
    fs::write(dir.path().join("Steps_TEST.ts"), test).unwrap();
    dir
}

#[test]
fn dimensions_become_channels() {
    let train = format!("{HEADER}1,2,3:10,20,30:up\n\n3,2,1.5:-3e1,0,4:down\n");
    let dir = files(&train, &format!("{HEADER}0,0,0:1,1,1:down\n"));
    for path in [dir.path().to_owned(), dir.path().join("Steps")] {
        let set = open(&path).unwrap();
        assert_eq!(
            (set.name.as_str(), set.train.len, set.test.len),
            ("Steps", 2, 1)
        );
        assert_eq!(set.train.inputs[0].spec.shape, [2, 3]);
        let values: Vec<f64> = set.train.inputs[0].values().collect();
        assert_eq!(
            values,
            [
                1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 3.0, 2.0, 1.5, -30.0, 0.0, 4.0
            ]
        );
        assert_eq!(set.train.targets[0].bytes[..], [0, 1]);
        assert_eq!(set.normalisation[0].mean.len(), 2);
    }
}

#[test]
fn a_target_label_is_a_value() {
    let text = "@univariate true\n@targetLabel true\n@data\n1,2:0.5\n2,3:-1\n";
    let set = open(files(text, text).path()).unwrap();
    assert_eq!(set.tasks[0].kind, TaskKind::Values(1));
    assert_eq!(set.tasks[0].name, "value");
    let values: Vec<f64> = set.train.targets[0].values().collect();
    assert_eq!(values, [0.5, -1.0]);
    assert_eq!(set.train.inputs[0].spec.shape, [1, 2]);
}

#[test]
fn what_cannot_be_read_names_the_line() {
    let good = format!("{HEADER}0,0,0:1,1,1:down\n");
    let refused = |train: String, wanted: &str| {
        let error = open(files(&train, &good).path()).unwrap_err();
        one_sentence(&error);
        let text = error.to_string();
        assert!(
            text.contains("Steps_TRAIN.ts") && text.contains(wanted),
            "{text}"
        );
    };
    let data = |line: &str| format!("{good}{line}\n");
    refused(
        data("1,2:1,2,3:up"),
        "line 12: 2 values in dimension 1 instead of 3",
    );
    refused(data("1,2,3:up"), "line 12: 1 dimensions instead of 2");
    refused(
        data("1,2,3:1,?,3:up"),
        "line 12: a missing value in dimension 2",
    );
    refused(
        data("1,2,3:1,NaN,3:up"),
        "line 12: a missing value in dimension 2",
    );
    refused(data("1,2,3:1,two,3:up"), "line 12: \"two\" in dimension 2");
    refused(
        data("1,2,3:1,2,3:left"),
        "line 12: class \"left\" is not announced (up, down)",
    );
    refused(HEADER.to_owned(), "has no samples");
    refused(
        format!("{HEADER}1,2:1,2:up\n"),
        "line 11: 2 values instead of 3",
    );
    refused(
        HEADER.replace("@classLabel true up down\n", ""),
        "line 9: no class labels",
    );
    refused(
        good.replace("@timeStamps false", "@timeStamps true"),
        "line 3: values have time stamps",
    );
    refused(
        good.replace("@equalLength true", "@equalLength false"),
        "line 7: series differ in length",
    );
    refused(
        good.replace("@missing false", "@missing true"),
        "line 4: values are missing",
    );

    let dir = files(&good, &good);
    fs::remove_file(dir.path().join("Steps_TEST.ts")).unwrap();
    assert!(matches!(
        open(dir.path()).unwrap_err(),
        DataError::MissingFile { .. }
    ));
    let dir = files(&good, &good);
    fs::write(dir.path().join("Other_TRAIN.ts"), &good).unwrap();
    let error = open(dir.path()).unwrap_err();
    one_sentence(&error);
    assert!(matches!(error, DataError::SeveralSets { .. }));
    let other = good.replace("up down", "down up");
    let error = open(files(&good, &other).path()).unwrap_err();
    one_sentence(&error);
    assert!(error.to_string().contains("other classes"), "{error}");
}
