//! One folder of hwmon's class and the sensors in it.

use std::path::{Path, PathBuf};

use super::super::files;
use super::gauge::Files;
use super::gpu_metrics::{Accumulator, Header};
use super::labels::{self, Part};
use super::{EXPECTED_UPDATE_INTERVAL, MAX_WATTS};
use crate::energy::device::PciAddress;
use crate::energy::figure::Scope;
use crate::energy::sensor::Unavailable;

/// Kinds of power supply.
const SUPPLIES: [&str; 5] = ["Battery", "Mains", "USB", "UPS", "Wireless"];

/// One folder of the class: what one driver shows of one device.
pub(super) struct Chip {
    /// Its number in the class.
    place: String,
    driver: String,
    /// Where its files lie: the folder itself, or, with older drivers, that of the device.
    folders: [PathBuf; 2],
    pci: Option<PciAddress>,
    metrics: Option<Header>,
}

/// One row to be.
pub(super) struct ChipSensor {
    pub driver: String,
    /// What tells it from others of its driver, the shortest first.
    pub parts: Vec<String>,
    pub scope: Scope,
    pub part: Part,
    pub apu: bool,
    pub pci: Option<PciAddress>,
    pub label: String,
    /// Device and driver.
    pub identity: String,
    pub reader: Reader,
}

pub(super) enum Reader {
    Files {
        files: Files,
        averaging: Option<f64>,
    },
    /// amdgpu's table, and the power sensor beside it.
    Accumulator {
        table: Accumulator,
        power: Option<(Files, Option<f64>)>,
    },
    Refused(Unavailable),
}

impl Chip {
    /// Opens the folder `place`; `None` for what is no sensor.
    pub(super) fn open(class: &Path, place: String) -> Option<Self> {
        let folder = class.join(&place);
        let device = folder.join("device");
        // Batteries and chargers show themselves here too: they are the battery source's.
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

    /// Whether it is a processor with its graphics: told by its table, or by the supply of its north bridge.
    fn is_apu(&self) -> bool {
        self.driver == "amdgpu"
            && match self.metrics {
                Some(header) => header.is_apu(),
                None => self.text("in1_label").as_deref() == Some("vddnb"),
            }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.exists())
    }

    fn text(&self, name: &str) -> Option<String> {
        files::optional(&self.file(name)?)
    }

    /// Seconds in a file of milliseconds.
    fn seconds(&self, name: &str) -> Option<f64> {
        let milliseconds: f64 = self.text(name)?.parse().ok()?;
        (milliseconds > 0.0).then_some(milliseconds / 1e3)
    }

    /// What the driver or, on Grace, the firmware calls the sensor.
    fn label(&self, stem: &str) -> Option<String> {
        self.text(&format!("{stem}_label"))
            .or_else(|| self.text(&format!("{stem}_oem_info")))
    }

    /// What it shows of power and energy.
    pub(super) fn sensors(&self) -> Vec<ChipSensor> {
        let mut files: Vec<String> = self.folders.iter().flat_map(|f| files::names(f)).collect();
        files.sort_by_key(|name| (name.len(), name.clone()));
        files.dedup();
        let stems = |prefix: &str, suffix: &str| -> Vec<String> {
            files
                .iter()
                .filter_map(|name| {
                    let number = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
                    number
                        .parse::<u32>()
                        .ok()
                        .map(|_| format!("{prefix}{number}"))
                })
                .collect()
        };
        let mut sensors = Vec::new();
        for stem in stems("energy", "_input") {
            let files = self.file(&format!("{stem}_input")).map(Files::Energy);
            sensors.extend(files.map(|files| self.sensor(&stem, files, None)));
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
            let path = average.or_else(|| self.file(&format!("{stem}_input")));
            let files = path.map(Files::Power);
            sensors.extend(files.map(|files| self.sensor(&stem, files, averaging)));
        }
        if sensors.is_empty() && self.driver == "ina3221" {
            for current in stems("curr", "_input") {
                let stem = current.replacen("curr", "in", 1);
                let volts = self.file(&format!("{stem}_input"));
                if let (Some(volts), Some(amperes)) =
                    (volts, self.file(&format!("{current}_input")))
                {
                    let files = Files::Product { volts, amperes };
                    sensors.push(self.sensor(&stem, files, self.seconds("update_interval")));
                }
            }
        }
        self.accumulator(&mut sensors);
        sensors
    }

    fn sensor(&self, stem: &str, files: Files, averaging: Option<f64>) -> ChipSensor {
        let label = self.label(stem).unwrap_or_else(|| stem.to_owned());
        let entry = labels::of(&self.driver, &label);
        let apu = self.is_apu();
        let socket = apu || self.metrics.is_some_and(Header::is_socket);
        let plain: Vec<&str> = label.split_whitespace().collect();
        let pci = self.pci.map(|pci| pci.to_string()).unwrap_or_default();
        let id = |name: &str| self.text(&format!("device/{name}")).unwrap_or_default();
        ChipSensor {
            driver: self.driver.clone(),
            parts: vec![
                pci.clone(),
                plain.join("-"),
                format!("{}-{stem}", self.place),
            ],
            scope: if socket { Scope::Socket } else { entry.scope },
            part: entry.part,
            apu,
            pci: self.pci,
            identity: format!(
                "{} {} {} {pci} {label} {}",
                self.driver,
                id("vendor"),
                id("device"),
                files::kernel()
            ),
            label,
            reader: Reader::Files { files, averaging },
        }
    }

    /// amdgpu's energy counter goes before its power sensor, which becomes its companion; where it is refused, it is a
    /// row that says so.
    fn accumulator(&self, sensors: &mut Vec<ChipSensor>) {
        let table = self.folders[1].join("gpu_metrics");
        if self.driver != "amdgpu" || !table.exists() {
            return;
        }
        let template = Files::Power(table.clone());
        let mut sensor = self.sensor("gpu_metrics", template, None);
        match Accumulator::open(&table, MAX_WATTS, EXPECTED_UPDATE_INTERVAL) {
            Ok(table) => {
                let beside = sensors.iter().position(|sensor| {
                    matches!(
                        sensor.reader,
                        Reader::Files {
                            files: Files::Power(_),
                            ..
                        }
                    )
                });
                let power = beside.and_then(|at| match sensors.remove(at).reader {
                    Reader::Files { files, averaging } => Some((files, averaging)),
                    _ => None,
                });
                sensor.reader = Reader::Accumulator { table, power };
                sensors.insert(0, sensor);
            }
            Err(refusal) => {
                sensor.reader = Reader::Refused(refusal);
                sensors.push(sensor);
            }
        }
    }
}
