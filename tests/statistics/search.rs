//! The policy of `wattgrad search` on the grid under data/runs, on studies simulated from it, and on curves made by hand.

use std::collections::HashMap;
use std::convert::Infallible;

use wattgrad::internals::study::search::{
    Dimension, End, Ended, Fate, Found, Job, Propose, Rung, SearchSettings, Space, Stop, Train,
    Until, find,
};

use super::kept_grid::{Curve, Kept, STUDIES, Studies, expected, grid, studies};

/// A study whose runs are curves. Like the program, it keeps every rung, and answers from what it kept.
struct Simulated<'a> {
    /// By cell and seed.
    curves: &'a HashMap<(usize, u32), Curve>,
    kept: &'a mut HashMap<(usize, u32, usize), Rung>,
    rungs: HashMap<(usize, u32), usize>,
    /// What was trained and not answered from what was kept.
    trained: f64,
}

impl Train for Simulated<'_> {
    type Error = Infallible;

    fn train(&mut self, job: Job) -> Result<Option<Rung>, Infallible> {
        let run = (job.cell, job.seed);
        let number = *self.rungs.entry(run).and_modify(|n| *n += 1).or_insert(0);
        if let Some(rung) = self.kept.get(&(run.0, run.1, number)) {
            return Ok(Some(*rung));
        }
        let before = number
            .checked_sub(1)
            .map_or(0.0, |n| self.kept[&(run.0, run.1, n)].spent);
        let curve = &self.curves[&run];
        let paused = curve.points.iter().find(|(cost, _)| match job.until {
            Until::Window => true,
            Until::Cost(most) => *cost >= most,
            Until::End => false,
        });
        let paused = paused.filter(|(cost, _)| *cost < curve.total);
        let (spent, value, end) = match paused {
            Some((cost, value)) => (*cost, Some(*value), End::Paused),
            None => (
                curve.total,
                curve.points.last().map(|point| point.1),
                curve.end,
            ),
        };
        assert!(spent >= before, "a run goes on where it was: {job:?}");
        self.trained += spent - before;
        let until = match job.until {
            Until::Cost(most) => Some(most),
            _ => None,
        };
        let rung = Rung {
            spent,
            value,
            end,
            until,
        };
        self.kept.insert((run.0, run.1, number), rung);
        Ok(Some(rung))
    }
}

/// A search of `curves`; what it found and what it trained beyond what was `kept`.
fn searched(
    space: &Space,
    curves: &HashMap<(usize, u32), Curve>,
    settings: &SearchSettings,
    budget: f64,
    kept: &mut HashMap<(usize, u32, usize), Rung>,
) -> (Found, f64) {
    let mut study = Simulated {
        curves,
        kept,
        rungs: HashMap::new(),
        trained: 0.0,
    };
    let Ok(found) = find(space, settings, budget, &mut study);
    (found, study.trained)
}

fn space(cells: usize, seeds: u32, rows: usize) -> Space {
    let ordered = true;
    let dimension = |values| Dimension { values, ordered };
    Space {
        dimensions: vec![dimension(rows), dimension(cells / rows)],
        cells: (0..cells)
            .map(|at| (at, vec![at % rows, at / rows]))
            .collect(),
        names: (0..cells).map(|at| format!("cell {at}")).collect(),
        seeds: (1..=seeds).collect(),
        fresh: Vec::new(),
    }
}

