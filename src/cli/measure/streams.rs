//! Where the commands of a comparison read from and write to.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use crate::cli::failure::Failure;
use crate::files::writable;

#[derive(Clone, Debug)]
pub enum Input {
    Null,
    File(PathBuf),
}

impl Input {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of a value parser")]
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "null" => Self::Null,
            path => Self::File(path.into()),
        })
    }

    /// Sets the input of `command`; a file begins anew for each.
    pub fn set(&self, command: &mut Command) -> Result<(), Failure> {
        let input = match self {
            Self::Null => Stdio::null(),
            Self::File(path) => File::open(path)
                .map_err(|error| {
                    Failure::misuse(format!(
                        "cannot read --input {path:?} ({error}): choose a readable file"
                    ))
                })?
                .into(),
        };
        command.stdin(input);
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub enum Output {
    Null,
    /// A pipe that is read and discarded.
    Pipe,
    /// That of this process.
    Inherit,
    File(PathBuf),
}

impl Output {
    /// A file needs a slash, so that a misspelt word creates none.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "null" => Self::Null,
            "pipe" => Self::Pipe,
            "inherit" => Self::Inherit,
            path if Path::new(path).components().count() > 1 || path.starts_with("./") => {
                Self::File(path.into())
            }
            _ => {
                return Err(
                    "use null, pipe, inherit, or a file with its folder, such as ./out.txt".into(),
                );
            }
        })
    }

    /// Checks before the first run that its file can be written.
    pub fn check(&self) -> Result<(), Failure> {
        match self {
            Self::File(path) => writable(path).map_err(|error| Failure::cannot_write(path, &error)),
            _ => Ok(()),
        }
    }

    /// Sets the output of `command`. With `json` stdout belongs to the result.
    pub fn set(&self, command: &mut Command, json: bool) -> Result<(), Failure> {
        let output = match self {
            Self::Inherit if json => io::stderr().into(),
            Self::Inherit => Stdio::inherit(),
            Self::Null => Stdio::null(),
            Self::Pipe => Stdio::piped(),
            Self::File(path) => File::create(path)
                .map_err(|error| Failure::cannot_write(path, &error))?
                .into(),
        };
        command.stdout(output);
        if !matches!(self, Self::Inherit) {
            command.stderr(Stdio::null());
        }
        Ok(())
    }

    /// For hooks: they write where the command does, but not into its file.
    pub fn of_hooks(&self) -> Self {
        match self {
            Self::Inherit => Self::Inherit,
            _ => Self::Null,
        }
    }
}

/// Reads a pipe to its end.
pub fn discard(mut pipe: ChildStdout) {
    std::thread::spawn(move || io::copy(&mut pipe, &mut io::sink()));
}
