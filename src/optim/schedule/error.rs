use super::RateSchedule;

/// A choice of a schedule is invalid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// No value has this name.
    #[error("unknown value {given:?}: choose one of {}", known.join(", "))]
    Unknown {
        /// The name given.
        given: String,
        /// The names that exist.
        known: &'static [&'static str],
    },
    /// The option belongs to other schedules.
    #[error("schedule {schedule} has no {name}: leave {name} out, or choose another schedule")]
    Unused {
        /// The schedule.
        schedule: RateSchedule,
        /// Name of the option.
        name: &'static str,
    },
    /// The schedule has no default for an option.
    #[error("schedule {schedule} needs {name}: give {what}")]
    Missing {
        /// The schedule.
        schedule: RateSchedule,
        /// Name of the option.
        name: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// A number is out of range.
    #[error("{name} must be {range}, got {value}")]
    Range {
        /// Name of the option.
        name: &'static str,
        /// The numbers that it can be.
        range: &'static str,
        /// The value given.
        value: f64,
    },
    /// Milestones that are no list of increasing numbers.
    #[error(
        "milestones are whole numbers above 0 with commas between them, such as 3,5, got {given:?}"
    )]
    Milestones {
        /// The text given.
        given: String,
    },
    /// The warm-up has two lengths.
    #[error("the warm-up has both warmup-steps and warmup-epochs: leave one out")]
    TwoWarmUps,
    /// A start of a warm-up without its length.
    #[error("warmup-start needs a warm-up: give warmup-steps or warmup-epochs")]
    NoWarmUp,
    /// The momentum cannot cycle.
    #[error(
        "cycle-momentum needs an optimizer with momentum above 0: set one, or set cycle-momentum to false"
    )]
    NoMomentum,
    /// The lowest momentum is above the highest.
    #[error("base-momentum must be at most max-momentum, got {base} and {max}")]
    Momenta {
        /// The lowest.
        base: f64,
        /// The highest.
        max: f64,
    },
    /// The schedule ends with the run, whose end is unknown.
    #[error(
        "schedule {schedule} ends with the run, but nothing limits the steps of this run: limit it by epochs, samples or \
         steps, or choose another schedule"
    )]
    Endless {
        /// The schedule.
        schedule: RateSchedule,
    },
    /// The schedule ends with the run, which is too long.
    #[error(
        "schedule {schedule} can have at most {} steps, but the run has {steps}: use fewer steps, or choose another schedule",
        super::MOST_STEPS
    )]
    TooLong {
        /// The schedule.
        schedule: RateSchedule,
        /// Steps of the run.
        steps: u64,
    },
    /// The warm-up leaves no step.
    #[error(
        "the warm-up takes {warmup} steps, but the run has {steps}: use a shorter warm-up or more steps"
    )]
    LongWarmUp {
        /// Steps of the warm-up.
        warmup: u64,
        /// Steps of the run.
        steps: u64,
    },
}
