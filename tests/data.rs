//! Data sets: reading, every refusal, shards, and the order of samples.
#![cfg(feature = "gpu")]

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use wattgrad::data::{
    Arrays, Column, DataError, Dataset, Dtype, Field, Places, Shard, Split, Values, half_bits,
    locate_in, mix, permute, read_idx,
};

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

fn idx(code: u8, dims: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, dims.len() as u8];
    dims.iter()
        .for_each(|d| bytes.extend_from_slice(&d.to_be_bytes()));
    bytes.extend_from_slice(payload);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Six training and three test images of 2 rows and 3 columns, three classes, all plain.
fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..54).collect();
    fs::write(dir.path().join(IMAGES), idx(8, &[6, 2, 3], &pixels[..36])).unwrap();
    fs::write(dir.path().join(LABELS), idx(8, &[6], &[0, 1, 2, 2, 1, 0])).unwrap();
    fs::write(
        dir.path().join(TEST_IMAGES),
        idx(8, &[3, 2, 3], &pixels[36..]),
    )
    .unwrap();
    fs::write(dir.path().join(TEST_LABELS), idx(8, &[3], &[2, 0, 1])).unwrap();
    dir
}

fn open(path: &Path) -> Result<Dataset, DataError> {
    Dataset::open(path.to_str().unwrap())
}

