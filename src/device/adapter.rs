//! The adapters of this machine, and the choice among them.

use std::fmt;

use serde::Serialize;

use super::error::DeviceError;

/// What kind of hardware an adapter is, from the most to the least desirable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU seen through a hypervisor.
    Virtual,
    /// Something its driver does not classify.
    Other,
    /// A software implementation that runs on the processor.
    Cpu,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Cpu => "cpu",
        })
    }
}

impl From<wgpu::DeviceType> for AdapterKind {
    fn from(kind: wgpu::DeviceType) -> Self {
        match kind {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::IntegratedGpu => Self::Integrated,
            wgpu::DeviceType::VirtualGpu => Self::Virtual,
            wgpu::DeviceType::Cpu => Self::Cpu,
            wgpu::DeviceType::Other => Self::Other,
        }
    }
}

/// The programming interface an adapter is reached through, in order of preference for one and the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Vulkan.
    Vulkan,
    /// Apple's Metal.
    Metal,
    /// Microsoft's Direct3D 12.
    Dx12,
    /// OpenGL or OpenGL ES.
    Gl,
    /// A browser's WebGPU.
    WebGpu,
    /// No hardware at all: commands are recorded and checked, then dropped.
    Noop,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Dx12 => "dx12",
            Self::Gl => "gl",
            Self::WebGpu => "webgpu",
            Self::Noop => "noop",
        })
    }
}

impl From<wgpu::Backend> for Backend {
    fn from(backend: wgpu::Backend) -> Self {
        match backend {
            wgpu::Backend::Vulkan => Self::Vulkan,
            wgpu::Backend::Metal => Self::Metal,
            wgpu::Backend::Dx12 => Self::Dx12,
            wgpu::Backend::Gl => Self::Gl,
            wgpu::Backend::BrowserWebGpu => Self::WebGpu,
            wgpu::Backend::Noop => Self::Noop,
        }
    }
}

/// One adapter as plain data: enough to show it, to choose it, and to find its energy counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdapterSummary {
    /// Place in the list, which [`select`] accepts as a choice.
    pub index: usize,
    /// Name given by the driver.
    pub name: String,
    /// Vendor number; the PCI vendor for hardware.
    pub vendor_id: u32,
    /// Device number; the PCI device for hardware.
    pub device_id: u32,
    /// Kind of hardware.
    pub kind: AdapterKind,
    /// Interface it is reached through.
    pub backend: Backend,
    /// Name of the driver, where the backend tells.
    pub driver: String,
    /// Version of the driver in its own words.
    pub driver_info: String,
    /// PCI address as `domain:bus:device.function`, for instance `0000:01:00.0`, where the backend tells.
    pub pci_id: Option<String>,
    /// Least number of lanes in a subgroup.
    pub subgroup_min: u32,
    /// Greatest number of lanes in a subgroup.
    pub subgroup_max: u32,
}

impl AdapterSummary {
    pub(super) fn new(index: usize, info: &wgpu::AdapterInfo) -> Self {
        let pci = info.device_pci_bus_id.trim();
        Self {
            index,
            name: info.name.clone(),
            vendor_id: info.vendor,
            device_id: info.device,
            kind: info.device_type.into(),
            backend: info.backend.into(),
            driver: info.driver.clone(),
            driver_info: info.driver_info.clone(),
            pci_id: (!pci.is_empty()).then(|| pci.to_ascii_lowercase()),
            subgroup_min: info.subgroup_min_size,
            subgroup_max: info.subgroup_max_size,
        }
    }
}

/// Which adapters to look for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// List the backend without hardware instead of the real ones; it exists only in builds with wgpu's `noop`
    /// feature, as the tests and benchmarks are.
    pub noop: bool,
}

/// The adapters of this machine, each physical device once, in the order that [`AdapterSummary::index`] counts.
///
/// The variable `WGPU_BACKEND` narrows the backends that are asked.
///
/// # Errors
/// [`DeviceError::NoAdapter`] when there is none.
pub fn list(options: &ListOptions) -> Result<Vec<AdapterSummary>, DeviceError> {
    Ok(enumerate(options)?
        .into_iter()
        .map(|(summary, _)| summary)
        .collect())
}

