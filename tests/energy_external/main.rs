//! External meters: files and commands written by these tests, with known power.
#![cfg(unix)]

mod lines;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use wattgrad::internals::energy::{
    Covers, DeviceKind, Meter, MeterOptions, MeterUnit, MeteredDevice, Method, Scope, Selection,
    SourceResult, Status,
};

fn unix() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

fn options(names: &[&str], unit: MeterUnit) -> MeterOptions {
    chosen(names, &[unit])
}

fn chosen(names: &[&str], units: &[MeterUnit]) -> MeterOptions {
    MeterOptions {
        selection: Selection::of(names).unwrap(),
        meter_units: units.to_vec(),
        ..Default::default()
    }
}

fn window(meter: &Meter, seconds: f64) -> Vec<SourceResult> {
    meter.measure(|| sleep(Duration::from_secs_f64(seconds))).1
}

fn only(rows: Vec<SourceResult>) -> SourceResult {
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

fn refused(row: &SourceResult, with: &str) {
    assert_eq!(
        (row.status, row.joules),
        (Status::Unavailable, None),
        "{row:?}"
    );
    let reason = row.reason.as_deref().unwrap_or_default();
    assert!(reason.contains(with), "`{with}` is not in `{reason}`");
}

/// Appends a line every `every` until it is dropped.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(path: &Path, every: f64, line: impl Fn(f64) -> String + Send + 'static) -> Self {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                writeln!(file, "{}", line(unix())).unwrap();
                sleep(Duration::from_secs_f64(every));
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn log() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meter: log.txt");
    let name = format!("file:{}", path.display());
    (folder, path, name)
}

#[test]
fn integrates_the_watts_of_a_file() {
    let (_folder, path, name) = log();
    // The lines of an earlier run are skipped.
    std::fs::write(&path, "seconds,watts\n# yesterday\n1700000000.0,999.0\n").unwrap();
    let _writer = Writer::start(&path, 0.02, |now| format!("{now:.6}, 42.5"));
    let discrete = MeteredDevice {
        pci_id: None,
        kind: DeviceKind::Discrete,
        name: "card".into(),
    };
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), Some(&discrete)).unwrap();
    let row = only(window(&meter, 1.5));
    assert_eq!(
        (row.source.as_str(), row.scope, row.method, row.covers),
        (
            name.as_str(),
            Scope::System,
            Method::IntegratedPower,
            Some(Covers::Contains)
        )
    );
    assert_eq!(row.status, Status::Measured, "{row:?}");
    let seconds = row.seconds.unwrap();
    let truth = 42.5 * seconds;
    assert!((row.joules.unwrap() / truth - 1.0).abs() < 0.03, "{row:?}");
    assert!(row.ci().unwrap().holds(truth), "{truth} J, {:?}", row.ci());
    // Every line is an update, also at constant power.
    assert!(row.updates.unwrap() > 30, "{row:?}");
}

#[test]
fn measures_a_load_between_idle_phases_from_slow_lines() {
    // 10 W idle and 100 W under load; a line every 0.1 s with the mean since the previous line.
    let (_folder, path, name) = log();
    let load: Arc<std::sync::Mutex<Vec<(f64, f64)>>> = Arc::default();
    let loads = Arc::clone(&load);
    let before = std::sync::Mutex::new(unix());
    let _writer = Writer::start(&path, 0.1, move |now| {
        let since = std::mem::replace(&mut *before.lock().unwrap(), now);
        let loads = loads.lock().unwrap();
        let loaded: f64 = loads
            .iter()
            .map(|&(from, to)| (now.min(to) - since.max(from)).max(0.0))
            .sum();
        format!("{now} {}", 10.0 + 90.0 * loaded / (now - since))
    });
    sleep(Duration::from_millis(600));
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    let (_, rows) = meter.measure(|| {
        load.lock().unwrap().push((unix(), f64::INFINITY));
        sleep(Duration::from_secs(2));
        load.lock().unwrap()[0].1 = unix();
    });
    let (row, load) = (only(rows), load.lock().unwrap()[0]);
    let truth = 100.0 * (load.1 - load.0);
    let interval = row.ci().unwrap();
    assert!(interval.holds(truth), "{truth} J, {row:?}");
    assert!(interval.half() < 0.12 * truth, "{interval:?}");
}

