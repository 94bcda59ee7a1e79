//! Simulated studies with known truth.

use wattgrad::internals::study::stats::{End, SpreadSource, Trial, Verdict, compare};

use super::{reached, trial};

const STUDIES: usize = 1000;

pub fn normal(draw: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - draw.f64()).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * draw.f64()).cos()
}

/// Over studies of `cells` cells with `seeds` runs each, drawn by `run` from the cell's number: the share in which some cell
/// is significantly different from the best, and the share in which the spread is not pooled.
fn shares(
    cells: usize,
    seeds: usize,
    run: impl Fn(&mut fastrand::Rng, usize) -> Trial,
) -> (f64, f64) {
    let mut draw = fastrand::Rng::with_seed(20240511);
    let (mut claims, mut separate) = (0, 0);
    for _ in 0..STUDIES {
        let study: Vec<Vec<Trial>> = (0..cells)
            .map(|cell| (0..seeds).map(|_| run(&mut draw, cell)).collect())
            .collect();
        let Some(found) = compare(&study, &[]) else {
            continue;
        };
        claims += usize::from(found.indistinguishable().len() < cells);
        let source = found.spread.map(|s| s.source);
        separate += usize::from(source == Some(SpreadSource::Separate));
    }
    println!("{cells} x {seeds}: {claims} claim, {separate} separate");
    (
        claims as f64 / STUDIES as f64,
        separate as f64 / STUDIES as f64,
    )
}

/// 5 % plus the sampling error of 1000 studies.
const MOST: f64 = 0.065;

#[test]
fn equal_cells() {
    for (cells, seeds) in [(16, 3), (16, 5), (16, 2), (4, 3), (2, 3)] {
        let cost = |draw: &mut fastrand::Rng, _| (3.0 + 0.1 * normal(draw)).exp();
        let (claims, _) = shares(cells, seeds, |d, c| trial(cost(d, c), End::Reached));
        assert!(claims <= MOST, "{cells} cells, {seeds} seeds: {claims}");
    }
}

/// Equal means and spreads that differ tenfold, the case for separate spreads.
#[test]
fn equal_cells_of_unequal_spread() {
    for seeds in [3, 5] {
        let sd = |cell: usize| 0.02 * 10_f64.powf(cell as f64 / 15.0);
        let (claims, separate) = shares(16, seeds, |draw, cell| {
            trial((3.0 + sd(cell) * normal(draw)).exp(), End::Reached)
        });
        assert!(separate > 0.9, "{separate}");
        assert!(claims <= MOST, "{seeds} seeds: {claims}");
    }
}

/// A budget that most, half or few runs stay within.
#[test]
fn equal_cells_cut_off_by_the_budget() {
    for seeds in [3, 5] {
        for budget in [1.0, 0.0, -0.5] {
            let (claims, _) = shares(16, seeds, |draw, _| {
                let off = normal(draw);
                let end = if off > budget {
                    End::OverBudget
                } else {
                    End::Reached
                };
                trial((3.0 + 0.1 * off.min(budget)).exp(), end)
            });
            assert!(claims <= MOST, "{seeds} seeds, {budget}: {claims}");
        }
    }
}

/// Runs that fail by chance, equally often in all cells, at costs far from those of the other runs.
#[test]
fn equal_cells_whose_runs_fail_by_chance() {
    for (cells, shares_failed) in [(2, [0.1, 0.5]), (16, [0.02, 0.3])] {
        for share in shares_failed {
            for end in [End::Diverged, End::OverBudget] {
                let (claims, _) = shares(cells, 3, |draw, _| {
                    let cost = (3.0 + 0.05 * normal(draw)).exp();
                    match draw.f64() < share {
                        true => trial(200.0, end),
                        false => trial(cost, End::Reached),
                    }
                });
                assert!(claims <= MOST, "{cells} cells, {share} {end:?}: {claims}");
            }
        }
    }
}

/// Fifteen equal cells and one that costs three times as much, at a spread of 5 %.
#[test]
fn a_cell_three_times_as_expensive_is_significantly_different() {
    let mut draw = fastrand::Rng::with_seed(7);
    let mut told = 0;
    let studies = 300;
    for _ in 0..studies {
        let cost = |draw: &mut fastrand::Rng, cell| {
            let dear = if cell == 5 { 3.0 } else { 1.0 };
            dear * (3.0 + 0.05 * normal(draw)).exp()
        };
        let cell = |draw: &mut fastrand::Rng, cell| {
            reached(&[cost(draw, cell), cost(draw, cell), cost(draw, cell)])
        };
        let study: Vec<Vec<Trial>> = (0..16).map(|c| cell(&mut draw, c)).collect();
        let found = compare(&study, &[]).unwrap();
        told += usize::from(found.cells[5].verdict == Verdict::MoreExpensive);
    }
    assert!(told as f64 >= 0.97 * f64::from(studies), "{told}");
}
