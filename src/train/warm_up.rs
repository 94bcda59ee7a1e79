//! The first submits of a run, before its pace has settled.

use serde::{Deserialize, Serialize};

use crate::energy::Stamp;

/// A submit keeps the run's pace when a step of it takes no more than so many times the median.
const SETTLED: f64 = 1.25;
/// Fewer submits show no pace.
const LEAST: usize = 5;

/// What a run did before its pace had settled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Training steps.
    pub steps: f64,
    /// When the last of them was done, seconds on the monotonic clock.
    pub until: f64,
}

impl WarmUp {
    /// Of the stamps of a run: one at the start of every stretch of training, and one at the end of each submit.
    ///
    /// # Errors
    /// Why there was none.
    pub(super) fn of(stamps: &[Stamp]) -> Result<Self, String> {
        let submits = || stamps.windows(2).filter(|pair| pair[1].done > pair[0].done);
        let pace = |pair: &[Stamp]| (pair[1].at - pair[0].at) / (pair[1].done - pair[0].done);
        let mut paces: Vec<f64> = submits().map(pace).collect();
        if paces.len() < LEAST {
            return Err(format!(
                "the run of {} submits is too short to show a pace",
                paces.len()
            ));
        }
        paces.sort_by(f64::total_cmp);
        let settled = SETTLED * paces[paces.len() / 2];
        // An evaluation ends it too: what was left to warm up has had its time.
        let first = stamps
            .windows(2)
            .position(|pair| pair[1].done <= pair[0].done || pace(pair) <= settled)
            .filter(|&at| at > 0)
            .ok_or("the first submit kept the run's pace already")?;
        Ok(Self {
            steps: stamps[first].done,
            until: stamps[first].at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamps of submits of (seconds, steps); no steps: an evaluation.
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
        // A slow submit later on is none of it.
        let all = stamps(&[&[(2.0, 1.0)], &steady[..], &[(2.0, 1.0)]].concat());
        assert_eq!(WarmUp::of(&all).unwrap().steps, 1.0);
    }

    #[test]
    fn an_evaluation_ends_it() {
        let all = stamps(&[&[(2.0, 1.0), (0.7, 0.0), (0.3, 1.0)], &[(0.1, 10.0); 8][..]].concat());
        let found = WarmUp::of(&all).unwrap();
        assert_eq!((found.steps, found.until), (1.0, 9.0));
    }

    #[test]
    fn a_run_at_pace_or_of_few_submits_has_none() {
        assert!(
            WarmUp::of(&stamps(&[(0.1, 10.0); 8]))
                .unwrap_err()
                .contains("pace already")
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
