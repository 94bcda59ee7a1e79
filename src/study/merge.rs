//! Merging the folders of a study into one.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::StudyError;
use super::open::open_stores;
use super::pretraining;
use super::store::{Adopted, Store, StoreError};

/// Version of the keys of [`Merged`].
const SCHEMA: u32 = 1;

/// What a merge did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    pub schema: u32,
    /// Folders that were read.
    pub folders: usize,
    /// Records that are new in the merged folder, and those that were there already.
    pub added: usize,
    pub known: usize,
    /// Second records of a run.
    pub duplicates: Vec<PathBuf>,
    /// Files that were left out, and why.
    pub left_out: Vec<String>,
}

/// Takes the records of `folders`, which are folders of one study, over into the folder `out`, which is new, empty or a
/// folder of that study. Nothing in `folders` changes. A second merge adds only what is new.
///
/// # Errors
/// [`StudyError`] if the folders are of different studies or versions, or cannot be read or written.
pub fn merge_folders<P: AsRef<Path>>(folders: &[P], out: &Path) -> Result<Merged, StudyError> {
    let stores = open_stores(folders)?;
    let Some(first) = stores.first() else {
        return Err(StudyError::NoFolder);
    };
    let target = Store::create_or_open(out, &first.manifest().study)?;
    let mut merged = Merged {
        schema: SCHEMA,
        folders: stores.len(),
        added: 0,
        known: 0,
        duplicates: Vec::new(),
        left_out: Vec::new(),
    };
    for store in &stores {
        for run in store.done()? {
            match target.adopt(store, &run)? {
                Adopted::New => merged.added += 1,
                Adopted::Same => merged.known += 1,
                Adopted::Duplicate(path) => merged.duplicates.push(path),
                Adopted::Damaged(why) => {
                    merged
                        .left_out
                        .push(format!("{:?} ({why})", store.path(&run)));
                }
            }
        }
    }
    target.sync()?;
    let pretraining = stores
        .iter()
        .map(|store| store.folder().join(pretraining::FOLDER));
    let pretraining: Vec<PathBuf> = pretraining.filter(|folder| folder.exists()).collect();
    if !pretraining.is_empty() {
        let inner = out.join(pretraining::FOLDER);
        let other = merge_folders(&pretraining, &inner)?;
        merged.added += other.added;
        merged.known += other.known;
        merged.duplicates.extend(other.duplicates);
        merged.left_out.extend(other.left_out);
        for folder in &pretraining {
            copy_weights(folder, &inner)?;
        }
    }
    Ok(merged)
}

/// Copies the weights of pretraining runs that are missing.
fn copy_weights(from: &Path, to: &Path) -> Result<(), StudyError> {
    let weights = |folder: &Path| {
        let file = pretraining::weights_file(folder, "");
        file.parent().unwrap_or(folder).to_owned()
    };
    let (from, to) = (weights(from), weights(to));
    let Ok(files) = fs::read_dir(&from) else {
        return Ok(());
    };
    fs::create_dir_all(&to).map_err(StoreError::io("create", &to))?;
    for file in files {
        let file = file.map_err(StoreError::io("read", &from))?;
        let target = to.join(file.file_name());
        if !target.exists() {
            let bytes = fs::read(file.path()).map_err(StoreError::io("read", &file.path()))?;
            crate::files::write_whole(&target, &bytes).map_err(StoreError::io("write", &target))?;
        }
    }
    Ok(())
}
