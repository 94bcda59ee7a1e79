//! The page of devices side by side.

use maud::{Markup, html};

use super::super::folded::{data_behind, how};
use super::super::page::shell;
use super::super::regimes::unbroken;
use super::super::words::{State, capital, dates, ratio, verdict};
use super::{
    NONE, agreement_text, costs, data, lowest_text, noun, over_text, plots, scale, sensor, title,
    worst_text,
};
use crate::study::side_by_side::{Comparison, Quantity, SideBySide};

/// The page about devices, one comparison after another.
pub fn page_by_device(all: &[SideBySide]) -> String {
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let articles = html! { @for found in all { (article(found)) } };
    shell(&format!("{} by device", names.join(", ")), &articles)
}

fn article(found: &SideBySide) -> Markup {
    let answer = &found.answer;
    html! {
        article {
            h1 { (found.name) ", by device" }
            p class="answer" { (unbroken(&answer.headline)) }
            @if !answer.comparison.is_empty() { p class="more" { (unbroken(&answer.comparison)) } }
            @if !answer.measurement.is_empty() { p class="quiet" { (unbroken(&answer.measurement)) } }
            @for note in &found.notes { p class="quiet" { "Note: " (unbroken(note)) "." } }
            @if let Some(lead) = found.comparisons.first() {
                section {
                    h2 { (title(found, lead)) }
                    (plots::regimes(found, lead))
                    (data_behind(&[data::regimes_in(found, &[lead])], ""))
                }
            }
            @if found.comparisons.iter().any(|one| !costs(found, one).is_empty()) {
                (best(found)) (agreement(found)) (worst(found)) (plots::energy_and_time(found)) (regimes(found))
            }
            @if !found.devices.is_empty() { (methods(found)) }
        }
    }
}

/// The best regime of each device in each quantity.
fn best(found: &SideBySide) -> Markup {
    html! {
        section {
            h2 { "The best regime of each device" }
            div class="scroll" { table {
                thead { tr {
                    th class="w" scope="col" { "device" } th class="w" scope="col" { "cost" }
                    th class="w" scope="col" { "best regime" } th scope="col" { "lowest" br; "(95 % CI)" }
                    th scope="col" { "times the" br; "cheapest device" } th scope="col" { "worst / best" br; "(95 % CI)" }
                } }
                tbody { @for comparison in &found.comparisons { @for (at, own, _) in costs(found, comparison) {
                    tr class=[(own.ranked && own.over_cheapest.is_none()).then_some("best")] {
                        td class="w" { (found.devices[at].label) }
                        td class="w" { (noun(comparison.quantity)) @if let Some(by) = sensor(own) { small { (by) } } }
                        td class="w regime" { (own.best.map_or_else(|| NONE.into(), |best| found.cell(best))) }
                        td class="n" { @if let Some(scale) = scale(found, comparison, at) { (lowest_text(own, &scale.unit)) } }
                        td { (over_text(own)) }
                        td { (worst_text(own)) }
                    }
                } } }
            } }
            @for comparison in &found.comparisons {
                @if let Some(why) = &comparison.not_ranked { p class="quiet" { (capital(why)) "." } }
            }
            (how(&html! {
                "Lowest: the geometric mean of the best regime's runs, of those with fresh seeds if there are any; if runs \
                 failed, the expected cost. Times the cheapest device: the ratio of these costs; its interval combines the \
                 seeds' spread (Welch's t interval on log cost) with the accuracy intervals of both sensors as independent errors. \
                 Devices are ranked by energy only if their sensors have the same scope, because joules of a board, a \
                 package and a system are different quantities. Worst over best: with fresh seeds if there are any; otherwise the \
                 interval is simultaneous for all regimes of the device."
            }))
            (data_behind(&[data::devices(found)], ""))
        }
    }
}

