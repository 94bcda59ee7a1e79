//! Folders of IDX files: MNIST, Fashion-MNIST, and EMNIST, which stores images transposed and numbers letters from 1.
use std::path::{Path, PathBuf};

use super::dataset::{MAX_CLASSES, check_finite, check_labels};
use super::idx::{IdxArray, read_idx};
use super::reader::{Progress, Reader, entries};
use super::{Column, ColumnSpec, DataError, DataOptions, Dataset, Dtype, Split, Task};

/// SHA-256 of Fashion-MNIST, computed as [`Dataset::sha256`].
pub(super) const FASHION_MNIST_SHA256: &str =
    "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f";

/// Reads folders of four IDX files.
pub(super) struct IdxFolder;

impl Reader for IdxFolder {
    fn recognizes(&self, path: &Path) -> bool {
        let folder = match path.is_dir() {
            true => Some(path),
            false => path.parent(),
        };
        let incomplete = || entries(path).is_ok_and(|names| names.iter().any(|name| is_idx(name)));
        folder.is_some_and(holds_images) || !raw_folders(path).is_empty() || incomplete()
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        find(path).map(|_| "four IDX files")
    }

    fn read(&self, path: &Path, _: &DataOptions, _: Progress<'_>) -> Result<Dataset, DataError> {
        let files = find(path)?;
        let labels = labels_of(&files.prefix);
        let train = [&files.train_images, &files.train_labels];
        let test = [&files.test_images, &files.test_labels];
        let (train_images, train_labels) = read_split(train, &files.prefix)?;
        let (test_images, test_labels) = read_split(test, &files.prefix)?;
        let classes = match labels.classes {
            Some(classes) => classes,
            None => count_classes(&train_labels, &files.train_labels)?,
        };
        let split = |images: Column, labels_column: Column, file: &Path| {
            check_labels(&shown_path(file), &labels_column, labels.first, classes)?;
            Ok(Split {
                len: images.len(),
                inputs: vec![images],
                targets: vec![match labels.first {
                    1 => from_zero(&labels_column),
                    _ => labels_column,
                }],
            })
        };
        let scale = match train_images.spec.dtype {
            Dtype::U8 => 255.0,
            _ => 1.0,
        };
        let train = split(train_images, train_labels, &files.train_labels)?;
        let test = split(test_images, test_labels, &files.test_labels)?;
        let folder = files.train_images.parent().unwrap_or(Path::new("."));
        let name = name(folder, &files.prefix);
        let mut data = Dataset::from_splits(&name, vec![Task::label(classes)], scale, train, test)?;
        if path.is_dir() && folder != path {
            let found = format!("the data set is in {folder:?} below {path:?}");
            data.notes.insert(0, found);
        }
        data.notes.extend(files.note);
        data.source = folder.display().to_string();
        if data.sha256 == FASHION_MNIST_SHA256 {
            data.name = "fashion-mnist".into();
            data.licence = "MIT (Zalando SE)".into();
            data.derive_task("kind", 0, KINDS, kind);
        } else if folder.join("LICENSE").is_file() {
            data.licence = "see LICENSE in its folder".into();
        }
        Ok(data)
    }
}

/// Kinds of garment in Fashion-MNIST: top, trousers, dress, shoe, bag.
const KINDS: usize = 5;

/// The kind of garment of a label of Fashion-MNIST.
fn kind(label: u8) -> u8 {
    match label {
        1 => 1,
        3 => 2,
        5 | 7 | 9 => 3,
        8 => 4,
        // T-shirt or top, pullover, coat, shirt.
        _ => 0,
    }
}

/// The label range of a set.
struct Labels {
    first: i64,
    /// `None`: one more than the largest training label.
    classes: Option<usize>,
}

fn labels_of(prefix: &str) -> Labels {
    let (first, classes) = match prefix {
        "emnist-balanced-" | "emnist-bymerge-" => (0, Some(47)),
        "emnist-byclass-" => (0, Some(62)),
        "emnist-letters-" => (1, Some(26)),
        "emnist-digits-" | "emnist-mnist-" => (0, Some(10)),
        _ => (0, None),
    };
    Labels { first, classes }
}

/// The four files of a set, and the prefix of their names (`emnist-letters-`, or empty).
struct Files {
    prefix: String,
    train_images: PathBuf,
    train_labels: PathBuf,
    test_images: PathBuf,
    test_labels: PathBuf,
    /// Files of another form that are not used.
    note: Option<String>,
}

