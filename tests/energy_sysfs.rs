//! The sources that read the kernel's files, over trees made up in a mount namespace, as a user without any right.
//!
//! Each test starts this program anew with an empty tmpfs over /sys and a file of its own over
//! `perf_event_paranoid`, and there runs one `scene`. What a scene's instruments show follows a power that is known in
//! closed form; that is the truth the joules are held against.
#![cfg(target_os = "linux")]

use std::f64::consts::TAU;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use wattgrad::energy::{
    Covers, Energy, Meter, MeterOptions, Method, Scope, Selection, SourceReport, Status, Target,
    TargetKind,
};

mod namespace;

/// A tree that is this scene's own, with the most closed level that distributions ship.
const PREPARE: &str = "mount -t tmpfs -o mode=1777 none /sys || exit 77
echo 4 > /sys/paranoid && chmod 666 /sys/paranoid || exit 77
mount --bind /sys/paranoid /proc/sys/kernel/perf_event_paranoid || exit 77";

fn play(name: &str) {
    namespace::play(name, PREPARE, namespace::ordinary_user());
}

/// Writes a file of the made-up /sys in one step, so that no read sees half of it.
fn put(path: &str, text: impl AsRef<[u8]>) {
    let path = Path::new("/sys").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, &path).unwrap();
}

/// A power that swings a tenth around `watts`, 0.7 s a swing.
#[derive(Clone, Copy)]
struct Load {
    watts: f64,
}

const SWING: f64 = 0.7;

impl Load {
    fn watts(self, at: f64) -> f64 {
        self.watts * (1.0 + 0.1 * (TAU * at / SWING).sin())
    }

    /// The integral of the power from 0 to `at`.
    fn joules(self, at: f64) -> f64 {
        self.watts * (at + 0.1 * SWING / TAU * (1.0 - (TAU * at / SWING).cos()))
    }
}