/// Over all studies: the median and the 95th percentile of the share of the grid's cost; the share of studies in which the
/// result is within 5 % of the best of the grid; and the same of random search with what each search spent.
fn outcome(studies: &Studies, settings: &SearchSettings) -> (f64, f64, f64, f64) {
    let (mut shares, mut near, mut near_by_chance) = (Vec::new(), 0, 0);
    for (number, curves) in studies.drawn.iter().enumerate() {
        let seeds = studies.seeds;
        let space = space(16, seeds, 4);
        let own = SearchSettings {
            seed: number as u64,
            ..*settings
        };
        let (found, _) = searched(&space, curves, &own, f64::INFINITY, &mut HashMap::new());
        let grid: f64 = curves.values().map(|curve| curve.total).sum();
        let best = (0..16)
            .map(|cell| expected(curves, cell, seeds))
            .fold(f64::INFINITY, f64::min);
        let is_near = |found: &Found| {
            let cost = found.best.map(|(cell, ..)| expected(curves, cell, seeds));
            usize::from(cost.is_some_and(|cost| cost <= 1.05 * best))
        };
        near += is_near(&found);
        shares.push(found.spent() / grid);
        let random = SearchSettings {
            stop: Stop::None,
            ..own
        };
        let (chance, _) = searched(&space, curves, &random, found.spent(), &mut HashMap::new());
        near_by_chance += is_near(&chance);
    }
    shares.sort_by(f64::total_cmp);
    let share = |count: usize| count as f64 / STUDIES as f64;
    (
        shares[STUDIES / 2],
        shares[STUDIES * 95 / 100],
        share(near),
        share(near_by_chance),
    )
}

#[test]
fn halving_finds_the_best_of_the_grid_for_less_than_two_fifths_of_its_cost() {
    for (seeds, in_seconds) in [(1, false), (1, true), (3, false), (3, true)] {
        let studies = studies(seeds, in_seconds);
        // Median stopping is reported, not required.
        let rules = match seeds {
            1 => &[Stop::Halving, Stop::Median][..],
            _ => &[Stop::Halving],
        };
        for stop in rules {
            let stop = *stop;
            let settings = SearchSettings {
                stop,
                ..SearchSettings::default()
            };
            let (median, high, near, chance) = outcome(&studies, &settings);
            let unit = if in_seconds { "seconds" } else { "samples" };
            println!(
                "{stop:?}, {seeds} seeds, {unit}: {:.1} % of the grid (95 % of studies: {:.1} %), within 5 % in {:.1} %, random \
                 search {:.1} %",
                100.0 * median,
                100.0 * high,
                100.0 * near,
                100.0 * chance
            );
            if stop == Stop::Halving {
                assert!(median <= 0.4, "{median}");
                assert!(near >= 0.95, "{near}");
                assert!(chance <= near - 0.3, "{chance}");
            }
        }
    }
}

#[test]
fn on_the_recorded_grid_the_search_finds_its_best_cell() {
    let (cells, _) = grid();
    for in_seconds in [false, true] {
        let cost = |cell: &Kept| {
            if in_seconds {
                cell.seconds / cell.samples
            } else {
                1.0
            }
        };
        let curves: HashMap<(usize, u32), Curve> = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| ((at, 1), cell.stretched(1.0, 1.0, cost(cell))))
            .collect();
        let settings = SearchSettings::default();
        let (found, trained) = searched(
            &space(16, 1, 4),
            &curves,
            &settings,
            f64::INFINITY,
            &mut HashMap::new(),
        );
        let best =
            (0..16).min_by(|a, b| expected(&curves, *a, 1).total_cmp(&expected(&curves, *b, 1)));
        assert_eq!(found.best.map(|best| best.0), best);
        let grid: f64 = curves.values().map(|curve| curve.total).sum();
        println!(
            "in seconds: {in_seconds}: {:.1} % of the grid",
            100.0 * trained / grid
        );
        assert!(trained <= 0.4 * grid, "{trained} of {grid}");
        assert_eq!(found.spent(), trained);
        let count = |fate: Fate| found.fates.iter().filter(|one| **one == fate).count();
        assert_eq!((count(Fate::Diverged), count(Fate::NotTried)), (5, 0));
        assert!(count(Fate::Stopped) >= 5, "{:?}", found.fates);
    }
}

/// A curve that rises to the target at `cost`, straight, in twenty evaluations.
fn straight(cost: f64) -> Curve {
    let points = (1..=20).map(|n| (cost * f64::from(n) / 20.0, f64::from(n) / 20.0 - 1.0));
    Curve {
        points: points.collect(),
        end: End::Reached,
        total: cost,
    }
}

