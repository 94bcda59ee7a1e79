//! RAPL through the real `rapl-energy`, over powercap trees made up in a mount namespace.
//!
//! Each test starts this program anew under `unshare -m`, with an empty tmpfs over /sys/class, and there runs one
//! `scene`. Where a namespace may not be made, the tests are skipped, and say so on stderr.
#![cfg(all(target_os = "linux", feature = "rapl"))]

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

mod namespace;

use wattgrad::internals::energy::{
    Covers, DeviceKind, Meter, MeterOptions, MeteredDevice, Scope, Selection, SourceReport,
    SourceResult, Status,
};

const ROOT: &str = "/sys/class/powercap/intel-rapl";
const RANGE: u64 = 262_143_328_850;

/// Hides what powercap the machine itself has.
const HIDE: &str = "mount -t tmpfs none /sys/class || exit 77
if [ -d /sys/devices/virtual/powercap ]; then mount -t tmpfs none /sys/devices/virtual/powercap || exit 77; fi";

fn play_as(name: &str, before: &[&str]) {
    namespace::play(name, HIDE, before);
}

fn play(name: &str) {
    play_as(name, &[]);
}

/// One powercap zone. Values keep one length, so that a read beside a write never sees half a number.
struct Zone {
    folder: PathBuf,
}