/// The error of opening `small()` with one file replaced; its sentence must name the file.
fn refuse(file: &str, bytes: &[u8]) -> DataError {
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

fn one_sentence(error: &DataError) {
    let text = error.to_string();
    assert!(
        !text.contains('\n') && !text.contains(". ") && !text.ends_with('.'),
        "not one sentence: {text}"
    );
    assert!(
        text.contains(": ") || text.contains("; "),
        "no remedy: {text}"
    );
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn fashion_mnist_is_what_it_is_known_to_be() {
    let set = open(&repository().join("data/fashion-mnist")).unwrap();
    assert_eq!(
        (set.name.as_str(), set.licence.as_str()),
        ("fashion-mnist", "MIT (Zalando SE)")
    );
    assert_eq!(
        (set.train.len, set.test.len, set.classes),
        (60_000, 10_000, 10)
    );
    assert_eq!(set.train.inputs[0].field.shape, [1, 28, 28]);
    assert_eq!(set.train.inputs[0].bytes.len(), 60_000 * 784);
    assert_eq!((set.mean, set.std, set.scale), (0.2860, 0.3530, 255.0));
    // Computed apart from this program, with Python's gzip and hashlib.
    assert_eq!(
        set.sha256,
        "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f"
    );
    assert_eq!(
        set.train.targets[0].bytes[..10],
        [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    );
    for split in [&set.train, &set.test] {
        let mut counts = [0; 10];
        split.targets[0]
            .bytes
            .iter()
            .for_each(|&l| counts[usize::from(l)] += 1);
        assert_eq!(counts, [split.len / 10; 10]);
    }
    // The 16 MiB that a device may bind at most makes three shards of it.
    assert_eq!(set.train.inputs[0].shards(16 << 20).unwrap().len(), 3);
}

#[test]
fn digits_are_embedded() {
    let set = Dataset::open("digits").unwrap();
    assert_eq!(
        (
            set.source.as_str(),
            set.train.len,
            set.test.len,
            set.classes
        ),
        ("embedded", 1_500, 297, 10)
    );
    assert_eq!((set.mean, set.std, set.scale), (0.3051, 0.3750, 16.0));
    assert!(set.licence.contains("CC BY 4.0") && set.licence.contains("BSD-3-Clause"));
    assert_eq!(set.train.inputs[0].field.shape, [1, 8, 8]);
    assert_eq!(set.train.inputs[0].bytes[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    assert_eq!(set.train.targets[0].bytes[..5], [0, 1, 2, 3, 4]);
    assert_eq!(set.test.targets[0].bytes[292..], [9, 0, 8, 9, 8]);
    // Computed apart from this program, with scikit-learn and hashlib.
    assert_eq!(
        set.sha256,
        "40392fed152d0c5c1db6cf3f5ecc6c69783c372dbebb453ab13d23b097e1e2e0"
    );
}

#[test]
fn a_folder_reads_plain_and_gzip_alike() {
    let dir = small();
    let plain = open(dir.path()).unwrap();
    assert_eq!((plain.train.len, plain.test.len, plain.classes), (6, 3, 3));
    assert_eq!(plain.train.inputs[0].field.shape, [1, 2, 3]);
    assert_eq!(plain.test.inputs[0].bytes, (36..54).collect::<Vec<u8>>());
    assert_eq!(
        plain.train.targets[0].field,
        Field {
            name: "label".into(),
            dtype: Dtype::U8,
            shape: vec![]
        }
    );
    let mean = 17.5 / 255.0;
    assert_eq!(plain.mean, (mean * 1e4_f64).round() / 1e4);

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
fn emnist_is_turned_and_its_letters_count_from_zero() {
    let dir = tempfile::tempdir().unwrap();
    emnist(dir.path(), "letters", &[1, 26]);
    let set = open(dir.path()).unwrap();
    assert_eq!((set.name.as_str(), set.classes), ("emnist-letters", 26));
    assert_eq!(set.train.inputs[0].field.shape, [1, 3, 2]);
    assert_eq!(
        set.train.inputs[0].bytes,
        [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]
    );
    assert_eq!(set.test.targets[0].bytes, [0, 25]);

    emnist(dir.path(), "digits", &[0, 9]);
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, DataError::SeveralSets { sets, .. } if sets == "emnist-digits, emnist-letters"),
        "{error}"
    );
    one_sentence(&error);
    let digits = open(&dir.path().join("emnist-digits")).unwrap();
    assert_eq!(
        (digits.classes, digits.train.targets[0].bytes.as_slice()),
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
fn every_element_type_is_read() {
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
            field: Field {
                name: "x".into(),
                dtype,
                shape: vec![],
            },
            bytes: array.bytes,
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
fn float_images_and_wide_labels_stay_what_they_are() {
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
    assert_eq!(
        (set.classes, set.scale, set.mean, set.std),
        (300, 1.0, 2.5, 1.5)
    );
    assert_eq!(set.train.targets[0].field.dtype, Dtype::I32);

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

#[test]
fn damaged_files_are_refused() {
    let good = idx(8, &[6, 2, 3], &(0..36).collect::<Vec<u8>>());
    let zipped = gz(&good);
    for cut in [3, 9, 15, zipped.len() / 2, zipped.len() - 1] {
        let error = refuse(IMAGES, &zipped[..cut]);
        assert!(
            matches!(error, DataError::TruncatedGz { .. }),
            "cut at {cut}: {error}"
        );
    }
    // The checksum, and the deflate stream's block type, damaged.
    for (at, value) in [(zipped.len() - 7, !zipped[zipped.len() - 7]), (10, 0xff)] {
        let mut bytes = zipped.clone();
        bytes[at] = value;
        let error = refuse(IMAGES, &bytes);
        assert!(
            matches!(error, DataError::CorruptGz { .. }),
            "byte {at}: {error}"
        );
    }
    let error = refuse(IMAGES, &[zipped.clone(), b"more".to_vec()].concat());
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
        assert!(matches!(refuse(IMAGES, &bytes), DataError::BadMagic { .. }));
    }
    assert!(matches!(
        refuse(IMAGES, &good[..10]),
        DataError::Truncated {
            expected: 16,
            found: 10,
            ..
        }
    ));
    assert!(matches!(
        refuse(IMAGES, &good[..51]),
        DataError::Truncated {
            expected: 52,
            found: 51,
            ..
        }
    ));
    assert!(matches!(
        refuse(IMAGES, &gz(&good[..51])),
        DataError::Truncated {
            expected: 52,
            found: 51,
            ..
        }
    ));
    let long = [good.clone(), vec![0]].concat();
    assert!(matches!(
        refuse(IMAGES, &long),
        DataError::TrailingBytes { expected: 52, .. }
    ));
    assert!(matches!(
        refuse(IMAGES, &gz(&long)),
        DataError::TrailingBytes { expected: 52, .. }
    ));
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let error = refuse(LABELS, &idx(8, &[5], &[0; 5]));
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
    let error = refuse(TEST_LABELS, &idx(8, &[3], &[0, 3, 0]));
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
        refuse(IMAGES, &idx(8, &[0, 2, 3], &[])),
        DataError::NoSamples { .. }
    ));
    assert!(matches!(
        refuse(TEST_IMAGES, &idx(8, &[0, 2, 3], &[])),
        DataError::NoSamples { .. }
    ));
    assert!(matches!(
        refuse(IMAGES, &idx(8, &[6, 0, 3], &[])),
        DataError::BadShape { .. }
    ));
    assert!(matches!(
        refuse(IMAGES, &idx(8, &[6], &[0; 6])),
        DataError::BadShape { .. }
    ));
    assert!(matches!(
        refuse(LABELS, &idx(8, &[6, 1], &[0; 6])),
        DataError::BadShape { .. }
    ));

    let dir = small();
    fs::write(dir.path().join(TEST_IMAGES), idx(8, &[3, 3, 2], &[0; 18])).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, DataError::PartsDiffer { .. }), "{error}");
    one_sentence(&error);
}

#[test]
fn missing_folders_and_files_are_named() {
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
        DataError::MissingFile { .. }
    ));
}

#[test]
fn auto_takes_the_first_place_that_has_a_set_and_says_where_it_looked() {
    let (with, empty) = (small(), tempfile::tempdir().unwrap());
    let folders = vec![empty.path().join("none"), with.path().to_owned()];
    let places = Places {
        environment: None,
        folders: folders.clone(),
    };
    let set = Dataset::open_in("auto", &places).unwrap();
    assert_eq!(set.source, with.path().display().to_string());
    assert_eq!(
        set.looked
            .iter()
            .map(|f| (f.path.clone(), f.present))
            .collect::<Vec<_>>(),
        [(folders[0].clone(), false), (folders[1].clone(), true)]
    );

    let bare = Places {
        environment: None,
        folders: folders[..1].to_vec(),
    };
    let set = Dataset::open_in("auto", &bare).unwrap();
    assert_eq!((set.name.as_str(), set.looked.len()), ("digits", 1));
    let error = Dataset::open_in("fashion-mnist", &bare).unwrap_err();
    assert!(
        matches!(&error, DataError::NoFashionMnist { looked } if looked.contains("no such folder")),
        "{error}"
    );
    one_sentence(&error);
    let error = Dataset::open_in("fashion-mnist", &places).unwrap_err();
    assert!(
        matches!(error, DataError::NotFashionMnist { .. }),
        "{error}"
    );
    one_sentence(&error);

    // A damaged set is an error, not a reason to train on something else.
    fs::write(with.path().join(IMAGES), b"nonsense").unwrap();
    assert!(matches!(
        Dataset::open_in("auto", &places).unwrap_err(),
        DataError::BadMagic { .. }
    ));
}

#[test]
fn the_environment_comes_first_and_must_be_usable() {
    let (with, other) = (small(), tempfile::tempdir().unwrap());
    let below = other.path().join("fashion-mnist");
    fs::create_dir(&below).unwrap();
    for name in [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] {
        fs::copy(with.path().join(name), below.join(name)).unwrap();
    }
    let places = Places {
        environment: Some(other.path().to_owned()),
        folders: vec![with.path().to_owned()],
    };
    assert_eq!(
        Dataset::open_in("auto", &places).unwrap().source,
        below.display().to_string()
    );
    fs::remove_file(below.join(LABELS)).unwrap();
    for spec in ["auto", "fashion-mnist"] {
        let error = Dataset::open_in(spec, &places).unwrap_err();
        assert!(matches!(error, DataError::BadEnvironment { .. }), "{error}");
        one_sentence(&error);
    }
}

#[test]
fn locate_lists_every_place_once() {
    let dir = small();
    let places = Places {
        environment: Some(dir.path().join("none")),
        folders: vec![
            dir.path().to_owned(),
            dir.path().join("."),
            dir.path().join("none"),
        ],
    };
    let found = locate_in(&places);
    let list: Vec<_> = found.iter().map(|f| (f.spec.as_str(), f.present)).collect();
    assert_eq!(
        list,
        [
            ("auto", false),
            ("fashion-mnist", true),
            ("fashion-mnist", false),
            ("digits", true)
        ]
    );
    assert_eq!(found[2].note, "no such folder");
}

fn floats(inputs: &[f32]) -> Values<'_> {
    Values::F32(inputs)
}

