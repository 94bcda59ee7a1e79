//! One reading of a card, and the state of the card.

use std::sync::Arc;

use nvml_wrapper::Device;
use nvml_wrapper::Nvml as Library;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, PerformancePolicy, TemperatureSensor};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::structs::device::FieldId;

use super::contention;
use super::unavailable::unavailable;
use crate::energy::figure::RawUnit;
use crate::energy::sensor::{Conditions, Sensor, SensorSpec, Unavailable};

/// More than any board draws.
const MAX_WATTS: f64 = 10_000.0;
/// Cards update their values every 20 to 100 ms.
const EXPECTED_UPDATE_INTERVAL: f64 = 0.1;
/// `NVML_FI_DEV_POWER_INSTANT`.
const POWER_INSTANT: FieldId = FieldId(186);

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Energy,
    /// NVIDIA does not document its averaging, and cards differ.
    InstantPower,
    Power {
        averaging: f64,
    },
}

pub(super) struct CardReader {
    pub library: Arc<Library>,
    pub index: u32,
    pub kind: Kind,
    /// Whether the energy counts as shared while another process uses the card.
    pub exclusive: bool,
}

impl Sensor for CardReader {
    fn spec(&self) -> SensorSpec {
        match self.kind {
            Kind::Energy => {
                SensorSpec::energy(RawUnit::Millijoule, MAX_WATTS, EXPECTED_UPDATE_INTERVAL)
            }
            Kind::InstantPower => {
                SensorSpec::power(RawUnit::Milliwatt, MAX_WATTS, EXPECTED_UPDATE_INTERVAL)
            }
            Kind::Power { averaging } => {
                SensorSpec::power(RawUnit::Milliwatt, MAX_WATTS, EXPECTED_UPDATE_INTERVAL)
                    .averaging(averaging)
            }
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let index = self.index;
        let what = match self.kind {
            Kind::Energy => format!("energy counter of card {index}"),
            _ => format!("power of card {index}"),
        };
        let device = self
            .library
            .device_by_index(index)
            .map_err(|error| unavailable(&what, &error))?;
        match self.kind {
            Kind::Energy => device
                .total_energy_consumption()
                .map_err(|error| unavailable(&what, &error)),
            Kind::InstantPower => instant_milliwatts(&device, index),
            Kind::Power { .. } => device
                .power_usage()
                .map(u64::from)
                .map_err(|error| unavailable(&what, &error)),
        }
    }

    fn shared(&self) -> Option<String> {
        let device = self.library.device_by_index(self.index).ok()?;
        self.exclusive.then(|| contention::on(&device)).flatten()
    }

    fn conditions(&self) -> Option<Conditions> {
        let device = self.library.device_by_index(self.index).ok()?;
        Some(conditions(&device))
    }
}

/// Rejects the values that drivers show where they have none.
pub(super) fn check_present(milliwatts: u32, what: &str) -> Result<(), Unavailable> {
    let value = match milliwatts {
        0 => "0",
        u32::MAX => "the maximum of its type",
        _ => return Ok(()),
    };
    Err(Unavailable::new(format!(
        "{what} reads {value}, which drivers show when they have no value"
    )))
}

pub(super) fn instant_milliwatts(device: &Device<'_>, index: u32) -> Result<u64, Unavailable> {
    let what = format!("instant power of card {index}");
    let sample = device
        .field_values_for(&[POWER_INSTANT])
        .and_then(|samples| {
            let first = samples.into_iter().next();
            first.unwrap_or(Err(nvml_wrapper::error::NvmlError::NotFound))
        })
        .and_then(|sample| sample.value)
        .map_err(|error| unavailable(&what, &error))?;
    let milliwatts = match sample {
        SampleValue::U32(value) => Some(value),
        SampleValue::U64(value) => u32::try_from(value).ok(),
        _ => None,
    };
    let milliwatts = milliwatts
        .ok_or_else(|| Unavailable::new(format!("{what} is not a number of milliwatts")))?;
    check_present(milliwatts, &what)?;
    Ok(u64::from(milliwatts))
}

/// The state of the card; values that it does not report are absent.
fn conditions(device: &Device<'_>) -> Conditions {
    let number = |value: u32| Some(value).filter(|&value| value != u32::MAX);
    let violated = |policy| {
        let status = device.violation_status(policy).ok()?;
        let known = status.violation_time != u64::MAX;
        known.then_some(status.violation_time as f64 * 1e-9)
    };
    Conditions {
        core_mhz: device.clock_info(Clock::SM).ok().and_then(number),
        memory_mhz: device.clock_info(Clock::Memory).ok().and_then(number),
        celsius: device
            .temperature(TemperatureSensor::Gpu)
            .ok()
            .and_then(number)
            .map(f64::from),
        limit_watts: device
            .enforced_power_limit()
            .ok()
            .and_then(number)
            .map(|milliwatts| f64::from(milliwatts) * 1e-3),
        throttled_by: device
            .current_throttle_reasons()
            .map(words)
            .unwrap_or_default(),
        power_violation_seconds: violated(PerformancePolicy::Power),
        thermal_violation_seconds: violated(PerformancePolicy::Thermal),
    }
}

/// The names of `nvidia-smi -q`. An idle card counts as not throttled.
fn words(reasons: ThrottleReasons) -> Vec<String> {
    [
        (
            ThrottleReasons::APPLICATIONS_CLOCKS_SETTING,
            "applications clocks setting",
        ),
        (ThrottleReasons::SW_POWER_CAP, "SW power cap"),
        (ThrottleReasons::HW_SLOWDOWN, "HW slowdown"),
        (ThrottleReasons::SYNC_BOOST, "sync boost"),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, "SW thermal slowdown"),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, "HW thermal slowdown"),
        (
            ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN,
            "HW power brake slowdown",
        ),
        (
            ThrottleReasons::DISPLAY_CLOCK_SETTING,
            "display clock setting",
        ),
    ]
    .into_iter()
    .filter(|&(reason, _)| reasons.contains(reason))
    .map(|(_, word)| word.to_owned())
    .collect()
}
