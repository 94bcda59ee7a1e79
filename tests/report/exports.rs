//! Runs in the formats of other tools: what is not measured is empty there.

use serde_json::Value;
use wattgrad::internals::energy::{Scope, Status};
use wattgrad::internals::report::export::Export;
use wattgrad::internals::study::Opened;
use wattgrad::internals::study::ledger::Factor;

use super::runs::{Joules, Made, again, only_failed};

fn made(joules: Joules) -> Opened {
    Made {
        lrs: vec![0.05],
        batches: vec![64],
        joules,
        ..Made::default()
    }
    .open()
}

/// The rows of the export, each as pairs of column and value.
fn emissions(opened: &Opened, intensity: Option<&Factor>) -> Vec<Vec<(String, String)>> {
    let export: Export = "codecarbon=emissions.csv".parse().unwrap();
    let text = export.text(std::slice::from_ref(opened), intensity);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        head.iter()
            .cloned()
            .zip(row.iter().map(str::to_owned))
            .collect()
    });
    rows.collect()
}

fn value<'a>(row: &'a [(String, String)], column: &str) -> &'a str {
    let found = row.iter().find(|(name, _)| name == column);
    &found.unwrap_or_else(|| panic!("{column}")).1
}

#[test]
fn codecarbon_has_the_measured_parts_alone() {
    let factor: Factor = "400 g, Made-up Grid, 2026-01-01".parse().unwrap();
    let mut opened = made(Joules::Both);
    let rows = emissions(&opened, Some(&factor));
    assert_eq!(rows.len(), 3);
    let row = &rows[0];
    let record = opened.runs[0].record.as_ref().unwrap();
    let joules = record.energy_to_end[0].joules;
    let gpu: f64 = value(row, "gpu_energy").parse().unwrap();
    assert!(
        (gpu * 3.6e6 / joules - 1.0).abs() < 1e-9,
        "{gpu} kWh of {joules} J"
    );
    let power: f64 = value(row, "gpu_power").parse().unwrap();
    let duration: f64 = value(row, "duration").parse().unwrap();
    assert!((power * duration / joules - 1.0).abs() < 1e-9);
    for empty in [
        "cpu_energy",
        "ram_energy",
        "energy_consumed",
        "emissions",
        "emissions_rate",
        "water_consumed",
        "pue",
        "country_name",
    ] {
        assert_eq!(
            value(row, empty),
            "",
            "{empty}: a board alone is not the machine"
        );
    }
    assert_eq!(value(row, "run_id"), opened.runs[0].id);
    assert!(value(row, "timestamp").starts_with("20"));

    // A sensor of the whole machine has all of it.
    for run in &mut opened.runs {
        for row in &mut run.record.as_mut().unwrap().energy {
            if row.source == "nvml:0" {
                row.scope = Scope::System;
            }
        }
    }
    let rows = emissions(&opened, Some(&factor));
    let kg: f64 = value(&rows[0], "emissions").parse().unwrap();
    assert!((kg / (joules / 3.6e6 * 0.4) - 1.0).abs() < 1e-9, "{kg}");
    assert_eq!(
        value(&emissions(&opened, None)[0], "emissions"),
        "",
        "no factor, no emissions"
    );

    for opened in [made(Joules::None), made(Joules::Assumed)] {
        let rows = emissions(&opened, Some(&factor));
        for column in [
            "cpu_energy",
            "gpu_energy",
            "ram_energy",
            "energy_consumed",
            "emissions",
            "cpu_power",
        ] {
            assert_eq!(value(&rows[0], column), "", "{column}");
        }
    }
    assert!(emissions(&again(only_failed(made(Joules::None))), None).is_empty());
}

fn power(opened: &Opened) -> Vec<Value> {
    let export: Export = "power=power.jsonl".parse().unwrap();
    let text = export.text(std::slice::from_ref(opened), None);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn power_is_valid_or_has_a_reason() {
    let mut opened = made(Joules::Both);
    for row in &mut opened.runs[1].record.as_mut().unwrap().energy {
        if row.status == Status::Measured {
            row.status = Status::Shared;
            row.reason = Some("another process used the card".into());
        }
    }
    let lines = power(&opened);
    let of = |run: usize, source: &str| {
        let id = &opened.runs[run].id;
        let mut own = lines.iter().filter(|line| line["run"] == id.as_str());
        own.find(|line| line["source"] == source).unwrap()
    };
    let valid = of(0, "nvml:0");
    assert_eq!(valid["power_valid"], true);
    assert!(valid["power_invalid_reason"].is_null() && valid["reason"].is_null());
    let watts = valid["joules"].as_f64().unwrap() / valid["duration_s"].as_f64().unwrap();
    assert!((valid["avg_power_w"].as_f64().unwrap() / watts - 1.0).abs() < 1e-12);
    assert!(valid["joules_ci"]["low"].is_number());
    for (line, code) in [
        (of(0, "cpu-time"), "assumed"),
        (of(1, "nvml:0"), "contention"),
        (of(0, "rapl"), "sensor-unavailable"),
    ] {
        assert_eq!(line["power_valid"], false, "{line}");
        assert_eq!(line["power_invalid_reason"], code, "{line}");
        for figure in ["joules", "avg_power_w", "joules_per_sample"] {
            assert!(line[figure].is_null(), "never 0: {line}");
        }
    }
    let mut unmetered = made(Joules::None);
    for run in &mut unmetered.runs {
        run.record.as_mut().unwrap().energy.clear();
    }
    let lines = power(&unmetered);
    assert_eq!(lines.len(), 3);
    assert!(
        lines
            .iter()
            .all(|line| line["reason"] == "the run was not metered")
    );
    let failed = power(&again(only_failed(made(Joules::None))));
    assert_eq!(failed.len(), 3);
    assert!(
        failed
            .iter()
            .all(|line| line["power_invalid_reason"] == "no-run")
    );
}

#[test]
fn formats_have_a_name_and_a_file() {
    for wrong in ["codecarbon", "codecarbon=", "csv=x", ""] {
        let error = wrong.parse::<Export>().unwrap_err();
        assert!(error.contains("codecarbon=FILE or power=FILE"), "{error}");
    }
}
