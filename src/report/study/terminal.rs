//! The report in 80 columns.

use textwrap::{Options, WordSplitter};

use super::labels::{Labels, short_names};
use super::names::separator;
use super::words::{
    State, Unit, capital, cost_name, dates, devices, digits, kind_name, median, order, plural,
    ratio, reached, target, verdict, way, worth,
};
use crate::energy::Status;
use crate::report::{Align, columns};
use crate::study::Opened;
use crate::study::analysis::{Analysis, CostReport};
use crate::units::percent;

/// No line is wider, but for a name that is.
pub const WIDTH: usize = 80;

/// Letters for the name of a cell in the list of the other costs.
const OTHERS: usize = 27;

/// Cells of a table; the page and the CSV have them all.
const CELLS: usize = 40;

/// Letters that a bar has at the least.
const BARS: usize = 6;

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[1;32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// What the studies say, with escape codes for colours that the printer takes out where nobody would see them.
pub fn terminal(studies: &[Opened]) -> String {
    let parts: Vec<String> = studies.iter().map(|one| study(&one.analysis)).collect();
    parts.join("\n\n")
}

fn study(analysis: &Analysis) -> String {
    let mut text = head(analysis);
    text += "\n";
    text += &wrapped(&analysis.answer.to_string(), "", "");
    if let Some(cost) = analysis.headline() {
        text += &format!("\n{BOLD}{}{PLAIN}\n", capital(&cost_name(cost)));
        text += &cells(analysis, cost);
        text += &others(analysis, cost);
    }
    text += &outcomes(analysis);
    text += &instruments(analysis);
    text += &notes(analysis);
    text
}

fn head(analysis: &Analysis) -> String {
    let mut text = format!("{BOLD}{}{PLAIN}", analysis.name);
    if let Some(dates) = dates(analysis) {
        text += &format!("  {dates}");
    }
    text.push('\n');
    for line in [
        analysis.base.clone(),
        format!(
            "{} cell{}, {} seed{}; {} of {} runs done",
            analysis.cells.len(),
            plural(analysis.cells.len()),
            analysis.seeds.len(),
            plural(analysis.seeds.len()),
            analysis.done(),
            analysis.planned
        ),
        devices(analysis),
    ] {
        if !line.is_empty() {
            text += &wrapped(&line, "", "  ");
        }
    }
    text
}

/// The cells in the headline's cost, the cheapest first.
fn cells(analysis: &Analysis, cost: &CostReport) -> String {
    let unit = Unit::for_cost(cost);
    let order = order(cost);
    let most = order
        .iter()
        .filter_map(|at| cost.cells[*at].expected)
        .fold(0.0, f64::max);
    let labels = Labels::of(analysis);
    // The restricted mean has a column where that leaves the bars their room.
    let wide = |table: &str| table.lines().map(|line| line.chars().count()).max();
    let with = table(cost, &labels, &order, &unit, true);
    let restricted = wide(&with).is_some_and(|width| width + 2 + BARS <= WIDTH);
    let table = match restricted {
        true => with,
        false => table(cost, &labels, &order, &unit, false),
    };
    let width = wide(&table);
    let shown = order.iter().take(CELLS);
    let room = WIDTH.saturating_sub(width.unwrap_or(0) + 2);
    let mut lines = table.lines();
    let mut text = match labels.told.is_empty() {
        true => String::new(),
        false => format!("{DIM}{}{PLAIN}", wrapped(&labels.told, "", "  ")),
    };
    text += &format!("{DIM}{}{PLAIN}\n", lines.next().unwrap_or_default());
    for (at, line) in shown.zip(lines) {
        let bar = match cost.cells[*at].expected {
            Some(expected) if room >= BARS => bar(expected / most, room),
            _ => String::new(),
        };
        let line = format!("{line:<0$}  {bar}", width.unwrap_or(0));
        let mut line = line.trim_end().to_owned();
        if labels.above {
            let first = format!("{:<3}", mark(cost, *at));
            line = wrapped(&analysis.cells[*at].id, &first, "     ") + &line;
        }
        text += &match mark(cost, *at) {
            "*" => format!("{GREEN}{line}{PLAIN}\n"),
            "x" => format!("{DIM}{line}{PLAIN}\n"),
            _ => format!("{line}\n"),
        };
    }
    if order.len() > CELLS {
        text += &format!("and {} more: see --html or --csv\n", order.len() - CELLS);
    }
    text + &legend(analysis, cost, restricted)
}

/// The figures of the cells in their order, with a line for the names of the columns; `restricted`: with the mean of
/// min(X, tau).
fn table(
    cost: &CostReport,
    labels: &Labels,
    order: &[usize],
    unit: &Unit,
    restricted: bool,
) -> String {
    let mut rows = vec![labels.head.clone()];
    let intervals = cost.cells.iter().any(|cell| cell.interval.is_some());
    let confirmed = cost.cells.iter().any(|cell| cell.confirmed.is_some());
    // A column that would be empty leaves its room to the bars.
    let figures = |all: [String; 6]| {
        let shown = [true, intervals, true, true, restricted, confirmed];
        all.into_iter()
            .zip(shown)
            .filter_map(|(text, shown)| shown.then_some(text))
    };
    rows[0].insert(0, String::new());
    rows[0].extend(figures([
        format!("expected {}", short(unit.symbol))
            .trim_end()
            .to_owned(),
        "95 %".into(),
        "reached".into(),
        "median".into(),
        "r. mean".into(),
        "conf. %".into(),
    ]));
    for at in order.iter().take(CELLS) {
        let cell = &cost.cells[*at];
        let mut row = vec![if labels.above { "" } else { mark(cost, *at) }.to_owned()];
        row.extend(labels.cells[*at].iter().cloned());
        row.extend(figures([
            match State::of(cell) {
                State::Arrived(expected) => unit.show(expected),
                other => other.words().into(),
            },
            cell.interval.map_or_else(String::new, |i| {
                format!("{}-{}", unit.show(i.low), unit.show(i.high))
            }),
            reached(cell),
            median(cell, unit),
            cell.restricted_mean
                .map_or_else(String::new, |mean| unit.show(mean)),
            cell.confirmed
                .map_or_else(String::new, |share| format!("{:.2}", 100.0 * share)),
        ]));
        rows.push(row);
    }
    let mut align = vec![Align::Left];
    align.extend(std::iter::repeat_n(Align::Right, rows[0].len() - 1));
    if labels.head.first().is_some_and(|name| name == "cell") {
        align[1] = Align::Left;
    }
    columns(&rows, &align, "")
}

/// A word of a unit: `thousand samples` takes a column of its own otherwise.
fn short(symbol: &str) -> &str {
    match symbol {
        "thousand samples" => "k",
        "million samples" => "M",
        "samples" => "",
        other => other,
    }
}

fn mark(cost: &CostReport, cell: usize) -> &'static str {
    match verdict(cost, cell) {
        "least" => "*",
        "not told apart" => "~",
        "never arrives" => "x",
        _ => "",
    }
}

