//! What the joules came through, what refused, and the machines.

use maud::{Markup, html};

use super::super::data;
use super::super::words::{digits, plural, worth};
use super::behind;
use crate::energy::{Interval, SourceResult, Status};
use crate::study::RunRecord;
use crate::study::analysis::{Analysis, Instrument};

pub(super) fn section(analysis: &Analysis, runs: &[RunRecord]) -> Markup {
    let (giving, refusing): (Vec<&Instrument>, Vec<&Instrument>) = analysis
        .instruments
        .iter()
        .partition(|one| one.status != Status::Unavailable);
    html! {
        section {
            h2 { "Instruments" }
            @if giving.is_empty() {
                p { "No instrument gave joules" @if analysis.instruments.is_empty() { ", and none was asked" } "." }
            } @else {
                div class="scroll" { table {
                    thead { tr {
                        th class="w" scope="col" { "source" } th class="w" scope="col" { "scope" }
                        th class="w" scope="col" { "worth" } th class="w" scope="col" { "method" }
                        th scope="col" { "grade" } th scope="col" { "tick" }
                        th scope="col" { "repeatability" br; "(95 %, median)" }
                        th scope="col" { "absolute" br; "(95 %, median)" }
                        th scope="col" { "at rest" } th scope="col" { "runs" }
                    } }
                    tbody { @for one in &giving { (row(one, runs)) } }
                } }
                p class="quiet" {
                    "Repeatability is for comparisons through one instrument on one device; the accuracy interval also holds \
                     its gain and offset."
                }
                @for one in &giving { @if let Some(reason) = &one.reason {
                    p class="quiet" { (one.source) ": " (reason) "." }
                } }
            }
            @if !refusing.is_empty() {
                h3 { "What gave no joules, and why" }
                div class="scroll" { table {
                    thead { tr {
                        th class="w" scope="col" { "source" } th class="w" scope="col" { "scope" }
                        th class="w" scope="col" { "why" } th class="w" scope="col" { "what would open it" }
                    } }
                    tbody { @for one in &refusing { tr {
                        td class="w" { (one.source) } td class="w" { (one.scope.name()) }
                        td class="w" { (one.reason.as_deref().unwrap_or("no reason is known")) }
                        td class="w" { @if let Some(fix) = &one.fix { code { (fix) } } }
                    } } }
                } }
            }
            (behind(&[data::instruments(analysis)], ""))
            (machines(analysis))
        }
    }
}

fn row(one: &Instrument, runs: &[RunRecord]) -> Markup {
    let rows: Vec<&SourceResult> = runs
        .iter()
        .filter_map(|run| run.record.as_ref())
        .flat_map(|record| &record.energy)
        .filter(|row| row.source == one.source && row.method == one.method)
        .collect();
    let share = |get: fn(&SourceResult) -> Option<Interval>| {
        let halves = rows.iter().filter_map(|row| {
            let joules = row.joules.filter(|joules| *joules > 0.0)?;
            Some(get(row)?.half() / joules)
        });
        middle(halves.collect()).map(|half| format!("+-{} %", digits(100.0 * half)))
    };
    let idle = middle(
        rows.iter()
            .filter_map(|row| row.idle_watts.map(Interval::middle))
            .collect(),
    );
    html! {
        tr {
            td class="w" { (one.source) } td class="w" { (one.scope.name()) }
            td class="w" { (worth(one.status)) } td class="w" { (one.method.name()) }
            td { @match one.grade { Some(grade) => (format!("{grade:?}")), None => "none" } }
            td { @if let Some(tick) = one.update_interval_seconds { (digits(1000.0 * tick)) " ms" } }
            td { (share(SourceResult::ci).unwrap_or_else(|| "none".into())) }
            td { (share(SourceResult::accuracy).unwrap_or_else(|| "none".into())) }
            td { @match idle { Some(watts) => { (digits(watts)) " W" }, None => "not calibrated" } }
            td { (one.runs) }
        }
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn machines(analysis: &Analysis) -> Markup {
    html! {
        @if !analysis.machines.is_empty() {
            h3 { "Machine" @if analysis.machines.len() > 1 { "s" } }
            @for one in &analysis.machines {
                p class="quiet" {
                    (one.device.name) " (" (one.device.kind) "), " (one.device.backend) ", " (one.device.driver) " "
                    (one.device.driver_info) "; " (one.host.os) " " (one.host.arch) ", " (one.host.threads) " threads"
                    @if let Some(cpu) = &one.host.cpu { " of " (cpu) }
                    "; wattgrad " (one.versions.wattgrad) ", wgpu " (one.versions.wgpu)
                    @if one.versions.debug { ", built without optimization" }
                    "; " (one.runs) " run" (plural(one.runs)) "."
                }
            }
        }
    }
}
