//! The statistics of a study against SciPy and statsmodels (results written by `scripts/fixtures/study_statistics.py`),
//! against cases worked out by hand, and in simulated studies with known truth.
#![cfg(feature = "gpu")]

mod edges;
mod fixtures;
mod kept_grid;
mod ledgers;
mod search;
mod simulated;

use wattgrad::internals::study::stats::{End, Interval, Trial};

#[track_caller]
fn close(found: f64, expected: f64, relative: f64) {
    let off = (found - expected).abs();
    assert!(
        off <= relative * expected.abs().max(1e-3),
        "{found} is not {expected}"
    );
}

#[track_caller]
fn encloses(found: Option<Interval>, low: f64, high: f64, relative: f64) {
    let found = found.expect("an interval");
    close(found.low, low, relative);
    close(found.high, high, relative);
}

fn trial(spent: f64, ended: End) -> Trial {
    Trial::new(spent, ended).unwrap()
}

fn reached(costs: &[f64]) -> Vec<Trial> {
    costs.iter().map(|&c| trial(c, End::Reached)).collect()
}

fn over(costs: &[f64]) -> Vec<Trial> {
    costs.iter().map(|&c| trial(c, End::OverBudget)).collect()
}

fn diverged(costs: &[f64]) -> Vec<Trial> {
    costs.iter().map(|&c| trial(c, End::Diverged)).collect()
}
