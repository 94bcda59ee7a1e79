//! Linux hwmon: the energy and power sensors of graphics cards, servers, boards and rails, one reader for all.
//!
//! Each driver shows numbers in the same files and units (`energy1_input` in microjoules, `power1_average` and
//! `power1_input` in microwatts); a table says what they cover. A card is paired with the adapter by the PCI address of
//! the device behind its driver.

use std::path::{Path, PathBuf};

use crate::energy::figure::{Covers, Scope};
use crate::energy::instrument::{Instrument, Refusal};
use crate::energy::options::MeterOptions;
use crate::energy::source::{Row, Source};
use crate::energy::target::{PciAddress, Target, TargetKind};

use super::files;
use gauge::{Files, Gauge};
use gpu_metrics::{Accumulator, Header};
use labels::Part;

mod gauge;
mod gpu_metrics;
mod labels;

const NAME: &str = "hwmon";
const CLASS: &str = "/sys/class/hwmon";

/// Above what anything behind one sensor draws.
const MOST_WATTS: f64 = 10_000.0;
/// Drivers renew their values this often, roughly.
const EXPECTED_TICK: f64 = 0.1;

/// Kinds of power supply.
const SUPPLIES: [&str; 5] = ["Battery", "Mains", "USB", "UPS", "Wireless"];

pub(crate) struct Hwmon;

impl Source for Hwmon {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&Target>) -> Vec<Row> {
        rows(Path::new(CLASS), target)
    }
}

/// One folder of the class: what one driver shows of one device.
struct Chip {
    /// Its number in the class.
    place: String,
    driver: String,
    /// Where its files lie: the folder itself, or, with older drivers, that of the device.
    folders: [PathBuf; 2],
    pci: Option<PciAddress>,
    metrics: Option<Header>,
}

/// One row to be.
struct Sensor {
    driver: String,
    /// What tells it from others of its driver, the shortest first.
    parts: Vec<String>,
    scope: Scope,
    part: Part,
    apu: bool,
    pci: Option<PciAddress>,
    label: String,
    /// Device and driver.
    identity: String,
    reader: Reader,
}

enum Reader {
    Files {
        files: Files,
        averaging: Option<f64>,
    },
    /// amdgpu's table, and the power sensor beside it.
    Accumulator {
        table: Accumulator,
        power: Option<(Files, Option<f64>)>,
    },
    Refused(Refusal),
}

fn rows(class: &Path, target: Option<&Target>) -> Vec<Row> {
    let chips: Vec<Chip> = files::names(class)
        .into_iter()
        .filter_map(|place| Chip::open(class, place))
        .collect();
    let mut sensors: Vec<Sensor> = chips.iter().flat_map(Chip::sensors).collect();
    sensors.retain(|sensor| sensor.part != Part::Inside);
    let names = names(&sensors);
    let cards: Vec<PciAddress> = sensors
        .iter()
        .filter(|sensor| sensor.part == Part::Device)
        .filter_map(|sensor| sensor.pci)
        .collect();
    let mut rows: Vec<Row> = sensors
        .into_iter()
        .zip(names)
        .filter_map(|(sensor, name)| {
            let covers = match target {
                Some(target) => Some(sensor.covers(target)?),
                None => None,
            };
            Some(sensor.row(name, covers))
        })
        .collect();
    let refusal = match target {
        Some(target) => unpaired(&cards, target),
        None => None,
    };
    let refusal = refusal.or_else(|| rows.is_empty().then(|| nothing(class, chips.len())));
    if let Some(refusal) = refusal {
        let covers = target.map(|_| Covers::Adapter);
        rows.insert(0, Row::power(NAME, Scope::Board, covers, Err(refusal)));
    }
    rows
}

fn nothing(class: &Path, chips: usize) -> Refusal {
    let class = class.display();
    if chips == 0 {
        return Refusal::new(format!(
            "{class} holds no sensor (another system than Linux, no driver, or hidden by a container or virtual machine)"
        ));
    }
    Refusal::new(format!(
        "none of the {chips} chips in {class} shows the power or energy of the adapter or its host"
    ))
}

/// Why none of the cards that hwmon knows is the adapter. Never the first card for want of a better one.
fn unpaired(cards: &[PciAddress], target: &Target) -> Option<Refusal> {
    if cards.is_empty() || target.kind == TargetKind::Cpu {
        return None;
    }
    let name = &target.name;
    match address(target) {
        None => Some(Refusal::new(format!(
            "the graphics backend tells no PCI address of the adapter `{name}` that can be read, so no card can be paired with it"
        ))),
        Some(wanted) if !cards.contains(&wanted) => {
            let mut others: Vec<String> = cards.iter().map(PciAddress::to_string).collect();
            others.dedup();
            Some(Refusal::new(format!(
                "hwmon knows no card at {wanted} (`{name}`), only at {}",
                others.join(", ")
            )))
        }
        Some(_) => None,
    }
}

