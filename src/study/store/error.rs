//! Errors of a study's folder: what failed, where and why, and what to do.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a study's folder could not be used. The files in it stay as they are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("cannot {doing} {path:?} ({source}): {}", remedy(source))]
    Io {
        /// A verb.
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "cannot store a study in {folder:?} ({source}): its file system has no hard links; choose a folder on one that has \
         them (ext4, xfs, btrfs, APFS, NTFS)"
    )]
    NoLinks { folder: PathBuf, source: io::Error },
    #[error(
        "{folder:?} is not the folder of a study (it has no study.json): give the folder that `wattgrad study run` wrote"
    )]
    NotAStudy { folder: PathBuf },
    #[error(
        "{folder:?} contains other files (such as {found:?}) and no study: choose a new or empty folder"
    )]
    OtherFiles { folder: PathBuf, found: String },
    #[error(
        "{folder:?} contains another study, {name:?} ({difference}): choose another folder with --out, or use the study \
         file that it was started with"
    )]
    Different {
        folder: PathBuf,
        name: String,
        /// The first difference, with both values.
        difference: String,
    },
    #[error(
        "{first:?} and {second:?} are folders of different studies and cannot be merged ({difference}): give folders of one \
         study"
    )]
    NotMergeable {
        first: PathBuf,
        second: PathBuf,
        /// The first difference, with both values.
        difference: String,
    },
    #[error(
        "{path:?} has schema {found}, and this version of wattgrad reads schema {known}: use the version that wrote the \
         file, or a newer one"
    )]
    UnknownSchema {
        path: PathBuf,
        found: String,
        known: u32,
    },
    #[error("cannot read {path:?} ({detail}): {remedy}")]
    Unreadable {
        path: PathBuf,
        detail: String,
        remedy: &'static str,
    },
    #[error(
        "invalid run name {id:?} ({detail}): use at most 120 letters, digits and characters of -_.=,+@"
    )]
    RunId { id: String, detail: &'static str },
    #[error("cannot encode {what} as JSON ({detail}): please report this as a bug")]
    Encode { what: String, detail: String },
}

impl StoreError {
    /// Whether the disk is full: the same call may succeed once there is space.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source.kind()))
    }

    /// Whether the wrong folder was given.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Different { .. } | Self::OtherFiles { .. } | Self::NotMergeable { .. } => true,
            Self::Io { source, .. } => is_not_a_folder(source.kind()),
            _ => false,
        }
    }

    /// For `map_err` on a system call.
    pub(in crate::study) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
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

fn is_not_a_folder(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotADirectory | ErrorKind::AlreadyExists)
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        kind if is_full(kind) => {
            "make room on that disk and run the same command again; finished runs are kept"
        }
        ErrorKind::PermissionDenied => {
            "give this user access (ls -l shows the owner), or choose another folder"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "its file system is mounted read-only; choose another folder or remount it for writing"
        }
        kind if is_not_a_folder(kind) => {
            "a file is where a folder is needed; choose another folder or move that file"
        }
        ErrorKind::NotFound => "it is missing; restore it or choose another folder",
        _ => "check the folder and its disk, then run the same command again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_io_error_has_its_remedy() {
        for (kind, word) in [
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::QuotaExceeded, "make room"),
            (ErrorKind::PermissionDenied, "give this user access"),
            (ErrorKind::ReadOnlyFilesystem, "read-only"),
            (ErrorKind::NotADirectory, "a file is where a folder"),
        ] {
            let error = StoreError::io("write", Path::new("a"))(io::Error::from(kind));
            assert!(error.to_string().contains(word), "{error}");
            assert!(!error.to_string().contains('\n'));
            assert_eq!(error.is_full(), word == "make room");
        }
    }
}
