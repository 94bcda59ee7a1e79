//! The device profile of a run.

use std::path::Path;

use crate::device::Gpu;
use crate::kernels::{Tuning, built_in, installed};

use super::failure::Failure;
use super::global::Global;
use super::output::say;

/// What `--profile` chooses.
#[derive(Clone, Debug)]
pub enum Profile {
    /// Absent: the profile that `wattgrad tune` installed, or else the built-in one.
    Installed,
    /// `default`: the built-in one.
    BuiltIn,
    /// A file.
    File(Tuning),
}

impl Profile {
    /// Reads the file of `--profile`.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::Installed);
        };
        if path == Path::new("default") {
            return Ok(Self::BuiltIn);
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::failed(format!(
                "cannot read the profile {path:?} ({error}): check that the file exists and that you may read it"
            ))
        })?;
        let tuning = Tuning::from_toml(&text)
            .map_err(|error| Failure::misuse(format!("--profile {path:?}: {error}")))?;
        Ok(Self::File(tuning))
    }

    /// The profile for a device; an installed one is named on stderr.
    pub fn on(self, gpu: &Gpu, global: &Global) -> Tuning {
        match self {
            Self::File(tuning) => tuning,
            Self::BuiltIn => built_in(gpu),
            Self::Installed => match installed(gpu) {
                None => built_in(gpu),
                Some(found) => {
                    say(
                        global,
                        &format!(
                            "profile: {}, installed on {} (--profile default ignores it)",
                            found.profile.name,
                            found.written_at.split('T').next().unwrap_or_default()
                        ),
                    );
                    found.profile
                }
            },
        }
    }
}
