//! The learning rates of a range test: a sweep by equal factors.

use serde::Serialize;

use super::regime::Regime;
use super::regime_error::RegimeError;

/// The learning rates of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LrSweep {
    /// The first one.
    pub from: f64,
    /// The last one.
    pub to: f64,
    /// Training steps.
    pub steps: u32,
}

impl Default for LrSweep {
    fn default() -> Self {
        Self {
            from: 1e-6,
            to: 10.0,
            steps: 200,
        }
    }
}

impl LrSweep {
    /// Fewest and most steps.
    const STEPS: std::ops::RangeInclusive<u32> = 20..=100_000;

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`RegimeError::Sweep`].
    pub fn check(self) -> Result<(), RegimeError> {
        let bad = |what: String| Err(RegimeError::Sweep { what });
        let Self { from, to, steps } = self;
        if !(from.is_finite() && to.is_finite() && from >= 1e-30 && from < to && to <= 1e30) {
            return bad(format!(
                "the learning rates must grow from at least 1e-30 to at most 1e30, got {from} to {to}"
            ));
        }
        if !Self::STEPS.contains(&steps) {
            return bad(format!(
                "the steps must be between {} and {}, got {steps}",
                Self::STEPS.start(),
                Self::STEPS.end()
            ));
        }
        Ok(())
    }

    /// The learning rate of `step`, counted from 0.
    pub fn lr(self, step: u32) -> f64 {
        crate::optim::Schedule::sweep(self.from, self.to, u64::from(self.steps))
            .lr(u64::from(step), self.from)
    }

    /// Refuses choices of `regime` that the test makes itself.
    ///
    /// # Errors
    /// [`RegimeError::Sweep`].
    pub fn check_regime(self, regime: &Regime) -> Result<(), RegimeError> {
        let set = |name: &str| {
            let mut choices = regime.set_choices().into_iter();
            choices.any(|(key, value)| key == name && !value.is_null())
        };
        const OWN: [&str; 9] = [
            "lr",
            "head_lr",
            "schedule",
            "warmup_steps",
            "warmup_epochs",
            "epochs",
            "max_steps",
            "target_accuracy",
            "eval_batch_size",
        ];
        match OWN.into_iter().find(|name| set(name)) {
            Some(name) => Err(RegimeError::Sweep {
                what: format!("lr-find has no {}: leave it out", name.replace('_', "-")),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_the_test_sets_itself() {
        let sweep = LrSweep::default();
        assert_eq!(sweep.check(), Ok(()));
        assert_eq!(sweep.check_regime(&Regime::default()), Ok(()));
        let error = sweep.check_regime(&Regime {
            warmup_steps: Some(3),
            ..Regime::default()
        });
        assert!(error.unwrap_err().to_string().contains("no warmup-steps"));
        for (from, to, steps) in [
            (0.0, 1.0, 100),
            (1.0, 0.1, 100),
            (1e-3, f64::NAN, 100),
            (1e-3, 1.0, 5),
        ] {
            assert!(LrSweep { from, to, steps }.check().is_err());
        }
    }
}
