//! CIFAR-10 and CIFAR-100 in their binary form: records of one or two label bytes and 3,072 pixel bytes, channel by channel.
use std::path::{Path, PathBuf};

use super::reader::{Progress, Reader, column, missing};
use super::{DataError, DataOptions, Dataset, Dtype, Split, Task, TaskKind};

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;

/// Reads CIFAR-10 and CIFAR-100.
pub(super) struct Cifar;

/// One of the two sets.
struct Form {
    name: &'static str,
    /// The folder in which it is distributed.
    folder: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    /// Task, classes and place among the label bytes; the default task first.
    labels: &'static [(&'static str, usize, usize)],
}

const FORMS: [Form; 2] = [
    Form {
        name: "cifar-10",
        folder: "cifar-10-batches-bin",
        train: &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
        ],
        test: "test_batch.bin",
        labels: &[("label", 10, 0)],
    },
    Form {
        name: "cifar-100",
        folder: "cifar-100-binary",
        train: &["train.bin"],
        test: "test.bin",
        labels: &[("fine", 100, 1), ("coarse", 20, 0)],
    },
];

impl Reader for Cifar {
    fn recognizes(&self, path: &Path) -> bool {
        find(path).is_some()
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        let (form, folder) = found(path)?;
        let mut files = form.train.iter().chain([&form.test]);
        match files.find(|file| !folder.join(file).is_file()) {
            Some(file) => Err(missing(&folder, file)),
            None => Ok(form.name),
        }
    }

    fn read(&self, path: &Path, _: &DataOptions, _: Progress<'_>) -> Result<Dataset, DataError> {
        self.check(path)?;
        let (form, folder) = found(path)?;
        let train: Vec<PathBuf> = form.train.iter().map(|file| folder.join(file)).collect();
        let train = read_split(form, &train)?;
        let test = read_split(form, &[folder.join(form.test)])?;
        let tasks = form.labels.iter().enumerate();
        let tasks = tasks
            .map(|(target, (name, classes, _))| {
                Task::new(*name, target, TaskKind::Classes(*classes))
            })
            .collect();
        let mut data = Dataset::from_splits(form.name, tasks, 255.0, train, test)?;
        data.source = folder.display().to_string();
        Ok(data)
    }
}

/// The set in `path`, or in the folder of the distribution below it.
fn find(path: &Path) -> Option<(&'static Form, PathBuf)> {
    FORMS.iter().find_map(|form| {
        let mut folders = [path.to_owned(), path.join(form.folder)].into_iter();
        let holds = |folder: &PathBuf| {
            let mut files = form.train.iter().chain([&form.test]);
            files.any(|file| folder.join(file).is_file())
        };
        Some((form, folders.find(holds)?))
    })
}

fn found(path: &Path) -> Result<(&'static Form, PathBuf), DataError> {
    find(path).ok_or_else(|| missing(path, FORMS[0].test))
}

/// The records of several files.
fn read_split(form: &Form, files: &[PathBuf]) -> Result<Split, DataError> {
    let labels = form.labels.len();
    let record = labels + PIXELS;
    let mut pixels = vec![];
    let mut targets = vec![vec![]; labels];
    for file in files {
        let bytes = std::fs::read(file).map_err(|source| DataError::Io {
            path: file.clone(),
            source,
        })?;
        if bytes.is_empty() || bytes.len() % record != 0 {
            return Err(DataError::File {
                path: file.clone(),
                what: format!(
                    "has {} bytes, which is not a whole number of records of {record} bytes (record {} is cut off)",
                    bytes.len(),
                    bytes.len() / record
                ),
                fix: "download it again",
            });
        }
        for (sample, record) in bytes.chunks_exact(record).enumerate() {
            let (given, image) = record.split_at(labels);
            for (target, (_, classes, place)) in targets.iter_mut().zip(form.labels) {
                let label = given[*place];
                if usize::from(label) >= *classes {
                    return Err(DataError::LabelRange {
                        place: file.display().to_string(),
                        sample,
                        label: i64::from(label),
                        first: 0,
                        last: *classes as i64 - 1,
                    });
                }
                target.push(label);
            }
            pixels.extend_from_slice(image);
        }
    }
    let len = targets[0].len();
    let targets = targets.into_iter().zip(form.labels);
    Ok(Split {
        len,
        inputs: vec![column("image", Dtype::U8, &SHAPE, pixels)],
        targets: targets
            .map(|(labels, (name, ..))| column(name, Dtype::U8, &[], labels))
            .collect(),
    })
}
