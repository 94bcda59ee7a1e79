//! The recorded grid under data/runs, and studies like it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use wattgrad::internals::study::search::End;

use super::simulated::normal;

/// Simulated studies.
pub const STUDIES: usize = 200;
const GRID: &str = "data/runs/2026-11-25-llvmpipe/power-of-training/runs";
/// The target, the budget of a run and the samples between evaluations of that grid; a window has two evaluations.
const TARGET: f64 = 0.88;
const BUDGET: f64 = 600_000.0;
const EVERY: f64 = 6000.0;

/// The learning curve of a run: cost and value after each window, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub points: Vec<(f64, f64)>,
    pub end: End,
    pub total: f64,
}

/// A run of the kept grid: samples, seconds and mean of the deciding half after each window, its outcome, and the samples
/// and seconds of all of it.
pub struct Kept {
    pub windows: Vec<(f64, f64)>,
    pub outcome: String,
    pub samples: f64,
    pub seconds: f64,
}

/// The runs of the grid in the order of their names, and the runs of its reference cell. The records have the keys of
/// schema 1.
pub fn grid() -> (Vec<Kept>, Vec<Kept>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(GRID);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let (mut cells, mut reference) = (Vec::new(), Vec::new());
    for file in files {
        let run: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let run = &run["payload"];
        let points = run["record"]["evaluations"].as_array().unwrap();
        let number = |point: &Value, key: &str| point[key].as_f64().unwrap_or(f64::NAN);
        let windows = points.windows(2).map(|pair| {
            let mean =
                (number(&pair[0], "accuracy_even") + number(&pair[1], "accuracy_even")) / 2.0;
            (number(&pair[1], "samples"), mean)
        });
        let kept = || Kept {
            windows: windows
                .clone()
                .filter(|window| window.1.is_finite())
                .collect(),
            outcome: run["outcome"].as_str().unwrap().to_owned(),
            samples: number(&run["record"], "samples"),
            seconds: number(points.last().unwrap(), "seconds"),
        };
        if run["cell"] == "batch-size=64,lr=0.01" {
            reference.push(kept());
        }
        if run["purpose"] == "main" {
            cells.push(kept());
        }
    }
    assert_eq!((cells.len(), reference.len()), (16, 6));
    (cells, reference)
}

impl Kept {
    fn samples_to(&self, value: f64) -> Option<f64> {
        self.windows
            .iter()
            .find(|window| window.1 >= value)
            .map(|window| window.0)
    }

    /// The curve of a run that takes `early` times as long to 85 % and `late` times as long from there, at `cost` per sample.
    pub fn stretched(&self, early: f64, late: f64, cost: f64) -> Curve {
        if self.outcome == "diverged" {
            return Curve {
                points: Vec::new(),
                end: End::Diverged,
                total: self.samples * cost,
            };
        }
        let turn = self.samples_to(0.85).unwrap_or(f64::INFINITY);
        let stretch = |samples: f64| match samples <= turn {
            true => samples * early,
            false => turn * early + (samples - turn) * late,
        };
        let places: Vec<(f64, f64)> = self
            .windows
            .iter()
            .map(|(samples, value)| (stretch(*samples), *value))
            .collect();
        let mut next = 0;
        let mut value = |samples: f64| {
            next += places[next..]
                .iter()
                .take_while(|place| place.0 < samples)
                .count();
            match next {
                0 => places[0].1 * samples / places[0].0,
                at if at < places.len() => {
                    let (from, to) = (places[at - 1], places[at]);
                    from.1 + (to.1 - from.1) * (samples - from.0) / (to.0 - from.0)
                }
                // A run that did not reach the target does not reach it by being faster.
                _ if self.outcome == "reached" => TARGET,
                at => places[at - 1].1.min(TARGET - 1e-4),
            }
        };
        let mut points = Vec::new();
        let mut samples = 2.0 * EVERY;
        while samples <= BUDGET {
            let margin = value(samples) - TARGET;
            points.push((samples * cost, margin));
            if margin >= 0.0 {
                break;
            }
            samples += EVERY;
        }
        let (total, margin) = *points.last().unwrap();
        let end = if margin >= 0.0 {
            End::Reached
        } else {
            End::OverBudget
        };
        Curve { points, end, total }
    }
}

/// The standard deviation of the logarithm.
fn spread(values: &[f64]) -> f64 {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    (squares / (logs.len() - 1) as f64).sqrt()
}

/// The cost of a success over all seeds of a cell.
pub fn expected(curves: &HashMap<(usize, u32), Curve>, cell: usize, seeds: u32) -> f64 {
    let runs = (1..=seeds).map(|seed| &curves[&(cell, seed)]);
    let reached = runs.clone().filter(|run| run.end == End::Reached).count();
    runs.map(|run| run.total).sum::<f64>() / reached as f64
}

pub struct Studies {
    /// Curves by cell and seed, one map per study.
    pub drawn: Vec<HashMap<(usize, u32), Curve>>,
    pub seeds: u32,
}

/// Studies like the kept grid: the two parts of a learning curve are as long as in the kept one, times a factor of its cell
/// and one of its seed, both drawn with the spread that the runs of the reference cell have in that part.
pub fn studies(seeds: u32, in_seconds: bool) -> Studies {
    let (cells, reference) = grid();
    let early: Vec<f64> = reference
        .iter()
        .map(|run| run.samples_to(0.85).unwrap())
        .collect();
    let late = reference
        .iter()
        .zip(&early)
        .map(|(run, early)| run.samples_to(TARGET).unwrap() - early);
    let spreads = [spread(&early), spread(&late.collect::<Vec<_>>())];
    let mut draw = fastrand::Rng::with_seed(7);
    let mut factors = || spreads.map(|sd| (sd * normal(&mut draw)).exp());
    let drawn = (0..STUDIES).map(|_| {
        let mut curves = HashMap::new();
        for (at, cell) in cells.iter().enumerate() {
            let cost = if in_seconds {
                cell.seconds / cell.samples
            } else {
                1.0
            };
            // One seed has one factor; a second one would only widen it.
            let own = if seeds > 1 { factors() } else { [1.0, 1.0] };
            for seed in 1..=seeds {
                let of_seed = factors();
                curves.insert(
                    (at, seed),
                    cell.stretched(own[0] * of_seed[0], own[1] * of_seed[1], cost),
                );
            }
        }
        curves
    });
    Studies {
        drawn: drawn.collect(),
        seeds,
    }
}
