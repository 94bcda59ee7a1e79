//! Apple's power rails, through `macmon`: GPU, CPU and the whole system, without root.
//!
//! The rails' figures come from a model in the chip, not from a shunt: they miss what lies between them and the wall.

use crate::energy::device::{DeviceKind, MeteredDevice};
use crate::energy::figure::{Covers, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::source::Source;

#[cfg(target_os = "macos")]
mod rails;

const NAME: &str = "apple";

pub(crate) struct Apple;

impl Source for Apple {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        found(target).unwrap_or_else(|refusal| {
            let covers = target.map(gpu_covers);
            vec![OpenSensor::power(NAME, Scope::Rail, covers, Err(refusal))]
        })
    }
}

/// How the GPU's rail lies to the adapter.
fn gpu_covers(target: &MeteredDevice) -> Covers {
    match target.kind {
        DeviceKind::Integrated => Covers::Adapter,
        _ => Covers::Host,
    }
}

#[cfg(target_os = "macos")]
fn found(target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    rails::rows(target)
}

#[cfg(not(target_os = "macos"))]
fn found(_target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    Err(Unavailable::new(
        "Apple's power rails are read on macOS only",
    ))
}
