//! One card: which of its readings can be trusted, and the sensors that follow.

use std::sync::Arc;

use nvml_wrapper::Device;
use nvml_wrapper::Nvml as Library;
use nvml_wrapper::enums::device::DeviceArchitecture;
use nvml_wrapper::error::NvmlError;

use super::reading::{CardReader, Kind, check_present, instant_milliwatts};
use super::unavailable::unavailable;
use crate::energy::counter;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::sensor::{Sensor, Unavailable};

/// The source; its sensors are named after it and the number of the card.
pub(super) const NAME: &str = "nvml";

/// A counter with power as its companion; power alone where the card has no counter; both where the counter exists but
/// cannot be used.
pub(super) fn sensors(
    library: &Arc<Library>,
    index: u32,
    target: Option<&MeteredDevice>,
) -> Vec<OpenSensor> {
    let name = format!("{}:{index}", NAME);
    let covers = target.map(|_| Covers::Adapter);
    let device = match library.device_by_index(index) {
        Ok(device) => device,
        Err(error) => {
            let why = unavailable(&format!("opening card {index}"), &error);
            return vec![OpenSensor::counter(name, Scope::Board, covers, Err(why))];
        }
    };
    let sensor = |kind| -> Box<dyn Sensor> {
        Box::new(CardReader {
            library: Arc::clone(library),
            index,
            kind,
            // Without a target the energy of the card itself is wanted, whoever uses it.
            exclusive: target.is_some(),
        })
    };
    let identity = identity(library, &device, &name);
    let power = power(&device, index).map(|kind| {
        OpenSensor::power(&name, Scope::Board, covers, Ok(sensor(kind)))
            .with_identity(format!("{identity} power"))
    });
    let counter =
        |opened| OpenSensor::counter(&name, Scope::Board, covers, opened).with_identity(&identity);
    let mut sensors = match (energy_counter(&device, index), power) {
        (EnergyCounter::Works, power) => {
            let mut sensor = counter(Ok(sensor(Kind::Energy)));
            sensor.companion = power.ok().map(Box::new);
            vec![sensor]
        }
        (EnergyCounter::Unusable(why), Ok(power)) => vec![counter(Err(why)), power],
        (EnergyCounter::Missing(why), Ok(mut power)) => {
            power.note = Some(format!("{}: its power is integrated instead", why.reason));
            vec![power]
        }
        (EnergyCounter::Unusable(why) | EnergyCounter::Missing(why), Err(_)) => {
            vec![counter(Err(why))]
        }
    };
    let split = split(&device).map(str::to_owned);
    for sensor in &mut sensors {
        sensor.shared.clone_from(&split);
        if let Some(companion) = &mut sensor.companion {
            companion.shared.clone_from(&split);
        }
    }
    sensors
}

/// The card and the driver that reads it, which stay the same after a restart.
fn identity(library: &Library, device: &Device<'_>, name: &str) -> String {
    let card = device.uuid().unwrap_or_else(|_| name.to_owned());
    match library.sys_driver_version() {
        Ok(driver) => format!("{} {card} driver {driver}", NAME),
        Err(_) => format!("{} {card}", NAME),
    }
}

enum EnergyCounter {
    Works,
    /// The card has a counter that shows no valid value or may not be read by this user.
    Unusable(Unavailable),
    Missing(Unavailable),
}

fn energy_counter(device: &Device<'_>, index: u32) -> EnergyCounter {
    let what = format!("energy counter of card {index}");
    match device.total_energy_consumption() {
        Ok(value) => match counter::supported(value, None) {
            Ok(()) => EnergyCounter::Works,
            Err(why) => EnergyCounter::Unusable(Unavailable::new(why)),
        },
        Err(NvmlError::NotSupported) => EnergyCounter::Missing(no_counter(device)),
        Err(error @ NvmlError::FailedToLoadSymbol(_)) => {
            EnergyCounter::Missing(unavailable(&what, &error))
        }
        Err(error) => EnergyCounter::Unusable(unavailable(&what, &error)),
    }
}

/// Why a card that works has no energy counter.
fn no_counter(device: &Device<'_>) -> Unavailable {
    let name = device.name().unwrap_or_else(|_| "the card".into());
    if mig(device) {
        return Unavailable::new(format!(
            "MIG is on, and {name} has no energy counter for an instance"
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
            "{name} shows no energy counter: the driver or a virtual machine hides it, or it is a laptop card that has \
             power only"
        )),
    }
}

/// Cards whose power is not averaged over a second average over 10 to 100 ms.
const SHORT_AVERAGING: f64 = 0.1;
/// `nvmlDeviceGetPowerUsage` of Ampere (except GA100) and newer, by NVIDIA's header.
const LONG_AVERAGING: f64 = 1.0;

/// The best power reading: the instant power where the usual one is averaged over a second.
fn power(device: &Device<'_>, index: u32) -> Result<Kind, Unavailable> {
    let long = averages_long(device);
    if long && instant_milliwatts(device, index).is_ok() {
        return Ok(Kind::InstantPower);
    }
    let what = format!("power of card {index}");
    let usage = device
        .power_usage()
        .map_err(|error| unavailable(&what, &error))?;
    check_present(usage, &what)?;
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
        // Newer or unknown: assume the longer of the two.
        _ => true,
    }
}

fn mig(device: &Device<'_>) -> bool {
    device.mig_mode().is_ok_and(|mode| mode.current == 1)
}

/// Why the card's energy covers users that are not visible here.
fn split(device: &Device<'_>) -> Option<&'static str> {
    if mig(device) {
        return Some(
            "MIG is on: the card's sensors cover all of its instances, not this run alone",
        );
    }
    vgpu(device).then_some(
        "vGPU is on: the card's sensors cover all virtual machines that use it, not this run alone",
    )
}

/// The wrapper supports the query on Linux only.
fn vgpu(device: &Device<'_>) -> bool {
    #[cfg(target_os = "linux")]
    {
        use nvml_wrapper::enum_wrappers::device::GpuVirtualizationMode as Mode;
        matches!(
            device.virtualization_mode(),
            Ok(Mode::Vgpu | Mode::HostVgpu | Mode::HostVsga)
        )
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = device;
        false
    }
}
