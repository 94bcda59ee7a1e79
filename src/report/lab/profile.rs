//! A profile as text.

use super::super::columns::{Align, columns};
use super::{share, short_joules, short_seconds};
use crate::energy::Interval;
use crate::lab::profile::{DispatchProfile, Group, Profile, TimingMethod};
use crate::program::StepPhase;
use crate::units::{joules_within, si};

/// Dispatches in the table, unless all are wanted.
const LONGEST: usize = 10;

/// Longer names are cut, so that tables fit into 100 columns.
const LONGEST_NAME: usize = 34;

/// The profile; `all` lists every dispatch.
pub fn profile(found: &Profile, title: &str, all: bool) -> String {
    let mut text = format!("{title}\n{}", head(found));
    let energy = found.energy.is_some();
    text += &table(
        "phase",
        &found.groups(|d| d.phase.name().to_owned()),
        found,
        energy,
    );
    text += &layers(found);
    let mut kernels = found.groups(|d| d.kernel.clone());
    kernels.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    text += &table("kernel", &kernels, found, energy);
    text += &dispatches(found, all);
    text += &closure(found);
    text
}

/// The step in two or three lines.
fn head(found: &Profile) -> String {
    let flops: u64 = found
        .dispatches
        .iter()
        .map(|d| u64::from(d.per_step) * d.flops)
        .sum();
    let launches: u32 = found.dispatches.iter().map(|d| d.per_step).sum();
    let ci = found.step_seconds_ci.map_or(String::new(), |ci| {
        format!(
            " (95 % CI {} to {})",
            short_seconds(ci.low),
            short_seconds(ci.high)
        )
    });
    let mut text = format!(
        "step {}{ci}, {launches} launches, {}FLOP, {}FLOP/s\n{}\n",
        short_seconds(found.step_seconds),
        si(flops as f64),
        si(flops as f64 / found.step_seconds),
        method(found)
    );
    if found.contention.is_significant() {
        text += &format!("contention: {}\n", contention(found));
    }
    text += &match &found.roofline_measured_at {
        Some(at) => format!("roofline of {}\n", at.get(..10).unwrap_or(at)),
        None => "roofline not measured on this device: run `wattgrad roofline`\n".to_owned(),
    };
    if let Some(energy) = &found.energy {
        let half = energy.step_joules_ci.map_or(0.0, Interval::half);
        text += &format!(
            "{} per step by {} ({}), idle {}W\n",
            joules_within(energy.step_joules, half),
            energy.source,
            energy.scope,
            si(energy.idle_watts)
        );
    }
    if let Some(why) = &found.energy_unavailable {
        let fix = why.fix.as_ref();
        let fix = fix.map_or(String::new(), |fix| format!(" (fix: {fix})"));
        text += &format!("energy unavailable: {}{fix}\n", why.reason);
    }
    text
}

/// How kernels were timed, in a line.
pub(super) fn method(found: &Profile) -> String {
    let rounds = found.rounds;
    match (found.method, &found.method_reason) {
        (TimingMethod::Timestamps, _) => {
            format!("kernels timed by the device's timestamps in real steps, {rounds} rounds")
        }
        (TimingMethod::Replay, Some(why)) => format!(
            "kernels timed by replay on the {} clock, {rounds} rounds; no timestamps: {why}",
            found.clock
        ),
        (TimingMethod::Replay, None) => format!(
            "kernels timed by replay on the {} clock, {rounds} rounds",
            found.clock
        ),
    }
}

/// Who else used the machine, and what to do.
pub(super) fn contention(found: &Profile) -> String {
    let used = found.contention.cpu_share.unwrap_or_default();
    format!(
        "other processes used {} of the CPU while kernels were timed; repeat on an idle machine",
        share(used)
    )
}

/// A share of the roofline, or a dash.
pub(super) fn roof(fraction: Option<f64>) -> String {
    fraction.map_or("-".into(), share)
}

