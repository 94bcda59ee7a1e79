//! What a meter is asked for.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::source;
use super::sources::external;

/// Why no meter could be opened. A source that cannot be read is no error: its row says so.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MeterError {
    /// No source has this name.
    #[error("meter `{name}` is not known: choose one of {known}")]
    UnknownMeter {
        /// The name as it was given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// `none` stands beside another meter.
    #[error("the meter `none` cannot stand beside others: leave it out, or give it alone")]
    NoneBeside,
    /// A `file:` or `cmd:` without anything behind the colon.
    #[error("the meter `{name}` names nothing: write file:PATH or cmd:COMMAND")]
    NamesNothing {
        /// The name as it was given.
        name: String,
    },
    /// No unit an outside meter could have.
    #[error("the meter unit `{unit}` is not known: choose watts or joules")]
    BadUnit {
        /// The unit as it was given.
        unit: String,
    },
    /// A unit other than watts, and no outside meter whose lines could be in it.
    #[error(
        "the meter unit {unit} is one of outside meters, and none was named: leave it out, or name file:PATH or cmd:COMMAND"
    )]
    UnitOfNothing {
        /// The unit as it was given.
        unit: MeterUnit,
    },
    /// Neither one unit for all outside meters nor one for each.
    #[error(
        "{units} meter units cannot be those of {meters}: give one for all, or one for each in their order",
        meters = match meters {
            1 => "one outside meter".to_owned(),
            meters => format!("{meters} outside meters"),
        }
    )]
    UnitCount {
        /// How many units were given.
        units: usize,
        /// How many outside meters.
        meters: usize,
    },
    /// The assumed watts are no power a core could draw.
    #[error("{watts} W per core cannot be assumed: give a finite number above 0, such as 7.5")]
    BadWatts {
        /// The value as it was given.
        watts: f64,
    },
}

/// Which sources a meter uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every source that is known.
    #[default]
    Auto,
    /// None at all: a window then has no rows.
    None,
    /// One source by its name (`nvml`), or one part of it (`nvml:0`, `rapl:package-0`). The assumed source stays
    /// beside it where watts are given.
    Named(String),
    /// Several of them, outside meters (`file:PATH`, `cmd:COMMAND`) among them; `auto` beside them stands for every
    /// source that is known.
    Several(Vec<String>),
}

/// What the second column of an outside meter's lines is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeterUnit {
    /// Watts at, or up to, the line's time.
    #[default]
    Watts,
    /// Joules since some moment in the past: a cumulative counter.
    Joules,
}

impl fmt::Display for MeterUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Watts => "watts",
            Self::Joules => "joules",
        })
    }
}

impl FromStr for MeterUnit {
    type Err = MeterError;

    fn from_str(text: &str) -> Result<Self, MeterError> {
        match text {
            "watts" => Ok(Self::Watts),
            "joules" => Ok(Self::Joules),
            other => Err(MeterError::BadUnit { unit: other.into() }),
        }
    }
}

impl FromStr for Selection {
    type Err = MeterError;

    /// `auto`, `none`, or a source's name; refuses a name that no source has.
    fn from_str(text: &str) -> Result<Self, MeterError> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            name => {
                let named = Self::Named(name.to_owned());
                named.check()?;
                Ok(named)
            }
        }
    }
}

