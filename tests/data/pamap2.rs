//! PAMAP2 protocol recordings.

use super::one_sentence;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wattgrad::internals::data::{DataError, DataOptions, Dataset, TaskKind};

/// A line at sample `at` of a recording; the value in column c (from 1) is `at + c / 100`, with a heart rate in every tenth
/// line.
fn line(at: usize, activity: u32) -> String {
    let mut text = format!("{:.2} {activity}", at as f64 / 100.0);
    for column in 3..=54 {
        match column == 3 && !at.is_multiple_of(10) {
            true => text += " NaN",
            false => write!(text, " {:.2}", at as f64 + column as f64 / 100.0).unwrap(),
        }
    }
    text + "\n"
}

/// A recording: runs of (activity, samples).
fn recording(runs: &[(u32, usize)]) -> String {
    let activities = runs.iter().flat_map(|(activity, n)| vec![*activity; *n]);
    activities
        .enumerate()
        .map(|(at, activity)| line(at, activity))
        .collect()
}

/// Nine subjects: 40 samples of lying, 15 of no activity, 30 of running, 12 of ironing.
fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("PAMAP2_Dataset/Protocol");
    fs::create_dir_all(&folder).unwrap();
    for subject in 101..=109 {
        let text = recording(&[(1, 40), (0, 15), (5, 30), (17, 12)]);
        fs::write(folder.join(format!("subject{subject}.dat")), text).unwrap();
    }
    dir
}

fn windows(path: &Path, window: u32, stride: u32) -> Result<Dataset, DataError> {
    let options = DataOptions {
        window: Some(window),
        stride: Some(stride),
        ..DataOptions::default()
    };
    Dataset::open_with(path.to_str().unwrap(), &options, &mut |_| ())
}

#[test]
fn windows_hold_one_activity_of_one_subject() {
    let dir = small();
    let set = windows(dir.path(), 10, 10).unwrap();
    // Of each subject four windows of lying, three of running, one of ironing; seven subjects train.
    assert_eq!((set.train.len, set.test.len), (7 * 8, 2 * 8));
    assert_eq!(set.train.inputs[0].spec.shape, [40, 10]);
    let activity = set.task("activity").unwrap();
    let intensity = set.task("intensity").unwrap();
    assert_eq!(
        (activity.kind, intensity.kind),
        (TaskKind::Classes(12), TaskKind::Classes(3))
    );
    assert_eq!(
        set.train.targets[activity.target].bytes[..8],
        [0, 0, 0, 0, 4, 4, 4, 10]
    );
    assert_eq!(
        set.train.targets[intensity.target].bytes[..8],
        [0, 0, 0, 0, 2, 2, 2, 0]
    );
    assert_eq!(set.parts.deciding, "subject 105");
    assert_eq!(set.parts.confirming, "subject 106");

    let values: Vec<f64> = set.train.inputs[0].values().take(400).collect();
    // The heart rate is a line between the values of every tenth sample; nothing is invented about what is there.
    for (at, rate) in values[..10].iter().enumerate() {
        assert!((rate - (at as f64 + 0.03)).abs() < 1e-5, "{rate} at {at}");
    }
    // Channel 1 is column 4, channel 14 is column 21 (the orientation is skipped), channel 39 is column 50.
    for (channel, column) in [(1, 4), (13, 16), (14, 21), (27, 38), (39, 50)] {
        let found = values[channel * 10 + 3];
        assert!(
            (found - (3.0 + f64::from(column) / 100.0)).abs() < 1e-5,
            "{channel}: {found}"
        );
    }
    let overlapping = windows(dir.path(), 10, 5).unwrap();
    assert_eq!(overlapping.train.len, 7 * (7 + 5 + 1));
}

#[test]
fn deciding_and_confirming_windows_are_of_different_subjects() {
    let dir = small();
    let path = dir.path().join("PAMAP2_Dataset/Protocol/subject106.dat");
    fs::write(path, recording(&[(4, 30)])).unwrap();
    let set = windows(dir.path(), 10, 10).unwrap();
    // Subject 106 only walks (class 3), for three windows: even places are of subject 105, odd ones of 106.
    assert_eq!(set.test.targets[0].bytes[..], [0, 3, 0, 3, 0, 3]);
    assert!(
        set.notes
            .iter()
            .any(|note| note.contains("last 5 windows of subject 105"))
    );
}

#[test]
fn long_gaps_cost_windows_and_short_ones_are_filled() {
    let dir = small();
    let path = dir.path().join("PAMAP2_Dataset/Protocol/subject101.dat");
    let text: String = (0..400)
        .map(|at| {
            let full = line(at, 1);
            // Column 5: missing for 20 samples, later for 120.
            match (100..120).contains(&at) || (200..320).contains(&at) {
                true => {
                    let mut words: Vec<&str> = full.split_whitespace().collect();
                    words[4] = "NaN";
                    words.join(" ") + "\n"
                }
                false => full,
            }
        })
        .collect();
    fs::write(path, text).unwrap();
    let set = windows(dir.path(), 50, 50).unwrap_err();
    // The other subjects have no 50 samples in a row.
    one_sentence(&set);
    let set = windows(dir.path(), 10, 10).unwrap();
    assert_eq!(set.train.len, 6 * 8 + 40 - 12);
    assert!(set.notes.iter().any(|note| note.starts_with("12 windows")));
    let filled = set.train.inputs[0]
        .values()
        .nth(10 * 400 + 2 * 10 + 5)
        .unwrap();
    assert!((filled - 105.05).abs() < 1e-4, "{filled}");
}

#[test]
fn damaged_recordings_name_the_line() {
    let refused = |subject: u32, change: &dyn Fn(String) -> String, wanted: &str| {
        let dir = small();
        let name = format!("PAMAP2_Dataset/Protocol/subject{subject}.dat");
        let path = dir.path().join(&name);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        let error = windows(dir.path(), 10, 10).unwrap_err();
        one_sentence(&error);
        let text = error.to_string();
        assert!(text.contains(&name) && text.contains(wanted), "{text}");
    };
    refused(
        103,
        &|text| text[..text.len() - 40].to_owned(),
        "line 97: 4",
    );
    refused(
        103,
        &|text| text.replacen(" 1 ", " 9 ", 1),
        "line 1: activity 9 is not one of the protocol",
    );
    refused(
        103,
        &|text| text.replacen("0.04 ", "x ", 1),
        "line 1: column 4 is \"x\"",
    );
    refused(
        103,
        &|text| text.replacen("0.05 1", "0.02 1", 1),
        "line 6: the time stamp 0.02 does not follow 0.04",
    );
    refused(103, &|_| String::new(), "has no samples");
    // A column without any value.
    let empty = |text: String| -> String {
        let lines = text.lines().map(|line| {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            words[20] = "NaN";
            words.join(" ") + "\n"
        });
        lines.collect()
    };
    refused(106, &empty, "column 21 lacks values");
    refused(
        105,
        &|_| recording(&[(1, 9), (2, 9)]),
        "has no 10 samples of one activity",
    );
}

#[test]
fn a_missing_subject_is_named() {
    let dir = small();
    let folder = dir.path().join("PAMAP2_Dataset/Protocol");
    fs::remove_file(folder.join("subject107.dat")).unwrap();
    for path in [dir.path(), &folder] {
        let error = windows(path, 10, 10).unwrap_err();
        one_sentence(&error);
        assert!(
            matches!(&error, DataError::MissingFile { file, .. } if file == "subject107.dat"),
            "{error}"
        );
    }
}
