//! After which steps a run is evaluated.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EvaluationSchedule {
    total: u64,
    interval: Interval,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Interval {
    /// May be a fraction.
    Steps(f64),
    Samples {
        every: u64,
        batch: u64,
    },
}

impl EvaluationSchedule {
    /// `total` steps with an evaluation every `eval_every` epochs (finite and above 0): evaluation `k` follows step
    /// `round(k * eval_every * steps_per_epoch)`, at least one step after the previous evaluation. One more follows the
    /// last step.
    pub fn new(total: u64, steps_per_epoch: u32, eval_every: f64) -> Self {
        let interval = eval_every * f64::from(steps_per_epoch.max(1));
        Self {
            total,
            interval: Interval::Steps(interval),
        }
    }

    /// `total` steps of `batch_size` samples with an evaluation after the first step at or past each multiple of `every`
    /// samples.
    pub fn every_samples(total: u64, batch_size: u32, every: u64) -> Self {
        let interval = Interval::Samples {
            every: every.max(1),
            batch: u64::from(batch_size.max(1)),
        };
        Self { total, interval }
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// The next step after `done` at which training pauses for an evaluation or ends; `None` after the last step.
    pub fn next_after(&self, done: u64) -> Option<u64> {
        if done >= self.total {
            return None;
        }
        let interval = match self.interval {
            Interval::Steps(interval) => interval,
            Interval::Samples { every, batch } => {
                let passed = done.saturating_mul(batch) / every;
                let step = (passed + 1).saturating_mul(every).div_ceil(batch);
                return Some(step.min(self.total));
            }
        };
        if interval <= 1.0 {
            return Some(done + 1);
        }
        let mut k = (done as f64 / interval).floor().max(0.0);
        loop {
            let step = (k * interval).round();
            if step >= self.total as f64 {
                return Some(self.total);
            }
            if step as u64 > done {
                return Some(step as u64);
            }
            k += 1.0;
        }
    }

    /// Whether training pauses after `step` for an evaluation.
    pub fn evaluates_at(&self, step: u64) -> bool {
        let before = step.checked_sub(1);
        before.and_then(|before| self.next_after(before)) == Some(step)
            && self.evaluates_after(step)
    }

    /// Whether an evaluation follows `step`, which [`EvaluationSchedule::next_after`] returned.
    pub fn evaluates_after(&self, step: u64) -> bool {
        match self.interval {
            Interval::Steps(_) => true,
            Interval::Samples { every, batch } => {
                let multiples = |steps: u64| steps.saturating_mul(batch) / every;
                multiples(step) > multiples(step.saturating_sub(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(total: u64, per_epoch: u32, every: f64) -> Vec<u64> {
        let schedule = EvaluationSchedule::new(total, per_epoch, every);
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
    fn evaluations_are_at_least_one_step_apart() {
        assert_eq!(all(4, 10, 0.1), [1, 2, 3, 4]);
        assert_eq!(all(4, 10, 1e-9), [1, 2, 3, 4]);
        assert_eq!(all(6, 10, 0.15), [2, 3, 5, 6]);
    }

    #[test]
    fn huge_intervals_and_totals_do_not_overflow() {
        assert_eq!(all(7, 10, 1e300), [7]);
        let long = EvaluationSchedule::new(u64::MAX, 1000, 1.0);
        assert_eq!(long.next_after(4_000_000_000), Some(4_000_001_000));
    }

    #[test]
    fn evaluations_follow_multiples_of_samples_only() {
        let all = |total, batch, every| {
            let schedule = EvaluationSchedule::every_samples(total, batch, every);
            let mut at = 0;
            let mut steps = Vec::new();
            while let Some(step) = schedule.next_after(at) {
                if schedule.evaluates_after(step) {
                    steps.push(step);
                }
                at = step;
            }
            assert_eq!(at, total);
            steps
        };
        // 6000 / 64 = 93.75: 94 steps are the first at or past it.
        assert_eq!(all(400, 64, 6000), [94, 188, 282, 375]);
        assert_eq!(all(100, 32, 640), [20, 40, 60, 80, 100]);
        assert_eq!(all(3, 512, 512), [1, 2, 3]);
        assert_eq!(
            all(5, 512, 6000),
            [0u64; 0],
            "the last step is not at a multiple"
        );
    }
}
