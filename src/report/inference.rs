//! Inference by batch size on a terminal.

use super::columns::{Align, columns};
use crate::energy::{Status, explain, missing_sources};
use crate::train::{InferenceEnergy, InferencePoint, InferenceRecord};
use crate::units::{joules, seconds, si};

/// The table that `wattgrad infer` prints.
pub fn inference(found: &InferenceRecord) -> String {
    let head = format!(
        "{} on {}, {} test samples, on {} ({})\n\n",
        found.network.name,
        found.data.name,
        found.data.test_samples,
        found.device.name,
        found.device.backend
    );
    let mut sources: Vec<&str> = Vec::new();
    for row in found.points.iter().flat_map(|point| &point.energy) {
        if row.joules_per_1000.is_some() && !sources.contains(&row.source.as_str()) {
            sources.push(&row.source);
        }
    }
    let mut names: Vec<String> = [
        "batch size",
        "per 1,000 samples",
        "fastest-slowest pass",
        "samples/s",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(sources.iter().map(|source| format!("{source}, per 1,000")));
    let mut rows = vec![names];
    for point in &found.points {
        let pace = &point.seconds_per_1000;
        let ends = pace
            .iter()
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), one| {
                (low.min(*one), high.max(*one))
            });
        let mean = mean(pace);
        let mut row = vec![
            point.batch_size.to_string(),
            seconds(mean),
            format!("{}-{}", seconds(ends.0), seconds(ends.1)),
            si(1000.0 / mean).trim_end().to_owned(),
        ];
        row.extend(sources.iter().map(|source| energy(point, source)));
        rows.push(row);
    }
    let table = columns(&rows, &vec![Align::Right; rows[0].len()], "");
    head + &table + &unavailable(found)
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn energy(point: &InferencePoint, source: &str) -> String {
    let row = point.energy.iter().find(|row| row.source == source);
    let Some((row, amount)) = row.and_then(|row| Some((row, row.joules_per_1000?))) else {
        return "unavailable".into();
    };
    let mut text = joules(amount);
    if let Some(i) = row.ci {
        text += &format!(" +-{}", joules(i.half()));
    }
    match row.status {
        Status::Measured => text,
        other => format!("{text} {}", other.name()),
    }
}

/// Why sources gave no joules at any batch size. Of several sources that the machine does not have only the names are listed.
fn unavailable(found: &InferenceRecord) -> String {
    let Some(first) = found.points.first() else {
        return String::new();
    };
    let without = |row: &&InferenceEnergy| {
        let same = |point: &InferencePoint| {
            let mut own = point.energy.iter().filter(|one| one.source == row.source);
            own.all(|one| one.joules_per_1000.is_none())
        };
        found.points.iter().all(same)
    };
    let rows: Vec<&InferenceEnergy> = first.energy.iter().filter(without).collect();
    // A source that was opened is one that the machine has.
    let missing: Vec<&str> = rows
        .iter()
        .filter(|row| row.seconds.is_none())
        .map(|row| row.source.as_str())
        .collect();
    let list = missing_sources(&missing);
    let mut text = String::new();
    for row in rows
        .iter()
        .filter(|row| row.seconds.is_some() || list.is_none())
    {
        let why = row.reason.as_deref().unwrap_or("unknown reason");
        text += &format!(
            "{}: unavailable: {}\n",
            row.source,
            explain(why, row.fix.as_deref(), None)
        );
    }
    text += &list.unwrap_or_default();
    match text.is_empty() {
        true => text,
        false => format!("\n{text}"),
    }
}
