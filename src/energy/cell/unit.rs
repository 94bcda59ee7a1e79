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
const UNITS: [(Unit, &[&str]); 11] = [
    (power("W", 1.0), &["w", "watt", "watts"]),
    (power("mW", 1e-3), &["mw", "milliwatt", "milliwatts"]),
    (
        power("uW", 1e-6),
        &["uw", "µw", "μw", "microwatt", "microwatts"],
    ),
    (power("kW", 1e3), &["kw", "kilowatt", "kilowatts"]),
    (energy("J", 1.0), &["j", "joule", "joules"]),
    (energy("mJ", 1e-3), &["mj", "millijoule", "millijoules"]),
    (
        energy("uJ", 1e-6),
        &["uj", "µj", "μj", "microjoule", "microjoules"],
    ),
    (energy("nJ", 1e-9), &["nj", "nanojoule", "nanojoules"]),
    (energy("kJ", 1e3), &["kj", "kilojoule", "kilojoules"]),
    (
        energy("Wh", 3.6e3),
        &["wh", "watt-hour", "watt-hours", "watthours"],
    ),
    (
        energy("kWh", 3.6e6),
        &["kwh", "kilowatt-hour", "kilowatt-hours"],
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
        if word.starts_with('M') && word.len() <= 2 {
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
        let separated = |c: char| !c.is_alphanumeric();
        if let Some(unit) = name.split(separated).rev().find_map(|word| {
            // A lone "w" or "j" is a unit only as the last part of a longer name: `power_w`.
            let alone = word.len() == name.len();
            (!alone || word.len() > 1)
                .then(|| Unit::parse(&word.to_lowercase()))
                .flatten()
        }) {
            return Some(unit);
        }
        // Words grown together: PkgWatt, SocketPowerWatts, cpuJoules.
        let lower = name.to_lowercase();
        let ending = |(unit, names): &(Unit, &[&str])| {
            let grown = names
                .iter()
                .filter(|word| word.len() > 3)
                .any(|word| lower.ends_with(word));
            grown.then_some(*unit)
        };
        UNITS[1..4]
            .iter()
            .chain(&UNITS[5..])
            .chain([&UNITS[0], &UNITS[4]])
            .find_map(ending)
    }
}

/// What a column of this name most likely holds; `None` if the name suggests neither power nor energy.
pub fn guess(name: &str) -> Option<Quantity> {
    let lower = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["limit", "cap", "state", "management"]) {
        return None;
    }
    if let Some(unit) = Unit::in_name(name) {
        return Some(if unit.power {
            Quantity::Power
        } else {
            Quantity::Counter
        });
    }
    if has(&["power", "watt", "pwr", "leistung"]) {
        return Some(Quantity::Power);
    }
    has(&["energy", "joule", "energie"]).then_some(Quantity::Counter)
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
        assert_eq!(symbol("Cumulative Processor Energy_0(mWh)"), None);
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
    }
}
