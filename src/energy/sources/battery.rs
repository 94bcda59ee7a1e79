//! The laptop's battery: the power of the whole machine, readable by every user, while it runs on battery.
//!
//! Drivers show power (`power_now`), or current and voltage, or only the energy left in the battery, in steps of
//! milliwatt-hours. Several batteries supply the machine together: their figures are added.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::{files, perf, rapl};

pub(super) const SOURCE: Source = Source {
    name: "battery",
    sensors,
};

/// More than a machine with a battery draws.
const MAX_WATTS: f64 = 1_000.0;
/// Batteries update their power every few seconds, and the energy left in them less often.
const POWER_TICK: f64 = 2.0;
const LEFT_TICK: f64 = 10.0;
/// The shortest window, in updates of the battery.
const LEAST_UPDATES: u64 = 10;

fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let covers = target.map(|_| Covers::Contains);
    let (name, scope) = (SOURCE.name, Scope::System);
    let class = options.system_path("/sys/class/power_supply");
    vec![match Batteries::open(&class) {
        Ok(batteries) => {
            let (identity, power) = (batteries.identity(), batteries.spec().is_power());
            let new = if power {
                OpenSensor::power
            } else {
                OpenSensor::counter
            };
            new(name, scope, covers, Ok(Box::new(batteries))).with_identity(identity)
        }
        Err(unavailable) => {
            let unavailable = with_alternative(unavailable, options);
            OpenSensor::power(name, scope, covers, Err(unavailable))
        }
    }]
}

/// The files that a battery is read from, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    /// `power_now`, microwatts.
    Power,
    /// `current_now`, microamperes, and `voltage_now`, microvolts.
    CurrentVoltage,
    /// `energy_now`, microwatt-hours left.
    EnergyLeft,
    /// `charge_now`, microampere-hours left, and `voltage_now`.
    ChargeLeft,
}

impl Files {
    const ALL: [Self; 4] = [
        Self::Power,
        Self::CurrentVoltage,
        Self::EnergyLeft,
        Self::ChargeLeft,
    ];

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Power => &["power_now"],
            Self::CurrentVoltage => &["current_now", "voltage_now"],
            Self::EnergyLeft => &["energy_now"],
            Self::ChargeLeft => &["charge_now", "voltage_now"],
        }
    }

    fn is_power(self) -> bool {
        matches!(self, Self::Power | Self::CurrentVoltage)
    }
}

struct Batteries {
    class: PathBuf,
    folders: Vec<PathBuf>,
    files: Files,
    /// Used only where the files show the energy or charge left.
    drawn: Mutex<Drawn>,
}

/// The energy drawn since the sensor was opened.
struct Drawn {
    left: Vec<i64>,
    microjoules: f64,
}

/// The batteries that supply the machine, without those of a mouse or the like.
fn folders(class: &Path) -> Vec<PathBuf> {
    let folders = files::names(class).into_iter().map(|name| class.join(name));
    folders
        .filter(|folder| {
            let is = |file: &str, text: &str| {
                files::optional(&folder.join(file)).as_deref() == Some(text)
            };
            is("type", "Battery") && !is("scope", "Device") && !is("present", "0")
        })
        .collect()
}

/// The batteries that supply power now; an error while anything else does.
fn discharging<'a>(
    class: &Path,
    batteries: &'a [PathBuf],
) -> Result<Vec<&'a PathBuf>, Unavailable> {
    for name in files::names(class) {
        let supply = class.join(&name);
        let kind = files::optional(&supply.join("type")).unwrap_or_default();
        let online = files::optional(&supply.join("online"));
        if kind != "Battery" && online.is_some_and(|online| online != "0") {
            return Err(plugged(&format!("the machine runs on {name} ({kind})")));
        }
    }
    let mut found = Vec::new();
    for battery in batteries {
        match files::text(&battery.join("status"))?.as_str() {
            "Discharging" => found.push(battery),
            "Charging" => return Err(plugged(&format!("{} is charging", battery.display()))),
            _ => {}
        }
    }
    match found.is_empty() {
        true => Err(plugged("no battery is discharging")),
        false => Ok(found),
    }
}

const UNPLUG: &str = "unplug";

fn plugged(why: &str) -> Unavailable {
    Unavailable::new(format!(
        "{why}, so the battery does not show the power of the machine"
    ))
    .with_fix(UNPLUG)
}

