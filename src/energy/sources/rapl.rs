//! RAPL: the energy counters of the processor's package and of the memory, through the kernel's powercap files.
//!
//! The files are read by `rapl-energy`, which is GPL-3.0, so it is an optional feature. The platform counter (psys) is
//! a row of its own with scope system: it contains the package, and no row is ever added to another.

use crate::energy::device::MeteredDevice;
use crate::energy::figure::Scope;
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::source::Source;

#[cfg(all(feature = "rapl", target_os = "linux"))]
mod zone;

const NAME: &str = "rapl";

const ROOT: &str = "/sys/class/powercap/intel-rapl";
const OPEN_FILES: &str = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj";
const CLOSE_FILES: &str = "sudo chmod go-r /sys/class/powercap/intel-rapl:*/energy_uj";

pub(crate) struct Rapl;

impl Source for Rapl {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        found(target).unwrap_or_else(|refusal| {
            let covers = target.map(|target| target.host_covers(Scope::Package));
            vec![OpenSensor::counter(
                NAME,
                Scope::Package,
                covers,
                Err(refusal),
            )]
        })
    }
}

/// The command that opens its files and the one that undoes that, where the processor has them.
pub(super) fn fix() -> Option<(String, Option<String>)> {
    let there = cfg!(feature = "rapl") && std::path::Path::new(ROOT).exists();
    there.then(|| (OPEN_FILES.to_owned(), Some(CLOSE_FILES.to_owned())))
}

#[cfg(all(feature = "rapl", target_os = "linux"))]
fn found(target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    zone::rows(target)
}

#[cfg(all(not(feature = "rapl"), target_os = "linux"))]
fn found(_target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    Err(Unavailable::new("not built in: feature rapl")
        .with_fix("cargo build --release --features rapl"))
}

#[cfg(not(target_os = "linux"))]
fn found(_target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    Err(Unavailable::new(
        "RAPL is read through files that only Linux has",
    ))
}
