//! Made-up studies against SciPy and statsmodels.

use serde::Deserialize;
use serde_json::Value;
use wattgrad::internals::study::stats::{
    Confirmed, End, Median, Ratio, Spread, SpreadSource, StudentizedRange, StudySpread, Trial,
    Verdict, compare, confirmed_ratio, cost_interval, expected_cost, extremes, geometric_mean,
    holm, median, pareto_front, restricted_mean, success_share, tau, versus_reference,
};

use super::{close, encloses, reached, trial};

fn fixture<T: for<'a> Deserialize<'a>>(key: &str) -> T {
    let all: Value = serde_json::from_str(include_str!("../fixtures/statistics.json")).unwrap();
    serde_json::from_value(all[key].clone()).unwrap()
}

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
                let told = found.cells[i].verdict == Verdict::MoreExpensive;
                assert_eq!(told, low > 1.0);
            }
            if i > 0 {
                let named = named[i].unwrap();
                close(named.p, study.p[i - 1], 1e-8);
                close(named.adjusted, study.holm[i - 1], 1e-8);
                assert_eq!(named.is_significant(), study.holm[i - 1] <= 0.05);
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
        let by_chance = found.null_ratio.unwrap();
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

/// Within the noise of 4999 resamples. The same seed gives the same interval; another seed does not.
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
