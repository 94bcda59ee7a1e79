//! The answer and the tables: fresh seeds, replicates, evaluations, and costs that do not lead.

use std::collections::BTreeMap;

use wattgrad::internals::report::study::{page, tables, terminal};
use wattgrad::internals::study::analysis::CostReport;
use wattgrad::internals::study::stats::{End, Ratio};
use wattgrad::internals::study::{Opened, Outcome, Purpose};

use super::runs::{Joules, Made, again};

/// Cells that all reach the target, with time as the only cost. The second is the reference.
fn made(confirm: u32) -> Opened {
    Made {
        lrs: vec![0.05, 0.1],
        batches: vec![16, 32],
        joules: Joules::None,
        confirm,
        ..Made::default()
    }
    .open()
}

fn packed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lead(opened: &Opened) -> &CostReport {
    opened.analysis.headline().unwrap()
}

/// Adds `kept` of the `confirm` runs with fresh seeds to the best, the worst and the reference cell, as a study does.
fn confirmed(confirm: u32, kept: u32) -> Opened {
    let chosen = made(0);
    let cells = lead(&chosen).to_confirm(chosen.analysis.reference);
    let fresh = Made {
        seeds: 200,
        lrs: vec![0.05, 0.1],
        batches: vec![16, 32],
        joules: Joules::None,
        ..Made::default()
    }
    .open();
    let mut opened = made(0);
    opened.analysis.confirm = confirm;
    for cell in cells {
        let id = opened.analysis.cells[cell].id.clone();
        for seed in 101..101 + kept {
            let name = format!("{id}@{seed}");
            let mut run = fresh
                .runs
                .iter()
                .find(|run| run.id == name)
                .unwrap()
                .clone();
            run.purpose = Purpose::Confirm;
            let mut line = opened.analysis.cells[cell].runs[0].clone();
            (line.id, line.seed, line.purpose) = (name, seed, Purpose::Confirm);
            opened.analysis.cells[cell].runs.push(line);
            opened.runs.push(run);
        }
    }
    again(opened)
}

#[test]
fn answers_from_the_runs_with_fresh_seeds_alone() {
    let opened = confirmed(3, 3);
    let cost = lead(&opened);
    let best = cost.best.unwrap();
    let fresh = cost.confirmation.as_ref().unwrap();
    let logs: Vec<f64> = fresh.best.iter().map(|point| point.spent.ln()).collect();
    let mean = (logs.iter().sum::<f64>() / 3.0).exp();
    let figure = fresh.cost.unwrap();
    assert_eq!(figure.runs, 3);
    assert!((figure.geometric_mean.unwrap() / mean - 1.0).abs() < 1e-12);
    // t of 2 degrees of freedom is 4.302653.
    let sd = (logs
        .iter()
        .map(|log| (log - mean.ln()).powi(2))
        .sum::<f64>()
        / 2.0)
        .sqrt();
    let high = mean * (4.302653 * sd / 3_f64.sqrt()).exp();
    assert!((figure.interval.unwrap().high / high - 1.0).abs() < 1e-6);
    let answer = opened.analysis.answer.to_string();
    let parts = &opened.analysis.answer;
    assert!(parts.headline.contains(&cost.kind.amount(mean)), "{answer}");
    assert!(
        parts
            .headline
            .contains("; with fresh seeds the worst tried needs "),
        "{answer}"
    );
    assert!(
        parts
            .measurement
            .starts_with("Geometric mean of 3 fresh seeds;"),
        "{answer}"
    );
    let chosen = cost.cells[best].geometric_mean.unwrap();
    assert_ne!(cost.kind.amount(mean), cost.kind.amount(chosen));
    assert!(!answer.contains(&cost.kind.amount(chosen)), "{answer}");
    assert!(
        parts.comparison.contains("with 3 fresh seeds each"),
        "{answer}"
    );
    assert!(!answer.contains("confirmation runs"), "{answer}");
    // The table keeps the figures of the runs that chose the cell.
    let page = page(std::slice::from_ref(&opened));
    assert!(page.contains("the table has the runs that chose it"));
    // One row per run, although the reference may also be the best or the worst.
    let all = tables(&[opened]);
    let trials = all.iter().find(|table| table.name == "trials").unwrap();
    let key = |row: &Vec<String>| (row[1].clone(), row[3].clone(), row[5].clone());
    let mut seen = BTreeMap::new();
    for row in &trials.rows {
        *seen.entry(key(row)).or_insert(0) += 1;
    }
    assert!(seen.values().all(|count| *count == 1));
}

