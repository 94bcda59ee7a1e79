//! What can go wrong with a study's folder; each message is one sentence that ends with a way out.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a study's folder could not be used. What is in the folder already stays as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused a file or folder.
    #[error("cannot {doing} {path:?} ({source}): {}", remedy(source))]
    Io {
        /// What was tried: a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file system has no hard links, by which a file appears whole or not at all and never in another's place.
    #[error(
        "cannot keep a study in {folder:?} ({source}): its file system takes no hard links, so choose a folder on one that does (ext4, xfs, btrfs, APFS, NTFS)"
    )]
    NoLinks {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A folder without a study.
    #[error(
        "{folder:?} holds no study (no study.json is in it): name the folder that `wattgrad study run --out` wrote"
    )]
    NoStudy {
        /// The folder.
        folder: PathBuf,
    },
    /// A study was to begin in a folder that has other things in it.
    #[error("{folder:?} holds other files ({found:?}) and no study: name a new or an empty folder")]
    OtherFiles {
        /// The folder.
        folder: PathBuf,
        /// One of them.
        found: String,
    },
    /// The folder holds the results of a study that means something else.
    #[error(
        "{folder:?} holds the study {name:?}, which is another one ({difference}): choose another folder with --out, or go back to the file that began it"
    )]
    Different {
        /// The folder.
        folder: PathBuf,
        /// Name of the study in it.
        name: String,
        /// The first thing that differs, with both values.
        difference: String,
    },
    /// A file of a version that this program does not know.
    #[error(
        "{path:?} is of schema {found}, and this program knows {known} only: use the version of wattgrad that wrote it, or a newer one"
    )]
    UnknownSchema {
        /// The file.
        path: PathBuf,
        /// Its version as written.
        found: String,
        /// The version known here.
        known: u32,
    },
    /// A file that cannot be understood.
    #[error("{path:?} cannot be understood ({detail}): {remedy}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
        /// The way out.
        remedy: &'static str,
    },
    /// A name that cannot be the name of a run.
    #[error("{id:?} cannot name a run ({detail}): use letters, digits and -_.=,+@, at most 120")]
    RunId {
        /// The name.
        id: String,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// A payload that cannot be written as JSON.
    #[error("the record of {run} cannot be written as JSON ({detail}): report this as a bug")]
    Encode {
        /// The run.
        run: String,
        /// What the writer met.
        detail: String,
    },
}

impl StoreError {
    /// Whether space is missing: after some is made the same call may succeed.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source.kind()))
    }

    /// Whether the folder that was asked for cannot be the study's, whatever becomes of the machine.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Different { .. } | Self::OtherFiles { .. } => true,
            Self::Io { source, .. } => stands_in_the_way(source.kind()),
            _ => false,
        }
    }

    /// For `map_err` on a system call.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn stands_in_the_way(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotADirectory | ErrorKind::AlreadyExists)
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        kind if is_full(kind) => {
            "make room there and run the same command again, what is kept already stays"
        }
        ErrorKind::PermissionDenied => {
            "give this user the right to it (ls -l shows whose it is), or choose another folder"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "its file system is mounted for reading only, so choose another folder or mount it for writing"
        }
        kind if stands_in_the_way(kind) => {
            "a file stands where a folder is needed, so choose another folder or move that file away"
        }
        ErrorKind::NotFound => "it was there or should be: restore it, or choose another folder",
        _ => "see to the folder and its disk, then run the same command again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_refusal_has_its_way_out() {
        for (kind, word) in [
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::QuotaExceeded, "make room"),
            (ErrorKind::PermissionDenied, "right"),
            (ErrorKind::ReadOnlyFilesystem, "reading only"),
            (ErrorKind::NotADirectory, "stands where a folder"),
        ] {
            let error = StoreError::io("write", Path::new("a"))(io::Error::from(kind));
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(error.is_full(), word == "make room");
            assert_eq!(error.is_misuse(), word == "stands where a folder");
        }
    }
}
