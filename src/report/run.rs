//! A run in a few lines.

use super::columns::{Align, columns};
use super::study::NO_ENERGY;
use crate::energy::{SourceResult, Status, explain};
use crate::train::{Derivation, EnergyFigure, Outcome, Record};
use crate::units::{joules, percent, seconds, si, thousands};

/// The summary that `wattgrad train` prints.
pub fn run(record: &Record) -> String {
    let (data, device) = (&record.data, &record.device);
    let (times, work) = (&record.durations, &record.work);
    let train = thousands(data.train_samples as u64);
    let test = thousands(data.test_samples as u64);
    let driver = format!("{} {}", device.driver, device.driver_info);
    let mut rows = vec![
        (
            "model",
            format!(
                "{}, {} parameters; {}",
                record.network.name,
                thousands(record.network.parameters),
                record.regime.recipe()
            ),
        ),
        (
            "data",
            format!(
                "{} ({}), {train} training and {test} test samples",
                data.name, data.source
            ),
        ),
        (
            "device",
            format!(
                "{} ({}), {}, {}",
                device.name,
                device.kind,
                device.backend,
                driver.trim()
            ),
        ),
        ("result", result(record)),
        (
            "time",
            format!(
                "{} training, {} evaluation, {} before the first step",
                seconds(times.training_seconds),
                seconds(times.evaluation_seconds),
                seconds(times.startup_seconds)
            ),
        ),
    ];
    let mut per_step = format!(
        "{}FLOP and {}B per step in {} dispatches",
        si(work.flops_per_step as f64),
        si(work.bytes_per_step as f64),
        work.dispatches_per_step
    );
    if record.steps > 0 {
        let per_second = 1.0 / times.training_seconds.max(f64::MIN_POSITIVE);
        rows.push((
            "rate",
            format!(
                "{:.1} steps/s, {}samples/s, {}FLOP/s",
                record.steps as f64 * per_second,
                si(record.samples as f64 * per_second),
                si(work.training_flops * per_second)
            ),
        ));
        per_step += &format!("; {}FLOP in total", si(work.training_flops));
    }
    rows.push(("work", per_step));
    if let Some(scale) = record.loss_scale {
        let skipped = match scale.skipped_steps {
            0 => "no step was skipped".to_owned(),
            1 => "1 step was skipped, its gradient not being finite".to_owned(),
            count => format!(
                "{} steps were skipped, their gradients not being finite",
                thousands(u64::from(count))
            ),
        };
        rows.push((
            "loss scale",
            format!("{} after the last step; {skipped}", magnitude(scale.last)),
        ));
    }
    let before = rows.len();
    for line in record.energy.iter().filter_map(|row| energy(record, row)) {
        let first = rows.len() == before;
        rows.push((if first { "energy" } else { "" }, line));
    }
    if rows.len() == before {
        let why = match record.energy.is_empty() {
            true => "not metered (--meter none)".into(),
            false => no_energy(record),
        };
        rows.push(("energy", why));
    }
    if let Some(line) = resumed(record) {
        rows.push(("resumed", line));
    }
    let rows = rows
        .into_iter()
        .map(|(name, text)| vec![name.to_owned(), text]);
    columns(&rows.collect::<Vec<_>>(), &[Align::Left, Align::Left], "")
}

fn result(record: &Record) -> String {
    let taken = format!(
        "{} steps ({:.2} epochs)",
        thousands(record.steps),
        record.steps as f64 / f64::from(record.steps_per_epoch.max(1))
    );
    let target = record.regime.target_accuracy;
    let target = match &record.regime.task_targets {
        Some(_) => "of every task".to_owned(),
        None => target.map_or_else(String::new, percent),
    };
    let ended = match record.outcome {
        Outcome::Completed => String::new(),
        Outcome::TargetReached => format!("; target {target} reached"),
        Outcome::TargetNotReached => format!("; target {target} NOT reached"),
        Outcome::Interrupted => "; INTERRUPTED".into(),
        Outcome::Diverged => {
            let beyond = match record.steps_after_divergence {
                0 => String::new(),
                count => format!("; {} more steps were already submitted", thousands(count)),
            };
            format!("; DIVERGED: a loss or gradient is not finite{beyond}")
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

/// Why no source gave joules: the reasons of those that were read or named, if there are any.
fn no_energy(record: &Record) -> String {
    let external = |row: &SourceResult| {
        ["file:", "cmd:"]
            .iter()
            .any(|kind| row.source.starts_with(kind))
    };
    let rows = record.energy.iter();
    let read = rows.filter(|row| row.seconds.is_some() || external(row));
    let reasons: Vec<String> = read
        .filter_map(|row| {
            let reason = explain(row.reason.as_ref()?, row.fix.as_deref(), None);
            Some(format!("{}: {reason}", row.source))
        })
        .collect();
    match reasons.is_empty() {
        true => NO_ENERGY.into(),
        false => format!("not measured; {}", reasons.join("; ")),
    }
}

/// Where a run was resumed, and the joules of all its parts.
fn resumed(record: &Record) -> Option<String> {
    let sessions = &record.earlier_sessions;
    let steps = sessions.iter().map(|session| thousands(session.to_step));
    let steps = steps.collect::<Vec<_>>().join(", ");
    let direct = |figure: &&EnergyFigure| figure.derivation == Derivation::Direct;
    let sums = record.energy_to_end.iter().filter(direct);
    let sums = sums.map(|sum| {
        let all = sessions.len() + 1;
        format!(
            "; {} over all {all} parts: {}{}",
            sum.source,
            joules(sum.joules),
            interval(sum)
        )
    });
    let sums: String = sums.collect();
    (!sessions.is_empty()).then(|| {
        format!(
            "after step {steps}; the energy above is that of the last part{sums}; work lost after a checkpoint is not counted"
        )
    })
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
        let batch = f64::from(record.regime.step_samples());
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

/// A scale in digits, or as a power of ten where these would be many.
fn magnitude(scale: f32) -> String {
    match (1e-3..1e9).contains(&scale) {
        true => scale.to_string(),
        false => format!("{scale:.2e}"),
    }
}
