//! The device profiles that `wattgrad tune` and `wattgrad port` leave in the user's cache, one for each adapter and driver.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::profile::Tuning;
use crate::device::{AdapterKind, Gpu};
use crate::files::{cache_folder, write_whole};

/// Version of the files; files of another version are ignored.
const VERSION: u32 = 1;

/// A profile in the cache, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    version: u32,
    /// The adapter with its graphics API, and the driver with its version.
    device: String,
    /// When it was written: RFC 3339, UTC.
    pub written_at: String,
    /// The version of this crate that wrote it.
    pub wattgrad: String,
    /// The profile.
    pub profile: Tuning,
    /// The measurements behind it.
    pub evidence: serde_json::Value,
}

/// The built-in profile of a device.
#[must_use]
pub fn built_in(gpu: &Gpu) -> Tuning {
    Tuning::for_device(gpu.texel_lanes(), gpu.adapter.kind == AdapterKind::Cpu)
}

/// The profile of a device where no other is chosen: the installed one, or else the built-in one.
#[must_use]
pub fn default_profile(gpu: &Gpu) -> Tuning {
    installed(gpu).map_or_else(|| built_in(gpu), |found| found.profile)
}

/// The installed profile of a device. A file that is damaged or that this device cannot use is ignored with a warning.
#[must_use]
pub fn installed(gpu: &Gpu) -> Option<Installed> {
    let path = path(gpu)?;
    let bytes = std::fs::read(&path).ok()?;
    let read = |bytes: &[u8]| -> Result<Installed, String> {
        let found: Installed = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        found.profile.validate().map_err(|e| e.to_string())?;
        if found.profile.texel.is_some() && found.profile.texel != gpu.texel_lanes() {
            return Err("it is for subgroups of another size".into());
        }
        Ok(found)
    };
    match read(&bytes) {
        Ok(found) if found.version == VERSION && found.device == device(gpu) => Some(found),
        Ok(_) => None,
        Err(why) => {
            tracing::warn!(
                "the installed device profile {} is not used ({why}): remove it, or run wattgrad tune again",
                path.display()
            );
            None
        }
    }
}

/// Installs a profile for a device; it is used from now on.
///
/// # Errors
/// The system's, where the file cannot be written.
pub fn install(
    gpu: &Gpu,
    profile: Tuning,
    evidence: serde_json::Value,
) -> std::io::Result<PathBuf> {
    let path = path(gpu).ok_or_else(|| {
        std::io::Error::other("there is no cache folder: set XDG_CACHE_HOME or HOME")
    })?;
    let installed = Installed {
        version: VERSION,
        device: device(gpu),
        written_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        wattgrad: env!("CARGO_PKG_VERSION").into(),
        profile,
        evidence,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_whole(&path, &serde_json::to_vec_pretty(&installed)?)?;
    Ok(path)
}

fn device(gpu: &Gpu) -> String {
    let adapter = &gpu.adapter;
    format!(
        "{} ({}), driver {} {}",
        adapter.name, adapter.backend, adapter.driver, adapter.driver_info
    )
}

/// Letters, digits and dashes of the device, and a hash of it, so that no two share a file.
fn path(gpu: &Gpu) -> Option<PathBuf> {
    let device = device(gpu);
    let plain: String = device
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(80)
        .collect();
    let sum = device.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    cache_folder().map(|cache| {
        cache
            .join("profiles")
            .join(format!("{plain}-{sum:016x}.json"))
    })
}