impl Selection {
    /// The sources of all the names given, each as [`Selection::from_str`] takes it; every source for none.
    ///
    /// # Errors
    /// As [`Selection::from_str`], and `none` beside another name.
    pub fn of<S: AsRef<str>>(names: &[S]) -> Result<Self, MeterError> {
        match names {
            [] => Ok(Self::Auto),
            [name] => name.as_ref().parse(),
            names => {
                let names = names.iter().map(|name| name.as_ref().to_owned());
                let several = Self::Several(names.collect());
                several.check()?;
                Ok(several)
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), MeterError> {
        for name in self.names() {
            let family = family(name);
            match name.as_str() {
                "auto" => {}
                "none" => return Err(MeterError::NoneBeside),
                _ if !source::ALL.iter().any(|known| known.name() == family) => {
                    let mut known = vec!["auto", "none"];
                    known.extend(source::ALL.iter().map(|source| source.name()));
                    return Err(MeterError::UnknownMeter {
                        name: name.clone(),
                        known: known.join(", "),
                    });
                }
                _ if external::NAMES.contains(&family) && external::behind(name).is_none() => {
                    return Err(MeterError::NamesNothing { name: name.clone() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The names given; none for those that are no names.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::Auto | Self::None => &[],
            Self::Named(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }

    /// The outside meters by their full names, each once, in the order given; `auto` beside them changes nothing.
    pub(crate) fn outside(&self) -> Vec<&str> {
        let mut outside: Vec<&str> = Vec::new();
        for name in self.names() {
            if external::NAMES.contains(&family(name)) && !outside.contains(&name.as_str()) {
                outside.push(name);
            }
        }
        outside
    }

    fn all(&self) -> bool {
        *self == Self::Auto || self.names().iter().any(|name| name == "auto")
    }

    /// Whether the source `name` is among those chosen.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.all() || self.names().iter().any(|named| family(named) == name)
    }

    /// The parts asked for of the source `name`, such as `nvml:0`; none where all of it is.
    pub(crate) fn parts(&self, name: &str) -> Vec<&str> {
        if self.all() || self.names().iter().any(|named| named == name) {
            return Vec::new();
        }
        let of_it = |named: &&String| family(named) == name;
        self.names()
            .iter()
            .filter(of_it)
            .map(String::as_str)
            .collect()
    }
}

/// `nvml` of `nvml:0`.
fn family(name: &str) -> &str {
    name.split_once(':').map_or(name, |(family, _)| family)
}

/// What a meter is opened with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeterOptions {
    /// Which sources to use.
    pub selection: Selection,
    /// Watts that one busy core is assumed to draw. Only where this is given is CPU time turned into joules, and they
    /// are marked assumed wherever they appear.
    pub assume_watts_per_core: Option<f64>,
    /// What the lines of the outside meters (`file:PATH`, `cmd:COMMAND`) give beside the time: one for all of them, or
    /// one for each in their order; watts where this is empty.
    pub meter_units: Vec<MeterUnit>,
    /// The NVML library to load; `None` takes the environment variable `WATTGRAD_NVML`, and without it the system's
    /// own (`libnvidia-ml.so.1`, `nvml.dll`).
    pub nvml_library: Option<PathBuf>,
    /// The folder in which calibrations are kept; `None` takes the user's cache folder.
    pub calibrations: Option<PathBuf>,
}

impl MeterOptions {
    /// Whether a meter can be opened with them, before anything is.
    ///
    /// # Errors
    /// What [`super::Meter::open`] would say.
    pub fn check(&self) -> Result<(), MeterError> {
        self.selection.check()?;
        self.check_units()?;
        match self.assume_watts_per_core {
            Some(watts) if !(watts.is_finite() && watts > 0.0) => {
                Err(MeterError::BadWatts { watts })
            }
            _ => Ok(()),
        }
    }

    fn check_units(&self) -> Result<(), MeterError> {
        let meters = self.selection.outside().len();
        let units = self.meter_units.len();
        // Watts are what is taken anyway.
        let other = |unit: &&MeterUnit| **unit != MeterUnit::default();
        match self.meter_units.iter().find(other) {
            Some(&unit) if meters == 0 => Err(MeterError::UnitOfNothing { unit }),
            _ if meters > 0 && units > 1 && units != meters => {
                Err(MeterError::UnitCount { units, meters })
            }
            _ => Ok(()),
        }
    }

    /// The unit of the lines of the outside meter `name`.
    pub(crate) fn unit_of(&self, name: &str) -> MeterUnit {
        let place = self.selection.outside().iter().position(|one| *one == name);
        let unit = match self.meter_units.as_slice() {
            [unit] => Some(unit),
            units => place.and_then(|at| units.get(at)),
        };
        unit.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = "wattmeter".parse::<Selection>().unwrap_err().to_string();
        for name in ["wattmeter", "auto", "none", "nvml", "rapl", "cpu-time"] {
            assert!(error.contains(name), "{name} is missing in: {error}");
        }
        assert!("".parse::<Selection>().is_err());
        assert!("nvml0".parse::<Selection>().is_err());
        assert_eq!("auto".parse(), Ok(Selection::Auto));
        assert_eq!("none".parse(), Ok(Selection::None));
        assert_eq!(
            "rapl:package-0".parse(),
            Ok(Selection::Named("rapl:package-0".into()))
        );
    }

    #[test]
    fn several_meters_are_chosen_side_by_side() {
        let both = Selection::of(&["nvml:1", "cmd:sh -c 'a:b'"]).unwrap();
        assert!(both.wants("nvml") && both.wants("cmd") && !both.wants("rapl"));
        assert_eq!(both.parts("nvml"), ["nvml:1"]);
        assert_eq!(both.parts("cmd"), ["cmd:sh -c 'a:b'"]);
        let all = Selection::of(&["auto", "file:/tmp/log:1"]).unwrap();
        assert!(all.wants("rapl") && all.parts("nvml").is_empty());
        let whole = Selection::of(&["nvml:1", "nvml"]).unwrap();
        assert!(whole.parts("nvml").is_empty());
        assert_eq!(Selection::of::<&str>(&[]), Ok(Selection::Auto));
        assert_eq!(
            Selection::of(&["none", "nvml"]),
            Err(MeterError::NoneBeside)
        );
        for name in ["file", "file:", "cmd:  "] {
            let error = name.parse::<Selection>().unwrap_err();
            assert!(matches!(error, MeterError::NamesNothing { .. }), "{error}");
        }
    }

    #[test]
    fn one_unit_serves_all_outside_meters_or_each_has_its_own() {
        use MeterUnit::{Joules, Watts};
        let of = |names: &[&str], units: &[MeterUnit]| {
            let options = MeterOptions {
                selection: Selection::of(names).unwrap(),
                meter_units: units.to_vec(),
                ..Default::default()
            };
            options.check().map(|()| options)
        };
        let names = ["file:b", "nvml", "cmd:a", "file:b"];
        let units = |units: &[MeterUnit]| {
            of(&names, units).map(|options| [options.unit_of("file:b"), options.unit_of("cmd:a")])
        };
        assert_eq!(units(&[]), Ok([Watts, Watts]));
        assert_eq!(units(&[Joules]), Ok([Joules, Joules]));
        assert_eq!(units(&[Joules, Watts]), Ok([Joules, Watts]));
        assert_eq!(
            units(&[Joules; 3]),
            Err(MeterError::UnitCount {
                units: 3,
                meters: 2
            })
        );
        assert_eq!(
            of(&["nvml"], &[Joules]),
            Err(MeterError::UnitOfNothing { unit: Joules })
        );
        assert!(of(&["nvml"], &[Watts]).is_ok() && of(&[], &[]).is_ok());
        let one = of(&["file:b"], &[Watts, Joules]).unwrap_err().to_string();
        assert!(
            one.contains("2 meter units") && one.contains("one outside meter"),
            "{one}"
        );
    }

    #[test]
    fn watts_are_finite_and_positive() {
        for watts in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let options = MeterOptions {
                assume_watts_per_core: Some(watts),
                ..Default::default()
            };
            assert!(
                matches!(options.check(), Err(MeterError::BadWatts { .. })),
                "{watts}"
            );
        }
        let options = MeterOptions {
            assume_watts_per_core: Some(7.5),
            ..Default::default()
        };
        assert_eq!(options.check(), Ok(()));
    }
}
