//! NVML: the board's energy counter, in millijoules since the driver was loaded, with its power beside it, or its power
//! alone on cards without a counter.

use std::ffi::OsString;
use std::sync::Arc;

use nvml_wrapper::Nvml as Library;
use nvml_wrapper::error::NvmlError;

use crate::energy::device::{DeviceKind, MeteredDevice, PciAddress};
use crate::energy::figure::{Covers, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::source::Source;

use unavailable::unavailable;

mod card;
mod contention;
mod reading;
mod unavailable;

pub(super) const SOURCE: Source = Source {
    name: card::NAME,
    sensors,
};

/// Replaces the system's library.
const LIBRARY_VARIABLE: &str = "WATTGRAD_NVML";

fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    found(options, target).unwrap_or_else(|unavailable| {
        let covers = target.map(|_| Covers::Adapter);
        let name = SOURCE.name;
        vec![OpenSensor::counter(
            name,
            Scope::Board,
            covers,
            Err(unavailable),
        )]
    })
}

fn found(
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
) -> Result<Vec<OpenSensor>, Unavailable> {
    let wanted = match target {
        Some(target) => Some((address(target)?, target)),
        None => None,
    };
    let library = Arc::new(load(options)?);
    let count = library
        .device_count()
        .map_err(|error| unavailable("counting the cards", &error))?;
    if count == 0 {
        return Err(Unavailable::new("NVML is installed but finds no card"));
    }
    let indices = match wanted {
        Some((address, target)) => {
            let index = index_of(&library, count, address, target)?;
            index..index + 1
        }
        None => 0..count,
    };
    Ok(indices
        .flat_map(|index| card::sensors(&library, index, target))
        .collect())
}

/// The PCI address of the adapter, without which no card can be matched with it.
fn address(target: &MeteredDevice) -> Result<PciAddress, Unavailable> {
    let name = &target.name;
    if target.kind == DeviceKind::Cpu {
        return Err(Unavailable::new(format!(
            "the adapter `{name}` is the processor, which NVML does not measure"
        )));
    }
    let id = target.pci_id.as_deref().map(str::trim);
    match id.filter(|id| !id.is_empty()) {
        None => Err(Unavailable::new(format!(
            "the graphics backend gives no PCI address of the adapter `{name}`, so no card can be matched with it"
        ))),
        Some(id) => PciAddress::parse(id).ok_or_else(|| {
            Unavailable::new(format!(
                "the adapter `{name}` has the invalid PCI address `{id}`"
            ))
        }),
    }
}

/// The index of the one card at `wanted`. The first card is never used as a guess.
fn index_of(
    library: &Library,
    count: u32,
    wanted: PciAddress,
    target: &MeteredDevice,
) -> Result<u32, Unavailable> {
    let mut matches = Vec::new();
    let mut others = Vec::new();
    let mut unreadable: Option<Unavailable> = None;
    for index in 0..count {
        let device = library.device_by_index(index);
        match device.and_then(|device| device.pci_info()) {
            Ok(info) if PciAddress::parse(&info.bus_id) == Some(wanted) => matches.push(index),
            Ok(info) => others.push(info.bus_id),
            Err(error) => {
                unreadable = Some(unavailable(&format!("PCI address of card {index}"), &error));
            }
        }
    }
    let name = &target.name;
    match (matches.as_slice(), unreadable) {
        ([index], _) => Ok(*index),
        ([], Some(unreadable)) => Err(Unavailable {
            reason: format!(
                "no card was found at {wanted} (`{name}`): {}",
                unreadable.reason
            ),
            ..unreadable
        }),
        ([], None) => Err(Unavailable::new(format!(
            "NVML has no card at {wanted} (`{name}`), only at {}",
            others.join(", ")
        ))),
        (several, _) => Err(Unavailable::new(format!(
            "NVML has {} cards at {wanted} (`{name}`), so none can be matched with it",
            several.len()
        ))),
    }
}

fn load(options: &MeterOptions) -> Result<Library, Unavailable> {
    let chosen: Option<OsString> = match &options.nvml_library {
        Some(path) => Some(path.clone().into_os_string()),
        None => std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()),
    };
    let loaded = match &chosen {
        Some(path) => Library::builder().lib_path(path).init(),
        None => Library::init(),
    };
    let check_variable =
        format!("unset {LIBRARY_VARIABLE}, or set it to the path of libnvidia-ml.so.1");
    let library = loaded.map_err(|error| match (&error, &chosen) {
        (NvmlError::LibloadingError(why), Some(path)) => Unavailable::new(format!(
            "the NVML library {} cannot be loaded: {why}",
            path.display()
        ))
        .with_fix(&check_variable),
        (NvmlError::LibloadingError(why), None) => Unavailable::new(format!(
            "the NVML library cannot be loaded, so there is no NVIDIA driver: {why}"
        ))
        .with_fix(format!(
            "install the NVIDIA driver, or set {LIBRARY_VARIABLE} to the path of libnvidia-ml.so.1"
        )),
        _ => unavailable("initialization", &error),
    })?;
    if library.lib().nvmlShutdown.is_err() {
        // Dropping the library would panic because the function is missing.
        std::mem::forget(library);
        let reason = "the loaded library has no nvmlShutdown, so it is not NVML";
        return Err(Unavailable::new(reason).with_fix(&check_variable));
    }
    Ok(library)
}
