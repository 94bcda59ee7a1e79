//! Servers and boards with meters of their own.

use wattgrad::internals::energy::{Covers, DeviceKind, Scope};

use crate::live::{Feed, Load};
use crate::tree::Tree;
use crate::{adapter, closed, judge, measured, report, row};

#[test]
fn servers_and_boards_are_measured() {
    let tree = Tree::new();
    // Grace's meters are files of the device, named by the firmware.
    let grace = [
        "Module Power Socket 0",
        "Grace Power Socket 0",
        "CPU Power Socket 0",
        "SysIO Power Socket 0",
    ];
    for (number, name) in (0..).zip(grace) {
        let folder = tree.chip(number, "power_meter", None);
        tree.put(
            &format!("{folder}/device/power1_oem_info"),
            format!("{name}\n"),
        );
        tree.put(&format!("{folder}/device/power1_average_interval"), "50\n");
    }
    let jetson = tree.chip(9, "ina3221", None);
    tree.put(&format!("{jetson}/in1_label"), "VDD_IN\n");
    tree.put(&format!("{jetson}/in2_label"), "VDD_GPU_SOC\n");
    tree.put(&format!("{jetson}/in1_input"), "19000\n");
    tree.put(&format!("{jetson}/in2_input"), "12000\n");
    tree.put(&format!("{jetson}/update_interval"), "20\n");
    let cray = "cray/pm_counters";
    tree.put(&format!("{cray}/generation"), "42\n");
    tree.put(&format!("{cray}/power_cap"), "0 W\n");
    let load = Load { watts: 600.0 };
    let files = tree.clone();
    let feed = Feed::every(0.05, move |at| {
        for (number, share) in [(0, 1.0), (1, 0.5), (2, 0.4), (3, 0.1)] {
            files.put(
                &format!("class/hwmon/hwmon{number}/device/power1_average"),
                format!("{}\n", (load.watts(at) * share * 1e6) as u64),
            );
        }
        for (number, millivolts, share) in [(1, 19_000.0, 0.1), (2, 12_000.0, 0.05)] {
            files.put(
                &format!("class/hwmon/hwmon9/curr{number}_input"),
                format!("{}\n", (load.watts(at) * share * 1e6 / millivolts) as u64),
            );
        }
    });
    let files = tree.clone();
    let counted = Feed::every(0.1, move |at| {
        for (file, share) in [
            ("energy", 2.0),
            ("cpu_energy", 0.5),
            ("memory_energy", 0.25),
            ("accel0_energy", 1.0),
            ("accel1_energy", 1.0),
        ] {
            let joules = (90_000.0 + load.joules(at) * share) as u64;
            files.put(
                &format!("cray/pm_counters/{file}"),
                format!("{joules} J {} us\n", (at * 1e6) as u64),
            );
        }
    });
    let (rows, from, to) = feed.meter(&tree.open("hwmon", None), 4.0);
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
    let (nodes, from, to) = counted.meter(&tree.open("pm_counters", None), 4.0);
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

    // Accelerators are numbered only, so none can be matched with an adapter, but the node contains it.
    let card = adapter(DeviceKind::Discrete, Some("0000:03:00.0"));
    let rows = tree.open("pm_counters", Some(&card)).sources();
    closed(&report(&rows, "pm_counters:accel0"), "no PCI address");
    assert_eq!(
        report(&rows, "pm_counters:node").covers,
        Some(Covers::Contains)
    );
    drop(counted);
    tree.put("cray/pm_counters/memory_energy", "none\n");
    tree.put("cray/pm_counters/cpu_energy", "0 J 5 us\n");
    let rows = tree.open("pm_counters", None).sources();
    closed(&report(&rows, "pm_counters:memory"), "contains `none`");
    closed(&report(&rows, "pm_counters:cpu"), "reads 0");
    judge();
}