fn legend(analysis: &Analysis, cost: &CostReport, restricted: bool) -> String {
    let has = |sign: &str| (0..cost.cells.len()).any(|at| mark(cost, at) == sign);
    let mut told = Vec::new();
    if has("*") {
        told.push("* the least");
    }
    if has("~") {
        told.push("~ not told from it");
    }
    if has("x") {
        told.push("x never arrives");
    }
    told.push("expected: all its runs spent over those that reached");
    if cost.cells.iter().any(|cell| cell.interval.is_some()) {
        told.push("95 %: of the geometric mean");
    }
    if cost.cells.iter().any(|cell| cell.confirmed.is_some()) {
        told.push("conf.: accuracy on the half that did not decide");
    }
    let tau = horizon(cost, restricted);
    told.extend(tau.as_deref());
    let way = way(cost).map(|way| format!("joules: {way}"));
    told.extend(way.as_deref());
    let mut text = format!("{DIM}{}{PLAIN}", wrapped(&told.join("; "), "", ""));
    if cost.unranked > 0 {
        text += &wrapped(
            &format!(
                "{} run{} shared the machine and stand outside the ranking.",
                cost.unranked,
                plural(cost.unranked)
            ),
            "",
            "",
        );
    }
    if let Some(reference) = analysis.reference {
        let id = &analysis.cells[reference].id;
        text += &wrapped(&format!("The reference cell is {id}."), "", "");
    }
    text
}

/// What the restricted means are of; all of them, in the order of the table, where it has no room for the column.
fn horizon(cost: &CostReport, restricted: bool) -> Option<String> {
    let unit = Unit::for_cost(cost);
    let text = format!(
        "restricted mean, of min(cost, tau), tau = {}",
        unit.amount(cost.tau?)
    );
    if restricted {
        return Some(format!("r. mean: {text}"));
    }
    let mean = |at: &usize| {
        let mean = cost.cells[*at].restricted_mean;
        mean.map_or_else(|| "-".into(), |mean| unit.show(mean))
    };
    let means: Vec<String> = order(cost).iter().take(CELLS).map(mean).collect();
    Some(format!("{text}, in the order above: {}", means.join(", ")))
}

