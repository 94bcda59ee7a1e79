//! Folders of IDX files: MNIST, Fashion-MNIST, and EMNIST, whose images lie transposed and whose letters count from 1.
use std::path::{Path, PathBuf};

use super::dataset::{MAX_CLASSES, check_labels};
use super::idx::{IdxArray, read_idx};
use super::{Column, DataError, Dataset, Field, Split};

/// SHA-256 of Fashion-MNIST as [`Dataset::sha256`] takes it.
pub(super) const FASHION_MNIST_SHA256: &str =
    "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f";

/// The four files of one set, and the prefix of their names (`emnist-letters-`, or empty).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    prefix: String,
    train_images: PathBuf,
    train_labels: PathBuf,
    test_images: PathBuf,
    test_labels: PathBuf,
}

/// Opens a folder, or one set of several in it, named as a file name prefix below the folder.
pub(super) fn open(path: &Path) -> Result<Dataset, DataError> {
    let files = find(path)?;
    let emnist = files.prefix.starts_with("emnist-");
    let mut train = part(&files.train_images, &files.train_labels, emnist)?;
    let mut test = part(&files.test_images, &files.test_labels, emnist)?;

    let letters = files.prefix.starts_with("emnist-letters");
    let first = i64::from(letters);
    let classes = match files.prefix.as_str() {
        "emnist-balanced-" | "emnist-bymerge-" => 47,
        "emnist-byclass-" => 62,
        "emnist-letters-" => 26,
        "emnist-digits-" | "emnist-mnist-" => 10,
        _ => classes_of(&train, &files.train_labels)?,
    };
    for (split, file) in [
        (&mut train, &files.train_labels),
        (&mut test, &files.test_labels),
    ] {
        for column in &mut split.targets {
            check_labels(&file.display().to_string(), column, first, classes)?;
            if letters {
                shift_down(column);
            }
        }
    }

    let folder = files.train_images.parent().unwrap_or(Path::new("."));
    let scale = match train.inputs.first().map(|c| c.field.dtype) {
        Some(super::Dtype::U8) => 255.0,
        _ => 1.0,
    };
    let mut set = Dataset::from_splits(&name(folder, &files.prefix), classes, scale, train, test)?;
    set.source = folder.display().to_string();
    set.licence = if set.sha256 == FASHION_MNIST_SHA256 {
        set.name = "fashion-mnist".into();
        "MIT (Zalando SE)".into()
    } else if folder.join("LICENSE").is_file() {
        "see LICENSE in its folder".into()
    } else {
        "not stated".into()
    };
    Ok(set)
}

/// Finds the four files of the set that `path` names.
pub(super) fn find(path: &Path) -> Result<Files, DataError> {
    if path.is_dir() {
        let sets = prefixes(path)?;
        return match sets.as_slice() {
            [] => Err(missing(path, "train-images-idx3-ubyte")),
            [prefix] => complete(path, prefix),
            [first, ..] => Err(DataError::SeveralSets {
                folder: path.to_owned(),
                sets: sets.iter().map(|s| shown(s)).collect::<Vec<_>>().join(", "),
                example: path.join(shown(first)),
            }),
        };
    }
    if path.exists() {
        return Err(DataError::NotAFolder {
            path: path.to_owned(),
        });
    }
    // Not there: perhaps a set named below its folder, as in `emnist/emnist-letters`.
    if let (Some(parent), Some(last)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) {
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        if parent.is_dir() {
            let wanted = if last == UNNAMED {
                String::new()
            } else {
                format!("{last}-")
            };
            if prefixes(parent)?.contains(&wanted) {
                return complete(parent, &wanted);
            }
        }
    }
    Err(DataError::NoFolder {
        path: path.to_owned(),
    })
}

/// How a set without prefix is named where a folder holds several.
const UNNAMED: &str = "mnist";

fn shown(prefix: &str) -> String {
    if prefix.is_empty() {
        UNNAMED.into()
    } else {
        prefix.trim_end_matches('-').into()
    }
}

