//! A table for a pull request.

use super::as_if;
use super::ledger::sentences;
use super::summary::Summary;
use super::words::{capital, cost_name, dates, devices, energy_origins, is_best, verdict};
use crate::study::Opened;

/// The answer, the regimes in the headline's cost, and how it was measured, for each study.
pub fn markdown(studies: &[Opened]) -> String {
    let parts: Vec<String> = studies.iter().map(study).collect();
    parts.join("\n")
}

fn study(opened: &Opened) -> String {
    let analysis = &opened.analysis;
    let answer = &analysis.answer;
    let mut text = format!("### {}\n", escaped(&analysis.name));
    for (part, mark) in [
        (&answer.headline, "**"),
        (&answer.comparison, ""),
        (&answer.measurement, ""),
    ] {
        if !part.is_empty() {
            text += &format!("\n{mark}{}{mark}\n", escaped(part));
        }
    }
    let Some(cost) = analysis.headline() else {
        return text;
    };
    let summary = Summary::of(analysis, cost);
    let columns = summary.columns.iter().filter(|column| !column.page_only);
    let heads: Vec<&str> = columns.clone().map(|column| column.head.as_str()).collect();
    text += &format!(
        "\n{}:\n\n| regime | {} | comparison |\n|:---|{}:---|\n",
        escaped(&capital(&cost_name(analysis, cost))),
        heads.join(" | "),
        "---:|".repeat(heads.len())
    );
    for (row, at) in summary.order.iter().enumerate() {
        let mark = if is_best(cost, *at) { "**" } else { "" };
        let name = escaped(&analysis.cells[*at].name());
        let figures: Vec<&str> = columns
            .clone()
            .map(|column| column.texts[row].as_str())
            .collect();
        text += &format!(
            "| {mark}{name}{mark} | {} | {} |\n",
            figures.join(" | "),
            verdict(cost, *at)
        );
    }
    let conditions: Vec<String> = [Some(devices(analysis)), dates(analysis)]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .chain(energy_origins(analysis, usize::MAX))
        .collect();
    text += &format!(
        "\n{}.\n\n{}\n",
        escaped(&capital(&summary.notes.join("; "))),
        escaped(&conditions.join("; "))
    );
    let as_if = as_if::sentences(opened).into_iter();
    let as_if = as_if.map(|text| ("a simpler instrument", text));
    let ledgers: Vec<(&str, String)> = as_if.chain(sentences(opened)).collect();
    if !(analysis.notes.is_empty() && ledgers.is_empty()) {
        text.push('\n');
    }
    for (name, sentence) in ledgers {
        text += &format!("- {name}: {}\n", escaped(&sentence));
    }
    for note in &analysis.notes {
        text += &format!("- {}\n", escaped(note));
    }
    text
}

/// `text` without meaning in Markdown and its tables.
pub(super) fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' => vec![' '],
            '|' | '*' | '_' | '`' | '<' | '[' | ']' | '\\' | '#' | '~' => vec!['\\', c],
            c => vec![c],
        })
        .collect()
}
