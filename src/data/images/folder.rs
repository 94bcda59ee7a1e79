//! Folders of image files, one folder a class: `train/CLASS/*.jpg`, and `test/CLASS/*.jpg` or `val/CLASS/*.jpg`.
use std::path::{Path, PathBuf};

use super::{ImageSet, NAMED};
use crate::data::reader::{Progress, Reader, class_column, entries, folder_name, missing};
use crate::data::{DataError, DataOptions, Dataset, Task, TaskKind};

/// Reads folders of images.
pub(in crate::data) struct ImageFolder;

/// Names of the folder of test images; the first that exists is used.
const TEST: [&str; 3] = ["test", "val", "valid"];
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

impl Reader for ImageFolder {
    fn recognizes(&self, path: &Path) -> bool {
        let train = path.join("train");
        let holds_images = |class: &String| {
            let files = entries(&train.join(class)).unwrap_or_default();
            files.iter().any(|name| is_image(name))
        };
        entries(&train).unwrap_or_default().iter().any(holds_images)
    }

    fn check(&self, path: &Path) -> Result<&'static str, DataError> {
        test_folder(path)?;
        Ok("folders of images")
    }

    fn options(&self) -> &'static [&'static str] {
        &["image-size"]
    }

    fn read(
        &self,
        path: &Path,
        options: &DataOptions,
        progress: Progress<'_>,
    ) -> Result<Dataset, DataError> {
        let classes = class_names(&path.join("train"))?;
        let test = test_folder(path)?;
        let mut skipped = vec![];
        let (train, train_labels) = list(path, "train", &classes, &mut skipped)?;
        let (test, test_labels) = list(path, test, &classes, &mut skipped)?;
        let count = classes.len();
        let label = |labels: &[u32]| vec![class_column("label", labels, count)];
        let mut data = super::read(
            ImageSet {
                name: folder_name(path),
                root: path.to_owned(),
                train,
                test,
                train_targets: label(&train_labels),
                test_targets: label(&test_labels),
                tasks: vec![Task::new("label", 0, TaskKind::Classes(count))],
                size: options.image_size,
            },
            progress,
        )?;
        if !skipped.is_empty() {
            let named = skipped.get(..NAMED).unwrap_or(&skipped).join(", ");
            data.notes.push(format!(
                "{} files that are not named .jpg, .jpeg or .png are not used ({named})",
                skipped.len()
            ));
        }
        Ok(data)
    }
}

/// Whether a file is an image, by its name.
fn is_image(name: &str) -> bool {
    let ending = name.rsplit_once('.');
    ending.is_some_and(|(_, end)| ENDINGS.contains(&end.to_ascii_lowercase().as_str()))
}

fn test_folder(path: &Path) -> Result<&'static str, DataError> {
    let found = TEST.into_iter().find(|name| path.join(name).is_dir());
    found.ok_or_else(|| missing(path, "folder test or val"))
}

fn class_names(folder: &Path) -> Result<Vec<String>, DataError> {
    let mut names = entries(folder)?;
    names.retain(|name| folder.join(name).is_dir());
    Ok(names)
}

/// The images below `root/split`, relative to `root`, and the class of each; classes are numbered in the order of
/// `classes`.
fn list(
    root: &Path,
    split: &str,
    classes: &[String],
    skipped: &mut Vec<String>,
) -> Result<(Vec<PathBuf>, Vec<u32>), DataError> {
    let folder = root.join(split);
    if let Some(other) = class_names(&folder)?
        .into_iter()
        .find(|name| !classes.contains(name))
    {
        return Err(DataError::File {
            path: folder.join(other),
            what: "is a class without training images".into(),
            fix: "add them below train/ or remove the folder",
        });
    }
    let (mut files, mut labels) = (vec![], vec![]);
    for (label, class) in (0..).zip(classes) {
        let below = folder.join(class);
        if !below.is_dir() {
            continue;
        }
        for name in entries(&below)? {
            if is_image(&name) {
                files.push(Path::new(split).join(class).join(name));
                labels.push(label);
            } else {
                skipped.push(format!("{split}/{class}/{name}"));
            }
        }
    }
    match files.is_empty() {
        true => Err(DataError::NoSamples {
            place: folder.display().to_string(),
        }),
        false => Ok((files, labels)),
    }
}
