//! What a meter is asked for.

use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::source;

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
    pub(crate) fn check(&self) -> Result<(), MeterError> {
        match self {
            Self::Named(name) if !source::ALL.iter().any(|known| known.name() == family(name)) => {
                let mut known = vec!["auto", "none"];
                known.extend(source::ALL.iter().map(|source| source.name()));
                Err(MeterError::UnknownMeter {
                    name: name.clone(),
                    known: known.join(", "),
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether the source `name` is among those chosen.
    pub(crate) fn wants(&self, name: &str) -> bool {
        match self {
            Self::Auto => true,
            Self::None => false,
            Self::Named(named) => family(named) == name,
        }
    }

    /// The one part asked for, `nvml:0`; `None` where a whole source is.
    pub(crate) fn part(&self) -> Option<&str> {
        match self {
            Self::Named(named) if family(named) != named => Some(named),
            _ => None,
        }
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
    /// The NVML library to load; `None` takes the environment variable `WATTGRAD_NVML`, and without it the system's
    /// own (`libnvidia-ml.so.1`, `nvml.dll`).
    pub nvml_library: Option<PathBuf>,
    /// The folder in which calibrations are kept; `None` takes the user's cache folder.
    pub calibrations: Option<PathBuf>,
}

impl MeterOptions {
    pub(crate) fn check(&self) -> Result<(), MeterError> {
        self.selection.check()?;
        match self.assume_watts_per_core {
            Some(watts) if !(watts.is_finite() && watts > 0.0) => {
                Err(MeterError::BadWatts { watts })
            }
            _ => Ok(()),
        }
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
