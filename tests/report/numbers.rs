//! The tables against independent sums.

use std::collections::BTreeMap;

use wattgrad::internals::energy::Status;
use wattgrad::internals::report::study::tables;
use wattgrad::internals::study::Opened;
use wattgrad::internals::study::analysis::CostKind;

use super::runs::{Joules, Made, again};

type Row = BTreeMap<String, String>;

/// A table read back from its CSV.
fn read(studies: &[Opened], name: &str) -> Vec<Row> {
    let all = tables(studies);
    let table = all.iter().find(|table| table.name == name).unwrap();
    let text = table.csv();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader
        .deserialize()
        .collect::<Result<Vec<Row>, _>>()
        .unwrap()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column]
        .parse()
        .unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

#[test]
fn expected_cost_is_total_spent_over_runs_that_reached_the_target() {
    let studies = [Made::default().open()];
    let trials = read(&studies, "trials");
    let costs = read(&studies, "costs");
    assert_eq!(costs.len(), 16 * 2 * 6, "cells, targets, costs");
    let (mut compared, mut held_in) = (0, 0);
    for cost in &costs {
        let same = |row: &&Row| {
            ["cost", "target", "cell"]
                .iter()
                .all(|key| row[*key] == cost[*key])
                && row["purpose"] == "main"
        };
        let own: Vec<&Row> = trials.iter().filter(same).collect();
        assert_eq!(own.len(), 3);
        let reached = own.iter().filter(|row| row["ended"] == "reached").count();
        if reached == 0 {
            assert_eq!(cost["expected"], "");
            continue;
        }
        let spent: f64 = own.iter().map(|row| number(row, "spent")).sum();
        let expected = spent / reached as f64;
        assert!(
            (number(cost, "expected") / expected - 1.0).abs() < 1e-12,
            "{cost:?}"
        );
        compared += 1;
        // An interval beside an expected cost holds it, or there is none.
        if cost["ci_low"].is_empty() {
            continue;
        }
        assert_eq!(reached, own.len(), "{cost:?}");
        let held = number(cost, "ci_low")..number(cost, "ci_high");
        assert!(held.contains(&expected), "{cost:?}");
        held_in += 1;
    }
    assert!(compared > 60 && held_in > 20, "{compared}, {held_in}");
}

#[test]
fn learning_curves_end_at_the_samples_seconds_and_joules_of_the_run() {
    let studies = [Made {
        joules: Joules::Measured,
        ..Made::default()
    }
    .open()];
    let points = read(&studies, "evaluations");
    for run in &studies[0].runs {
        let record = run.record.as_ref().unwrap();
        let last = points.iter().rfind(|row| row["run"] == run.id).unwrap();
        assert_eq!(number(last, "samples"), record.samples as f64);
        let seconds = record.durations.training_seconds + record.durations.evaluation_seconds;
        assert!((number(last, "seconds") - seconds).abs() < 1e-9);
        // The second figure of the joules to the end counts the same steps and evaluations.
        let counted = record.energy_to_end[1].joules;
        let joules = number(last, "joules_measured_nvml:0_board");
        assert!((joules / counted - 1.0).abs() < 1e-9, "{joules} {counted}");
    }
}

#[test]
fn power_times_time_equals_the_counter() {
    let studies = [Made {
        joules: Joules::Measured,
        seeds: 1,
        ..Made::default()
    }
    .open()];
    let points = read(&studies, "power");
    for run in &studies[0].runs {
        let readings = &run.record.as_ref().unwrap().energy.last().unwrap().readings;
        let (first, last) = (readings.first().unwrap(), readings.last().unwrap());
        let counted = 1e-3 * (last.value - first.value) as f64;
        let mean = counted / (last.at.monotonic - first.at.monotonic);
        let own: Vec<f64> = points
            .iter()
            .filter(|row| row["run"] == run.id)
            .map(|row| number(row, "watts"))
            .collect();
        assert!(own.len() > 20, "{}", run.id);
        // Samples are evenly spaced, so the mean of the points is the mean over time.
        let drawn = own.iter().sum::<f64>() / own.len() as f64;
        assert!(
            (drawn / mean - 1.0).abs() < 1e-3,
            "{}: {drawn} {mean}",
            run.id
        );
    }
}

#[test]
fn two_studies_share_tables_with_a_column_for_the_study() {
    let first = Made::default().open();
    let mut second = Made {
        batches: vec![64],
        ..Made::default()
    }
    .open();
    second.analysis.name = "second".into();
    second.analysis.axes.remove(0);
    for cell in &mut second.analysis.cells {
        cell.values.remove(0);
    }
    let rows = read(&[first, second], "cells");
    assert_eq!(rows.len(), 20);
    let of = |name: &str| {
        rows.iter()
            .filter(|row| row["study"] == name)
            .collect::<Vec<_>>()
    };
    assert!(
        of("made-up")
            .iter()
            .all(|row| !row["batch-size"].is_empty())
    );
    assert!(
        of("second")
            .iter()
            .all(|row| row["batch-size"].is_empty() && !row["lr"].is_empty())
    );
}

#[test]
fn ranks_runs_too_short_for_their_sensor_by_joules_per_step() {
    let made = Made {
        joules: Joules::Measured,
        ..Made::default()
    };
    let mut opened = made.open();
    for run in &mut opened.runs {
        if let Some(record) = &mut run.record {
            for row in &mut record.energy {
                row.status = Status::Unavailable;
                row.joules = None;
                row.reason = Some("the window is too short".into());
            }
        }
    }
    let analysis = again(opened).analysis;
    let lead = analysis.headline().unwrap();
    let measured = |kind: &CostKind| {
        matches!(
            kind,
            CostKind::Energy {
                status: Status::Measured,
                ..
            }
        )
    };
    assert!(measured(&lead.kind), "{:?}", lead.kind);
    let mut sensors = analysis.sensors.iter();
    let meter = sensors.find(|one| one.source == "nvml:0").unwrap();
    assert_eq!(
        (meter.status, meter.runs),
        (Status::Measured, analysis.planned)
    );
    assert_eq!(meter.reason, None);
}