#[test]
fn measures_with_a_counter_of_joules() {
    let (_folder, path, name) = log();
    let began = unix();
    // 30 W; the counter starts at 0 with its meter.
    let _writer = Writer::start(&path, 0.02, move |now| {
        let joules = (30.0 * (now - began) - 0.5).max(0.0);
        format!("{now:.6}\t{joules:.6}")
    });
    sleep(Duration::from_millis(30));
    let meter = Meter::open(&options(&[&name], MeterUnit::JOULE), None).unwrap();
    let row = only(window(&meter, 1.0));
    assert_eq!(
        (row.status, row.method),
        (Status::Measured, Method::Counter),
        "{row:?}"
    );
    let truth = 30.0 * row.seconds.unwrap();
    assert!((row.joules.unwrap() / truth - 1.0).abs() < 0.03, "{row:?}");
    assert!(row.ci().unwrap().holds(truth), "{row:?}");
}

/// A shell script that prints `lines` lines, 20 ms apart, and then does `last`.
fn script(folder: &Path, lines: u32, line: &str, last: &str) -> String {
    let path = folder.join("meter.sh");
    let mut file = File::create(&path).unwrap();
    write!(
        file,
        "trap 'echo > {0}/terminated; exit 0' TERM\nn=0\nwhile [ $n -lt {lines} ]; do\n  now=$(date +%s.%N)\n  {line}\n  n=$((n+1))\n  sleep 0.02\ndone\n{last}\n",
        folder.display()
    )
    .unwrap();
    format!("cmd:sh {}", path.display())
}

#[test]
fn command_runs_as_long_as_the_meter() {
    let folder = tempfile::tempdir().unwrap();
    let name = script(folder.path(), 100_000, "echo \"$now 80\"", "");
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    for _ in 0..2 {
        let row = only(window(&meter, 1.0));
        assert_eq!(
            (row.source.as_str(), row.status),
            (name.as_str(), Status::Measured),
            "{row:?}"
        );
        let truth = 80.0 * row.seconds.unwrap();
        assert!((row.joules.unwrap() / truth - 1.0).abs() < 0.05, "{row:?}");
    }
    drop(meter);
    let began = Instant::now();
    while !folder.path().join("terminated").exists() {
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "the command was not terminated"
        );
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn kills_a_command_that_ignores_termination() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let name = format!(
        "cmd:trap '' TERM; echo $$ > {}; while :; do echo \"$(date +%s.%N) 5\"; sleep 0.05; done",
        pid.display()
    );
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    let process = std::fs::read_to_string(&pid).unwrap();
    let alive = || Path::new("/proc").join(process.trim()).exists();
    assert!(alive() || !Path::new("/proc/self").exists());
    drop(meter);
    assert!(!alive());
}

#[test]
fn reports_a_failed_command() {
    let folder = tempfile::tempdir().unwrap();
    let early = "cmd:echo looking >&2; echo 'no such port' >&2; exit 3";
    let meter = Meter::open(&options(&[early], MeterUnit::WATT), None).unwrap();
    let row = only(window(&meter, 0.1));
    refused(&row, "before it printed a line");
    refused(&row, "3");
    refused(&row, "its last message: no such port");
    let midway = script(
        folder.path(),
        60,
        "echo \"$now 80\"",
        "echo unplugged >&2; exit 7",
    );
    let meter = Meter::open(&options(&[&midway], MeterUnit::WATT), None).unwrap();
    let row = only(window(&meter, 3.0));
    refused(&row, "ended during the measurement");
    refused(&row, "7");
    refused(&row, "unplugged");
    assert!(!row.readings.is_empty());
}

#[test]
fn reports_invalid_lines() {
    for (line, with) in [
        ("NaN", "the meter gives no readings: its last line is"),
        ("-3", "has an impossible value"),
        ("inf", "the meter gives no readings: its last line is"),
        ("lots", "the meter gives no readings: its last line is"),
        ("12x", "is not `time W`"),
        ("80 90", "has 3 columns and no header"),
    ] {
        let (_folder, path, name) = log();
        let began = Instant::now();
        let line = line.to_owned();
        let wrong = line.clone();
        let _writer = Writer::start(&path, 0.02, move |now| {
            if began.elapsed().as_secs_f64() < 0.9 {
                format!("{now} 80")
            } else {
                format!("{now} {wrong}")
            }
        });
        sleep(Duration::from_millis(50));
        let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
        let row = only(window(&meter, 0.8));
        refused(&row, with);
        refused(&row, &format!(" {line}`"));
    }
}

#[test]
fn rejects_a_meter_whose_clock_was_set() {
    for (step, with) in [
        (-1.0, "s before that of the previous line"),
        (-30.0, "from now"),
        (30.0, "from now"),
    ] {
        let (_folder, path, name) = log();
        let began = Instant::now();
        let _writer = Writer::start(&path, 0.02, move |now| {
            let late = began.elapsed().as_secs_f64() > 0.9;
            format!("{} 80", if late { now + step } else { now })
        });
        sleep(Duration::from_millis(50));
        let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
        refused(&only(window(&meter, 0.8)), with);
    }
}

