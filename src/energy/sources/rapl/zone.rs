//! The powercap zones, read through `rapl-energy`, with every cause of a panic in it checked first.
//!
//! Guarded against in `rapl-energy` 0.2.2: a zone that cannot be opened is `None` whatever the cause; a file that
//! cannot be read or parsed later panics; `elapsed` returns 32-bit floats (8 mJ apart at 65 kJ) and takes any decrease
//! for one wrap; zones after a gap in the numbers are not found. Therefore zones are listed here, each file is read as
//! plain text before the crate reads it, a panic that happens all the same is caught and closes the zone, and the
//! arithmetic uses the crate's whole microjoules.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rapl_energy::{Package, Subzone};

use super::super::{files, fn_sensor};
use super::counter::{CLOSE_FILES, EXPECTED_UPDATE_INTERVAL, NAME, OPEN_FILES, ROOT, max_watts};
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// Where `rapl-energy` searches, in this order, once per process.
const ROOTS: [&str; 2] = [ROOT, "/sys/devices/virtual/powercap/intel-rapl"];

pub(super) fn sensors(
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
) -> Result<Vec<OpenSensor>, Unavailable> {
    let mut roots = ROOTS.iter().map(|root| options.system_path(root));
    let root = roots.find(|root| root.exists()).ok_or_else(|| {
        load_driver(Unavailable::new(format!(
            "{ROOT} does not exist: the processor has no RAPL counter, its driver is not loaded, or a container or \
             virtual machine hides it"
        )))
    })?;
    // The crate reads below `/sys` only.
    let elsewhere = options.sysfs_root.is_some();
    let mut sensors: Vec<OpenSensor> = Vec::new();
    let mut add = |name: &str, scope, opened| {
        let plain = format!("{}:{name}", NAME);
        // Two zones may have the same name: a psys for each socket.
        let numbered = format!("{plain}#");
        let twins = sensors
            .iter()
            .filter(|sensor| sensor.source == plain || sensor.source.starts_with(&numbered));
        let name = match twins.count() {
            0 => plain,
            count => format!("{numbered}{count}"),
        };
        let covers = target.map(|target| target.host_covers(scope));
        sensors.push(OpenSensor::counter(name, scope, covers, opened));
    };
    for (package, folder) in numbered(&root, "intel-rapl:") {
        let name = name_of(&folder).unwrap_or_else(|| format!("zone-{package}"));
        let scope = match name.starts_with("psys") {
            true => Scope::System,
            false => Scope::Package,
        };
        let zone = || Zone::package(package);
        add(&name, scope, open(&folder, scope, elsewhere, zone));
        for (subzone, folder) in numbered(&folder, &format!("intel-rapl:{package}:")) {
            // Cores and the integrated GPU are parts of the package: sensors of their own would invite adding them.
            if name_of(&folder).as_deref() == Some("dram") {
                let zone = || Zone::subzone(package, subzone);
                let opened = open(&folder, Scope::Dram, elsewhere, zone);
                add(&format!("{name}-dram"), Scope::Dram, opened);
            }
        }
    }
    if sensors.is_empty() {
        return Err(load_driver(Unavailable::new(format!(
            "{} contains no zone: the processor's driver found no counter",
            root.display()
        ))));
    }
    Ok(sensors)
}

fn load_driver(unavailable: Unavailable) -> Unavailable {
    unavailable
        .with_fix("sudo modprobe intel_rapl_msr")
        .with_undo("sudo modprobe -r intel_rapl_msr")
}

/// The folders `PREFIX<number>` in `parent`, by number.
fn numbered(parent: &Path, prefix: &str) -> Vec<(u8, PathBuf)> {
    let names = files::names(parent).into_iter().filter_map(|name| {
        let number = name.strip_prefix(prefix)?.parse().ok()?;
        Some((number, parent.join(name)))
    });
    names.collect()
}

fn name_of(folder: &Path) -> Option<String> {
    files::optional(&folder.join("name"))
}

/// A zone of the crate: the value at which its counter wraps, and its reader, both in microjoules.
struct Zone {
    range: u64,
    read: Box<dyn FnMut() -> Result<u64, Unavailable> + Send>,
}

