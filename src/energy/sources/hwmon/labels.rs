//! What the channels of each hwmon driver cover.

use crate::energy::figure::Scope;

/// The part of the machine that a channel covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The device of its driver: a graphics card, or a processor with graphics.
    Device,
    /// The machine or module, with every adapter.
    Whole,
    /// A part of the host.
    Host,
    /// A part of something that has a channel of its own; not listed.
    Inside,
}

pub(super) struct Entry {
    /// Start of the driver's name.
    driver: &'static str,
    /// Start of the channel's label, or of its file without a label.
    label: &'static str,
    pub scope: Scope,
    pub part: Part,
}

const fn entry(driver: &'static str, label: &'static str, scope: Scope, part: Part) -> Entry {
    Entry {
        driver,
        label,
        scope,
        part,
    }
}

/// The first match counts.
static ENTRIES: &[Entry] = &[
    // An APU, whose value covers the whole socket, is recognised by its gpu_metrics.
    entry("amdgpu", "", Scope::Board, Part::Device),
    // Discrete cards only: the drivers show no energy of integrated graphics.
    entry("i915_gt", "", Scope::Socket, Part::Device),
    entry("i915", "", Scope::Board, Part::Device),
    entry("xe", "card", Scope::Board, Part::Device),
    entry("xe", "energy1", Scope::Board, Part::Device),
    entry("xe", "pkg", Scope::Socket, Part::Device),
    entry("xe", "energy2", Scope::Socket, Part::Device),
    entry("xe", "", Scope::Rail, Part::Device),
    // NVIDIA Grace shows and names its meters through the ACPI driver.
    entry("power_meter", "Module Power", Scope::Socket, Part::Whole),
    entry("power_meter", "Grace Power", Scope::Socket, Part::Host),
    entry("power_meter", "CPU Power", Scope::Rail, Part::Host),
    entry("power_meter", "SysIO Power", Scope::Rail, Part::Host),
    entry("power_meter", "", Scope::System, Part::Whole),
    // NVIDIA Jetson.
    entry("ina3221", "VDD_IN", Scope::System, Part::Whole),
    entry("ina3221", "", Scope::Rail, Part::Host),
    entry("amd_energy", "Esocket", Scope::Package, Part::Host),
    entry("amd_energy", "Ecore", Scope::Rail, Part::Inside),
    entry("corsairpsu", "power total", Scope::System, Part::Whole),
    entry("", "", Scope::Rail, Part::Host),
];

/// The entry of a channel: `label` is its label, or its file without a label.
pub(super) fn of(driver: &str, label: &str) -> &'static Entry {
    let fits = |entry: &&Entry| {
        let end = driver.strip_prefix(entry.driver);
        // Only digits may follow: `i915_gt1` matches `i915_gt`, `xenon` does not match `xe`.
        let driver = entry.driver.is_empty()
            || end.is_some_and(|end| end.bytes().all(|byte| byte.is_ascii_digit()));
        driver && label.starts_with(entry.label)
    };
    ENTRIES
        .iter()
        .find(fits)
        .unwrap_or(&ENTRIES[ENTRIES.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_labels_to_scopes() {
        for (driver, label, scope, part) in [
            ("amdgpu", "PPT", Scope::Board, Part::Device),
            ("i915", "energy1", Scope::Board, Part::Device),
            ("i915_gt1", "energy1", Scope::Socket, Part::Device),
            ("xe", "energy2", Scope::Socket, Part::Device),
            ("xe", "vram", Scope::Rail, Part::Device),
            ("xenon", "energy1", Scope::Rail, Part::Host),
            ("power_meter", "power1", Scope::System, Part::Whole),
            (
                "power_meter",
                "Grace Power Socket 0",
                Scope::Socket,
                Part::Host,
            ),
            ("power_meter", "CPU Power Socket 1", Scope::Rail, Part::Host),
            (
                "power_meter",
                "Module Power Socket 0",
                Scope::Socket,
                Part::Whole,
            ),
            ("ina3221", "VDD_GPU_SOC", Scope::Rail, Part::Host),
            ("amd_energy", "Ecore003", Scope::Rail, Part::Inside),
        ] {
            let found = of(driver, label);
            assert_eq!((found.scope, found.part), (scope, part), "{driver} {label}");
        }
    }
}
