//! CelebA as distributed.

use super::images::jpeg;
use super::{one_sentence, open};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wattgrad::internals::data::{DataError, DataOptions, Dataset, TaskKind};

const ATTRIBUTES: &str = "list_attr_celeba.txt";
const IDENTITIES: &str = "identity_CelebA.txt";
const PARTITION: &str = "list_eval_partition.txt";

/// Fourteen images of 20x24 pixels: image n has a grey of 10 n and the attribute `Odd` where n is odd. Person 7 has images 1
/// to 6, person 3 images 7 to 12, person 9 the last two. Training are images 1 to 8, validation 9 to 11, test 12 to 14.
fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("img_align_celeba");
    fs::create_dir(&images).unwrap();
    let mut attributes = "14\n Odd Large \n".to_owned();
    let (mut identities, mut partition) = (String::new(), String::new());
    for n in 1..=14u32 {
        let name = format!("{n:06}.jpg");
        let sign = |yes| if yes { " 1" } else { "-1" };
        attributes += &format!("{name} {} {}\n", sign(n % 2 == 1), sign(n > 7));
        identities += &format!("{name} {}\n", [7, 3, 9][(n as usize - 1) / 6]);
        partition += &format!("{name} {}\n", u32::from(n > 8) + u32::from(n > 11));
        fs::write(images.join(name), jpeg(20, 24, &[10 * n as u8])).unwrap();
    }
    fs::write(dir.path().join(ATTRIBUTES), attributes).unwrap();
    fs::write(dir.path().join(IDENTITIES), identities).unwrap();
    fs::write(dir.path().join(PARTITION), partition).unwrap();
    dir
}

fn split(path: &Path, split: &str) -> Result<Dataset, DataError> {
    let options = DataOptions {
        image_size: Some(8),
        split: Some(split.into()),
        ..DataOptions::default()
    };
    Dataset::open_with(path.to_str().unwrap(), &options, &mut |_| ())
}

/// The number of each image, by its grey.
fn images(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.chunks(3 * 8 * 8).map(|image| image[0]);
    first.map(|grey| (grey + 5) / 10).collect()
}

#[test]
fn the_official_partition_trains_attributes() {
    let dir = small();
    let set = split(dir.path(), "official").unwrap();
    assert_eq!(
        (set.name.as_str(), set.train.len, set.test.len),
        ("celeba", 8, 6)
    );
    assert_eq!(set.tasks.len(), 1);
    assert_eq!(set.task("attributes").unwrap().kind, TaskKind::Labels(2));
    assert_eq!(set.train.inputs[0].spec.shape, [3, 8, 8]);
    assert_eq!(images(&set.train.inputs[0].bytes), [1, 2, 3, 4, 5, 6, 7, 8]);
    // Validation and test images in turn: even places decide, odd places confirm.
    assert_eq!(images(&set.test.inputs[0].bytes), [9, 12, 10, 13, 11, 14]);
    assert_eq!(set.test.targets[0].bytes[..4], [1, 1, 0, 1]);
    assert_eq!(set.parts.deciding, "the validation partition");
    assert!(
        set.notes
            .iter()
            .any(|note| note.contains("--split within-identity"))
    );
    let whole = open(dir.path()).unwrap();
    assert_eq!(whole.train.inputs[0].spec.shape, [3, 64, 64]);
}

#[test]
fn within_identity_every_person_is_in_every_part() {
    let dir = small();
    let set = split(dir.path(), "within-identity").unwrap();
    // Person 3 becomes 0, person 7 becomes 1, and person 9 has too few images.
    let identity = set.task("identity").unwrap();
    assert_eq!(identity.kind, TaskKind::Classes(2));
    assert_eq!(
        images(&set.train.inputs[0].bytes),
        [1, 2, 3, 4, 7, 8, 9, 10]
    );
    assert_eq!(
        set.train.targets[identity.target].bytes[..],
        [1, 1, 1, 1, 0, 0, 0, 0]
    );
    assert_eq!(images(&set.test.inputs[0].bytes), [11, 12, 5, 6]);
    assert_eq!(set.test.targets[identity.target].bytes[..], [0, 0, 1, 1]);
    assert_eq!(set.test.targets[0].bytes[..], [1, 1, 0, 1, 1, 0, 0, 0]);
    assert!(
        set.notes
            .iter()
            .any(|note| note.starts_with("1 of 3 people"))
    );
}

