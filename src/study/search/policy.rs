//! The rules of a search, without a device: which run is continued next, and up to which cost.

use std::collections::HashMap;

use super::found::{End, Ended, Fate, Found, Job, Rung, RungRow, Train, Until};
use super::proposer::{Proposer, Space};
use super::settings::{SearchSettings, Stop};
use crate::study::run::Purpose;

/// With several seeds a cell stays in the search while its first seed costs at most this many times the lowest cost: by
/// chance the cell that is best over all seeds is seldom the best with the first one.
const SLACK: f64 = 1.6;

/// A cell is compared with the median of at least this many others.
const FEWEST_FOR_MEDIAN: usize = 3;

/// Searches `space` within `budget`. The same results of `train` lead to the same decisions, so a search that was
/// interrupted continues by being repeated with the recorded results.
///
/// # Errors
/// Those of `train`.
pub fn find<T: Train>(
    space: &Space,
    settings: &SearchSettings,
    budget: f64,
    train: &mut T,
) -> Result<Found, T::Error> {
    let mut search = Search {
        space,
        settings,
        budget,
        train,
        runs: HashMap::new(),
        incumbent: None,
        unit: 0.0,
        at_rung: Vec::new(),
        found: Found {
            fates: vec![Fate::NotTried; space.cells.len()],
            costs: vec![0.0; space.cells.len()],
            ..Found::default()
        },
    };
    let ended = match search.all() {
        Ok(()) => Ended::Complete,
        Err(Halt::Ended(ended)) => ended,
        Err(Halt::Failed(error)) => return Err(error),
    };
    search.settle(ended);
    search.found.ended = Some(ended);
    Ok(search.found)
}

/// Why the search does not go on.
enum Halt<E> {
    Ended(Ended),
    Failed(E),
}

struct Search<'a, T: Train> {
    space: &'a Space,
    settings: &'a SearchSettings,
    budget: f64,
    train: &'a mut T,
    /// Runs by place and seed.
    runs: HashMap<(usize, u32), Rung>,
    /// The lowest cost with the first seed.
    incumbent: Option<f64>,
    /// The cost of the most expensive first window.
    unit: f64,
    /// The values of all cells at each rung, for the median.
    at_rung: Vec<Vec<f64>>,
    found: Found,
}