/// Renews files every `period` seconds until it is dropped.
struct Feed {
    began: Instant,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// `renew` is given the seconds since the start.
    fn every(period: f64, mut renew: impl FnMut(f64) + Send + 'static) -> Self {
        let began = Instant::now();
        renew(0.0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut due = period;
            while !stopped.load(Ordering::Relaxed) {
                let wait = due - began.elapsed().as_secs_f64();
                if wait > 0.0 {
                    sleep(Duration::from_secs_f64(wait.min(0.05)));
                    continue;
                }
                renew(began.elapsed().as_secs_f64());
                due += period;
            }
        });
        Self {
            began,
            stop,
            thread: Some(thread),
        }
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Meters `seconds`: the rows, and when on this feed's clock the window began and ended.
    fn meter(&self, meter: &Meter, seconds: f64) -> (Vec<Energy>, f64, f64) {
        let window = meter.start();
        let from = self.now();
        sleep(Duration::from_secs_f64(seconds));
        let to = self.now();
        (window.stop(), from, to)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn open(source: &str, target: Option<&Target>) -> Meter {
    let options = MeterOptions {
        selection: source.parse::<Selection>().unwrap(),
        ..Default::default()
    };
    Meter::open(&options, target).unwrap()
}

fn adapter(kind: TargetKind, pci: Option<&str>) -> Target {
    Target {
        pci_id: pci.map(str::to_owned),
        kind,
        name: "an adapter".into(),
    }
}

fn names(rows: &[SourceReport]) -> Vec<&str> {
    rows.iter().map(|row| row.source.as_str()).collect()
}

fn row<'a>(rows: &'a [Energy], source: &str) -> &'a Energy {
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

/// The row's joules are the truth's within the interval it states, which is worth stating.
fn measured(row: &Energy, truth: f64, share: f64) {
    let short = |row: &Energy| {
        let mut row = row.clone();
        row.readings.clear();
        row
    };
    assert_eq!(row.status, Status::Measured, "{:#?}", short(row));
    let interval = row.repeatability().unwrap();
    assert!(
        interval.holds(truth) && interval.half() < share * truth,
        "{truth} J: {:#?}",
        short(row)
    );
}

fn refused(row: &Energy, with: &str) {
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

/// A supply from the wall, and a battery with what belongs to every one.
fn supplies(online: bool, status: &str) {
    put("class/power_supply/AC/type", "Mains\n");
    put(
        "class/power_supply/AC/online",
        if online { "1\n" } else { "0\n" },
    );
    put("class/power_supply/BAT0/type", "Battery\n");
    put("class/power_supply/BAT0/present", "1\n");
    put("class/power_supply/BAT0/status", format!("{status}\n"));
    // A mouse's battery is not the machine's.
    put("class/power_supply/hid-mouse/type", "Battery\n");
    put("class/power_supply/hid-mouse/scope", "Device\n");
    put("class/power_supply/hid-mouse/status", "Discharging\n");
}

/// Intel's event files, of a PMU type that no kernel has.
fn power_pmu() {
    let folder = "bus/event_source/devices/power";
    put(&format!("{folder}/type"), "4000000\n");
    put(&format!("{folder}/cpumask"), "0\n");
    for (event, code) in [("pkg", 2), ("ram", 3), ("cores", 1), ("psys", 5)] {
        let event = format!("{folder}/events/energy-{event}");
        put(&event, format!("event=0x{code:02x}\n"));
        put(&format!("{event}.unit"), "Joules\n");
        put(&format!("{event}.scale"), "2.3283064365386962890625e-10\n");
    }
}

/// A hwmon chip, the driver of the PCI device `pci`.
fn chip(number: u32, driver: &str, pci: Option<&str>) -> String {
    let folder = format!("class/hwmon/hwmon{number}");
    put(&format!("{folder}/name"), format!("{driver}\n"));
    if let Some(pci) = pci {
        let device = format!("/sys/devices/pci0000:00/{pci}");
        fs::create_dir_all(&device).unwrap();
        symlink(device, format!("/sys/{folder}/device")).unwrap();
    }
    folder
}

/// A table of amdgpu's with an energy counter at `at`, all else at its type's maximum.
fn table(format: u8, content: u8, size: u16, at: usize, joules: f64) -> Vec<u8> {
    let mut table = vec![0xff; usize::from(size)];
    table[..2].copy_from_slice(&size.to_le_bytes());
    table[2..4].copy_from_slice(&[format, content]);
    table[at..at + 8].copy_from_slice(&((joules * 65_536.0) as u64).to_le_bytes());
    table
}

fn a_laptop_on_battery() {
    supplies(false, "Discharging");
    power_pmu();
    let load = Load { watts: 20.0 };
    let feed = Feed::every(0.3, move |at| {
        // The mean since the last renewal, in whole milliwatts.
        let mean = (load.joules(at) - load.joules((at - 0.3).max(0.0))) / at.clamp(0.001, 0.3);
        let shown = if at == 0.0 { load.watts } else { mean };
        put(
            "class/power_supply/BAT0/power_now",
            format!("{}\n", (shown * 1e3) as u64 * 1000),
        );
    });
    let meter = open("auto", None);
    let (rows, from, to) = feed.meter(&meter, 12.0);
    let battery = row(&rows, "battery");
    measured(battery, load.joules(to) - load.joules(from), 0.10);
    assert_eq!(
        (battery.scope, battery.method),
        (Scope::System, Method::IntegratedPower)
    );
    for closed in ["perf:energy-pkg", "perf:energy-ram", "perf:energy-psys"] {
        refused(row(&rows, closed), "perf_event_paranoid is 4");
    }
    let (rows, ..) = feed.meter(&open("battery", None), 2.0);
    refused(row(&rows, "battery"), "shorter than ten");
}

fn an_apu_on_the_wall() {
    supplies(true, "Full");
    let folder = chip(2, "amdgpu", Some("0000:04:00.0"));
    put(
        &format!("{folder}/device/gpu_metrics"),
        table(2, 3, 120, 24, 1.0),
    );
    put(&format!("{folder}/power1_label"), "PPT\n");
    // A driver without power has no row.
    let silent = chip(3, "nvme", None);
    put(&format!("{silent}/temp1_input"), "40000\n");
    let load = Load { watts: 31.0 };
    let file = format!("{folder}/power1_average");
    let feed = Feed::every(0.02, move |at| {
        put(&file, format!("{}\n", (load.watts(at) * 1e6) as u64));
    });
    let gpu = adapter(TargetKind::Integrated, Some("0000:04:00.0"));
    let (rows, from, to) = feed.meter(&open("auto", Some(&gpu)), 11.0);
    let socket = rows
        .iter()
        .find(|row| row.source.starts_with("hwmon") && row.joules.is_some())
        .unwrap_or_else(|| panic!("{rows:#?}"));
    measured(socket, load.joules(to) - load.joules(from), 0.05);
    assert_eq!(
        (socket.scope, socket.covers, socket.source.as_str()),
        (Scope::Socket, Some(Covers::Contains), "hwmon:amdgpu-PPT")
    );
    refused(row(&rows, "hwmon:amdgpu-gpu_metrics"), "2.3");
    refused(row(&rows, "battery"), "AC (Mains)");

    // The processor beside another card; and of a card of which no address is known, nothing.
    let card = adapter(TargetKind::Discrete, Some("0000:09:00.0"));
    let rows = open("hwmon", Some(&card)).sources();
    closed(&report(&rows, "hwmon"), "no card at 0000:09:00.0");
    assert_eq!(report(&rows, "hwmon:amdgpu-PPT").covers, Some(Covers::Host));
    let unknown = adapter(TargetKind::Integrated, None);
    let rows = open("hwmon", Some(&unknown)).sources();
    assert_eq!(names(&rows), ["hwmon"]);
    closed(&rows[0], "no PCI address");
    let software = adapter(TargetKind::Cpu, None);
    let rows = open("hwmon", Some(&software)).sources();
    assert_eq!(
        report(&rows, "hwmon:amdgpu-PPT").covers,
        Some(Covers::Contains)
    );
}

fn a_laptop_on_the_wall() {
    supplies(true, "Charging");
    put("class/power_supply/BAT0/power_now", "15000000\n");
    power_pmu();
    // The battery shows itself among the sensors too, with the power that charges it.
    let folder = chip(0, "BAT0", None);
    symlink(
        "/sys/class/power_supply/BAT0",
        format!("/sys/{folder}/device"),
    )
    .unwrap();
    put(&format!("{folder}/power1_input"), "15000000\n");
    let meter = open("auto", None);
    let reports = meter.sources();
    let battery = report(&reports, "battery");
    closed(&battery, "runs on AC (Mains)");
    assert_eq!(
        battery.remedy.as_deref(),
        Some("unplug, or run sudo sysctl kernel.perf_event_paranoid=0")
    );
    let package = report(&reports, "perf:energy-pkg");
    closed(&package, "perf_event_paranoid is 4");
    assert!(package.reason.unwrap().contains("setcap cap_perfmon"));
    assert_eq!(
        package.remedy.as_deref(),
        Some("sudo sysctl kernel.perf_event_paranoid=0")
    );
    assert_eq!(
        package.undo.as_deref(),
        Some("sudo sysctl kernel.perf_event_paranoid=4")
    );
    assert_eq!(report(&reports, "perf:energy-psys").scope, Scope::System);
    let perf = names(&reports)
        .iter()
        .filter(|name| name.starts_with("perf"))
        .count();
    assert_eq!(perf, 3, "cores are a part of the package: {reports:#?}");
    for row in meter.measure(|| sleep(Duration::from_millis(300))).1 {
        assert_eq!((row.joules, row.status), (None, Status::Unavailable));
        assert!(row.reason.is_some_and(|reason| !reason.is_empty()));
    }

    // Opened, the kernel is asked for a PMU that it does not have: a reason, and no figure.
    fs::write("/sys/paranoid", "0\n").unwrap();
    let rows = open("perf", None).sources();
    closed(&report(&rows, "perf:energy-pkg"), "energy-pkg");
    // Two packages are two rows, each counted on a processor of its own.
    put("bus/event_source/devices/power/cpumask", "0,28\n");
    let rows = open("perf", None).sources();
    assert_eq!(rows.len(), 6);
    closed(&report(&rows, "perf:energy-pkg:cpu28"), "energy-pkg");
    put(
        "bus/event_source/devices/power/events/energy-pkg.unit",
        "Flops\n",
    );
    closed(
        &report(&open("perf", None).sources(), "perf:energy-pkg:cpu0"),
        "no joules",
    );
}

fn what_is_left_in_a_battery() {
    supplies(false, "Discharging");
    let load = Load { watts: 200.0 };
    // 10 mWh, 36 J, are shown together: at this power a fifth of a second.
    let left = move |at: f64| 50_000_000 - (load.joules(at) / 36.0) as i64 * 10_000;
    let feed = Feed::every(0.01, move |at| {
        put(
            "class/power_supply/BAT0/energy_now",
            format!("{}\n", left(at)),
        );
    });
    let (rows, from, to) = feed.meter(&open("battery", None), 8.0);
    let battery = row(&rows, "battery");
    assert_eq!(battery.method, Method::Counter);
    measured(battery, load.joules(to) - load.joules(from), 0.10);
    let (rows, ..) = feed.meter(&open("battery", None), 1.0);
    refused(row(&rows, "battery"), "a figure needs 10");
    drop(feed);

    // 1 mAh at 12 V, 43.2 J.
    fs::remove_file("/sys/class/power_supply/BAT0/energy_now").unwrap();
    put("class/power_supply/BAT0/voltage_now", "12000000\n");
    let feed = Feed::every(0.01, move |at| {
        let left = 4_000_000 - (load.joules(at) / 43.2) as i64 * 1000;
        put("class/power_supply/BAT0/charge_now", format!("{left}\n"));
    });
    let (rows, from, to) = feed.meter(&open("battery", None), 8.0);
    measured(
        row(&rows, "battery"),
        load.joules(to) - load.joules(from),
        0.10,
    );
    drop(feed);

    // Current goes before charge; its sign is the driver's own.
    let feed = Feed::every(0.2, move |at| {
        let microamperes = load.watts(at) / 12.0 * 1e6;
        put(
            "class/power_supply/BAT0/current_now",
            format!("-{}\n", microamperes as u64),
        );
    });
    let (rows, from, to) = feed.meter(&open("battery", None), 11.0);
    let battery = row(&rows, "battery");
    assert_eq!(battery.method, Method::IntegratedPower);
    let truth = load.joules(to) - load.joules(from);
    // Instants of a swinging power at 0.2 s, not its mean: within a few percent of it.
    measured(battery, truth, 0.15);

    // Plugged in while the window is open.
    let window = open("battery", None).start();
    put("class/power_supply/AC/online", "1\n");
    sleep(Duration::from_millis(300));
    let rows = window.stop();
    refused(row(&rows, "battery"), "lost within the window");
    refused(row(&rows, "battery"), "AC (Mains)");
}

fn cards_of_their_own() {
    let first = chip(0, "amdgpu", Some("0000:03:00.0"));
    let second = chip(1, "amdgpu", Some("0000:0a:00.0"));
    let intel = chip(2, "xe", Some("0000:0c:00.0"));
    put(&format!("{intel}/energy1_label"), "card\n");
    put(&format!("{intel}/energy2_label"), "pkg\n");
    let old = chip(3, "i915", Some("0000:0d:00.0"));
    put(&format!("{old}/energy1_input"), "0\n");
    let constant = chip(4, "amdgpu", Some("0000:0e:00.0"));
    put(&format!("{constant}/power1_input"), "65535000\n");
    put(&format!("{constant}/in1_label"), "vddnb\n");
    let secret = chip(5, "amd_energy", None);
    put(&format!("{secret}/energy1_input"), "5000000\n");
    put(&format!("{secret}/energy1_label"), "Esocket0\n");
    put(&format!("{secret}/energy2_input"), "5000000\n");
    put(&format!("{secret}/energy2_label"), "Ecore000\n");
    let closed_file = format!("/sys/{secret}/energy1_input");
    fs::set_permissions(&closed_file, fs::Permissions::from_mode(0o000)).unwrap();

    let load = Load { watts: 220.0 };
    let card = intel.clone();
    let feed = Feed::every(0.02, move |at| {
        let joules = 1000.0 + load.joules(at);
        put(
            &format!("{first}/device/gpu_metrics"),
            table(1, 3, 120, 24, joules),
        );
        // The second card's counter stops in its sixth second, its power does not.
        let stopped = 1000.0 + load.joules(at.min(6.0));
        put(
            &format!("{second}/device/gpu_metrics"),
            table(1, 3, 120, 24, stopped),
        );
        for card in [&first, &second] {
            put(
                &format!("{card}/power1_average"),
                format!("{}\n", (load.watts(at) * 1e6) as u64),
            );
        }
        for (file, share) in [("energy1_input", 1.0), ("energy2_input", 0.6)] {
            put(
                &format!("{card}/{file}"),
                format!("{}\n", (joules * share * 1e6) as u64),
            );
        }
    });
    let (rows, from, to) = feed.meter(&open("hwmon", None), 11.0);
    let truth = load.joules(to) - load.joules(from);
    let sound = row(&rows, "hwmon:amdgpu-0000:03:00.0");
    measured(sound, truth, 0.02);
    assert_eq!((sound.scope, sound.method), (Scope::Board, Method::Counter));
    refused(row(&rows, "hwmon:amdgpu-0000:0a:00.0"), "it has stopped");
    let beside = row(&rows, "hwmon:amdgpu-0000:0a:00.0-power");
    assert_eq!(beside.method, Method::IntegratedPower);
    measured(beside, truth, 0.05);
    measured(row(&rows, "hwmon:xe-card"), truth, 0.02);
    let package = row(&rows, "hwmon:xe-pkg");
    measured(package, 0.6 * truth, 0.02);
    assert_eq!(package.scope, Scope::Socket);
    refused(row(&rows, "hwmon:i915"), "reads 0");
    refused(
        row(&rows, "hwmon:amdgpu-0000:0e:00.0"),
        "its field's maximum",
    );
    let secret = row(&rows, "hwmon:amd_energy");
    refused(secret, "may not be read");
    assert_eq!(secret.scope, Scope::Package);
    assert_eq!(
        secret.remedy.as_deref(),
        Some(format!("sudo chmod a+r {closed_file}").as_str())
    );
    assert_eq!(rows.len(), 8, "{rows:#?}");

    // Each adapter its own card.
    let card = adapter(TargetKind::Discrete, Some("00000000:03:00.0"));
    let rows = open("hwmon", Some(&card)).sources();
    assert_eq!(
        report(&rows, "hwmon:amdgpu-0000:03:00.0").covers,
        Some(Covers::Adapter)
    );
    assert!(!names(&rows).contains(&"hwmon:amdgpu-0000:0a:00.0"));
    assert!(!names(&rows).contains(&"hwmon:xe-card"));
    let unknown = adapter(TargetKind::Discrete, None);
    closed(
        &report(&open("hwmon", Some(&unknown)).sources(), "hwmon"),
        "no PCI address",
    );
}

fn servers_and_boards() {
    // Grace's meters are files of the device, and named by the firmware.
    let grace = [
        "Module Power Socket 0",
        "Grace Power Socket 0",
        "CPU Power Socket 0",
        "SysIO Power Socket 0",
    ];
    for (number, name) in (0..).zip(grace) {
        let folder = chip(number, "power_meter", None);
        put(
            &format!("{folder}/device/power1_oem_info"),
            format!("{name}\n"),
        );
        put(&format!("{folder}/device/power1_average_interval"), "50\n");
    }
    let jetson = chip(9, "ina3221", None);
    put(&format!("{jetson}/in1_label"), "VDD_IN\n");
    put(&format!("{jetson}/in2_label"), "VDD_GPU_SOC\n");
    put(&format!("{jetson}/in1_input"), "19000\n");
    put(&format!("{jetson}/in2_input"), "12000\n");
    put(&format!("{jetson}/update_interval"), "20\n");
    let cray = "cray/pm_counters";
    put(&format!("{cray}/generation"), "42\n");
    put(&format!("{cray}/power_cap"), "0 W\n");
    let load = Load { watts: 600.0 };
    let feed = Feed::every(0.05, move |at| {
        for (number, share) in [(0, 1.0), (1, 0.5), (2, 0.4), (3, 0.1)] {
            put(
                &format!("class/hwmon/hwmon{number}/device/power1_average"),
                format!("{}\n", (load.watts(at) * share * 1e6) as u64),
            );
        }
        for (number, millivolts, share) in [(1, 19_000.0, 0.1), (2, 12_000.0, 0.05)] {
            put(
                &format!("class/hwmon/hwmon9/curr{number}_input"),
                format!("{}\n", (load.watts(at) * share * 1e6 / millivolts) as u64),
            );
        }
    });
    let counted = Feed::every(0.1, move |at| {
        for (file, share) in [
            ("energy", 2.0),
            ("cpu_energy", 0.5),
            ("memory_energy", 0.25),
            ("accel0_energy", 1.0),
            ("accel1_energy", 1.0),
        ] {
            let joules = (90_000.0 + load.joules(at) * share) as u64;
            put(
                &format!("cray/pm_counters/{file}"),
                format!("{joules} J {} us\n", (at * 1e6) as u64),
            );
        }
    });
    let (rows, from, to) = feed.meter(&open("hwmon", None), 4.0);
    let truth = load.joules(to) - load.joules(from);
    for (name, share, scope) in [
        ("power_meter-Module-Power-Socket-0", 1.0, Scope::Socket),
        ("power_meter-Grace-Power-Socket-0", 0.5, Scope::Socket),
        ("power_meter-CPU-Power-Socket-0", 0.4, Scope::Rail),
        ("power_meter-SysIO-Power-Socket-0", 0.1, Scope::Rail),
    ] {
        let row = row(&rows, &format!("hwmon:{name}"));
        measured(row, share * truth, 0.06);
        assert_eq!(row.scope, scope);
    }
    measured(row(&rows, "hwmon:ina3221-VDD_IN"), 0.1 * truth, 0.06);
    measured(row(&rows, "hwmon:ina3221-VDD_GPU_SOC"), 0.05 * truth, 0.06);
    assert_eq!(row(&rows, "hwmon:ina3221-VDD_IN").scope, Scope::System);
    let (nodes, from, to) = counted.meter(&open("pm_counters", None), 4.0);
    let truth = load.joules(to) - load.joules(from);
    for (part, share, scope) in [
        ("node", 2.0, Scope::System),
        ("cpu", 0.5, Scope::Package),
        ("memory", 0.25, Scope::Dram),
        ("accel0", 1.0, Scope::Board),
        ("accel1", 1.0, Scope::Board),
    ] {
        let row = row(&nodes, &format!("pm_counters:{part}"));
        measured(row, share * truth, 0.05);
        assert_eq!(row.scope, scope);
    }
    assert_eq!(nodes.len(), 5);

    // An adapter is none of the numbered accelerators for certain, but it is in the node.
    let card = adapter(TargetKind::Discrete, Some("0000:03:00.0"));
    let rows = open("pm_counters", Some(&card)).sources();
    closed(&report(&rows, "pm_counters:accel0"), "no PCI address");
    assert_eq!(
        report(&rows, "pm_counters:node").covers,
        Some(Covers::Contains)
    );
    drop(counted);
    put("cray/pm_counters/memory_energy", "none\n");
    put("cray/pm_counters/cpu_energy", "0 J 5 us\n");
    let rows = open("pm_counters", None).sources();
    closed(&report(&rows, "pm_counters:memory"), "holds `none`");
    closed(&report(&rows, "pm_counters:cpu"), "reads 0");
}

fn nothing_there() {
    let rows = open("auto", None).sources();
    for (source, said) in [
        ("hwmon", "holds no sensor"),
        ("pm_counters", "no node of an HPE Cray"),
        ("battery", "no battery"),
        ("perf", "is not there"),
    ] {
        closed(&report(&rows, source), said);
    }
}

#[test]
#[ignore = "run by the other tests, in a namespace"]
fn scene() {
    let Ok(name) = std::env::var(namespace::SCENE) else {
        return;
    };
    match name.as_str() {
        "on-battery" => a_laptop_on_battery(),
        "apu" => an_apu_on_the_wall(),
        "on-the-wall" => a_laptop_on_the_wall(),
        "left" => what_is_left_in_a_battery(),
        "cards" => cards_of_their_own(),
        "servers" => servers_and_boards(),
        "nothing" => nothing_there(),
        other => panic!("no scene `{other}`"),
    }
    println!("played {name}");
}

#[test]
fn an_intel_laptop_on_battery_has_joules() {
    play("on-battery");
}

#[test]
fn an_amd_apu_on_the_wall_has_joules() {
    play("apu");
}

#[test]
fn an_intel_laptop_on_the_wall_is_told_what_to_do() {
    play("on-the-wall");
}

#[test]
fn a_battery_that_shows_no_power_is_read_all_the_same() {
    play("left");
}

#[test]
fn cards_are_told_apart_and_lying_ones_refused() {
    play("cards");
}

#[test]
fn servers_and_boards_give_their_joules() {
    play("servers");
}

#[test]
fn without_any_of_them_each_says_so() {
    play("nothing");
}
