//! The powercap zones, read through `rapl-energy` with every way it could panic looked at first.
//!
//! What is guarded against in `rapl-energy` 0.2.2: a zone that cannot be opened is `None` whatever the cause; a file
//! that cannot be read or parsed later panics; `elapsed` gives 32-bit floats (8 mJ apart at 65 kJ) and takes any
//! decrease for one wrap; zones behind a gap in the numbers are not found. So zones are listed here, each file is read
//! as plain text before the crate reads it, a panic that comes all the same is caught and closes the zone, and the
//! arithmetic is done on the crate's whole microjoules.

use std::fs;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rapl_energy::{Package, Subzone};

use crate::energy::counter;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// `rapl-energy` looks in these places, in this order, and settles once per process.
const ROOTS: [&str; 2] = [super::ROOT, "/sys/devices/virtual/powercap/intel-rapl"];

/// Above what a package or its memory ever draws; the platform counter may see a whole server.
const PACKAGE_WATTS: f64 = 2_000.0;
const SYSTEM_WATTS: f64 = 10_000.0;

const LOAD_DRIVER: &str = "sudo modprobe intel_rapl_msr";
const UNLOAD_DRIVER: &str = "sudo modprobe -r intel_rapl_msr";

/// The counters move about every millisecond.
const EXPECTED_UPDATE_INTERVAL: f64 = 0.001;

pub(super) fn rows(target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    let root = ROOTS.iter().map(Path::new).find(|root| root.exists()).ok_or_else(|| {
        Unavailable::new(format!(
            "no RAPL counter: {} is not there (no such processor, its driver not loaded, or hidden by a container or \
             virtual machine)",
            ROOTS[0]
        ))
        .with_fix(LOAD_DRIVER)
        .with_undo(UNLOAD_DRIVER)
    })?;
    let mut rows: Vec<OpenSensor> = Vec::new();
    for (package, folder) in numbered(root, "intel-rapl:") {
        let package_name = name_of(&folder).unwrap_or_else(|| format!("zone-{package}"));
        let scope = if package_name.starts_with("psys") {
            Scope::System
        } else {
            Scope::Package
        };
        let opened = open(&folder, scope, || {
            Package::new(package, false).map(Zone::Package)
        });
        push(&mut rows, package_name.clone(), scope, target, opened);
        for (subzone, folder) in numbered(&folder, &format!("intel-rapl:{package}:")) {
            // Cores and the built-in GPU are parts of the package; a row of their own would only invite adding.
            if name_of(&folder).as_deref() == Some("dram") {
                let opened = open(&folder, Scope::Dram, || {
                    Subzone::new(package, subzone).map(Zone::Subzone)
                });
                push(
                    &mut rows,
                    format!("{package_name}-dram"),
                    Scope::Dram,
                    target,
                    opened,
                );
            }
        }
    }
    if rows.is_empty() {
        return Err(Unavailable::new(format!(
            "{} holds no zone: the processor's driver found no counter",
            root.display()
        ))
        .with_fix(LOAD_DRIVER)
        .with_undo(UNLOAD_DRIVER));
    }
    Ok(rows)
}

fn push(
    rows: &mut Vec<OpenSensor>,
    name: String,
    scope: Scope,
    target: Option<&MeteredDevice>,
    opened: Result<Box<dyn Sensor>, Unavailable>,
) {
    let plain = format!("rapl:{name}");
    // Two zones of one name (a psys for each socket) still have to be told apart.
    let twins = rows
        .iter()
        .filter(|row| row.source == plain || row.source.starts_with(&format!("{plain}#")))
        .count();
    let source = if twins == 0 {
        plain
    } else {
        format!("{plain}#{twins}")
    };
    rows.push(OpenSensor::counter(
        source,
        scope,
        target.map(|target| target.host_covers(scope)),
        opened,
    ));
}

/// The folders `PREFIX<number>` in `parent`, by number.
fn numbered(parent: &Path, prefix: &str) -> Vec<(u8, PathBuf)> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<(u8, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort();
    found
}