impl Zone {
    fn new(path: &str, name: &str, value: u64) -> Self {
        let folder = Path::new(ROOT).join(path);
        fs::create_dir_all(&folder).unwrap();
        let zone = Self { folder };
        zone.write("name", &format!("{name}\n"));
        zone.write("max_energy_range_uj", &format!("{RANGE}\n"));
        zone.write("energy_uj", &padded(value));
        zone
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
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

fn open(target: Option<&MeteredDevice>) -> Meter {
    let options = MeterOptions {
        selection: Selection::Named("rapl".into()),
        ..Default::default()
    };
    Meter::open(&options, target).unwrap()
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
    let off = row.ci().expect("ticks were seen").half();
    assert!(
        (joules - watts * seconds).abs() <= off + watts * 0.005,
        "{row:?}"
    );
    assert!(off < joules / 2.0, "{row:?}");
}

fn zones_and_their_joules() {
    // The numbers leave a gap at 1; package-2 begins again at 0 after 0.9 s: at most 0.6 s of them lie before the
    // window, which lasts 1.2 s.
    let near_wrap = RANGE - 90_000_000;
    let package = Zone::new("intel-rapl:0", "package-0", 250_000_000_000);
    let dram = Zone::new("intel-rapl:0/intel-rapl:0:1", "dram", 7_000_000);
    let core = Zone::new("intel-rapl:0/intel-rapl:0:0", "core", 9_000_000);
    let second = Zone::new("intel-rapl:2", "package-2", near_wrap);
    let platform = Zone::new("intel-rapl:3", "psys", 5_000_000);
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
    let (_, rows) = open(Some(&card)).measure(|| sleep(Duration::from_millis(1200)));
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
    let reports = open(Some(&processor)).sources();
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

fn nothing_there() {
    let (_, rows) = open(None).measure(|| ());
    assert_eq!(rows.len(), 1);
    refused(row(&rows, "rapl"), "no RAPL counter");
    assert!(rows[0].fix.is_some());
}

fn an_empty_root() {
    fs::create_dir_all(ROOT).unwrap();
    refused(row(&open(None).start().stop(), "rapl"), "holds no zone");
}

fn closed_to_users() {
    let zone = Zone::new("intel-rapl:0", "package-0", 5_000_000);
    // The scene runs without the right to pass over modes, so this is what an ordinary user meets.
    fs::set_permissions(
        zone.folder.join("energy_uj"),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    let reports = open(None).sources();
    let package = report(&reports, "rapl:package-0");
    assert_eq!(package.status, Status::Unavailable);
    assert!(package.reason.unwrap().contains("root only"));
    assert_eq!(
        package.fix.as_deref(),
        Some("sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj")
    );
    assert_eq!(
        package.undo.as_deref(),
        Some("sudo chmod go-r /sys/class/powercap/intel-rapl:*/energy_uj")
    );
}

fn files_that_are_no_numbers() {
    let good = Zone::new("intel-rapl:0", "package-0", 5_000_000);
    Zone::new("intel-rapl:1", "package-1", 5_000_000).write("energy_uj", "none\n");
    Zone::new("intel-rapl:2", "package-2", 5_000_000).write("constraint_0_power_limit_uw", "-1\n");
    let rangeless = Zone::new("intel-rapl:3", "package-3", 5_000_000);
    fs::remove_file(rangeless.folder.join("max_energy_range_uj")).unwrap();
    Zone::new("intel-rapl:4", "package-4", 0);
    Zone::new("intel-rapl:5", "package-5", RANGE + 1);
    Zone::new("intel-rapl:6", "package-6", 5_000_000).write("max_energy_range_uj", "0\n");
    let nameless = Zone::new("intel-rapl:7", "package-7", 5_000_000);
    fs::remove_file(nameless.folder.join("name")).unwrap();
    let _load = Load::on(&[(&good, 5_000_000, 50.0)]);
    let (_, rows) = open(None).measure(|| sleep(Duration::from_millis(300)));
    assert_eq!(rows.len(), 8);
    draws(row(&rows, "rapl:package-0"), 50.0);
    refused(row(&rows, "rapl:package-1"), "holds `none`");
    refused(
        row(&rows, "rapl:package-2"),
        "holds `-1`, which rapl-energy cannot read",
    );
    refused(row(&rows, "rapl:package-3"), "is not there");
    refused(row(&rows, "rapl:package-4"), "reads 0");
    refused(row(&rows, "rapl:package-5"), "above its own maximum");
    refused(row(&rows, "rapl:package-6"), "gives no range");
    refused(row(&rows, "rapl:zone-7"), "name cannot be read");
}

fn lost_within_the_window() {
    let stuck = Zone::new("intel-rapl:0", "package-0", 5_000_000);
    let removed = Zone::new("intel-rapl:1", "package-1", 5_000_000);
    let garbled = Zone::new("intel-rapl:2", "package-2", 5_000_000);
    let replaced = Zone::new("intel-rapl:3", "package-3", 5_000_000);
    let meter = open(None);
    let still = report(&meter.sources(), "rapl:package-0");
    assert!(
        still
            .reason
            .is_some_and(|reason| reason.contains("did not move"))
    );
    let window = meter.start();
    fs::remove_file(removed.folder.join("energy_uj")).unwrap();
    garbled.write("energy_uj", "?\n");
    // The name now leads to a sound file, while the handle `rapl-energy` holds leads to the broken one: it panics.
    replaced.write("energy_uj", "?\n");
    fs::remove_file(replaced.folder.join("energy_uj")).unwrap();
    replaced.write("energy_uj", &padded(6_000_000));
    let rows = window.stop();
    refused(row(&rows, "rapl:package-0"), "stood at 5000000 uJ");
    refused(row(&rows, "rapl:package-1"), "lost within the window");
    refused(row(&rows, "rapl:package-1"), "is not there");
    refused(row(&rows, "rapl:package-2"), "holds `?`");
    refused(row(&rows, "rapl:package-3"), "rapl-energy gave up");
    refused(row(&meter.start().stop(), "rapl:package-3"), "was closed");
    drop(stuck);
}

#[test]
#[ignore = "run by the other tests, in a namespace"]
fn scene() {
    let Ok(name) = std::env::var(namespace::SCENE) else {
        return;
    };
    match name.as_str() {
        "zones" => zones_and_their_joules(),
        "nothing" => nothing_there(),
        "empty" => an_empty_root(),
        "closed" => closed_to_users(),
        "files" => files_that_are_no_numbers(),
        "lost" => lost_within_the_window(),
        other => panic!("no scene `{other}`"),
    }
    println!("played {name}");
}

#[test]
fn every_zone_gives_its_joules_over_gaps_and_wraps() {
    play("zones");
}

#[test]
fn without_powercap_the_row_says_so() {
    play("nothing");
}

#[test]
fn a_root_without_zones_says_so() {
    play("empty");
}

#[test]
fn a_user_without_the_right_is_told_the_command() {
    play_as("closed", namespace::ordinary_user());
}

#[test]
fn broken_files_are_rows_and_no_panic() {
    play("files");
}

#[test]
fn what_fails_within_a_window_gives_no_figure() {
    play("lost");
}
