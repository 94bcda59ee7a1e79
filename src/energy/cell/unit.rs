//! Units of power and energy, as flags, column names and cells write them.

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Power.
    Power,
    /// A counter of energy since some start.
    Counter,
    /// The energy of the time since the row before.
    PerRow,
}

/// A unit of power or energy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unit {
    /// Symbol, as in a report.
    pub symbol: &'static str,
    /// Watts or joules per unit.
    pub scale: f64,
    /// Whether it is a unit of power.
    pub power: bool,
}

const fn power(symbol: &'static str, scale: f64) -> Unit {
    Unit {
        symbol,
        scale,
        power: true,
    }
}

const fn energy(symbol: &'static str, scale: f64) -> Unit {
    Unit {
        symbol,
        scale,
        power: false,
    }
}

/// Every unit with its spellings, in lower case.
const UNITS: [(Unit, &[&str]); 12] = [
    (power("W", 1.0), &["w", "watt", "watts"]),
    (
        power("mW", 1e-3),
        &["mw", "milliwatt", "milliwatts", "mwatt", "mwatts"],
    ),
    (
        power("uW", 1e-6),
        &[
            "uw",
            "µw",
            "μw",
            "microwatt",
            "microwatts",
            "uwatt",
            "uwatts",
        ],
    ),
    (
        power("kW", 1e3),
        &["kw", "kilowatt", "kilowatts", "kwatt", "kwatts"],
    ),
    (energy("J", 1.0), &["j", "joule", "joules"]),
    (
        energy("mJ", 1e-3),
        &["mj", "millijoule", "millijoules", "mjoule", "mjoules"],
    ),
    (
        energy("uJ", 1e-6),
        &[
            "uj",
            "µj",
            "μj",
            "microjoule",
            "microjoules",
            "ujoule",
            "ujoules",
        ],
    ),
    (energy("nJ", 1e-9), &["nj", "nanojoule", "nanojoules"]),
    (
        energy("kJ", 1e3),
        &["kj", "kilojoule", "kilojoules", "kjoule", "kjoules"],
    ),
    (
        energy("Wh", 3.6e3),
        &["wh", "watt-hour", "watt-hours", "watthour", "watthours"],
    ),
    (
        energy("kWh", 3.6e6),
        &[
            "kwh",
            "kilowatt-hour",
            "kilowatt-hours",
            "kilowatthour",
            "kilowatthours",
        ],
    ),
    (
        energy("mWh", 3.6),
        &[
            "mwh",
            "milliwatt-hour",
            "milliwatt-hours",
            "milliwatthour",
            "milliwatthours",
        ],
    ),
];

impl Unit {
    /// Watts.
    pub const WATT: Unit = UNITS[0].0;
    pub(crate) const MILLIWATT: Unit = UNITS[1].0;
    pub(crate) const MICROWATT: Unit = UNITS[2].0;
    /// Joules.
    pub const JOULE: Unit = UNITS[4].0;

    /// Symbols of all units, for help and errors.
    pub fn symbols() -> String {
        UNITS.map(|(unit, _)| unit.symbol).join(", ")
    }

    /// The unit of a whole word; an upper-case M means mega and is none of these.
    pub fn parse(word: &str) -> Option<Unit> {
        if word.starts_with('M') && word.len() <= 3 {
            return None;
        }
        let word = word.to_lowercase();
        let found = UNITS.iter().find(|(_, names)| names.contains(&&*word));
        found.map(|(unit, _)| *unit)
    }

    /// The unit that a column's name contains: `power_mw`, `power.draw [W]`, `PACKAGE_ENERGY (J)`, `PkgWatt`.
    pub(crate) fn in_name(name: &str) -> Option<Unit> {
        let bracketed = name
            .rsplit_once(['[', '('])
            .and_then(|(_, rest)| rest.split([']', ')']).next());
        if let Some(unit) = bracketed.and_then(|word| Unit::parse(word.trim())) {
            return Some(unit);
        }
        // Words grown together or apart: PkgWatt, cpuJoules, power_milli_watt, `energy watt hours`.
        let together: String = words(name).collect();
        let ending = |(unit, names): &(Unit, &'static [&'static str])| {
            let long = names.iter().filter(|word| word.len() > 3);
            let grown = long.filter(|word| together.ends_with(**word));
            grown
                .map(|word| (word.len(), *unit))
                .max_by_key(|(len, _)| *len)
        };
        let grown = UNITS.iter().filter_map(ending).max_by_key(|(len, _)| *len);
        let single = |word: &str| {
            // A lone "w" or "j" is a unit only as the last part of a longer name: `power_w`.
            let alone = word.len() == name.len();
            (!alone || word.len() > 1)
                .then(|| Unit::parse(word))
                .flatten()
        };
        let parts = || name.split(|c: char| !c.is_alphanumeric()).rev();
        grown
            .map(|(_, unit)| unit)
            .or_else(|| parts().find_map(single))
    }

    /// Watts, for a column of power whose name states no unit, not even one that is not known here: `socket_power`.
    pub(crate) fn assumed(name: &str) -> Option<Unit> {
        let known = words(name).all(|word| {
            let numbered = word.starts_with(|c: char| c.is_ascii_digit());
            match numbered {
                true => word.bytes().all(|byte| byte.is_ascii_digit()),
                false => word.len() > 4 || SHORT.contains(&&*word),
            }
        });
        (guess(name) == Some(Quantity::Power) && known).then_some(Unit::WATT)
    }
}