#[test]
fn silent_or_missing_meter_has_no_energy() {
    let (_folder, path, name) = log();
    let meter = |name: &str| Meter::open(&options(&[name], MeterUnit::WATT), None).unwrap();
    refused(&only(window(&meter(&name), 0.1)), "cannot be read");
    File::create(&path).unwrap();
    refused(&only(window(&meter(&name), 0.1)), "no line has arrived");
    // A counter that stays at 0 measures nothing.
    let _writer = Writer::start(&path, 0.02, |now| format!("{now} 0"));
    let zero = Meter::open(&options(&[&name], MeterUnit::JOULE), None).unwrap();
    let row = only(window(&zero, 0.5));
    assert_eq!((row.status, row.joules), (Status::Unavailable, None));
    refused(&only(window(&meter(&name), 0.5)), "always reads 0");
}

#[test]
fn several_meters_are_separate_sources() {
    let (_folder, path, name) = log();
    let other = path.with_extension("second");
    let second = format!("file:{}", other.display());
    let _writers = [
        Writer::start(&path, 0.02, |now| format!("{now} 10")),
        Writer::start(&other, 0.02, |now| format!("{now} 20")),
    ];
    let chosen = options(&[&name, &second, "cpu-time"], MeterUnit::WATT);
    let rows = window(&Meter::open(&chosen, None).unwrap(), 0.5);
    let names: Vec<_> = rows.iter().map(|row| row.source.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"cpu-time"), "{names:?}");
    for (name, watts) in [(&name, 10.0), (&second, 20.0)] {
        let row = rows.iter().find(|row| row.source == *name).unwrap();
        let truth = watts * row.seconds.unwrap();
        assert!((row.joules.unwrap() / truth - 1.0).abs() < 0.1, "{row:?}");
    }
}

#[test]
fn meters_have_units_of_their_own() {
    let (_folder, path, name) = log();
    let other = path.with_extension("second");
    let second = format!("file:{}", other.display());
    let began = unix();
    let _writers = [
        Writer::start(&path, 0.02, move |now| {
            format!("{now} {}", 30.0 * (now - began) + 1.0)
        }),
        Writer::start(&other, 0.02, |now| format!("{now} 20")),
    ];
    let chosen = MeterOptions {
        meter_units: vec![MeterUnit::JOULE, MeterUnit::WATT],
        ..options(&[&name, &second], MeterUnit::WATT)
    };
    let rows = window(&Meter::open(&chosen, None).unwrap(), 0.8);
    for (name, watts, method) in [
        (&name, 30.0, Method::Counter),
        (&second, 20.0, Method::IntegratedPower),
    ] {
        let row = rows.iter().find(|row| row.source == *name).unwrap();
        let truth = watts * row.seconds.unwrap();
        assert_eq!(row.method, method);
        assert!((row.joules.unwrap() / truth - 1.0).abs() < 0.1, "{row:?}");
    }
}

#[test]
fn reports_a_meter_that_has_stopped() {
    let (_folder, path, name) = log();
    drop({
        let writer = Writer::start(&path, 0.02, |now| format!("{now} 42"));
        sleep(Duration::from_millis(500));
        writer
    });
    let stopped = |row: &SourceResult| {
        refused(row, "the meter has stopped: no line has arrived for ");
        assert_eq!(
            row.fix.as_deref(),
            Some(format!("start the program that writes {}", path.display()).as_str())
        );
    };
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    stopped(&only(window(&meter, 0.1)));
    // The power after the meter stopped during the window is unknown.
    let writer = Writer::start(&path, 0.02, |now| format!("{now} 42"));
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    let (_, rows) = meter.measure(|| {
        sleep(Duration::from_millis(500));
        drop(writer);
        sleep(Duration::from_millis(1000));
    });
    stopped(&only(rows));
    // A meter that stops at the end of the window has measured all of it.
    let writer = Writer::start(&path, 0.02, |now| format!("{now} 42"));
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    let (_, rows) = meter.measure(|| {
        sleep(Duration::from_millis(800));
        drop(writer);
    });
    let row = only(rows);
    assert!(
        (row.joules.unwrap() / row.seconds.unwrap() - 42.0).abs() < 2.0,
        "{row:?}"
    );
}

#[test]
fn reports_times_of_another_clock_in_a_short_window() {
    let (_folder, path, name) = log();
    let _writer = Writer::start(&path, 0.02, |now| format!("{} 42", now - 1000.0));
    let meter = Meter::open(&options(&[&name], MeterUnit::WATT), None).unwrap();
    let row = only(window(&meter, 0.1));
    refused(&row, "its times are not on this machine's Unix clock");
    assert!(row.fix.unwrap().contains("1970-01-01"));
}
