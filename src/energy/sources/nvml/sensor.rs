//! One sensor of a card, and the state the card is in.

use std::sync::Arc;

use nvml_wrapper::Device;
use nvml_wrapper::Nvml as Library;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, PerformancePolicy, TemperatureSensor};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::structs::device::FieldId;

use super::{others, refusal};
use crate::energy::figure::RawUnit;
use crate::energy::sensor::{Conditions, Sensor, SensorSpec, Unavailable};

/// Above what any board draws.
const MAX_WATTS: f64 = 10_000.0;
/// Cards publish a new value every 20 to 100 ms.
const EXPECTED_UPDATE_INTERVAL: f64 = 0.1;
/// `NVML_FI_DEV_POWER_INSTANT`.
const POWER_INSTANT: FieldId = FieldId(186);

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Energy,
    /// Over how long it looks NVIDIA does not say, and cards differ.
    InstantPower,
    Power {
        averaging: f64,
    },
}

pub(super) struct CardSensor {
    pub library: Arc<Library>,
    pub index: u32,
    pub kind: Kind,
    /// Whether its figure is only this run's own where nobody else uses the card.
    pub exclusive: bool,
}

impl Sensor for CardSensor {
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
            Kind::Energy => format!("card {index}'s energy counter"),
            _ => format!("card {index}'s power"),
        };
        let device = self
            .library
            .device_by_index(index)
            .map_err(|error| refusal(&what, &error))?;
        match self.kind {
            Kind::Energy => device
                .total_energy_consumption()
                .map_err(|error| refusal(&what, &error)),
            Kind::InstantPower => field_watts(&device, index),
            Kind::Power { .. } => device
                .power_usage()
                .map(u64::from)
                .map_err(|error| refusal(&what, &error)),
        }
    }

    fn shared(&self) -> Option<String> {
        let device = self.library.device_by_index(self.index).ok()?;
        self.exclusive.then(|| others::on(&device)).flatten()
    }

    fn conditions(&self) -> Option<Conditions> {
        let device = self.library.device_by_index(self.index).ok()?;
        Some(conditions(&device))
    }
}

/// A number that drivers put where they have none.
pub(super) fn present(milliwatts: u32, what: &str) -> Result<(), Unavailable> {
    match milliwatts {
        0 => Err(Unavailable::new(format!(
            "{what} reads 0, as drivers do that have none"
        ))),
        u32::MAX => Err(Unavailable::new(format!(
            "{what} reads its type's maximum, as drivers do that have none"
        ))),
        _ => Ok(()),
    }
}

/// The power of the moment, in milliwatts.
pub(super) fn field_watts(device: &Device<'_>, index: u32) -> Result<u64, Unavailable> {
    let what = format!("card {index}'s instant power");
    let sample = device
        .field_values_for(&[POWER_INSTANT])
        .and_then(|samples| {
            let first = samples.into_iter().next();
            first.unwrap_or(Err(nvml_wrapper::error::NvmlError::NotFound))
        })
        .and_then(|sample| sample.value)
        .map_err(|error| refusal(&what, &error))?;
    let milliwatts = match sample {
        SampleValue::U32(value) => Some(value),
        SampleValue::U64(value) => u32::try_from(value).ok(),
        _ => None,
    };
    let milliwatts =
        milliwatts.ok_or_else(|| Unavailable::new(format!("{what} is no number of milliwatts")))?;
    present(milliwatts, &what)?;
    Ok(u64::from(milliwatts))
}

/// What the card tells of its state; what it does not tell is absent.
fn conditions(device: &Device<'_>) -> Conditions {
    let number = |value: u32| Some(value).filter(|&value| value != u32::MAX);
    let violated = |policy| {
        let status = device.violation_status(policy).ok()?;
        let told = status.violation_time != u64::MAX;
        told.then_some(status.violation_time as f64 * 1e-9)
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

/// The names of `nvidia-smi -q`. An idle card is not held down.
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
