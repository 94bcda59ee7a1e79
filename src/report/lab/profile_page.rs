//! A profile as a page.

use maud::{Markup, html};

use super::super::study::CsvTable;
use super::super::study::chart::{Bar, bars};
use super::super::study::folded::{self, Rows, data_behind};
use super::super::study::regimes::unbroken;
use super::super::study::words::capital;
use super::profile::{contention, layer_of, method, roof};
use super::roofline::{PlottedKernel, figure};
use super::{page, share, short_joules, short_seconds};
use crate::energy::Interval;
use crate::lab::profile::{Closure, Group, Profile};
use crate::lab::roofline::Roofline;
use crate::program::StepPhase;
use crate::units::{joules_within, si};

/// Kernels named on the roofline: those that take most time.
const NAMED: usize = 5;

/// Line class and bar class of each phase.
const CLASSES: [(&str, &str); 5] = [
    ("s3", "part s3"),
    ("s2", "part s2"),
    ("s5", "part s5"),
    ("s1", "part s1"),
    ("s6", "part s6"),
];

/// The kernels of a profile for a roofline. Those without FLOPs have no place on it.
pub fn plotted(found: &Profile) -> Vec<PlottedKernel> {
    let mut times: Vec<f64> = found.dispatches.iter().map(|d| d.step_seconds()).collect();
    times.sort_by(|a, b| b.total_cmp(a));
    let least = times.get(NAMED - 1).copied().unwrap_or(0.0);
    let counted = found.dispatches.iter();
    let counted = counted.filter(|d| d.flops > 0 && d.distinct_bytes > 0 && d.seconds > 0.0);
    counted
        .map(|d| PlottedKernel {
            class: CLASSES[d.phase as usize].0,
            name: d.label.clone(),
            label: if d.step_seconds() >= least {
                d.label.clone()
            } else {
                String::new()
            },
            title: format!(
                "{}: {}, {} of the step, {}FLOP/s, {} of the roofline",
                d.label,
                short_seconds(d.seconds),
                share(d.share),
                si(d.flops_per_second),
                roof(d.roofline.map(|found| found.fraction))
            ),
            intensity: d.flops as f64 / d.distinct_bytes as f64,
            flops_per_second: d.flops_per_second,
        })
        .collect()
}

/// Line class and name of each phase among the plotted kernels.
pub fn plotted_groups(kernels: &[PlottedKernel]) -> Vec<(&'static str, String)> {
    let used = StepPhase::ALL.into_iter().filter(|phase| {
        let class = CLASSES[*phase as usize].0;
        kernels.iter().any(|kernel| kernel.class == class)
    });
    used.map(|phase| (CLASSES[phase as usize].0, phase.name().to_owned()))
        .collect()
}

/// The page.
pub fn profile_page(found: &Profile, roofline: Option<&Roofline>, title: &str) -> String {
    let mut kernels = found.groups(|d| d.kernel.clone());
    kernels.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let content = html! {
        h1 { "Profile · " (title) }
        p class="answer" { (unbroken(&answer(found))) }
        p class="quiet" { (capital(&method(found))) "." }
        @if found.contention.is_significant() { p class="quiet" { "Contention: " (contention(found)) "." } }
        @if let Some(energy) = &found.energy {
            p class="quiet" {
                (joules_within(energy.step_joules, energy.step_joules_ci.map_or(0.0, Interval::half)))
                " per step by " (energy.source) " (" (energy.scope) "), idle " (si(energy.idle_watts)) "W, "
                (format!("{:.0}", energy.seconds)) " s of windows."
            }
        }
        @if let Some(why) = &found.energy_unavailable { p class="quiet" { "Energy unavailable: " (why.reason) @if let Some(fix) = &why.fix { " (fix: " (fix) ")" } "." } }
        h2 { "By layer" }
        (layers(found))
        h2 { "By kernel" }
        (folded::figure(&Rows::all("kernels"), &html! {
            div class="scroll" {
                (bars(&kernels.iter().map(|group| kernel_bar(group, found)).collect::<Vec<_>>(), "ms per step", "Time by kernel"))
            }
        }))
        (data_behind(&[data("kernels", &kernels)], ""))
        h2 { "Roofline" }
        @match roofline {
            Some(roofline) => {
                @let plotted = plotted(found);
                (figure(roofline, &plotted, &plotted_groups(&plotted), &format!(
                    "{} of {} dispatches; the others have no FLOPs. Points above a roof read their data from a cache.",
                    plotted.len(), found.dispatches.len())))
            }
            None => p class="quiet" { "The roofline was not measured on this device: run " code { "wattgrad roofline" } "." },
        }
        h2 { "What adds up" }
        (closure("Time", &found.time, &short_seconds))
        @if let Some(energy) = &found.energy { (closure("Energy", &energy.closure, &short_joules)) }
        h2 { "Dispatches" }
        (table(found))
    };
    page(title, &content)
}

