//! Learning-rate schedules: the learning rate of every step, computed on the host before the first one and read by step
//! number on the device.

mod error;
mod options;

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use error::ScheduleError;
pub use options::{Milestones, ScheduleOptions};

/// Most steps of a schedule on a device. Where the number of steps does not matter to it, its last row holds from there on.
pub(super) const MOST_STEPS: u64 = 1 << 20;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident: $($(#[$of:meta])* $value:ident = $name:literal),* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$of])* #[serde(rename = $name)] $value),*
        }

        impl $type {
            /// The names of all values.
            pub const NAMES: &[&str] = &[$($name),*];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(Self::NAMES[*self as usize])
            }
        }

        impl FromStr for $type {
            type Err = ScheduleError;

            fn from_str(text: &str) -> Result<Self, ScheduleError> {
                match text {
                    $($name => Ok(Self::$value),)*
                    given => Err(ScheduleError::Unknown {
                        given: given.to_owned(),
                        known: Self::NAMES,
                    }),
                }
            }
        }
    };
}

names! {
    /// The name of a schedule.
    RateSchedule:
    /// The learning rate never changes.
    Constant = "constant",
    /// PyTorch's `StepLR`.
    Step = "step",
    /// PyTorch's `MultiStepLR`.
    Multistep = "multistep",
    /// PyTorch's `ExponentialLR`.
    Exponential = "exponential",
    /// PyTorch's `PolynomialLR`, to the end of the run.
    Polynomial = "polynomial",
    /// PyTorch's `CosineAnnealingLR`, to the end of the run.
    Cosine = "cosine",
    /// PyTorch's `OneCycleLR` over the whole run.
    OneCycle = "one-cycle",
}

names! {
    /// What the schedules `step`, `multistep` and `exponential` count.
    ScheduleUnit:
    /// Training steps.
    Step = "step",
    /// Epochs.
    Epoch = "epoch",
}

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Training steps at most; `None` if only time or energy limits the run.
    pub total: Option<u64>,
    /// Training steps of an epoch.
    pub per_epoch: u32,
}

/// The learning rates of a run: a linear warm-up, then a curve that begins with the step after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    curve: Curve,
    steps: Option<u64>,
    warmup_steps: u64,
    warmup_start: f64,
    /// Lowest and highest momentum of a one-cycle schedule.
    momenta: Option<[f64; 2]>,
}

/// The curve after the warm-up. `every`: steps of a unit.
#[derive(Clone, Debug, PartialEq)]
enum Curve {
    Constant,
    Step {
        gamma: f64,
        size: u64,
        every: u64,
    },
    Multistep {
        gamma: f64,
        milestones: Vec<u64>,
        every: u64,
    },
    Exponential {
        gamma: f64,
        every: u64,
    },
    Polynomial {
        power: f64,
    },
    Cosine {
        min_lr: f64,
    },
    OneCycle {
        pct_start: f64,
        div_factor: f64,
        final_div_factor: f64,
    },
    /// From one learning rate to another by equal factors, whatever the rule's.
    Sweep {
        from: f64,
        to: f64,
    },
}

impl Schedule {
    /// The learning rate of the rule in every step.
    pub fn constant() -> Self {
        Self {
            curve: Curve::Constant,
            steps: None,
            warmup_steps: 0,
            warmup_start: 1.0,
            momenta: None,
        }
    }

    /// Learning rates that grow by equal factors from `from` in the first to `to` in the last of `steps`.
    pub fn sweep(from: f64, to: f64, steps: u64) -> Self {
        Self {
            curve: Curve::Sweep { from, to },
            steps: Some(steps),
            ..Self::constant()
        }
    }

    /// The learning rate of `step`, counted from 0, of parameters whose learning rate is `base`.
    pub fn lr(&self, step: u64, base: f64) -> f64 {
        if step < self.warmup_steps {
            let share = step as f64 / self.warmup_steps as f64;
            return base * (self.warmup_start + (1.0 - self.warmup_start) * share);
        }
        let done = step - self.warmup_steps;
        let total = self.curve_steps();
        let share = (done as f64 / total as f64).min(1.0);
        match &self.curve {
            Curve::Constant => base,
            Curve::Step { gamma, size, every } => base * gamma.powf((done / every / size) as f64),
            Curve::Multistep {
                gamma,
                milestones,
                every,
            } => {
                let passed = milestones.iter().filter(|at| **at <= done / every);
                base * gamma.powf(passed.count() as f64)
            }
            Curve::Exponential { gamma, every } => base * gamma.powf((done / every) as f64),
            Curve::Polynomial { power } => base * (1.0 - share).powf(*power),
            Curve::Cosine { min_lr } => min_lr + (base - min_lr) * (1.0 + (PI * share).cos()) / 2.0,
            Curve::OneCycle {
                pct_start,
                div_factor,
                final_div_factor,
            } => {
                let first = base / div_factor;
                let ends = [[first, base], [base, first / final_div_factor]];
                one_cycle(done, total, *pct_start, ends)
            }
            Curve::Sweep { from, to } => {
                let last = total.saturating_sub(1).max(1);
                from * (to / from).powf(done.min(last) as f64 / last as f64)
            }
        }
    }

