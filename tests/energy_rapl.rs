//! RAPL over invented powercap trees. `rapl-energy` reads below `/sys` only, so these tests read the same files without it.
#![cfg(all(target_os = "linux", feature = "rapl"))]

mod skip;
mod unprivileged;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use skip::skipped;
use tempfile::TempDir;
use unprivileged::{as_ordinary_user, may_drop_privileges};
use wattgrad::internals::energy::{
    Covers, DeviceKind, Meter, MeterOptions, MeteredDevice, Scope, Selection, SourceReport,
    SourceResult, Status,
};

const RANGE: u64 = 262_143_328_850;

/// A folder in place of `/`.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn powercap(&self) -> PathBuf {
        self.0.path().join("sys/class/powercap/intel-rapl")
    }

    fn zone(&self, path: &str, name: &str, value: u64) -> Zone {
        let folder = self.powercap().join(path);
        fs::create_dir_all(&folder).unwrap();
        let zone = Zone { folder };
        zone.write("name", &format!("{name}\n"));
        zone.write("max_energy_range_uj", &format!("{RANGE}\n"));
        zone.write("energy_uj", &padded(value));
        zone
    }

    fn open(&self, target: Option<&MeteredDevice>) -> Meter {
        let options = MeterOptions {
            selection: Selection::Named("rapl".into()),
            sysfs_root: Some(self.0.path().to_owned()),
            ..Default::default()
        };
        Meter::open(&options, target).unwrap()
    }
}

/// One powercap zone. Values have a fixed length, so that a read during a write never sees half a number.
struct Zone {
    folder: PathBuf,
}

impl Zone {
    /// By a rename, so that a read meanwhile sees the text before or after.
    fn write(&self, file: &str, text: &str) {
        let new = self.folder.join(format!(".{file}"));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.join(file)).unwrap();
    }

    fn energy(&self) -> File {
        File::options()
            .write(true)
            .open(self.folder.join("energy_uj"))
            .unwrap()
    }
}

fn padded(value: u64) -> String {
    format!("{value:020}\n")
}

/// Lets zones draw power until it is dropped.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// `(zone, value at the start, watts)` of each.
    fn on(zones: &[(&Zone, u64, f64)]) -> Self {
        let zones: Vec<(File, u64, f64)> = zones
            .iter()
            .map(|&(zone, value, watts)| (zone.energy(), value, watts))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                for (file, value, watts) in &zones {
                    let drawn = (began.elapsed().as_secs_f64() * watts * 1e6) as u64;
                    file.write_all_at(padded((value + drawn) % RANGE).as_bytes(), 0)
                        .unwrap();
                }
                sleep(Duration::from_millis(1));
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn row<'a>(rows: &'a [SourceResult], source: &str) -> &'a SourceResult {
    rows.iter()
        .find(|row| row.source == source)
        .unwrap_or_else(|| panic!("no {source} in {rows:?}"))
}

fn report(reports: &[SourceReport], source: &str) -> SourceReport {
    reports
        .iter()
        .find(|report| report.source == source)
        .cloned()
        .unwrap_or_else(|| panic!("no {source} in {reports:?}"))
}

fn refused(row: &SourceResult, with: &str) {
    assert_eq!(
        (row.status, row.joules),
        (Status::Unavailable, None),
        "{row:?}"
    );
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains(with)),
        "`{with}` is not in {row:?}"
    );
}

/// Watts of a row within the error it states and the millisecond between two writes.
fn draws(row: &SourceResult, watts: f64) {
    assert_eq!(row.status, Status::Measured, "{row:?}");
    let (joules, seconds) = (row.joules.unwrap(), row.seconds.unwrap());
    let off = row.ci().expect("updates were seen").half();
    assert!(
        (joules - watts * seconds).abs() <= off + watts * 0.005,
        "{row:?}"
    );
    assert!(off < joules / 2.0, "{row:?}");
}

#[test]
fn zones_are_measured_over_gaps_and_wraps() {
    let root = Root::new();
    // The numbers leave a gap at 1; package-2 begins again at 0 after 0.9 s: at most 0.6 s of them lie before the
    // window, which lasts 1.2 s.
    let near_wrap = RANGE - 90_000_000;
    let package = root.zone("intel-rapl:0", "package-0", 250_000_000_000);
    let dram = root.zone("intel-rapl:0/intel-rapl:0:1", "dram", 7_000_000);
    let core = root.zone("intel-rapl:0/intel-rapl:0:0", "core", 9_000_000);
    let second = root.zone("intel-rapl:2", "package-2", near_wrap);
    let platform = root.zone("intel-rapl:3", "psys", 5_000_000);
    package.write("constraint_0_name", "long_term\n");
    package.write("constraint_0_power_limit_uw", "200000000\n");
    package.write("constraint_0_time_window_us", "999424\n");
    let _load = Load::on(&[
        (&package, 250_000_000_000, 80.0),
        (&dram, 7_000_000, 6.0),
        (&core, 9_000_000, 60.0),
        (&second, near_wrap, 100.0),
        (&platform, 5_000_000, 300.0),
    ]);
    let card = MeteredDevice {
        pci_id: None,
        kind: DeviceKind::Discrete,
        name: "a card".into(),
    };
    let (_, rows) = root
        .open(Some(&card))
        .measure(|| sleep(Duration::from_millis(1200)));
    let names: Vec<_> = rows.iter().map(|row| row.source.as_str()).collect();
    assert_eq!(
        names,
        [
            "rapl:package-0",
            "rapl:package-0-dram",
            "rapl:package-2",
            "rapl:psys"
        ]
    );
    let scopes: Vec<_> = rows.iter().map(|row| row.scope).collect();
    assert_eq!(
        scopes,
        [Scope::Package, Scope::Dram, Scope::Package, Scope::System]
    );
    assert!(rows.iter().all(|row| row.covers == Some(Covers::Host)));
    draws(row(&rows, "rapl:package-0"), 80.0);
    draws(row(&rows, "rapl:package-0-dram"), 6.0);
    draws(row(&rows, "rapl:psys"), 300.0);
    let wrapped = row(&rows, "rapl:package-2");
    draws(wrapped, 100.0);
    let wraps = wrapped.readings.windows(2);
    assert_eq!(
        wraps.filter(|pair| pair[1].value < pair[0].value).count(),
        1
    );

    // Of an adapter that is the processor the package is no mere host's share.
    let processor = MeteredDevice {
        pci_id: None,
        kind: DeviceKind::Cpu,
        name: "llvmpipe".into(),
    };
    let reports = root.open(Some(&processor)).sources();
    assert_eq!(
        report(&reports, "rapl:package-0").covers,
        Some(Covers::Adapter)
    );
    assert_eq!(
        report(&reports, "rapl:package-0-dram").covers,
        Some(Covers::Host)
    );
    assert_eq!(report(&reports, "rapl:psys").covers, Some(Covers::Contains));
}

