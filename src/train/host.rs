//! The machine and the versions a run was made with.

use serde::{Deserialize, Serialize};

/// The major version of wgpu and naga; a test holds it to the manifest.
const WGPU: &str = "30";

/// The machine a run was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system.
    pub os: String,
    /// Instruction set.
    pub arch: String,
    /// Hardware threads this process may use.
    pub threads: usize,
    /// The processor's own name, where the system tells.
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

/// The versions a run was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This crate.
    pub wattgrad: String,
    /// The major version of wgpu and naga.
    pub wgpu: String,
    /// Whether the crate was built without optimization, which slows the host down.
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
    fn the_manifest_asks_for_the_wgpu_that_records_name() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let manifest = std::fs::read_to_string(path).unwrap();
        for name in ["wgpu", "naga"] {
            let wanted = format!("{name} = {{ version = \"{WGPU}\"");
            assert!(manifest.contains(&wanted), "{wanted}");
        }
    }

    #[test]
    fn the_processor_has_a_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmodel name\t: other\n";
        assert_eq!(cpu_name(text).as_deref(), Some("Some CPU @ 3 GHz"));
        assert_eq!(cpu_name("Features: fp"), None);
    }
}