/// Adds the command that enables the processor's counters, for a machine that cannot be unplugged.
fn with_alternative(unavailable: Unavailable, options: &MeterOptions) -> Unavailable {
    let other = perf::fix(options).or_else(|| rapl::fix(options));
    match other.filter(|_| unavailable.fix.as_deref() == Some(UNPLUG)) {
        None => unavailable,
        Some((fix, undo)) => Unavailable {
            undo,
            ..unavailable.with_fix(format!("{UNPLUG}, or run {fix}"))
        },
    }
}

impl Batteries {
    fn open(class: &Path) -> Result<Self, Unavailable> {
        let folders = folders(class);
        if folders.is_empty() {
            return Err(Unavailable::new(format!(
                "{} contains no battery of this machine",
                class.display()
            )));
        }
        discharging(class, &folders)?;
        let complete = |files: &Files| {
            let mut all = folders
                .iter()
                .flat_map(|folder| files.names().iter().map(move |name| folder.join(name)));
            all.all(|file| file.exists())
        };
        let files = Files::ALL.into_iter().find(complete).ok_or_else(|| {
            Unavailable::new(format!(
                "{} has no file for power, current and voltage, energy or charge",
                folders[0].display()
            ))
        })?;
        let mut batteries = Self {
            class: class.to_owned(),
            folders,
            files,
            drawn: Mutex::new(Drawn {
                left: Vec::new(),
                // Energy counters that read 0 are considered broken.
                microjoules: 1.0,
            }),
        };
        let left = batteries.left()?;
        let drawn = batteries.drawn.get_mut();
        drawn.unwrap_or_else(PoisonError::into_inner).left = left;
        batteries.read()?;
        Ok(batteries)
    }

    fn identity(&self) -> String {
        let mut identity = SOURCE.name.to_owned();
        for battery in &self.folders {
            for file in ["manufacturer", "model_name"] {
                let text = files::optional(&battery.join(file)).unwrap_or_default();
                identity = format!("{identity} {text}");
            }
        }
        format!("{identity} {}", files::kernel())
    }

    fn microwatts(&self) -> Result<u64, Unavailable> {
        let mut sum = 0u64;
        for battery in discharging(&self.class, &self.folders)? {
            // Drivers disagree on the sign of a discharge.
            let value = |file: &str| -> Result<u64, Unavailable> {
                files::number::<i64>(&battery.join(file)).map(i64::unsigned_abs)
            };
            let microwatts = match self.files {
                Files::Power => value("power_now")?,
                _ => {
                    let picowatts =
                        u128::from(value("current_now")?) * u128::from(value("voltage_now")?);
                    u64::try_from(picowatts / 1_000_000).unwrap_or(u64::MAX)
                }
            };
            sum = sum.saturating_add(microwatts);
        }
        Ok(sum)
    }

    /// The energy or charge left in each battery, in the unit of its file; empty where the files show power.
    fn left(&self) -> Result<Vec<i64>, Unavailable> {
        if self.files.is_power() {
            return Ok(Vec::new());
        }
        let file = self.files.names()[0];
        let folders = self.folders.iter();
        folders
            .map(|battery| files::number(&battery.join(file)))
            .collect()
    }

    /// Microjoules drawn since the sensor was opened.
    fn microjoules(&self) -> Result<u64, Unavailable> {
        discharging(&self.class, &self.folders)?;
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.left()?;
        let mut more = 0.0;
        for (battery, (before, now)) in self.folders.iter().zip(drawn.left.iter().zip(&left)) {
            let step = (before - now) as f64;
            if step < 0.0 {
                return Err(Unavailable::new(format!(
                    "the energy left in {} rose: the battery was charged or recalibrated",
                    battery.display()
                )));
            }
            // 1 uWh is 3600 uJ; 1 uAh at 1 uV is a millionth of it.
            more += match self.files {
                Files::ChargeLeft => {
                    let microvolts: u64 = files::number(&battery.join("voltage_now"))?;
                    step * microvolts as f64 * 3600e-6
                }
                _ => step * 3600.0,
            };
        }
        drawn.left = left;
        drawn.microjoules += more;
        Ok(drawn.microjoules.round() as u64)
    }
}

impl Sensor for Batteries {
    fn spec(&self) -> SensorSpec {
        match self.files.is_power() {
            true => SensorSpec::power(RawUnit::Microwatt, MAX_WATTS, POWER_TICK),
            false => SensorSpec::energy(RawUnit::Microjoule, MAX_WATTS, LEFT_TICK),
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        match self.files.is_power() {
            true => self.microwatts(),
            false => self.microjoules(),
        }
    }

    fn least_updates(&self) -> u64 {
        LEAST_UPDATES
    }
}
