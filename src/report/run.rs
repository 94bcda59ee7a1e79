//! A run in a few lines.

use super::columns::{Align, columns};
use super::study::NO_ENERGY;
use crate::energy::{SourceResult, Status};
use crate::train::{Derivation, EnergyFigure, Outcome, Record};
use crate::units::{joules, percent, seconds, si, thousands};

/// The summary that `wattgrad train` prints.
pub fn run(record: &Record) -> String {
    let mut rows: Vec<[String; 2]> = vec![
        ["model".into(), model(record)],
        ["data".into(), data(record)],
        ["device".into(), device(record)],
        ["result".into(), result(record)],
        ["time".into(), time(record)],
    ];
    if record.steps > 0 {
        rows.push(["rate".into(), rate(record)]);
    }
    rows.push(["work".into(), work(record)]);
    let mut lines: Vec<String> = record
        .energy
        .iter()
        .filter_map(|row| energy(record, row))
        .collect();
    if lines.is_empty() {
        lines.push(match record.energy.is_empty() {
            true => "not metered (--meter none)".into(),
            false => NO_ENERGY.into(),
        });
    }
    for (at, line) in lines.into_iter().enumerate() {
        rows.push([if at == 0 { "energy" } else { "" }.into(), line]);
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
    columns(&rows, &[Align::Left, Align::Left], "")
}

fn model(record: &Record) -> String {
    format!(
        "{}, {} parameters; {}",
        record.network.name,
        thousands(record.network.parameters),
        record.regime.recipe()
    )
}

fn data(record: &Record) -> String {
    let data = &record.data;
    format!(
        "{} ({}), {} training and {} test samples",
        data.name,
        data.source,
        thousands(data.train_samples as u64),
        thousands(data.test_samples as u64)
    )
}

fn device(record: &Record) -> String {
    let device = &record.device;
    let driver = [&device.driver, &device.driver_info]
        .into_iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    format!(
        "{} ({}), {}, {driver}",
        device.name, device.kind, device.backend
    )
}

fn result(record: &Record) -> String {
    let taken = format!(
        "{} steps ({:.2} epochs)",
        thousands(record.steps),
        record.steps as f64 / f64::from(record.steps_per_epoch.max(1))
    );
    let ended = match record.outcome {
        Outcome::Completed => String::new(),
        Outcome::TargetReached => format!("; target {} reached", target(record)),
        Outcome::TargetNotReached => format!("; target {} NOT reached", target(record)),
        Outcome::Interrupted => "; INTERRUPTED".into(),
        Outcome::Diverged => {
            let beyond = match record.steps_after_divergence {
                0 => String::new(),
                count => format!("; {} more were under way", thousands(count)),
            };
            format!("; DIVERGED: the loss or a gradient is not finite{beyond}")
        }
    };
    match record.evaluations.last() {
        Some(last) => {
            let behind = match record.steps > last.step {
                true => format!(", evaluated after step {}", thousands(last.step)),
                false => String::new(),
            };
            format!("test {} after {taken}{behind}{ended}", last.describe())
        }
        None => format!("no evaluation after {taken}{ended}"),
    }
}

fn target(record: &Record) -> String {
    record
        .regime
        .target_accuracy
        .map_or_else(String::new, percent)
}

fn time(record: &Record) -> String {
    let times = &record.durations;
    format!(
        "{} training, {} evaluation, {} before the first step",
        seconds(times.training_seconds),
        seconds(times.evaluation_seconds),
        seconds(times.startup_seconds)
    )
}

fn rate(record: &Record) -> String {
    let per_second = 1.0 / record.durations.training_seconds.max(f64::MIN_POSITIVE);
    format!(
        "{:.1} steps/s, {}samples/s, {}FLOP/s",
        record.steps as f64 * per_second,
        si(record.samples as f64 * per_second),
        si(record.work.training_flops * per_second)
    )
}

fn work(record: &Record) -> String {
    let work = &record.work;
    let mut text = format!(
        "{}FLOP and {}B per step in {} dispatches",
        si(work.flops_per_step as f64),
        si(work.bytes_per_step as f64),
        work.dispatches_per_step
    );
    if record.steps > 0 {
        text += &format!("; {}FLOP in total", si(work.training_flops));
    }
    text
}

/// The figures of a source that gave joules.
fn energy(record: &Record, row: &SourceResult) -> Option<String> {
    let amount = row.joules?;
    let mut text = format!("{} ({}): {}", row.source, row.scope.name(), joules(amount));
    if let Some(off) = row.ci().map(|interval| interval.half()) {
        text += &format!(" +-{}", joules(off));
    }
    text += match row.status {
        Status::Measured => " measured",
        Status::Assumed => " ASSUMED",
        Status::Shared => " with contention",
        Status::Unavailable => "",
    };
    if row.status == Status::Assumed
        && let Some(watts) = record.meter.assume_watts_per_core
    {
        text += &format!(" at {watts} W per busy core");
    }
    let each = record
        .energy_per_step
        .iter()
        .find(|each| each.source == row.source);
    if let Some(each) = each {
        let batch = f64::from(record.regime.batch_size);
        text += &format!(
            "; {}{} per step, {} per sample{}",
            joules(each.joules),
            interval(each),
            joules(each.joules / batch),
            match each.derivation {
                Derivation::RunOverSteps => ", evaluations included",
                _ => "",
            }
        );
    }
    if let Some(watts) = row.watts() {
        text += &format!("; {watts:.1} W on average");
    }
    let counted = record.energy_to_end.iter().find(|figure| {
        figure.source == row.source && figure.derivation == Derivation::StepsTimesJoules
    });
    if let Some(counted) = counted {
        text += &format!(
            "; steps x joules per step: {}{}",
            joules(counted.joules),
            interval(counted)
        );
    }
    if let Some(reason) = &row.reason {
        text += &format!(" ({reason})");
    }
    Some(text)
}

fn interval(figure: &EnergyFigure) -> String {
    match figure.ci {
        Some(interval) => format!(" +-{}", joules(interval.half())),
        None => String::new(),
    }
}
