//! One folder of the hwmon class and its channels.

use std::path::{Path, PathBuf};

use super::super::files;
use super::gauge::{self, Files};
use super::gpu_metrics::{self, Header};
use super::labels::{self, Part};
use crate::energy::device::PciAddress;
use crate::energy::figure::{Method, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::sensor::{Sensor, Unavailable};

/// Types of power supply: their hwmon folders belong to the source `battery`.
const SUPPLIES: [&str; 5] = ["Battery", "Mains", "USB", "UPS", "Wireless"];

/// One folder of the class: the files of one driver for one device.
pub(super) struct Chip {
    /// Name of the folder, `hwmon0`.
    place: String,
    driver: String,
    /// The folder itself and that of the device, where older drivers keep their files.
    folders: [PathBuf; 2],
    pci: Option<PciAddress>,
    metrics: Option<Header>,
}

/// One energy or power sensor of a chip; its name follows once all chips are known.
pub(super) struct Channel {
    pub driver: String,
    /// What distinguishes it from other channels of its driver, the shortest first.
    pub qualifiers: Vec<String>,
    pub part: Part,
    pub apu: bool,
    pub pci: Option<PciAddress>,
    pub label: String,
    pub sensor: OpenSensor,
}

impl Chip {
    /// Opens the folder `place`; `None` where it is no sensor.
    pub(super) fn open(class: &Path, place: String) -> Option<Self> {
        let folder = class.join(&place);
        let device = folder.join("device");
        let kind = files::optional(&device.join("type"));
        if kind.is_some_and(|kind| SUPPLIES.contains(&kind.as_str())) {
            return None;
        }
        let driver = files::optional(&folder.join("name"))
            .or_else(|| files::optional(&device.join("name")))?;
        let pci = std::fs::canonicalize(&device)
            .ok()
            .and_then(|device| PciAddress::parse(device.file_name()?.to_str()?));
        let metrics = files::bytes(&device.join("gpu_metrics"))
            .ok()
            .and_then(|table| Header::parse(&table));
        Some(Self {
            place,
            driver,
            folders: [folder, device],
            pci,
            metrics,
        })
    }

    /// Whether it is a processor with graphics, by its table or by the voltage of its north bridge.
    fn is_apu(&self) -> bool {
        self.driver == "amdgpu"
            && match self.metrics {
                Some(header) => header.is_apu(),
                None => self.text("in1_label").as_deref() == Some("vddnb"),
            }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        let paths = self.folders.iter().map(|folder| folder.join(name));
        paths.into_iter().find(|path| path.exists())
    }

    fn text(&self, name: &str) -> Option<String> {
        files::optional(&self.file(name)?)
    }

    /// Seconds from a file of milliseconds.
    fn seconds(&self, name: &str) -> Option<f64> {
        let milliseconds: f64 = self.text(name)?.parse().ok()?;
        (milliseconds > 0.0).then_some(milliseconds / 1e3)
    }

    pub(super) fn channels(&self) -> Vec<Channel> {
        let mut names: Vec<String> = self.folders.iter().flat_map(|f| files::names(f)).collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names.dedup();
        let stems = |prefix: &str, suffix: &str| -> Vec<String> {
            let numbers = names.iter().filter_map(|name| {
                let number = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
                number.parse::<u32>().ok()
            });
            numbers.map(|number| format!("{prefix}{number}")).collect()
        };
        let mut channels = Vec::new();
        for stem in stems("energy", "_input") {
            if let Some(path) = self.file(&format!("{stem}_input")) {
                channels.push(self.gauge(&stem, Files::Energy(path), None));
            }
        }
        let mut powers = stems("power", "_average");
        powers.extend(stems("power", "_input"));
        powers.sort();
        powers.dedup();
        for stem in powers {
            let average = self.file(&format!("{stem}_average"));
            let averaging = match average {
                Some(_) => self.seconds(&format!("{stem}_average_interval")),
                None => self.seconds("update_interval"),
            };
            if let Some(path) = average.or_else(|| self.file(&format!("{stem}_input"))) {
                channels.push(self.gauge(&stem, Files::Power(path), averaging));
            }
        }
        if channels.is_empty() && self.driver == "ina3221" {
            for current in stems("curr", "_input") {
                let stem = current.replacen("curr", "in", 1);
                let volts = self.file(&format!("{stem}_input"));
                let amperes = self.file(&format!("{current}_input"));
                if let (Some(volts), Some(amperes)) = (volts, amperes) {
                    let files = Files::Product { volts, amperes };
                    channels.push(self.gauge(&stem, files, self.seconds("update_interval")));
                }
            }
        }
        self.accumulator(&mut channels);
        channels
    }

    fn gauge(&self, stem: &str, files: Files, averaging: Option<f64>) -> Channel {
        let method = match files {
            Files::Energy(_) => Method::Counter,
            _ => Method::IntegratedPower,
        };
        self.channel(stem, method, gauge::open(files, &self.driver, averaging))
    }

    fn channel(
        &self,
        stem: &str,
        method: Method,
        opened: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Channel {
        // What the driver or, on Grace, the firmware calls the channel.
        let label = self
            .text(&format!("{stem}_label"))
            .or_else(|| self.text(&format!("{stem}_oem_info")))
            .unwrap_or_else(|| stem.to_owned());
        let entry = labels::of(&self.driver, &label);
        let apu = self.is_apu();
        let scope = match apu || self.metrics.is_some_and(Header::is_socket) {
            true => Scope::Socket,
            false => entry.scope,
        };
        let words: Vec<&str> = label.split_whitespace().collect();
        let pci = self.pci.map(|pci| pci.to_string()).unwrap_or_default();
        let id = |name: &str| self.text(&format!("device/{name}")).unwrap_or_default();
        let identity = format!(
            "{} {} {} {pci} {label} {}",
            self.driver,
            id("vendor"),
            id("device"),
            files::kernel()
        );
        Channel {
            driver: self.driver.clone(),
            qualifiers: vec![pci, words.join("-"), format!("{}-{stem}", self.place)],
            part: entry.part,
            apu,
            pci: self.pci,
            label,
            sensor: OpenSensor::new("", scope, method, None, opened).with_identity(identity),
        }
    }

    /// amdgpu's energy counter replaces its power sensor, which becomes its companion. A counter that cannot be used
    /// is listed with the reason.
    fn accumulator(&self, channels: &mut Vec<Channel>) {
        let table = self.folders[1].join("gpu_metrics");
        if self.driver != "amdgpu" || !table.exists() {
            return;
        }
        let pci = self.pci.filter(|_| !self.is_apu());
        let opened = gpu_metrics::open(table).map_err(|why| match pci {
            // The vendor's program may know a table that is newer than this one's.
            Some(pci) if why.fix.is_none() => why.with_fix(format!(
                "--meter-unit J --meter 'cmd:PYTHONUNBUFFERED=1 amd-smi metric -g {pci} --energy --csv -w 1'"
            )),
            _ => why,
        });
        let mut counter = self.channel("gpu_metrics", Method::Counter, opened);
        if counter.sensor.sensor.is_err() {
            channels.push(counter);
            return;
        }
        let mut all = channels.iter();
        if let Some(at) = all.position(|one| one.sensor.method == Method::IntegratedPower) {
            let power = channels.remove(at).sensor;
            let identity = format!("{} power", counter.sensor.identity);
            counter.sensor.companion = Some(Box::new(power.with_identity(identity)));
        }
        channels.insert(0, counter);
    }
}
