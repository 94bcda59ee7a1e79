//! The adapters of this machine, and the choice among them.

use std::fmt;

use serde::Serialize;

use super::error::DeviceError;

/// Kind of hardware of an adapter, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU of a virtual machine.
    Virtual,
    /// Hardware that the driver does not classify.
    Other,
    /// A software implementation that runs on the processor.
    Cpu,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(["discrete", "integrated", "virtual", "other", "cpu"][*self as usize])
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

/// Graphics API of an adapter, in order of preference where a device has several.
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
    /// wgpu's `noop` backend: commands are checked and never run.
    Noop,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(["vulkan", "metal", "dx12", "gl", "webgpu", "noop"][*self as usize])
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

/// The properties of an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdapterSummary {
    /// Index in the list of adapters.
    pub index: usize,
    /// Name given by the driver.
    pub name: String,
    /// Vendor number; the PCI vendor for hardware.
    pub vendor_id: u32,
    /// Device number; the PCI device for hardware.
    pub device_id: u32,
    /// Kind of hardware.
    pub kind: AdapterKind,
    /// Graphics API.
    pub backend: Backend,
    /// Name of the driver; empty where the backend does not report it.
    pub driver: String,
    /// Version of the driver, as the driver reports it.
    pub driver_info: String,
    /// PCI address `domain:bus:device.function`, such as `0000:01:00.0`; `None` where the backend does not report it.
    pub pci_id: Option<String>,
    /// Smallest subgroup size.
    pub subgroup_min: u32,
    /// Largest subgroup size.
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

/// Which adapters to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// List wgpu's `noop` backend instead of the real ones. It exists in builds with wgpu's feature `noop`, which the
    /// tests and benchmarks have.
    pub noop: bool,
}

/// The adapters of this machine, each physical device once, in the order of [`AdapterSummary::index`].
///
/// The environment variable `WGPU_BACKEND` limits the backends.
///
/// # Errors
/// [`DeviceError::NoAdapter`] when there is none.
pub fn list(options: &ListOptions) -> Result<Vec<AdapterSummary>, DeviceError> {
    Ok(enumerate(options)?
        .into_iter()
        .map(|(summary, _)| summary)
        .collect())
}

/// The adapter that `wanted` names; for `None` the first of the fastest kind: discrete, integrated, virtual, unclassified,
/// software.
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
    // A number that is no index may be part of a name, such as "4090".
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
            // Tools print the domain with four digits, with eight digits, or not at all.
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
            // A full name may be part of another: "Radeon RX 6800" and "Radeon RX 6800 XT".
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
const REMEDY: &str = "no Vulkan driver was found; install the Mesa drivers (Debian and Ubuntu: libvulkan1 \
    mesa-vulkan-drivers, Fedora: vulkan-loader mesa-vulkan-drivers, Arch: vulkan-icd-loader and vulkan-radeon, \
    vulkan-intel or vulkan-swrast), which include a software device, or in an NVIDIA container start it with \
    --gpus all -e NVIDIA_DRIVER_CAPABILITIES=all";
#[cfg(target_os = "windows")]
const REMEDY: &str = "neither a Vulkan nor a Direct3D 12 driver was found; install the graphics driver of the card's vendor";
#[cfg(target_vendor = "apple")]
const REMEDY: &str = "no Metal device was found; run on a machine with a Metal device, outside a sandbox that hides it";
#[cfg(not(any(target_os = "linux", target_os = "windows", target_vendor = "apple")))]
const REMEDY: &str =
    "no Vulkan driver was found; install the Vulkan loader and the Mesa Vulkan drivers";

const NOOP_REMEDY: &str = "this build has no noop backend; enable wgpu's feature noop";

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
        // Validation layers cost time and energy and may be missing; WGPU_VALIDATION=1 enables them.
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

/// Indices of the adapters to keep: where several backends list a device, the entries of the preferred backend; of identical
/// entries, which two copies of a driver's manifest produce, the first.
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

    fn adapters<const N: usize>(
        list: [(&str, AdapterKind, Backend, Option<&str>); N],
    ) -> Vec<AdapterSummary> {
        let summary =
            |(index, (name, kind, backend, pci)): (_, (&str, _, _, Option<&str>))| AdapterSummary {
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
            };
        list.into_iter().enumerate().map(summary).collect()
    }

    fn workstation() -> Vec<AdapterSummary> {
        use AdapterKind::{Cpu, Discrete, Integrated};
        let vulkan = |name, kind, pci| (name, kind, Backend::Vulkan, pci);
        adapters([
            vulkan("llvmpipe (LLVM 15.0.6, 256 bits)", Cpu, None),
            vulkan(
                "Intel(R) UHD Graphics 770",
                Integrated,
                Some("0000:00:02.0"),
            ),
            vulkan("NVIDIA GeForce RTX 4090", Discrete, Some("0000:01:00.0")),
            vulkan("NVIDIA GeForce RTX 4090 D", Discrete, Some("0000:41:00.0")),
        ])
    }

    #[test]
    fn default_is_the_first_adapter_of_the_fastest_kind() {
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
    fn selects_by_index_name_and_pci_address() {
        let all = workstation();
        let index = |wanted: &str| select(&all, Some(wanted)).unwrap().index;
        assert_eq!(index("0"), 0);
        assert_eq!(index("uhd"), 1);
        assert_eq!(index("LLVMpipe"), 0);
        assert_eq!(index("4090 d"), 3);
        assert_eq!(
            index("nvidia geforce rtx 4090"),
            2,
            "a full name is preferred to part of another"
        );
        assert_eq!(
            index("770"),
            1,
            "a number that is no index is part of a name"
        );
        assert_eq!(index("0000:41:00.0"), 3);
        assert_eq!(index("01:00.0"), 2);
        assert_eq!(index("00000000:01:00.0"), 2);
    }

    #[test]
    fn ambiguous_or_unknown_choice_lists_the_adapters() {
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
    fn lists_a_device_on_two_backends_once() {
        let card = |backend, pci| {
            (
                "NVIDIA GeForce RTX 4090",
                AdapterKind::Discrete,
                backend,
                pci,
            )
        };
        let mut twice = adapters([
            card(Backend::Dx12, None),
            card(Backend::Vulkan, Some("0000:01:00.0")),
            card(Backend::Vulkan, Some("0000:02:00.0")),
            card(Backend::Vulkan, Some("0000:02:00.0")),
        ]);
        // As enumerated: not numbered yet.
        twice.iter_mut().for_each(|adapter| adapter.index = 0);
        assert_eq!(
            distinct(&twice),
            [1, 2],
            "two equal cards stay, a repeated entry goes"
        );
        assert_eq!(distinct(&twice[..1]), [0]);
    }
}
