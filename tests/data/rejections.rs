//! Files that are damaged, missing or inconsistent.

use super::{IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, gz, idx, one_sentence, open, small};
use std::fs;
use wattgrad::internals::data::{DataError, Dataset};

/// The error of opening `small()` with one file replaced; its sentence must name the file.
fn rejection(file: &str, bytes: &[u8]) -> DataError {
    let dir = small();
    fs::write(dir.path().join(file), bytes).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(
        error.to_string().contains(file),
        "{error} does not name {file}"
    );
    one_sentence(&error);
    error
}

#[test]
fn rejects_damaged_files() {
    let good = idx(8, &[6, 2, 3], &(0..36).collect::<Vec<u8>>());
    let zipped = gz(&good);
    for cut in [3, 9, 15, zipped.len() / 2, zipped.len() - 1] {
        let error = rejection(IMAGES, &zipped[..cut]);
        assert!(
            matches!(error, DataError::TruncatedGz { .. }),
            "cut at {cut}: {error}"
        );
    }
    // The checksum, and the deflate stream's block type, damaged.
    for (at, value) in [(zipped.len() - 7, !zipped[zipped.len() - 7]), (10, 0xff)] {
        let mut bytes = zipped.clone();
        bytes[at] = value;
        let error = rejection(IMAGES, &bytes);
        assert!(
            matches!(error, DataError::CorruptGz { .. }),
            "byte {at}: {error}"
        );
    }
    let error = rejection(IMAGES, &[zipped.clone(), b"more".to_vec()].concat());
    assert!(
        matches!(
            error,
            DataError::CorruptGz { .. } | DataError::TruncatedGz { .. }
        ),
        "{error}"
    );

    for bytes in [
        vec![],
        vec![0, 0],
        b"P5 28 28".to_vec(),
        idx(0x0a, &[6, 2, 3], &[0; 36]),
        vec![0, 0, 8, 0],
        vec![0, 0, 8, 9],
    ] {
        assert!(matches!(
            rejection(IMAGES, &bytes),
            DataError::BadMagic { .. }
        ));
    }
    assert!(matches!(
        rejection(IMAGES, &good[..10]),
        DataError::Truncated {
            expected: 16,
            found: 10,
            ..
        }
    ));
    assert!(matches!(
        rejection(IMAGES, &good[..51]),
        DataError::Truncated {
            expected: 52,
            found: 51,
            ..
        }
    ));
    assert!(matches!(
        rejection(IMAGES, &gz(&good[..51])),
        DataError::Truncated {
            expected: 52,
            found: 51,
            ..
        }
    ));
    let long = [good.clone(), vec![0]].concat();
    assert!(matches!(
        rejection(IMAGES, &long),
        DataError::TrailingBytes { expected: 52, .. }
    ));
    assert!(matches!(
        rejection(IMAGES, &gz(&long)),
        DataError::TrailingBytes { expected: 52, .. }
    ));
}

#[test]
fn rejects_inconsistent_files() {
    let error = rejection(LABELS, &idx(8, &[5], &[0; 5]));
    assert!(
        matches!(
            error,
            DataError::CountMismatch {
                samples: 6,
                labels: 5,
                ..
            }
        ),
        "{error}"
    );
    let error = rejection(TEST_LABELS, &idx(8, &[3], &[0, 3, 0]));
    assert!(
        matches!(
            error,
            DataError::LabelRange {
                sample: 1,
                label: 3,
                first: 0,
                last: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(matches!(
        rejection(IMAGES, &idx(8, &[0, 2, 3], &[])),
        DataError::NoSamples { .. }
    ));
    assert!(matches!(
        rejection(TEST_IMAGES, &idx(8, &[0, 2, 3], &[])),
        DataError::NoSamples { .. }
    ));
    assert!(matches!(
        rejection(IMAGES, &idx(8, &[6, 0, 3], &[])),
        DataError::BadShape { .. }
    ));
    assert!(matches!(
        rejection(IMAGES, &idx(8, &[6], &[0; 6])),
        DataError::BadShape { .. }
    ));
    assert!(matches!(
        rejection(LABELS, &idx(8, &[6, 1], &[0; 6])),
        DataError::BadShape { .. }
    ));

    let dir = small();
    fs::write(dir.path().join(TEST_IMAGES), idx(8, &[3, 3, 2], &[0; 18])).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, DataError::SplitsDiffer { .. }), "{error}");
    one_sentence(&error);
}

#[test]
fn names_missing_folders_and_files() {
    let dir = small();
    for name in [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] {
        let dir = small();
        fs::remove_file(dir.path().join(name)).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(
            matches!(&error, DataError::MissingFile { file, .. } if file == name),
            "{error}"
        );
        one_sentence(&error);
    }
    let error = open(&dir.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, DataError::NoFolder { .. }), "{error}");
    one_sentence(&error);
    assert!(matches!(
        Dataset::open("fashion-mnits").unwrap_err(),
        DataError::NoFolder { .. }
    ));
    assert!(matches!(
        Dataset::open("").unwrap_err(),
        DataError::NoFolder { .. }
    ));
    assert!(matches!(
        open(&dir.path().join(IMAGES)).unwrap_err(),
        DataError::NotAFolder { .. }
    ));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        open(empty.path()).unwrap_err(),
        DataError::UnknownFormat { .. }
    ));
}
