//! Which cells are tried next.

use std::collections::HashSet;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};
use tpe::{TpeOptimizer, histogram_estimator, parzen_estimator};

use super::settings::{Propose, SearchSettings};

/// Fewest results from which the estimator proposes.
const FEWEST: usize = 8;

/// How often the estimator is asked for a cell that is not tried yet.
const ASKS: usize = 32;

/// An axis of the cells, or a group of axes that change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub values: usize,
    /// Whether neighbouring values are similar: numbers are, names are not.
    pub ordered: bool,
}

/// The cells that a search may try, and its seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    pub dimensions: Vec<Dimension>,
    /// Index of each cell in the study, and its value on each dimension.
    pub cells: Vec<(usize, Vec<usize>)>,
    /// Names of the cells, which determine their random order.
    pub names: Vec<String>,
    pub seeds: Vec<u32>,
    /// Seeds of the runs that confirm.
    pub fresh: Vec<u32>,
}

impl Space {
    /// The places of all cells in the random order of `seed`.
    pub(super) fn shuffled(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.cells.len()).collect();
        order.sort_by_cached_key(|at| -> [u8; 32] {
            Sha256::digest(format!("search {seed} {}", self.names[*at])).into()
        });
        order
    }
}

/// Proposes places in [`Space::cells`].
pub(super) struct Proposer<'a> {
    space: &'a Space,
    propose: Propose,
    /// Places that are not proposed yet, in random order.
    untried: Vec<usize>,
    random: Pcg64Mcg,
}

impl<'a> Proposer<'a> {
    pub fn new(space: &'a Space, settings: &SearchSettings) -> Self {
        Self {
            space,
            propose: settings.propose,
            untried: space.shuffled(settings.seed),
            random: Pcg64Mcg::seed_from_u64(settings.seed),
        }
    }

    /// Up to `count` more; `tried` are the earlier ones, the best first.
    pub fn next(&mut self, count: usize, tried: &[usize]) -> Vec<usize> {
        let count = count.min(self.untried.len());
        let mut chosen = Vec::with_capacity(count);
        if self.propose == Propose::Bayes && tried.len() >= FEWEST {
            chosen = self.asked(count, tried).unwrap_or_default();
        }
        self.untried.retain(|at| !chosen.contains(at));
        let rest = count - chosen.len();
        chosen.extend(self.untried.drain(..rest));
        chosen
    }

    /// What the estimator proposes; `None` if it cannot be built, which no grid causes.
    fn asked(&mut self, count: usize, tried: &[usize]) -> Option<Vec<usize>> {
        let mut axes = Vec::new();
        for (axis, dimension) in self.space.dimensions.iter().enumerate() {
            let estimator = match dimension.ordered {
                true => parzen_estimator(),
                false => histogram_estimator(),
            };
            let range = tpe::categorical_range(dimension.values).ok()?;
            let mut optimizer = TpeOptimizer::new(estimator, range);
            for (rank, at) in tried.iter().enumerate() {
                let value = self.space.cells[*at].1[axis] as f64 + 0.5;
                optimizer.tell(value, rank as f64).ok()?;
            }
            axes.push((optimizer, dimension.values));
        }
        let untried: HashSet<usize> = self.untried.iter().copied().collect();
        let mut chosen = Vec::new();
        for _ in 0..ASKS * count {
            if chosen.len() == count {
                break;
            }
            let mut values = Vec::new();
            for (optimizer, most) in &mut axes {
                let value = optimizer.ask(&mut self.random).ok()?;
                values.push((value.max(0.0) as usize).min(*most - 1));
            }
            let found = self.space.cells.iter().position(|cell| cell.1 == values);
            if let Some(at) = found.filter(|at| untried.contains(at) && !chosen.contains(at)) {
                chosen.push(at);
            }
        }
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let mut space = Space {
            dimensions: vec![
                Dimension {
                    values: 10,
                    ordered: true
                };
                2
            ],
            ..Space::default()
        };
        for at in 0..100 {
            space.cells.push((at, vec![at / 10, at % 10]));
            space.names.push(format!("cell {at}"));
        }
        space
    }

    #[test]
    fn every_cell_is_proposed_once_and_the_seed_determines_the_order() {
        let space = space();
        let order = |seed: u64, propose| {
            let settings = SearchSettings {
                seed,
                propose,
                ..SearchSettings::default()
            };
            let mut proposer = Proposer::new(&space, &settings);
            let mut tried: Vec<usize> = Vec::new();
            loop {
                let next = proposer.next(7, &tried);
                if next.is_empty() {
                    return tried;
                }
                tried.extend(next);
            }
        };
        for propose in [Propose::Random, Propose::Bayes] {
            let found = order(1, propose);
            assert_eq!(found.iter().collect::<HashSet<_>>().len(), 100);
            assert_eq!(found.len(), 100);
            assert_eq!(found, order(1, propose));
            assert_ne!(found, order(2, propose));
        }
    }

    #[test]
    fn the_estimator_proposes_cells_near_the_best() {
        let space = space();
        let settings = SearchSettings {
            propose: Propose::Bayes,
            ..SearchSettings::default()
        };
        let mut proposer = Proposer::new(&space, &settings);
        let mut tried = proposer.next(30, &[]);
        let distance = |at: &usize| {
            let values = &space.cells[*at].1;
            values[0].abs_diff(2) + values[1].abs_diff(7)
        };
        tried.sort_by_key(distance);
        let next = proposer.next(6, &tried);
        let mean =
            |cells: &[usize]| cells.iter().map(distance).sum::<usize>() as f64 / cells.len() as f64;
        // The mean over all cells is 5.4.
        assert!(mean(&next) < 4.0, "{}", mean(&next));
    }
}
