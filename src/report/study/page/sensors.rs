//! How it was measured: what was run, by which sensors, on which machines.

use maud::{Markup, html};

use super::super::data;
use super::super::display_unit::digits;
use super::super::folded::{data_behind, how};
use super::super::regimes::unbroken;
use super::super::words::{counted, facts, no_energy, status_word};
use crate::energy::{Interval, SourceResult, Status};
use crate::study::RunRecord;
use crate::study::analysis::{Analysis, SensorSummary};

pub(super) fn section(analysis: &Analysis, runs: &[RunRecord]) -> Markup {
    let (giving, missing): (Vec<&SensorSummary>, Vec<&SensorSummary>) = analysis
        .sensors
        .iter()
        .partition(|sensor| sensor.status != Status::Unavailable);
    html! {
        section {
            h2 { "How it was measured" }
            dl class="facts" { @for (name, value) in facts(analysis) { div { dt { (name) } dd { (unbroken(&value)) } } } }
            @if giving.is_empty() { p { "Energy: " (no_energy(analysis)) "." } } @else {
                div class="scroll" { table {
                    thead { tr {
                        th class="w" scope="col" { "sensor" } th class="w" scope="col" { "scope" }
                        th class="w" scope="col" { "status" } th class="w" scope="col" { "method" }
                        th scope="col" { "grade" } th scope="col" { "update" br; "interval" }
                        th scope="col" { "95 % CI" br; "(median)" } th scope="col" { "accuracy" br; "interval" }
                        th scope="col" { "idle power" } th scope="col" { "runs" }
                    } }
                    tbody { @for sensor in &giving { (row(sensor, runs)) } }
                } }
                (how(&html! {
                    "The confidence interval is for comparisons by one sensor on one device; the accuracy interval also contains \
                     the sensor's gain error and offset."
                    @for sensor in &giving { @if let Some(reason) = &sensor.reason { " " (sensor.source) ": " (reason) "." } }
                }))
            }
            @if !missing.is_empty() {
                details {
                    summary { (counted(missing.len(), "unavailable source")) ": why, and how to enable them" }
                    div class="scroll" { table {
                        thead { tr {
                            th class="w" scope="col" { "source" } th class="w" scope="col" { "scope" }
                            th class="w" scope="col" { "unavailable because" } th class="w" scope="col" { "fix" }
                        } }
                        tbody { @for sensor in &missing { tr {
                            td class="w" { (sensor.source) } td class="w" { (sensor.scope.name()) }
                            td class="w" { (sensor.reason.as_deref().unwrap_or("unknown reason")) }
                            td class="w" { @if let Some(fix) = &sensor.fix { code { (fix) } } }
                        } } }
                    } }
                }
            }
            (data_behind(&[data::sensors(analysis)], ""))
            (machines(analysis))
        }
    }
}

fn row(sensor: &SensorSummary, runs: &[RunRecord]) -> Markup {
    let records = runs.iter().filter_map(|run| run.record.as_ref());
    let results = records.flat_map(|record| &record.energy);
    let own = results.filter(|row| row.source == sensor.source && row.method == sensor.method);
    let own: Vec<&SourceResult> = own.collect();
    let share = |get: fn(&SourceResult) -> Option<Interval>| {
        let halves = own.iter().filter_map(|row| {
            let joules = row.joules.filter(|joules| *joules > 0.0)?;
            Some(get(row)?.half() / joules)
        });
        let half = median(halves.collect());
        half.map_or_else(
            || "none".into(),
            |half| format!("+-{} %", digits(100.0 * half)),
        )
    };
    let idle = own
        .iter()
        .filter_map(|row| row.idle_watts.map(Interval::middle));
    html! { tr {
        td class="w" { (sensor.source) } td class="w" { (sensor.scope.name()) }
        td class="w" { (status_word(sensor.status)) } td class="w" { (sensor.method.name()) }
        td { @match sensor.grade { Some(grade) => (format!("{grade:?}")), None => "none" } }
        td { @if let Some(interval) = sensor.update_interval_seconds { (digits(1000.0 * interval)) " ms" } }
        td { (share(SourceResult::ci)) } td { (share(SourceResult::accuracy)) }
        td { @match median(idle.collect()) { Some(watts) => { (digits(watts)) " W" }, None => "not calibrated" } }
        td { (sensor.runs) }
    } }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn machines(analysis: &Analysis) -> Markup {
    html! {
        @for machine in &analysis.machines {
            p class="quiet" {
                (machine.device.name) " (" (machine.device.kind) "), " (machine.device.backend) ", " (machine.device.driver) " "
                (machine.device.driver_info) "; " (machine.host.os) " " (machine.host.arch) ", " (machine.host.threads) " threads"
                @if let Some(cpu) = &machine.host.cpu { " of " (cpu) }
                "; wattgrad " (machine.versions.wattgrad) ", wgpu " (machine.versions.wgpu)
                @if machine.versions.debug { ", built without optimization" }
                "; " (counted(machine.runs, "run")) "."
            }
        }
    }
}
