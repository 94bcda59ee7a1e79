//! Ledgers of made-up runs against SciPy, and what the formats say of them.

use serde::Deserialize;
use serde_json::Value;
use wattgrad::internals::report::study::{markdown, page, tables, terminal};
use wattgrad::internals::study::analysis::{Design, DesignCell};
use wattgrad::internals::study::ledger::{Charged, Factor, Ledgers};
use wattgrad::internals::study::stats::{Fieller, Interval, Mean, MeanRatio};
use wattgrad::internals::study::{Opened, Outcome, PlannedRun, Purpose, RunRecord, SCHEMA};
use wattgrad::internals::train::{self, MetricTarget, Record};

use super::runs::{Joules, Made, real};

fn fixture<T: for<'a> Deserialize<'a>>(key: &str) -> T {
    let all: Value = serde_json::from_str(include_str!("../fixtures/ledgers.json")).unwrap();
    serde_json::from_value(all[key].clone()).unwrap()
}

/// A run of `seconds`, all of them training, that ended as it should; `change` makes its regime.
fn run(cell: &str, seed: u32, seconds: f64, change: impl Fn(&mut Record)) -> RunRecord {
    let mut record = real();
    record.regime.target_accuracy = None;
    record.regime.seed = seed;
    record.outcome = train::Outcome::Completed;
    record.durations.training_seconds = seconds;
    record.durations.evaluation_seconds = 0.0;
    change(&mut record);
    RunRecord {
        schema: SCHEMA,
        id: format!("{cell}@{seed}"),
        cell: cell.to_owned(),
        seed,
        purpose: Purpose::Main,
        outcome: Outcome::Reached,
        error: None,
        overlap: false,
        search: None,
        record: Some(record),
    }
}

/// The study of these runs without a target, so that the cost of a run is that of all of it.
fn open(runs: Vec<RunRecord>, pretraining: &[RunRecord]) -> Opened {
    let mut cells: Vec<DesignCell> = Vec::new();
    for run in &runs {
        if cells.iter().all(|cell| cell.id != run.cell) {
            cells.push(DesignCell {
                id: run.cell.clone(),
                values: Vec::new(),
            });
        }
    }
    let planned = runs.iter().map(|run| PlannedRun {
        id: run.id.clone(),
        cell: cells.iter().position(|cell| cell.id == run.cell).unwrap(),
        seed: run.seed,
        purpose: run.purpose,
    });
    let design = Design {
        name: "ledger".into(),
        base: String::new(),
        axes: Vec::new(),
        reference: None,
        seeds: Vec::new(),
        confirm: 0,
        target: MetricTarget::default(),
        cadence: None,
        budget: None,
        runs: planned.collect(),
        search: false,
        cells,
    };
    Opened::new(&design, runs, pretraining, Vec::new())
}

fn near(found: f64, expected: f64) {
    assert!(
        (found / expected - 1.0).abs() < 1e-9,
        "{found} is not {expected}"
    );
}

fn ends(found: Interval, expected: (f64, f64)) {
    near(found.low, expected.0);
    near(found.high, expected.1);
}

fn mean(found: &Mean, expected: (f64, f64, f64)) {
    near(found.mean, expected.0);
    ends(found.interval.unwrap(), (expected.1, expected.2));
}

/// A ratio, the kind of its interval, and the ends.
type Set = (f64, String, Option<(f64, f64)>);

fn set(found: &MeanRatio, expected: &Set) {
    near(found.ratio, expected.0);
    match (found.interval, expected.1.as_str()) {
        (Fieller::Between(i), "between") | (Fieller::Outside(i), "outside") => {
            ends(i, expected.2.unwrap());
        }
        (Fieller::Any, "any") => {}
        other => panic!("{other:?}"),
    }
}

#[derive(Deserialize)]
struct Pretraining {
    seeds: Vec<[f64; 3]>,
    uses: f64,
    shared: Set,
    sunk: Set,
    in_full: Set,
    break_even: Set,
}

fn pretrained(seeds: &[[f64; 3]]) -> Opened {
    let mut runs = Vec::new();
    let mut before = Vec::new();
    for (seed, [pretraining, fine_tuning, scratch]) in (1..).zip(seeds) {
        before.push(run("base", seed, *pretraining, |_| {}));
        runs.push(run("init=scratch", seed, *scratch, |_| {}));
        runs.push(run("init=pretrained", seed, *fine_tuning, |record| {
            record.regime.init = Some(train::Init::Pretrained);
            record.regime.freeze = Some("conv*".parse().unwrap());
        }));
    }
    open(runs, &before)
}

