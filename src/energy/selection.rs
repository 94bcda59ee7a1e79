//! The sources a user selects by name, and the errors of a wrong selection.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::cell::unit::Unit;

/// The names of all sources, in the order in which their sensors are listed.
pub(crate) const SOURCES: &[&str] = &[
    "nvml",
    "hwmon",
    "pm_counters",
    "battery",
    "perf",
    "rapl",
    "apple",
    FILE,
    COMMAND,
    CPU_TIME,
];

/// External meters: `file:PATH` and `cmd:COMMAND`.
pub(crate) const FILE: &str = "file";
pub(crate) const COMMAND: &str = "cmd";
/// CPU time multiplied by assumed watts.
pub(crate) const CPU_TIME: &str = "cpu-time";

/// Why a meter cannot be opened. A sensor that cannot be read is no error: its row reports the reason.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MeterError {
    /// No source has this name.
    #[error("unknown meter `{name}`: choose one of auto, none, {}", SOURCES.join(", "))]
    UnknownMeter {
        /// The name as given.
        name: String,
    },
    /// `none` was combined with another meter.
    #[error("the meter `none` cannot be combined with other meters: remove it, or use it alone")]
    NoneBeside,
    /// A `file:` or `cmd:` without anything after the colon.
    #[error("the meter `{name}` is incomplete: write file:PATH or cmd:COMMAND")]
    NamesNothing {
        /// The name as given.
        name: String,
    },
    /// Not a unit of external meters.
    #[error("unknown meter unit `{unit}`: choose one of {}", Unit::symbols())]
    BadUnit {
        /// The unit as given.
        unit: String,
    },
    /// A unit without an external meter.
    #[error(
        "the meter unit {} applies to external meters only, and none is selected: add --meter file:PATH or \
         cmd:COMMAND, or remove the unit",
        unit.symbol
    )]
    UnitOfNothing {
        /// The unit as given.
        unit: Unit,
    },
    /// Neither one unit for all external meters nor one for each.
    #[error(
        "{units} meter units were given for {meters} external meter{}: give one unit for all, or one for each in order",
        if *meters == 1 { "" } else { "s" }
    )]
    UnitCount {
        /// Number of units given.
        units: usize,
        /// Number of external meters.
        meters: usize,
    },
    /// The assumed watts are not a finite positive number.
    #[error("the assumed watts per core must be a finite number above 0, such as 7.5, got {watts}")]
    BadWatts {
        /// The value as given.
        watts: f64,
    },
    /// The shortest window is out of its range.
    #[error(
        "the shortest window of a meter must last 0.5 to 60 seconds, got {seconds}; leave it out for 5 seconds"
    )]
    BadWindow {
        /// The value as given.
        seconds: f64,
    },
}

/// The sources that a meter uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every known source.
    #[default]
    Auto,
    /// No source: a window has no rows.
    None,
    /// One source by its name (`nvml`), or one sensor of it (`nvml:0`, `rapl:package-0`). `cpu-time` is added where
    /// watts per core are given.
    Named(String),
    /// Several of these, external meters (`file:PATH`, `cmd:COMMAND`) included; `auto` among them adds every known
    /// source.
    Several(Vec<String>),
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            _ => f.write_str(&self.names().join(", ")),
        }
    }
}

impl FromStr for Selection {
    type Err = MeterError;

    /// `auto`, `none`, or the name of a source or sensor.
    fn from_str(text: &str) -> Result<Self, MeterError> {
        Self::of(&[text])
    }
}

impl Selection {
    /// The sources of all `names`; every source for an empty list.
    ///
    /// # Errors
    /// An unknown name, an external meter without a path or command, or `none` combined with another name.
    pub fn of<S: AsRef<str>>(names: &[S]) -> Result<Self, MeterError> {
        let selection = match names {
            [] => Self::Auto,
            [name] => match name.as_ref() {
                "auto" => Self::Auto,
                "none" => Self::None,
                name => Self::Named(name.to_owned()),
            },
            names => {
                let names = names.iter().map(|name| name.as_ref().to_owned());
                Self::Several(names.collect())
            }
        };
        selection.check().map(|()| selection)
    }

    pub(crate) fn check(&self) -> Result<(), MeterError> {
        for name in self.names() {
            let source = source_of(name);
            if name == "none" {
                return Err(MeterError::NoneBeside);
            }
            if name != "auto" && !SOURCES.contains(&source) {
                return Err(MeterError::UnknownMeter { name: name.clone() });
            }
            if is_external(name) && argument(name).is_none() {
                return Err(MeterError::NamesNothing { name: name.clone() });
            }
        }
        Ok(())
    }

    fn names(&self) -> &[String] {
        match self {
            Self::Auto | Self::None => &[],
            Self::Named(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }

    /// The external meters by their full names, without repetitions, in the order given.
    pub(crate) fn external(&self) -> Vec<&str> {
        let mut external: Vec<&str> = Vec::new();
        for name in self.names() {
            if is_external(name) && !external.contains(&name.as_str()) {
                external.push(name);
            }
        }
        external
    }

    fn all(&self) -> bool {
        *self == Self::Auto || self.names().iter().any(|name| name == "auto")
    }

    /// Whether `source`, or a sensor of it, is selected.
    pub(crate) fn wants(&self, source: &str) -> bool {
        self.all() || self.names().iter().any(|name| source_of(name) == source)
    }

    /// The selected sensors of `source`, such as `nvml:0`; empty where all of them are selected.
    pub(crate) fn sensors_of(&self, source: &str) -> Vec<&str> {
        if self.all() || self.names().iter().any(|name| name == source) {
            return Vec::new();
        }
        let names = self.names().iter().map(String::as_str);
        names.filter(|name| source_of(name) == source).collect()
    }
}

/// `nvml` of `nvml:0`.
fn source_of(name: &str) -> &str {
    name.split_once(':').map_or(name, |(source, _)| source)
}

fn is_external(name: &str) -> bool {
    [FILE, COMMAND].contains(&source_of(name))
}

/// `PATH` of `file:PATH`, `COMMAND` of `cmd:COMMAND`.
pub(crate) fn argument(name: &str) -> Option<&str> {
    let (_, argument) = name.split_once(':')?;
    Some(argument).filter(|argument| !argument.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_an_unknown_name_lists_the_known_names() {
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
    fn several_meters_are_combined() {
        let both = Selection::of(&["nvml:1", "cmd:sh -c 'a:b'"]).unwrap();
        assert!(both.wants("nvml") && both.wants("cmd") && !both.wants("rapl"));
        assert_eq!(both.sensors_of("nvml"), ["nvml:1"]);
        assert_eq!(both.sensors_of("cmd"), ["cmd:sh -c 'a:b'"]);
        let all = Selection::of(&["auto", "file:/tmp/log:1"]).unwrap();
        assert!(all.wants("rapl") && all.sensors_of("nvml").is_empty());
        let whole = Selection::of(&["nvml:1", "nvml"]).unwrap();
        assert!(whole.sensors_of("nvml").is_empty());
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
}
