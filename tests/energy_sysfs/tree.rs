//! The files of made-up machines.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Writes a file of the made-up /sys in one step, so that no read sees half of it.
pub fn put(path: &str, text: impl AsRef<[u8]>) {
    let path = Path::new("/sys").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, &path).unwrap();
}

/// A supply from the wall, and a battery with what belongs to every one.
pub fn supplies(online: bool, status: &str) {
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
pub fn power_pmu() {
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
pub fn chip(number: u32, driver: &str, pci: Option<&str>) -> String {
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
pub fn table(format: u8, content: u8, size: u16, at: usize, joules: f64) -> Vec<u8> {
    let mut table = vec![0xff; usize::from(size)];
    table[..2].copy_from_slice(&size.to_le_bytes());
    table[2..4].copy_from_slice(&[format, content]);
    table[at..at + 8].copy_from_slice(&((joules * 65_536.0) as u64).to_le_bytes());
    table
}
