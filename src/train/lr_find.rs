//! The learning-rate range test: a few steps at learning rates that grow by equal factors, and the rate at which the loss
//! falls fastest. Nothing of the network is kept.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::error::TrainError;
use super::lr_sweep::LrSweep;
use super::trainer::Trainer;

/// Version of the JSON form of [`LrFinding`].
const SCHEMA: u32 = 1;

/// The test ends when the smoothed loss is this many times its lowest value.
const DIVERGED: f64 = 4.0;
/// A loss that falls by less than this share of its first value has not fallen.
const FALLEN: f64 = 0.02;
/// The smoothed loss is a mean over one step in this many.
const SMOOTHED: u32 = 20;

/// How the suggestion is found.
pub const RULE: &str =
    "steepest descent: the learning rate at which the smoothed loss falls fastest over log(lr)";

/// A step of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LrPoint {
    /// Learning rate.
    pub lr: f64,
    /// Mean loss of the batch.
    pub loss: f64,
    /// Mean loss of the steps around it.
    pub smoothed: f64,
}

/// The result of a range test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LrFinding {
    /// Version of this form.
    pub schema: u32,
    /// What was tried.
    pub sweep: LrSweep,
    /// The suggested learning rate; `None` if the loss never fell.
    pub suggestion: Option<f64>,
    /// How it was found.
    pub rule: &'static str,
    /// The learning rate with the lowest smoothed loss.
    pub lowest: f64,
    /// Whether the loss rose so far that the test ended early.
    pub diverged: bool,
    /// Steps over which the loss is smoothed.
    pub smoothed_over: u32,
    /// Every step.
    pub points: Vec<LrPoint>,
}

impl LrFinding {
    /// The result of the losses of the first steps of `sweep`, at least one.
    fn new(sweep: LrSweep, losses: &[f64], diverged: bool) -> Self {
        let side = side(sweep);
        let smoothed = smoothed(losses, side);
        let points: Vec<LrPoint> = (0..)
            .zip(losses.iter().zip(&smoothed))
            .map(|(step, (loss, smoothed))| LrPoint {
                lr: sweep.lr(step),
                loss: *loss,
                smoothed: *smoothed,
            })
            .collect();
        let lowest = (0..points.len())
            .min_by(|a, b| smoothed[*a].total_cmp(&smoothed[*b]))
            .unwrap_or(0);
        let first = smoothed.first().copied().unwrap_or_default();
        let fell = smoothed
            .get(lowest)
            .is_some_and(|low| *low < first * (1.0 - FALLEN));
        // Equal factors: a difference over as many steps is a slope over log(lr).
        let slope = |at: usize| smoothed[at + side] - smoothed[at - side];
        let inner = side..(lowest + 1).min(points.len().saturating_sub(side));
        let steepest = inner.min_by(|a, b| slope(*a).total_cmp(&slope(*b)));
        Self {
            schema: SCHEMA,
            sweep,
            suggestion: steepest.filter(|_| fell).map(|at| points[at].lr),
            rule: RULE,
            lowest: points.get(lowest).map_or(sweep.from, |point| point.lr),
            diverged,
            smoothed_over: 2 * side as u32 + 1,
            points,
        }
    }
}

/// Steps on either side of a step over which its loss is smoothed.
fn side(sweep: LrSweep) -> usize {
    (sweep.steps / SMOOTHED / 2).max(1) as usize
}

/// The mean of up to `side` values on either side of each, of equally many on both.
fn smoothed(values: &[f64], side: usize) -> Vec<f64> {
    let mean = |at: usize| {
        let side = side.min(at).min(values.len() - 1 - at);
        let around = &values[at - side..=at + side];
        around.iter().sum::<f64>() / around.len() as f64
    };
    (0..values.len()).map(mean).collect()
}

impl Trainer<'_> {
    /// Runs a range test; `each` gets every step as it is done. It ends early when the loss diverges.
    ///
    /// # Errors
    /// As [`Trainer::run`] before its first step; [`TrainError::Program`] if the device fails.
    pub fn find_lr(
        mut self,
        sweep: LrSweep,
        each: &mut dyn FnMut(u32),
    ) -> Result<LrFinding, TrainError> {
        sweep.check()?;
        self.sweep = Some(sweep);
        let interrupt = self.stop.clone();
        let (built, _) = self.build(0)?;
        let mut program = built.program;
        let width = 2 * side(sweep) + 1;
        let mut losses: Vec<f64> = Vec::new();
        let mut lowest = f64::INFINITY;
        let mut diverged = false;
        let stop = AtomicBool::new(false);
        program.train(sweep.steps, &stop, &mut |result| {
            if diverged {
                return;
            }
            if result.non_finite {
                diverged = true;
            } else if !result.skipped {
                // A skipped step takes no row of the sweep: the next one has its learning rate.
                losses.push(f64::from(result.loss));
                each(losses.len() as u32);
            }
            if losses.len() >= width {
                let mean = losses[losses.len() - width..].iter().sum::<f64>() / width as f64;
                lowest = lowest.min(mean);
                diverged |= mean > DIVERGED * lowest;
            }
            let ended = diverged || interrupt.load(Ordering::Relaxed);
            stop.store(ended, Ordering::Relaxed);
        })?;
        Ok(LrFinding::new(sweep, &losses, diverged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steepest_descent_is_suggested() {
        let sweep = LrSweep {
            from: 1e-4,
            to: 1.0,
            steps: 81,
        };
        // Falls by a logistic curve around 1e-2 (step 40), then rises.
        let loss = |step: i32| {
            let fallen = 1.0 / (1.0 + (-f64::from(step - 40) / 4.0).exp());
            let risen = f64::from((step - 60).max(0)) * 0.1;
            2.3 - 2.0 * fallen + risen
        };
        let losses: Vec<f64> = (0..81).map(loss).collect();
        let found = LrFinding::new(sweep, &losses, true);
        assert!(
            (found.suggestion.unwrap() / 1e-2 - 1.0).abs() < 0.3,
            "{found:?}"
        );
        assert!((found.lowest / 1e-1).log10().abs() < 0.3);
        assert_eq!(found.points.len(), 81);
        let flat = LrFinding::new(sweep, &[2.3; 81], false);
        assert_eq!(flat.suggestion, None);
        assert_eq!(LrFinding::new(sweep, &[2.3], true).suggestion, None);
        assert_eq!(LrFinding::new(sweep, &[], true).points, []);
    }
}
