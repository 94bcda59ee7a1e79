//! The registry of sources, one file or folder each.

mod apple;
mod battery;
mod cpu_time;
mod external;
mod files;
mod fn_sensor;
mod hwmon;
mod nvml;
mod perf;
mod pm_counters;
mod rapl;

use super::device::MeteredDevice;
use super::open_sensor::OpenSensor;
use super::options::MeterOptions;
use super::sensor::Unavailable;
use super::source::Source;

/// Every source, in the order in which sensors are listed: those that an ordinary user may read come first.
static ALL: &[Source] = &[
    nvml::SOURCE,
    hwmon::SOURCE,
    pm_counters::SOURCE,
    battery::SOURCE,
    perf::SOURCE,
    rapl::SOURCE,
    apple::SOURCE,
    external::FILES,
    external::COMMANDS,
    cpu_time::SOURCE,
];

/// The sensors of the selected sources.
pub(super) fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let selected = ALL.iter().filter(|source| options.wants(source.name));
    selected
        .flat_map(|source| {
            let found = (source.sensors)(options, target);
            match options.selection.sensors_of(source.name) {
                names if names.is_empty() => found,
                names => only(&names, found),
            }
        })
        .collect()
}

/// The sensors selected by their full names. A source that cannot be opened keeps its one sensor and the reason.
fn only(selected: &[&str], mut found: Vec<OpenSensor>) -> Vec<OpenSensor> {
    let names: Vec<String> = found.iter().map(|sensor| sensor.source.clone()).collect();
    if !names.iter().any(|name| name.contains(':')) {
        return found;
    }
    let missing: Vec<OpenSensor> = selected
        .iter()
        .filter(|selected| !names.iter().any(|name| name == *selected))
        .map(|selected| {
            let unavailable = Unavailable::new(format!(
                "this machine has no {selected}, only {}",
                names.join(", ")
            ));
            OpenSensor::new(
                *selected,
                found[0].scope,
                found[0].method,
                None,
                Err(unavailable),
            )
        })
        .collect();
    found.retain(|sensor| selected.contains(&sensor.source.as_str()));
    found.extend(missing);
    found
}

#[test]
fn every_name_that_can_be_selected_is_registered() {
    let names = ALL.iter().map(|source| source.name);
    assert!(names.eq(super::selection::SOURCES.iter().copied()));
}
