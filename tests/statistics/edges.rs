//! Cases worked out by hand: few, failed or equal runs.

use wattgrad::internals::study::stats::{
    Confirmed, End, Median, NoClaim, Ratio, Spread, SpreadSource, StudentizedRange, Trial, Verdict,
    compare, confirmed_ratio, cost_interval, expected_cost, extremes, geometric_mean, holm, median,
    pareto_front, restricted_mean, success_share, tau, versus_reference,
};

use super::{close, diverged, over, reached};

#[test]
fn rejects_invalid_costs() {
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
fn equal_costs_have_no_spread() {
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
    // One cell with a spread is enough; the others use it.
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
fn one_seed_per_cell_supports_no_claim() {
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
    assert_eq!(found.cells[2].verdict, Verdict::MoreExpensive);
    // The cost of a best cell with a failed run is unknown, so no cell is more expensive.
    let best = [best, diverged(&[0.1])].concat();
    let found = compare(&[best, far], &[]).unwrap();
    assert_eq!(found.no_claim, Some(NoClaim::BestFailed));
    assert_eq!(found.indistinguishable(), [0, 1]);
    assert_eq!(found.cells[1].ratio, None);
}

#[test]
fn a_cell_that_never_reaches_the_target_is_significantly_different() {
    let best = reached(&[1.0, 1.1, 0.95]);
    let never = diverged(&[0.1, 0.1, 0.2]);
    let verdict = |cells: &[Vec<Trial>]| compare(cells, &[]).unwrap().cells[1].verdict;
    assert_eq!(
        verdict(&[best.clone(), never.clone()]),
        Verdict::NeverReaches
    );
    // Two seeds are too few. A cell whose seeds disagree makes chance possible; a cell that was cut off does not.
    assert_eq!(
        verdict(&[best.clone(), never[..2].to_vec()]),
        Verdict::NotSignificant
    );
    let disagree = [reached(&[1.2, 1.3]), diverged(&[0.1])].concat();
    assert_eq!(
        verdict(&[best.clone(), never.clone(), disagree]),
        Verdict::NotSignificant
    );
    let cut = [reached(&[1.2, 1.3]), over(&[1.4])].concat();
    assert_eq!(verdict(&[best, never, cut]), Verdict::NeverReaches);
}

/// A cell with a lower bound can be more expensive than the reference, never cheaper.
#[test]
fn reference_and_bounds() {
    let reference = reached(&[2.0, 2.1, 1.9, 2.0]);
    let cheap = [reached(&[1.0, 1.05, 0.95]), diverged(&[0.1])].concat();
    let dear = [reached(&[4.0, 4.2, 3.9]), over(&[5.0])].concat();
    let found = versus_reference(&[reference.clone(), cheap, dear], 0);
    assert_eq!(found[1].unwrap().p, 1.0);
    assert!(found[2].unwrap().is_significant());
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
    // Three of four runs reached the target and all spent 3.5, so a success costs 3.5 / 3; the others spent 8, 27 and tau.
    let seldom = [best.clone(), over(&[0.5])].concat();
    let Confirmed::OfExpected(Ratio::AtLeast { ratio, low: None }) =
        confirmed_ratio(&seldom, &never, Some(8.0))
    else {
        panic!("no bound");
    };
    close(ratio, 43.0 / 3.0 / (3.5 / 3.0), 1e-12);
    let Confirmed::OfExpected(Ratio::Of {
        ratio,
        interval: None,
    }) = confirmed_ratio(&seldom, &reached(&[6.0, 8.0]), Some(8.0))
    else {
        panic!("no ratio");
    };
    close(ratio, 7.0 / (3.5 / 3.0), 1e-12);
    assert_eq!(confirmed_ratio(&seldom, &[], Some(8.0)), Confirmed::NotRun);
    assert_eq!(
        confirmed_ratio(&best, &diverged(&[1.0]), None),
        Confirmed::NotRun
    );
}

#[test]
fn extremes_where_the_worst_never_reached_the_target() {
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
    assert_eq!(found.null_ratio, None);
}

/// A cell with some failed runs can have the lowest expected cost.
#[test]
fn extremes_where_runs_of_the_best_failed() {
    let cells = [
        [reached(&[1.0, 1.2]), over(&[0.8])].concat(),
        reached(&[4.0, 5.0, 6.0]),
        [reached(&[2.0]), diverged(&[0.5, 0.5])].concat(),
    ];
    let found = extremes(&cells, None).unwrap();
    assert_eq!((found.best, found.worst), (0, 1));
    assert!(matches!(found.ratio, Ratio::Of { interval: None, .. }));
    close(found.ratio.ratio(), 5.0 / 1.5, 1e-12);
    let never = [&cells[..], &[over(&[8.0, 8.0, 8.0])]].concat();
    let spread = compare(&never, &[]).unwrap().spread;
    let found = extremes(&never, spread.as_ref()).unwrap();
    assert_eq!((found.best, found.worst), (0, 3));
    assert!(matches!(found.ratio, Ratio::AtLeast { low: None, .. }));
    close(found.ratio.ratio(), 8.0 / 1.5, 1e-12);
    assert_eq!(found.null_ratio, None, "the ratio is of geometric means");
}

#[test]
fn points_that_are_not_finite_are_never_on_the_front() {
    let points = [
        (1.0, 0.8),
        (f64::NAN, 0.9),
        (0.5, f64::INFINITY),
        (1.0, 0.8),
    ];
    assert_eq!(pareto_front(&points), [0, 3]);
}
