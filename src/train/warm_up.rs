//! The warm-up: the first submits of a run, before its pace is steady.

use serde::{Deserialize, Serialize};

use crate::energy::Stamp;

/// A submit is steady if its steps take at most this many times the run's median.
const STEADY: f64 = 1.25;
/// Fewest submits that show a pace.
const FEWEST: usize = 5;

/// The steps of a run before its pace was steady.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Training steps.
    pub steps: f64,
    /// When the last of them ended, in seconds on the monotonic clock.
    pub until: f64,
}

impl WarmUp {
    /// Finds the warm-up in the stamps of a run: one at each start of training and one at the end of each submit.
    ///
    /// # Errors
    /// Why the run has none.
    pub(super) fn of(stamps: &[Stamp]) -> Result<Self, String> {
        let submits = || stamps.windows(2).filter(|pair| pair[1].done > pair[0].done);
        let pace = |pair: &[Stamp]| (pair[1].at - pair[0].at) / (pair[1].done - pair[0].done);
        let mut paces: Vec<f64> = submits().map(pace).collect();
        if paces.len() < FEWEST {
            return Err(format!(
                "the run is too short: it has {} submits",
                paces.len()
            ));
        }
        paces.sort_by(f64::total_cmp);
        let steady = STEADY * paces[paces.len() / 2];
        // An evaluation ends the warm-up too, since it takes long enough for anything left to warm up.
        let first = stamps
            .windows(2)
            .position(|pair| pair[1].done <= pair[0].done || pace(pair) <= steady)
            .filter(|&at| at > 0)
            .ok_or("the pace was steady from the first submit")?;
        Ok(Self {
            steps: stamps[first].done - stamps[0].done,
            until: stamps[first].at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamps of submits of (seconds, steps); an evaluation has no steps.
    fn stamps(submits: &[(f64, f64)]) -> Vec<Stamp> {
        let mut all = vec![Stamp { at: 7.0, done: 0.0 }];
        for &(seconds, steps) in submits {
            let Stamp { at, done } = all[all.len() - 1];
            all.push(Stamp {
                at: at + seconds,
                done: done + steps,
            });
        }
        all
    }

    #[test]
    fn slow_first_submits_are_the_warm_up() {
        let steady = [(0.1, 10.0); 8];
        let all = stamps(&[&[(2.0, 1.0), (0.3, 4.0)], &steady[..]].concat());
        let found = WarmUp::of(&all).unwrap();
        assert_eq!(found.steps, 5.0);
        assert!((found.until - 9.3).abs() < 1e-9);
        // A later slow submit does not count.
        let all = stamps(&[&[(2.0, 1.0)], &steady[..], &[(2.0, 1.0)]].concat());
        assert_eq!(WarmUp::of(&all).unwrap().steps, 1.0);
    }

    #[test]
    fn an_evaluation_ends_the_warm_up() {
        let all = stamps(&[&[(2.0, 1.0), (0.7, 0.0), (0.3, 1.0)], &[(0.1, 10.0); 8][..]].concat());
        let found = WarmUp::of(&all).unwrap();
        assert_eq!((found.steps, found.until), (1.0, 9.0));
    }

    #[test]
    fn a_steady_or_short_run_has_no_warm_up() {
        assert!(
            WarmUp::of(&stamps(&[(0.1, 10.0); 8]))
                .unwrap_err()
                .contains("steady")
        );
        for few in [0, 4] {
            assert!(
                WarmUp::of(&stamps(&vec![(0.1, 1.0); few]))
                    .unwrap_err()
                    .contains("too short")
            );
        }
        assert!(WarmUp::of(&[]).is_err());
    }
}
