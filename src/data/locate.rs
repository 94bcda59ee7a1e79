//! Where Fashion-MNIST is looked for, and what was found there.
use std::path::{Path, PathBuf};

use super::folder::{self, FASHION_MNIST_SHA256};
use super::{DataError, Dataset, digits};

/// The places that `auto` and `fashion-mnist` look in, in this order.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `$WATTGRAD_DATA`: a folder of IDX files, or one that holds a folder `fashion-mnist`. Where it is set, no other
    /// place is looked at, and it must be usable.
    pub environment: Option<PathBuf>,
    /// Folders to look at, in order.
    pub folders: Vec<PathBuf>,
}

impl Places {
    /// Those of this process: `$WATTGRAD_DATA`, `data/fashion-mnist` below the working directory, below the
    /// executable's folder and the two above it, and `/usr/share/datasets/fashion-mnist`.
    pub fn current() -> Places {
        let below = Path::new("data").join("fashion-mnist");
        let mut folders = vec![below.clone()];
        if let Ok(executable) = std::env::current_exe() {
            folders.extend(
                executable
                    .ancestors()
                    .skip(1)
                    .take(3)
                    .map(|folder| folder.join(&below)),
            );
        }
        folders.push(PathBuf::from("/usr/share/datasets/fashion-mnist"));
        let environment = std::env::var_os("WATTGRAD_DATA")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from);
        Places {
            environment,
            folders,
        }
    }
}

/// One place where data may be, as `doctor` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name to open it by, `fashion-mnist`, `digits`, or for `$WATTGRAD_DATA` `auto`.
    pub spec: String,
    /// The folder, or `embedded`.
    pub path: PathBuf,
    /// Whether a complete set is there (file names; contents are read by opening it).
    pub present: bool,
    /// What is there, or what is missing.
    pub note: String,
}

/// Looks at every place of this process without reading the data: `$WATTGRAD_DATA` first, the embedded digits last.
pub fn locate() -> Vec<Found> {
    locate_in(&Places::current())
}

/// [`locate`] with other places to look in. Each folder is listed once, under the first name that leads to it.
pub fn locate_in(places: &Places) -> Vec<Found> {
    let mut found: Vec<Found> = places
        .environment
        .iter()
        .map(|path| look("auto", &environment_folder(path)))
        .collect();
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in &places.folders {
        let full = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !seen.contains(&full) {
            found.push(look("fashion-mnist", path));
            seen.push(full);
        }
    }
    found.push(Found {
        spec: "digits".into(),
        path: PathBuf::from("embedded"),
        present: true,
        note: "1,797 images of 8x8 inside the program".into(),
    });
    found
}

fn look(spec: &str, path: &Path) -> Found {
    let (present, note) = match folder::find(path) {
        Ok(_) => (true, "four IDX files".to_owned()),
        Err(DataError::NoFolder { .. }) => (false, "no such folder".to_owned()),
        Err(DataError::MissingFile { file, .. }) => (false, format!("{file} is missing")),
        Err(DataError::NotAFolder { .. }) => (false, "not a folder".to_owned()),
        Err(DataError::SeveralSets { sets, .. }) => (false, format!("several sets: {sets}")),
        Err(other) => (false, other.to_string()),
    };
    Found {
        spec: spec.into(),
        path: path.to_owned(),
        present,
        note,
    }
}

/// The folder `fashion-mnist` below the one named, where that is the one with the files.
fn environment_folder(path: &Path) -> PathBuf {
    let below = path.join("fashion-mnist");
    if folder::find(path).is_err() && folder::find(&below).is_ok() {
        below
    } else {
        path.to_owned()
    }
}

/// The first place with a complete set, and all that were looked at until then.
fn first_present(places: &Places) -> Result<(Option<PathBuf>, Vec<Found>), DataError> {
    let mut looked = Vec::new();
    for found in locate_in(places) {
        if found.spec == "digits" {
            break;
        }
        let (present, path) = (found.present, found.path.clone());
        if found.spec == "auto" && !present {
            // Passing over what the user set would train on other data than asked for.
            return Err(DataError::BadEnvironment {
                path,
                note: found.note,
            });
        }
        looked.push(found);
        if present {
            return Ok((Some(path), looked));
        }
    }
    Ok((None, looked))
}

pub(super) fn open_auto(places: &Places) -> Result<Dataset, DataError> {
    let (path, looked) = first_present(places)?;
    let mut set = match path {
        Some(path) => folder::open(&path)?,
        None => digits::open()?,
    };
    set.looked = looked;
    Ok(set)
}

pub(super) fn open_fashion_mnist(places: &Places) -> Result<Dataset, DataError> {
    let (path, looked) = first_present(places)?;
    let Some(path) = path else {
        let looked = looked
            .iter()
            .map(|f| format!("{}: {}", f.path.display(), f.note))
            .collect::<Vec<_>>()
            .join(", ");
        return Err(DataError::NoFashionMnist { looked });
    };
    let mut set = folder::open(&path)?;
    if set.sha256 != FASHION_MNIST_SHA256 {
        return Err(DataError::NotFashionMnist { path });
    }
    set.looked = looked;
    Ok(set)
}
