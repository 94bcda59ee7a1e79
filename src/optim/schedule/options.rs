//! The choices of a schedule as given, their checks and defaults.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Curve, MOST_STEPS, RateSchedule, Schedule, ScheduleError, ScheduleUnit, Steps};

/// Units after which the schedule `multistep` reduces the learning rate, in increasing order; written `3,5`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Milestones(Vec<u32>);

impl fmt::Display for Milestones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.pad(&numbers.join(","))
    }
}

impl FromStr for Milestones {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let wrong = || ScheduleError::Milestones {
            given: text.to_owned(),
        };
        let numbers = text.split(',').map(|number| number.trim().parse::<u32>());
        let mut numbers: Vec<u32> = numbers.collect::<Result<_, _>>().map_err(|_| wrong())?;
        if numbers.contains(&0) {
            return Err(wrong());
        }
        numbers.sort_unstable();
        Ok(Self(numbers))
    }
}

impl TryFrom<String> for Milestones {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Milestones> for String {
    fn from(milestones: Milestones) -> Self {
        milestones.to_string()
    }
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $flag:literal),* $(,)?) => {
        /// The choices of a schedule. `None`: the default, or not an option of the schedule.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct ScheduleOptions {
            /// The schedule after the warm-up; constant by default.
            pub schedule: Option<RateSchedule>,
            $($(#[$doc])* pub $name: Option<$kind>),*
        }

        impl ScheduleOptions {
            /// The names of those that are given, warm-up and schedule apart.
            fn given(&self) -> impl Iterator<Item = &'static str> {
                let all = [$(($flag, self.$name.is_some())),*];
                let given = all.into_iter().filter(|(name, given)| *given && !name.starts_with("warmup"));
                given.map(|(name, _)| name)
            }
        }
    };
}

options! {
    /// What `step_size`, `milestones` and `gamma` count.
    schedule_unit: ScheduleUnit = "schedule-unit",
    /// Units between reductions.
    step_size: u32 = "step-size",
    /// Units after which the learning rate is reduced.
    milestones: Milestones = "milestones",
    /// Factor of a reduction.
    gamma: f64 = "gamma",
    /// Exponent of the schedule `polynomial`.
    power: f64 = "power",
    /// Learning rate at the end of the schedule `cosine`.
    min_lr: f64 = "min-lr",
    /// Share of the steps in which the schedule `one-cycle` rises.
    pct_start: f64 = "pct-start",
    /// The learning rate over the first one.
    div_factor: f64 = "div-factor",
    /// The first learning rate over the last one.
    final_div_factor: f64 = "final-div-factor",
    /// Whether the momentum falls while the learning rate rises.
    cycle_momentum: bool = "cycle-momentum",
    /// Lowest momentum of the cycle.
    base_momentum: f64 = "base-momentum",
    /// Highest momentum of the cycle.
    max_momentum: f64 = "max-momentum",
    /// Steps of the warm-up.
    warmup_steps: u32 = "warmup-steps",
    /// Epochs of the warm-up.
    warmup_epochs: f64 = "warmup-epochs",
    /// Share of the learning rate in the first step of the warm-up.
    warmup_start: f64 = "warmup-start",
}

/// `name` is `range`, if it is given.
fn range(
    name: &'static str,
    value: Option<f64>,
    range: &'static str,
    fits: impl Fn(f64) -> bool,
) -> Result<(), ScheduleError> {
    match value {
        Some(value) if !(value.is_finite() && fits(value)) => {
            Err(ScheduleError::Range { name, range, value })
        }
        _ => Ok(()),
    }
}

const POSITIVE: &str = "a finite number above 0";
const SHARE: &str = "between 0 and 1";

impl ScheduleOptions {
    fn name(&self) -> RateSchedule {
        self.schedule.unwrap_or(RateSchedule::Constant)
    }

