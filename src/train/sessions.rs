//! The parts of a run that was resumed.

use serde::{Deserialize, Serialize};

use super::durations::Durations;
use super::energy_figure::EnergyFigure;

/// A part of a run that was resumed: from its start, or from a checkpoint, to the checkpoint at which the next part begins.
/// What it did after that checkpoint was lost, and was measured by nobody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Seconds since 1970 at its start.
    pub started: f64,
    /// Training steps before it.
    pub from_step: u64,
    /// Training steps at its end.
    pub to_step: u64,
    /// Evaluations in it.
    pub evaluations: u64,
    /// Submits in it.
    pub submits: u64,
    /// How long its parts took.
    pub durations: Durations,
    /// Joules of each source that measured them, from its first step to the last update of the sensor before its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub energy: Vec<EnergyFigure>,
}

impl Session {
    /// Training steps in it.
    pub fn steps(&self) -> u64 {
        self.to_step.saturating_sub(self.from_step)
    }
}

/// The joules of `last`, the last part of a run, and of all parts before it; `None` if one of these has none of this source.
pub(super) fn sum(earlier: &[Session], last: EnergyFigure) -> Option<EnergyFigure> {
    earlier.iter().try_fold(last, |sum, session| {
        let mut figures = session.energy.iter();
        let found = figures.find(|one| one.source == sum.source && one.status == sum.status)?;
        Some(sum.plus(found))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::{Interval, Status};
    use crate::train::energy_figure::Derivation;

    #[test]
    fn joules_are_summed_only_if_every_part_has_them() {
        let figure = |source: &str, joules| EnergyFigure {
            source: source.to_owned(),
            status: Status::Measured,
            derivation: Derivation::Direct,
            joules,
            ci: Some(Interval::around(joules, 1.0)),
            accuracy: None,
        };
        let session = |energy| Session {
            energy,
            ..Session::default()
        };
        let earlier = [
            session(vec![figure("a", 10.0), figure("b", 1.0)]),
            session(vec![figure("a", 20.0)]),
        ];
        let all = sum(&earlier, figure("a", 5.0)).unwrap();
        assert_eq!((all.joules, all.half()), (35.0, 3.0));
        assert_eq!(sum(&earlier, figure("b", 5.0)), None);
    }
}
