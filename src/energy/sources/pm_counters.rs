//! HPE Cray's power management counters: energy of the node and its parts, measured by the blade ten times a second.

use std::path::{Path, PathBuf};

use crate::energy::device::{DeviceKind, MeteredDevice};
use crate::energy::figure::{Covers, RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::{files, fn_sensor};

pub(super) const SOURCE: Source = Source {
    name: "pm_counters",
    sensors,
};

/// More than a node draws.
const MAX_WATTS: f64 = 20_000.0;
const EXPECTED_UPDATE_INTERVAL: f64 = 0.1;

fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let folder = options.system_path("/sys/cray/pm_counters");
    let names = files::names(&folder);
    let sensors = names
        .iter()
        .filter_map(|name| sensor(&folder, name, target));
    let sensors: Vec<OpenSensor> = sensors.collect();
    if sensors.is_empty() {
        let unavailable = Unavailable::new(format!(
            "{} contains no counter: this machine is not a node of an HPE Cray system",
            folder.display()
        ));
        let (name, covers) = (SOURCE.name, target.map(|_| Covers::Contains));
        return vec![OpenSensor::counter(
            name,
            Scope::System,
            covers,
            Err(unavailable),
        )];
    }
    sensors
}

fn sensor(folder: &Path, file: &str, target: Option<&MeteredDevice>) -> Option<OpenSensor> {
    let (part, scope) = match file.strip_suffix("energy")?.strip_suffix('_') {
        None if file == "energy" => ("node", Scope::System),
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
            "{} has no PCI address, so it cannot be matched with the adapter `{}`",
            folder.join(file).display(),
            target.name
        ))),
        _ => open(folder.join(file), "J"),
    };
    let name = format!("{}:{part}", SOURCE.name);
    let identity = format!("{name} {}", files::kernel());
    let mut sensor = OpenSensor::counter(&name, scope, covers, opened).with_identity(identity);
    let power = folder.join(file.replace("energy", "power"));
    if sensor.sensor.is_ok() && power.exists() {
        let name = format!("{name}-power");
        let identity = format!("{name} {}", files::kernel());
        let power =
            OpenSensor::power(name, scope, covers, open(power, "W")).with_identity(identity);
        sensor.companion = Some(Box::new(power));
    }
    Some(sensor)
}

/// A file such as `12345 J 1700000000000000 us`: whole joules or watts (`symbol`), and the time at which the blade
/// measured them.
fn open(path: PathBuf, symbol: &'static str) -> Result<Box<dyn Sensor>, Unavailable> {
    let spec = match symbol {
        "J" => SensorSpec::energy(RawUnit::Millijoule, MAX_WATTS, EXPECTED_UPDATE_INTERVAL),
        _ => SensorSpec::power(RawUnit::Milliwatt, MAX_WATTS, EXPECTED_UPDATE_INTERVAL),
    };
    fn_sensor::open(&path.clone(), spec, move || {
        let text = files::text(&path)?;
        let mut words = text.split_whitespace();
        let value = words.next().and_then(|word| word.parse::<u64>().ok());
        value
            .filter(|_| words.next() == Some(symbol))
            .and_then(|value| value.checked_mul(1000))
            .ok_or_else(|| {
                Unavailable::new(format!(
                    "{} contains `{text}`, not a number of {symbol}",
                    path.display()
                ))
            })
    })
}
