//! Arrays as NumPy and safetensors keep them: one `.npz` or `.safetensors` file, or a folder of `.npy` files, with arrays
//! `x_train`, `y_train`, `x_test` and `y_test`, or the names that other tools give them.
mod array;
mod npy;
mod safetensors;

use std::path::{Path, PathBuf};

use array::Array;

use super::reader::{Progress, Reader, entries, folder_name, missing};
use super::{Column, ColumnSpec, DataError, DataOptions, Dataset, Dtype, Split, Task, TaskKind};

/// Reads arrays.
pub(super) struct ArrayFiles;

/// Names of the four arrays, in lower case; the first is the one that errors name.
const X_TRAIN: &[&str] = &[
    "x_train",
    "train_x",
    "train_images",
    "train_data",
    "images_train",
    "xtrain",
    "train_inputs",
];
const Y_TRAIN: &[&str] = &[
    "y_train",
    "train_y",
    "train_labels",
    "train_targets",
    "labels_train",
    "ytrain",
    "train_label",
];
const X_TEST: &[&str] = &[
    "x_test",
    "test_x",
    "test_images",
    "test_data",
    "images_test",
    "xtest",
    "test_inputs",
];
const Y_TEST: &[&str] = &[
    "y_test",
    "test_y",
    "test_labels",
    "test_targets",
    "labels_test",
    "ytest",
    "test_label",
];

/// The shape and the values of a `.npy` file.
///
/// # Errors
/// It cannot be read, is damaged, or has values that are not numbers.
pub fn read_npy(path: &Path) -> Result<(Vec<usize>, Vec<f64>), DataError> {
    let Array {
        dtype, dims, bytes, ..
    } = npy::read(path)?;
    let spec = ColumnSpec {
        name: String::new(),
        dtype,
        shape: vec![],
    };
    let values = Column { spec, bytes }.values().collect();
    Ok((dims, values))
}

/// Where the arrays are.
enum Place {
    Npz(PathBuf),
    SafeTensors(PathBuf),
    /// A folder of .npy files.
    Npy(PathBuf),
}

impl Reader for ArrayFiles {
    fn recognizes(&self, path: &Path) -> bool {
        find(path).is_some()
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        let place = found(path)?;
        if let Place::Npy(folder) = &place {
            let names = array_names(folder)?;
            for wanted in [X_TRAIN, Y_TRAIN, X_TEST, Y_TEST] {
                if named(&names, wanted).is_none() {
                    return Err(missing(folder, &format!("{}.npy", wanted[0])));
                }
            }
        }
        Ok(match place {
            Place::Npz(_) => "an .npz file",
            Place::SafeTensors(_) => "a .safetensors file",
            Place::Npy(_) => "four .npy files",
        })
    }

    fn read(&self, path: &Path, _: &DataOptions, _: Progress<'_>) -> Result<Dataset, DataError> {
        self.check(path)?;
        let place = found(path)?;
        let (source, mut arrays) = match &place {
            Place::Npz(file) => (file, npy::read_npz(file)?),
            Place::SafeTensors(file) => (file, safetensors::read(file)?),
            Place::Npy(folder) => {
                let names = array_names(folder)?;
                let read = |name: String| {
                    let file = folder.join(format!("{name}.npy"));
                    Ok((name, npy::read(&file)?))
                };
                let wanted = names.into_iter().filter(|name| is_wanted(name));
                (
                    folder,
                    wanted.map(read).collect::<Result<Vec<_>, DataError>>()?,
                )
            }
        };
        let names: Vec<String> = arrays.iter().map(|(name, _)| name.clone()).collect();
        let mut take = |wanted: &[&str]| -> Result<Array, DataError> {
            let at = named(&names, wanted).ok_or_else(|| DataError::MissingArray {
                path: source.clone(),
                name: wanted[0].to_owned(),
                found: names.join(", "),
            })?;
            Ok(std::mem::take(&mut arrays[at].1))
        };
        let (x_train, y_train) = (take(X_TRAIN)?.inputs(), take(Y_TRAIN)?.targets()?);
        let (x_test, y_test) = (take(X_TEST)?.inputs(), take(Y_TEST)?.targets()?);
        let task = task(&y_train)?;
        let scale = match x_train.dtype {
            Dtype::U8 => 255.0,
            _ => 1.0,
        };
        let note = x_train.moved_channels.then(|| {
            "the channels of the images come last in the file and are moved to the front".to_owned()
        });
        let (train, test) = (split(x_train, y_train)?, split(x_test, y_test)?);
        let name = match source.file_stem().filter(|_| source.is_file()) {
            Some(stem) => stem.to_string_lossy().into_owned(),
            None => folder_name(source),
        };
        let mut data = Dataset::from_splits(&name, vec![task], scale, train, test)?;
        data.source = source.display().to_string();
        data.notes.extend(note);
        Ok(data)
    }
}

