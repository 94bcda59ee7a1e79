//! Linux hwmon: the energy and power sensors of graphics cards, servers, boards and rails, one reader for all.
//!
//! Each driver shows numbers in the same files and units (`energy1_input` in microjoules, `power1_average` and
//! `power1_input` in microwatts); a table says what they cover. A card is paired with the adapter by the PCI address of
//! the device behind its driver.

use std::path::Path;

use crate::energy::device::{DeviceKind, MeteredDevice, PciAddress};
use crate::energy::figure::{Covers, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, Unavailable};
use crate::energy::source::Source;

use super::files;
use chip::{Chip, ChipSensor, Reader};
use gauge::{Files, Gauge};
use labels::Part;

mod chip;
mod gauge;
mod gpu_metrics;
mod labels;

const NAME: &str = "hwmon";
const CLASS: &str = "/sys/class/hwmon";

/// Above what anything behind one sensor draws.
const MAX_WATTS: f64 = 10_000.0;
/// Drivers renew their values this often, roughly.
const EXPECTED_UPDATE_INTERVAL: f64 = 0.1;

pub(crate) struct Hwmon;

impl Source for Hwmon {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        rows(Path::new(CLASS), target)
    }
}

fn rows(class: &Path, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let chips: Vec<Chip> = files::names(class)
        .into_iter()
        .filter_map(|place| Chip::open(class, place))
        .collect();
    let mut sensors: Vec<ChipSensor> = chips.iter().flat_map(Chip::sensors).collect();
    sensors.retain(|sensor| sensor.part != Part::Inside);
    let names = names(&sensors);
    let cards: Vec<PciAddress> = sensors
        .iter()
        .filter(|sensor| sensor.part == Part::Device)
        .filter_map(|sensor| sensor.pci)
        .collect();
    let mut rows: Vec<OpenSensor> = sensors
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
        rows.insert(
            0,
            OpenSensor::power(NAME, Scope::Board, covers, Err(refusal)),
        );
    }
    rows
}

fn nothing(class: &Path, chips: usize) -> Unavailable {
    let class = class.display();
    if chips == 0 {
        return Unavailable::new(format!(
            "{class} holds no sensor (another system than Linux, no driver, or hidden by a container or virtual machine)"
        ));
    }
    Unavailable::new(format!(
        "none of the {chips} chips in {class} shows the power or energy of the adapter or its host"
    ))
}

/// Why none of the cards that hwmon knows is the adapter. Never the first card for want of a better one.
fn unpaired(cards: &[PciAddress], target: &MeteredDevice) -> Option<Unavailable> {
    if cards.is_empty() || target.kind == DeviceKind::Cpu {
        return None;
    }
    let name = &target.name;
    match address(target) {
        None => Some(Unavailable::new(format!(
            "the graphics backend tells no PCI address of the adapter `{name}` that can be read, so no card can be paired with it"
        ))),
        Some(wanted) if !cards.contains(&wanted) => {
            let mut others: Vec<String> = cards.iter().map(PciAddress::to_string).collect();
            others.dedup();
            Some(Unavailable::new(format!(
                "hwmon knows no card at {wanted} (`{name}`), only at {}",
                others.join(", ")
            )))
        }
        Some(_) => None,
    }
}

fn address(target: &MeteredDevice) -> Option<PciAddress> {
    PciAddress::parse(target.pci_id.as_deref()?)
}

/// `hwmon:DRIVER`, with as much behind it as tells sensors apart.
fn names(sensors: &[ChipSensor]) -> Vec<String> {
    let mut names: Vec<String> = sensors
        .iter()
        .map(|sensor| format!("{NAME}:{}", sensor.driver))
        .collect();
    let most = sensors.iter().map(|sensor| sensor.parts.len()).max();
    for level in 0..most.unwrap_or(0) {
        let before = names.clone();
        for (at, sensor) in sensors.iter().enumerate() {
            let twins: Vec<&ChipSensor> = sensors
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

impl ChipSensor {
    /// How it lies to the adapter; `None` for another card, which has no part in the run.
    fn covers(&self, target: &MeteredDevice) -> Option<Covers> {
        match self.part {
            Part::Inside => None,
            Part::Whole => Some(Covers::Contains),
            Part::Host if target.kind == DeviceKind::Integrated && self.label.contains("GPU") => {
                Some(Covers::Contains)
            }
            Part::Host => Some(target.host_covers(self.scope)),
            Part::Device => {
                let paired = self.pci.is_some() && self.pci == address(target);
                match (target.kind, self.apu) {
                    (DeviceKind::Cpu, true) => Some(Covers::Contains),
                    (DeviceKind::Cpu, false) => None,
                    (_, true) if paired => Some(Covers::Contains),
                    (_, false) if paired => Some(Covers::Adapter),
                    // The processor beside a card.
                    (DeviceKind::Discrete, true) => Some(Covers::Host),
                    _ => None,
                }
            }
        }
    }

    fn row(self, name: String, covers: Option<Covers>) -> OpenSensor {
        let Self {
            driver,
            scope,
            identity,
            reader,
            ..
        } = self;
        let gauge = |files: Files, averaging: Option<f64>| {
            Gauge::open(
                files,
                &driver,
                averaging,
                MAX_WATTS,
                EXPECTED_UPDATE_INTERVAL,
            )
            .map(|gauge| Box::new(gauge) as Box<dyn Sensor>)
        };
        let mut row = match reader {
            Reader::Files { files, averaging } => {
                let counts = matches!(files, Files::Energy(_));
                let opened = gauge(files, averaging);
                if counts {
                    OpenSensor::counter(name, scope, covers, opened)
                } else {
                    OpenSensor::power(name, scope, covers, opened)
                }
            }
            Reader::Accumulator { table, power } => {
                let mut row = OpenSensor::counter(&name, scope, covers, Ok(Box::new(table)));
                row.companion = power.map(|(files, averaging)| {
                    let source = format!("{name}-power");
                    let mut power =
                        OpenSensor::power(source, scope, covers, gauge(files, averaging));
                    power.identity = format!("{identity} power");
                    Box::new(power)
                });
                row
            }
            Reader::Refused(refusal) => OpenSensor::counter(name, scope, covers, Err(refusal)),
        };
        row.identity = identity;
        row
    }
}
