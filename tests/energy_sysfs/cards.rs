//! Graphics cards, alone and in an APU.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use wattgrad::internals::energy::{Covers, DeviceKind, Method, Scope};

use crate::live::{Feed, Load};
use crate::skip::skipped;
use crate::tree::{Tree, table};
use crate::unprivileged::{as_ordinary_user, may_drop_privileges};
use crate::{adapter, closed, judge, measured, names, refused, report, row};

#[test]
fn apu_on_mains_power_is_measured() {
    let tree = Tree::new();
    tree.supplies(true, "Full");
    let folder = tree.chip(2, "amdgpu", Some("0000:04:00.0"));
    tree.put(
        &format!("{folder}/device/gpu_metrics"),
        table(2, 3, 120, 24, 1.0),
    );
    tree.put(&format!("{folder}/power1_label"), "PPT\n");
    // A driver without power has no sensor.
    let silent = tree.chip(3, "nvme", None);
    tree.put(&format!("{silent}/temp1_input"), "40000\n");
    let load = Load { watts: 31.0 };
    let file = format!("{folder}/power1_average");
    let files = tree.clone();
    let feed = Feed::every(0.02, move |at| {
        files.put(&file, format!("{}\n", (load.watts(at) * 1e6) as u64));
    });
    let gpu = adapter(DeviceKind::Integrated, Some("0000:04:00.0"));
    let (rows, from, to) = feed.meter(&tree.open("auto", Some(&gpu)), 11.0);
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

    // The processor beside another card; nothing for a card without a PCI address.
    let card = adapter(DeviceKind::Discrete, Some("0000:09:00.0"));
    let rows = tree.open("hwmon", Some(&card)).sources();
    closed(&report(&rows, "hwmon"), "no card at 0000:09:00.0");
    assert_eq!(report(&rows, "hwmon:amdgpu-PPT").covers, Some(Covers::Host));
    let unknown = adapter(DeviceKind::Integrated, None);
    let rows = tree.open("hwmon", Some(&unknown)).sources();
    assert_eq!(names(&rows), ["hwmon"]);
    closed(&rows[0], "no valid PCI address");
    let software = adapter(DeviceKind::Cpu, None);
    let rows = tree.open("hwmon", Some(&software)).sources();
    assert_eq!(
        report(&rows, "hwmon:amdgpu-PPT").covers,
        Some(Covers::Contains)
    );
}

#[test]
fn a_card_with_an_unknown_table_has_the_vendors_program() {
    let tree = Tree::new();
    let card = tree.chip(0, "amdgpu", Some("0000:03:00.0"));
    tree.put(&format!("{card}/power1_average"), "50000000\n");
    tree.put(
        &format!("{card}/device/gpu_metrics"),
        table(1, 9, 120, 24, 1000.0),
    );
    let rows = tree.open("hwmon", None).sources();
    let fix = rows.iter().find_map(|row| row.fix.clone()).unwrap();
    assert!(
        fix.contains("amd-smi metric -g 0000:03:00.0 --energy"),
        "{fix}"
    );
}

#[test]
fn cards_are_distinguished_and_invalid_counters_rejected() {
    let tree = Tree::new();
    let first = tree.chip(0, "amdgpu", Some("0000:03:00.0"));
    let second = tree.chip(1, "amdgpu", Some("0000:0a:00.0"));
    let intel = tree.chip(2, "xe", Some("0000:0c:00.0"));
    tree.put(&format!("{intel}/energy1_label"), "card\n");
    tree.put(&format!("{intel}/energy2_label"), "pkg\n");
    let old = tree.chip(3, "i915", Some("0000:0d:00.0"));
    tree.put(&format!("{old}/energy1_input"), "0\n");
    let constant = tree.chip(4, "amdgpu", Some("0000:0e:00.0"));
    tree.put(&format!("{constant}/power1_input"), "65535000\n");
    tree.put(&format!("{constant}/in1_label"), "vddnb\n");
    let secret = tree.chip(5, "amd_energy", None);
    tree.put(&format!("{secret}/energy1_input"), "5000000\n");
    tree.put(&format!("{secret}/energy1_label"), "Esocket0\n");
    tree.put(&format!("{secret}/energy2_input"), "5000000\n");
    tree.put(&format!("{secret}/energy2_label"), "Ecore000\n");
    let closed_file = tree.path(&format!("{secret}/energy1_input"));
    fs::set_permissions(&closed_file, fs::Permissions::from_mode(0o000)).unwrap();

    let load = Load { watts: 220.0 };
    let card = intel.clone();
    let files = tree.clone();
    let feed = Feed::every(0.02, move |at| {
        let joules = 1000.0 + load.joules(at);
        files.put(
            &format!("{first}/device/gpu_metrics"),
            table(1, 3, 120, 24, joules),
        );
        // The second card's counter stops in its sixth second, its power does not.
        let stopped = 1000.0 + load.joules(at.min(6.0));
        files.put(
            &format!("{second}/device/gpu_metrics"),
            table(1, 3, 120, 24, stopped),
        );
        for card in [&first, &second] {
            files.put(
                &format!("{card}/power1_average"),
                format!("{}\n", (load.watts(at) * 1e6) as u64),
            );
        }
        for (file, share) in [("energy1_input", 1.0), ("energy2_input", 0.6)] {
            files.put(
                &format!("{card}/{file}"),
                format!("{}\n", (joules * share * 1e6) as u64),
            );
        }
    });
    let meter = as_ordinary_user(|| tree.open("hwmon", None));
    let (rows, from, to) = feed.meter(&meter, 11.0);
    let truth = load.joules(to) - load.joules(from);
    let sound = row(&rows, "hwmon:amdgpu-0000:03:00.0");
    measured(sound, truth, 0.02);
    assert_eq!((sound.scope, sound.method), (Scope::Board, Method::Counter));
    // A window that had to be repeated begins after the stop.
    let stopped = if from < 6.0 {
        "it has stopped"
    } else {
        "stayed at"
    };
    refused(row(&rows, "hwmon:amdgpu-0000:0a:00.0"), stopped);
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
        "the maximum of its field",
    );
    let secret = row(&rows, "hwmon:amd_energy");
    assert_eq!(secret.scope, Scope::Package);
    if may_drop_privileges() {
        refused(secret, "this user may not read");
        let fix = format!("sudo chmod a+r {}", closed_file.display());
        assert_eq!(secret.fix.as_deref(), Some(fix.as_str()));
    } else {
        skipped(
            "files that may not be read",
            "this process cannot drop its privileges",
        );
    }
    assert_eq!(rows.len(), 8, "{rows:#?}");

    // Each adapter has its own card.
    let card = adapter(DeviceKind::Discrete, Some("00000000:03:00.0"));
    let rows = tree.open("hwmon", Some(&card)).sources();
    assert_eq!(
        report(&rows, "hwmon:amdgpu-0000:03:00.0").covers,
        Some(Covers::Adapter)
    );
    assert!(!names(&rows).contains(&"hwmon:amdgpu-0000:0a:00.0"));
    assert!(!names(&rows).contains(&"hwmon:xe-card"));
    let unknown = adapter(DeviceKind::Discrete, None);
    closed(
        &report(&tree.open("hwmon", Some(&unknown)).sources(), "hwmon"),
        "no valid PCI address",
    );
    judge();
}
