//! Laptops: on battery, on the wall, and what is left in a battery.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use wattgrad::internals::energy::{Method, Scope, Status};

use crate::live::{Feed, Load};
use crate::tree::{chip, power_pmu, put, supplies};
use crate::{closed, measured, names, open, refused, report, row};

pub fn a_laptop_on_battery() {
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

pub fn a_laptop_on_the_wall() {
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
        battery.fix.as_deref(),
        Some("unplug, or run sudo sysctl kernel.perf_event_paranoid=0")
    );
    let package = report(&reports, "perf:energy-pkg");
    closed(&package, "perf_event_paranoid is 4");
    assert!(package.reason.unwrap().contains("setcap cap_perfmon"));
    assert_eq!(
        package.fix.as_deref(),
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

pub fn what_is_left_in_a_battery() {
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
