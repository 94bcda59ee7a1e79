//! The options that a meter is opened with.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::cell::unit::Unit;
use super::selection::{CPU_TIME, MeterError, Selection};

/// Values of [`MeterOptions::shortest_window`]; the longest window of a run lasts as long as the last.
pub(crate) const SHORTEST_WINDOWS: RangeInclusive<f64> = 0.5..=60.0;

/// The options that a meter is opened with.
///
/// ```
/// use wattgrad::{Meter, MeterOptions};
///
/// // Without a sensor: CPU time at assumed watts. The results are marked as assumed.
/// let options = MeterOptions {
///     selection: "cpu-time".parse()?,
///     assume_watts_per_core: Some(10.0),
///     ..MeterOptions::default()
/// };
/// assert_eq!(Meter::open(&options, None)?.sources().len(), 1);
/// # Ok::<(), wattgrad::MeterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeterOptions {
    /// The sources to use.
    pub selection: Selection,
    /// Watts that one busy core is assumed to draw. CPU time is converted to joules only where this is given, and the
    /// joules are marked as assumed wherever they appear.
    pub assume_watts_per_core: Option<f64>,
    /// Units of the external meters (`file:PATH`, `cmd:COMMAND`): one for all of them, or one for each in order. Where
    /// this is empty, their lines say the unit of power, or it is watts.
    pub meter_units: Vec<Unit>,
    /// Seconds of the shortest window in which a training run measures the joules of a step, and those of an evaluation;
    /// `None` is 5. A window is longer where a sensor needs it.
    pub shortest_window: Option<f64>,
    /// The NVML library to load; `None` uses the environment variable `WATTGRAD_NVML`, and without it the system's
    /// library (`libnvidia-ml.so.1`, `nvml.dll`).
    pub nvml_library: Option<PathBuf>,
    /// The folder of calibrations; `None` uses the user's cache folder.
    pub calibrations: Option<PathBuf>,
    /// For tests: a folder that stands in for `/` where sensors are read from files below `/sys` and `/proc`.
    #[doc(hidden)]
    pub sysfs_root: Option<PathBuf>,
}

impl MeterOptions {
    /// Checks the options without opening anything.
    ///
    /// # Errors
    /// The errors of [`super::Meter::open`].
    pub fn check(&self) -> Result<(), MeterError> {
        self.selection.check()?;
        self.check_units()?;
        if let Some(watts) = self.assume_watts_per_core
            && !(watts.is_finite() && watts > 0.0)
        {
            return Err(MeterError::BadWatts { watts });
        }
        match self.shortest_window {
            Some(seconds) if !SHORTEST_WINDOWS.contains(&seconds) => {
                Err(MeterError::BadWindow { seconds })
            }
            _ => Ok(()),
        }
    }

    fn check_units(&self) -> Result<(), MeterError> {
        let meters = self.selection.external().len();
        let units = self.meter_units.len();
        match self.meter_units.first() {
            Some(&unit) if meters == 0 => Err(MeterError::UnitOfNothing { unit }),
            _ if meters > 0 && units > 1 && units != meters => {
                Err(MeterError::UnitCount { units, meters })
            }
            _ => Ok(()),
        }
    }

    /// The unit given for the external meter `name`.
    pub(crate) fn unit_of(&self, name: &str) -> Option<Unit> {
        let mut names = self.selection.external().into_iter();
        let unit = match self.meter_units.as_slice() {
            [unit] => Some(unit),
            units => names
                .position(|each| each == name)
                .and_then(|at| units.get(at)),
        };
        unit.copied()
    }

    /// Whether `source` is selected. Giving the watts per core selects `cpu-time`, whatever else is selected.
    pub(crate) fn wants(&self, source: &str) -> bool {
        let assumed = source == CPU_TIME && self.assume_watts_per_core.is_some();
        self.selection != Selection::None && (assumed || self.selection.wants(source))
    }

    /// The file or folder of the absolute path `path` below the root.
    pub(crate) fn system_path(&self, path: &str) -> PathBuf {
        match &self.sysfs_root {
            None => PathBuf::from(path),
            Some(root) => root.join(Path::new(path).strip_prefix("/").unwrap_or(path.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_applies_to_all_external_meters_or_each_has_its_own() {
        const WATTS: Unit = Unit::WATT;
        const JOULES: Unit = Unit::JOULE;
        let of = |names: &[&str], units: &[Unit]| {
            let options = MeterOptions {
                selection: Selection::of(names).unwrap(),
                meter_units: units.to_vec(),
                ..Default::default()
            };
            options.check().map(|()| options)
        };
        let names = ["file:b", "nvml", "cmd:a", "file:b"];
        let units = |units: &[Unit]| {
            of(&names, units).map(|options| [options.unit_of("file:b"), options.unit_of("cmd:a")])
        };
        assert_eq!(units(&[]), Ok([None, None]));
        assert_eq!(units(&[JOULES]), Ok([Some(JOULES); 2]));
        assert_eq!(units(&[JOULES, WATTS]), Ok([Some(JOULES), Some(WATTS)]));
        assert_eq!(
            units(&[JOULES; 3]),
            Err(MeterError::UnitCount {
                units: 3,
                meters: 2
            })
        );
        assert_eq!(
            of(&["nvml"], &[JOULES]),
            Err(MeterError::UnitOfNothing { unit: JOULES })
        );
        assert!(of(&[], &[]).is_ok());
        let one = of(&["file:b"], &[WATTS, JOULES]).unwrap_err().to_string();
        assert!(
            one.contains("2 meter units") && one.contains("1 external meter:"),
            "{one}"
        );
    }

    #[test]
    fn the_shortest_window_is_within_its_range() {
        let of = |seconds| {
            let options = MeterOptions {
                shortest_window: Some(seconds),
                ..Default::default()
            };
            options.check()
        };
        for seconds in [0.5, 5.0, 60.0] {
            assert_eq!(of(seconds), Ok(()));
        }
        for seconds in [0.4, -1.0, 61.0, f64::NAN, f64::INFINITY] {
            let error = of(seconds).unwrap_err().to_string();
            assert!(error.contains("0.5 to 60 seconds"), "{error}");
        }
    }

    #[test]
    fn assumed_watts_are_finite_and_positive() {
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