#[test]
fn arrays_become_a_data_set() {
    let (x, y) = ([1.0f32, 2.0, 3.0, 6.0], [0u32, 300]);
    let set = Dataset::from_arrays(
        "mine",
        301,
        &[2],
        Arrays {
            inputs: floats(&x),
            labels: &y,
        },
        Arrays {
            inputs: floats(&x[..2]),
            labels: &y[..1],
        },
    )
    .unwrap();
    assert_eq!(
        (set.train.len, set.test.len, set.scale, set.mean),
        (2, 1, 1.0, 3.0)
    );
    assert_eq!(set.std, 3.5f64.sqrt());
    assert_eq!(
        set.train.inputs[0].values().collect::<Vec<_>>(),
        [1.0, 2.0, 3.0, 6.0]
    );
    assert_eq!(set.train.targets[0].field.dtype, Dtype::U16);
    assert_eq!(
        set.train.targets[0].values().collect::<Vec<_>>(),
        [0.0, 300.0]
    );

    let bytes = Arrays {
        inputs: Values::U8(&[7, 7]),
        labels: &[1, 0],
    };
    let set = Dataset::from_arrays("flat", 2, &[1], bytes, bytes).unwrap();
    assert_eq!(
        (set.scale, set.std, set.train.targets[0].field.dtype),
        (255.0, 1.0, Dtype::U8)
    );
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let good = Arrays {
        inputs: floats(&[1.0, 2.0]),
        labels: &[0, 1],
    };
    let build = |classes: usize, shape: &[usize], test: Arrays<'_>| {
        let error = Dataset::from_arrays("x", classes, shape, good, test).unwrap_err();
        one_sentence(&error);
        error
    };
    let with = |inputs, labels| Arrays { inputs, labels };
    assert!(matches!(
        build(0, &[1], good),
        DataError::BadClasses { classes: 0 }
    ));
    assert!(matches!(
        build(65_537, &[1], good),
        DataError::BadClasses { .. }
    ));
    assert!(matches!(
        build(1, &[1], good),
        DataError::LabelRange {
            sample: 1,
            label: 1,
            last: 0,
            ..
        }
    ));
    assert!(matches!(build(2, &[0], good), DataError::BadShape { .. }));
    assert!(matches!(
        build(2, &[3], good),
        DataError::ColumnSize {
            found: 2,
            expected: 6,
            ..
        }
    ));
    assert!(matches!(
        build(2, &[2], good),
        DataError::CountMismatch {
            samples: 1,
            labels: 2,
            ..
        }
    ));
    assert!(matches!(
        build(2, &[usize::MAX, 2], good),
        DataError::ColumnSize { .. }
    ));
    assert!(matches!(
        build(2, &[1], with(floats(&[1.0]), &[])),
        DataError::CountMismatch { labels: 0, .. }
    ));
    assert!(matches!(
        build(2, &[1], with(floats(&[]), &[])),
        DataError::NoSamples { .. }
    ));
    let nan = build(2, &[1], with(floats(&[0.0, f32::INFINITY]), &[0, 0]));
    assert!(
        matches!(nan, DataError::NonFinite { sample: 1, .. }),
        "{nan}"
    );
    assert!(matches!(
        build(2, &[1], with(Values::U8(&[1]), &[0])),
        DataError::PartsDiffer { .. }
    ));

    let column = Column {
        field: Field {
            name: "a".into(),
            dtype: Dtype::F32,
            shape: vec![2],
        },
        bytes: vec![0; 8],
    };
    let split = |len| Split {
        len,
        inputs: vec![column.clone()],
        targets: vec![column.clone()],
    };
    assert!(Dataset::from_splits("two", 1, 1.0, split(1), split(1)).is_ok());
    let error = Dataset::from_splits("two", 1, 1.0, split(1), split(2)).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::ColumnSize {
                found: 8,
                expected: 16,
                ..
            }
        ),
        "{error}"
    );
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Dataset::from_splits("two", 1, scale, split(1), split(1)).unwrap_err();
        assert!(matches!(error, DataError::BadScale { .. }), "{error}");
    }
}