/// 36 cells whose cost grows with the distance from one of them.
fn bowl() -> (Space, HashMap<(usize, u32), Curve>) {
    let mut space = space(36, 2, 6);
    space.fresh = vec![9, 10];
    let mut curves = HashMap::new();
    for at in 0..36usize {
        let distance = (at % 6).abs_diff(4) + (at / 6).abs_diff(1);
        for seed in [1, 2, 9, 10] {
            let noise = 1.0 + 0.01 * f64::from(seed) / 10.0;
            curves.insert(
                (at, seed),
                straight(100.0 * (1.0 + distance as f64) * noise),
            );
        }
    }
    (space, curves)
}

#[test]
fn no_rule_exceeds_its_budget_by_more_than_an_evaluation_and_every_rule_finds_the_best() {
    let (space, curves) = bowl();
    for stop in [Stop::Halving, Stop::Median, Stop::None] {
        for propose in [Propose::Random, Propose::Bayes] {
            let settings = SearchSettings {
                stop,
                propose,
                bracket: 9,
                ..SearchSettings::default()
            };
            let (found, _) = searched(
                &space,
                &curves,
                &settings,
                f64::INFINITY,
                &mut HashMap::new(),
            );
            assert_eq!(found.ended, Some(Ended::Complete));
            let (best, cost, seeds) = found.best.unwrap();
            assert_eq!((best, seeds), (10, 2), "{stop:?} {propose:?}");
            assert_eq!(found.confirmed.len(), 2);
            assert!((cost / 100.0 - 1.0).abs() < 0.02);
            for budget in [1.0, 300.0, 1000.0, 2500.0] {
                let (found, trained) =
                    searched(&space, &curves, &settings, budget, &mut HashMap::new());
                // The most expensive evaluation costs 50.
                assert!(trained <= budget + 50.0, "{stop:?}: {trained} of {budget}");
                assert!((found.spent() - trained).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn a_search_continues_from_its_records_and_trains_nothing_twice() {
    let (space, curves) = bowl();
    let settings = SearchSettings {
        bracket: 9,
        propose: Propose::Bayes,
        ..SearchSettings::default()
    };
    let (whole, once) = searched(&space, &curves, &settings, 1e6, &mut HashMap::new());
    let mut kept = HashMap::new();
    let mut trained = 0.0;
    // Every budget cuts off another rung.
    for budget in (1..60).map(|n| 97.0 * f64::from(n)).chain([1e6]) {
        let (found, more) = searched(&space, &curves, &settings, budget, &mut kept);
        trained += more;
        assert!(found.spent() <= budget + 50.0);
    }
    let (again, more) = searched(&space, &curves, &settings, 1e6, &mut kept);
    assert_eq!(more, 0.0);
    assert_eq!((again.best, &again.fates), (whole.best, &whole.fates));
    assert!((trained - again.spent()).abs() < 1e-6);
    // Runs that were cut off end at an evaluation, as all do, so what they cost differs by no more than that.
    assert!(
        trained >= once - 50.0 && trained <= 1.2 * once,
        "{trained}, {once}"
    );
}

#[test]
fn a_dominated_cell_costs_no_more_than_the_best_and_is_never_confirmed() {
    let mut space = space(4, 1, 2);
    space.fresh = vec![5];
    let mut curves = HashMap::new();
    for (at, cost) in [400.0, 100.0, 800.0, 120.0].into_iter().enumerate() {
        for seed in [1, 5] {
            curves.insert((at, seed), straight(cost));
        }
    }
    let settings = SearchSettings {
        keep: 4,
        ..SearchSettings::default()
    };
    let (found, _) = searched(
        &space,
        &curves,
        &settings,
        f64::INFINITY,
        &mut HashMap::new(),
    );
    assert_eq!(found.best, Some((1, 100.0, 1)));
    assert_eq!(found.confirmed, [(true, 100.0)]);
    let fates = [
        Fate::Dominated,
        Fate::Reached,
        Fate::Dominated,
        Fate::Dominated,
    ];
    assert_eq!(found.fates[..3], fates[..3]);
    // The cost of the best, and up to one evaluation of the most expensive cell.
    let most = found.costs.iter().copied().fold(0.0, f64::max);
    assert!(most <= 140.0, "{:?}", found.costs);
}
