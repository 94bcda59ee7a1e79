//! A run in a few lines, to be pasted into a message.

use super::columns::{Align, columns};
use crate::energy::{SourceResult, Status};
use crate::train::{EnergyFigure, Outcome, Record, Way};
use crate::units::{joules, percent, seconds, si, thousands};

/// The few lines that `wattgrad train` ends with.
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
    // What a person can open is said in full; of the rest it is enough that it was looked at.
    let (told, rest): (Vec<&SourceResult>, Vec<&SourceResult>) = record
        .energy
        .iter()
        .partition(|row| row.joules.is_some() || row.fix.is_some());
    let mut lines: Vec<String> = told.iter().map(|row| energy(record, row)).collect();
    if !rest.is_empty() {
        let names: Vec<&str> = rest.iter().map(|row| row.source.as_str()).collect();
        lines.push(format!(
            "unavailable here: {} (`wattgrad doctor` and the record say why)",
            names.join(", ")
        ));
    }
    let mut name = "energy";
    for line in lines {
        rows.push([name.into(), line]);
        name = "";
    }
    if record.energy.is_empty() {
        rows.push([name.into(), "not metered (meter none)".into()]);
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
            let beyond = match record.steps_beyond {
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
    let times = &record.times;
    format!(
        "{} training, {} evaluating, {} before the first step",
        seconds(times.training_seconds),
        seconds(times.evaluation_seconds),
        seconds(times.startup_seconds)
    )
}

fn rate(record: &Record) -> String {
    let per_second = 1.0 / record.times.training_seconds.max(f64::MIN_POSITIVE);
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
        "{}FLOP and {}B a step in {} dispatches",
        si(work.flops_per_step as f64),
        si(work.bytes_per_step as f64),
        work.dispatches_per_step
    );
    if record.steps > 0 {
        text += &format!("; {}FLOP in all", si(work.training_flops));
    }
    text
}

fn energy(record: &Record, row: &SourceResult) -> String {
    let reason = row.reason.as_deref().unwrap_or("no reason is known");
    let Some(amount) = row.joules else {
        let fix = row
            .fix
            .as_deref()
            .map(|fix| format!("; {fix}"))
            .unwrap_or_default();
        return format!("{}: unavailable: {reason}{fix}", row.source);
    };
    let mut text = format!("{} ({}): {}", row.source, row.scope.name(), joules(amount));
    if let Some(off) = row.ci().map(|interval| interval.half()) {
        text += &format!(" +-{}", joules(off));
    }
    text += match row.status {
        Status::Measured => " measured",
        Status::Assumed => " ASSUMED",
        Status::Shared => " shared with others' work",
        Status::Unavailable => "",
    };
    if row.status == Status::Assumed
        && let Some(watts) = record.meter.assume_watts_per_core
    {
        text += &format!(" at {watts} W a busy core");
    }
    let each = record
        .energy_per_step
        .iter()
        .find(|each| each.source == row.source);
    if let Some(each) = each {
        let batch = f64::from(record.regime.batch_size);
        text += &format!(
            "; {}{} a step, {} a sample{}",
            joules(each.joules),
            interval(each),
            joules(each.joules / batch),
            match each.way {
                Way::RunOverSteps => ", evaluations in it",
                _ => "",
            }
        );
    }
    if let Some(watts) = row.watts() {
        text += &format!("; {watts:.1} W on average");
    }
    let counted = record
        .energy_to_end
        .iter()
        .find(|figure| figure.source == row.source && figure.way == Way::StepsTimesJoules);
    if let Some(counted) = counted {
        text += &format!(
            "; by steps x joules {}{}",
            joules(counted.joules),
            interval(counted)
        );
    }
    if row.reason.is_some() {
        text += &format!(" ({reason})");
    }
    text
}

fn interval(figure: &EnergyFigure) -> String {
    match figure.ci {
        Some(interval) => format!(" +-{}", joules(interval.half())),
        None => String::new(),
    }
}