#[test]
fn counts_the_confirmation_runs_that_are_missing() {
    let none = confirmed(3, 0);
    let cells = lead(&none).to_confirm(none.analysis.reference).len();
    let (wanted, answer) = (3 * cells, none.analysis.answer.to_string());
    let told = format!("0 of {wanted} confirmation runs with fresh seeds are done");
    assert!(answer.contains(&told), "{answer}");
    assert!(answer.contains("Geometric mean of 3 seeds;"), "{answer}");
    let some = confirmed(3, 2);
    let (made, answer) = (2 * cells, some.analysis.answer.to_string());
    let told = format!("{made} of {wanted} confirmation runs with fresh seeds are done");
    assert!(answer.contains(&told), "{answer}");
    assert!(
        answer.contains("Geometric mean of 2 fresh seeds;"),
        "{answer}"
    );
    // A run with contention is shown and not counted.
    let mut shared = confirmed(3, 3);
    let worst = lead(&shared).worst.unwrap();
    let id = shared.analysis.cells[worst].id.clone();
    let mut runs = shared.runs.iter_mut();
    let run = runs.find(|run| run.cell == id && run.seed == 103).unwrap();
    run.overlap = true;
    let answer = again(shared).analysis.answer.to_string();
    assert!(
        answer.contains("Geometric mean of 3 fresh seeds;"),
        "{answer}"
    );
    assert!(
        answer.contains("with 2 fresh seeds or more each"),
        "{answer}"
    );
}

#[test]
fn compares_with_the_worst_by_expected_cost_if_runs_of_the_best_failed() {
    let mut opened = confirmed(3, 3);
    let best = lead(&opened).best.unwrap();
    let id = opened.analysis.cells[best].id.clone();
    // A run of each cell fails early.
    for run in &mut opened.runs {
        let record = run.record.as_mut().unwrap();
        if run.seed == 2 || run.cell == id && run.seed == 102 {
            run.outcome = Outcome::OverBudget;
            for result in &mut record.target_results {
                result.reached = None;
            }
            record.durations.training_seconds *= 0.1;
            record.durations.evaluation_seconds *= 0.1;
        }
    }
    let opened = again(opened);
    let cost = lead(&opened);
    assert_eq!(cost.best, Some(best));
    let worst = cost.worst.unwrap();
    let expected = |cell: usize| cost.cells[cell].expected.unwrap();
    let Some(Ratio::Of { ratio, .. }) = cost.extremes else {
        panic!("{:?}", cost.extremes);
    };
    assert!((ratio / (expected(worst) / expected(best)) - 1.0).abs() < 1e-12);
    let answer = opened.analysis.answer.to_string();
    assert!(
        answer.contains("with restarts of the runs that did not"),
        "{answer}"
    );
    assert!(answer.contains("3 fresh seeds"), "{answer}");
    let text = packed(&terminal(&[opened]));
    assert!(text.contains("to 85 %, by expected cost:"), "{text}");
}

#[test]
fn shows_replicates_with_their_seeds_and_excludes_them_from_figures() {
    let with = |replicates| {
        Made {
            replicates,
            ..Made::default()
        }
        .open()
    };
    let (opened, bare) = (with(4), with(0));
    for (cost, other) in opened.analysis.costs.iter().zip(&bare.analysis.costs) {
        let shown: Vec<u32> = cost.cells[1]
            .replicates
            .iter()
            .map(|point| point.seed)
            .collect();
        assert_eq!(shown, [51, 52, 53, 54]);
        for (cell, other) in cost.cells.iter().zip(&other.cells) {
            assert_eq!(cell.trials, other.trials);
            assert_eq!(cell.expected, other.expected);
            assert_eq!(cell.interval, other.interval);
        }
    }
    let all = tables(std::slice::from_ref(&opened));
    let trials = all.iter().find(|table| table.name == "trials").unwrap();
    let replicates = trials.rows.iter().filter(|row| row[7] == "replicate");
    assert_eq!(replicates.count(), 4 * opened.analysis.costs.len());
    let page = page(&[opened]);
    assert!(page.contains("replicates, by seed") && page.contains("<title>seed 51:"));
    assert!(packed(&page).contains("the replicates affect no figure"));
    let one = Made {
        replicates: 4,
        seeds: 1,
        ..Made::default()
    };
    let page = wattgrad::internals::report::study::page(&[one.open()]);
    assert!(packed(&page).contains("Together with its main run they determine the spread"));
}