/// The other costs in a line each.
fn others(analysis: &Analysis, headline: &CostReport) -> String {
    let rest: Vec<&CostReport> = analysis
        .costs
        .iter()
        .filter(|cost| !std::ptr::eq(*cost, headline))
        .collect();
    if rest.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{BOLD}Other costs{PLAIN}");
    let (names, told) = short_names(analysis, OTHERS);
    text += &match told.is_empty() {
        true => "\n".into(),
        false => format!("  {DIM}({told}){PLAIN}\n"),
    };
    let mut rows = Vec::new();
    for &cost in &rest {
        let to = cost.at_least.map_or_else(|| "whole run".into(), percent);
        let Some(best) = cost.best else {
            rows.push(vec![
                kind_name(&cost.kind),
                to,
                match cost.unranked {
                    0 => "none reached".into(),
                    _ => "not ranked".into(),
                },
            ]);
            continue;
        };
        let unit = Unit::for_cost(cost);
        let least = cost.cells[best]
            .expected
            .map_or_else(String::new, |least| unit.amount(least));
        let least = least
            .replace("thousand samples", "k")
            .replace("million samples", "M")
            .replace(" samples", "");
        rows.push(vec![kind_name(&cost.kind), to, least, names[best].clone()]);
    }
    let partly = partly_known(analysis, &rest);
    let align = [Align::Left, Align::Right, Align::Right, Align::Left];
    if names.iter().any(|name| name.chars().count() > OTHERS) {
        // Such names have a line of their own below their figures.
        let figures: Vec<Vec<String>> = rows.iter().map(|row| row[..3].to_vec()).collect();
        for (line, row) in columns(&figures, &align, "").lines().zip(&rows) {
            text += &wrapped(line, "", "  ");
            if let Some(name) = row.get(3) {
                text += &wrapped(name, "    ", "      ");
            }
        }
        return text + &partly;
    }
    let widest = rows.iter().map(|row| row[0].chars().count()).max();
    if widest.unwrap_or(0) > 30 {
        // A long source has a line of its own above its figures.
        let mut last = String::new();
        for row in rows {
            if row[0] != last {
                text += &format!("{}\n", row[0]);
                last.clone_from(&row[0]);
            }
            text += &columns(&[row[1..].to_vec()], &align[1..], "    ");
        }
        return text + &partly;
    }
    text + &columns(&rows, &align, "") + &partly
}

/// Which of `costs` name a least cell although they are known of some cells only.
fn partly_known(analysis: &Analysis, costs: &[&CostReport]) -> String {
    let known = |cost: &CostReport| {
        cost.cells
            .iter()
            .filter(|cell| cell.share.is_some())
            .count()
    };
    let made = analysis.costs.iter().map(known).max().unwrap_or(0);
    let partly = costs
        .iter()
        .filter(|cost| cost.best.is_some() && known(cost) < made)
        .map(|cost| {
            let (name, to) = (kind_name(&cost.kind), target(cost));
            wrapped(&format!("{name} {to}: the least of {} of {made} cells; the others have no run with this cost that is ranked", known(cost)), "", "  ")
        });
    partly.collect()
}

/// How runs ended, where not all of them reached the target, with what went wrong.
fn outcomes(analysis: &Analysis) -> String {
    let mut text = String::new();
    let named: Vec<String> = analysis
        .by_outcome
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.name()))
        .collect();
    if named.len() > 1 || analysis.headline().is_none() && !named.is_empty() {
        text += &format!("\n{BOLD}Runs{PLAIN}  {}\n", named.join(", "));
    }
    let failed = analysis.cells.iter().flat_map(|cell| &cell.runs);
    for run in failed.filter(|run| run.error.is_some()).take(5) {
        let error = run.error.as_deref().unwrap_or_default();
        text += &wrapped(&format!("{}: {error}", run.id), "  ", "    ");
    }
    text
}

fn instruments(analysis: &Analysis) -> String {
    if analysis.instruments.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{BOLD}Instruments{PLAIN}\n");
    for one in &analysis.instruments {
        let mut line = format!("{} ({})", one.source, one.scope.name());
        if one.status == Status::Unavailable {
            line += ": unavailable";
        } else {
            line += &format!(": {}, {}", worth(one.status), one.method.name());
            if let Some(grade) = one.grade {
                line += &format!(", grade {grade:?}");
            }
            if let Some(tick) = one.update_interval_seconds {
                line += &format!(", a value every {} s", digits(tick));
            }
            line += &format!(", joules of {} run{}", one.runs, plural(one.runs));
        }
        if let Some(reason) = &one.reason {
            line += &format!(": {reason}");
        }
        if let Some(fix) = &one.fix {
            line += &format!("; fix: {fix}");
        }
        text += &wrapped(&line, "  ", "    ");
    }
    text
}

fn notes(analysis: &Analysis) -> String {
    let mut notes: Vec<String> = analysis.notes.clone();
    if let Some(cost) = analysis.headline()
        && let (Some(extremes), Some(worst)) = (&cost.extremes, cost.worst)
    {
        let chance = cost.by_chance.map_or_else(String::new, |chance| {
            format!(
                "; equal cells of this spread show {:.2}, up to {:.2} in 95 % of studies",
                chance.median, chance.upper
            )
        });
        let by = match cost.is_by_expected() {
            true => ", by expected costs",
            false => "",
        };
        notes.push(format!(
            "worst over best {}{by}: {}, {} (a maximum over a minimum, biased upward{chance})",
            target(cost),
            ratio(extremes),
            analysis.cells[worst].id
        ));
    }
    if notes.is_empty() {
        return String::new();
    }
    let lines: String = notes
        .iter()
        .map(|note| wrapped(note, "  ", "    "))
        .collect();
    format!("\n{BOLD}Notes{PLAIN}\n{lines}")
}

fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let options = Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_separator(separator())
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(true);
    let mut text = textwrap::fill(text, options);
    text.push('\n');
    text
}

/// A bar of eighths of a column.
fn bar(share: f64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * room as f64 * 8.0).round().max(1.0) as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}
