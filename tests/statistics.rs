//! The statistics of a study against SciPy and statsmodels (`scripts/fixtures/statistics.py` writes what they compute),
//! against cases worked out by hand, and in simulated studies, whose truth is known.
#![cfg(feature = "gpu")]

use serde::Deserialize;
use serde_json::Value;
use wattgrad::study::stats::{
    Confirmed, End, Interval, Median, NoClaim, Ratio, Spread, SpreadSource, StudentizedRange,
    StudySpread, Trial, Verdict, compare, confirmed_ratio, cost_interval, expected_cost, extremes,
    geometric_mean, holm, median, pareto_front, restricted_mean, success_share, tau,
    versus_reference,
};

fn fixture<T: for<'a> Deserialize<'a>>(key: &str) -> T {
    let all: Value = serde_json::from_str(include_str!("fixtures/statistics.json")).unwrap();
    serde_json::from_value(all[key].clone()).unwrap()
}

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

mod fixtures {
    use super::*;

    #[derive(Deserialize)]
    struct Cell {
        runs: Vec<(f64, String)>,
        expected: Option<f64>,
        share: f64,
        median: Option<f64>,
        restricted: f64,
        geometric: Option<f64>,
    }

    #[derive(Deserialize)]
    struct Group {
        tau: f64,
        cells: Vec<Cell>,
    }