/// Attributes and identity, as in the paper's study of shared knowledge.
#[cfg(feature = "cli")]
#[test]
fn attributes_and_identity_train_together() {
    let dir = small();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wattgrad"))
        .args(["train", "--model", "cnn", "--image-size", "8", "--data"])
        .arg(dir.path())
        .args([
            "--split",
            "within-identity",
            "--tasks",
            "attributes,identity",
        ])
        .args([
            "--batch-size",
            "4",
            "--max-steps",
            "30",
            "--meter",
            "none",
            "--json",
        ])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["regime"]["tasks"], "attributes+identity");
    let last = record["evaluations"].as_array().unwrap().last().unwrap();
    for (task, metric) in [("attributes", "mean-accuracy"), ("identity", "accuracy")] {
        let metrics = last["metrics"].as_array().unwrap();
        let found = metrics
            .iter()
            .find(|one| one["task"] == task && one["metric"] == metric);
        // The grey of an image gives both away.
        let value = found.unwrap()["value"].as_f64().unwrap();
        assert!(value > 0.6, "{task}: {last}");
    }
}

#[test]
fn the_folders_of_the_distribution_are_found() {
    let dir = small();
    let root = dir.path().join("CelebA");
    for (folder, files) in [
        ("Anno", &[ATTRIBUTES, IDENTITIES][..]),
        ("Eval", &[PARTITION]),
        ("Img", &["img_align_celeba"]),
    ] {
        fs::create_dir_all(root.join(folder)).unwrap();
        for file in files {
            fs::rename(dir.path().join(file), root.join(folder).join(file)).unwrap();
        }
    }
    assert_eq!(split(dir.path(), "official").unwrap().train.len, 8);
}

#[test]
fn lists_that_do_not_fit_name_the_line() {
    let refused = |file: &str, change: &dyn Fn(String) -> String, wanted: &str| {
        let dir = small();
        let path = dir.path().join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        let error = split(dir.path(), "official").unwrap_err();
        one_sentence(&error);
        let text = error.to_string();
        assert!(text.contains(file) && text.contains(wanted), "{text}");
    };
    let replace =
        |from: &'static str, to: &'static str| move |text: String| text.replacen(from, to, 1);
    refused(
        ATTRIBUTES,
        &replace("14\n", "15\n"),
        "line 1: 15 images are announced, but 14",
    );
    refused(
        ATTRIBUTES,
        &replace("14\n", "many\n"),
        "line 1: the number of images is \"many\"",
    );
    refused(
        ATTRIBUTES,
        &replace("000002.jpg -1", "000002.jpg 0"),
        "line 4: an attribute is \"0\"",
    );
    refused(
        ATTRIBUTES,
        &replace("000002.jpg -1", "000002.jpg"),
        "line 4: 1 attributes instead of 2",
    );
    refused(
        IDENTITIES,
        &replace("000003.jpg 7", "000004.jpg 7"),
        "line 3: image \"000004.jpg\"",
    );
    refused(
        IDENTITIES,
        &replace("000003.jpg 7", "000003.jpg who"),
        "line 3: the identity is \"who\"",
    );
    refused(
        IDENTITIES,
        &replace("000014.jpg 9\n", ""),
        "13 labels for 14 samples",
    );
    refused(
        PARTITION,
        &replace("000005.jpg 0", "000005.jpg 3"),
        "line 5: part 3",
    );
}

#[test]
fn missing_and_damaged_files_are_named() {
    let dir = small();
    let partition = dir.path().join(PARTITION);
    let all = fs::read_to_string(&partition).unwrap();
    fs::write(&partition, all.replace(" 1\n", " 0\n")).unwrap();
    let error = split(dir.path(), "official").unwrap_err();
    one_sentence(&error);
    assert!(error.to_string().contains("the deciding part"), "{error}");
    for file in [ATTRIBUTES, IDENTITIES, PARTITION] {
        let dir = small();
        fs::remove_file(dir.path().join(file)).unwrap();
        let error = split(dir.path(), "official").unwrap_err();
        assert!(
            matches!(&error, DataError::MissingFile { file: missing, .. } if missing == file),
            "{error}"
        );
    }
    let dir = small();
    let image = dir.path().join("img_align_celeba/000004.jpg");
    fs::write(&image, b"<html>").unwrap();
    let error = split(dir.path(), "official").unwrap_err();
    one_sentence(&error);
    assert!(error.to_string().contains("000004.jpg"), "{error}");
    fs::remove_file(&image).unwrap();
    let error = split(dir.path(), "official").unwrap_err();
    one_sentence(&error);
    let text = error.to_string();
    assert!(
        text.contains("line 6") && text.contains("000004.jpg"),
        "{text}"
    );
    let error = split(small().path(), "random").unwrap_err();
    one_sentence(&error);
    assert!(matches!(error, DataError::UnknownSplit { .. }));
}
