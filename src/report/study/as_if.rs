//! What simpler instruments would have concluded.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Bar, bars};
use super::colours::RegimeColours;
use super::csv_table::CsvTable;
use super::folded::{Rows, data_behind, figure, how};
use super::regimes::unbroken;
use super::words::{counted, ratio};
use crate::study::Opened;
use crate::study::analysis::Analysis;
use crate::study::as_if::AsIf;
use crate::study::stats::Verdict;

/// Cells that a sentence names.
const NAMED: usize = 4;

/// Bars of a figure; the data behind it have all.
const ROWS: usize = 40;

/// One sentence per instrument and sensor.
pub(super) fn sentences(opened: &Opened) -> Vec<String> {
    let all = opened.as_if.iter();
    all.map(|one| sentence(&opened.analysis, one)).collect()
}

fn sentence(analysis: &Analysis, found: &AsIf) -> String {
    let [low, median, high] = found
        .errors()
        .map(|error| format!("{:+.1} %", 100.0 * error));
    let mut text = format!(
        "{} instead of {} ({}): the joules of a run are off by {median} in the median ({low} to {high}, {})",
        found.instrument,
        found.source,
        found.scope.name(),
        counted(found.runs.len(), "run")
    );
    let name = |cell: usize| analysis.cells[cell].name();
    text += &match found.best {
        [Some(own), Some(other)] if own == other => "; the best regime is the same".to_owned(),
        [Some(own), Some(other)] => {
            format!(
                "; the best regime would be {} instead of {}",
                name(other),
                name(own)
            )
        }
        _ if analysis.is_split() => String::new(),
        _ => "; no regime reached the target".to_owned(),
    };
    if found.best[0].is_some() || found.compared > 0 {
        text += &match found.changed.len() {
            0 => ", and no comparison with it changes".to_owned(),
            n => format!(
                ", and the comparison with the best changes for {n} of {}",
                counted(found.compared, "regime")
            ),
        };
    }
    if found.left_out > 0 {
        text += &format!(
            "; {} left out, because the readings do not give these joules",
            counted(found.left_out, "run")
        );
    }
    text + "."
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Best => "lowest",
        Verdict::NotSignificant => "not significantly different",
        Verdict::MoreExpensive => "significantly higher",
        Verdict::NeverReaches => "never reaches the target",
        Verdict::NotRun => "no run",
    }
}

/// Instrument, source and scope, as the fields of a table.
fn key(one: &AsIf) -> impl Serialize {
    (one.instrument, &one.source, one.scope.name())
}

/// The joules of every run by the sensor and by the instruments.
pub(super) fn table(opened: &Opened) -> CsvTable {
    let mut table = CsvTable::new(
        "as_if",
        "instrument source scope run recorded_joules as_if_joules error_share",
    );
    for one in &opened.as_if {
        for run in &one.runs {
            table.push((
                key(one),
                (
                    &run.run,
                    run.recorded,
                    run.as_if,
                    run.as_if / run.recorded - 1.0,
                ),
            ));
        }
    }
    table
}

/// The section of the page; empty if nothing was asked for.
pub(super) fn section(opened: &Opened) -> Markup {
    if opened.as_if.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "What a simpler instrument would have said" }
            @for one in &opened.as_if {
                p { (unbroken(&sentence(&opened.analysis, one))) }
                (errors(opened, one))
                @if !opened.analysis.is_split() || !one.changed.is_empty() { (conclusions(&opened.analysis, one)) }
            }
            (how(&html! {
                "Each run is computed again from its kept readings, from its first step to its last evaluation. poll-15s: the power is \
                 read every 15 s and at the end, and each reading counts for the time since the one before. average-1s: likewise every \
                 second, from a sensor that shows the mean of the last second. tdp: the given watts times the duration. two-point: the \
                 difference of an energy counter between start and end as it showed them, or for a power sensor the mean of two readings times \
                 the duration. Such an instrument gives one number per run and no interval; an earlier target costs its share of the steps."
            }))
            (data_behind(&[table(opened)], ""))
        }
    }
}

/// The error of the joules of each regime, mean and range of its runs.
fn errors(opened: &Opened, found: &AsIf) -> Markup {
    let analysis = &opened.analysis;
    let colours = RegimeColours::new(analysis);
    let rows = analysis
        .cells
        .iter()
        .enumerate()
        .filter_map(|(cell, report)| {
            let own = |run: &&crate::study::as_if::AsIfRun| {
                report.runs.iter().any(|line| line.id == run.run)
            };
            let errors: Vec<f64> = found
                .runs
                .iter()
                .filter(own)
                .map(|run| 100.0 * (run.as_if / run.recorded - 1.0))
                .collect();
            let low = errors.iter().copied().reduce(f64::min)?;
            let high = errors.iter().copied().reduce(f64::max)?;
            let mean = errors.iter().sum::<f64>() / errors.len() as f64;
            Some(Bar {
                name: report.name(),
                title: format!("{}: {mean:+.1} %, {low:+.1} to {high:+.1} %", report.name()),
                parts: vec![(colours.part(cell), mean)],
                interval: (errors.len() > 1).then_some((low, high)),
                text: format!("{mean:+.1}"),
            })
        });
    let rows: Vec<Bar> = rows.take(ROWS).collect();
    let axis = format!("Error of the joules as {}, %", found.instrument);
    figure(
        &Rows::of("as_if", key(found)),
        &html! {
            div class="scroll" { (bars(&rows, &axis, &axis)) }
            figcaption { "Mean of each regime's runs; the line below a bar is their range." }
        },
    )
}

fn conclusions(analysis: &Analysis, found: &AsIf) -> Markup {
    let name = |cell: Option<usize>| {
        cell.map_or_else(|| "none".into(), |cell| analysis.cells[cell].name())
    };
    let ratios = found
        .worst_over_best
        .map(|one| one.map_or_else(|| "unknown".into(), |one| ratio(&one)));
    html! {
        div class="scroll" { table {
            thead { tr {
                th class="w" scope="col" { "conclusion" } th class="w" scope="col" { "by " (found.source) }
                th class="w" scope="col" { "as " (found.instrument) }
            } }
            tbody {
                @if !analysis.is_split() {
                tr { td class="w" { "best regime" } td class="w" { (name(found.best[0])) } td class="w" { (name(found.best[1])) } }
                tr { td class="w" { "highest / lowest" } td class="w" { (ratios[0]) } td class="w" { (ratios[1]) } }
                }
                @if let Some(tau) = found.agreement { tr {
                    td class="w" { "order of the regimes (Kendall's tau)" } td class="w" { "1" } td class="w" { (format!("{:.2}", tau.tau)) }
                } }
                @for one in found.changed.iter().take(NAMED) { tr {
                    td class="w" { (analysis.cells[one.cell].name()) }
                    td class="w" { (verdict(one.recorded)) } td class="w" { (verdict(one.as_if)) }
                } }
                @if found.changed.len() > NAMED { tr {
                    td class="w" { "and " (found.changed.len() - NAMED) " more regimes" } td {} td {}
                } }
            }
        } }
    }
}