#[test]
fn shards_are_whole_samples_below_the_limit() {
    for (sample, total) in [(1usize, 1usize), (3, 7), (4, 8), (5, 100), (784, 65)] {
        let field = Field {
            name: "image".into(),
            dtype: Dtype::U8,
            shape: vec![sample],
        };
        let column = Column {
            field,
            bytes: (0..sample * total).map(|i| (i % 251) as u8).collect(),
        };
        for limit in (0..40).chain([784, 787, 788, 1_571, 4_000, 1 << 16, u64::MAX]) {
            let shards = match column.shards(limit) {
                Ok(shards) => shards,
                Err(error) => {
                    assert!((sample as u64).div_ceil(4) * 4 > limit, "{error}");
                    assert!(error.to_string().contains("\"image\""));
                    one_sentence(&error);
                    continue;
                }
            };
            assert!((sample as u64).div_ceil(4) * 4 <= limit);
            let mut joined = Vec::new();
            for (i, shard) in shards.iter().enumerate() {
                assert_eq!(shard.first, i * shards[0].len);
                assert_eq!(shard.bytes.len(), shard.len * sample);
                let bytes = column.shard_bytes(shard).unwrap();
                assert!(bytes.len().is_multiple_of(4) && bytes.len() as u64 <= limit);
                assert!(
                    bytes.len() - shard.bytes.len() < 4
                        && bytes[shard.bytes.len()..].iter().all(|&b| b == 0)
                );
                joined.extend_from_slice(&bytes[..shard.bytes.len()]);
            }
            assert_eq!(joined, column.bytes);
            let (last, rest) = shards.split_last().unwrap();
            assert!(
                rest.iter().all(|s| s.len == shards[0].len)
                    && (1..=shards[0].len).contains(&last.len)
            );
            // No fewer shards would do: one more sample in each would pass the limit.
            assert!(rest.is_empty() || ((shards[0].len + 1) * sample) as u64 > limit / 4 * 4);
        }
        let foreign = Shard {
            first: total,
            len: 1,
            bytes: total * sample..(total + 1) * sample,
        };
        assert!(matches!(
            column.shard_bytes(&foreign).unwrap_err(),
            DataError::ForeignShard { .. }
        ));
    }
}

