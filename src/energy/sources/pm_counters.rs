//! HPE Cray's power management counters: the node and its parts, metered by the blade, ten times a second.

use std::path::{Path, PathBuf};

use crate::energy::counter;
use crate::energy::device::{DeviceKind, MeteredDevice};
use crate::energy::figure::{Covers, RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::files;

const NAME: &str = "pm_counters";
const FOLDER: &str = "/sys/cray/pm_counters";

/// Above what a node draws.
const MAX_WATTS: f64 = 20_000.0;
const EXPECTED_UPDATE_INTERVAL: f64 = 0.1;

pub(crate) struct PmCounters;

impl Source for PmCounters {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        rows(Path::new(FOLDER), target)
    }
}

fn rows(folder: &Path, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let rows: Vec<OpenSensor> = files::names(folder)
        .iter()
        .filter_map(|name| row(folder, name, target))
        .collect();
    if rows.is_empty() {
        let refusal = Unavailable::new(format!(
            "{} holds no counter: this is no node of an HPE Cray machine",
            folder.display()
        ));
        let covers = target.map(|_| Covers::Contains);
        return vec![OpenSensor::counter(
            NAME,
            Scope::System,
            covers,
            Err(refusal),
        )];
    }
    rows
}

fn row(folder: &Path, name: &str, target: Option<&MeteredDevice>) -> Option<OpenSensor> {
    let (part, scope) = match name.strip_suffix("energy")?.strip_suffix('_') {
        None if name == "energy" => ("node", Scope::System),
        Some("cpu") => ("cpu", Scope::Package),
        Some("memory") => ("memory", Scope::Dram),
        Some(accelerator) if accelerator.starts_with("accel") => (accelerator, Scope::Board),
        _ => return None,
    };
    let covers = match (scope, target) {
        (_, None) => None,
        (Scope::System, Some(_)) => Some(Covers::Contains),
        (Scope::Board, Some(target)) if target.kind == DeviceKind::Cpu => return None,
        (Scope::Board, Some(_)) => Some(Covers::Adapter),
        (scope, Some(target)) => Some(target.host_covers(scope)),
    };
    let opened = match (scope, target) {
        (Scope::Board, Some(target)) => Err(Unavailable::new(format!(
            "{} tells no PCI address, so it cannot be paired with the adapter `{}`",
            folder.join(name).display(),
            target.name
        ))),
        _ => open(folder.join(name), "J"),
    };
    let source = format!("{NAME}:{part}");
    let mut row = OpenSensor::counter(&source, scope, covers, opened);
    row.identity = format!("{source} {}", files::kernel());
    let power = folder.join(name.replace("energy", "power"));
    if row.sensor.is_ok() && power.exists() {
        let source = format!("{source}-power");
        let mut power = OpenSensor::power(&source, scope, covers, open(power, "W"));
        power.identity = format!("{source} {}", files::kernel());
        row.companion = Some(Box::new(power));
    }
    Some(row)
}

struct Gauge {
    path: PathBuf,
    /// `J` or `W`.
    symbol: &'static str,
}

fn open(path: PathBuf, symbol: &'static str) -> Result<Box<dyn Sensor>, Unavailable> {
    let gauge = Gauge { path, symbol };
    let value = gauge.read()?;
    if symbol == "J" {
        counter::supported(value, None)
            .map_err(|why| Unavailable::new(format!("{}: {why}", gauge.path.display())))?;
    }
    Ok(Box::new(gauge))
}

impl Sensor for Gauge {
    fn spec(&self) -> SensorSpec {
        match self.symbol {
            "J" => SensorSpec::energy(RawUnit::Millijoule, MAX_WATTS, EXPECTED_UPDATE_INTERVAL),
            _ => SensorSpec::power(RawUnit::Milliwatt, MAX_WATTS, EXPECTED_UPDATE_INTERVAL),
        }
    }

    /// `12345 J 1700000000000000 us`: whole joules or watts, and when the blade took them.
    fn read(&self) -> Result<u64, Unavailable> {
        let text = files::text(&self.path)?;
        let mut words = text.split_whitespace();
        let value = words.next().and_then(|word| word.parse::<u64>().ok());
        value
            .filter(|_| words.next() == Some(self.symbol))
            .and_then(|value| value.checked_mul(1000))
            .ok_or_else(|| {
                Unavailable::new(format!(
                    "{} holds `{text}`, which is no number of {}",
                    self.path.display(),
                    self.symbol
                ))
            })
    }
}
