//! The environment of a run: device, machine and versions.

use serde::{Deserialize, Serialize};

use crate::device::AdapterSummary;

/// The major version of wgpu and naga; a test compares it with the manifest.
const WGPU: &str = "30";

/// The device of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Its name, from the driver.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `other` or `cpu`.
    pub kind: String,
    /// Vulkan, Metal, ...
    pub backend: String,
    /// Name of the driver.
    pub driver: String,
    /// Version of the driver, as the driver writes it.
    pub driver_info: String,
    /// PCI address, if the backend reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
    /// Vendor number.
    pub vendor_id: u32,
    /// Device number.
    pub device_id: u32,
}

impl DeviceRecord {
    pub(crate) fn new(adapter: &AdapterSummary) -> Self {
        Self {
            name: adapter.name.clone(),
            kind: adapter.kind.to_string(),
            backend: adapter.backend.to_string(),
            driver: adapter.driver.clone(),
            driver_info: adapter.driver_info.clone(),
            pci_id: adapter.pci_id.clone(),
            vendor_id: adapter.vendor_id,
            device_id: adapter.device_id,
        }
    }
}

/// The machine of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system.
    pub os: String,
    /// Instruction set.
    pub arch: String,
    /// Hardware threads this process may use.
    pub threads: usize,
    /// Name of the CPU, if the system reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
}

impl Host {
    /// This machine.
    pub fn current() -> Self {
        Self {
            os: std::env::consts::OS.into(),
            arch: std::env::consts::ARCH.into(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: std::fs::read_to_string("/proc/cpuinfo")
                .ok()
                .as_deref()
                .and_then(cpu_name),
        }
    }
}

/// The first `model name` of `/proc/cpuinfo`.
fn cpu_name(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

/// The versions of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of this crate.
    pub wattgrad: String,
    /// The major version of wgpu and naga.
    pub wgpu: String,
    /// Whether the crate was built without optimization, which makes the host slower.
    pub debug: bool,
}

impl Versions {
    /// Those of this build.
    pub fn current() -> Self {
        Self {
            wattgrad: env!("CARGO_PKG_VERSION").into(),
            wgpu: WGPU.into(),
            debug: cfg!(debug_assertions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wgpu_version_equals_the_manifest() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let manifest = std::fs::read_to_string(path).unwrap();
        for name in ["wgpu", "naga"] {
            let wanted = format!("{name} = {{ version = \"{WGPU}\"");
            assert!(manifest.contains(&wanted), "{wanted}");
        }
    }

    #[test]
    fn finds_the_name_of_the_cpu() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmodel name\t: other\n";
        assert_eq!(cpu_name(text).as_deref(), Some("Some CPU @ 3 GHz"));
        assert_eq!(cpu_name("Features: fp"), None);
    }
}
