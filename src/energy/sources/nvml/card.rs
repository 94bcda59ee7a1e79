//! One card: which of its sensors can be believed, and the rows that follow.

use std::sync::Arc;

use nvml_wrapper::Device;
use nvml_wrapper::Nvml as Library;
use nvml_wrapper::enums::device::DeviceArchitecture;
use nvml_wrapper::error::NvmlError;

use super::sensor::{CardSensor, Kind, field_watts, present};
use super::{NAME, refusal};
use crate::energy::counter;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::sensor::{Sensor, Unavailable};

/// A counter and, as its companion, power; where there is no counter, power alone; where the counter is there but
/// shows nothing, or may not be read, a row for each.
pub(super) fn rows(
    library: &Arc<Library>,
    index: u32,
    target: Option<&MeteredDevice>,
) -> Vec<OpenSensor> {
    let source = format!("{NAME}:{index}");
    let covers = target.map(|_| Covers::Adapter);
    let device = match library.device_by_index(index) {
        Ok(device) => device,
        Err(error) => {
            let why = refusal(&format!("opening card {index}"), &error);
            return vec![OpenSensor::counter(source, Scope::Board, covers, Err(why))];
        }
    };
    let instrument = |kind| -> Box<dyn Sensor> {
        Box::new(CardSensor {
            library: Arc::clone(library),
            index,
            kind,
            // Without an adapter the card's own joules are asked for, whoever they are spent for.
            exclusive: target.is_some(),
        })
    };
    let identity = identity(library, &device, &source);
    let power = power(&device, index).map(|kind| {
        let mut row = OpenSensor::power(&source, Scope::Board, covers, Ok(instrument(kind)));
        row.identity = format!("{identity} power");
        row
    });
    let counter = |opened| {
        let mut row = OpenSensor::counter(&source, Scope::Board, covers, opened);
        row.identity.clone_from(&identity);
        row
    };
    let mut rows = match (counts(&device, index), power) {
        (Counts::Yes, power) => {
            let mut row = counter(Ok(instrument(Kind::Energy)));
            row.companion = power.ok().map(Box::new);
            vec![row]
        }
        (Counts::Has(why), Ok(power)) => vec![counter(Err(why)), power],
        (Counts::Not(why), Ok(mut power)) => {
            power.note = Some(format!("{}: its power is integrated instead", why.reason));
            vec![power]
        }
        (Counts::Has(why) | Counts::Not(why), Err(_)) => vec![counter(Err(why))],
    };
    if let Some(split) = split(&device) {
        for row in &mut rows {
            row.shared = Some(split.to_owned());
            if let Some(companion) = &mut row.companion {
                companion.shared = Some(split.to_owned());
            }
        }
    }
    rows
}

/// What stays the same over restarts: the card itself and the driver that reads it.
fn identity(library: &Library, device: &Device<'_>, source: &str) -> String {
    let card = device.uuid().unwrap_or_else(|_| source.to_owned());
    match library.sys_driver_version() {
        Ok(driver) => format!("{NAME} {card} driver {driver}"),
        Err(_) => format!("{NAME} {card}"),
    }
}

/// Whether a card counts its energy.
enum Counts {
    Yes,
    /// It has a counter that cannot be believed, or not be read by this user.
    Has(Unavailable),
    /// It has none.
    Not(Unavailable),
}

fn counts(device: &Device<'_>, index: u32) -> Counts {
    let what = format!("card {index}'s energy counter");
    match device.total_energy_consumption() {
        Ok(value) => match counter::supported(value, None) {
            Ok(()) => Counts::Yes,
            Err(why) => Counts::Has(Unavailable::new(why)),
        },
        Err(NvmlError::NotSupported) => Counts::Not(no_counter(device)),
        Err(error @ NvmlError::FailedToLoadSymbol(_)) => Counts::Not(refusal(&what, &error)),
        Err(error) => Counts::Has(refusal(&what, &error)),
    }
}

/// Why a card that answers has no energy counter.
fn no_counter(device: &Device<'_>) -> Unavailable {
    let name = device.name().unwrap_or_else(|_| "the card".into());
    if mig(device) {
        return Unavailable::new(format!(
            "MIG is on, and {name} gives no energy of an instance"
        ))
        .with_fix("sudo nvidia-smi -mig 0")
        .with_undo("sudo nvidia-smi -mig 1");
    }
    match device.architecture() {
        Ok(
            DeviceArchitecture::Kepler | DeviceArchitecture::Maxwell | DeviceArchitecture::Pascal,
        ) => Unavailable::new(format!(
            "{name} is older than Volta and has no energy counter"
        )),
        _ => Unavailable::new(format!(
            "{name} shows no energy counter: its driver or a virtual machine hides it, or it is a laptop card that \
             gives power only"
        )),
    }
}

/// Cards whose power is not an average over a second show a stretch of 10 to 100 ms.
const SHORT_AVERAGING: f64 = 0.1;
/// `nvmlDeviceGetPowerUsage` of Ampere (except GA100) and newer, by NVIDIA's header.
const LONG_AVERAGING: f64 = 1.0;

/// The best sensor of power: one that shows the moment, where the usual one averages over a second.
fn power(device: &Device<'_>, index: u32) -> Result<Kind, Unavailable> {
    let long = averages_long(device);
    if long && field_watts(device, index).is_ok() {
        return Ok(Kind::InstantPower);
    }
    let what = format!("card {index}'s power");
    let usage = device
        .power_usage()
        .map_err(|error| refusal(&what, &error))?;
    present(usage, &what)?;
    Ok(Kind::Power {
        averaging: if long {
            LONG_AVERAGING
        } else {
            SHORT_AVERAGING
        },
    })
}

/// PCI device ids of the chip GA100 (A100, A30): 0x2080 to 0x20ff.
const GA100: std::ops::RangeInclusive<u32> = 0x2080..=0x20ff;

fn averages_long(device: &Device<'_>) -> bool {
    match device.architecture() {
        Ok(DeviceArchitecture::Ampere) => !device
            .pci_info()
            .is_ok_and(|info| GA100.contains(&(info.pci_device_id >> 16))),
        Ok(
            DeviceArchitecture::Kepler
            | DeviceArchitecture::Maxwell
            | DeviceArchitecture::Pascal
            | DeviceArchitecture::Volta
            | DeviceArchitecture::Turing,
        ) => false,
        // Newer, or not told: the longer of the two.
        _ => true,
    }
}

fn mig(device: &Device<'_>) -> bool {
    device.mig_mode().is_ok_and(|mode| mode.current == 1)
}

/// Why the card's figures cover more than anyone here can see of it.
fn split(device: &Device<'_>) -> Option<&'static str> {
    if mig(device) {
        return Some(
            "MIG is on: the card's sensors cover every instance of it, not this run alone",
        );
    }
    vgpu(device).then_some(
        "the card is split by vGPU: its sensors cover every virtual machine on it, not this run alone",
    )
}

#[cfg(target_os = "linux")]
fn vgpu(device: &Device<'_>) -> bool {
    use nvml_wrapper::enum_wrappers::device::GpuVirtualizationMode as Mode;

    matches!(
        device.virtualization_mode(),
        Ok(Mode::Vgpu | Mode::HostVgpu | Mode::HostVsga)
    )
}

/// The wrapper asks for it on Linux only.
#[cfg(not(target_os = "linux"))]
fn vgpu(_device: &Device<'_>) -> bool {
    false
}
