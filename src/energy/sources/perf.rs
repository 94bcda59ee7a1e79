//! The perf `power` PMU: the processor's energy counters through the kernel's performance events.
//!
//! The counters of RAPL's files without their wraps, open to a user once `perf_event_paranoid` is 0 or the program has
//! CAP_PERFMON. The platform counter (psys) contains the package: it is a sensor of its own.

use std::path::Path;

use crate::energy::device::MeteredDevice;
use crate::energy::figure::{RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::{files, fn_sensor, rapl};
use permission::Permission;

mod event;
mod permission;

pub(super) const SOURCE: Source = Source {
    name: "perf",
    sensors,
};

const PMU: &str = "/sys/bus/event_source/devices/power";

/// The events that are sensors. Cores and the integrated GPU are parts of the package: sensors of their own would invite
/// adding them.
const EVENTS: [(&str, Scope); 3] = [
    ("energy-pkg", Scope::Package),
    ("energy-ram", Scope::Dram),
    ("energy-psys", Scope::System),
];

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

/// The commands that enable it and undo that, where the processor has the counter and this user may not read it.
pub(super) fn fix(options: &MeterOptions) -> Option<(String, Option<String>)> {
    let package = options.system_path(PMU).join("events/energy-pkg");
    let denied = || Permission::read(options).denied();
    let unavailable = package.exists().then(denied)??;
    Some((unavailable.fix?, unavailable.undo))
}

fn found(
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
) -> Result<Vec<OpenSensor>, Unavailable> {
    let pmu = options.system_path(PMU);
    if !pmu.exists() {
        return Err(Unavailable::new(format!(
            "{} does not exist: the processor has no such counter, its driver is not loaded, or a container or virtual \
             machine hides it",
            pmu.display()
        ))
        .with_fix("sudo modprobe rapl")
        .with_undo("sudo modprobe -r rapl"));
    }
    let kind: u32 = files::number(&pmu.join("type"))?;
    let cpus = cpus(&files::text(&pmu.join("cpumask"))?).ok_or_else(|| {
        Unavailable::new(format!(
            "{} is not a list of processors",
            pmu.join("cpumask").display()
        ))
    })?;
    let permission = Permission::read(options);
    let mut sensors = Vec::new();
    for (event, scope) in EVENTS {
        let file = pmu.join("events").join(event);
        for &cpu in cpus.iter().filter(|_| file.exists()) {
            let name = match cpus.len() {
                1 => format!("{}:{event}", SOURCE.name),
                _ => format!("{}:{event}:cpu{cpu}", SOURCE.name),
            };
            let covers = target.map(|target| target.host_covers(scope));
            let opened = open(&file, &permission, event, scope, (kind, cpu));
            let identity = format!("{name} {}", files::kernel());
            sensors.push(OpenSensor::counter(name, scope, covers, opened).with_identity(identity));
        }
    }
    match sensors.is_empty() {
        true => Err(Unavailable::new(format!(
            "{} has no energy event",
            pmu.join("events").display()
        ))),
        false => Ok(sensors),
    }
}

fn open(
    file: &Path,
    permission: &Permission,
    name: &'static str,
    scope: Scope,
    (kind, cpu): (u32, u32),
) -> Result<Box<dyn Sensor>, Unavailable> {
    let text = files::text(file)?;
    let config = config(&text).ok_or_else(|| {
        Unavailable::new(format!(
            "{} contains `{text}`, which is not a supported event",
            file.display()
        ))
    })?;
    let unit = files::text(&file.with_file_name(format!("{name}.unit")))?;
    let scale: f64 = files::number(&file.with_file_name(format!("{name}.scale")))?;
    if unit != "Joules" || !(scale.is_finite() && scale > 0.0) {
        return Err(Unavailable::new(format!(
            "{} counts units of {scale} {unit}, not joules",
            file.display()
        )));
    }
    if let Some(unavailable) = permission.denied() {
        return Err(unavailable);
    }
    let opened = event::Event::open(kind, config, cpu);
    let event = opened.map_err(|error| permission.unavailable(name, &error))?;
    let spec = SensorSpec::energy(
        RawUnit::Nanojoule,
        rapl::max_watts(scope),
        rapl::EXPECTED_UPDATE_INTERVAL,
    );
    Ok(fn_sensor::unchecked(spec, move || {
        let count = event.read().map_err(|error| {
            Unavailable::new(format!("the event {name} cannot be read: {error}"))
        })?;
        Ok(nanojoules(count, scale))
    }))
}

/// Events count from 0 when they are opened, and a counter that reads 0 is considered broken: so the count starts at one
/// nanojoule.
fn nanojoules(count: u64, scale: f64) -> u64 {
    1 + (count as f64 * (scale * 1e9)).round() as u64
}

/// The number in `event=0x02`.
fn config(text: &str) -> Option<u64> {
    let number = text.strip_prefix("event=")?;
    match number.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

/// `0,28` or `0-1`: one processor of each package.
fn cpus(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last - first > 4096 {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_counts_to_nanojoules() {
        let scale = "2.3283064365386962890625e-10".parse().unwrap();
        assert_eq!(nanojoules(0, scale), 1);
        assert_eq!(nanojoules(1 << 32, scale), 1_000_000_001);
        assert_eq!(nanojoules(5 << 31, scale), 2_500_000_001);
    }

    #[test]
    fn reads_lists_of_processors() {
        assert_eq!(cpus("0"), Some(vec![0]));
        assert_eq!(cpus("0,28"), Some(vec![0, 28]));
        assert_eq!(cpus("0-1,4"), Some(vec![0, 1, 4]));
        for text in ["", "a", "3-1", "0,", "0-9999999"] {
            assert_eq!(cpus(text), None, "{text}");
        }
    }

    #[test]
    fn supports_plain_events_only() {
        assert_eq!(config("event=0x02"), Some(2));
        assert_eq!(config("event=5"), Some(5));
        for text in ["", "event=", "umask=0x1", "event=0x02,umask=0x1"] {
            assert_eq!(config(text), None, "{text}");
        }
    }
}
