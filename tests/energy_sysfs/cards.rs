//! Graphics cards, alone and in an APU.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use wattgrad::internals::energy::{Covers, DeviceKind, Method, Scope};

use crate::live::{Feed, Load};
use crate::tree::{chip, put, supplies, table};
use crate::{adapter, closed, measured, names, open, refused, report, row};

pub fn an_apu_on_the_wall() {
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
    let gpu = adapter(DeviceKind::Integrated, Some("0000:04:00.0"));
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
    let card = adapter(DeviceKind::Discrete, Some("0000:09:00.0"));
    let rows = open("hwmon", Some(&card)).sources();
    closed(&report(&rows, "hwmon"), "no card at 0000:09:00.0");
    assert_eq!(report(&rows, "hwmon:amdgpu-PPT").covers, Some(Covers::Host));
    let unknown = adapter(DeviceKind::Integrated, None);
    let rows = open("hwmon", Some(&unknown)).sources();
    assert_eq!(names(&rows), ["hwmon"]);
    closed(&rows[0], "no PCI address");
    let software = adapter(DeviceKind::Cpu, None);
    let rows = open("hwmon", Some(&software)).sources();
    assert_eq!(
        report(&rows, "hwmon:amdgpu-PPT").covers,
        Some(Covers::Contains)
    );
}

pub fn cards_of_their_own() {
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
        secret.fix.as_deref(),
        Some(format!("sudo chmod a+r {closed_file}").as_str())
    );
    assert_eq!(rows.len(), 8, "{rows:#?}");

    // Each adapter its own card.
    let card = adapter(DeviceKind::Discrete, Some("00000000:03:00.0"));
    let rows = open("hwmon", Some(&card)).sources();
    assert_eq!(
        report(&rows, "hwmon:amdgpu-0000:03:00.0").covers,
        Some(Covers::Adapter)
    );
    assert!(!names(&rows).contains(&"hwmon:amdgpu-0000:0a:00.0"));
    assert!(!names(&rows).contains(&"hwmon:xe-card"));
    let unknown = adapter(DeviceKind::Discrete, None);
    closed(
        &report(&open("hwmon", Some(&unknown)).sources(), "hwmon"),
        "no PCI address",
    );
}