fn name_of(folder: &Path) -> Option<String> {
    let name = fs::read_to_string(folder.join("name")).ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

enum Zone {
    Package(Package),
    Subzone(Subzone),
}

impl Zone {
    /// A fresh reading in microjoules: `reset` is the crate's only way to a whole number.
    fn read(&mut self) -> u64 {
        match self {
            Zone::Package(package) => {
                package.reset();
                package.package_energy_uj
            }
            Zone::Subzone(subzone) => {
                subzone.reset();
                subzone.energy_uj
            }
        }
    }

    fn range(&self) -> u64 {
        match self {
            Zone::Package(package) => package.max_energy_range_uj,
            Zone::Subzone(subzone) => subzone.max_energy_range_uj,
        }
    }
}

struct Gauge {
    energy: PathBuf,
    spec: SensorSpec,
    /// Empty after a panic in the crate: its handle is not to be trusted then.
    zone: Mutex<Option<Zone>>,
}

fn open(
    folder: &Path,
    scope: Scope,
    zone: impl FnOnce() -> Option<Zone>,
) -> Result<Box<dyn Sensor>, Unavailable> {
    let energy = folder.join("energy_uj");
    number(&energy)?;
    let range = number(&folder.join("max_energy_range_uj"))?;
    if name_of(folder).is_none() {
        return Err(Unavailable::new(format!(
            "{} cannot be read",
            folder.join("name").display()
        )));
    }
    constraints(folder)?;
    let zone = guarded(zone)?
        .ok_or_else(|| Unavailable::new(format!("{} could not be opened", energy.display())))?;
    if range == 0 || zone.range() != range {
        return Err(Unavailable::new(format!(
            "{} gives no range at which the counter begins again",
            folder.display()
        )));
    }
    let max_watts = if scope == Scope::System {
        SYSTEM_WATTS
    } else {
        PACKAGE_WATTS
    };
    let gauge = Gauge {
        energy,
        spec: SensorSpec::energy(RawUnit::Microjoule, max_watts, EXPECTED_UPDATE_INTERVAL)
            .wrapping_at(range),
        zone: Mutex::new(Some(zone)),
    };
    counter::supported(gauge.read()?, Some(range)).map_err(Unavailable::new)?;
    Ok(Box::new(gauge))
}

impl Sensor for Gauge {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        number(&self.energy)?;
        let mut slot = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        let mut zone = slot.take().ok_or_else(|| {
            Unavailable::new(format!(
                "{} failed earlier and was closed",
                self.energy.display()
            ))
        })?;
        let (zone, value) = guarded(move || {
            let value = zone.read();
            (zone, value)
        })?;
        *slot = Some(zone);
        Ok(value)
    }
}

/// A panic of the crate's becomes a refusal.
fn guarded<R>(call: impl FnOnce() -> R) -> Result<R, Unavailable> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Unavailable::new(format!("rapl-energy gave up on its files: {said}"))
    })
}

/// A file's whole number, or why the crate would fail on it.
fn number(path: &Path) -> Result<u64, Unavailable> {
    let text = fs::read_to_string(path).map_err(|error| {
        let shown = path.display();
        match error.kind() {
            ErrorKind::PermissionDenied => {
                Unavailable::new(format!("{shown} may be read by root only"))
                    .with_fix(super::OPEN_FILES)
                    .with_undo(super::CLOSE_FILES)
            }
            ErrorKind::NotFound => Unavailable::new(format!(
                "{shown} is not there: its driver is not loaded (any more)"
            ))
            .with_fix(LOAD_DRIVER)
            .with_undo(UNLOAD_DRIVER),
            _ => Unavailable::new(format!("{shown} cannot be read: {error}")),
        }
    })?;
    let text = text.trim();
    text.parse().map_err(|_| {
        Unavailable::new(format!(
            "{} holds `{text}`, which is no whole number",
            path.display()
        ))
    })
}

/// The crate parses a zone's limits too, and panics on one that is no number (one that cannot be read it passes over).
fn constraints(folder: &Path) -> Result<(), Unavailable> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let numeric = name
            .to_str()
            .is_some_and(|name| name.starts_with("constraint_") && !name.ends_with("_name"));
        if !numeric {
            continue;
        }
        if let Ok(text) = fs::read_to_string(entry.path()) {
            let text = text.trim();
            if text.parse::<u64>().is_err() {
                return Err(Unavailable::new(format!(
                    "{} holds `{text}`, which rapl-energy cannot read",
                    entry.path().display()
                )));
            }
        }
    }
    Ok(())
}