#[test]
fn terminal_prints_tau_once_with_the_restricted_means() {
    for batches in [vec![64], vec![16, 32, 64, 128]] {
        let made = Made {
            batches,
            joules: Joules::Measured,
            ..Made::default()
        };
        let opened = made.open();
        let text = packed(&terminal(&[opened]));
        assert_eq!(text.matches("tau = ").count(), 1, "{text}");
        assert!(
            text.contains("restricted mean, of min(cost, tau)"),
            "{text}"
        );
    }
}

#[test]
fn explains_why_measured_energy_does_not_lead() {
    let mut opened = Made {
        joules: Joules::Measured,
        ..Made::default()
    }
    .open();
    let why = |opened: &Opened| opened.analysis.notes.join("; ");
    assert!(!why(&again(opened.clone())).contains("does not lead"));
    let cell = opened.runs[0].cell.clone();
    for run in opened.runs.iter_mut().filter(|run| run.cell == cell) {
        run.record.as_mut().unwrap().energy.clear();
    }
    let opened = again(opened);
    assert_eq!(
        why(&opened),
        "energy was measured and does not lead: 45 of 48 runs have ranked joules (nvml:0, board), in 1 of 16 cells \
         fewer than half of the runs"
    );
    let mut shared = opened;
    for run in shared.runs.iter_mut().filter(|run| run.cell == cell) {
        run.overlap = true;
    }
    let told = why(&again(shared));
    assert!(
        told.ends_with("; nor does time: 45 of 48 runs are ranked by it, in 1 of 16 cells fewer than half of the runs"),
        "{told}"
    );
}

#[test]
fn reports_first_single_evaluations_and_costs_without_evaluations() {
    let opened = Made {
        joules: Joules::Measured,
        ..Made::default()
    }
    .open();
    let all = tables(std::slice::from_ref(&opened));
    let trials = all.iter().find(|table| table.name == "trials").unwrap();
    let column = |name: &str| {
        trials
            .header
            .iter()
            .position(|known| known == name)
            .unwrap()
    };
    let [cost, run, target, spent, evaluating, without, first] = [
        "cost",
        "run",
        "target",
        "spent",
        "of_it_evaluating",
        "without_evaluations",
        "first_single_spent",
    ]
    .map(column);
    let mut compared = 0;
    for row in &trials.rows {
        let number = |at: usize| row[at].parse::<f64>().ok();
        if let Some(part) = number(evaluating) {
            let rest = number(spent).unwrap() - part;
            assert!((number(without).unwrap() - rest).abs() < 1e-9, "{row:?}");
        }
        let record = opened.runs.iter().find(|one| one.id == row[run]).unwrap();
        let results = &record.record.as_ref().unwrap().target_results;
        let same = |at_least: f64| Some(at_least) == number(target);
        let result = results.iter().find(|one| same(one.threshold)).unwrap();
        assert_eq!(number(first).is_some(), result.first_single.is_some());
        if let Some(single) = result.first_single
            && row[cost].starts_with("training samples")
        {
            assert_eq!(number(first), Some(single.samples as f64));
            assert!(number(first) <= number(spent));
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
    let cost = lead(&opened);
    let arrived = cost.cells[cost.best.unwrap()].trials.iter();
    let joules: Vec<(f64, f64)> = arrived
        .filter(|point| point.ended == End::Reached)
        .map(|point| (point.first_single.unwrap(), point.spent))
        .collect();
    assert!(
        joules.iter().all(|(first, spent)| first <= spent),
        "{joules:?}"
    );
    let page = packed(&page(&[opened]));
    assert!(page.contains("These joules include evaluations, which use"));
    assert!(page.contains("first single evaluation that meets the target at"));
}

#[test]
fn ratios_have_both_ends_of_their_intervals_in_the_table_of_costs() {
    let all = tables(&[Made::default().open()]);
    let costs = all.iter().find(|table| table.name == "costs").unwrap();
    let column = |name: &str| costs.header.iter().position(|known| known == name).unwrap();
    for of in ["times_best", "times_reference"] {
        let [at, low, high] = ["", "_low", "_high"].map(|end| column(&format!("{of}{end}")));
        let mut both = 0;
        for row in &costs.rows {
            let number = |at: usize| row[at].parse::<f64>().ok();
            if let (Some(ratio), Some(low), Some(high)) = (number(at), number(low), number(high)) {
                assert!(low < ratio && ratio < high, "{row:?}");
                assert!((low * high / ratio.powi(2) - 1.0).abs() < 1e-9, "{row:?}");
                both += 1;
            }
        }
        assert!(both >= 20, "{of}: {both}");
    }
}