#[test]
fn pretraining_is_charged_three_ways() {
    let said = [
        "pretraining pays off when 3.3 runs share it (95 % CI 2.7 to 4.2)",
        "but the saving is not significant: at least 8.1 runs, and possibly never",
        "pretraining does not pay off, a run costs 1.13 (0.94 to 1.36) times as much as one from scratch",
    ];
    for (case, said) in fixture::<Vec<Pretraining>>("pretraining").iter().zip(said) {
        let opened = pretrained(&case.seeds);
        let ledger = &opened.ledgers.pretraining[0];
        let cell = &ledger.cells[0];
        assert_eq!(
            (cell.cell, cell.scratch, cell.frozen, cell.seeds),
            (1, 0, true, 4)
        );
        set(&cell.sunk, &case.sunk);
        set(&cell.in_full, &case.in_full);
        set(&cell.break_even.unwrap(), &case.break_even);
        set(
            &cell.ratio(Charged::Shared(case.uses)).unwrap(),
            &case.shared,
        );
        for text in [
            markdown(std::slice::from_ref(&opened)),
            page(std::slice::from_ref(&opened)),
            terminal(&[opened]),
        ] {
            let packed = text.replace('\u{a0}', " ");
            let packed = packed.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(packed.contains(said), "{packed}");
        }
    }
}

#[test]
fn a_ledger_needs_runs_that_reached_the_target() {
    let case = &fixture::<Vec<Pretraining>>("pretraining")[0];
    let mut opened = pretrained(&case.seeds);
    assert!(opened.ledgers.multitask.is_empty());
    opened.runs[1].outcome = Outcome::Diverged;
    let without = Ledgers::of(
        &super::runs::again(opened.clone()).analysis,
        &opened.runs,
        &[],
    );
    assert!(
        without.pretraining.is_empty(),
        "no pretraining runs, no ledger"
    );
}

#[derive(Deserialize)]
struct Multitask {
    seeds: Vec<[f64; 3]>,
    ratio: (f64, f64, f64),
    apart: (f64, f64, f64),
}

#[test]
fn one_network_is_compared_with_the_sum_of_several() {
    let case: Multitask = fixture("multitask");
    let mut runs = Vec::new();
    for (seed, costs) in (1..).zip(&case.seeds) {
        for (tasks, seconds) in ["label+kind", "label", "kind"].into_iter().zip(costs) {
            runs.push(run(&format!("tasks={tasks}"), seed, *seconds, |record| {
                record.regime.tasks = Some(tasks.parse().unwrap());
            }));
        }
    }
    let opened = open(runs, &[]);
    let ledger = &opened.ledgers.multitask[0];
    assert_eq!((ledger.joint, ledger.single.as_slice()), (0, &[1, 2][..]));
    mean(&ledger.ratio, case.ratio);
    mean(&ledger.apart, case.apart);
    let text = page(&[opened]);
    assert!(
        text.contains("costs 0.82 (95\u{a0}% CI 0.74 to 0.90) times as much as two networks"),
        "{text}"
    );
}

#[derive(Deserialize)]
struct LifeCycle {
    seeds: Vec<[f64; 2]>,
    samples: (f64, f64, f64),
    per_1000: (f64, f64, f64),
}

#[test]
fn inference_outweighs_training_after_so_many_samples() {
    let case: LifeCycle = fixture("life_cycle");
    let runs = (1..).zip(&case.seeds).map(|(seed, [training, each])| {
        run("base", seed, *training, |record| {
            let inferences = record.data.test_samples * record.evaluations.len();
            record.durations.evaluation_seconds = each * inferences as f64;
            record.durations.training_seconds -= record.durations.evaluation_seconds;
        })
    });
    let opened = open(runs.collect(), &[]);
    let ledger = &opened.ledgers.life_cycle[0];
    mean(&ledger.cells[0].samples, case.samples);
    mean(&ledger.cells[0].per_1000, case.per_1000);
    let text = markdown(&[opened]);
    assert!(
        text.contains("after 2.66 M (95 % CI 1.77 M to 4.01 M) samples"),
        "{text}"
    );
}

#[test]
fn carbon_and_money_come_from_the_users_factors_alone() {
    let mut opened = Made {
        lrs: vec![0.05, 0.1],
        joules: Joules::Both,
        ..Made::default()
    }
    .open();
    assert!(
        opened.ledgers.footprint.is_empty()
            && !page(std::slice::from_ref(&opened)).contains("Carbon")
    );
    let factor: Factor = "360 g, Made-up Grid, 2026-01-01".parse().unwrap();
    opened.ledgers.add_factors(&opened.analysis, &[factor]);
    let footprint = &opened.ledgers.footprint[0];
    let cost = opened.analysis.headline().unwrap();
    let expected = cost.cells[3].expected.unwrap();
    // 360 g per 3.6 MJ.
    near(footprint.cells[3].amount, expected * 1e-4);
    let measured = opened.ledgers.footprint.iter();
    assert!(
        measured.clone().count() == 2,
        "one per target, of measured joules alone"
    );
    let text = page(std::slice::from_ref(&opened));
    assert!(
        text.contains("at 360 g per kWh (Made-up Grid, 2026-01-01)"),
        "{text}"
    );
    let names: Vec<&str> = tables(&[opened]).iter().map(|table| table.name).collect();
    assert!(names.ends_with(&["life_cycle", "footprint"]), "{names:?}");
}
