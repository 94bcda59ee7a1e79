//! Opening a dataset by name or folder.
use std::path::{Path, PathBuf};

use super::idx_folder::FASHION_MNIST_SHA256;
use super::locate::{DataLocation, SearchPaths, locations, reader};
use super::reader::Progress;
use super::{DataError, DataOptions, Dataset, ReadProgress, digits, synthetic};

impl Dataset {
    /// Opens a dataset by name or folder:
    ///
    /// - `auto`: Fashion-MNIST where it is found (see [`SearchPaths`]), else the embedded digits; [`Dataset::source`] says
    ///   which. `WATTGRAD_DATA` may name any data folder.
    /// - `fashion-mnist`: Fashion-MNIST; an error where it is not found.
    /// - `digits`: 8x8 digits embedded in the library.
    /// - `synthetic`: drawn data with a known Bayes accuracy; options follow a colon:
    ///   `synthetic:classes=10,samples=10000,test=2000,shape=1x16x16,accuracy=0.9,seed=0`.
    /// - anything else: a data folder, whose format is found by its files: IDX (MNIST, Fashion-MNIST, EMNIST), CIFAR-10 and
    ///   CIFAR-100, CelebA, PAMAP2, `.ts` files, arrays (`.npz`, `.npy`, `.safetensors`) and folders of images. Where a
    ///   folder holds several sets, name one below it: `emnist/emnist-letters`. EMNIST images are stored transposed and are
    ///   transposed back; labels of its letters start at 1 and become 0 to 25. Write `./digits` for a folder of that name.
    ///
    /// Mean and standard deviation of each channel are computed over the training split. Those of u8 images are rounded
    /// to four decimals, which gives Fashion-MNIST the published 0.2860 and 0.3530 and MNIST 0.1307 and 0.3081.
    ///
    /// # Errors
    /// Every [`DataError`] about folders, files, labels and values; each names the file.
    pub fn open(name: &str) -> Result<Dataset, DataError> {
        Dataset::open_with(name, &DataOptions::default(), &mut |_| ())
    }

    /// [`Dataset::open`] with options, and with the progress of a long read.
    ///
    /// # Errors
    /// As [`Dataset::open`], and [`DataError::UnusedOption`] for an option that the format does not take.
    pub fn open_with(
        name: &str,
        options: &DataOptions,
        progress: &mut dyn FnMut(ReadProgress),
    ) -> Result<Dataset, DataError> {
        open(name, &SearchPaths::current(), options, progress)
    }

    /// [`Dataset::open`] with other search paths.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open_in(name: &str, paths: &SearchPaths) -> Result<Dataset, DataError> {
        open(name, paths, &DataOptions::default(), &mut |_| ())
    }
}

fn open(
    name: &str,
    paths: &SearchPaths,
    options: &DataOptions,
    progress: Progress<'_>,
) -> Result<Dataset, DataError> {
    let embedded = |read: Result<Dataset, DataError>| {
        options.check(&[], name)?;
        read
    };
    match name {
        "auto" => match first_complete(paths)? {
            Ok(path) => read(&path, options, progress),
            Err(_) => embedded(digits::open()),
        },
        "fashion-mnist" => {
            let path = first_complete(paths)?.map_err(|searched| {
                let searched = searched
                    .iter()
                    .map(|place| format!("{}: {}", place.path.display(), place.note));
                DataError::NoFashionMnist {
                    searched: searched.collect::<Vec<_>>().join(", "),
                }
            })?;
            let data = read(&path, options, progress)?;
            match data.sha256 == FASHION_MNIST_SHA256 {
                true => Ok(data),
                false => Err(DataError::NotFashionMnist { path }),
            }
        }
        "digits" => embedded(digits::open()),
        name => match synthetic::options(name) {
            Some(drawn) => embedded(synthetic::open(drawn)),
            None => read(Path::new(name), options, progress),
        },
    }
}

fn read(path: &Path, options: &DataOptions, progress: Progress<'_>) -> Result<Dataset, DataError> {
    let reader = reader(path)?;
    options.check(reader.options(), reader.check(path)?)?;
    reader.read(path, options, progress)
}

/// The first folder with a complete dataset, else every location that was searched.
fn first_complete(paths: &SearchPaths) -> Result<Result<PathBuf, Vec<DataLocation>>, DataError> {
    let searched = locations(paths);
    for place in &searched {
        if place.complete {
            return Ok(Ok(place.path.clone()));
        }
        if place.name == "auto" {
            // Ignoring what the user set would train on other data than requested.
            return Err(DataError::BadEnvironment {
                path: place.path.clone(),
                note: place.note.clone(),
            });
        }
    }
    Ok(Err(searched))
}
