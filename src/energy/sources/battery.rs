//! The laptop's battery: what the whole machine draws, readable by every user, while it runs on it.
//!
//! The drivers show power (`power_now`), or current and voltage, or only what is left in the battery, in steps of
//! milliwatt-hours. Several batteries are one supply: what they give is added.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::{files, perf, rapl};

const NAME: &str = "battery";
const CLASS: &str = "/sys/class/power_supply";

/// Above what a machine with a battery draws.
const MAX_WATTS: f64 = 1_000.0;
/// Batteries renew their power every few seconds, and what is left in them more slowly.
const POWER_TICK: f64 = 2.0;
const LEFT_TICK: f64 = 10.0;
/// The shortest window, in the battery's own updates.
const LEAST_UPDATES: u64 = 10;

pub(crate) struct Battery;

impl Source for Battery {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, _options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        vec![row(Path::new(CLASS), target)]
    }
}

fn row(class: &Path, target: Option<&MeteredDevice>) -> OpenSensor {
    let covers = target.map(|_| Covers::Contains);
    match Gauge::open(class) {
        Ok(gauge) => {
            let (identity, power) = (gauge.identity(), gauge.spec().is_power());
            let opened: Result<Box<dyn Sensor>, Unavailable> = Ok(Box::new(gauge));
            let mut row = if power {
                OpenSensor::power(NAME, Scope::System, covers, opened)
            } else {
                OpenSensor::counter(NAME, Scope::System, covers, opened)
            };
            row.identity = identity;
            row
        }
        Err(refusal) => OpenSensor::power(NAME, Scope::System, covers, Err(refusal)),
    }
}

/// How a battery tells what it gives, the best way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `power_now`, microwatts.
    Power,
    /// `current_now`, microamperes, and `voltage_now`, microvolts.
    Product,
    /// `energy_now`, microwatt-hours left.
    Energy,
    /// `charge_now`, microampere-hours left, and `voltage_now`.
    Charge,
}

impl Way {
    const ALL: [Self; 4] = [Self::Power, Self::Product, Self::Energy, Self::Charge];

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Power => &["power_now"],
            Self::Product => &["current_now", "voltage_now"],
            Self::Energy => &["energy_now"],
            Self::Charge => &["charge_now", "voltage_now"],
        }
    }
}

struct Gauge {
    class: PathBuf,
    batteries: Vec<PathBuf>,
    way: Way,
    /// Only of the ways that tell what is left.
    drawn: Mutex<Drawn>,
}

/// What was drawn since the opening.
struct Drawn {
    left: Vec<i64>,
    microjoules: f64,
}

/// Batteries that supply the machine, not a mouse.
fn batteries(class: &Path) -> Vec<PathBuf> {
    files::names(class)
        .iter()
        .map(|name| class.join(name))
        .filter(|folder| {
            let is = |file: &str, text: &str| {
                files::optional(&folder.join(file)).as_deref() == Some(text)
            };
            is("type", "Battery") && !is("scope", "Device") && !is("present", "0")
        })
        .collect()
}

/// What gives power now; refused while anything else does.
fn discharging<'a>(
    class: &Path,
    batteries: &'a [PathBuf],
) -> Result<Vec<&'a PathBuf>, Unavailable> {
    for name in files::names(class) {
        let supply = class.join(&name);
        let kind = files::optional(&supply.join("type")).unwrap_or_default();
        let online = files::optional(&supply.join("online"));
        let battery = kind == "Battery";
        if !battery && online.is_some_and(|online| online != "0") {
            return Err(plugged(&format!("the machine runs on {name} ({kind})")));
        }
    }
    let mut found = Vec::new();
    for battery in batteries {
        match files::text(&battery.join("status"))?.as_str() {
            "Discharging" => found.push(battery),
            "Charging" => {
                return Err(plugged(&format!("{} is being charged", battery.display())));
            }
            _ => {}
        }
    }
    if found.is_empty() {
        return Err(plugged("no battery is discharging"));
    }
    Ok(found)
}

