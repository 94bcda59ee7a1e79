//! How every run ended.

use maud::{Markup, html};

use super::super::words::{counted, outcomes};
use crate::study::Purpose;
use crate::study::analysis::Analysis;

/// Failures whose errors are shown.
const FAILURES: usize = 12;

pub(super) fn section(analysis: &Analysis) -> Markup {
    let lines = || analysis.cells.iter().flat_map(|cell| &cell.runs);
    let failed: Vec<(&str, &str)> = lines()
        .filter_map(|line| Some((line.id.as_str(), line.error.as_deref()?)))
        .collect();
    let left = analysis.planned - analysis.done();
    html! {
        section {
            h2 { "Runs" }
            p {
                @if analysis.by_outcome.is_empty() { "No run has finished yet." } @else { (outcomes(analysis)) "." }
                @if left > 0 { " " (counted(left, "run")) " left." }
            }
            @if !failed.is_empty() {
                ul { @for (id, error) in failed.iter().take(FAILURES) { li { (id) ": " (error) } } }
            }
            @if failed.len() > FAILURES {
                p { (failed.len() - FAILURES) " more failed: " code { "--csv" } " writes all errors." }
            }
            details {
                summary { "Every run and how it ended" }
                div class="scroll" { table {
                    thead { tr {
                        th class="w" scope="col" { "run" } th class="w" scope="col" { "regime" } th scope="col" { "seed" }
                        th class="w" scope="col" { "purpose" } th class="w" scope="col" { "outcome" }
                    } }
                    tbody { @for cell in &analysis.cells { @for line in &cell.runs { tr {
                        td class="w" { (line.id) } td class="w" { (cell.name()) } td { (line.seed) }
                        td class="w" { (purpose(line.purpose)) }
                        td class="w" { (line.outcome.map_or("not run", |outcome| outcome.name())) }
                    } } } }
                } }
            }
        }
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Main => "main",
        Purpose::Replicate => "replicate",
        Purpose::Confirm => "confirmation",
    }
}
