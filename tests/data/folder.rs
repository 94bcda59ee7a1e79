//! Folders of IDX files, in every form that is around.

use super::{IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, gz, idx, one_sentence, open, small};
use std::fs;
use std::path::Path;
use wattgrad::internals::data::{Column, ColumnSpec, DataError, Dtype, read_idx};

#[test]
fn a_folder_reads_plain_and_gzip_alike() {
    let dir = small();
    let plain = open(dir.path()).unwrap();
    assert_eq!(
        (plain.train.len, plain.test.len, plain.classes()),
        (6, 3, 3)
    );
    assert_eq!(plain.train.inputs[0].spec.shape, [1, 2, 3]);
    assert_eq!(*plain.test.inputs[0].bytes, (36..54).collect::<Vec<u8>>());
    assert_eq!(
        plain.train.targets[0].spec,
        ColumnSpec {
            name: "label".into(),
            dtype: Dtype::U8,
            shape: vec![]
        }
    );
    let mean = 17.5 / 255.0;
    assert_eq!(
        plain.normalisation[0].mean[0],
        (mean * 1e4_f64).round() / 1e4
    );

    for name in [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] {
        let path = dir.path().join(name);
        fs::write(
            dir.path().join(format!("{name}.gz")),
            gz(&fs::read(&path).unwrap()),
        )
        .unwrap();
        fs::remove_file(path).unwrap();
    }
    let zipped = open(dir.path()).unwrap();
    assert_eq!(
        (zipped.train, zipped.test, zipped.sha256),
        (plain.train, plain.test, plain.sha256)
    );
}

#[test]
fn dotted_names_and_a_raw_folder_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("MNIST/raw");
    fs::create_dir_all(&raw).unwrap();
    let from = small();
    for name in [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] {
        fs::copy(
            from.path().join(name),
            raw.join(name.replace("-idx", ".idx")),
        )
        .unwrap();
    }
    assert_eq!(open(&raw).unwrap().name, "MNIST");
    assert_eq!(open(&raw).unwrap().notes, Vec::<String>::new());

    // From one, two and three folders above.
    let outer = dir.path().join("outer");
    fs::create_dir(&outer).unwrap();
    fs::rename(dir.path().join("MNIST"), outer.join("MNIST")).unwrap();
    for path in [outer.join("MNIST"), outer.clone(), dir.path().to_owned()] {
        let data = open(&path).unwrap();
        assert_eq!((data.name.as_str(), data.train.len), ("MNIST", 6));
        assert_eq!(data.source, outer.join("MNIST/raw").display().to_string());
        assert!(
            data.notes.len() == 1 && data.notes[0].contains("MNIST/raw"),
            "{:?}",
            data.notes
        );
    }
    // An empty one does not count, a second one has to be chosen.
    fs::create_dir_all(outer.join("KMNIST/raw")).unwrap();
    assert_eq!(open(&outer).unwrap().name, "MNIST");
    fs::copy(
        outer.join("MNIST/raw").join(IMAGES.replace("-idx", ".idx")),
        outer.join("KMNIST/raw").join(IMAGES),
    )
    .unwrap();
    let error = open(&outer).unwrap_err();
    one_sentence(&error);
    let text = error.to_string();
    assert!(
        text.contains("/MNIST/raw") && text.contains("KMNIST/raw"),
        "{text}"
    );
}

#[test]
fn a_plain_file_counts_before_its_gzip_and_says_so() {
    let dir = small();
    let other = idx(8, &[6], &[2; 6]);
    fs::write(dir.path().join(format!("{LABELS}.gz")), gz(&other)).unwrap();
    let data = open(dir.path()).unwrap();
    assert_eq!(*data.train.targets[0].bytes, [0, 1, 2, 2, 1, 0]);
    let [note] = data.notes.as_slice() else {
        panic!("{:?}", data.notes);
    };
    assert!(note.contains(&format!("{LABELS}.gz")), "{note}");
}

#[test]
fn classes_without_a_training_sample_are_named() {
    let dir = small();
    let note = |labels: [u8; 6]| {
        fs::write(dir.path().join(LABELS), idx(8, &[6], &labels)).unwrap();
        let mut notes = open(dir.path()).unwrap().notes;
        notes.pop().unwrap_or_default()
    };
    assert_eq!(note([0, 1, 2, 2, 1, 0]), "");
    let ones = note([1, 2, 3, 4, 4, 1]);
    assert!(
        ones.contains("1 of 5 classes") && ones.contains("(0)"),
        "{ones}"
    );
    let many = note([0, 2, 9, 9, 9, 9]);
    assert!(
        many.contains("7 of 10 classes") && many.contains("(1, 3, 4, 5, 6, ...)"),
        "{many}"
    );
}

fn emnist(dir: &Path, set: &str, labels: &[u8]) {
    for part in ["train", "test"] {
        // One image of 2 rows and 3 columns a label, as the file has it.
        let pixels: Vec<u8> = (0..labels.len() as u8 * 6).collect();
        let images = idx(8, &[labels.len() as u32, 2, 3], &pixels);
        fs::write(
            dir.join(format!("emnist-{set}-{part}-images-idx3-ubyte.gz")),
            gz(&images),
        )
        .unwrap();
        let labels = idx(8, &[labels.len() as u32], labels);
        fs::write(
            dir.join(format!("emnist-{set}-{part}-labels-idx1-ubyte.gz")),
            gz(&labels),
        )
        .unwrap();
    }
}

