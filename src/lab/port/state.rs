//! The file that keeps what a port has done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Port, SCHEMA};
use crate::device::Gpu;
use crate::kernels::{SHADERS, shader};
use crate::train::{DeviceRecord, Host, Versions};

/// Prefixes of environment variables that change drivers or kernels.
const VARIABLES: [&str; 10] = [
    "WATTGRAD_SHADERS",
    "WGPU_",
    "LP_",
    "GALLIUM_",
    "GALLIVM_",
    "MESA_",
    "RADV_",
    "ACO_",
    "VK_",
    "NVIDIA_",
];

/// What a port belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Version of this crate.
    pub wattgrad: String,
    /// Name and graphics API of the device.
    pub device: String,
    /// Name and version of its driver.
    pub driver: String,
    /// Lanes of the smallest and the largest subgroup.
    pub subgroup_lanes: [u32; 2],
    /// SHA-256 of all shaders in use.
    pub shaders: String,
}

/// Why the state of a port cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It is not the state of a port.
    #[error(
        "{path:?} is not the state of a port ({detail}): move it away, or start anew with --fresh"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        detail: String,
    },
    /// It cannot be read or written.
    #[error("cannot {what} {path:?} ({source}): choose another folder with --out")]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A shader cannot be read.
    #[error("{0}")]
    Shader(String),
}

impl Key {
    /// Of an open device, with the shaders in use.
    ///
    /// # Errors
    /// [`StateError::Shader`] where `WATTGRAD_SHADERS` lacks one.
    pub fn new(gpu: &Gpu) -> Result<Self, StateError> {
        let mut digest = Sha256::new();
        for file in SHADERS {
            let text = shader(file.name).map_err(StateError::Shader)?;
            digest.update(file.name.as_bytes());
            digest.update(text.as_bytes());
        }
        let adapter = &gpu.adapter;
        let hex = |byte: &u8| format!("{byte:02x}");
        Ok(Self {
            wattgrad: env!("CARGO_PKG_VERSION").into(),
            device: format!("{} ({})", adapter.name, adapter.backend),
            driver: format!("{} {}", adapter.driver, adapter.driver_info),
            subgroup_lanes: [adapter.subgroup_min, adapter.subgroup_max],
            shaders: digest.finalize().iter().map(hex).collect(),
        })
    }
}

impl Port {
    /// The state in `path` where it belongs to `key`, or a new one; the second value is whether it is continued.
    ///
    /// # Errors
    /// [`StateError`] where there is a file that cannot be read.
    pub fn open(gpu: &Gpu, path: &Path, fresh: bool) -> Result<(Self, bool), StateError> {
        let key = Key::new(gpu)?;
        let old = match (fresh, std::fs::read(path)) {
            (true, _) => None,
            (false, Ok(bytes)) => {
                let old: Port =
                    serde_json::from_slice(&bytes).map_err(|error| StateError::Damaged {
                        path: path.to_owned(),
                        detail: error.to_string(),
                    })?;
                (old.schema == SCHEMA && old.key == key).then_some(old)
            }
            (false, Err(error)) if error.kind() == std::io::ErrorKind::NotFound => None,
            (false, Err(source)) => {
                return Err(StateError::File {
                    what: "read",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let continued = old.is_some();
        let port = old.unwrap_or_else(|| Self {
            schema: SCHEMA,
            key,
            begun_at: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            device: DeviceRecord::new(&gpu.adapter),
            host: Host::current(),
            versions: Versions::current(),
            environment: environment(),
            doctor: String::new(),
            conformance: None,
            choice: None,
            determinism: vec![],
            training: vec![],
            roofline: None,
            tuning: None,
            sensors: vec![],
            seconds: BTreeMap::new(),
            seconds_so_far: BTreeMap::new(),
            left_out: BTreeMap::new(),
        });
        Ok((port, continued))
    }
}

fn environment() -> BTreeMap<String, String> {
    let known = |name: &str| VARIABLES.iter().any(|start| name.starts_with(start));
    std::env::vars_os()
        .map(|(name, value)| {
            let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
            (text(name), text(value))
        })
        .filter(|(name, _)| known(name))
        .collect()
}

pub(super) fn write(port: &Port, path: &Path) -> Result<(), StateError> {
    let written = serde_json::to_vec_pretty(port)
        .map_err(std::io::Error::from)
        .and_then(|bytes| crate::files::write_whole(path, &bytes));
    written.map_err(|source| StateError::File {
        what: "write",
        path: path.to_owned(),
        source,
    })
}
