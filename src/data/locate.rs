//! The readers, and the folders that are searched for data.
use std::path::{Path, PathBuf};

use super::DataError;
use super::arrays::ArrayFiles;
use super::cifar::Cifar;
use super::idx_folder::IdxFolder;
use super::images::{CelebA, ImageFolder};
use super::pamap2::Pamap2;
use super::reader::Reader;
use super::ts::TimeSeries;

/// The formats of data folders; the first reader that recognizes a folder reads it.
const READERS: &[&dyn Reader] = &[
    &IdxFolder,
    &Cifar,
    &CelebA,
    &Pamap2,
    &TimeSeries,
    &ArrayFiles,
    &ImageFolder,
];

/// The reader for `path`.
///
/// # Errors
/// [`DataError::NoFolder`] and [`DataError::UnknownFormat`].
pub(super) fn reader(path: &Path) -> Result<&'static dyn Reader, DataError> {
    let mut readers = READERS.iter().copied();
    let found = readers.find(|reader| reader.recognizes(path));
    let path = path.to_owned();
    found.ok_or_else(|| match path.exists() {
        true => DataError::UnknownFormat { path },
        false => DataError::NoFolder { path },
    })
}

/// The folders that `auto` and `fashion-mnist` search, in this order.
#[derive(Clone, Debug, Default)]
pub struct SearchPaths {
    /// `$WATTGRAD_DATA`: a data folder, or a folder that contains one named `fashion-mnist`. Where it is set, no other
    /// folder is searched, and it must hold a complete dataset.
    pub environment: Option<PathBuf>,
    /// Folders to search.
    pub folders: Vec<PathBuf>,
}

impl SearchPaths {
    /// The search paths of this process: `$WATTGRAD_DATA`, `data/fashion-mnist` below the working directory, below the
    /// executable's folder and the two above it, and `/usr/share/datasets/fashion-mnist`.
    pub fn current() -> SearchPaths {
        let below = Path::new("data").join("fashion-mnist");
        let mut folders = vec![below.clone()];
        if let Ok(executable) = std::env::current_exe() {
            let ancestors = executable.ancestors().skip(1).take(3);
            folders.extend(ancestors.map(|folder| folder.join(&below)));
        }
        folders.push(PathBuf::from("/usr/share/datasets/fashion-mnist"));
        SearchPaths {
            environment: std::env::var_os("WATTGRAD_DATA")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from),
            folders,
        }
    }
}

/// A location that may hold data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLocation {
    /// The name that opens it: `fashion-mnist`, `digits`, or `auto` for `$WATTGRAD_DATA`.
    pub name: String,
    /// The folder, or `embedded`.
    pub path: PathBuf,
    /// Whether a complete dataset is there, by file names.
    pub complete: bool,
    /// What is there, or what is missing.
    pub note: String,
}

/// Every location, without reading the data: `$WATTGRAD_DATA` first, the embedded digits last. Each folder is listed
/// once.
pub fn locate(paths: &SearchPaths) -> Vec<DataLocation> {
    let mut found = locations(paths);
    found.push(DataLocation {
        name: "digits".into(),
        path: PathBuf::from("embedded"),
        complete: true,
        note: "1,797 images of 8x8, embedded".into(),
    });
    found
}

/// The folders among [`locate`]'s locations.
pub(super) fn locations(paths: &SearchPaths) -> Vec<DataLocation> {
    let environment = paths.environment.iter();
    let mut found: Vec<DataLocation> = environment
        .map(|path| location("auto", &environment_folder(path)))
        .collect();
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in &paths.folders {
        let full = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !seen.contains(&full) {
            found.push(location("fashion-mnist", path));
            seen.push(full);
        }
    }
    found
}

fn location(name: &str, path: &Path) -> DataLocation {
    let checked = reader(path).and_then(|reader| reader.check(path));
    DataLocation {
        name: name.into(),
        path: path.to_owned(),
        complete: checked.is_ok(),
        note: match checked {
            Ok(contents) => contents.to_owned(),
            Err(DataError::NoFolder { .. }) => "no such folder".to_owned(),
            Err(DataError::UnknownFormat { .. }) => "no dataset of a known format".to_owned(),
            Err(DataError::MissingFile { file, .. }) => format!("{file} is missing"),
            Err(DataError::NotAFolder { .. }) => "not a folder".to_owned(),
            Err(DataError::SeveralSets { sets, .. }) => format!("several datasets: {sets}"),
            Err(other) => other.to_string(),
        },
    }
}

/// The folder `fashion-mnist` in `path`, where that one is complete and `path` itself is not.
fn environment_folder(path: &Path) -> PathBuf {
    let below = path.join("fashion-mnist");
    let complete = |path: &Path| reader(path).is_ok_and(|reader| reader.check(path).is_ok());
    match !complete(path) && complete(&below) {
        true => below,
        false => path.to_owned(),
    }
}