/// The step in a sentence.
fn answer(found: &Profile) -> String {
    let mut phases = found.groups(|d| d.phase.name().to_owned());
    phases.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let parts: Vec<String> = phases
        .iter()
        .take(3)
        .map(|group| {
            format!(
                "{} {}",
                group.name,
                share(group.seconds / found.step_seconds)
            )
        })
        .collect();
    format!(
        "A step takes {}: {}. Its parts add up to {}.",
        short_seconds(found.step_seconds),
        parts.join(", "),
        share(1.0 - found.time.error())
    )
}

/// Bars of layers, each in parts by phase, with a legend.
fn layers(found: &Profile) -> Markup {
    let groups = found.groups(layer_of);
    let used = StepPhase::ALL.into_iter();
    let used: Vec<StepPhase> = used
        .filter(|phase| groups.iter().any(|g| g.by_phase[*phase as usize] > 0.0))
        .collect();
    let bar = |group: &Group| Bar {
        name: group.name.clone(),
        title: format!("{}: {}", group.name, short_seconds(group.seconds)),
        parts: used
            .iter()
            .map(|phase| {
                (
                    CLASSES[*phase as usize].1,
                    1e3 * group.by_phase[*phase as usize],
                )
            })
            .collect(),
        interval: None,
        text: ends(group, found),
    };
    let rows: Vec<Bar> = groups.iter().map(bar).collect();
    html! {
        (folded::figure(&Rows::all("layers"), &html! {
            div class="scroll" { (bars(&rows, "ms per step", "Time by layer")) }
            ul class="legend" {
                @for phase in &used {
                    li {
                        svg width="14" height="14" { rect class=(CLASSES[*phase as usize].1) width="14" height="14" {} }
                        (phase.name())
                    }
                }
            }
        }))
        (data_behind(&[data("layers", &groups)], ""))
    }
}

/// What the dispatches of each group take in a step.
fn data(name: &'static str, groups: &[Group]) -> CsvTable {
    let mut table = CsvTable::new(name, "name launches seconds flop bytes joules");
    let phases = StepPhase::ALL.map(|phase| format!("seconds_{}", phase.name().replace(' ', "_")));
    table.header.extend(phases);
    for group in groups {
        table.push((
            (&group.name, group.launches, group.seconds),
            (group.flops, group.bytes, group.joules),
            group.by_phase,
        ));
    }
    table
}

fn kernel_bar(group: &Group, found: &Profile) -> Bar {
    Bar {
        name: group.name.clone(),
        title: format!(
            "{}: {} in {} launches",
            group.name,
            short_seconds(group.seconds),
            group.launches
        ),
        parts: vec![("part s0", 1e3 * group.seconds)],
        interval: None,
        text: ends(group, found),
    }
}

/// The share of time, and of energy where it was measured.
fn ends(group: &Group, found: &Profile) -> String {
    let time = share(group.seconds / found.step_seconds);
    match group.joules.zip(found.energy.as_ref()) {
        Some((amount, energy)) => {
            format!(
                "{time}, {} of the energy",
                share(amount / energy.step_joules)
            )
        }
        None => time,
    }
}

fn closure(name: &str, closure: &Closure, show: &dyn Fn(f64) -> String) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr { th class="w" { (name) } th { "amount" } th { "of the step" } } }
            tbody {
                @for (part, amount) in closure.parts() {
                    tr { td class="w" { (part) } td class="n" { (show(amount)) } td class="n" { (share(amount / closure.step)) } }
                }
                tr class="best" { td class="w" { "step" } td class="n" { (show(closure.step)) } td class="n" { (share(1.0)) } }
            }
        } }
    }
}

fn table(found: &Profile) -> Markup {
    let energy = found.energy.is_some();
    html! {
        div class="scroll" { table {
            thead { tr {
                th class="w" { "dispatch" } th class="w" { "kernel" } th { "time" } th { "share" } th { "FLOP/s" } th { "B/s" }
                th { "of the roofline" }
                @if energy { th { "energy" } th { "share" } }
            } }
            tbody {
                @for d in &found.dispatches {
                    tr {
                        td class="w" { (d.label) @if d.per_step > 1 { " x" (d.per_step) } }
                        td class="w" { (d.kernel) }
                        td class="n" { (short_seconds(d.seconds)) }
                        td class="n" { (share(d.share)) }
                        td class="n" { (si(d.flops_per_second)) }
                        td class="n" { (si(d.bytes_per_second)) }
                        td class="n" {
                            (roof(d.roofline.map(|found| found.fraction)))
                            @if let Some(found) = d.roofline { " " (found.bound.name()) }
                        }
                        @if let (Some(amount), Some(part)) = (d.joules, d.joules_share) {
                            td class="n" { (short_joules(amount)) } td class="n" { (share(part)) }
                        }
                    }
                }
            }
        } }
    }
}
