//! CIFAR-10 and CIFAR-100.

use super::{one_sentence, open};
use std::fs;
use tempfile::TempDir;
use wattgrad::internals::data::{DataError, TaskKind};

/// A record of these labels, whose pixels are `first`, `first + 1`, ... modulo 251.
fn record(labels: &[u8], first: usize) -> Vec<u8> {
    let pixels = (0..3072).map(|at| ((first + at) % 251) as u8);
    labels.iter().copied().chain(pixels).collect()
}

fn cifar_10() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cifar-10-batches-bin");
    fs::create_dir(&folder).unwrap();
    for batch in 1..=5u8 {
        let records = [record(&[batch], 0), record(&[batch + 4], 7)].concat();
        fs::write(folder.join(format!("data_batch_{batch}.bin")), records).unwrap();
    }
    let records = [record(&[0], 1), record(&[9], 2), record(&[3], 3)].concat();
    fs::write(folder.join("test_batch.bin"), records).unwrap();
    dir
}

#[test]
fn five_training_files_follow_one_another() {
    let dir = cifar_10();
    for path in [
        dir.path().to_owned(),
        dir.path().join("cifar-10-batches-bin"),
    ] {
        let set = open(&path).unwrap();
        assert_eq!((set.name.as_str(), set.classes()), ("cifar-10", 10));
        assert_eq!((set.train.len, set.test.len), (10, 3));
        assert_eq!(set.train.inputs[0].spec.shape, [3, 32, 32]);
        assert_eq!(
            set.train.targets[0].bytes[..],
            [1, 5, 2, 6, 3, 7, 4, 8, 5, 9]
        );
        assert_eq!(set.test.inputs[0].bytes[3072..3075], [2, 3, 4]);
        assert_eq!(set.normalisation[0].mean.len(), 3);
    }
}

#[test]
fn cifar_100_has_fine_and_coarse_classes() {
    let dir = tempfile::tempdir().unwrap();
    let records = [record(&[19, 99], 0), record(&[2, 5], 0)].concat();
    fs::write(dir.path().join("train.bin"), &records).unwrap();
    fs::write(dir.path().join("test.bin"), &records).unwrap();
    let set = open(dir.path()).unwrap();
    assert_eq!((set.name.as_str(), set.tasks.len()), ("cifar-100", 2));
    let (fine, coarse) = (set.task("fine").unwrap(), set.task("coarse").unwrap());
    assert_eq!((&set.tasks[0], fine.kind), (fine, TaskKind::Classes(100)));
    assert_eq!(coarse.kind, TaskKind::Classes(20));
    assert_eq!(set.train.targets[fine.target].bytes[..], [99, 5]);
    assert_eq!(set.train.targets[coarse.target].bytes[..], [19, 2]);
}

#[test]
fn damaged_files_are_named() {
    let with = |file: &str, bytes: Option<&[u8]>, wanted: &str| {
        let dir = cifar_10();
        let path = dir.path().join("cifar-10-batches-bin").join(file);
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let error = open(dir.path()).unwrap_err();
        one_sentence(&error);
        let text = error.to_string();
        assert!(text.contains(file) && text.contains(wanted), "{text}");
        error
    };
    let whole = record(&[3], 0);
    with("data_batch_3.bin", Some(&whole[..3000]), "3000 bytes");
    let two = [whole.clone(), whole[..10].to_vec()].concat();
    with("test_batch.bin", Some(&two), "record 1 is cut off");
    with("test_batch.bin", Some(&[]), "0 bytes");
    let error = with("data_batch_2.bin", Some(&record(&[10], 0)), "label 10");
    assert!(matches!(
        error,
        DataError::LabelRange {
            sample: 0,
            last: 9,
            ..
        }
    ));
    let error = with("data_batch_5.bin", None, "missing");
    assert!(matches!(error, DataError::MissingFile { .. }));
}