/// The adapter that `wanted` names, or the fastest kind when it is `None`: discrete before integrated, virtual,
/// unclassified and software, the first of the list among equals.
///
/// `wanted` is an index of the list, a PCI address with or without its domain, or a part of a name in any case.
///
/// # Errors
/// [`DeviceError::NoAdapter`] for an empty list, [`DeviceError::UnknownAdapter`] when nothing matches, and
/// [`DeviceError::AmbiguousAdapter`] when a part of a name matches more than one adapter.
pub fn select<'a>(
    adapters: &'a [AdapterSummary],
    wanted: Option<&str>,
) -> Result<&'a AdapterSummary, DeviceError> {
    let fastest = adapters
        .iter()
        .min_by_key(|adapter| adapter.kind)
        .ok_or(DeviceError::NoAdapter { remedy: REMEDY })?;
    let Some(wanted) = wanted.map(str::trim).filter(|wanted| !wanted.is_empty()) else {
        return Ok(fastest);
    };
    // A number beyond the list is still tried as a name: "4090" is one.
    if let Some(adapter) = wanted
        .parse::<usize>()
        .ok()
        .and_then(|index| adapters.get(index))
    {
        return Ok(adapter);
    }
    let lower = wanted.to_lowercase();
    let by_pci = |adapter: &&AdapterSummary| {
        adapter.pci_id.as_deref().is_some_and(|pci| {
            let pci = pci.to_lowercase();
            // Tools print the domain with four digits, eight digits, or not at all.
            pci == lower
                || pci.trim_start_matches('0') == lower.trim_start_matches('0')
                || pci == format!("0000:{lower}")
        })
    };
    if let Some(adapter) = adapters.iter().find(by_pci) {
        return Ok(adapter);
    }
    let named: Vec<&AdapterSummary> = adapters
        .iter()
        .filter(|adapter| adapter.name.to_lowercase().contains(&lower))
        .collect();
    match named.as_slice() {
        [] => Err(DeviceError::UnknownAdapter {
            wanted: wanted.to_owned(),
            available: names(adapters),
        }),
        [one] => Ok(one),
        several => {
            // A full name may be part of another's: "Radeon RX 6800" and "Radeon RX 6800 XT".
            let mut exact = several
                .iter()
                .filter(|adapter| adapter.name.to_lowercase() == lower);
            match (exact.next(), exact.next()) {
                (Some(one), None) => Ok(one),
                _ => Err(DeviceError::AmbiguousAdapter {
                    wanted: wanted.to_owned(),
                    matches: names(several.iter().copied()),
                }),
            }
        }
    }
}

fn names<'a>(adapters: impl IntoIterator<Item = &'a AdapterSummary>) -> String {
    let named: Vec<String> = adapters
        .into_iter()
        .map(|adapter| format!("{}: {} ({})", adapter.index, adapter.name, adapter.backend))
        .collect();
    named.join(", ")
}

#[cfg(target_os = "linux")]
const REMEDY: &str = "no Vulkan driver answered; install the Mesa drivers (Debian and Ubuntu: libvulkan1 \
    mesa-vulkan-drivers, Fedora: vulkan-loader mesa-vulkan-drivers, Arch: vulkan-icd-loader and vulkan-radeon, \
    vulkan-intel or vulkan-swrast), which include a software device, or in an NVIDIA container start it with \
    --gpus all -e NVIDIA_DRIVER_CAPABILITIES=all";
#[cfg(target_os = "windows")]
const REMEDY: &str =
    "neither Vulkan nor Direct3D 12 answered; install the graphics driver of the card's vendor";
#[cfg(target_vendor = "apple")]
const REMEDY: &str =
    "Metal did not answer; run on a machine with a Metal device, outside a sandbox that hides it";
#[cfg(not(any(target_os = "linux", target_os = "windows", target_vendor = "apple")))]
const REMEDY: &str =
    "no Vulkan driver answered; install the Vulkan loader and the Mesa Vulkan drivers";

const NOOP_REMEDY: &str =
    "the backend without hardware is not part of this build; enable the feature noop of wgpu";

