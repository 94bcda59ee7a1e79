//! Devices side by side on a terminal and for a pull request.

use super::super::layout::WIDTH;
use super::super::markdown::escaped;
use super::super::regimes::{RegimeColumns, wrap};
use super::super::words::{State, verdict};
use super::{
    NONE, agreement_text, costs, lowest_text, noun, over_text, scale, sensor, title, worst_text,
};
use crate::report::columns::{Align, columns};
use crate::study::side_by_side::{Comparison, SideBySide};

/// Regimes of a table; the page and the CSV have all.
const ROWS: usize = 40;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// The comparisons in 80 columns.
pub fn terminal_by_device(all: &[SideBySide]) -> String {
    let parts: Vec<String> = all.iter().map(one).collect();
    parts.join("\n\n")
}

fn lines(text: &str, first: &str, rest: &str) -> String {
    wrap(text, WIDTH, first, rest).join("\n") + "\n"
}

fn one(found: &SideBySide) -> String {
    let answer = &found.answer;
    let mut text = format!("{BOLD}{}, by device{PLAIN}\n\n", found.name);
    text += &format!(
        "{BOLD}{}{PLAIN}\n",
        lines(&answer.headline, "", "").trim_end()
    );
    for part in [&answer.comparison, &answer.measurement] {
        if !part.is_empty() {
            text += &lines(part, "", "");
        }
    }
    if !found.devices.is_empty() {
        text += &format!("\n{BOLD}Devices{PLAIN}\n");
    }
    for (at, one) in found.devices.iter().enumerate() {
        let runs = format!(
            "{} of {} runs done",
            one.analysis.done(),
            one.analysis.planned
        );
        text += &lines(
            &format!("{} ({runs})", one.label),
            &format!("  {}  ", at + 1),
            "     ",
        );
    }
    for comparison in &found.comparisons {
        text += &table(found, comparison);
    }
    let notes: String = found
        .notes
        .iter()
        .map(|note| lines(note, "  ", "    "))
        .collect();
    match notes.is_empty() {
        true => text,
        false => text + &format!("\n{BOLD}Notes{PLAIN}\n{notes}"),
    }
}

/// The regimes in the columns of the devices, then each device's best and the agreement of each pair.
fn table(found: &SideBySide, comparison: &Comparison) -> String {
    let shown = costs(found, comparison);
    let Some((first, _, _)) = shown.first() else {
        return String::new();
    };
    let mut text = format!("\n{BOLD}{}{PLAIN}\n", title(found, comparison));
    let analysis = &found.devices[*first].analysis;
    let labels = RegimeColumns::of(analysis);
    let mut head = labels.head.clone();
    let units: Vec<_> = shown
        .iter()
        .map(|(at, _, _)| scale(found, comparison, *at).map(|scale| scale.unit))
        .collect();
    head.extend(shown.iter().zip(&units).map(|((at, _, _), unit)| {
        format!(
            "{}, {}",
            at + 1,
            unit.as_ref().map_or("", |unit| unit.symbol)
        )
    }));
    let mut rows = vec![head];
    for cell in 0..analysis.cells.len().min(ROWS) {
        let mut row = labels.cells[cell].clone();
        for ((_, _, cost), unit) in shown.iter().zip(&units) {
            let mark = match verdict(cost, cell) {
                "lowest" => " *",
                "not significantly different" => " ~",
                _ => "  ",
            };
            let state = State::of(&cost.cells[cell]);
            let value = unit.as_ref().map(|unit| state.show(unit));
            row.push(value.unwrap_or_default() + mark);
        }
        rows.push(row);
    }
    let align = vec![Align::Right; rows[0].len()];
    let table = columns(&rows, &align, "  ");
    let mut table = table.lines();
    text += &format!("{DIM}{}{PLAIN}\n", table.next().unwrap_or_default());
    for (cell, line) in table.enumerate() {
        if labels.above {
            text += &lines(&analysis.cells[cell].name(), "  ", "    ");
        }
        text += line;
        text.push('\n');
    }
    if analysis.cells.len() > ROWS {
        let more = analysis.cells.len() - ROWS;
        text += &format!("  and {more} more: see --html or --csv\n");
    }
    if !labels.note.is_empty() {
        text += &lines(&labels.note, "  ", "  ");
    }
    text +=
        &format!("{DIM}  * lowest of its device, ~ not significantly different from it{PLAIN}\n");
    for ((at, own, _), unit) in shown.iter().zip(&units) {
        let Some(unit) = unit else { continue };
        let mut parts = vec![format!("lowest {}", lowest_text(own, unit))];
        if comparison.ranks() {
            parts.push(match over_text(own).as_str() {
                "lowest" => "the cheapest device".into(),
                "not ranked" => "not ranked with the others".into(),
                times => format!("{times} times the cheapest device"),
            });
        }
        parts.push(format!("worst/best {}", worst_text(own)));
        parts.extend(sensor(own));
        text += &lines(&parts.join("; "), &format!("  {}  ", at + 1), "     ");
    }
    for pair in &comparison.agreement {
        let devices = pair.devices.map(|at| (at + 1).to_string()).join(" and ");
        let tau = agreement_text(pair.agreement);
        text += &lines(
            &format!("rank agreement of {devices}: Kendall's tau {tau}"),
            "  ",
            "    ",
        );
    }
    text
}

/// The answer and the best regime of each device, for a pull request.
pub fn markdown_by_device(all: &[SideBySide]) -> String {
    let parts: Vec<String> = all.iter().map(markdown).collect();
    parts.join("\n")
}

fn markdown(found: &SideBySide) -> String {
    let mut text = format!("### {}, by device\n", escaped(&found.name));
    let answer = &found.answer;
    for (part, mark) in [
        (&answer.headline, "**"),
        (&answer.comparison, ""),
        (&answer.measurement, ""),
    ] {
        if !part.is_empty() {
            text += &format!("\n{mark}{}{mark}\n", escaped(part));
        }
    }
    text += "\n| device | cost | best regime | lowest (95 % CI) | times the cheapest | worst / best |\n";
    text += "|:---|:---|:---|---:|---:|---:|\n";
    for comparison in &found.comparisons {
        for (at, own, _) in costs(found, comparison) {
            let unit = scale(found, comparison, at).map(|scale| scale.unit);
            let by = sensor(own).map_or_else(String::new, |by| format!(", {by}"));
            let best = own
                .best
                .map_or_else(|| NONE.into(), |best| found.cell(best));
            let cells = [
                found.devices[at].label.clone(),
                noun(comparison.quantity).to_owned() + &by,
                best,
                unit.map_or_else(String::new, |unit| lowest_text(own, &unit)),
                over_text(own),
                worst_text(own),
            ];
            let cells = cells.map(|cell| escaped(&cell));
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    for note in &found.notes {
        text += &format!("- {}\n", escaped(note));
    }
    text
}