/// The words of a column's name, in lower case.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Short words in names of power columns that are no units.
const SHORT: [&str; 34] = [
    "gpu", "cpu", "npu", "apu", "igpu", "dgpu", "soc", "pkg", "dram", "ram", "mem", "vram", "node",
    "core", "gfx", "ane", "sys", "host", "psu", "pdu", "plug", "rail", "ac", "dc", "in", "out",
    "avg", "mean", "draw", "now", "inst", "raw", "used", "pwr",
];

/// Words of columns that hold no power of the moment.
const NO_READINGS: [&str; 41] = [
    "tdp",
    "tgp",
    "max",
    "maximum",
    "min",
    "minimum",
    "peak",
    "target",
    "setpoint",
    "budget",
    "nominal",
    "rated",
    "default",
    "stddev",
    "std",
    "error",
    "err",
    "percent",
    "percentage",
    "pct",
    "mode",
    "factor",
    "scaling",
    "voltage",
    "current",
    "cost",
    "price",
    "eur",
    "usd",
    "hours",
    "dbm",
    "hp",
    "btu",
    "apparent",
    "reactive",
    "va",
    "var",
    "util",
    "utilization",
    "temperature",
    "throttle",
];

/// Words of columns of the energy since the row before.
const PER_ROW: [&str; 8] = [
    "delta",
    "diff",
    "difference",
    "increment",
    "interval",
    "step",
    "sample",
    "since",
];

/// Whether a column's name speaks of power or energy, but not of watts of the moment.
pub(crate) fn is_unclear(name: &str) -> bool {
    let spoken = ["power", "watt", "energy", "joule", "va"];
    spoken.iter().any(|word| name.to_lowercase().contains(word)) && Unit::assumed(name).is_none()
}

/// What a column of this name most likely holds; `None` if the name suggests neither power nor energy.
pub fn guess(name: &str) -> Option<Quantity> {
    let lower = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let unit = Unit::in_name(name);
    let no_reading = |word: &String| {
        NO_READINGS.contains(&word.as_str())
            && unit.is_none_or(|unit| unit.power || word != "hours")
    };
    if has(&["limit", "cap", "state", "management", "%"])
        || words(name).any(|word| no_reading(&word))
    {
        return None;
    }
    let energy = match words(name).any(|word| PER_ROW.contains(&word.as_str())) {
        true => Quantity::PerRow,
        false => Quantity::Counter,
    };
    if let Some(unit) = unit {
        return Some(if unit.power { Quantity::Power } else { energy });
    }
    if has(&["power", "watt", "pwr", "leistung"]) {
        return Some(Quantity::Power);
    }
    has(&["energy", "joule", "energie"]).then_some(energy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_units_in_names() {
        let symbol = |name| Unit::in_name(name).map(|unit| unit.symbol);
        assert_eq!(symbol("power.draw [W]"), Some("W"));
        assert_eq!(symbol("power_mw"), Some("mW"));
        assert_eq!(symbol("PACKAGE_ENERGY (J)"), Some("J"));
        assert_eq!(symbol("Processor Power_0(Watt)"), Some("W"));
        assert_eq!(symbol("PkgWatt"), Some("W"));
        assert_eq!(symbol("Cumulative Processor Energy_0(mWh)"), Some("mWh"));
        for (name, unit) in [
            ("energy_ujoule", Some("uJ")),
            ("energy watt_hours", Some("Wh")),
            ("power_milli_watt", Some("mW")),
            ("Power (MW)", None),
            ("energy_MJ", None),
            ("energy_MWh", None),
            ("energy_kcal", None),
        ] {
            assert_eq!(symbol(name), unit, "{name}");
        }
        assert_eq!(symbol("energy_kwh"), Some("kWh"));
        assert_eq!(symbol("energy_uj"), Some("uJ"));
        assert_eq!(symbol("temp [C]"), None);
        assert_eq!(symbol("w"), None);
        assert_eq!(symbol("watts"), Some("W"));
        assert_eq!(symbol("socket_power"), None);
    }

    #[test]
    fn guesses_what_a_column_holds() {
        assert_eq!(guess("socket_power"), Some(Quantity::Power));
        assert_eq!(guess("power_limit"), None);
        assert_eq!(guess("power.limit [W]"), None);
        assert_eq!(guess("Board Power Draw [W]"), Some(Quantity::Power));
        assert_eq!(guess("energy_consumed"), Some(Quantity::Counter));
        assert_eq!(guess("temperature.gpu"), None);
        assert_eq!(guess("energy_delta_j"), Some(Quantity::PerRow));
        for name in [
            "tdp_w",
            "max_power_w",
            "power_percent",
            "Power [% TDP]",
            "apparent_power_va",
            "power_on_hours",
        ] {
            assert_eq!(guess(name), None, "{name}");
        }
        assert_eq!(Unit::assumed("GPU power draw"), Some(Unit::WATT));
        for name in [
            "power_dw",
            "power_100mw",
            "power_GW",
            "energy",
            "Power (MW)",
        ] {
            assert_eq!(Unit::assumed(name), None, "{name}");
        }
    }
}