impl Zone {
    /// `reset` is the crate's only access to a whole number.
    fn package(number: u8) -> Option<Self> {
        let mut package = Package::new(number, false)?;
        Some(Self {
            range: package.max_energy_range_uj,
            read: Box::new(move || {
                package.reset();
                Ok(package.package_energy_uj)
            }),
        })
    }

    fn subzone(package: u8, number: u8) -> Option<Self> {
        let mut subzone = Subzone::new(package, number)?;
        Some(Self {
            range: subzone.max_energy_range_uj,
            read: Box::new(move || {
                subzone.reset();
                Ok(subzone.energy_uj)
            }),
        })
    }

    /// The same files, read without the crate.
    fn plain(folder: &Path) -> Result<Self, Unavailable> {
        let energy = folder.join("energy_uj");
        Ok(Self {
            range: number(&folder.join("max_energy_range_uj"))?,
            read: Box::new(move || number(&energy)),
        })
    }
}

fn open(
    folder: &Path,
    scope: Scope,
    elsewhere: bool,
    zone: impl FnOnce() -> Option<Zone>,
) -> Result<Box<dyn Sensor>, Unavailable> {
    let energy = folder.join("energy_uj");
    number(&energy)?;
    let range = number(&folder.join("max_energy_range_uj"))?;
    files::text(&folder.join("name"))?;
    check_constraints(folder)?;
    let zone = match elsewhere {
        true => Zone::plain(folder)?,
        false => guarded(zone)?
            .ok_or_else(|| Unavailable::new(format!("{} could not be opened", energy.display())))?,
    };
    if range == 0 || zone.range != range {
        return Err(Unavailable::new(format!(
            "{} has no valid value, so the counter's wraps cannot be followed",
            folder.join("max_energy_range_uj").display()
        )));
    }
    let spec = SensorSpec::energy(
        RawUnit::Microjoule,
        max_watts(scope),
        EXPECTED_UPDATE_INTERVAL,
    )
    .wrapping_at(range);
    let path = energy.clone();
    let zone = Mutex::new(Some(zone));
    fn_sensor::open(&path, spec, move || read(&energy, &zone))
}

/// `zone` is empty after a panic in the crate, whose handle cannot be trusted then.
fn read(energy: &Path, zone: &Mutex<Option<Zone>>) -> Result<u64, Unavailable> {
    number(energy)?;
    let mut slot = zone.lock().unwrap_or_else(PoisonError::into_inner);
    let mut zone = slot.take().ok_or_else(|| {
        Unavailable::new(format!(
            "{} was closed after an earlier failure",
            energy.display()
        ))
    })?;
    let (zone, value) = guarded(move || {
        let value = (zone.read)();
        (zone, value)
    })?;
    *slot = Some(zone);
    value
}

/// Turns a panic of the crate into an error.
fn guarded<R>(call: impl FnOnce() -> R) -> Result<R, Unavailable> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Unavailable::new(format!("rapl-energy failed to read its files: {message}"))
    })
}

fn number(path: &Path) -> Result<u64, Unavailable> {
    files::number(path).map_err(|unavailable| match path.exists() {
        // One command for all files, which belong to root.
        _ if unavailable.fix.is_some() => unavailable.with_fix(OPEN_FILES).with_undo(CLOSE_FILES),
        true => unavailable,
        false => load_driver(unavailable),
    })
}

/// The crate parses a zone's limits too, and panics on a text that is no number. It skips files that cannot be read.
fn check_constraints(folder: &Path) -> Result<(), Unavailable> {
    for name in files::names(folder) {
        let path = folder.join(&name);
        let numeric = name.starts_with("constraint_") && !name.ends_with("_name");
        if let (true, Ok(text)) = (numeric, files::text(&path))
            && text.parse::<u64>().is_err()
        {
            return Err(Unavailable::new(format!(
                "{} contains `{text}`, which rapl-energy cannot read",
                path.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_crate_closes_the_zone() {
        let folder = tempfile::tempdir().unwrap();
        let energy = folder.path().join("energy_uj");
        std::fs::write(&energy, "5000000\n").unwrap();
        let zone = Mutex::new(Some(Zone {
            range: 1,
            read: Box::new(|| panic!("Could not parse ?")),
        }));
        let reason = || read(&energy, &zone).unwrap_err().reason;
        assert_eq!(
            reason(),
            "rapl-energy failed to read its files: Could not parse ?"
        );
        assert!(reason().contains("was closed after an earlier failure"));
    }
}
