//! Rank agreement, means, and ratios of means against SciPy.

use serde::Deserialize;
use serde_json::Value;
use wattgrad::internals::study::stats::{
    Fieller, Interval, Mean, MeanRatio, Ratio, kendall, log_mean,
};

use super::close;

fn fixture<T: for<'a> Deserialize<'a>>(key: &str) -> T {
    let all: Value = serde_json::from_str(include_str!("../fixtures/ledgers.json")).unwrap();
    serde_json::from_value(all[key].clone()).unwrap()
}

fn same(found: Option<Interval>, expected: &[f64], within: f64) {
    let found = found.unwrap();
    close(found.low, expected[0], within);
    close(found.high, expected[1], within);
}

#[derive(Deserialize)]
struct Ranks {
    pairs: Vec<(Option<f64>, Option<f64>)>,
    tau: f64,
    interval: Option<(f64, f64)>,
}

#[test]
fn rank_agreement() {
    for case in fixture::<Vec<Ranks>>("kendall") {
        let or_infinite = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        let pairs = case
            .pairs
            .iter()
            .map(|(a, b)| (or_infinite(*a), or_infinite(*b)));
        let found = kendall(&pairs.collect::<Vec<_>>()).unwrap();
        close(found.tau, case.tau, 1e-12);
        assert_eq!(found.count, case.pairs.len());
        match case.interval {
            Some((low, high)) => same(found.interval, &[low, high], 1e-9),
            None => assert!(found.interval.is_none(), "fewer than five"),
        }
    }
    assert!(kendall(&[]).is_none());
    assert!(
        kendall(&[(1.0, 2.0), (1.0, 3.0)]).is_none(),
        "one side has one value"
    );
    let reversed = kendall(&[(1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (4.0, 2.0), (5.0, 1.0)]).unwrap();
    assert_eq!(reversed.tau, -1.0);
    let interval = reversed.interval.unwrap();
    assert!(
        interval.low == -1.0 && interval.high > -0.5 && interval.high < 0.0,
        "{interval:?}"
    );
}

#[derive(Deserialize)]
struct Paired {
    pairs: Vec<(f64, f64)>,
    ratio: f64,
    kind: String,
    ends: Option<(f64, f64)>,
}

#[test]
fn ratios_of_means_hold_fiellers_set() {
    for case in fixture::<Vec<Paired>>("paired") {
        let found = MeanRatio::paired(&case.pairs).unwrap();
        close(found.ratio, case.ratio, 1e-12);
        let (kind, interval) = match found.interval {
            Fieller::Between(i) => ("between", Some(i)),
            Fieller::Outside(i) => ("outside", Some(i)),
            Fieller::Any => ("any", None),
            Fieller::Unknown => ("unknown", None),
        };
        assert_eq!(kind, case.kind);
        if let Some((low, high)) = case.ends {
            same(interval, &[low, high], 1e-9);
        }
    }
    let unknown = |pairs: &[(f64, f64)]| MeanRatio::paired(pairs).map(|one| one.interval);
    assert_eq!(unknown(&[(2.0, 1.0)]), Some(Fieller::Unknown), "one seed");
    assert_eq!(
        unknown(&[(2.0, 1.0); 3]),
        Some(Fieller::Unknown),
        "no spread"
    );
    assert_eq!(
        unknown(&[(2.0, 1.0), (3.0, -1.0)]),
        None,
        "nothing to divide by"
    );
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f64>,
    of: (f64, f64, f64),
}

#[test]
fn means_have_t_intervals() {
    for (key, of) in [
        ("mean", Mean::of as fn(&[f64]) -> Option<Mean>),
        ("log_mean", log_mean),
    ] {
        for case in fixture::<Vec<Values>>(key) {
            let found = of(&case.values).unwrap();
            close(found.mean, case.of.0, 1e-12);
            same(found.interval, &[case.of.1, case.of.2], 1e-9);
        }
    }
    assert!(Mean::of(&[]).is_none());
    assert!(Mean::of(&[3.0]).unwrap().interval.is_none());
    assert!(Mean::of(&[3.0; 4]).unwrap().interval.is_none(), "no spread");
}

#[test]
fn a_sensor_widens_a_ratio() {
    for case in fixture::<Vec<[f64; 6]>>("widened") {
        let [ratio, low, high, error, expected_low, expected_high] = case;
        let interval = Some(Interval { low, high });
        let Ratio::Of { interval, .. } = (Ratio::Of { ratio, interval }).widened(error) else {
            panic!("it stays a ratio");
        };
        same(interval, &[expected_low, expected_high], 1e-12);
    }
}