    fn uses(&self) -> &'static [&'static str] {
        match self.name() {
            RateSchedule::Constant => &[],
            RateSchedule::Step => &["schedule-unit", "step-size", "gamma"],
            RateSchedule::Multistep => &["schedule-unit", "milestones", "gamma"],
            RateSchedule::Exponential => &["schedule-unit", "gamma"],
            RateSchedule::Polynomial => &["power"],
            RateSchedule::Cosine => &["min-lr"],
            RateSchedule::OneCycle => &[
                "pct-start",
                "div-factor",
                "final-div-factor",
                "cycle-momentum",
                "base-momentum",
                "max-momentum",
            ],
        }
    }

    /// Whether the curve ends with the run.
    pub(crate) fn ends(&self) -> bool {
        use RateSchedule::{Cosine, OneCycle, Polynomial};
        matches!(self.name(), Cosine | OneCycle | Polynomial)
    }

    /// Checks every value that can be checked without the length of the run; `momentum`: that of the update rule.
    ///
    /// # Errors
    /// [`ScheduleError`] for the first invalid value.
    pub fn check(&self, momentum: Option<f64>) -> Result<(), ScheduleError> {
        let schedule = self.name();
        let uses = self.uses();
        if let Some(name) = self.given().find(|name| !uses.contains(name)) {
            return Err(ScheduleError::Unused { schedule, name });
        }
        let missing = |name, what| {
            Err(ScheduleError::Missing {
                schedule,
                name,
                what,
            })
        };
        match schedule {
            RateSchedule::Step if self.step_size.is_none() => {
                return missing(
                    "step-size",
                    "the epochs from one reduction to the next, such as 2",
                );
            }
            RateSchedule::Multistep if self.milestones.is_none() => {
                return missing(
                    "milestones",
                    "the epochs after which the rate is reduced, such as 3,5",
                );
            }
            RateSchedule::Exponential if self.gamma.is_none() => {
                return missing("gamma", "the factor of each epoch, such as 0.9");
            }
            _ => {}
        }
        let size = self.step_size.map(f64::from);
        range("step-size", size, "at least 1", |n| n >= 1.0)?;
        range("gamma", self.gamma, POSITIVE, |n| n > 0.0)?;
        range("power", self.power, POSITIVE, |n| n > 0.0)?;
        range(
            "min-lr",
            self.min_lr,
            "a finite number of at least 0",
            |n| n >= 0.0,
        )?;
        range("pct-start", self.pct_start, SHARE, |n| {
            (0.0..=1.0).contains(&n)
        })?;
        range("div-factor", self.div_factor, POSITIVE, |n| n > 0.0)?;
        range("final-div-factor", self.final_div_factor, POSITIVE, |n| {
            n > 0.0
        })?;
        for (name, value) in [
            ("base-momentum", self.base_momentum),
            ("max-momentum", self.max_momentum),
        ] {
            range(name, value, "at least 0 and below 1", |n| {
                (0.0..1.0).contains(&n)
            })?;
        }
        range(
            "warmup-epochs",
            self.warmup_epochs,
            "a finite number of at least 0",
            |n| n >= 0.0,
        )?;
        range("warmup-start", self.warmup_start, SHARE, |n| {
            (0.0..=1.0).contains(&n)
        })?;
        if self.warmup_steps.is_some() && self.warmup_epochs.is_some() {
            return Err(ScheduleError::TwoWarmUps);
        }
        if self.warmup_start.is_some() && !self.warms_up() {
            return Err(ScheduleError::NoWarmUp);
        }
        let wanted = self.base_momentum.or(self.max_momentum).is_some();
        if self.cycle_momentum.unwrap_or(wanted) && momentum.is_none() {
            return Err(ScheduleError::NoMomentum);
        }
        if let Some([base, max]) = self.momenta(momentum)
            && base > max
        {
            return Err(ScheduleError::Momenta { base, max });
        }
        Ok(())
    }

    fn warms_up(&self) -> bool {
        self.warmup_steps.is_some_and(|steps| steps > 0)
            || self.warmup_epochs.is_some_and(|epochs| epochs > 0.0)
    }

    fn momenta(&self, momentum: Option<f64>) -> Option<[f64; 2]> {
        let cycles = self.name() == RateSchedule::OneCycle
            && self.cycle_momentum.unwrap_or(momentum.is_some());
        cycles.then(|| {
            [
                self.base_momentum.unwrap_or(0.85),
                self.max_momentum.unwrap_or(0.95),
            ]
        })
    }

    /// With every default spelled out, and `None` for what the schedule does not use; all are `None` for a learning rate
    /// that never changes.
    pub fn resolved(&self, momentum: Option<f64>) -> Self {
        let name = self.name();
        let uses = self.uses();
        let number = |flag: &str, value: Option<f64>, default: f64| {
            uses.contains(&flag).then(|| value.unwrap_or(default))
        };
        let momenta = self.momenta(momentum);
        let is_cycle = name == RateSchedule::OneCycle;
        Self {
            schedule: Some(name).filter(|name| *name != RateSchedule::Constant),
            schedule_unit: uses
                .contains(&"schedule-unit")
                .then(|| self.schedule_unit.unwrap_or(ScheduleUnit::Epoch)),
            step_size: self.step_size,
            milestones: self.milestones.clone(),
            gamma: number("gamma", self.gamma, 0.1),
            power: number("power", self.power, 1.0),
            min_lr: number("min-lr", self.min_lr, 0.0),
            pct_start: number("pct-start", self.pct_start, 0.3),
            div_factor: number("div-factor", self.div_factor, 25.0),
            final_div_factor: number("final-div-factor", self.final_div_factor, 1e4),
            cycle_momentum: is_cycle.then_some(momenta.is_some()),
            base_momentum: momenta.map(|[base, _]| base),
            max_momentum: momenta.map(|[_, max]| max),
            warmup_steps: self.warmup_steps.filter(|steps| *steps > 0),
            warmup_epochs: self.warmup_epochs.filter(|epochs| *epochs > 0.0),
            warmup_start: self.warms_up().then(|| self.warmup_start.unwrap_or(0.01)),
        }
    }

    /// The schedule of a run of this length; `momentum`: that of the update rule.
    ///
    /// # Errors
    /// As [`ScheduleOptions::check`], and for a run that is too short, too long or endless.
    pub fn schedule(&self, steps: Steps, momentum: Option<f64>) -> Result<Schedule, ScheduleError> {
        self.check(momentum)?;
        let schedule = self.name();
        let given = self.resolved(momentum);
        match steps.total {
            None if self.ends() => return Err(ScheduleError::Endless { schedule }),
            Some(total) if self.ends() && total > MOST_STEPS => {
                return Err(ScheduleError::TooLong {
                    schedule,
                    steps: total,
                });
            }
            _ => {}
        }
        let epochs = |epochs: f64| (epochs * f64::from(steps.per_epoch)).round() as u64;
        let warmup_steps = match given.warmup_steps {
            Some(steps) => u64::from(steps),
            None => given.warmup_epochs.map_or(0, epochs),
        };
        if let Some(total) = steps.total.filter(|total| *total > 0)
            && warmup_steps >= total
        {
            return Err(ScheduleError::LongWarmUp {
                warmup: warmup_steps,
                steps: total,
            });
        }
        let every = match given.schedule_unit {
            Some(ScheduleUnit::Epoch) => u64::from(steps.per_epoch.max(1)),
            _ => 1,
        };
        let number = |value: Option<f64>| value.unwrap_or_default();
        let gamma = number(given.gamma);
        let curve = match schedule {
            RateSchedule::Constant => Curve::Constant,
            RateSchedule::Step => Curve::Step {
                gamma,
                size: u64::from(given.step_size.unwrap_or(1)),
                every,
            },
            RateSchedule::Multistep => Curve::Multistep {
                gamma,
                milestones: given
                    .milestones
                    .map_or(vec![], |at| at.0.into_iter().map(u64::from).collect()),
                every,
            },
            RateSchedule::Exponential => Curve::Exponential { gamma, every },
            RateSchedule::Polynomial => Curve::Polynomial {
                power: number(given.power),
            },
            RateSchedule::Cosine => Curve::Cosine {
                min_lr: number(given.min_lr),
            },
            RateSchedule::OneCycle => Curve::OneCycle {
                pct_start: number(given.pct_start),
                div_factor: number(given.div_factor),
                final_div_factor: number(given.final_div_factor),
            },
        };
        Ok(Schedule {
            curve,
            steps: steps.total,
            warmup_steps,
            warmup_start: given.warmup_start.unwrap_or(1.0),
            momenta: self.momenta(momentum),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(schedule: RateSchedule) -> ScheduleOptions {
        ScheduleOptions {
            schedule: Some(schedule),
            ..ScheduleOptions::default()
        }
    }

    #[test]
    fn refuses_each_invalid_choice_in_one_sentence() {
        use RateSchedule::{Constant, Cosine, Exponential, Multistep, OneCycle, Polynomial, Step};
        let error = |name, change: &dyn Fn(&mut ScheduleOptions)| {
            let mut options = options(name);
            change(&mut options);
            options.check(None).unwrap_err().to_string()
        };
        let starts = [
            (
                error(Cosine, &|o| o.gamma = Some(0.5)),
                "schedule cosine has no gamma",
            ),
            (
                error(Constant, &|o| o.step_size = Some(2)),
                "schedule constant has no step-size",
            ),
            (error(Step, &|_| ()), "schedule step needs step-size"),
            (
                error(Multistep, &|_| ()),
                "schedule multistep needs milestones",
            ),
            (
                error(Exponential, &|_| ()),
                "schedule exponential needs gamma",
            ),
            (
                error(Step, &|o| o.step_size = Some(0)),
                "step-size must be at least 1",
            ),
            (
                error(Exponential, &|o| o.gamma = Some(0.0)),
                "gamma must be",
            ),
            (
                error(Polynomial, &|o| o.power = Some(f64::NAN)),
                "power must be",
            ),
            (
                error(OneCycle, &|o| o.pct_start = Some(1.5)),
                "pct-start must be",
            ),
            (
                error(OneCycle, &|o| o.cycle_momentum = Some(true)),
                "cycle-momentum needs",
            ),
            (
                error(Constant, &|o| o.warmup_start = Some(0.5)),
                "warmup-start needs",
            ),
            (
                error(Constant, &|o| {
                    o.warmup_steps = Some(5);
                    o.warmup_epochs = Some(1.0);
                }),
                "the warm-up has both",
            ),
        ];
        for (text, start) in starts {
            assert!(text.starts_with(start) && !text.contains('\n'), "{text}");
        }
        for text in ["", "a", "1,,2", "0,3", "1.5"] {
            assert!(text.parse::<Milestones>().is_err(), "{text:?}");
        }
        assert_eq!("5, 3".parse::<Milestones>().unwrap().to_string(), "3,5");
    }

    #[test]
    fn what_ends_with_the_run_needs_its_length() {
        let steps = |total| Steps {
            total,
            per_epoch: 10,
        };
        for name in [
            RateSchedule::Cosine,
            RateSchedule::Polynomial,
            RateSchedule::OneCycle,
        ] {
            let error = options(name).schedule(steps(None), None).unwrap_err();
            assert_eq!(error, ScheduleError::Endless { schedule: name });
            let error = options(name).schedule(steps(Some(MOST_STEPS + 1)), None);
            assert!(matches!(error, Err(ScheduleError::TooLong { .. })));
            assert!(options(name).schedule(steps(Some(0)), None).is_ok());
        }
        let exponential = ScheduleOptions {
            gamma: Some(0.9),
            ..options(RateSchedule::Exponential)
        };
        assert!(exponential.schedule(steps(None), None).is_ok());
        let warm = ScheduleOptions {
            warmup_epochs: Some(10.0),
            ..options(RateSchedule::Cosine)
        };
        let error = warm.schedule(steps(Some(100)), None).unwrap_err();
        assert!(matches!(
            error,
            ScheduleError::LongWarmUp {
                warmup: 100,
                steps: 100
            }
        ));
    }

    #[test]
    fn resolving_spells_out_the_defaults_and_nothing_else() {
        assert_eq!(
            options(RateSchedule::Constant).resolved(Some(0.9)),
            ScheduleOptions::default()
        );
        let cosine = options(RateSchedule::Cosine).resolved(Some(0.9));
        assert_eq!(
            (cosine.min_lr, cosine.gamma, cosine.warmup_start),
            (Some(0.0), None, None)
        );
        let cycle = options(RateSchedule::OneCycle);
        assert_eq!(cycle.resolved(Some(0.9)).base_momentum, Some(0.85));
        assert_eq!(cycle.resolved(None).cycle_momentum, Some(false));
        assert_eq!(cycle.resolved(None).base_momentum, None);
        let again = cycle.resolved(Some(0.9));
        assert_eq!(again.resolved(Some(0.9)), again);
        assert_eq!(again.check(Some(0.9)), Ok(()));
    }
}
