//! The report in 80 columns.

use super::as_if;
use super::display_unit::digits;
use super::layout::{BOLD, DIM, GREEN, PLAIN, WIDTH, lines};
use super::ledger::sentences;
use super::other_costs::other_costs;
use super::regimes::RegimeColumns;
use super::summary::{RESTRICTED, Summary};
use super::words::{
    State, capital, cost_name, counted, dates, facts, no_energy, ratio, status_word, target,
    verdict,
};
use crate::energy::Status;
use crate::report::columns::{Align, columns, width};
use crate::study::Opened;
use crate::study::analysis::{Analysis, CostReport};

/// Rows of a table; the page and the CSV have all.
const ROWS: usize = 40;

/// The shortest length of the longest bar.
const BAR: usize = 6;

/// Failed runs whose errors are shown.
const FAILURES: usize = 5;

/// The report of the studies, with escape codes for colours, which the printer removes where they would not be seen.
pub fn terminal(studies: &[Opened]) -> String {
    let parts: Vec<String> = studies.iter().map(study).collect();
    parts.join("\n\n")
}

fn study(opened: &Opened) -> String {
    let analysis = &opened.analysis;
    let dates = dates(analysis).map_or_else(String::new, |dates| format!("  {dates}"));
    let mut text = format!("{BOLD}{}{PLAIN}{dates}\n\n", analysis.name);
    let answer = &analysis.answer;
    text += &format!(
        "{BOLD}{}{PLAIN}\n",
        lines(&answer.headline, "", "").trim_end()
    );
    for part in [&answer.comparison, &answer.measurement] {
        if !part.is_empty() {
            text += &lines(part, "", "");
        }
    }
    if let Some(cost) = analysis.headline() {
        text += &format!("\n{BOLD}{}{PLAIN}\n", capital(&cost_name(analysis, cost)));
        text += &regimes(analysis, cost);
        text += &other_costs(analysis, cost);
    }
    text + &as_if(opened) + &ledgers(opened) + &conditions(analysis) + &notes(analysis)
}

/// What simpler instruments would have said.
fn as_if(opened: &Opened) -> String {
    let all = as_if::sentences(opened);
    if all.is_empty() {
        return String::new();
    }
    let all: String = all.iter().map(|text| lines(text, "  ", "    ")).collect();
    format!("\n{BOLD}What a simpler instrument would have said{PLAIN}\n{all}")
}

/// Each ledger in a sentence.
fn ledgers(opened: &Opened) -> String {
    let all = sentences(opened);
    if all.is_empty() {
        return String::new();
    }
    let all: String = all
        .iter()
        .map(|(name, text)| lines(text, &format!("  {name:<13}"), "    "))
        .collect();
    format!("\n{BOLD}Ledgers{PLAIN}\n{all}")
}

/// The regimes in the headline's cost, the cheapest first, with bars where there is room.
fn regimes(analysis: &Analysis, cost: &CostReport) -> String {
    let summary = Summary::of(analysis, cost);
    let labels = RegimeColumns::of(analysis);
    // The restricted mean has a column where that leaves room for the bars.
    let mut table = rows(cost, &summary, &labels, &[]);
    let restricted = width(&table) + 2 + BAR <= WIDTH;
    if !restricted {
        table = rows(cost, &summary, &labels, &[RESTRICTED]);
    }
    if width(&table) > WIDTH {
        table = rows(cost, &summary, &labels, &[RESTRICTED, "median"]);
    }
    let wide = width(&table);
    let room = WIDTH.saturating_sub(wide + 2);
    // Bars and blank lines are within and between the cells that are compared.
    let groups: Vec<Vec<usize>> = analysis
        .parts()
        .iter()
        .map(|part| analysis.cells_of(part))
        .collect();
    let apart = analysis.is_split() && groups.iter().any(|group| group.len() > 1);
    let mut table = table.lines();
    let mut text = match labels.note.is_empty() {
        true => String::new(),
        false => format!("{DIM}{}{PLAIN}\n", lines(&labels.note, "", "  ").trim_end()),
    };
    text += &format!("{DIM}{}{PLAIN}\n", table.next().unwrap_or_default());
    let mut former = None;
    for (at, line) in summary.order.iter().zip(table) {
        let own = groups.iter().position(|group| group.contains(at));
        if apart && own != former && former.is_some() {
            text.push('\n');
        }
        former = own;
        let group = own.map_or(&[][..], |own| &groups[own]);
        let costs = group.iter().filter_map(|cell| cost.cells[*cell].expected);
        let most = costs.fold(0.0, f64::max);
        let compared = group.len() > 1 || !analysis.is_split();
        let bar = match State::of(&cost.cells[*at]) {
            State::Reached(expected) if room >= BAR && compared => bar(expected / most, room),
            _ => String::new(),
        };
        let mut line = format!("{line:<wide$}  {bar}").trim_end().to_owned();
        let mark = mark(cost, *at);
        if labels.above {
            line = lines(&analysis.cells[*at].name(), &format!("{mark:<3}"), "     ") + &line;
        }
        text += &match mark {
            "*" => format!("{GREEN}{line}{PLAIN}\n"),
            "x" => format!("{DIM}{line}{PLAIN}\n"),
            _ => format!("{line}\n"),
        };
    }
    if summary.order.len() > ROWS {
        let more = summary.order.len() - ROWS;
        text += &format!("and {more} more: see --html or --csv\n");
    }
    let marks = [
        ("*", "* lowest"),
        ("~", "~ not significantly different"),
        ("x", "x never reached the target"),
    ];
    let has = |sign: &str| (0..cost.cells.len()).any(|at| mark(cost, at) == sign);
    let marks = marks.iter().filter(|(sign, _)| has(sign));
    let mut legend: Vec<String> = marks.map(|(_, words)| (*words).to_owned()).collect();
    legend.extend(summary.notes.iter().cloned());
    legend.extend(restricted_means(cost, &summary, restricted));
    text + &format!(
        "{DIM}{}{PLAIN}\n",
        lines(&legend.join("; "), "", "").trim_end()
    )
}

