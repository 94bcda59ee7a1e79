//! One page that holds everything it shows: no network, and readable without its script.

mod cells;
mod courses;
mod energy;
mod instruments;
mod maps;
mod methods;
mod prose;
mod series;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::patterns;
use super::table::Table;
use super::words::{dates, devices, digits, plural};
use crate::study::Opened;
use crate::study::analysis::Analysis;
use crate::train::Budget;
use crate::units::{percent, thousands};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page about `studies`, one after another.
pub fn page(studies: &[Opened]) -> String {
    let names: Vec<&str> = studies
        .iter()
        .map(|one| one.analysis.name.as_str())
        .collect();
    let content = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (names.join(", ")) " · wattgrad" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                svg width="0" height="0" style="position:absolute" aria-hidden="true" { (patterns()) }
                main {
                    @for (number, one) in studies.iter().enumerate() { (article(one, number)) }
                }
                div id="tip" role="status" hidden {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    content.into_string()
}

/// All about one study; `number` keeps the names of its parts apart from those of the others.
fn article(one: &Opened, number: usize) -> Markup {
    let Opened { analysis, runs } = one;
    let answer = &analysis.answer;
    let rest = format!("{} {}", answer.comparison, answer.measurement);
    html! {
        article {
            h1 { (analysis.name) @if let Some(dates) = dates(analysis) { " · " (dates) } }
            p class="answer" { (prose::text(&answer.headline)) }
            p class="more" { (prose::text(rest.trim())) }
            (facts(analysis))
            @if let Some(cost) = analysis.headline() {
                (maps::section(analysis, cost))
                (cells::section(analysis, cost))
                (maps::against_accuracy(analysis, cost))
            }
            (courses::curves(analysis, runs, number))
            (courses::power(analysis, runs, number))
            (energy::section(analysis, runs))
            (cells::other_costs(analysis))
            (instruments::section(analysis, runs))
            (methods::section(analysis))
            (cells::runs(analysis))
        }
    }
}

/// What was done, at a glance.
fn facts(analysis: &Analysis) -> Markup {
    let seeds = analysis.seeds.len();
    let mut facts: Vec<(&str, String)> = vec![(
        "Runs",
        format!(
            "{} of {} done; {} cell{}, {seeds} seed{}",
            analysis.done(),
            analysis.planned,
            analysis.cells.len(),
            plural(analysis.cells.len()),
            plural(seeds)
        ),
    )];
    if !analysis.base.is_empty() {
        facts.push(("All cells", analysis.base.clone()));
    }
    for axis in &analysis.axes {
        facts.push(("Axis", format!("{}: {}", axis.key, axis.values.join(", "))));
    }
    if let Some(share) = analysis.headline().and_then(|cost| cost.at_least) {
        facts.push((
            "Target that ranks",
            format!("{} of the test set", percent(share)),
        ));
    }
    if let Some(budget) = analysis.budget {
        facts.push(("Budget of a run", spend(&budget)));
    }
    if let Some(reference) = analysis.reference {
        facts.push(("Reference cell", analysis.cells[reference].id.clone()));
    }
    let devices = devices(analysis);
    if !devices.is_empty() {
        facts.push(("Device", devices));
    }
    html! {
        dl class="facts" { @for (name, value) in facts { div { dt { (name) } dd { (prose::text(&value)) } } } }
        @if !analysis.notes.is_empty() {
            @for note in &analysis.notes { p class="quiet" { "Note: " (prose::text(note)) "." } }
        }
    }
}

fn spend(budget: &Budget) -> String {
    let limits = [
        budget.samples.map(|n| format!("{} samples", thousands(n))),
        budget.steps.map(|n| format!("{} steps", thousands(n))),
        budget.epochs.map(|n| format!("{n} epochs")),
        budget.seconds.map(|n| format!("{} s", digits(n))),
        budget.joules.map(|n| format!("{} J", digits(n))),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    limits.join(", or ")
}

/// The data behind a figure, to be opened and copied.
fn behind(tables: &[Table], remark: &str) -> Markup {
    html! {
        @for table in tables.iter().filter(|table| !table.rows.is_empty()) {
            details {
                summary { "Data as CSV: " (table.name) ", " (table.rows.len()) " row" (plural(table.rows.len())) }
                @if !remark.is_empty() { p class="quiet" { (remark) } }
                pre tabindex="0" { (table.csv()) }
            }
        }
    }
}