/// Every adapter with its handle, each physical device once.
pub(super) fn enumerate(
    options: &ListOptions,
) -> Result<Vec<(AdapterSummary, wgpu::Adapter)>, DeviceError> {
    let (backends, noop) = if options.noop {
        (wgpu::Backends::NOOP, wgpu::NoopBackendOptions::enabled())
    } else {
        (
            wgpu::Backends::PRIMARY.with_env(),
            wgpu::NoopBackendOptions::default(),
        )
    };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        // Validation layers cost time and joules and may be missing; WGPU_VALIDATION=1 asks for them.
        flags: wgpu::InstanceFlags::empty().with_env(),
        backend_options: wgpu::BackendOptions {
            noop,
            ..Default::default()
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = pollster::block_on(instance.enumerate_adapters(backends));
    let infos: Vec<wgpu::AdapterInfo> = found.iter().map(wgpu::Adapter::get_info).collect();
    let summaries: Vec<AdapterSummary> = infos
        .iter()
        .map(|info| AdapterSummary::new(0, info))
        .collect();
    let keep = distinct(&summaries);
    if keep.is_empty() {
        return Err(DeviceError::NoAdapter {
            remedy: if options.noop { NOOP_REMEDY } else { REMEDY },
        });
    }
    let kept = found
        .into_iter()
        .zip(summaries)
        .enumerate()
        .filter(|(place, _)| keep.contains(place));
    Ok(kept
        .enumerate()
        .map(|(index, (_, (adapter, summary)))| (AdapterSummary { index, ..summary }, adapter))
        .collect())
}

/// Places of the adapters to keep: of a device that several backends list, the entries of the preferred backend; of
/// entries equal in every respect, which two copies of a driver's manifest produce, the first.
fn distinct(adapters: &[AdapterSummary]) -> Vec<usize> {
    let same_device = |a: &AdapterSummary, b: &AdapterSummary| {
        a.vendor_id == b.vendor_id && a.device_id == b.device_id && a.kind == b.kind
    };
    (0..adapters.len())
        .filter(|&place| {
            let adapter = &adapters[place];
            let elsewhere = adapters
                .iter()
                .any(|other| other.backend < adapter.backend && same_device(other, adapter));
            let repeated = adapter.pci_id.is_some() && adapters[..place].contains(adapter);
            !elsewhere && !repeated
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(
        index: usize,
        name: &str,
        kind: AdapterKind,
        backend: Backend,
        pci: Option<&str>,
    ) -> AdapterSummary {
        AdapterSummary {
            index,
            name: name.to_owned(),
            vendor_id: 0x10de,
            device_id: 0x2684,
            kind,
            backend,
            driver: String::new(),
            driver_info: String::new(),
            pci_id: pci.map(str::to_owned),
            subgroup_min: 32,
            subgroup_max: 32,
        }
    }

    fn workstation() -> Vec<AdapterSummary> {
        vec![
            adapter(
                0,
                "llvmpipe (LLVM 15.0.6, 256 bits)",
                AdapterKind::Cpu,
                Backend::Vulkan,
                None,
            ),
            adapter(
                1,
                "Intel(R) UHD Graphics 770",
                AdapterKind::Integrated,
                Backend::Vulkan,
                Some("0000:00:02.0"),
            ),
            adapter(
                2,
                "NVIDIA GeForce RTX 4090",
                AdapterKind::Discrete,
                Backend::Vulkan,
                Some("0000:01:00.0"),
            ),
            adapter(
                3,
                "NVIDIA GeForce RTX 4090 D",
                AdapterKind::Discrete,
                Backend::Vulkan,
                Some("0000:41:00.0"),
            ),
        ]
    }

    #[test]
    fn the_fastest_kind_is_the_default_and_the_first_among_equals() {
        let all = workstation();
        assert_eq!(select(&all, None).unwrap().index, 2);
        assert_eq!(select(&all[..2], None).unwrap().index, 1);
        assert_eq!(select(&all[..1], None).unwrap().index, 0);
        assert!(matches!(
            select(&[], None),
            Err(DeviceError::NoAdapter { .. })
        ));
    }

    #[test]
    fn adapters_are_chosen_by_index_name_and_pci_address() {
        let all = workstation();
        let index = |wanted: &str| select(&all, Some(wanted)).unwrap().index;
        assert_eq!(index("0"), 0);
        assert_eq!(index("uhd"), 1);
        assert_eq!(index("LLVMpipe"), 0);
        assert_eq!(index("4090 d"), 3);
        assert_eq!(
            index("nvidia geforce rtx 4090"),
            2,
            "a full name wins over being part of another"
        );
        assert_eq!(index("770"), 1, "a number beyond the list is a name");
        assert_eq!(index("0000:41:00.0"), 3);
        assert_eq!(index("01:00.0"), 2);
        assert_eq!(index("00000000:01:00.0"), 2);
    }

    #[test]
    fn a_vague_or_wrong_choice_lists_what_there_is() {
        let all = workstation();
        let vague = select(&all, Some("rtx")).unwrap_err().to_string();
        assert!(
            vague.contains("2: NVIDIA GeForce RTX 4090") && vague.contains("3: "),
            "{vague}"
        );
        assert!(!vague.contains("UHD"), "{vague}");
        let wrong = select(&all, Some("radeon")).unwrap_err().to_string();
        assert!(
            wrong.contains("radeon") && wrong.contains("1: Intel"),
            "{wrong}"
        );
        assert!(matches!(
            select(&all, Some("7777")),
            Err(DeviceError::UnknownAdapter { .. })
        ));
    }

    #[test]
    fn a_device_on_two_backends_is_listed_once() {
        let twice = vec![
            adapter(
                0,
                "NVIDIA GeForce RTX 4090",
                AdapterKind::Discrete,
                Backend::Dx12,
                None,
            ),
            adapter(
                0,
                "NVIDIA GeForce RTX 4090",
                AdapterKind::Discrete,
                Backend::Vulkan,
                Some("0000:01:00.0"),
            ),
            adapter(
                0,
                "NVIDIA GeForce RTX 4090",
                AdapterKind::Discrete,
                Backend::Vulkan,
                Some("0000:02:00.0"),
            ),
            adapter(
                0,
                "NVIDIA GeForce RTX 4090",
                AdapterKind::Discrete,
                Backend::Vulkan,
                Some("0000:02:00.0"),
            ),
        ];
        assert_eq!(
            distinct(&twice),
            [1, 2],
            "two equal cards stay two, a repeated entry goes"
        );
        assert_eq!(distinct(&twice[..1]), [0]);
    }
}