#[test]
fn missing_powercap_is_reported() {
    let root = Root::new();
    let (_, rows) = root.open(None).measure(|| ());
    assert_eq!(rows.len(), 1);
    refused(row(&rows, "rapl"), "has no RAPL counter");
    assert!(rows[0].fix.is_some());
}

#[test]
fn powercap_without_zones_is_reported() {
    let root = Root::new();
    fs::create_dir_all(root.powercap()).unwrap();
    refused(
        row(&root.open(None).start().stop(), "rapl"),
        "contains no zone",
    );
}

#[test]
fn unreadable_files_have_fix_and_undo() {
    let root = Root::new();
    let zone = root.zone("intel-rapl:0", "package-0", 5_000_000);
    fs::set_permissions(
        zone.folder.join("energy_uj"),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    if !may_drop_privileges() {
        skipped(
            "unreadable_files_have_fix_and_undo",
            "this process cannot drop its privileges",
        );
        return;
    }
    let reports = as_ordinary_user(|| root.open(None)).sources();
    let package = report(&reports, "rapl:package-0");
    assert_eq!(package.status, Status::Unavailable);
    assert!(package.reason.unwrap().contains("this user may not read"));
    assert_eq!(
        package.fix.as_deref(),
        Some("sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj")
    );
    assert_eq!(
        package.undo.as_deref(),
        Some("sudo chmod go-r /sys/class/powercap/intel-rapl:*/energy_uj")
    );
}

#[test]
fn damaged_files_are_reported_per_zone() {
    let root = Root::new();
    let good = root.zone("intel-rapl:0", "package-0", 5_000_000);
    root.zone("intel-rapl:1", "package-1", 5_000_000)
        .write("energy_uj", "none\n");
    root.zone("intel-rapl:2", "package-2", 5_000_000)
        .write("constraint_0_power_limit_uw", "-1\n");
    let rangeless = root.zone("intel-rapl:3", "package-3", 5_000_000);
    fs::remove_file(rangeless.folder.join("max_energy_range_uj")).unwrap();
    root.zone("intel-rapl:4", "package-4", 0);
    root.zone("intel-rapl:5", "package-5", RANGE + 1);
    root.zone("intel-rapl:6", "package-6", 5_000_000)
        .write("max_energy_range_uj", "0\n");
    let nameless = root.zone("intel-rapl:7", "package-7", 5_000_000);
    fs::remove_file(nameless.folder.join("name")).unwrap();
    let _load = Load::on(&[(&good, 5_000_000, 50.0)]);
    let (_, rows) = root
        .open(None)
        .measure(|| sleep(Duration::from_millis(300)));
    assert_eq!(rows.len(), 8);
    draws(row(&rows, "rapl:package-0"), 50.0);
    refused(row(&rows, "rapl:package-1"), "contains `none`");
    refused(
        row(&rows, "rapl:package-2"),
        "contains `-1`, which rapl-energy cannot read",
    );
    refused(row(&rows, "rapl:package-3"), "does not exist");
    refused(row(&rows, "rapl:package-4"), "reads 0");
    refused(row(&rows, "rapl:package-5"), "above its own maximum");
    refused(row(&rows, "rapl:package-6"), "has no valid value");
    refused(row(&rows, "rapl:zone-7"), "name does not exist");
}

#[test]
fn failures_during_a_window_give_no_energy() {
    let root = Root::new();
    let stuck = root.zone("intel-rapl:0", "package-0", 5_000_000);
    let removed = root.zone("intel-rapl:1", "package-1", 5_000_000);
    let garbled = root.zone("intel-rapl:2", "package-2", 5_000_000);
    let meter = root.open(None);
    let still = report(&meter.sources(), "rapl:package-0");
    assert!(
        still
            .reason
            .is_some_and(|reason| reason.contains("did not change"))
    );
    let window = meter.start();
    fs::remove_file(removed.folder.join("energy_uj")).unwrap();
    garbled.write("energy_uj", "?\n");
    let rows = window.stop();
    refused(row(&rows, "rapl:package-0"), "stayed at 5000000 uJ");
    refused(row(&rows, "rapl:package-1"), "lost during the window");
    refused(row(&rows, "rapl:package-1"), "does not exist");
    refused(row(&rows, "rapl:package-2"), "contains `?`");
    drop(stuck);
}