/// Prefixes of all files that hold training images, sorted.
fn prefixes(folder: &Path) -> Result<Vec<String>, DataError> {
    let io_error = |source| DataError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error)? {
        let file_name = entry.map_err(io_error)?.file_name();
        let Some((prefix, rest)) = file_name
            .to_str()
            .and_then(|n| n.split_once("train-images"))
        else {
            continue;
        };
        if is_idx_suffix(rest) && (prefix.is_empty() || prefix.ends_with('-')) {
            found.push(prefix.to_owned());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// `-idx3-ubyte`, `.idx3-ubyte`, another element type, with or without `.gz`.
fn is_idx_suffix(rest: &str) -> bool {
    (rest.starts_with("-idx") || rest.starts_with(".idx")) && !rest.contains(['~', ' '])
}

fn complete(folder: &Path, prefix: &str) -> Result<Files, DataError> {
    let io_error = |source| DataError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error)? {
        if let Ok(name) = entry.map_err(io_error)?.file_name().into_string() {
            names.push(name);
        }
    }
    // Sorted, so that of `x` and `x.gz` the plain file is taken.
    names.sort();
    let pick = |parts: &[&str], kind: &str, example: &str| {
        for part in parts {
            let stem = format!("{prefix}{part}-{kind}");
            if let Some(name) = names
                .iter()
                .find(|n| n.strip_prefix(&stem).is_some_and(is_idx_suffix))
            {
                return Ok(folder.join(name));
            }
        }
        Err(missing(folder, &format!("{prefix}{example}")))
    };
    let test = if prefix.starts_with("emnist-") {
        "test"
    } else {
        "t10k"
    };
    Ok(Files {
        prefix: prefix.to_owned(),
        train_images: pick(&["train"], "images", "train-images-idx3-ubyte")?,
        train_labels: pick(&["train"], "labels", "train-labels-idx1-ubyte")?,
        test_images: pick(
            &["t10k", "test"],
            "images",
            &format!("{test}-images-idx3-ubyte"),
        )?,
        test_labels: pick(
            &["t10k", "test"],
            "labels",
            &format!("{test}-labels-idx1-ubyte"),
        )?,
    })
}

fn missing(folder: &Path, file: &str) -> DataError {
    DataError::MissingFile {
        folder: folder.to_owned(),
        file: file.to_owned(),
    }
}

/// A folder's own name, or its parent's where it is called `raw` (torchvision's layout).
fn name(folder: &Path, prefix: &str) -> String {
    if !prefix.is_empty() {
        return shown(prefix);
    }
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    full.ancestors()
        .filter_map(|p| p.file_name())
        .map(|n| n.to_string_lossy().into_owned())
        .find(|n| n != "raw")
        .unwrap_or_else(|| "data".into())
}

fn part(images: &Path, labels: &Path, transposed: bool) -> Result<Split, DataError> {
    let (image_place, label_place) = (images.display().to_string(), labels.display().to_string());
    let mut pixels = read_idx(images)?;
    let classes = read_idx(labels)?;
    let mut shape = match pixels.dims.as_slice() {
        [_, rows, columns] => vec![1, *rows, *columns],
        [_, rest @ ..] if !rest.is_empty() => rest.to_vec(),
        _ => {
            return Err(bad_shape(
                image_place,
                &pixels,
                "samples and at least one dimension of values",
            ));
        }
    };
    if classes.dims.len() != 1 {
        return Err(bad_shape(
            label_place,
            &classes,
            "labels alone, one dimension",
        ));
    }
    let (len, labelled) = (pixels.dims[0], classes.dims[0]);
    if len == 0 {
        return Err(DataError::NoSamples { place: image_place });
    }
    if shape.contains(&0) {
        return Err(bad_shape(image_place, &pixels, "dimensions above 0"));
    }
    if labelled != len {
        return Err(DataError::CountMismatch {
            place: label_place,
            samples: len,
            labels: labelled,
        });
    }
    if !classes.dtype.is_integer() {
        return Err(DataError::LabelType {
            place: label_place,
            dtype: classes.dtype,
        });
    }
    if transposed && pixels.dims.len() == 3 {
        transpose(&mut pixels);
        shape.swap(1, 2);
    }
    let input = Column {
        field: Field {
            name: "image".into(),
            dtype: pixels.dtype,
            shape,
        },
        bytes: pixels.bytes,
    };
    super::dataset::check_finite(&image_place, &input)?;
    let target = Column {
        field: Field {
            name: "label".into(),
            dtype: classes.dtype,
            shape: vec![],
        },
        bytes: classes.bytes,
    };
    Ok(Split {
        len,
        inputs: vec![input],
        targets: vec![target],
    })
}

fn bad_shape(place: String, array: &IdxArray, wanted: &'static str) -> DataError {
    DataError::BadShape {
        place,
        shape: array.dims.clone(),
        wanted,
    }
}

/// Swaps rows and columns of every image.
fn transpose(array: &mut IdxArray) {
    let (rows, columns, size) = (array.dims[1], array.dims[2], array.dtype.size_bytes());
    let mut out = Vec::with_capacity(array.bytes.len());
    for image in array.bytes.chunks_exact(rows * columns * size) {
        for column in 0..columns {
            for row in 0..rows {
                let at = (row * columns + column) * size;
                out.extend_from_slice(&image[at..at + size]);
            }
        }
    }
    array.bytes = out;
    array.dims.swap(1, 2);
}

/// One more than the highest training label.
fn classes_of(train: &Split, file: &Path) -> Result<usize, DataError> {
    let Some(column) = train.targets.first() else {
        return Ok(1);
    };
    check_labels(&file.display().to_string(), column, 0, MAX_CLASSES)?;
    Ok(column.values().fold(0.0, f64::max) as usize + 1)
}

/// Takes 1 from every label; all are at least 1.
fn shift_down(column: &mut Column) {
    let size = column.field.dtype.size_bytes();
    for element in column.bytes.chunks_exact_mut(size) {
        // Little-endian subtraction with borrow, the same for every integer type.
        for byte in element {
            let (less, borrow) = byte.overflowing_sub(1);
            *byte = less;
            if !borrow {
                break;
            }
        }
    }
}