fn agreement(found: &SideBySide) -> Markup {
    let rows = || {
        found
            .comparisons
            .iter()
            .flat_map(|one| one.agreement.iter().map(move |pair| (one, pair)))
    };
    if rows().next().is_none() {
        return html! {};
    }
    let label = |at: usize| &found.devices[at].label;
    let transfer = |of: Option<_>| of.map_or_else(String::new, |of| ratio(&of));
    html! {
        section {
            h2 { "Do the devices rank the regimes alike?" }
            div class="scroll" { table {
                thead { tr {
                    th class="w" scope="col" { "devices" } th class="w" scope="col" { "cost" }
                    th scope="col" { "Kendall's tau" br; "(95 % CI)" } th scope="col" { "regimes" }
                    th scope="col" { "best of the second" br; "on the first" } th scope="col" { "best of the first" br; "on the second" }
                } }
                tbody { @for (comparison, pair) in rows() { tr {
                    td class="w" { (label(pair.devices[0])) " and " (label(pair.devices[1])) }
                    td class="w" { (noun(comparison.quantity)) }
                    td { (agreement_text(pair.agreement)) }
                    td { @if let Some(tau) = pair.agreement { (tau.count) } }
                    td { (transfer(pair.transfer[0])) } td { (transfer(pair.transfer[1])) }
                } } }
            } }
            (how(&html! {
                "Kendall's tau-b of the regimes' expected costs: 1 for the same order, 0 for no relation, -1 for the reverse \
                 order. A regime that reached the target on one device only is above all others on the other; one that reached it on \
                 neither does not count. The interval is that of Bonett and Wright \
                 (2000) and takes the regimes as a sample; it needs five of them. Each device ranks its regimes by its own sensor, \
                 so scopes may differ here. The last two columns are the cost of the other device's best regime over that of the \
                 device's own best, with the simultaneous interval of all regimes."
            }))
            (data_behind(&[data::agreement(found)], ""))
        }
    }
}

fn worst(found: &SideBySide) -> Markup {
    let Some(lead) = found.comparisons.first() else {
        return html! {};
    };
    html! {
        section {
            h2 { "What a bad regime costs on each device" }
            (plots::worst_over_best(found, lead))
            p class="quiet" { (title(found, lead)) ". The line below a bar is the 95 % confidence interval." }
        }
    }
}

/// Every regime on every device in every quantity.
fn regimes(found: &SideBySide) -> Markup {
    let shown: Vec<&Comparison> = found.comparisons.iter().collect();
    let count = found
        .devices
        .first()
        .map_or(0, |one| one.analysis.cells.len());
    html! {
        section {
            h2 { "All regimes on all devices" }
            @for comparison in shown { div class="scroll" { table {
                caption { span { (title(found, comparison)) } }
                thead { tr {
                    th class="w" scope="col" { "regime" }
                    @for (at, own, _) in costs(found, comparison) { th scope="col" {
                        (found.devices[at].label)
                        @if let Some(scale) = scale(found, comparison, at) { ", " (scale.unit.symbol) }
                        @if let Some(by) = sensor(own) { br; (by) }
                    } }
                } }
                tbody { @for cell in 0..count { tr {
                    td class="w regime" { (found.cell(cell)) }
                    @for (at, _, cost) in costs(found, comparison) {
                        @let own = &cost.cells[cell];
                        td class="n" {
                            @if let Some(scale) = scale(found, comparison, at) {
                                (State::of(own).show(&scale.unit))
                                @if let Some(i) = own.interval { small { (scale.unit.interval(i.low, i.high)) } }
                            }
                            @let compared = verdict(cost, cell);
                            @if ["lowest", "not significantly different"].contains(&compared) { small { (compared) } }
                        }
                    }
                } } }
            } } }
        }
    }
}

fn methods(found: &SideBySide) -> Markup {
    html! {
        section {
            h2 { "How it was measured" }
            div class="scroll" { table {
                thead { tr {
                    th class="w" scope="col" { "device" } th class="w" scope="col" { "driver" }
                    th class="w" scope="col" { "energy" } th class="w" scope="col" { "runs" } th class="w" scope="col" { "dates" }
                } }
                tbody { @for (at, one) in found.devices.iter().enumerate() { tr {
                    td class="w" { (one.label) small { (one.device.kind) ", " (one.device.backend) } }
                    td class="w" { (one.device.driver) " " (one.device.driver_info) }
                    td class="w" { (energy_of(found, at)) }
                    td class="w" { (one.analysis.done()) " of " (one.analysis.planned) }
                    td class="w" { (dates(&one.analysis).unwrap_or_default()) }
                } } }
            } }
            @for one in &found.devices { @for note in &one.analysis.notes {
                p class="quiet" { (one.label) ": " (unbroken(note)) "." }
            } }
        }
    }
}

/// The sensor of a device with its accuracy, or why there is none.
fn energy_of(found: &SideBySide, at: usize) -> String {
    let mut energy = found
        .comparisons
        .iter()
        .filter(|one| one.quantity == Quantity::Energy);
    let own = energy.find_map(|one| one.devices[at].as_ref());
    match own.and_then(|own| Some((sensor(own)?, own.accuracy))) {
        Some((by, Some(share))) => format!("{by}, accuracy +-{:.1} %", 100.0 * share),
        Some((by, None)) => format!("{by}, accuracy unknown"),
        None => super::super::words::no_energy(&found.devices[at].analysis).to_owned(),
    }
}