#[test]
fn an_order_visits_every_sample_once() {
    for n in [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1_797, 60_000] {
        for (seed, epoch) in [(0, 0), (0, 1), (42, 0), (u32::MAX, u32::MAX)] {
            let mut seen = vec![false; n as usize];
            for position in 0..n {
                let at = permute(seed, epoch, position, n);
                assert!(
                    at < n && !seen[at as usize],
                    "n {n}, seed {seed}, epoch {epoch}, position {position}: {at}"
                );
                seen[at as usize] = true;
            }
        }
    }
    assert_eq!(permute(3, 1, 70, 64), permute(3, 1, 6, 64));
    assert_eq!(permute(3, 1, 70, 0), 0);
}

#[test]
fn an_order_is_the_one_documented() {
    // From a separate program in Python, written after the module's description.
    let known = [
        ((0, 0, 0, 1), 0),
        ((0, 0, 0, 2), 0),
        ((0, 0, 1, 3), 1),
        ((1, 2, 63, 64), 9),
        ((7, 1, 64, 65), 58),
        ((42, 0, 0, 1797), 1598),
        ((42, 3, 1796, 1797), 544),
        ((42, 0, 0, 60000), 20634),
        ((42, 0, 59999, 60000), 1902),
        ((u32::MAX, u32::MAX, 12345, 60000), 48303),
        ((5, 6, 7, u32::MAX), 2399505081),
        ((1, 1, 1073741824, 2147483648), 727100213),
    ];
    for ((seed, epoch, position, n), want) in known {
        assert_eq!(
            permute(seed, epoch, position, n),
            want,
            "{seed} {epoch} {position} {n}"
        );
    }
    for (n, half) in [
        (0, 2),
        (1, 2),
        (16, 2),
        (17, 3),
        (64, 3),
        (65, 4),
        (1 << 30, 15),
        ((1 << 30) + 1, 16),
        (u32::MAX, 16),
    ] {
        assert_eq!(half_bits(n), half, "{n}");
    }
    assert_eq!(mix(0), 0);
}

