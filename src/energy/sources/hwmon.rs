//! Linux hwmon: the energy and power sensors of graphics cards, servers, boards and rails, one reader for all.
//!
//! Every driver shows numbers in the same files and units (`energy1_input` in microjoules, `power1_average` and
//! `power1_input` in microwatts); a table of labels says what they cover. A card is matched with the adapter by the PCI
//! address of its device.

use crate::energy::device::{DeviceKind, MeteredDevice, PciAddress};
use crate::energy::figure::{Covers, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::source::Source;

use super::files;
use chip::{Channel, Chip};
use labels::Part;

mod chip;
mod gauge;
mod gpu_metrics;
mod labels;

pub(super) const SOURCE: Source = Source {
    name: "hwmon",
    sensors,
};

fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let class = options.system_path("/sys/class/hwmon");
    let chips: Vec<Chip> = files::names(&class)
        .into_iter()
        .filter_map(|place| Chip::open(&class, place))
        .collect();
    let mut channels: Vec<Channel> = chips.iter().flat_map(Chip::channels).collect();
    channels.retain(|channel| channel.part != Part::Inside);
    let names = names(&channels);
    let devices = channels
        .iter()
        .filter(|channel| channel.part == Part::Device);
    let cards: Vec<PciAddress> = devices.filter_map(|channel| channel.pci).collect();
    let mut sensors: Vec<OpenSensor> = channels
        .into_iter()
        .zip(names)
        .filter_map(|(channel, name)| {
            let covers = match target {
                Some(target) => Some(channel.covers(target)?),
                None => None,
            };
            let mut sensor = channel.sensor;
            if let Some(companion) = &mut sensor.companion {
                companion.source = format!("{name}-power");
                companion.covers = covers;
            }
            Some(OpenSensor {
                source: name,
                covers,
                ..sensor
            })
        })
        .collect();
    let unavailable = match target.and_then(|target| unmatched(&cards, target)) {
        None if sensors.is_empty() => Some(Unavailable::new(match chips.len() {
            0 => format!(
                "{} contains no sensor (no Linux, no driver, or hidden by a container or virtual machine)",
                class.display()
            ),
            chips => format!(
                "none of the {chips} chips in {} shows power or energy of the adapter or its host",
                class.display()
            ),
        })),
        unavailable => unavailable,
    };
    if let Some(unavailable) = unavailable {
        let covers = target.map(|_| Covers::Adapter);
        let unavailable = OpenSensor::power(SOURCE.name, Scope::Board, covers, Err(unavailable));
        sensors.insert(0, unavailable);
    }
    sensors
}

/// Why none of the cards is the adapter. The first card is never used as a guess.
fn unmatched(cards: &[PciAddress], target: &MeteredDevice) -> Option<Unavailable> {
    if cards.is_empty() || target.kind == DeviceKind::Cpu {
        return None;
    }
    let name = &target.name;
    match address(target) {
        None => Some(Unavailable::new(format!(
            "the graphics backend gives no valid PCI address of the adapter `{name}`, so no card can be matched with it"
        ))),
        Some(wanted) if !cards.contains(&wanted) => {
            let mut others: Vec<String> = cards.iter().map(PciAddress::to_string).collect();
            others.dedup();
            Some(Unavailable::new(format!(
                "hwmon has no card at {wanted} (`{name}`), only at {}",
                others.join(", ")
            )))
        }
        Some(_) => None,
    }
}

fn address(target: &MeteredDevice) -> Option<PciAddress> {
    PciAddress::parse(target.pci_id.as_deref()?)
}

/// `hwmon:DRIVER`, followed by as many qualifiers as make the name unique.
fn names(channels: &[Channel]) -> Vec<String> {
    let name = |channel: &Channel| format!("{}:{}", SOURCE.name, channel.driver);
    let mut names: Vec<String> = channels.iter().map(name).collect();
    let most = channels.iter().map(|channel| channel.qualifiers.len());
    for level in 0..most.max().unwrap_or(0) {
        let before = names.clone();
        for (at, channel) in channels.iter().enumerate() {
            let qualifier = channel.qualifiers.get(level);
            let mut twins = channels.iter().zip(&before);
            let distinguishes = twins
                .any(|(twin, name)| *name == before[at] && twin.qualifiers.get(level) != qualifier);
            if let Some(qualifier) = qualifier.filter(|text| distinguishes && !text.is_empty()) {
                names[at] = format!("{}-{qualifier}", before[at]);
            }
        }
    }
    names
}

impl Channel {
    /// What it covers of the adapter; `None` for another card, which has no part in the run.
    fn covers(&self, target: &MeteredDevice) -> Option<Covers> {
        match self.part {
            Part::Inside => None,
            Part::Whole => Some(Covers::Contains),
            Part::Host if target.kind == DeviceKind::Integrated && self.label.contains("GPU") => {
                Some(Covers::Contains)
            }
            Part::Host => Some(target.host_covers(self.sensor.scope)),
            Part::Device => {
                let matched = self.pci.is_some() && self.pci == address(target);
                match (target.kind, self.apu) {
                    (DeviceKind::Cpu, true) => Some(Covers::Contains),
                    (DeviceKind::Cpu, false) => None,
                    (_, true) if matched => Some(Covers::Contains),
                    (_, false) if matched => Some(Covers::Adapter),
                    // The processor beside a card.
                    (DeviceKind::Discrete, true) => Some(Covers::Host),
                    _ => None,
                }
            }
        }
    }
}
