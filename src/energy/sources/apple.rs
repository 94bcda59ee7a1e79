//! Apple's power rails, through `macmon`: GPU, CPU and the whole system, without root.
//!
//! The values come from a model in the chip, not from a shunt: they omit losses between the rails and the wall.

use crate::energy::device::MeteredDevice;
use crate::energy::figure::Scope;
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::source::Source;

use covers::gpu_covers;

mod covers;
#[cfg(target_os = "macos")]
mod rails;

pub(super) const SOURCE: Source = Source {
    name: "apple",
    sensors,
};

fn sensors(_: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    found(target).unwrap_or_else(|unavailable| {
        let (name, covers) = (SOURCE.name, target.map(gpu_covers));
        vec![OpenSensor::power(
            name,
            Scope::Rail,
            covers,
            Err(unavailable),
        )]
    })
}

#[cfg(target_os = "macos")]
fn found(target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    rails::sensors(target)
}

#[cfg(not(target_os = "macos"))]
fn found(_target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    Err(Unavailable::new("Apple's power rails exist on macOS only"))
}