/// Finds the four files of the set that `path` names.
fn find(path: &Path) -> Result<Files, DataError> {
    if path.is_dir() {
        let sets = prefixes(path)?;
        return match sets.as_slice() {
            [] => match raw_folders(path).as_slice() {
                [] => Err(missing(path, "train-images-idx3-ubyte")),
                [folder] => find(folder),
                [first, ..] => Err(DataError::SeveralFolders {
                    folder: path.to_owned(),
                    found: raw_folders(path),
                    example: first.clone(),
                }),
            },
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
    // A set named below its folder, such as `emnist/emnist-letters`.
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

/// Folders named `raw` with training images, up to two folders deep below `path`: torchvision writes `MNIST/raw`.
fn raw_folders(path: &Path) -> Vec<PathBuf> {
    let below = |folder: &PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir());
        folders.collect::<Vec<_>>()
    };
    let first = below(&path.to_owned());
    let second: Vec<PathBuf> = first.iter().flat_map(below).collect();
    let all = std::iter::once(path.to_owned()).chain(first).chain(second);
    let mut found: Vec<PathBuf> = all
        .map(|folder| folder.join("raw"))
        .filter(|raw| raw.is_dir() && holds_images(raw))
        .collect();
    found.sort();
    found
}

fn holds_images(folder: &Path) -> bool {
    prefixes(folder).is_ok_and(|found| !found.is_empty())
}

/// Name of the set without a prefix, where a folder holds several sets.
const UNNAMED: &str = "mnist";

fn shown(prefix: &str) -> String {
    if prefix.is_empty() {
        UNNAMED.into()
    } else {
        prefix.trim_end_matches('-').into()
    }
}

/// Prefixes of all files of training images, sorted.
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

/// A file of one of the sets, even where the training images are missing.
fn is_idx(name: &str) -> bool {
    let kinds = ["-images", "-labels"];
    kinds.iter().any(|kind| {
        name.split_once(kind)
            .is_some_and(|(_, rest)| is_idx_suffix(rest))
    })
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
    // Sorted, so that the plain file wins over its .gz.
    names.sort();
    let mut unused: Vec<&str> = Vec::new();
    let mut pick = |parts: &[&str], kind: &str, example: &str| {
        for part in parts {
            let stem = format!("{prefix}{part}-{kind}");
            let mut found = names
                .iter()
                .filter(|n| n.strip_prefix(&stem).is_some_and(is_idx_suffix));
            if let Some(name) = found.next() {
                unused.extend(found.map(String::as_str));
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
    let mut files = Files {
        prefix: prefix.to_owned(),
        note: None,
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
    };
    if !unused.is_empty() {
        files.note = Some(format!(
            "{} of {folder:?} is not used: the folder also has the plain file, or one of another form",
            unused.join(", ")
        ));
    }
    Ok(files)
}

fn missing(folder: &Path, file: &str) -> DataError {
    DataError::MissingFile {
        folder: folder.to_owned(),
        file: file.to_owned(),
    }
}

/// Name of the folder, or of its parent where the folder is named `raw`, as torchvision does.
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

/// Images and labels of one split, as stored but for the transposition of EMNIST.
fn read_split(
    [images, labels]: [&PathBuf; 2],
    prefix: &str,
) -> Result<(Column, Column), DataError> {
    let (image_place, label_place) = (shown_path(images), shown_path(labels));
    let mut pixels = read_idx(images)?;
    let classes = read_idx(labels)?;
    if prefix.starts_with("emnist-") && pixels.dims.len() == 3 {
        transpose(&mut pixels);
    }
    let (len, shape) = match pixels.dims.as_slice() {
        [len, rows, columns] => (*len, vec![1, *rows, *columns]),
        [len, rest @ ..] if !rest.is_empty() => (*len, rest.to_vec()),
        _ => {
            let wanted = "samples and at least one dimension of values";
            return Err(bad_shape(image_place, &pixels, wanted));
        }
    };
    if classes.dims.len() != 1 {
        return Err(bad_shape(label_place, &classes, "one dimension of labels"));
    }
    if len == 0 {
        return Err(DataError::NoSamples { place: image_place });
    }
    if shape.contains(&0) {
        return Err(bad_shape(image_place, &pixels, "dimensions above 0"));
    }
    if classes.dims[0] != len {
        return Err(DataError::CountMismatch {
            place: label_place,
            samples: len,
            labels: classes.dims[0],
        });
    }
    if !classes.dtype.is_integer() {
        return Err(DataError::LabelType {
            place: label_place,
            dtype: classes.dtype,
        });
    }
    let column = |name: &str, array: IdxArray, shape| Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype: array.dtype,
            shape,
        },
        bytes: array.bytes.into(),
    };
    let input = column("image", pixels, shape);
    check_finite(&image_place, &input)?;
    Ok((input, column("label", classes, vec![])))
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
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
    for image in array.bytes.chunks_exact((rows * columns * size).max(1)) {
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

/// One more than the largest training label.
fn count_classes(labels: &Column, file: &Path) -> Result<usize, DataError> {
    check_labels(&shown_path(file), labels, 0, MAX_CLASSES)?;
    Ok(labels.values().fold(0.0, f64::max) as usize + 1)
}

/// Labels that start at 1, as labels that start at 0.
fn from_zero(labels: &Column) -> Column {
    let mut bytes = labels.bytes.to_vec();
    for element in bytes.chunks_exact_mut(labels.spec.dtype.size_bytes()) {
        // Little-endian subtraction with borrow, the same for every integer type.
        for byte in element {
            let (less, borrow) = byte.overflowing_sub(1);
            *byte = less;
            if !borrow {
                break;
            }
        }
    }
    Column {
        spec: labels.spec.clone(),
        bytes: bytes.into(),
    }
}