fn address(target: &Target) -> Option<PciAddress> {
    PciAddress::parse(target.pci_id.as_deref()?)
}

/// `hwmon:DRIVER`, with as much behind it as tells sensors apart.
fn names(sensors: &[Sensor]) -> Vec<String> {
    let mut names: Vec<String> = sensors
        .iter()
        .map(|sensor| format!("{NAME}:{}", sensor.driver))
        .collect();
    let most = sensors.iter().map(|sensor| sensor.parts.len()).max();
    for level in 0..most.unwrap_or(0) {
        let before = names.clone();
        for (at, sensor) in sensors.iter().enumerate() {
            let twins: Vec<&Sensor> = sensors
                .iter()
                .zip(&before)
                .filter(|(_, name)| **name == before[at])
                .map(|(sensor, _)| sensor)
                .collect();
            let part = sensor.parts.get(level);
            let tells = twins.iter().any(|twin| twin.parts.get(level) != part);
            if let Some(part) = part.filter(|part| tells && !part.is_empty()) {
                names[at] = format!("{}-{part}", before[at]);
            }
        }
    }
    names
}

impl Chip {
    fn open(class: &Path, place: String) -> Option<Self> {
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

    fn sensors(&self) -> Vec<Sensor> {
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

    fn sensor(&self, stem: &str, files: Files, averaging: Option<f64>) -> Sensor {
        let label = self.label(stem).unwrap_or_else(|| stem.to_owned());
        let entry = labels::of(&self.driver, &label);
        let apu = self.is_apu();
        let socket = apu || self.metrics.is_some_and(Header::is_socket);
        let plain: Vec<&str> = label.split_whitespace().collect();
        let pci = self.pci.map(|pci| pci.to_string()).unwrap_or_default();
        let id = |name: &str| self.text(&format!("device/{name}")).unwrap_or_default();
        Sensor {
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
    fn accumulator(&self, sensors: &mut Vec<Sensor>) {
        let table = self.folders[1].join("gpu_metrics");
        if self.driver != "amdgpu" || !table.exists() {
            return;
        }
        let template = Files::Power(table.clone());
        let mut sensor = self.sensor("gpu_metrics", template, None);
        match Accumulator::open(&table, MOST_WATTS, EXPECTED_TICK) {
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

impl Sensor {
    /// How it lies to the adapter; `None` for another card, which has no part in the run.
    fn covers(&self, target: &Target) -> Option<Covers> {
        match self.part {
            Part::Inside => None,
            Part::Whole => Some(Covers::Contains),
            Part::Host if target.kind == TargetKind::Integrated && self.label.contains("GPU") => {
                Some(Covers::Contains)
            }
            Part::Host => Some(target.host_covers(self.scope)),
            Part::Device => {
                let paired = self.pci.is_some() && self.pci == address(target);
                match (target.kind, self.apu) {
                    (TargetKind::Cpu, true) => Some(Covers::Contains),
                    (TargetKind::Cpu, false) => None,
                    (_, true) if paired => Some(Covers::Contains),
                    (_, false) if paired => Some(Covers::Adapter),
                    // The processor beside a card.
                    (TargetKind::Discrete, true) => Some(Covers::Host),
                    _ => None,
                }
            }
        }
    }

    fn row(self, name: String, covers: Option<Covers>) -> Row {
        let Self {
            driver,
            scope,
            identity,
            reader,
            ..
        } = self;
        let gauge = |files: Files, averaging: Option<f64>| {
            Gauge::open(files, &driver, averaging, MOST_WATTS, EXPECTED_TICK)
                .map(|gauge| Box::new(gauge) as Box<dyn Instrument>)
        };
        let mut row = match reader {
            Reader::Files { files, averaging } => {
                let counts = matches!(files, Files::Energy(_));
                let opened = gauge(files, averaging);
                if counts {
                    Row::counter(name, scope, covers, opened)
                } else {
                    Row::power(name, scope, covers, opened)
                }
            }
            Reader::Accumulator { table, power } => {
                let mut row = Row::counter(&name, scope, covers, Ok(Box::new(table)));
                row.companion = power.map(|(files, averaging)| {
                    let source = format!("{name}-power");
                    let mut power = Row::power(source, scope, covers, gauge(files, averaging));
                    power.identity = format!("{identity} power");
                    Box::new(power)
                });
                row
            }
            Reader::Refused(refusal) => Row::counter(name, scope, covers, Err(refusal)),
        };
        row.identity = identity;
        row
    }
}