    #[test]
    fn costs_of_a_cell() {
        for group in fixture::<Vec<Group>>("costs") {
            let end = |name: &str| match name {
                "reached" => End::Reached,
                "over-budget" => End::OverBudget,
                "diverged" => End::Diverged,
                other => panic!("{other}"),
            };
            let runs = |c: &Cell| c.runs.iter().map(|r| trial(r.0, end(&r.1))).collect();
            let cells: Vec<Vec<Trial>> = group.cells.iter().map(runs).collect();
            assert_eq!(tau(cells.iter().flatten()), Some(group.tau));
            for (cell, trials) in group.cells.iter().zip(&cells) {
                close(success_share(trials).unwrap(), cell.share, 1e-12);
                close(
                    restricted_mean(trials, group.tau).unwrap(),
                    cell.restricted,
                    1e-12,
                );
                let pairs = [
                    (expected_cost(trials), cell.expected),
                    (geometric_mean(trials), cell.geometric),
                ];
                for (found, expected) in pairs {
                    assert_eq!(found.is_some(), expected.is_some());
                    close(found.unwrap_or(0.0), expected.unwrap_or(0.0), 1e-12);
                }
                match (median(trials).unwrap(), cell.median) {
                    (Median::Value(found), Some(expected)) => close(found, expected, 1e-12),
                    (Median::OverBudget, None) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[derive(Deserialize)]
    struct Study {
        cells: Vec<Vec<f64>>,
        sd: f64,
        df: f64,
        equality: f64,
        pooled: bool,
        intervals: Vec<(f64, f64)>,
        best: usize,
        ratios: Vec<(f64, f64, f64)>,
        p: Vec<f64>,
        holm: Vec<f64>,
    }

    #[test]
    fn spread_and_comparisons_of_a_study() {
        let studies: Vec<Study> = fixture("studies");
        assert!(studies.iter().any(|s| s.pooled) && studies.iter().any(|s| !s.pooled));
        for study in studies {
            let cells: Vec<Vec<Trial>> = study.cells.iter().map(|c| reached(c)).collect();
            let found = compare(&cells, &[]).unwrap();
            let spread = found.spread.as_ref().unwrap();
            close(spread.pooled.sd, study.sd, 1e-10);
            close(spread.pooled.df, study.df, 1e-12);
            close(spread.equality.unwrap(), study.equality, 1e-8);
            assert_eq!(spread.source == SpreadSource::Pooled, study.pooled);
            for (cell, &(low, high)) in cells.iter().zip(&study.intervals) {
                encloses(cost_interval(cell, spread.pooled, 0), low, high, 1e-8);
            }

            assert_eq!(found.best, study.best);
            let named = versus_reference(&cells, 0);
            assert!(named[0].is_none());
            for (i, &(ratio, low, high)) in study.ratios.iter().enumerate() {
                if i == study.best {
                    assert_eq!(found.cells[i].verdict, Verdict::Best);
                } else {
                    let Some(Ratio::Of { ratio: r, interval }) = found.cells[i].ratio else {
                        panic!("{:?}", found.cells[i]);
                    };
                    close(r, ratio, 1e-10);
                    encloses(interval, low, high, 1e-6);
                    let told = found.cells[i].verdict == Verdict::Dearer;
                    assert_eq!(told, low > 1.0);
                }
                if i > 0 {
                    let named = named[i].unwrap();
                    close(named.p, study.p[i - 1], 1e-8);
                    close(named.adjusted, study.holm[i - 1], 1e-8);
                    assert_eq!(named.told_apart(), study.holm[i - 1] <= 0.05);
                }
            }
        }
    }

    #[derive(Deserialize)]
    struct Pair {
        worst: Vec<f64>,
        best: Vec<f64>,
        ratio: (f64, f64, f64),
    }

    #[test]
    fn ratio_of_fresh_seeds() {
        for pair in fixture::<Vec<Pair>>("welch") {
            let found = confirmed_ratio(&reached(&pair.best), &reached(&pair.worst), None);
            let Confirmed::Ratio(Ratio::Of { ratio, interval }) = found else {
                panic!("{found:?}");
            };
            close(ratio, pair.ratio.0, 1e-10);
            encloses(interval, pair.ratio.1, pair.ratio.2, 1e-8);
        }
    }

    #[derive(Deserialize)]
    struct Chance {
        cells: usize,
        runs: usize,
        sd: f64,
        df: f64,
        median: f64,
        upper: f64,
    }

    /// Cells whose values are symmetric about 0 with the fixture's spread.
    #[test]
    fn ratio_of_extremes_by_chance() {
        for case in fixture::<Vec<Chance>>("chance") {
            let base: Vec<f64> = (0..case.runs)
                .map(|i| i as f64 - (case.runs as f64 - 1.0) / 2.0)
                .collect();
            let squares: f64 = base.iter().map(|x| x * x).sum();
            let scale = case.sd / (squares / (case.runs as f64 - 1.0)).sqrt();
            let costs: Vec<f64> = base.iter().map(|x| (x * scale).exp()).collect();
            let cells = vec![reached(&costs); case.cells];
            let spread = StudySpread::new(&cells, &[]).unwrap();
            close(spread.pooled.df, case.df, 1e-12);
            let found = extremes(&cells, Some(&spread)).unwrap();
            close(found.ratio.ratio(), 1.0, 1e-12);
            let by_chance = found.by_chance.unwrap();
            close(by_chance.median, case.median, 1e-7);
            close(by_chance.upper, case.upper, 1e-7);
        }
    }

    #[derive(Deserialize)]
    struct Range {
        cdf: Vec<(usize, Option<f64>, f64, f64)>,
        quantile: Vec<(usize, Option<f64>, f64, f64)>,
    }

    #[test]
    fn studentized_range() {
        let fixture: Range = fixture("range");
        for k in [2, 3, 5, 10, 16, 40, 100] {
            let range = StudentizedRange::new(k);
            for &(_, df, q, expected) in fixture.cdf.iter().filter(|c| c.0 == k) {
                let found = range.cdf(q, df.unwrap_or(f64::INFINITY));
                let off = (found - expected).abs();
                assert!(off < 1e-7, "k {k} df {df:?} q {q}: {found} {expected}");
            }
            for &(_, df, p, expected) in fixture.quantile.iter().filter(|c| c.0 == k) {
                let found = range.quantile(p, df.unwrap_or(f64::INFINITY));
                let off = (found / expected - 1.0).abs();
                assert!(off < 1e-6, "k {k} df {df:?} p {p}: {found} {expected}");
            }
        }
    }

    #[derive(Deserialize)]
    struct Holm {
        p: Vec<f64>,
        adjusted: Vec<f64>,
    }

    #[test]
    fn holm_of_p_values() {
        for case in fixture::<Vec<Holm>>("holm") {
            for (found, expected) in holm(&case.p).iter().zip(&case.adjusted) {
                close(*found, *expected, 1e-12);
            }
        }
    }

    #[derive(Deserialize)]
    struct Bootstrap {
        costs: Vec<f64>,
        interval: (f64, f64),
    }

    /// To what 4999 resamples leave open; another seed gives another interval, the same seed the same.
    #[test]
    fn bootstrap_from_ten_seeds() {
        let spread = Spread { sd: 9.0, df: 9.0 };
        for case in fixture::<Vec<Bootstrap>>("bootstrap") {
            let trials = reached(&case.costs);
            let found = cost_interval(&trials, spread, 1).unwrap();
            let (low, high) = (case.interval.0.ln(), case.interval.1.ln());
            let width = high - low;
            assert!((found.low.ln() - low).abs() < 0.04 * width, "{found:?}");
            assert!((found.high.ln() - high).abs() < 0.04 * width, "{found:?}");
            assert_eq!(cost_interval(&trials, spread, 1), Some(found));
            assert_ne!(cost_interval(&trials, spread, 2), Some(found));
        }
    }

    #[derive(Deserialize)]
    struct Pareto {
        points: Vec<(f64, f64)>,
        front: Vec<usize>,
    }

    #[test]
    fn pareto() {
        for case in fixture::<Vec<Pareto>>("pareto") {
            assert_eq!(pareto_front(&case.points), case.front);
        }
    }
}

mod edges {
    use super::*;

    #[test]
    fn costs_that_no_run_has_are_refused() {
        for (spent, ended) in [
            (f64::NAN, End::Reached),
            (f64::INFINITY, End::OverBudget),
            (-1.0, End::Diverged),
            (0.0, End::Reached),
            (0.0, End::OverBudget),
        ] {
            let error = Trial::new(spent, ended).unwrap_err().to_string();
            assert!(error.contains(&spent.to_string()), "{error}");
        }
        assert_eq!(diverged(&[0.0])[0].spent(), 0.0);
    }

    #[test]
    fn no_trials() {
        assert_eq!(expected_cost(&[]), None);
        assert_eq!(success_share(&[]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(tau(&[]), None);
        assert_eq!(restricted_mean(&[], 1.0), None);
        assert_eq!(geometric_mean(&[]), None);
        let none: [Vec<Trial>; 0] = [];
        assert_eq!(compare(&none, &[]), None);
        assert_eq!(compare(&[vec![], vec![]], &[]), None);
        assert_eq!(versus_reference(&none, 0), vec![]);
        assert_eq!(extremes(&none, None), None);
        assert_eq!(confirmed_ratio(&[], &[], None), Confirmed::NotRun);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    #[test]
    fn one_cell_and_one_trial() {
        let found = compare(&[reached(&[2.0])], &[]).unwrap();
        assert_eq!(found.no_claim, Some(NoClaim::OneCell));
        assert_eq!(found.indistinguishable(), [0]);
        let not_run = compare(&[vec![], reached(&[2.0, 2.1])], &[]).unwrap();
        assert_eq!(not_run.no_claim, Some(NoClaim::OneCell));
        assert_eq!(not_run.cells[0].verdict, Verdict::NotRun);
        assert_eq!(not_run.indistinguishable(), [1]);
        close(StudentizedRange::new(1).cdf(0.0, 5.0), 1.0, 1e-12);
        assert_eq!(StudentizedRange::new(0).quantile(0.95, 5.0), 0.0);
    }

    /// The bounds of a median are where half of the runs reached.
    #[test]
    fn median_where_runs_failed() {
        let half = [reached(&[1.0]), over(&[2.0])].concat();
        assert_eq!(median(&half), Some(Median::OverBudget));
        let more = [reached(&[1.0, 3.0]), diverged(&[0.5])].concat();
        assert_eq!(median(&more), Some(Median::Value(3.0)));
    }

    #[test]
    fn all_diverged() {
        let cells = [diverged(&[1.0, 2.0, 3.0]), diverged(&[0.0, 1.0, 1.0])];
        assert_eq!(compare(&cells, &[]), None);
        assert_eq!(tau(cells.iter().flatten()), None);
        assert_eq!(extremes(&cells, None), None);
        assert_eq!(versus_reference(&cells, 0), [None, None]);
    }

    #[test]
    fn equal_costs_show_no_spread() {
        let cells = [reached(&[2.0, 2.0, 2.0]), reached(&[6.0, 6.0, 6.0])];
        let found = compare(&cells, &[]).unwrap();
        assert_eq!(found.no_claim, Some(NoClaim::NoSpread));
        assert_eq!(found.indistinguishable(), [0, 1]);
        close(found.cells[1].ratio.unwrap().ratio(), 3.0, 1e-12);
        assert_eq!(found.cells[1].ratio.unwrap().low(), None);
        let fresh = confirmed_ratio(&cells[0], &cells[1], None);
        assert!(matches!(
            fresh,
            Confirmed::Ratio(Ratio::Of { interval: None, .. })
        ));
        // One cell with a spread is enough; those without are given its.
        let cells = [&cells[..], &[reached(&[2.0, 2.1, 2.2])]].concat();
        let found = compare(&cells, &[]).unwrap();
        let spread = found.spread.as_ref().unwrap();
        assert_eq!(spread.source, SpreadSource::Separate);
        assert_eq!(spread.of(0), spread.of(2));
        assert_eq!(found.indistinguishable(), [0, 2]);
        // Ten equal costs have nothing to resample.
        let ten = reached(&[2.0; 10]);
        let interval = cost_interval(&ten, Spread { sd: 0.1, df: 4.0 }, 1).unwrap();
        assert!(interval.low < 2.0 && interval.high > 2.0);
    }

    #[test]
    fn one_seed_a_cell_claims_nothing() {
        let cells = [reached(&[1.0]), reached(&[9.0]), over(&[20.0])];
        let bare = compare(&cells, &[]).unwrap();
        assert_eq!(bare.no_claim, Some(NoClaim::OneSeed));
        assert_eq!(bare.cells[1].ratio.unwrap().low(), None);
        let replicates = reached(&[1.0, 1.02, 1.01, 0.99, 0.98]);
        let found = compare(&cells, &replicates).unwrap();
        assert_eq!(found.no_claim, Some(NoClaim::OneSeed));
        assert_eq!(found.indistinguishable(), [0, 1, 2]);
        let spread = found.spread.as_ref().unwrap();
        assert_eq!(spread.source, SpreadSource::Replicates);
        assert_eq!(spread.pooled.df, 4.0);
        assert!(found.cells[1].ratio.unwrap().low().unwrap() > 1.0);
    }

    /// The bound of a cell that was cut off decides, in both directions.
    #[test]
    fn cut_off_runs_are_lower_bounds() {
        let best = reached(&[1.0, 1.1, 0.95]);
        let near = over(&[1.1, 1.1, 1.1]);
        let far = [reached(&[4.0, 4.2]), over(&[4.4])].concat();
        let found = compare(&[best.clone(), near, far.clone()], &[]).unwrap();
        assert_eq!(found.no_claim, None);
        assert!(matches!(
            found.cells[1].ratio,
            Some(Ratio::AtLeast { low: Some(low), .. }) if low < 1.0
        ));
        assert_eq!(found.cells[2].verdict, Verdict::Dearer);
        // A best cell with a failed run has no known cost to be dearer than.
        let best = [best, diverged(&[0.1])].concat();
        let found = compare(&[best, far], &[]).unwrap();
        assert_eq!(found.no_claim, Some(NoClaim::BestFailed));
        assert_eq!(found.indistinguishable(), [0, 1]);
        assert_eq!(found.cells[1].ratio, None);
    }

    #[test]
    fn what_never_arrives_is_told_by_that() {
        let best = reached(&[1.0, 1.1, 0.95]);
        let never = diverged(&[0.1, 0.1, 0.2]);
        let verdict = |cells: &[Vec<Trial>]| compare(cells, &[]).unwrap().cells[1].verdict;
        assert_eq!(
            verdict(&[best.clone(), never.clone()]),
            Verdict::NeverArrives
        );
        // Two seeds are too few; a cell where seeds disagree makes it chance; one that was cut off does not.
        assert_eq!(
            verdict(&[best.clone(), never[..2].to_vec()]),
            Verdict::Undecided
        );
        let disagree = [reached(&[1.2, 1.3]), diverged(&[0.1])].concat();
        assert_eq!(
            verdict(&[best.clone(), never.clone(), disagree]),
            Verdict::Undecided
        );
        let cut = [reached(&[1.2, 1.3]), over(&[1.4])].concat();
        assert_eq!(verdict(&[best, never, cut]), Verdict::NeverArrives);
    }

    /// A cell with a bound can be dearer than the reference, never cheaper.
    #[test]
    fn reference_and_bounds() {
        let reference = reached(&[2.0, 2.1, 1.9, 2.0]);
        let cheap = [reached(&[1.0, 1.05, 0.95]), diverged(&[0.1])].concat();
        let dear = [reached(&[4.0, 4.2, 3.9]), over(&[5.0])].concat();
        let found = versus_reference(&[reference.clone(), cheap, dear], 0);
        assert_eq!(found[1].unwrap().p, 1.0);
        assert!(found[2].unwrap().told_apart());
        assert!(matches!(found[2].unwrap().ratio, Ratio::AtLeast { .. }));
        let single = versus_reference(&[reference[..1].to_vec(), reached(&[9.0])], 0);
        assert_eq!(single, [None, None]);
        assert_eq!(versus_reference(&[reference], 7), [None]);
    }

    #[test]
    fn confirmation_and_failed_runs() {
        let best = reached(&[1.0, 1.1, 0.9]);
        let never = [over(&[8.0, 27.0]), diverged(&[0.5])].concat();
        let found = confirmed_ratio(&best, &never, Some(8.0));
        let Confirmed::Ratio(Ratio::AtLeast { ratio, low }) = found else {
            panic!("{found:?}");
        };
        // The spread of the bounds adds nothing to the best's: t of 2 degrees of freedom is 4.302653.
        let logs = [0.0, 1.1_f64.ln(), 0.9_f64.ln()];
        let mean = logs.iter().sum::<f64>() / 3.0;
        let sd = (logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
        close(ratio, 12.0 / mean.exp(), 1e-10);
        close(
            low.unwrap(),
            ratio * (-4.302653 * sd / 3_f64.sqrt()).exp(),
            1e-6,
        );
        assert_eq!(
            confirmed_ratio(&never, &best, Some(8.0)),
            Confirmed::BestFailed
        );
        assert_eq!(
            confirmed_ratio(&best, &diverged(&[1.0]), None),
            Confirmed::NotRun
        );
    }

    #[test]
    fn extremes_where_the_worst_never_arrived() {
        let cells = [
            reached(&[30.0, 31.0]),
            over(&[40.0, 40.0]),
            reached(&[2.0, 2.0]),
            vec![],
        ];
        let found = extremes(&cells, None).unwrap();
        assert_eq!((found.best, found.worst), (2, 1));
        assert!(matches!(found.ratio, Ratio::AtLeast { low: None, .. }));
        close(found.ratio.ratio(), 20.0, 1e-12);
        assert_eq!(found.by_chance, None);
    }

    #[test]
    fn points_that_are_not_finite_are_on_no_front() {
        let points = [
            (1.0, 0.8),
            (f64::NAN, 0.9),
            (0.5, f64::INFINITY),
            (1.0, 0.8),
        ];
        assert_eq!(pareto_front(&points), [0, 3]);
    }
}

mod simulated {
    use super::*;

    const STUDIES: usize = 1000;

    fn normal(draw: &mut fastrand::Rng) -> f64 {
        let radius = (-2.0 * (1.0 - draw.f64()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * draw.f64()).cos()
    }

    /// Of studies of `cells` cells with `seeds` runs each, drawn by `run` from the cell's number: the share that tell any
    /// cell from the best, and the share where the spread was not pooled.
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

    /// 5 % and the sampling error of 1000 studies.
    const MOST: f64 = 0.065;

    #[test]
    fn equal_cells() {
        for (cells, seeds) in [(16, 3), (16, 5), (16, 2), (4, 3), (2, 3)] {
            let cost = |draw: &mut fastrand::Rng, _| (3.0 + 0.1 * normal(draw)).exp();
            let (claims, _) = shares(cells, seeds, |d, c| trial(cost(d, c), End::Reached));
            assert!(claims <= MOST, "{cells} cells, {seeds} seeds: {claims}");
        }
    }

    /// Equal means and tenfold different spreads: what the spread that is not pooled is for.
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

    /// A budget that most, half or few runs keep to.
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

    /// Runs that fail by chance, equally often in all cells, and quite unlike the others' costs.
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
    fn a_cell_three_times_as_dear_is_told_apart() {
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
            told += usize::from(found.cells[5].verdict == Verdict::Dearer);
        }
        assert!(told as f64 >= 0.97 * f64::from(studies), "{told}");
    }
}