/// A name that leaves room for every column.
fn clipped(name: &str) -> String {
    match name.chars().count() > LONGEST_NAME {
        true => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

fn table(name: &str, groups: &[Group], found: &Profile, with_joules: bool) -> String {
    let mut titles = vec![
        name, "launches", "time", "share", "FLOP/s", "B/s", "roofline",
    ];
    if with_joules {
        titles.extend(["energy", "share"]);
    }
    let mut rows = vec![titles.into_iter().map(String::from).collect::<Vec<_>>()];
    for group in groups {
        let rate = |amount: u64| match amount {
            0 => "-".to_owned(),
            amount => si(amount as f64 / group.seconds).trim_end().to_owned(),
        };
        let mut row = vec![
            clipped(&group.name),
            group.launches.to_string(),
            short_seconds(group.seconds),
            share(group.seconds / found.step_seconds),
            rate(group.flops),
            rate(group.bytes),
            roof(group.roofline),
        ];
        if let (Some(amount), Some(energy)) = (group.joules, &found.energy) {
            row.extend([short_joules(amount), share(amount / energy.step_joules)]);
        }
        rows.push(row);
    }
    let mut align = vec![Align::Right; 9];
    align[0] = Align::Left;
    format!("\n{}", columns(&rows, &align, ""))
}

/// The name of a layer's row.
pub(super) fn layer_of(dispatch: &DispatchProfile) -> String {
    match &dispatch.layer {
        Some(layer) => layer.clone(),
        None => format!("({})", dispatch.phase.name()),
    }
}

fn layers(found: &Profile) -> String {
    let groups = found.groups(layer_of);
    let used: Vec<StepPhase> = StepPhase::ALL
        .into_iter()
        .filter(|phase| groups.iter().any(|g| g.by_phase[*phase as usize] > 0.0))
        .collect();
    let titles = used.iter().map(|phase| phase.name());
    let titles = std::iter::once("layer")
        .chain(titles)
        .chain(["time", "share"]);
    let mut titles: Vec<String> = titles.map(String::from).collect();
    if found.energy.is_some() {
        titles.push("energy".into());
    }
    let mut rows = vec![titles];
    for group in &groups {
        let mut row = vec![clipped(&group.name)];
        row.extend(
            used.iter()
                .map(|phase| match group.by_phase[*phase as usize] {
                    0.0 => String::new(),
                    seconds => short_seconds(seconds),
                }),
        );
        row.push(short_seconds(group.seconds));
        row.push(share(group.seconds / found.step_seconds));
        row.extend(
            group
                .joules
                .filter(|_| found.energy.is_some())
                .map(short_joules),
        );
        rows.push(row);
    }
    let mut align = vec![Align::Right; rows[0].len()];
    align[0] = Align::Left;
    format!("\n{}", columns(&rows, &align, ""))
}

/// Every dispatch with its rates and its part of the roofline.
pub fn kernels_table(found: &Profile) -> String {
    dispatches(found, true).trim_start().to_owned()
}

fn dispatches(found: &Profile, all: bool) -> String {
    let mut chosen: Vec<&DispatchProfile> = found.dispatches.iter().collect();
    let count = chosen.len();
    if !all {
        chosen.sort_by(|a, b| b.step_seconds().total_cmp(&a.step_seconds()));
        chosen.truncate(LONGEST);
    }
    let mut titles = vec![
        "dispatch", "time", "share", "FLOP/s", "B/s", "roofline", "bound",
    ];
    if found.energy.is_some() {
        titles.push("energy");
    }
    let mut rows = vec![titles.into_iter().map(String::from).collect::<Vec<_>>()];
    for dispatch in &chosen {
        let times = match dispatch.per_step {
            1 => String::new(),
            times => format!(" x{times}"),
        };
        let rate = |rate: f64| match rate {
            0.0 => "-".to_owned(),
            rate => si(rate).trim_end().to_owned(),
        };
        let mut row = vec![
            format!("{}{times}", clipped(&dispatch.label)),
            short_seconds(dispatch.seconds),
            share(dispatch.share),
            rate(dispatch.flops_per_second),
            rate(dispatch.bytes_per_second),
            roof(dispatch.roofline.map(|found| found.fraction)),
            dispatch
                .roofline
                .map_or("", |found| found.bound.name())
                .into(),
        ];
        row.extend(dispatch.joules.map(short_joules));
        rows.push(row);
    }
    let mut align = vec![Align::Right; 8];
    align[0] = Align::Left;
    let more = match count - chosen.len() {
        0 => String::new(),
        more => format!("the {LONGEST} longest; {more} more with -v\n"),
    };
    format!("\n{}{more}", columns(&rows, &align, ""))
}

fn closure(found: &Profile) -> String {
    let mut rows = vec![["", "time", "of step"].map(String::from).to_vec()];
    if found.energy.is_some() {
        rows[0].extend(["energy", "of step"].map(String::from));
    }
    let energy = found.energy.as_ref().map(|energy| energy.closure);
    for (at, (name, seconds)) in found.time.parts().into_iter().enumerate() {
        let mut row = vec![
            name.to_owned(),
            short_seconds(seconds),
            share(seconds / found.time.step),
        ];
        if let Some(energy) = energy {
            let amount = energy.parts().get(at).map_or(0.0, |part| part.1);
            row.extend([short_joules(amount), share(amount / energy.step)]);
        }
        rows.push(row);
    }
    let mut whole = vec![
        "step".to_owned(),
        short_seconds(found.time.step),
        share(1.0),
    ];
    if let Some(energy) = energy {
        whole.extend([short_joules(energy.step), share(1.0)]);
    }
    rows.push(whole);
    let mut align = vec![Align::Right; 5];
    align[0] = Align::Left;
    format!("\n{}", columns(&rows, &align, ""))
}