#[test]
fn emnist_is_transposed_and_its_letters_start_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    emnist(dir.path(), "letters", &[1, 26]);
    let set = open(dir.path()).unwrap();
    assert_eq!((set.name.as_str(), set.classes()), ("emnist-letters", 26));
    assert_eq!(set.train.inputs[0].spec.shape, [1, 3, 2]);
    assert_eq!(
        *set.train.inputs[0].bytes,
        [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]
    );
    assert_eq!(*set.test.targets[0].bytes, [0, 25]);

    emnist(dir.path(), "digits", &[0, 9]);
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, DataError::SeveralSets { sets, .. } if sets == "emnist-digits, emnist-letters"),
        "{error}"
    );
    one_sentence(&error);
    let digits = open(&dir.path().join("emnist-digits")).unwrap();
    assert_eq!(
        (digits.classes(), &*digits.train.targets[0].bytes),
        (10, [0u8, 9].as_slice())
    );
    assert_eq!(
        open(&dir.path().join("emnist-letters")).unwrap().sha256,
        set.sha256
    );
    assert!(matches!(
        open(&dir.path().join("emnist-balanced")).unwrap_err(),
        DataError::NoFolder { .. }
    ));

    for wrong in [0, 27] {
        emnist(dir.path(), "letters", &[1, wrong]);
        let error = open(&dir.path().join("emnist-letters")).unwrap_err();
        let (want, got) = (i64::from(wrong), &error);
        assert!(
            matches!(got, DataError::LabelRange { sample: 1, label, first: 1, last: 26, .. } if *label == want),
            "{got}"
        );
        one_sentence(got);
    }
}

#[test]
fn reads_every_element_type() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let cases: [(u8, Dtype, Vec<u8>, [f64; 2]); 6] = [
        (0x08, Dtype::U8, vec![1, 255], [1.0, 255.0]),
        (0x09, Dtype::I8, vec![1, 255], [1.0, -1.0]),
        (
            0x0b,
            Dtype::I16,
            [258i16.to_be_bytes(), (-3i16).to_be_bytes()].concat(),
            [258.0, -3.0],
        ),
        (
            0x0c,
            Dtype::I32,
            [i32::MIN.to_be_bytes(), 70_000i32.to_be_bytes()].concat(),
            [-2147483648.0, 70_000.0],
        ),
        (
            0x0d,
            Dtype::F32,
            [0.5f32.to_be_bytes(), (-1.25f32).to_be_bytes()].concat(),
            [0.5, -1.25],
        ),
        (
            0x0e,
            Dtype::F32,
            [0.1f64.to_be_bytes(), (-2.0f64).to_be_bytes()].concat(),
            [f64::from(0.1f32), -2.0],
        ),
    ];
    for (code, dtype, payload, want) in cases {
        fs::write(&path, idx(code, &[2], &payload)).unwrap();
        let array = read_idx(&path).unwrap();
        assert_eq!(
            (array.dtype, array.dims.as_slice()),
            (dtype, [2].as_slice())
        );
        let column = Column {
            spec: ColumnSpec {
                name: "x".into(),
                dtype,
                shape: vec![],
            },
            bytes: array.bytes.into(),
        };
        assert_eq!(column.len(), 2);
        assert_eq!(column.values().collect::<Vec<_>>(), want);
    }
    fs::write(
        &path,
        idx(
            0x0e,
            &[2],
            &[1e300f64.to_be_bytes(), 0f64.to_be_bytes()].concat(),
        ),
    )
    .unwrap();
    assert!(matches!(
        read_idx(&path).unwrap_err(),
        DataError::NonFinite { sample: 0, .. }
    ));
    fs::write(&path, idx(8, &[u32::MAX; 8], &[])).unwrap();
    assert!(matches!(
        read_idx(&path).unwrap_err(),
        DataError::BadShape { .. }
    ));
    fs::write(&path, idx(8, &[u32::MAX, 1 << 20], &[1])).unwrap();
    assert!(matches!(
        read_idx(&path).unwrap_err(),
        DataError::Truncated { found: 13, .. }
    ));
}

#[test]
fn keeps_the_types_of_float_images_and_wide_labels() {
    let dir = small();
    let image = |values: &[f32]| {
        idx(
            0x0d,
            &[2, 1, 1],
            &values
                .iter()
                .flat_map(|v| v.to_be_bytes())
                .collect::<Vec<_>>(),
        )
    };
    let label = |values: [i32; 2]| idx(0x0c, &[2], &values.map(i32::to_be_bytes).concat());
    fs::write(dir.path().join(IMAGES), image(&[1.0, 4.0])).unwrap();
    fs::write(dir.path().join(TEST_IMAGES), image(&[2.0, 2.0])).unwrap();
    fs::write(dir.path().join(LABELS), label([299, 0])).unwrap();
    fs::write(dir.path().join(TEST_LABELS), label([0, 7])).unwrap();
    let set = open(dir.path()).unwrap();
    let normalisation = &set.normalisation[0];
    assert_eq!((set.classes(), normalisation.scale), (300, 1.0));
    assert_eq!((normalisation.mean[0], normalisation.std[0]), (2.5, 1.5));
    assert_eq!(set.train.targets[0].spec.dtype, Dtype::I32);

    fs::write(dir.path().join(TEST_IMAGES), image(&[2.0, f32::NAN])).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, DataError::NonFinite { sample: 1, place } if place.contains(TEST_IMAGES)),
        "{error}"
    );
    fs::write(dir.path().join(TEST_IMAGES), image(&[2.0, 2.0])).unwrap();
    fs::write(dir.path().join(TEST_LABELS), label([0, -1])).unwrap();
    assert!(matches!(
        open(dir.path()).unwrap_err(),
        DataError::LabelRange {
            sample: 1,
            label: -1,
            ..
        }
    ));
    fs::write(dir.path().join(TEST_LABELS), idx(0x0d, &[2], &[0; 8])).unwrap();
    assert!(matches!(
        open(dir.path()).unwrap_err(),
        DataError::LabelType {
            dtype: Dtype::F32,
            ..
        }
    ));
}
