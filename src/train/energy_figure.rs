//! Joules of a run or a part of it, with their intervals and how they were derived.

use serde::{Deserialize, Serialize};

use crate::energy::{EnergyPerUnit, Interval, SourceResult, Status};

/// How joules were derived from readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Derivation {
    /// The readings of the run itself or of a part of it; for a whole run only over at least 50 updates of the sensor.
    Direct,
    /// The number of steps and evaluations times the joules of one of each ([`Derivation::Window`]).
    StepsTimesJoules,
    /// A long window of steps or evaluations of the same program, run after the end of the run and then discarded.
    Window,
    /// The joules of the whole run, evaluations included, divided by its steps: used if nothing better is available.
    RunOverSteps,
    /// Idle power, from the sensor's calibration, times the duration of the run.
    WattsTimesSeconds,
}

impl Derivation {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::StepsTimesJoules => "steps-times-joules",
            Self::Window => "window",
            Self::RunOverSteps => "run-over-steps",
            Self::WattsTimesSeconds => "watts-times-seconds",
        }
    }
}

/// Joules through one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyFigure {
    /// Name of the source.
    pub source: String,
    /// Whether the joules are measured or assumed.
    pub status: Status,
    /// How the joules were derived.
    pub derivation: Derivation,
    /// Joules.
    pub joules: f64,
    /// 95 % confidence interval; absent for assumed joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// 95 % accuracy interval, which includes the sensor's gain and offset errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
}

impl EnergyFigure {
    /// All joules of a window; `None` if they are unavailable or include the work of others.
    pub(super) fn of_window(result: &SourceResult) -> Option<Self> {
        let usable = matches!(result.status, Status::Measured | Status::Assumed);
        result.joules.filter(|_| usable).map(|joules| Self {
            source: result.source.clone(),
            status: result.status,
            derivation: Derivation::Direct,
            joules,
            ci: result.ci(),
            accuracy: result.accuracy(),
        })
    }

    /// The joules of one unit.
    pub(super) fn of_unit(unit: &EnergyPerUnit) -> Self {
        Self {
            source: unit.source.clone(),
            status: unit.status,
            derivation: Derivation::Window,
            joules: unit.joules(),
            ci: Some(unit.window.ci.over(unit.units)),
            accuracy: Some(unit.window.accuracy.over(unit.units)),
        }
    }

    pub(super) fn times(&self, factor: f64, derivation: Derivation) -> Self {
        Self {
            derivation,
            joules: self.joules * factor,
            ci: self.ci.map(|interval| interval.over(1.0 / factor)),
            accuracy: self.accuracy.map(|interval| interval.over(1.0 / factor)),
            ..self.clone()
        }
    }

    /// The sum of two figures of one source. Its gain error changes both alike, so the half-widths are added.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let joules = self.joules + other.joules;
        let both = |a: Option<Interval>, b: Option<Interval>| {
            Some(Interval::around(joules, a?.half() + b?.half()))
        };
        Self {
            joules,
            ci: both(self.ci, other.ci),
            accuracy: both(self.accuracy, other.accuracy),
            ..self.clone()
        }
    }

    /// The difference of two figures of one source. Its gain error changes both alike, so the accuracy of the difference
    /// is not better than that of its parts.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let joules = self.joules - other.joules;
        let both = |a: Option<Interval>, b: Option<Interval>| {
            Some(Interval::around(joules, a?.half().hypot(b?.half())))
        };
        Self {
            joules,
            ci: both(self.ci, other.ci),
            accuracy: both(self.accuracy, other.accuracy),
            ..self.clone()
        }
    }

    /// Half the width of the confidence interval, 0 without one.
    pub(super) fn half(&self) -> f64 {
        self.ci.map_or(0.0, |interval| interval.half())
    }
}
