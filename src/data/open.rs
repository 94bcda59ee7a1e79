//! Opening a dataset by name or folder.
use std::path::{Path, PathBuf};

use super::idx_folder::FASHION_MNIST_SHA256;
use super::locate::{DataLocation, SearchPaths, locations, reader};
use super::{DataError, Dataset, digits};

impl Dataset {
    /// Opens a dataset by name or folder:
    ///
    /// - `auto`: Fashion-MNIST where it is found (see [`SearchPaths`]), else the embedded digits; [`Dataset::source`] says
    ///   which. `WATTGRAD_DATA` may name any data folder.
    /// - `fashion-mnist`: Fashion-MNIST; an error where it is not found.
    /// - `digits`: 8x8 digits embedded in the library.
    /// - anything else: a data folder. So far these are folders with the four IDX files of MNIST, Fashion-MNIST or EMNIST,
    ///   gzipped or plain. Where a folder holds several EMNIST sets, name one below it: `emnist/emnist-letters`. EMNIST
    ///   images are stored transposed and are transposed back; labels of its letters start at 1 and become 0 to 25.
    ///   Write `./digits` for a folder of that name.
    ///
    /// Mean and standard deviation of each channel are computed over the training split. Those of u8 images are rounded
    /// to four decimals, which gives Fashion-MNIST the published 0.2860 and 0.3530 and MNIST 0.1307 and 0.3081.
    ///
    /// # Errors
    /// Every [`DataError`] about folders, files, labels and values; each names the file.
    pub fn open(name: &str) -> Result<Dataset, DataError> {
        Dataset::open_in(name, &SearchPaths::current())
    }

    /// [`Dataset::open`] with other search paths.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open_in(name: &str, paths: &SearchPaths) -> Result<Dataset, DataError> {
        match name {
            "auto" => match first_complete(paths)? {
                Ok(path) => read(&path),
                Err(_) => digits::open(),
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
                let data = read(&path)?;
                match data.sha256 == FASHION_MNIST_SHA256 {
                    true => Ok(data),
                    false => Err(DataError::NotFashionMnist { path }),
                }
            }
            "digits" => digits::open(),
            path => read(Path::new(path)),
        }
    }
}

fn read(path: &Path) -> Result<Dataset, DataError> {
    reader(path).read(path)
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
