//! When a run is evaluated.

/// The steps after which the test set is evaluated.
///
/// Evaluation `k` follows step `round(k * eval_every * steps_per_epoch)`, at least one step after the one before; one
/// more follows the last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Steps of the whole run.
    total: u64,
    /// Steps from one evaluation to the next, possibly a fraction.
    interval: f64,
}

impl Schedule {
    /// A schedule of `total` steps with an evaluation every `eval_every` epochs (finite and above 0).
    pub fn new(total: u64, steps_per_epoch: u32, eval_every: f64) -> Self {
        let interval = eval_every * f64::from(steps_per_epoch.max(1));
        Self { total, interval }
    }

    /// Steps of the whole run.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The first step after `done` that an evaluation follows; `None` when all are done.
    pub fn next_after(&self, done: u64) -> Option<u64> {
        if done >= self.total {
            return None;
        }
        if self.interval <= 1.0 {
            return Some(done + 1);
        }
        let mut k = (done as f64 / self.interval).floor().max(0.0);
        loop {
            let step = (k * self.interval).round();
            if step >= self.total as f64 {
                return Some(self.total);
            }
            if step as u64 > done {
                return Some(step as u64);
            }
            k += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(total: u64, per_epoch: u32, every: f64) -> Vec<u64> {
        let schedule = Schedule::new(total, per_epoch, every);
        let mut steps = Vec::new();
        while let Some(step) = schedule.next_after(steps.last().copied().unwrap_or(0)) {
            steps.push(step);
        }
        steps
    }

    #[test]
    fn evaluations_follow_epochs_and_fractions_of_them() {
        assert_eq!(all(30, 10, 1.0), [10, 20, 30]);
        assert_eq!(all(25, 10, 1.0), [10, 20, 25], "one follows the last step");
        assert_eq!(all(937 * 2, 937, 0.5), [469, 937, 1406, 1874]);
        assert_eq!(all(10, 3, 2.0), [6, 10]);
        assert_eq!(all(5, 10, 3.0), [5]);
        assert_eq!(all(0, 10, 1.0), [0u64; 0]);
    }

    #[test]
    fn less_than_a_step_between_evaluations_is_one_step() {
        assert_eq!(all(4, 10, 0.1), [1, 2, 3, 4]);
        assert_eq!(all(4, 10, 1e-9), [1, 2, 3, 4]);
        assert_eq!(all(6, 10, 0.15), [2, 3, 5, 6]);
    }

    #[test]
    fn huge_intervals_and_totals_do_not_overflow() {
        assert_eq!(all(7, 10, 1e300), [7]);
        let long = Schedule::new(u64::MAX, 1000, 1.0);
        assert_eq!(long.next_after(4_000_000_000), Some(4_000_001_000));
    }
}
