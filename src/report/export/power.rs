//! A line of JSON per run and source that says whether its power is valid.

use serde::Serialize;

use super::{measured, seconds};
use crate::energy::{Interval, SourceResult, Status};
use crate::study::{Opened, RunRecord};
use crate::train::Record;

/// Why a power is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Code {
    /// The run did not train.
    NoRun,
    /// The sensor could not be read.
    SensorUnavailable,
    /// The sensor was read, and the run is too short for it, or its readings are faulty.
    NoJoules,
    /// The joules are assumed, not measured.
    Assumed,
    /// Other processes used the device, or the machine.
    Contention,
}

#[derive(Serialize)]
struct Line<'a> {
    study: &'a str,
    run: &'a str,
    regime: &'a str,
    seed: u32,
    outcome: &'static str,
    device: Option<&'a str>,
    source: Option<&'a str>,
    scope: Option<&'static str>,
    power_valid: bool,
    power_invalid_reason: Option<Code>,
    /// The reason in words.
    reason: Option<String>,
    duration_s: Option<f64>,
    samples: Option<u64>,
    avg_power_w: Option<f64>,
    joules: Option<f64>,
    joules_ci: Option<Interval>,
    joules_accuracy: Option<Interval>,
    joules_per_sample: Option<f64>,
}

pub(super) fn lines(studies: &[Opened]) -> String {
    let mut text = String::new();
    for one in studies {
        for run in &one.runs {
            for line in run_lines(&one.analysis.name, run) {
                // Strings and finite numbers always serialize.
                text += &serde_json::to_string(&line).unwrap_or_default();
                text.push('\n');
            }
        }
    }
    text
}

fn run_lines<'a>(study: &'a str, run: &'a RunRecord) -> Vec<Line<'a>> {
    let Some(record) = &run.record else {
        let mut line = empty(study, run);
        line.power_invalid_reason = Some(Code::NoRun);
        line.reason = run
            .error
            .clone()
            .or_else(|| Some("the run did not train".into()));
        return vec![line];
    };
    if record.energy.is_empty() {
        let mut line = empty(study, run);
        line.power_invalid_reason = Some(Code::SensorUnavailable);
        line.reason = Some("the run was not metered".into());
        return vec![line];
    }
    let rows = record.energy.iter();
    rows.map(|row| source_line(empty(study, run), run, record, row))
        .collect()
}

fn empty<'a>(study: &'a str, run: &'a RunRecord) -> Line<'a> {
    Line {
        study,
        run: &run.id,
        regime: &run.cell,
        seed: run.seed,
        outcome: run.outcome.name(),
        device: None,
        source: None,
        scope: None,
        power_valid: false,
        power_invalid_reason: None,
        reason: None,
        duration_s: None,
        samples: None,
        avg_power_w: None,
        joules: None,
        joules_ci: None,
        joules_accuracy: None,
        joules_per_sample: None,
    }
}

fn source_line<'a>(
    line: Line<'a>,
    run: &RunRecord,
    record: &'a Record,
    row: &'a SourceResult,
) -> Line<'a> {
    let duration = seconds(record);
    let line = Line {
        device: Some(&record.device.name),
        source: Some(&row.source),
        scope: Some(row.scope.name()),
        duration_s: Some(duration),
        samples: Some(record.samples),
        ..line
    };
    let invalid = |code, reason: Option<String>| (code, reason);
    let found = match (row.status, measured(record, row), run.shared()) {
        (Status::Assumed, _, _) => Err(invalid(Code::Assumed, row.reason.clone())),
        (Status::Shared, _, _) => Err(invalid(Code::Contention, row.reason.clone())),
        (_, Some(_), Some(why)) => Err(invalid(Code::Contention, Some(why))),
        (_, Some(figure), None) => Ok(figure),
        (_, None, _) if row.seconds.is_some() => Err(invalid(Code::NoJoules, row.reason.clone())),
        (_, None, _) => Err(invalid(Code::SensorUnavailable, row.reason.clone())),
    };
    match found {
        Err((code, reason)) => Line {
            power_invalid_reason: Some(code),
            reason,
            ..line
        },
        Ok(figure) => Line {
            power_valid: true,
            joules: Some(figure.joules),
            joules_ci: figure.ci,
            joules_accuracy: figure.accuracy,
            avg_power_w: (duration > 0.0).then(|| figure.joules / duration),
            joules_per_sample: (record.samples > 0).then(|| figure.joules / record.samples as f64),
            ..line
        },
    }
}