    /// The momentum that replaces the rule's in `step`.
    pub fn momentum(&self, step: u64) -> Option<f64> {
        let [lowest, highest] = self.momenta?;
        let Curve::OneCycle { pct_start, .. } = self.curve else {
            return None;
        };
        let done = step.saturating_sub(self.warmup_steps);
        let ends = [[highest, lowest], [lowest, highest]];
        Some(one_cycle(done, self.curve_steps(), pct_start, ends))
    }

    /// The step from which on the learning rate is constant; `None` if it changes to the end.
    pub(super) fn constant_after(&self) -> Option<u64> {
        match &self.curve {
            Curve::Constant => Some(self.warmup_steps),
            Curve::Multistep {
                milestones, every, ..
            } => {
                let last = milestones.iter().max()?;
                Some(
                    self.warmup_steps
                        .saturating_add(last.saturating_mul(*every)),
                )
            }
            _ => None,
        }
    }

    /// Steps of the run that have a row, at least one.
    pub(super) fn steps(&self) -> u64 {
        self.steps.unwrap_or(MOST_STEPS).clamp(1, MOST_STEPS)
    }

    /// Steps after the warm-up.
    fn curve_steps(&self) -> u64 {
        let all = self.steps.unwrap_or(MOST_STEPS);
        all.saturating_sub(self.warmup_steps).max(1)
    }
}

/// PyTorch's `OneCycleLR` with two phases: each of `ends` is a value at the start and at the end of a phase.
fn one_cycle(done: u64, total: u64, pct_start: f64, ends: [[f64; 2]; 2]) -> f64 {
    let done = done as f64;
    let turn = pct_start * total as f64 - 1.0;
    let last = total as f64 - 1.0;
    let (from, to, [start, end]) = match done <= turn {
        true => (0.0, turn, ends[0]),
        false => (turn, last, ends[1]),
    };
    let share = match to > from {
        true => ((done - from) / (to - from)).min(1.0),
        false => 1.0,
    };
    end + (start - end) / 2.0 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: Steps = Steps {
        total: Some(100),
        per_epoch: 10,
    };

    fn schedule(name: RateSchedule, change: impl Fn(&mut ScheduleOptions)) -> Schedule {
        let mut options = ScheduleOptions {
            schedule: Some(name),
            ..ScheduleOptions::default()
        };
        change(&mut options);
        options.schedule(STEPS, Some(0.9)).unwrap()
    }

    #[test]
    fn units_are_epochs_unless_steps_are_chosen() {
        let by_epoch = schedule(RateSchedule::Step, |o| o.step_size = Some(2));
        assert_eq!(
            [0, 19, 20, 40].map(|t| by_epoch.lr(t, 1.0)),
            [1.0, 1.0, 0.1, 0.1_f64.powf(2.0)]
        );
        let by_step = schedule(RateSchedule::Step, |o| {
            o.step_size = Some(2);
            o.schedule_unit = Some(ScheduleUnit::Step);
            o.gamma = Some(0.5);
        });
        assert_eq!(
            [1, 2, 3, 4].map(|t| by_step.lr(t, 1.0)),
            [1.0, 0.5, 0.5, 0.25]
        );
        let milestones = schedule(RateSchedule::Multistep, |o| {
            o.milestones = Some("3, 1".parse().unwrap());
        });
        assert_eq!(
            [9, 10, 29, 30].map(|t| milestones.lr(t, 2.0)),
            [2.0, 0.2, 0.2, 2.0 * 0.1_f64.powf(2.0)]
        );
        assert_eq!(milestones.constant_after(), Some(30));
    }

    #[test]
    fn a_warm_up_is_linear_and_the_curve_begins_after_it() {
        let warmed = schedule(RateSchedule::Cosine, |o| {
            o.warmup_steps = Some(20);
            o.warmup_start = Some(0.5);
        });
        assert_eq!([0, 10, 20].map(|t| warmed.lr(t, 2.0)), [1.0, 1.5, 2.0]);
        assert!((warmed.lr(60, 2.0) - 1.0).abs() < 1e-15);
        let epochs = schedule(RateSchedule::Constant, |o| o.warmup_epochs = Some(1.5));
        assert_eq!(epochs.constant_after(), Some(15));
        assert_eq!(epochs.lr(15, 0.3), 0.3);
        assert!(epochs.lr(14, 0.3) < 0.3);
    }

    #[test]
    fn one_cycle_turns_once_with_the_momentum_against_it() {
        let cycle = schedule(RateSchedule::OneCycle, |_| {});
        let rates: Vec<f64> = (0..100).map(|step| cycle.lr(step, 1.0)).collect();
        assert!((rates[0] - 0.04).abs() < 1e-15 && (rates[29] - 1.0).abs() < 1e-15);
        assert!((rates[99] - 0.04e-4).abs() < 1e-15);
        assert!(rates[..30].is_sorted() && rates[29..].iter().rev().is_sorted());
        assert_eq!(cycle.momentum(0), Some(0.95));
        assert!((cycle.momentum(29).unwrap() - 0.85).abs() < 1e-15);
        let alone = schedule(RateSchedule::OneCycle, |o| o.cycle_momentum = Some(false));
        assert_eq!(alone.momentum(0), None);
    }

    #[test]
    fn a_sweep_grows_by_equal_factors() {
        let sweep = Schedule::sweep(1e-4, 1.0, 5);
        for (step, expected) in [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1.0].into_iter().enumerate() {
            let lr = sweep.lr(step as u64, 7.0);
            assert!((lr / expected - 1.0).abs() < 1e-12, "{lr}");
        }
    }
}