/// The arrays of a path: a file, a folder with one file, or a folder of .npy files.
fn find(path: &Path) -> Option<Place> {
    let of_file = |file: &Path| match file.extension().and_then(|ending| ending.to_str()) {
        Some("npz") => Some(Place::Npz(file.to_owned())),
        Some("safetensors") => Some(Place::SafeTensors(file.to_owned())),
        _ => None,
    };
    if path.is_file() {
        return of_file(path);
    }
    let names = entries(path).ok()?;
    if array_names(path).ok()?.iter().any(|name| is_wanted(name)) {
        return Some(Place::Npy(path.to_owned()));
    }
    let mut files = names.iter().filter_map(|name| of_file(&path.join(name)));
    match (files.next(), files.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn found(path: &Path) -> Result<Place, DataError> {
    find(path).ok_or_else(|| missing(path, "x_train.npy"))
}

/// Names of the .npy files of a folder, without the ending.
fn array_names(folder: &Path) -> Result<Vec<String>, DataError> {
    let names = entries(folder)?;
    let stems = names.iter().filter_map(|name| name.strip_suffix(".npy"));
    Ok(stems.map(str::to_owned).collect())
}

/// The place of the array that has one of the `wanted` names.
fn named(names: &[String], wanted: &[&str]) -> Option<usize> {
    let plain: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    wanted
        .iter()
        .find_map(|name| plain.iter().position(|found| found == name))
}

fn is_wanted(name: &str) -> bool {
    let plain = name.to_ascii_lowercase();
    [X_TRAIN, Y_TRAIN, X_TEST, Y_TEST]
        .iter()
        .any(|names| names.contains(&plain.as_str()))
}

/// What the training targets are: a class or a number per sample, or several labels or numbers.
fn task(targets: &Array) -> Result<Task, DataError> {
    let values = targets.values_per_sample();
    let single = targets.dims.len() == 1;
    Ok(match (targets.dtype.is_integer(), single) {
        (true, true) => {
            let most = targets.column("label").values().fold(0.0, f64::max);
            Task::new("label", 0, TaskKind::Classes(most as usize + 1))
        }
        (true, false) => Task::new("labels", 0, TaskKind::Labels(values)),
        (false, _) => Task::new("values", 0, TaskKind::Values(values)),
    })
}

fn split(inputs: Array, targets: Array) -> Result<Split, DataError> {
    let len = inputs.dims.first().copied().unwrap_or(0);
    let labels = targets.dims.first().copied().unwrap_or(0);
    if len != labels {
        return Err(DataError::CountMismatch {
            place: targets.place.clone(),
            samples: len,
            labels,
        });
    }
    if len == 0 {
        return Err(DataError::NoSamples {
            place: inputs.place,
        });
    }
    if inputs.dims.contains(&0) || !(2..=4).contains(&inputs.dims.len()) {
        return Err(DataError::BadShape {
            place: inputs.place,
            shape: inputs.dims,
            wanted: "samples and one to three dimensions of values",
        });
    }
    let mut target = targets.column("label");
    if !targets.dtype.is_integer() {
        // A number per sample is a row of one.
        target.spec.shape = vec![targets.values_per_sample()];
        target.spec.name = "values".into();
    }
    Ok(Split {
        len,
        inputs: vec![inputs.column("input")],
        targets: vec![target],
    })
}
