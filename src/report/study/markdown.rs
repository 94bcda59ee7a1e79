//! A table for a pull request.

use super::words::{
    State, Unit, cost_name, dates, devices, median, order, reached, through, verdict, way,
};
use crate::study::Opened;
use crate::study::analysis::Analysis;

/// The answer, the cells in the headline's cost, and through what it was had, for each study.
pub fn markdown(studies: &[Opened]) -> String {
    let parts: Vec<String> = studies.iter().map(|one| study(&one.analysis)).collect();
    parts.join("\n")
}

fn study(analysis: &Analysis) -> String {
    let mut text = format!(
        "### {}\n\n{}\n",
        plain(&analysis.name),
        plain(&analysis.answer.to_string())
    );
    let Some(cost) = analysis.headline() else {
        return text;
    };
    let unit = Unit::for_cost(cost);
    let way = way(cost).map_or_else(String::new, |way| format!(", {way}"));
    text += &format!(
        "\n{}, in {}{way}:\n\n",
        plain(&cost_name(cost)),
        unit.symbol
    );
    text += "| cell | expected | 95 % of the geometric mean | reached | median | confirmed | |\n|:---|---:|---:|---:|---:|---:|:---|\n";
    for at in order(cost) {
        let cell = &cost.cells[at];
        let expected = match State::of(cell) {
            State::Arrived(expected) => unit.show(expected),
            other => other.words().into(),
        };
        let interval = cell.interval.map_or_else(String::new, |i| {
            format!("{} to {}", unit.show(i.low), unit.show(i.high))
        });
        let confirmed = cell
            .confirmed
            .map_or_else(String::new, |share| format!("{:.2} %", 100.0 * share));
        let (open, close) = match cost.best == Some(at) {
            true => ("**", "**"),
            false => ("", ""),
        };
        text += &format!(
            "| {open}{}{close} | {expected} | {interval} | {} | {} | {confirmed} | {} |\n",
            plain(&analysis.cells[at].id),
            reached(cell),
            median(cell, &unit),
            verdict(cost, at)
        );
    }
    let mut below: Vec<String> = [Some(devices(analysis)), dates(analysis)]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    below.push(through(analysis, usize::MAX));
    text += &format!("\n{}\n", plain(&below.join("; ")));
    if !analysis.notes.is_empty() {
        text.push('\n');
    }
    for note in &analysis.notes {
        text += &format!("- {}\n", plain(note));
    }
    text
}

/// What Markdown would take for its own signs, and a table for its borders.
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' => vec![' '],
            '|' | '*' | '_' | '`' | '<' | '[' | ']' | '\\' | '#' | '~' => vec!['\\', c],
            c => vec![c],
        })
        .collect()
}
