//! NVML through a stand-in library that the tests compile.
#![cfg(unix)]

mod faults;
mod joules;
mod pairing;
mod power;
mod refusals;
mod shared;
mod stand_in;

use std::thread::sleep;
use std::time::{Duration, Instant};

use wattgrad::internals::energy::{
    DeviceKind, Meter, MeteredDevice, SourceReport, SourceResult, Status,
};

fn discrete(pci_id: Option<&str>) -> MeteredDevice {
    MeteredDevice {
        pci_id: pci_id.map(str::to_owned),
        kind: DeviceKind::Discrete,
        name: "Stand-in card".into(),
    }
}

/// The results of a window around `seconds` of sleep, and its longest possible duration.
fn window(meter: &Meter, seconds: f64) -> (Vec<SourceResult>, f64) {
    let began = Instant::now();
    let (_, rows) = meter.measure(|| sleep(Duration::from_secs_f64(seconds)));
    (rows, began.elapsed().as_secs_f64())
}

fn only(rows: Vec<SourceResult>) -> SourceResult {
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

fn refused(row: &SourceResult, with: &str) {
    assert_eq!(row.status, Status::Unavailable, "{row:?}");
    assert_eq!(row.joules, None, "{row:?}");
    assert_eq!(row.ci_low, None, "{row:?}");
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains(with)),
        "`{with}` is not in {row:?}"
    );
    let json = serde_json::to_value(row).unwrap();
    assert!(json.get("joules").is_none(), "{json}");
    assert_eq!(json["status"], "unavailable");
}

fn report(meter: &Meter) -> SourceReport {
    let reports = meter.sources();
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.into_iter().next().unwrap()
}