impl Gauge {
    fn open(class: &Path) -> Result<Self, Unavailable> {
        let batteries = batteries(class);
        if batteries.is_empty() {
            return Err(Unavailable::new(format!(
                "{} holds no battery of this machine",
                class.display()
            )));
        }
        discharging(class, &batteries)?;
        let tells = |way: &Way| {
            let all =
                |battery: &PathBuf| way.files().iter().all(|file| battery.join(file).exists());
            batteries.iter().all(all)
        };
        let way = Way::ALL.into_iter().find(tells).ok_or_else(|| {
            Unavailable::new(format!(
                "{} shows neither power, current and voltage, energy nor charge",
                batteries[0].display()
            ))
        })?;
        let mut gauge = Self {
            class: class.to_owned(),
            batteries,
            way,
            drawn: Mutex::new(Drawn {
                left: Vec::new(),
                // Energy counters that read 0 are taken for ones that do not count.
                microjoules: 1.0,
            }),
        };
        gauge
            .drawn
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .left = gauge.left()?;
        gauge.read()?;
        Ok(gauge)
    }

    fn identity(&self) -> String {
        let mut identity = NAME.to_owned();
        for battery in &self.batteries {
            for file in ["manufacturer", "model_name"] {
                let text = files::optional(&battery.join(file)).unwrap_or_default();
                identity = format!("{identity} {text}");
            }
        }
        format!("{identity} {}", files::kernel())
    }

    fn microwatts(&self) -> Result<u64, Unavailable> {
        let mut sum = 0u64;
        for battery in discharging(&self.class, &self.batteries)? {
            // Drivers disagree on the sign of what flows out.
            let value = |file: &str| -> Result<u64, Unavailable> {
                files::number::<i64>(&battery.join(file)).map(i64::unsigned_abs)
            };
            let watts = match self.way {
                Way::Power => value("power_now")?,
                _ => {
                    let picowatts =
                        u128::from(value("current_now")?) * u128::from(value("voltage_now")?);
                    u64::try_from(picowatts / 1_000_000).unwrap_or(u64::MAX)
                }
            };
            sum = sum.saturating_add(watts);
        }
        Ok(sum)
    }

    fn left(&self) -> Result<Vec<i64>, Unavailable> {
        let file = match self.way {
            Way::Power | Way::Product => return Ok(Vec::new()),
            Way::Energy => "energy_now",
            Way::Charge => "charge_now",
        };
        self.batteries
            .iter()
            .map(|battery| files::number(&battery.join(file)))
            .collect()
    }

    /// Microjoules drawn since the opening.
    fn microjoules(&self) -> Result<u64, Unavailable> {
        discharging(&self.class, &self.batteries)?;
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.left()?;
        let mut more = 0.0;
        for (battery, (before, now)) in self.batteries.iter().zip(drawn.left.iter().zip(&left)) {
            let step = (before - now) as f64;
            if step < 0.0 {
                return Err(Unavailable::new(format!(
                    "what is left in {} rose: it was charged, or reckoned anew",
                    battery.display()
                )));
            }
            // 1 uWh is 3600 uJ; 1 uAh at 1 uV is a millionth of it.
            more += match self.way {
                Way::Charge => {
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

/// Why the battery says nothing while it is not what feeds the machine.
fn plugged(why: &str) -> Unavailable {
    let other = perf::fix().or_else(rapl::fix);
    let fix = match &other {
        Some((fix, _)) => format!("unplug, or run {fix}"),
        None => "unplug".to_owned(),
    };
    let refusal = Unavailable::new(format!(
        "{why}, so the battery does not show what the machine draws"
    ))
    .with_fix(fix);
    match other.and_then(|(_, undo)| undo) {
        Some(undo) => refusal.with_undo(undo),
        None => refusal,
    }
}

impl Sensor for Gauge {
    fn spec(&self) -> SensorSpec {
        match self.way {
            Way::Power | Way::Product => {
                SensorSpec::power(RawUnit::Microwatt, MAX_WATTS, POWER_TICK)
            }
            Way::Energy | Way::Charge => {
                SensorSpec::energy(RawUnit::Microjoule, MAX_WATTS, LEFT_TICK)
            }
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        match self.way {
            Way::Power | Way::Product => self.microwatts(),
            Way::Energy | Way::Charge => self.microjoules(),
        }
    }

    fn least_updates(&self) -> u64 {
        LEAST_UPDATES
    }
}
