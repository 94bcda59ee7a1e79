//! Properties of a meter on any machine, with any sources.

use std::hint::black_box;
use std::time::{Duration, Instant};

#[cfg(unix)]
use wattgrad::internals::energy::{Covers, Method, Scope};
use wattgrad::internals::energy::{
    DeviceKind, Meter, MeterError, MeterOptions, MeteredDevice, Selection, SourceReport,
    SourceResult, Status,
};

fn named(name: &str, watts: Option<f64>) -> MeterOptions {
    MeterOptions {
        selection: name.parse().unwrap(),
        assume_watts_per_core: watts,
        ..Default::default()
    }
}

fn reports(device: Option<&MeteredDevice>) -> Vec<SourceReport> {
    Meter::open(&MeterOptions::default(), device)
        .unwrap()
        .sources()
}

fn target(kind: DeviceKind) -> MeteredDevice {
    MeteredDevice {
        pci_id: None,
        kind,
        name: "an adapter".into(),
    }
}

fn busy(seconds: f64) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs_f64(seconds) {
        black_box(began);
    }
}

fn row<'a>(rows: &'a [SourceResult], source: &str) -> &'a SourceResult {
    rows.iter()
        .find(|row| row.source == source)
        .unwrap_or_else(|| panic!("no {source} in {rows:?}"))
}

#[test]
fn reports_every_known_source() {
    for target in [
        None,
        Some(target(DeviceKind::Discrete)),
        Some(target(DeviceKind::Cpu)),
    ] {
        let reports = reports(target.as_ref());
        for family in [
            "nvml",
            "hwmon",
            "pm_counters",
            "battery",
            "perf",
            "rapl",
            "apple",
            "cpu-time",
        ] {
            let of = |source: &str| source == family || source.starts_with(&format!("{family}:"));
            assert!(
                reports.iter().any(|report| of(&report.source)),
                "no {family} in {reports:?}"
            );
        }
        for report in &reports {
            assert_eq!(report.covers.is_some(), target.is_some(), "{report:?}");
            assert!(
                report.status != Status::Unavailable || report.reason.is_some(),
                "{report:?}"
            );
        }
        let meter = Meter::open(&MeterOptions::default(), target.as_ref()).unwrap();
        let (_, rows) = meter.measure(|| busy(0.05));
        assert_eq!(rows.len(), meter.sources().len());
        for row in rows {
            assert_eq!(
                row.joules.is_none(),
                row.status == Status::Unavailable,
                "{row:?}"
            );
            assert!(
                row.joules
                    .is_none_or(|joules| joules.is_finite() && joules > 0.0),
                "{row:?}"
            );
            assert!(row.joules.is_some() || row.reason.is_some(), "{row:?}");
        }
    }
}

#[cfg(all(target_os = "linux", not(feature = "rapl")))]
#[test]
fn names_the_feature_of_a_source_that_is_not_built_in() {
    let reports = reports(None);
    let rapl = reports
        .iter()
        .find(|report| report.source == "rapl")
        .unwrap();
    assert_eq!(rapl.status, Status::Unavailable);
    assert_eq!(rapl.reason.as_deref(), Some("not built in: feature rapl"));
    assert!(
        rapl.fix
            .as_deref()
            .is_some_and(|fix| fix.contains("--features rapl"))
    );
}

#[cfg(unix)]
#[test]
fn assumed_joules_are_cpu_seconds_times_watts() {
    // Other tests use CPU time of this process too, so the CPU time of this thread is only a lower bound.
    let meter = Meter::open(
        &named("cpu-time", Some(10.0)),
        Some(&target(DeviceKind::Cpu)),
    )
    .unwrap();
    let (_, rows) = meter.measure(|| busy(0.4));
    assert_eq!(rows.len(), 1);
    let row = row(&rows, "cpu-time");
    assert_eq!(
        (row.method, row.status, row.scope),
        (Method::Assumed, Status::Assumed, Scope::Process)
    );
    assert_eq!(row.covers, Some(Covers::Adapter));
    let (joules, seconds) = (row.joules.unwrap(), row.seconds.unwrap());
    let cores = std::thread::available_parallelism().unwrap().get() as f64;
    assert!(
        joules > 0.2 && joules <= 10.0 * (seconds + 0.02) * cores,
        "{joules} J in {seconds} s"
    );
    let first = row.readings.first().unwrap().value;
    let last = row.readings.last().unwrap().value;
    let read = 10.0 * (last - first) as f64 * 1e-9;
    assert!(
        joules <= read + 1e-9 && joules > 0.5 * read,
        "{joules} of {read}"
    );
    assert_eq!(row.ci_low, None);
    assert_eq!(row.measured(), None);
    assert_eq!(row.assumed().unwrap().joules(), joules);
    assert_eq!(row.assumed().unwrap().per(0), None);
    assert_eq!(row.assumed().unwrap().per(4), Some(joules / 4.0));
    let json = serde_json::to_value(row).unwrap();
    assert_eq!(
        (json["status"].as_str(), json["method"].as_str()),
        (Some("assumed"), Some("assumed"))
    );
    assert!(row.to_string().contains("assumed"), "{row}");
}

#[test]
fn assumes_nothing_without_the_option() {
    let (_, rows) = Meter::open(&MeterOptions::default(), None)
        .unwrap()
        .measure(|| busy(0.05));
    let row = row(&rows, "cpu-time");
    assert_eq!((row.status, row.joules), (Status::Unavailable, None));
    assert!(
        row.fix
            .as_deref()
            .is_some_and(|fix| fix.contains("--assume-watts-per-core"))
    );
    assert!(rows.iter().all(|row| row.status != Status::Assumed));
}

#[test]
fn keeps_assumed_watts_beside_a_named_source() {
    let sources = |options: &MeterOptions| -> Vec<String> {
        let meter = Meter::open(options, None).unwrap();
        meter
            .sources()
            .into_iter()
            .map(|report| report.source)
            .collect()
    };
    assert!(
        sources(&named("nvml", None))
            .iter()
            .all(|source| source.starts_with("nvml"))
    );
    assert!(sources(&named("nvml", Some(5.0))).contains(&"cpu-time".to_owned()));
    assert_eq!(sources(&named("none", Some(5.0))), Vec::<String>::new());
}

#[test]
fn a_meter_without_sources_has_no_results() {
    let (seven, rows) = Meter::open(&named("none", None), None)
        .unwrap()
        .measure(|| 7);
    assert_eq!((seven, rows), (7, Vec::new()));
}

#[test]
fn rejects_invalid_options() {
    let unknown = MeterOptions {
        selection: Selection::Named("wattmeter".into()),
        ..Default::default()
    };
    let error = Meter::open(&unknown, None).err().unwrap();
    assert!(matches!(&error, MeterError::UnknownMeter { name, .. } if name == "wattmeter"));
    for known in [
        "nvml", "hwmon", "battery", "perf", "rapl", "apple", "file", "cmd", "cpu-time",
    ] {
        assert!(error.to_string().contains(known), "{error}");
    }
    for watts in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        let error = Meter::open(&named("auto", Some(watts)), None)
            .err()
            .unwrap();
        assert!(matches!(error, MeterError::BadWatts { .. }), "{error}");
    }
}
