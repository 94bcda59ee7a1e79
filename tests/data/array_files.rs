//! NumPy and safetensors files.

use super::{one_sentence, open};
use safetensors::tensor::TensorView;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use wattgrad::internals::data::{DataError, Dtype, TaskKind};

/// A .npy file as NumPy writes it.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn le<const N: usize, T: Copy>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|v| bytes(*v)).collect()
}

/// The four arrays of two training samples and one test sample of three f32.
fn arrays() -> Vec<(&'static str, Vec<u8>)> {
    let x: Vec<u8> = le(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], f32::to_le_bytes);
    vec![
        ("x_train", npy("<f4", "(2, 3)", &x)),
        (
            "y_train",
            npy("<i8", "(2,)", &le(&[1i64, 0], i64::to_le_bytes)),
        ),
        ("x_test", npy("<f4", "(1, 3)", &x[..12])),
        ("y_test", npy("<i8", "(1,)", &le(&[1i64], i64::to_le_bytes))),
    ]
}

fn write(folder: &Path, arrays: &[(&str, Vec<u8>)]) {
    for (name, bytes) in arrays {
        fs::write(folder.join(format!("{name}.npy")), bytes).unwrap();
    }
}

fn npz(path: &Path, arrays: &[(&str, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (at, (name, bytes)) in arrays.iter().enumerate() {
        let method = [
            zip::CompressionMethod::Deflated,
            zip::CompressionMethod::Stored,
        ][at % 2];
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn three_containers_hold_the_same_arrays() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("npy");
    fs::create_dir(&folder).unwrap();
    write(&folder, &arrays());
    let of_npy = open(&folder).unwrap();
    assert!(of_npy.train.inputs[0].bytes.is_mapped());

    let file = dir.path().join("mine.npz");
    npz(&file, &arrays());
    let of_npz = open(&file).unwrap();
    assert_eq!(of_npz.name, "mine");

    let file = dir.path().join("mine.safetensors");
    let x: Vec<u8> = le(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], f32::to_le_bytes);
    let y = le(&[1i64, 0], i64::to_le_bytes);
    let view = |kind, shape: &[usize], bytes| TensorView::new(kind, shape.to_vec(), bytes).unwrap();
    use safetensors::Dtype::{F32, I64};
    let views = [
        ("train_x", view(F32, &[2, 3], &x)),
        ("train_labels", view(I64, &[2], &y)),
        ("X_test", view(F32, &[1, 3], &x[..12])),
        ("y_test", view(I64, &[1, 1], &y[..8])),
    ];
    fs::write(&file, safetensors::serialize(views, None).unwrap()).unwrap();
    let of_tensors = open(&file).unwrap();
    for set in [&of_npy, &of_npz, &of_tensors] {
        assert_eq!((set.train.len, set.test.len, set.classes()), (2, 1, 2));
        let values: Vec<f64> = set.train.inputs[0].values().collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(
            set.train.targets[0].values().collect::<Vec<_>>(),
            [1.0, 0.0]
        );
        assert_eq!(set.sha256, of_npy.sha256);
    }
    // Two files in one folder are ambiguous.
    let error = open(dir.path()).unwrap_err();
    one_sentence(&error);
    assert!(matches!(error, DataError::UnknownFormat { .. }));
}

#[test]
fn shapes_and_types_become_those_of_columns() {
    let dir = tempfile::tempdir().unwrap();
    let set = |changes: Vec<(&'static str, Vec<u8>)>| {
        write(dir.path(), &arrays());
        write(dir.path(), &changes);
        open(dir.path()).unwrap()
    };
    let both = |descr: &str, rest: &str, per: usize, bytes: &[u8]| {
        vec![
            (
                "x_train",
                npy(descr, &format!("(2, {rest})"), &bytes[..2 * per]),
            ),
            ("x_test", npy(descr, &format!("(1, {rest})"), &bytes[..per])),
        ]
    };
    let bytes: Vec<u8> = (0..120).collect();
    let grey = set(both("|u1", "4, 4", 16, &bytes));
    assert_eq!(grey.train.inputs[0].spec.shape, [1, 4, 4]);
    assert_eq!(grey.normalisation[0].scale, 255.0);
    // Channels last: pixel by pixel in the file, plane by plane here.
    let colours = set(both("|u1", "5, 4, 3", 60, &bytes));
    assert_eq!(colours.train.inputs[0].spec.shape, [3, 5, 4]);
    assert_eq!(colours.train.inputs[0].bytes[..3], [0, 3, 6]);
    assert_eq!(colours.train.inputs[0].bytes[20..22], [1, 4]);
    assert!(colours.notes.iter().any(|note| note.contains("channels")));
    let f64s = le(&[0.5f64, 1.5, -2.0, 4.0], f64::to_le_bytes);
    let wide = set(both("<f8", "2", 16, &f64s));
    assert_eq!(wide.train.inputs[0].spec.dtype, Dtype::F32);
    assert_eq!(wide.train.inputs[0].values().next(), Some(0.5));
    // 1.5 and -2 as f16.
    let half = set(both("<f2", "1, 1", 2, &[0x00, 0x3e, 0x00, 0xc0]));
    assert_eq!(
        half.train.inputs[0].values().collect::<Vec<_>>(),
        [1.5, -2.0]
    );
    let labels = set(vec![
        ("y_train", npy("|b1", "(2, 3)", &[0, 1, 1, 1, 0, 0])),
        ("y_test", npy("|b1", "(1, 3)", &[0, 0, 1])),
    ]);
    assert_eq!(labels.tasks[0].kind, TaskKind::Labels(3));
    let numbers = le(&[0.25f32, 2.0], f32::to_le_bytes);
    let values = set(vec![
        ("y_train", npy("<f4", "(2,)", &numbers)),
        ("y_test", npy("<f4", "(1,)", &numbers[..4])),
    ]);
    assert_eq!(values.tasks[0].kind, TaskKind::Values(1));
    assert_eq!(values.train.targets[0].spec.shape, [1]);
}

#[test]
fn arrays_that_do_not_fit_are_named() {
    let refused = |name: &'static str, bytes: Vec<u8>, wanted: &str| {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &arrays());
        write(dir.path(), &[(name, bytes)]);
        let error = open(dir.path()).unwrap_err();
        one_sentence(&error);
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(wanted), "{text}");
    };
    let x: Vec<u8> = le(&[1.0f32; 6], f32::to_le_bytes);
    refused(
        "x_train",
        npy("<f4", "(2, 3)", &x[..20]),
        "has 20 bytes of values, its header states 24",
    );
    refused("x_train", b"PK".to_vec(), "is not a .npy file");
    refused("x_train", npy("<c8", "(2, 3)", &x), "elements of type <c8");
    refused("x_train", npy(">f4", "(2, 3)", &x), "elements of type >f4");
    let columns = npy("<f4", "(2, 3)", &x);
    let columns = String::from_utf8_lossy(&columns[10..]).replace("False", "True ");
    let mut fortran = npy("<f4", "(2, 3)", &x)[..10].to_vec();
    fortran.extend(columns.as_bytes());
    refused("x_train", fortran, "column by column");
    refused(
        "y_train",
        npy("|u1", "(3,)", &[0, 1, 1]),
        "3 labels for 2 samples",
    );
    refused(
        "y_train",
        npy("|u1", "(2, 1, 1)", &[0, 1]),
        "one or two dimensions",
    );
    let huge = le(&[1i64 << 40, 0], i64::to_le_bytes);
    refused("y_train", npy("<i8", "(2,)", &huge), "sample 0");
    let nan = le(&[f64::NAN; 6], f64::to_le_bytes);
    refused("x_train", npy("<f8", "(2, 3)", &nan), "sample 0");

    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &arrays()[..3]);
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, DataError::MissingFile { file, .. } if file == "y_test.npy"),
        "{error}"
    );
    let file = dir.path().join("part.npz");
    npz(&file, &arrays()[..3]);
    let error = open(&file).unwrap_err();
    one_sentence(&error);
    assert!(
        matches!(&error, DataError::MissingArray { name, .. } if name == "y_test"),
        "{error}"
    );
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let error = open(&file).unwrap_err();
    one_sentence(&error);
    assert!(error.to_string().contains("damaged"), "{error}");
    let file = dir.path().join("part.safetensors");
    fs::write(&file, b"nonsense").unwrap();
    let error = open(&file).unwrap_err();
    one_sentence(&error);
}
