//! One network for several tasks against one for each.

use serde::Serialize;

use super::{reached, same_but};
use crate::study::analysis::{Analysis, CostKind, CostReport};
use crate::study::stats::{Mean, log_mean};
use crate::train::Regime;

/// Choices that belong to the tasks.
const KEYS: [&str; 3] = ["tasks", "task_weights", "task_targets"];

/// A cell that learns several tasks, and the cells that learn one of them each, at the same accuracy of every task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Multitask {
    pub kind: CostKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Index of the cell with all tasks.
    pub joint: usize,
    /// Indices of the cells with one task each.
    pub single: Vec<usize>,
    /// Mean cost of each of them.
    pub each: Vec<Mean>,
    /// Seeds that all cells have.
    pub seeds: usize,
    /// Mean cost of the network for all tasks.
    pub together: Mean,
    /// Mean of the sum of the costs of the single networks.
    pub apart: Mean,
    /// Together over apart: the geometric mean of the seeds' ratios, with the t interval on their logarithms.
    pub ratio: Mean,
}

impl Multitask {
    /// One for each cell with several tasks whose tasks are all learned alone too.
    pub(super) fn all(cost: &CostReport, regimes: &[Option<Regime>]) -> Vec<Self> {
        let cells = 0..cost.cells.len();
        cells
            .filter_map(|joint| Self::of(cost, regimes, joint))
            .collect()
    }

    /// The ratio in a sentence; of several such cells, which differ in other choices, the lowest and the highest ratio.
    pub(in crate::study) fn headline(all: &[&Self], analysis: &Analysis) -> Option<String> {
        let order = |a: &&&Self, b: &&&Self| a.ratio.mean.total_cmp(&b.ratio.mean);
        let lowest = all.iter().min_by(order)?;
        let highest = all.iter().max_by(order)?;
        let number = match lowest.single.len() {
            2 => "two".to_owned(),
            n => n.to_string(),
        };
        let interval = |one: &Self| match one.ratio.interval {
            Some(i) => format!("(95 % CI {:.2} to {:.2})", i.low, i.high),
            None => "(no interval)".into(),
        };
        let ratio = |one: &Self| {
            let name = analysis.cells[one.joint].name();
            format!("{:.2} times {} with {name}", one.ratio.mean, interval(one))
        };
        let to = lowest.threshold.map_or_else(String::new, |value| {
            format!(" to {}", analysis.target.describe(value))
        });
        let by = lowest.kind.label();
        Some(match all {
            [one] => format!(
                "One network for all tasks ({}) costs {:.2} times as much as {number} networks {}, by {by}{to}.",
                analysis.cells[one.joint].name(),
                one.ratio.mean,
                interval(one),
            ),
            _ => format!(
                "One network for all tasks costs from {} to {} as much as {number} networks with the same other choices, by {by}{to}.",
                ratio(lowest),
                ratio(highest),
            ),
        })
    }

    fn of(cost: &CostReport, regimes: &[Option<Regime>], joint: usize) -> Option<Self> {
        let own = regimes[joint].as_ref()?;
        let tasks: Vec<&str> = own.tasks.as_ref()?.iter().collect();
        if tasks.len() < 2 {
            return None;
        }
        let alone = |task: &str| {
            (0..regimes.len()).find(|cell| {
                regimes[*cell].as_ref().is_some_and(|other| {
                    let names = other.tasks.as_ref();
                    names.is_some_and(|names| names.iter().eq([task]))
                        && same_but(own, other, &KEYS)
                })
            })
        };
        let single: Vec<usize> = tasks.into_iter().map(alone).collect::<Option<_>>()?;
        let together = reached(&cost.cells[joint])?;
        let apart = single.iter().map(|cell| reached(&cost.cells[*cell]));
        let apart: Vec<Vec<(u32, f64)>> = apart.collect::<Option<_>>()?;
        let common = together.iter().filter_map(|(seed, spent)| {
            let of = |all: &Vec<(u32, f64)>| all.iter().find(|one| one.0 == *seed).map(|one| one.1);
            let parts: Vec<f64> = apart.iter().map(of).collect::<Option<_>>()?;
            Some((*spent, parts))
        });
        let (together, parts): (Vec<f64>, Vec<Vec<f64>>) = common.unzip();
        let apart: Vec<f64> = parts.iter().map(|parts| parts.iter().sum()).collect();
        let ratios = together.iter().zip(&apart).map(|(one, all)| one / all);
        let each = (0..single.len()).map(|at| {
            let own: Vec<f64> = parts.iter().map(|parts| parts[at]).collect();
            Mean::of(&own)
        });
        Some(Self {
            kind: cost.kind.clone(),
            threshold: cost.threshold,
            joint,
            each: each.collect::<Option<_>>()?,
            single,
            seeds: together.len(),
            ratio: log_mean(&ratios.collect::<Vec<_>>())?,
            together: Mean::of(&together)?,
            apart: Mean::of(&apart)?,
        })
    }
}
