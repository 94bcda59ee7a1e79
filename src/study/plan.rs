//! The runs of a study and their order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::run::Purpose;
use super::spec::Study;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// Cell and seed, `batch-size=32,lr=0.01@1`; also a valid name of a file.
    pub id: String,
    /// Index in [`Study::cells`].
    pub cell: usize,
    pub seed: u32,
    pub purpose: Purpose,
}

impl Study {
    /// The runs in order: a block per seed in which every cell runs once, so that drift of the machine favours no cell; then
    /// the replicates.
    ///
    /// Within a block, runs are sorted by the SHA-256 of order seed, seed and cell: a random order that is the same on every
    /// machine and in every version.
    pub fn plan(&self) -> Vec<PlannedRun> {
        let mut plan = Vec::with_capacity(self.cells.len() * self.seeds.len());
        for seed in &self.seeds {
            let mut block: Vec<usize> = (0..self.cells.len()).collect();
            block.sort_by_cached_key(|cell| self.sort_key(*seed, &self.cells[*cell].id));
            plan.extend(
                block
                    .into_iter()
                    .map(|cell| self.run(cell, *seed, Purpose::Main)),
            );
        }
        if let Some(reference) = self.reference {
            let replicate = |seed| self.run(reference, seed, Purpose::Replicate);
            plan.extend(
                self.unused_seeds()
                    .take(self.replicates as usize)
                    .map(replicate),
            );
        }
        plan
    }

    pub fn run(&self, cell: usize, seed: u32, purpose: Purpose) -> PlannedRun {
        let id = format!("{}@{seed}", self.cells[cell].id);
        PlannedRun {
            id,
            cell,
            seed,
            purpose,
        }
    }

    /// `n` seeds that no run of the plan has; the same ones in each call.
    pub fn fresh_seeds(&self, n: usize) -> Vec<u32> {
        self.unused_seeds()
            .skip(self.replicates as usize)
            .take(n)
            .collect()
    }

    /// Seeds that the file does not list, from the one above the largest.
    fn unused_seeds(&self) -> impl Iterator<Item = u32> {
        let used: BTreeSet<u32> = self.seeds.iter().copied().collect();
        let above = used.last().map_or(0, |last| last.wrapping_add(1));
        (0..=u32::MAX)
            .map(move |n| above.wrapping_add(n))
            .filter(move |seed| !used.contains(seed))
    }

    fn sort_key(&self, seed: u32, cell: &str) -> [u8; 32] {
        Sha256::digest(format!("{} {seed} {cell}", self.order_seed)).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn study(more: &str) -> Study {
        let text = format!(
            r#"
name = "plan"
seeds = [7, 3]
{more}
[axes]
batch-size = [16, 32, 64]
lr = [0.01, 0.1, 1.0]
[reference]
batch-size = 32
lr = 0.1
[target]
metric = "accuracy"
at-least = [0.8]
window = 6000
[evaluate]
every-samples = 6000
[budget]
samples = 60000
"#
        );
        Study::parse("plan.toml", &text).unwrap()
    }

    #[test]
    fn each_seed_is_a_block_with_every_cell_once() {
        let study = study("");
        let plan = study.plan();
        assert_eq!(plan.len(), 18);
        for (block, seed) in plan.chunks(9).zip([7, 3]) {
            assert!(block.iter().all(|run| run.seed == seed));
            let cells: HashSet<usize> = block.iter().map(|run| run.cell).collect();
            assert_eq!(cells.len(), 9);
        }
        let cells = |block: &[PlannedRun]| block.iter().map(|run| run.cell).collect::<Vec<_>>();
        assert_ne!(
            cells(&plan[..9]),
            cells(&plan[9..]),
            "blocks differ in order"
        );
        assert_ne!(
            cells(&plan[..9]),
            (0..9).collect::<Vec<_>>(),
            "and are mixed"
        );
    }

    #[test]
    fn the_order_seed_determines_the_order() {
        let ids = |more: &str| {
            let plan = study(more).plan();
            plan.into_iter().map(|run| run.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(""), ids("order-seed = 0"));
        assert_ne!(ids(""), ids("order-seed = 1"));
        let sorted = |more: &str| ids(more).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(sorted(""), sorted("order-seed = 1"));
        // As another program computed it: `printf '0 7 batch-size=16,lr=0.01' | sha256sum` of each cell, sorted.
        assert_eq!(ids("")[..9], FIRST_BLOCK.map(|cell| format!("{cell}@7")));
    }

    const FIRST_BLOCK: [&str; 9] = [
        "batch-size=64,lr=1",
        "batch-size=32,lr=0.01",
        "batch-size=16,lr=1",
        "batch-size=16,lr=0.01",
        "batch-size=64,lr=0.1",
        "batch-size=32,lr=1",
        "batch-size=32,lr=0.1",
        "batch-size=64,lr=0.01",
        "batch-size=16,lr=0.1",
    ];

    #[test]
    fn every_cell_takes_every_place_about_equally_often() {
        let turns: Vec<usize> = (0..900)
            .map(|order| {
                let plan = study(&format!("order-seed = {order}")).plan();
                plan.iter().position(|run| run.cell == 4).unwrap()
            })
            .collect();
        for turn in 0..9 {
            let times = turns.iter().filter(|at| **at == turn).count();
            // 100 expected, with a standard deviation of 9.4.
            assert!((60..140).contains(&times), "turn {turn}: {times}");
        }
    }

    #[test]
    fn replicates_come_last_and_no_seed_is_used_twice() {
        let study = study("replicates = 3");
        let plan = study.plan();
        let last: Vec<_> = plan[18..]
            .iter()
            .map(|run| (run.id.as_str(), run.cell, run.seed, run.purpose))
            .collect();
        let run = |id, seed| (id, 4, seed, Purpose::Replicate);
        assert_eq!(
            last,
            [
                run("batch-size=32,lr=0.1@8", 8),
                run("batch-size=32,lr=0.1@9", 9),
                run("batch-size=32,lr=0.1@10", 10)
            ]
        );
        assert_eq!(study.fresh_seeds(2), [11, 12]);
        let ids: HashSet<&str> = plan.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids.len(), plan.len());
    }

    #[test]
    fn fresh_seeds_continue_at_zero_after_the_largest() {
        let mut study = study("replicates = 1");
        study.seeds = vec![u32::MAX, 0, 2];
        assert_eq!(study.fresh_seeds(3), [3, 4, 5]);
        assert_eq!(study.plan().last().unwrap().seed, 1);
    }
}