#[test]
fn orders_differ_between_seeds_and_epochs() {
    let mut seen = HashSet::new();
    for seed in 0..40 {
        for epoch in 0..40 {
            let order: Vec<u32> = (0..1_797).map(|i| permute(seed, epoch, i, 1_797)).collect();
            // A random order leaves one sample in place on average; ten or more has a chance of 1e-7.
            let in_place = order
                .iter()
                .enumerate()
                .filter(|&(i, &s)| i as u32 == s)
                .count();
            assert!(
                in_place < 12,
                "seed {seed}, epoch {epoch}: {in_place} samples in place"
            );
            assert!(
                seen.insert(order),
                "seed {seed}, epoch {epoch} repeats an order"
            );
        }
    }
}

/// Chi-square of counts against equal shares.
fn chi_square(counts: &[u32]) -> f64 {
    let share = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts
        .iter()
        .map(|&c| (f64::from(c) - share).powi(2) / share)
        .sum()
}

/// Five standard deviations above what an even spread gives on average.
fn bound(cells: usize) -> f64 {
    let freedom = cells as f64 - 1.0;
    freedom + 5.0 * (2.0 * freedom).sqrt()
}

#[test]
fn every_sample_is_as_likely_first() {
    for n in [3u32, 10, 64, 100] {
        for by_epoch in [false, true] {
            for position in [0, n - 1] {
                let mut counts = vec![0; n as usize];
                for key in 0..400 * n {
                    let (seed, epoch) = if by_epoch { (1, key) } else { (key, 0) };
                    counts[permute(seed, epoch, position, n) as usize] += 1;
                }
                let chi = chi_square(&counts);
                assert!(
                    chi < bound(counts.len()),
                    "n {n}, by epoch {by_epoch}, position {position}: {chi}"
                );
            }
        }
    }
}

#[test]
fn neighbours_are_independent() {
    let n = 60u32;
    let mut counts = vec![0; (n * n) as usize];
    for seed in 0..100 * n {
        let (a, b) = (permute(seed, 3, 10, n), permute(seed, 3, 11, n));
        counts[(a * n + b) as usize] += 1;
    }
    // Every ordered pair of two different samples, none of one sample twice.
    let pairs: Vec<u32> = (0..n * n)
        .filter(|i| i / n != i % n)
        .map(|i| counts[i as usize])
        .collect();
    assert_eq!(pairs.iter().sum::<u32>(), 100 * n);
    let chi = chi_square(&pairs);
    assert!(chi < bound(pairs.len()), "{chi}");
}
