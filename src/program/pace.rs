//! How many steps a submit holds.

use super::step_end::RING;

/// Seconds that a submit may take: the system's watchdog ends those that take much longer.
const SUBMIT_SECONDS: f64 = 0.15;
/// Most steps of a submit: a quarter of the ring, so that the host reads rows before they are written again.
const MOST_STEPS: u32 = RING / 4;

/// Chooses how many steps a submit holds from the time that earlier steps took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    fixed: Option<u32>,
    longest: f64,
    seconds_per_step: Option<f64>,
    last: u32,
}

impl Pace {
    pub fn new(fixed: Option<u32>) -> Pace {
        Pace {
            fixed,
            longest: SUBMIT_SECONDS,
            seconds_per_step: None,
            last: 0,
        }
    }

    pub fn keep_below(&mut self, seconds: f64) {
        self.longest = seconds.min(SUBMIT_SECONDS);
    }

    /// Steps of the next submit.
    pub fn steps(&mut self) -> u32 {
        let steps = match (self.fixed, self.seconds_per_step) {
            (Some(steps), _) => steps,
            (None, None) => 1,
            // Slow growth keeps one wrong measurement from making a submit that the watchdog ends.
            (None, Some(seconds)) => ((self.longest / seconds) as u32).min(self.last.max(1) * 4),
        };
        self.last = steps.clamp(1, MOST_STEPS);
        self.last
    }

    /// Takes into account that `steps` steps took `seconds`.
    pub fn observe(&mut self, seconds: f64, steps: u32) {
        let new = (seconds / f64::from(steps)).max(1e-7);
        // The slower of old and new, since the longest submit is what matters.
        let old = self.seconds_per_step;
        self.seconds_per_step = Some(old.map_or(new, |old| new.max(0.8 * old + 0.2 * new)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of submits, of which each step takes `seconds`.
    fn submits(pace: &mut Pace, seconds: f64, count: usize) -> Vec<u32> {
        let submit = || {
            let steps = pace.steps();
            pace.observe(seconds * f64::from(steps), steps);
            steps
        };
        std::iter::repeat_with(submit).take(count).collect()
    }

    #[test]
    fn fast_steps_share_a_submit_whose_size_grows_slowly() {
        let mut pace = Pace::new(None);
        assert_eq!(submits(&mut pace, 1e-3, 6), [1, 4, 16, 64, 64, 64]);
        let mut pace = Pace::new(None);
        assert_eq!(submits(&mut pace, 0.01, 5), [1, 4, 15, 15, 15]);
    }

    #[test]
    fn one_slow_step_shrinks_the_next_submit_at_once() {
        let mut pace = Pace::new(None);
        submits(&mut pace, 1e-3, 6);
        assert_eq!(submits(&mut pace, 0.2, 3), [64, 1, 1]);
        // Fast again, it grows as the slow step is forgotten.
        let sizes = submits(&mut pace, 1e-3, 30);
        assert!(sizes.is_sorted() && sizes.last() == Some(&64), "{sizes:?}");
    }

    #[test]
    fn a_meter_keeps_submits_short_and_a_fixed_number_is_kept() {
        let mut pace = Pace::new(None);
        pace.keep_below(0.02);
        assert_eq!(submits(&mut pace, 1e-3, 5), [1, 4, 16, 20, 20]);
        pace.keep_below(1e-6);
        assert_eq!(submits(&mut pace, 1e-3, 2), [1, 1]);
        let mut pace = Pace::new(Some(8));
        assert_eq!(submits(&mut pace, 0.2, 3), [8, 8, 8]);
    }
}
