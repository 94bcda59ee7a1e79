//! The files of invented machines.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use wattgrad::internals::energy::{Meter, MeterOptions, MeteredDevice, Selection};

/// A folder in place of `/`, seen by a user without capabilities at the strictest level of `perf_event_paranoid` that
/// distributions ship.
#[derive(Clone)]
pub struct Tree(Arc<TempDir>);

impl Tree {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let tree = Self(Arc::new(folder));
        tree.paranoid("4\n");
        tree.put("../proc/self/status", "CapEff:\t0000000000000000\n");
        tree
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join("sys").join(path)
    }

    /// Writes a file below /sys in one step, so that no read sees half of it.
    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &path).unwrap();
    }

    pub fn paranoid(&self, level: &str) {
        fs::create_dir_all(self.path("")).unwrap();
        self.put("../proc/sys/kernel/perf_event_paranoid", level);
    }

    pub fn open(&self, source: &str, target: Option<&MeteredDevice>) -> Meter {
        let options = MeterOptions {
            selection: source.parse::<Selection>().unwrap(),
            sysfs_root: Some(self.0.path().to_owned()),
            ..Default::default()
        };
        Meter::open(&options, target).unwrap()
    }

    /// A power adapter, and a battery with the files that every battery has.
    pub fn supplies(&self, online: bool, status: &str) {
        self.put("class/power_supply/AC/type", "Mains\n");
        let online = if online { "1\n" } else { "0\n" };
        self.put("class/power_supply/AC/online", online);
        self.put("class/power_supply/BAT0/type", "Battery\n");
        self.put("class/power_supply/BAT0/present", "1\n");
        self.put("class/power_supply/BAT0/status", format!("{status}\n"));
        // The battery of a mouse does not supply the machine.
        self.put("class/power_supply/hid-mouse/type", "Battery\n");
        self.put("class/power_supply/hid-mouse/scope", "Device\n");
        self.put("class/power_supply/hid-mouse/status", "Discharging\n");
    }

    /// Intel's event files, of a PMU type that no kernel has.
    pub fn power_pmu(&self) {
        let folder = "bus/event_source/devices/power";
        self.put(&format!("{folder}/type"), "4000000\n");
        self.put(&format!("{folder}/cpumask"), "0\n");
        for (event, code) in [("pkg", 2), ("ram", 3), ("cores", 1), ("psys", 5)] {
            let event = format!("{folder}/events/energy-{event}");
            self.put(&event, format!("event=0x{code:02x}\n"));
            self.put(&format!("{event}.unit"), "Joules\n");
            self.put(&format!("{event}.scale"), "2.3283064365386962890625e-10\n");
        }
    }

    /// A hwmon chip of the PCI device `pci`.
    pub fn chip(&self, number: u32, driver: &str, pci: Option<&str>) -> String {
        let folder = format!("class/hwmon/hwmon{number}");
        self.put(&format!("{folder}/name"), format!("{driver}\n"));
        if let Some(pci) = pci {
            let device = self.path(&format!("devices/pci0000:00/{pci}"));
            fs::create_dir_all(&device).unwrap();
            symlink(device, self.path(&format!("{folder}/device"))).unwrap();
        }
        folder
    }
}

/// A table of amdgpu with an energy counter at `at`, and all else at the maximum of its type.
pub fn table(format: u8, content: u8, size: u16, at: usize, joules: f64) -> Vec<u8> {
    let mut table = vec![0xff; usize::from(size)];
    table[..2].copy_from_slice(&size.to_le_bytes());
    table[2..4].copy_from_slice(&[format, content]);
    table[at..at + 8].copy_from_slice(&((joules * 65_536.0) as u64).to_le_bytes());
    table
}
