//! Laptops: on battery, on mains power, and with a battery that shows only the energy left.

use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use wattgrad::internals::energy::{Method, Scope, Status};

use crate::live::{Feed, Load};
use crate::tree::Tree;
use crate::{closed, judge, measured, names, refused, report, row};

#[test]
fn laptop_on_battery_is_measured() {
    let tree = Tree::new();
    tree.supplies(false, "Discharging");
    tree.power_pmu();
    let load = Load { watts: 20.0 };
    let files = tree.clone();
    let feed = Feed::every(0.3, move |at| {
        // The mean since the last renewal, in whole milliwatts.
        let mean = (load.joules(at) - load.joules((at - 0.3).max(0.0))) / at.clamp(0.001, 0.3);
        let shown = if at == 0.0 { load.watts } else { mean };
        files.put(
            "class/power_supply/BAT0/power_now",
            format!("{}\n", (shown * 1e3) as u64 * 1000),
        );
    });
    let meter = tree.open("auto", None);
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
    let (rows, ..) = feed.meter(&tree.open("battery", None), 2.0);
    refused(row(&rows, "battery"), "shorter than ten");
}

#[test]
fn laptop_on_mains_power_reports_what_to_enable() {
    let tree = Tree::new();
    tree.supplies(true, "Charging");
    tree.put("class/power_supply/BAT0/power_now", "15000000\n");
    tree.power_pmu();
    // The battery has a hwmon folder too, with the power that charges it.
    let folder = tree.chip(0, "BAT0", None);
    symlink(
        tree.path("class/power_supply/BAT0"),
        tree.path(&format!("{folder}/device")),
    )
    .unwrap();
    tree.put(&format!("{folder}/power1_input"), "15000000\n");
    let meter = tree.open("auto", None);
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

    // At level 0 the kernel is asked for a PMU that it does not have: a reason and no energy.
    tree.paranoid("0\n");
    let rows = tree.open("perf", None).sources();
    closed(&report(&rows, "perf:energy-pkg"), "energy-pkg");
    // Two packages are two sensors, each counted on a processor of its own.
    tree.put("bus/event_source/devices/power/cpumask", "0,28\n");
    let rows = tree.open("perf", None).sources();
    assert_eq!(rows.len(), 6);
    closed(&report(&rows, "perf:energy-pkg:cpu28"), "energy-pkg");
    tree.put(
        "bus/event_source/devices/power/events/energy-pkg.unit",
        "Flops\n",
    );
    closed(
        &report(&tree.open("perf", None).sources(), "perf:energy-pkg:cpu0"),
        "not joules",
    );
}

/// A battery that discharges at 200 W.
fn discharging() -> (Tree, Load) {
    let tree = Tree::new();
    tree.supplies(false, "Discharging");
    (tree, Load { watts: 200.0 })
}

#[test]
fn battery_with_an_energy_file_is_measured() {
    let (tree, load) = discharging();
    // 10 mWh, 36 J, are shown together: at this power a fifth of a second.
    let left = move |at: f64| 50_000_000 - (load.joules(at) / 36.0) as i64 * 10_000;
    let files = tree.clone();
    let feed = Feed::every(0.01, move |at| {
        files.put(
            "class/power_supply/BAT0/energy_now",
            format!("{}\n", left(at)),
        );
    });
    let (rows, from, to) = feed.meter(&tree.open("battery", None), 8.0);
    let battery = row(&rows, "battery");
    assert_eq!(battery.method, Method::Counter);
    measured(battery, load.joules(to) - load.joules(from), 0.10);
    let (rows, ..) = feed.meter(&tree.open("battery", None), 1.0);
    refused(row(&rows, "battery"), "and 10 are needed");
    judge();
}

#[test]
fn battery_with_a_charge_file_is_measured() {
    let (tree, load) = discharging();
    tree.put("class/power_supply/BAT0/voltage_now", "12000000\n");
    let files = tree.clone();
    // 1 mAh at 12 V, 43.2 J.
    let feed = Feed::every(0.01, move |at| {
        let left = 4_000_000 - (load.joules(at) / 43.2) as i64 * 1000;
        files.put("class/power_supply/BAT0/charge_now", format!("{left}\n"));
    });
    let (rows, from, to) = feed.meter(&tree.open("battery", None), 8.0);
    measured(
        row(&rows, "battery"),
        load.joules(to) - load.joules(from),
        0.10,
    );
    judge();
}

#[test]
fn battery_with_a_current_file_is_measured_until_it_is_plugged_in() {
    let (tree, load) = discharging();
    tree.put("class/power_supply/BAT0/voltage_now", "12000000\n");
    tree.put("class/power_supply/BAT0/charge_now", "4000000\n");
    // Current is preferred to charge; its sign differs between drivers.
    let files = tree.clone();
    let feed = Feed::every(0.2, move |at| {
        let microamperes = load.watts(at) / 12.0 * 1e6;
        files.put(
            "class/power_supply/BAT0/current_now",
            format!("-{}\n", microamperes as u64),
        );
    });
    let (rows, from, to) = feed.meter(&tree.open("battery", None), 11.0);
    let battery = row(&rows, "battery");
    assert_eq!(battery.method, Method::IntegratedPower);
    let truth = load.joules(to) - load.joules(from);
    // Instants of a swinging power at 0.2 s, not its mean: within a few percent of it.
    measured(battery, truth, 0.15);

    // Plugged in while the window is open.
    let window = tree.open("battery", None).start();
    tree.put("class/power_supply/AC/online", "1\n");
    sleep(Duration::from_millis(300));
    let rows = window.stop();
    refused(row(&rows, "battery"), "lost during the window");
    refused(row(&rows, "battery"), "AC (Mains)");
    judge();
}