impl<T: Train> Search<'_, T> {
    fn all(&mut self) -> Result<(), Halt<T::Error>> {
        let mut proposer = Proposer::new(self.space, self.settings);
        for bracket in 1.. {
            let size = match self.settings.stop {
                Stop::Halving => self.settings.bracket,
                Stop::Median | Stop::None => 1,
            };
            let cells = proposer.next(size.max(1), &self.ranking());
            if cells.is_empty() {
                break;
            }
            match self.settings.stop {
                Stop::Halving => self.halve(bracket, cells)?,
                Stop::Median => self.one_by_one(bracket, cells[0])?,
                Stop::None => self.in_full(bracket, cells[0])?,
            }
        }
        self.other_seeds()?;
        self.confirm()
    }

    fn first(&self) -> u32 {
        self.space.seeds[0]
    }

    /// The cost beyond which a first seed is dominated.
    fn cap(&self) -> f64 {
        let slack = match self.space.seeds.len() {
            1 => 1.0,
            _ => SLACK,
        };
        self.incumbent.map_or(f64::INFINITY, |cost| cost * slack)
    }

    /// Continues the run of a cell; it is charged to the search.
    fn advance(
        &mut self,
        at: usize,
        seed: u32,
        purpose: Purpose,
        wanted: Until,
    ) -> Result<Rung, Halt<T::Error>> {
        let reserve = match purpose {
            Purpose::Confirm => 0.0,
            _ => self.incumbent.unwrap_or(0.0) * self.space.fresh.len() as f64,
        };
        loop {
            let before = self.runs.get(&(at, seed)).map_or(0.0, |run| run.spent);
            let left = self.budget - self.found.spent() - reserve;
            if left <= 0.0 {
                return Err(Halt::Ended(Ended::BudgetSpent));
            }
            let most = before + left;
            let until = match wanted {
                Until::Window => Until::Window,
                Until::Cost(cost) => Until::Cost(cost.min(most)),
                Until::End if most.is_finite() => Until::Cost(most),
                Until::End => Until::End,
            };
            let job = Job {
                cell: self.space.cells[at].0,
                seed,
                purpose,
                until,
            };
            let rung = match self.train.train(job) {
                Ok(Some(rung)) => rung,
                Ok(None) => return Err(Halt::Ended(Ended::Interrupted)),
                Err(error) => return Err(Halt::Failed(error)),
            };
            let charged = rung.spent - before;
            match purpose {
                Purpose::Confirm => self.found.confirming += charged,
                _ if seed == self.first() => self.found.first_seed += charged,
                _ => self.found.other_seeds += charged,
            }
            let first = seed == self.first();
            if let Some(row) = self.found.rungs.last_mut().filter(|_| first) {
                row.spent += charged;
            }
            self.runs.insert((at, seed), rung);
            if seed == self.first() {
                self.found.costs[at] = rung.spent;
            }
            // The budget cut it off, now or when it was recorded.
            let short = rung.until.is_some_and(|until| match wanted {
                Until::Cost(cost) => until < cost,
                _ => true,
            });
            if rung.end != End::Paused || wanted == Until::Window || !short {
                return Ok(rung);
            }
            if seed == self.first() {
                self.found.fates[at] = Fate::BudgetSpent;
            }
        }
    }

    /// Continues the first seed of a cell; true if it can be continued further.
    fn advance_first(&mut self, at: usize, wanted: Until) -> Result<bool, Halt<T::Error>> {
        let rung = self.advance(at, self.first(), Purpose::Main, wanted)?;
        let fate = match rung.end {
            End::Paused => return Ok(true),
            End::Reached => Fate::Reached,
            End::OverBudget => Fate::OverBudget,
            End::Diverged => Fate::Diverged,
            End::Failed => Fate::Failed,
        };
        self.found.fates[at] = fate;
        match (fate, self.found.rungs.last_mut()) {
            (Fate::Reached, row) => {
                let lowest = self
                    .incumbent
                    .map_or(rung.spent, |cost| cost.min(rung.spent));
                self.incumbent = Some(lowest);
                row.into_iter().for_each(|row| row.reached += 1);
            }
            (_, row) => row.into_iter().for_each(|row| row.ended += 1),
        }
        Ok(false)
    }

    fn row(&mut self, bracket: usize, rung: u32, until: Option<f64>, cells: usize) {
        self.found.rungs.push(RungRow {
            bracket,
            rung,
            until,
            cells,
            ..RungRow::default()
        });
    }

    fn end(&mut self, at: usize, fate: Fate) {
        self.found.fates[at] = fate;
        if let Some(row) = self.found.rungs.last_mut() {
            row.stopped += 1;
        }
    }

    /// The place's cost and value so far.
    fn state(&self, at: usize) -> (f64, f64) {
        let run = self.runs.get(&(at, self.first()));
        run.map_or((0.0, f64::NEG_INFINITY), |run| {
            (run.spent, run.value.unwrap_or(f64::NEG_INFINITY))
        })
    }

    fn best_first(&self, cells: &mut [usize]) {
        // Equal values stay in their order.
        cells.sort_by(|a, b| self.state(*b).1.total_cmp(&self.state(*a).1));
    }

    /// Successive halving: every cell up to the same cost, then the better ones to `eta` times that, and so on.
    fn halve(&mut self, bracket: usize, cells: Vec<usize>) -> Result<(), Halt<T::Error>> {
        self.row(bracket, 0, None, cells.len());
        let mut live = Vec::new();
        for at in cells {
            if self.advance_first(at, Until::Window)? {
                live.push(at);
            }
        }
        let spent = live.iter().map(|at| self.state(*at).0);
        self.unit = spent.fold(self.unit, f64::max);
        let eta = self.settings.eta.max(2);
        // The values right after the first window say little about the end.
        let mut limit = self.unit * f64::from(eta);
        for rung in 1.. {
            if live.is_empty() {
                break;
            }
            self.best_first(&mut live);
            self.row(bracket, rung, Some(limit), live.len());
            let mut left = Vec::new();
            for at in std::mem::take(&mut live) {
                if !self.reaches_limit(at, limit)? {
                    continue;
                }
                left.push(at);
            }
            self.best_first(&mut left);
            let share = left.len().div_ceil(eta as usize);
            let most = share.max(self.settings.keep.max(1)).min(left.len());
            for at in left.split_off(most) {
                self.end(at, Fate::Stopped);
            }
            live = left;
            limit *= f64::from(eta);
        }
        Ok(())
    }

    /// Trains a cell up to `limit`, at most up to the cap; true if it paused there and is not dominated.
    fn reaches_limit(&mut self, at: usize, limit: f64) -> Result<bool, Halt<T::Error>> {
        let most = limit.min(self.cap());
        if self.state(at).0 < most && !self.advance_first(at, Until::Cost(most))? {
            return Ok(false);
        }
        if self.state(at).0 >= self.cap() {
            self.end(at, Fate::Dominated);
            return Ok(false);
        }
        Ok(true)
    }

    /// Median stopping: a cell ends at the rung at which it is below the median of the earlier cells.
    fn one_by_one(&mut self, bracket: usize, at: usize) -> Result<(), Halt<T::Error>> {
        self.row(bracket, 0, None, 1);
        if !self.advance_first(at, Until::Window)? {
            return Ok(());
        }
        if self.unit == 0.0 {
            self.unit = self.state(at).0;
        }
        let mut limit = self.unit;
        for rung in 0.. {
            if !self.reaches_limit(at, limit)? {
                return Ok(());
            }
            let value = self.state(at).1;
            if self.at_rung.len() == rung {
                self.at_rung.push(Vec::new());
            }
            let others = &mut self.at_rung[rung];
            others.sort_by(f64::total_cmp);
            let median = others.get(others.len() / 2).copied();
            let many = others.len() >= FEWEST_FOR_MEDIAN;
            others.push(value);
            if many && median.is_some_and(|median| value < median) {
                self.end(at, Fate::Stopped);
                return Ok(());
            }
            limit *= f64::from(self.settings.eta.max(2));
            self.row(bracket, rung as u32 + 1, Some(limit), 1);
        }
        Ok(())
    }

    /// All seeds of a cell to their ends.
    fn in_full(&mut self, bracket: usize, at: usize) -> Result<(), Halt<T::Error>> {
        self.row(bracket, 0, None, 1);
        self.advance_first(at, Until::End)?;
        let seeds = self.space.seeds.clone();
        for seed in &seeds[1..] {
            self.advance(at, *seed, Purpose::Main, Until::End)?;
        }
        Ok(())
    }

    /// The other seeds of the cells that may still be the best.
    fn other_seeds(&mut self) -> Result<(), Halt<T::Error>> {
        let seeds = self.space.seeds.clone();
        let cap = match self.settings.stop {
            Stop::None => f64::INFINITY,
            _ => self.cap(),
        };
        let reached = |at: &usize| self.found.fates[*at] == Fate::Reached;
        let mut cells: Vec<usize> = (0..self.space.cells.len()).filter(reached).collect();
        cells.retain(|at| self.found.costs[*at] <= cap);
        cells.sort_by(|a, b| self.found.costs[*a].total_cmp(&self.found.costs[*b]));
        for at in cells {
            let mut total = self.found.costs[at];
            let mut successes = 1;
            let mut dominated = false;
            for seed in &seeds[1..] {
                // Every seed reaches the target at best.
                let most = match self.found.best {
                    Some((_, expected, _)) => expected * seeds.len() as f64 - total,
                    None => f64::INFINITY,
                };
                let known = self
                    .runs
                    .get(&(at, *seed))
                    .filter(|run| run.end != End::Paused);
                let rung = match known.copied() {
                    Some(rung) => rung,
                    None if most <= 0.0 => {
                        dominated = true;
                        break;
                    }
                    None if most.is_finite() => {
                        self.advance(at, *seed, Purpose::Main, Until::Cost(most))?
                    }
                    None => self.advance(at, *seed, Purpose::Main, Until::End)?,
                };
                total += rung.spent;
                successes += usize::from(rung.end == End::Reached);
                if rung.end == End::Paused {
                    dominated = true;
                    break;
                }
            }
            if dominated {
                self.found.fates[at] = Fate::Dominated;
                continue;
            }
            let expected = total / successes as f64;
            if self.found.best.is_none_or(|best| expected < best.1) {
                self.found.best = Some((at, expected, seeds.len()));
            }
        }
        Ok(())
    }

    /// The best cell with fresh seeds, which had no part in choosing it.
    fn confirm(&mut self) -> Result<(), Halt<T::Error>> {
        let Some((at, ..)) = self.found.best else {
            return Ok(());
        };
        for seed in self.space.fresh.clone() {
            let run = self.advance(at, seed, Purpose::Confirm, Until::End)?;
            let reached = run.end == End::Reached;
            self.found.confirmed.push((reached, run.spent));
        }
        Ok(())
    }

    /// If the search ended before the other seeds were made, the best is that of the first seed.
    fn settle(&mut self, ended: Ended) {
        if self.found.best.is_none() && ended != Ended::Complete {
            let reached = |at: &usize| self.found.fates[*at] == Fate::Reached;
            let cells = (0..self.space.cells.len()).filter(reached);
            let lowest = cells.min_by(|a, b| self.found.costs[*a].total_cmp(&self.found.costs[*b]));
            self.found.best = lowest.map(|at| (at, self.found.costs[at], 1));
        }
        for at in 0..self.space.cells.len() {
            let started = self.runs.contains_key(&(at, self.first()));
            if started && self.found.fates[at] == Fate::NotTried {
                self.found.fates[at] = Fate::BudgetSpent;
            }
        }
    }

    /// The tried cells, the best first: those that reached the target by cost, then those that were closest to it at the
    /// highest cost.
    fn ranking(&self) -> Vec<usize> {
        let class = |at: &usize| match self.found.fates[*at] {
            Fate::Reached => 0,
            Fate::Diverged | Fate::Failed => 2,
            _ => 1,
        };
        let mut tried: Vec<usize> = (0..self.space.cells.len()).collect();
        tried.retain(|at| self.found.fates[*at] != Fate::NotTried);
        tried.sort_by(|a, b| {
            let (x, y) = (self.state(*a), self.state(*b));
            let within = match class(a) {
                0 => x.0.total_cmp(&y.0),
                _ => y.1.total_cmp(&x.1),
            };
            class(a).cmp(&class(b)).then(within)
        });
        tried
    }
}
