//! RAPL: the energy counters of processor packages and memory, read through the kernel's powercap files.
//!
//! The files are read by `rapl-energy`, which is GPL-3.0, so it is an optional feature. The platform counter (psys)
//! contains the package: it is a sensor of its own with scope system, and is never added to another.

use crate::energy::device::MeteredDevice;
use crate::energy::figure::Scope;
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::source::Source;

mod counter;
#[cfg(all(feature = "rapl", target_os = "linux"))]
mod zone;

use counter::{CLOSE_FILES, NAME, OPEN_FILES, ROOT};
pub(super) use counter::{EXPECTED_UPDATE_INTERVAL, max_watts};

pub(super) const SOURCE: Source = Source {
    name: NAME,
    sensors,
};

fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    found(options, target).unwrap_or_else(|unavailable| {
        let covers = target.map(|target| target.host_covers(Scope::Package));
        let name = SOURCE.name;
        vec![OpenSensor::counter(
            name,
            Scope::Package,
            covers,
            Err(unavailable),
        )]
    })
}

/// The commands that make its files readable and that undo it, where the processor has them.
pub(super) fn fix(options: &MeterOptions) -> Option<(String, Option<String>)> {
    let exists = cfg!(feature = "rapl") && options.system_path(ROOT).exists();
    exists.then(|| (OPEN_FILES.to_owned(), Some(CLOSE_FILES.to_owned())))
}

#[cfg(all(feature = "rapl", target_os = "linux"))]
fn found(
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
) -> Result<Vec<OpenSensor>, Unavailable> {
    zone::sensors(options, target)
}

#[cfg(not(all(feature = "rapl", target_os = "linux")))]
fn found(_: &MeterOptions, _: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    Err(match cfg!(target_os = "linux") {
        true => Unavailable::new("this build does not include the feature rapl")
            .with_fix("cargo build --release --features rapl"),
        false => Unavailable::new("RAPL is read through files that exist on Linux only"),
    })
}
