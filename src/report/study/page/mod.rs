//! One page that holds everything it shows: no network, and readable without its script.

mod accuracy;
pub(super) mod costs;
mod curves;
mod energy;
mod methods;
mod power;
mod regimes;
mod runs;
mod sensors;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::as_if;
use super::chart::patterns;
use super::ledger;
use super::regimes::unbroken;
use super::words::{counted, dates};
use crate::study::Opened;

const STYLE: &str = include_str!("style.css");
const SCRIPTS: [&str; 2] = [include_str!("script.js"), include_str!("save.js")];

/// The page about `studies`, one after another.
pub fn page(studies: &[Opened]) -> String {
    let names: Vec<&str> = studies
        .iter()
        .map(|one| one.analysis.name.as_str())
        .collect();
    let articles = html! {
        @if studies.len() > 1 { (contents(studies)) }
        @for (number, one) in studies.iter().enumerate() { (article(one, number)) }
    };
    shell(&names.join(", "), &articles)
}

/// A page with everything that its content needs.
pub(in crate::report) fn shell(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · wattgrad" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                svg width="0" height="0" style="position:absolute" aria-hidden="true" { (patterns()) }
                main { (content) }
                div id="tip" role="status" hidden {}
                script { @for script in SCRIPTS { (PreEscaped(script)) } }
            }
        }
    };
    page.into_string()
}

/// The answer of each study, with a link to it.
fn contents(studies: &[Opened]) -> Markup {
    html! {
        nav {
            h1 { (counted(studies.len(), "study").replace("studys", "studies")) }
            ul { @for (number, one) in studies.iter().enumerate() { li {
                a href=(format!("#study-{number}")) { (one.analysis.name) } ": " (unbroken(&one.analysis.answer.headline))
            } } }
        }
    }
}

/// One study; `number` makes the ids of its plots unique.
fn article(one: &Opened, number: usize) -> Markup {
    let Opened { analysis, runs, .. } = one;
    let answer = &analysis.answer;
    html! {
        article id=(format!("study-{number}")) {
            h1 { (analysis.name) @if let Some(dates) = dates(analysis) { " · " (dates) } }
            p class="answer" { (unbroken(&answer.headline)) }
            @if !answer.comparison.is_empty() { p class="more" { (unbroken(&answer.comparison)) } }
            @if !answer.measurement.is_empty() { p class="quiet" { (unbroken(&answer.measurement)) } }
            @for note in &analysis.notes { p class="quiet" { "Note: " (unbroken(note)) "." } }
            @if analysis.is_split() { (ledger::multitask_section(one)) }
            @if let Some(cost) = analysis.headline() {
                (costs::section(analysis, cost))
                (regimes::section(analysis, cost))
                (accuracy::sections(analysis))
            }
            (as_if::section(one))
            (ledger::sections(one, number))
            (curves::section(analysis, runs, number))
            (costs::all(analysis))
            (energy::section(analysis, runs))
            (power::section(analysis, runs, number))
            (sensors::section(analysis, runs))
            (methods::section(analysis))
            (runs::section(analysis))
        }
    }
}
