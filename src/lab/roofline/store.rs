//! Rooflines kept in the user's cache, one per adapter and driver.

use std::io;
use std::path::{Path, PathBuf};

use super::{Roofline, RooflineDevice, SCHEMA};
use crate::files::{cache_folder, file_named, write_whole};

impl RooflineDevice {
    fn file(&self, folder: &Path) -> PathBuf {
        let pci = self.pci_id.as_deref().unwrap_or_default();
        let identity = [&self.name, &self.backend, &self.driver, pci].join(" ");
        folder.join(file_named(identity.trim()))
    }
}

/// The folder of rooflines in the user's cache; `None` where the environment names none.
fn folder() -> Option<PathBuf> {
    cache_folder().map(|cache| cache.join("rooflines"))
}

impl Roofline {
    /// The roofline of `device` in the user's cache; `None` if there is none of this adapter and driver, or it is damaged or of
    /// another version.
    pub fn kept(device: &RooflineDevice) -> Option<Self> {
        Self::kept_in(&folder()?, device)
    }

    /// [`Roofline::kept`] in `folder`.
    pub fn kept_in(folder: &Path, device: &RooflineDevice) -> Option<Self> {
        let bytes = std::fs::read(device.file(folder)).ok()?;
        let found: Self = serde_json::from_slice(&bytes).ok()?;
        (found.schema == SCHEMA && found.device == *device).then_some(found)
    }

    /// Keeps it in the user's cache; returns the file.
    ///
    /// # Errors
    /// The system's, or the environment names no cache folder.
    pub fn keep(&self) -> io::Result<PathBuf> {
        let folder = folder().ok_or_else(|| {
            io::Error::other("there is no cache folder: set XDG_CACHE_HOME or HOME")
        })?;
        self.keep_in(&folder)
    }

    /// [`Roofline::keep`] in `folder`.
    ///
    /// # Errors
    /// The system's.
    pub fn keep_in(&self, folder: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let file = self.device.file(folder);
        write_whole(&file, &serde_json::to_vec_pretty(self)?)?;
        Ok(file)
    }
}
