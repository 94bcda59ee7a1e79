//! The perf `power` PMU: the processor's own energy counters, through the kernel's performance events.
//!
//! The same counters as RAPL's files, without their wraps, and open to a user once `perf_event_paranoid` is 0 or the
//! program has CAP_PERFMON. The platform counter (psys) contains the package: it is a row of its own.

use std::path::Path;

use crate::energy::device::MeteredDevice;
use crate::energy::figure::{RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::files;

mod event;
mod permission;

const NAME: &str = "perf";
const PMU: &str = "/sys/bus/event_source/devices/power";

/// Above what a package or its memory ever draws; the platform counter may see a whole server.
const PACKAGE_WATTS: f64 = 2_000.0;
const SYSTEM_WATTS: f64 = 10_000.0;
/// The counters move about every millisecond.
const EXPECTED_UPDATE_INTERVAL: f64 = 0.001;

/// Events that are rows. Cores and the built-in GPU are parts of the package; rows of them would only invite adding.
const EVENTS: [(&str, Scope); 3] = [
    ("energy-pkg", Scope::Package),
    ("energy-ram", Scope::Dram),
    ("energy-psys", Scope::System),
];

pub(crate) struct Perf;

impl Source for Perf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        rows(Path::new(PMU), target)
    }
}

/// The command that opens it and the one that undoes that, where the processor has the counter and it is closed.
pub(super) fn fix() -> Option<(String, Option<String>)> {
    let refusal = Path::new(PMU)
        .join("events/energy-pkg")
        .exists()
        .then(permission::closed)??;
    Some((refusal.fix?, refusal.undo))
}

fn rows(pmu: &Path, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    found(pmu, target).unwrap_or_else(|refusal| {
        let covers = target.map(|target| target.host_covers(Scope::Package));
        vec![OpenSensor::counter(
            NAME,
            Scope::Package,
            covers,
            Err(refusal),
        )]
    })
}

fn found(pmu: &Path, target: Option<&MeteredDevice>) -> Result<Vec<OpenSensor>, Unavailable> {
    if !pmu.exists() {
        return Err(Unavailable::new(format!(
            "{} is not there: no such processor, its driver not loaded, or hidden by a container or virtual machine",
            pmu.display()
        ))
        .with_fix("sudo modprobe rapl")
        .with_undo("sudo modprobe -r rapl"));
    }
    let kind: u32 = files::number(&pmu.join("type"))?;
    let cpus = cpus(&files::text(&pmu.join("cpumask"))?).ok_or_else(|| {
        Unavailable::new(format!(
            "{} is no list of processors",
            pmu.join("cpumask").display()
        ))
    })?;
    let mut rows = Vec::new();
    for (name, scope) in EVENTS {
        if !pmu.join("events").join(name).exists() {
            continue;
        }
        for &cpu in &cpus {
            let source = if cpus.len() == 1 {
                format!("{NAME}:{name}")
            } else {
                format!("{NAME}:{name}:cpu{cpu}")
            };
            let covers = target.map(|target| target.host_covers(scope));
            let mut row =
                OpenSensor::counter(&source, scope, covers, open(pmu, name, scope, kind, cpu));
            row.identity = format!("{source} {}", files::kernel());
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Err(Unavailable::new(format!(
            "{} counts no energy",
            pmu.join("events").display()
        )));
    }
    Ok(rows)
}

fn open(
    pmu: &Path,
    name: &str,
    scope: Scope,
    kind: u32,
    cpu: u32,
) -> Result<Box<dyn Sensor>, Unavailable> {
    let file = pmu.join("events").join(name);
    let text = files::text(&file)?;
    let config = config(&text).ok_or_else(|| {
        Unavailable::new(format!(
            "{} holds `{text}`, which is no event that can be asked for",
            file.display()
        ))
    })?;
    let unit = files::text(&pmu.join("events").join(format!("{name}.unit")))?;
    let scale: f64 = files::number(&pmu.join("events").join(format!("{name}.scale")))?;
    if unit != "Joules" || !(scale.is_finite() && scale > 0.0) {
        return Err(Unavailable::new(format!(
            "{} counts in units of {scale} {unit}, which are no joules",
            file.display()
        )));
    }
    if let Some(refusal) = permission::closed() {
        return Err(refusal);
    }
    let event =
        event::Event::open(kind, config, cpu).map_err(|error| permission::refused(name, &error))?;
    let max_watts = if scope == Scope::System {
        SYSTEM_WATTS
    } else {
        PACKAGE_WATTS
    };
    Ok(Box::new(Gauge {
        name: name.to_owned(),
        event,
        scale,
        spec: SensorSpec::energy(RawUnit::Nanojoule, max_watts, EXPECTED_UPDATE_INTERVAL),
    }))
}

struct Gauge {
    name: String,
    event: event::Event,
    /// Joules of one count.
    scale: f64,
    spec: SensorSpec,
}

impl Sensor for Gauge {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let count = self.event.read().map_err(|error| {
            Unavailable::new(format!("the event {} cannot be read: {error}", self.name))
        })?;
        Ok(nanojoules(count, self.scale))
    }
}

/// Events count from 0 when they are opened, and a counter that reads 0 is taken for one that does not count: so the
/// first nanojoule is there from the start.
fn nanojoules(count: u64, scale: f64) -> u64 {
    1 + (count as f64 * (scale * 1e9)).round() as u64
}

/// `event=0x02` as the number the kernel is asked with.
fn config(text: &str) -> Option<u64> {
    let number = text.strip_prefix("event=")?;
    match number.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

/// `0,28` or `0-1`: a processor of each package.
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
    fn a_count_becomes_nanojoules() {
        let scale = "2.3283064365386962890625e-10".parse().unwrap();
        assert_eq!(nanojoules(0, scale), 1);
        assert_eq!(nanojoules(1 << 32, scale), 1_000_000_001);
        assert_eq!(nanojoules(5 << 31, scale), 2_500_000_001);
    }

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(cpus("0"), Some(vec![0]));
        assert_eq!(cpus("0,28"), Some(vec![0, 28]));
        assert_eq!(cpus("0-1,4"), Some(vec![0, 1, 4]));
        for text in ["", "a", "3-1", "0,", "0-9999999"] {
            assert_eq!(cpus(text), None, "{text}");
        }
    }

    #[test]
    fn only_plain_events_are_asked_for() {
        assert_eq!(config("event=0x02"), Some(2));
        assert_eq!(config("event=5"), Some(5));
        for text in ["", "event=", "umask=0x1", "event=0x02,umask=0x1"] {
            assert_eq!(config(text), None, "{text}");
        }
    }
}
