//! NVML: the whole board's energy counter, in millijoules since the driver was loaded, and its power beside it, or in
//! its place on cards that have no counter.

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

mod card;
mod others;
mod sensor;

const NAME: &str = "nvml";

/// Loads this library in place of the system's.
const LIBRARY_VARIABLE: &str = "WATTGRAD_NVML";

pub(crate) struct Nvml;

impl Source for Nvml {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        found(options, target).unwrap_or_else(|refusal| {
            let covers = target.map(|_| Covers::Adapter);
            vec![OpenSensor::counter(
                NAME,
                Scope::Board,
                covers,
                Err(refusal),
            )]
        })
    }
}

fn found(
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
) -> Result<Vec<OpenSensor>, Unavailable> {
    let wanted = target.map(address).transpose()?;
    let library = Arc::new(load(options)?);
    let count = library
        .device_count()
        .map_err(|error| refusal("counting its cards", &error))?;
    if count == 0 {
        return Err(Unavailable::new("NVML is there but sees no card"));
    }
    let index = match (wanted, target) {
        (Some(wanted), Some(target)) => Some(pair(&library, count, wanted, target)?),
        _ => None,
    };
    let indices = match index {
        Some(index) => index..index + 1,
        None => 0..count,
    };
    Ok(indices
        .flat_map(|index| card::rows(&library, index, target))
        .collect())
}

/// The PCI address of the adapter, without which no card is its own.
fn address(target: &MeteredDevice) -> Result<PciAddress, Unavailable> {
    let name = &target.name;
    if target.kind == DeviceKind::Cpu {
        return Err(Unavailable::new(format!(
            "the adapter `{name}` is the processor, which NVML does not meter"
        )));
    }
    match target
        .pci_id
        .as_deref()
        .map(str::trim)
        .filter(|id| !id.is_empty())
    {
        None => Err(Unavailable::new(format!(
            "the graphics backend tells no PCI address of the adapter `{name}`, so no card can be paired with it"
        ))),
        Some(id) => PciAddress::parse(id).ok_or_else(|| {
            Unavailable::new(format!(
                "the adapter `{name}` has the PCI address `{id}`, which cannot be read"
            ))
        }),
    }
}

/// The one card at `wanted`. Never the first card for want of a better one.
fn pair(
    library: &Library,
    count: u32,
    wanted: PciAddress,
    target: &MeteredDevice,
) -> Result<u32, Unavailable> {
    let mut matches = Vec::new();
    let mut others = Vec::new();
    let mut silent: Option<Unavailable> = None;
    for index in 0..count {
        match library
            .device_by_index(index)
            .and_then(|device| device.pci_info())
        {
            Ok(info) if PciAddress::parse(&info.bus_id) == Some(wanted) => matches.push(index),
            Ok(info) => others.push(info.bus_id),
            Err(error) => silent = Some(refusal(&format!("card {index}'s PCI address"), &error)),
        }
    }
    match (matches.as_slice(), silent) {
        ([index], _) => Ok(*index),
        ([], Some(silent)) => Err(Unavailable {
            reason: format!(
                "no card at {wanted} (`{}`) could be found: {}",
                target.name, silent.reason
            ),
            ..silent
        }),
        ([], None) => Err(Unavailable::new(format!(
            "NVML knows no card at {wanted} (`{}`), only at {}",
            target.name,
            others.join(", ")
        ))),
        (several, _) => Err(Unavailable::new(format!(
            "NVML knows {} cards at {wanted} (`{}`), so none can be paired with it",
            several.len(),
            target.name
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
    let library = loaded.map_err(|error| match (&error, &chosen) {
        (NvmlError::LibloadingError(why), Some(path)) => Unavailable::new(format!(
            "the NVML library {} cannot be loaded: {why}",
            path.display()
        ))
        .with_fix(format!(
            "unset {LIBRARY_VARIABLE}, or give it the path of libnvidia-ml.so.1"
        )),
        (NvmlError::LibloadingError(why), None) => Unavailable::new(format!(
            "the NVML library cannot be loaded, so there is no NVIDIA driver: {why}"
        ))
        .with_fix(format!(
            "install the NVIDIA driver, or set {LIBRARY_VARIABLE} to its libnvidia-ml.so.1"
        )),
        _ => refusal("starting it", &error),
    })?;
    if library.lib().nvmlShutdown.is_err() {
        // Dropping it would panic for want of that function.
        std::mem::forget(library);
        return Err(Unavailable::new(
            "the library loaded for NVML lacks nvmlShutdown, so it is not NVML",
        )
        .with_fix(format!(
            "unset {LIBRARY_VARIABLE}, or give it the path of libnvidia-ml.so.1"
        )));
    }
    Ok(library)
}

fn refusal(doing: &str, error: &NvmlError) -> Unavailable {
    match error {
        NvmlError::NoPermission => {
            let refusal = Unavailable::new(format!("NVML: {doing}: this user may not"));
            if cfg!(windows) {
                refusal.with_fix("run as an administrator")
            } else {
                refusal
                    .with_fix("sudo chmod a+rw /dev/nvidia*")
                    .with_undo("sudo chmod go-rw /dev/nvidia*")
            }
        }
        NvmlError::DriverNotLoaded | NvmlError::Uninitialized => {
            Unavailable::new(format!("NVML: {doing}: the NVIDIA driver is not loaded"))
                .with_fix("sudo modprobe nvidia")
                .with_undo("sudo modprobe -r nvidia")
        }
        NvmlError::LibRmVersionMismatch => Unavailable::new(format!(
            "NVML: {doing}: the library and the loaded driver are of different versions"
        ))
        .with_fix("restart the machine"),
        NvmlError::GpuLost => {
            Unavailable::new(format!("NVML: {doing}: the card has fallen off the bus"))
                .with_fix("restart the machine")
        }
        NvmlError::FailedToLoadSymbol(symbol) => Unavailable::new(format!(
            "NVML: {doing}: the driver is too old for it ({symbol})"
        ))
        .with_fix("install a newer NVIDIA driver"),
        error => Unavailable::new(format!("NVML: {doing}: {error}")),
    }
}
