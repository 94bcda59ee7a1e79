//! The sources that read the kernel's files (hwmon, battery, pm_counters, perf), over invented trees, as a user without
//! privileges.
//!
//! The instruments of each tree follow a power that is known in closed form: their joules are compared with its integral.
#![cfg(target_os = "linux")]

mod cards;
mod laptop;
mod live;
mod servers;
#[path = "../skip/mod.rs"]
mod skip;
mod tree;
#[path = "../unprivileged/mod.rs"]
mod unprivileged;

use std::cell::Cell;

use wattgrad::internals::energy::{DeviceKind, MeteredDevice, SourceReport, SourceResult, Status};

use tree::Tree;

thread_local! {
    /// Rows whose joules this test has compared with the truth, and those whose interval contained it.
    static JUDGED: Cell<u32> = const { Cell::new(0) };
    static HELD: Cell<u32> = const { Cell::new(0) };
}

fn adapter(kind: DeviceKind, pci: Option<&str>) -> MeteredDevice {
    MeteredDevice {
        pci_id: pci.map(str::to_owned),
        kind,
        name: "an adapter".into(),
    }
}

fn names(rows: &[SourceReport]) -> Vec<&str> {
    rows.iter().map(|row| row.source.as_str()).collect()
}

fn row<'a>(rows: &'a [SourceResult], source: &str) -> &'a SourceResult {
    rows.iter()
        .find(|row| row.source == source)
        .unwrap_or_else(|| panic!("no {source} in {rows:#?}"))
}

fn report(rows: &[SourceReport], source: &str) -> SourceReport {
    let found = rows.iter().find(|row| row.source == source);
    found
        .cloned()
        .unwrap_or_else(|| panic!("no {source} in {rows:#?}"))
}

/// The row's joules differ from the truth by less than twice its interval, which is narrow enough to be useful. A 95 %
/// interval misses once in twenty, and these tests check more intervals than that: how often it holds is judged in many
/// trials by tests/simulated. Errors of a reader (file, share, scale) are far larger than twice the interval.
///
/// [`judge`] requires that at least half of the intervals of a test contain the truth: a bias would show there.
fn measured(row: &SourceResult, truth: f64, share: f64) {
    let short = |row: &SourceResult| {
        let mut row = row.clone();
        row.readings.clear();
        row
    };
    assert_eq!(row.status, Status::Measured, "{:#?}", short(row));
    let interval = row.ci().unwrap();
    JUDGED.set(JUDGED.get() + 1);
    HELD.set(HELD.get() + u32::from(interval.holds(truth)));
    assert!(
        (row.joules.unwrap() - truth).abs() < 2.0 * interval.half()
            && interval.half() < share * truth,
        "{truth} J: {:#?}",
        short(row)
    );
}

fn judge() {
    let (judged, held) = (JUDGED.get(), HELD.get());
    assert!(
        judged < 3 || 2 * held >= judged,
        "{held} of {judged} intervals contain the truth"
    );
}

fn refused(row: &SourceResult, with: &str) {
    assert_eq!(
        (row.status, row.joules),
        (Status::Unavailable, None),
        "{row:#?}"
    );
    let reason = row.reason.as_deref().unwrap_or_default();
    assert!(reason.contains(with), "`{with}` is not in `{reason}`");
}

fn closed(row: &SourceReport, with: &str) {
    assert_eq!(row.status, Status::Unavailable, "{row:#?}");
    let reason = row.reason.as_deref().unwrap_or_default();
    assert!(reason.contains(with), "`{with}` is not in `{reason}`");
}

#[test]
fn empty_machine_reports_a_reason_per_source() {
    let rows = Tree::new().open("auto", None).sources();
    for (source, reason) in [
        ("hwmon", "contains no sensor"),
        ("pm_counters", "not a node of an HPE Cray"),
        ("battery", "no battery"),
        ("perf", "does not exist"),
    ] {
        closed(&report(&rows, source), reason);
    }
    let perf = report(&rows, "perf");
    assert_eq!(perf.fix.as_deref(), Some("sudo modprobe rapl"));
    assert_eq!(perf.undo.as_deref(), Some("sudo modprobe -r rapl"));
}