/// The table with a line of heads, leaving out the columns `without`.
fn rows(cost: &CostReport, summary: &Summary, labels: &RegimeColumns, without: &[&str]) -> String {
    let shown: Vec<_> = summary
        .columns
        .iter()
        .filter(|column| !column.page_only && !without.contains(&column.head.as_str()))
        .collect();
    let mut head = vec![String::new()];
    head.extend(labels.head.iter().cloned());
    head.extend(shown.iter().map(|column| column.head.clone()));
    let mut rows = vec![head];
    for (row, at) in summary.order.iter().take(ROWS).enumerate() {
        let mark = if labels.above { "" } else { mark(cost, *at) };
        let mut texts = vec![mark.to_owned()];
        texts.extend(labels.cells[*at].iter().cloned());
        texts.extend(
            shown
                .iter()
                .map(|column| column.texts[row].replace(" to ", "-")),
        );
        rows.push(texts);
    }
    let mut align = vec![Align::Right; rows[0].len()];
    align[0] = Align::Left;
    if labels.head == ["regime"] {
        align[1] = Align::Left;
    }
    columns(&rows, &align, "")
}

fn mark(cost: &CostReport, cell: usize) -> &'static str {
    match verdict(cost, cell) {
        "lowest" => "*",
        "not significantly different" => "~",
        "never reached" => "x",
        _ => "",
    }
}

/// What the restricted means are of, and all of them in the order of the table where it has no column for them.
fn restricted_means(cost: &CostReport, summary: &Summary, column: bool) -> Option<String> {
    let means = summary
        .columns
        .iter()
        .find(|column| column.head == RESTRICTED)?;
    let tau = summary.unit.amount(cost.tau?);
    let text = format!("restricted mean, of min(cost, tau), tau = {tau}");
    let means = means.texts[..means.texts.len().min(ROWS)].join(", ");
    Some(match column {
        true => text,
        false => format!("{text}, in the order above: {means}"),
    })
}

/// How it was measured: regimes, runs, device and sensors, and why runs failed.
fn conditions(analysis: &Analysis) -> String {
    let mut rows = facts(analysis);
    let (giving, missing): (Vec<_>, Vec<_>) = analysis
        .sensors
        .iter()
        .partition(|sensor| sensor.status != Status::Unavailable);
    for sensor in &giving {
        let mut line = format!(
            "{} ({}): {}, {}",
            sensor.source,
            sensor.scope.name(),
            status_word(sensor.status),
            sensor.method.name()
        );
        if let Some(grade) = sensor.grade {
            line += &format!(", grade {grade:?}");
        }
        if let Some(interval) = sensor.update_interval_seconds {
            line += &format!(", an update every {} s", digits(interval));
        }
        line += &format!(", joules of {}", counted(sensor.runs, "run"));
        if let Some(reason) = &sensor.reason {
            line += &format!(": {reason}");
        }
        rows.push(("energy", line));
    }
    match (giving.is_empty(), missing.is_empty()) {
        (true, _) => rows.push(("energy", no_energy(analysis).into())),
        (false, true) => {}
        (false, false) => {
            let names: Vec<&str> = missing
                .iter()
                .map(|sensor| sensor.source.as_str())
                .collect();
            rows.push((
                "",
                format!("unavailable: {} (see --html)", names.join(", ")),
            ));
        }
    }
    let rows: String = rows
        .iter()
        .map(|(name, text)| lines(text, &format!("  {name:<11}"), "             "))
        .collect();
    let failed = analysis.cells.iter().flat_map(|cell| &cell.runs);
    let failed = failed.filter_map(|run| Some((&run.id, run.error.as_ref()?)));
    let failed: String = failed
        .take(FAILURES)
        .map(|(id, error)| lines(&format!("{id}: {error}"), "  ", "    "))
        .collect();
    format!("\n{BOLD}How it was measured{PLAIN}\n{rows}{failed}")
}

fn notes(analysis: &Analysis) -> String {
    let mut notes: Vec<String> = analysis.notes.clone();
    for part in analysis.parts() {
        notes.extend(part.headline().and_then(|cost| extremes(part, cost)));
    }
    if notes.is_empty() {
        return String::new();
    }
    let notes: String = notes.iter().map(|note| lines(note, "  ", "    ")).collect();
    format!("\n{BOLD}Notes{PLAIN}\n{notes}")
}

/// The ratio of the highest to the lowest cost, and what it is worth.
fn extremes(analysis: &Analysis, cost: &CostReport) -> Option<String> {
    let (extremes, worst) = (cost.extremes.as_ref()?, cost.worst?);
    let chance = cost.null_ratio.map_or_else(String::new, |chance| {
        format!(
            "; equal regimes of this spread show {:.2}, up to {:.2} in 95 % of studies",
            chance.median, chance.upper
        )
    });
    let by = match cost.is_by_expected() {
        true => ", by expected cost",
        false => "",
    };
    Some(format!(
        "highest over lowest {}{by}: {}, {} (biased upward, because both are selected{chance})",
        target(analysis, cost),
        ratio(extremes),
        analysis.cells[worst].name()
    ))
}

/// A bar in eighths of a column.
fn bar(share: f64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * room as f64 * 8.0).round().max(1.0) as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}
