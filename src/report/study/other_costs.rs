//! The costs of the terminal's report that do not lead.

use super::display_unit::DisplayUnit;
use super::layout::{BOLD, PLAIN, WIDTH, lines};
use super::words::{kind_name, target, threshold};
use crate::report::columns::{Align, columns, width};
use crate::study::analysis::{Analysis, CostReport};

/// The other costs with the cheapest regime in each.
pub(super) fn other_costs(analysis: &Analysis, headline: &CostReport) -> String {
    let costs = analysis.costs.iter();
    let rest: Vec<&CostReport> = costs
        .filter(|cost| !std::ptr::eq(*cost, headline))
        .collect();
    if rest.is_empty() {
        return String::new();
    }
    if analysis.is_split() {
        return other_costs_by_tasks(analysis, &rest);
    }
    let figures = rest.iter().map(|cost| {
        let to = cost
            .threshold
            .map_or_else(|| "whole run".into(), |value| threshold(analysis, value));
        vec![kind_name(&cost.kind), to, lowest(Some(cost))]
    });
    let align = [Align::Left, Align::Right, Align::Right];
    let figures = columns(&figures.collect::<Vec<_>>(), &align, "");
    let names = rest
        .iter()
        .map(|cost| cost.best.map(|best| analysis.cells[best].name()));
    let wide = width(&figures);
    let longest = names.clone().flatten().map(|name| width(&name)).max();
    let beside = wide + 2 + longest.unwrap_or(0) <= WIDTH;
    let mut text = format!("\n{BOLD}Lowest in the other costs and to the other targets{PLAIN}\n");
    for (line, name) in figures.lines().zip(names) {
        text += &match (name, beside) {
            (Some(name), true) => format!("{line:<wide$}  {name}\n"),
            (Some(name), false) => lines(line, "", "  ") + &lines(&name, "    ", "      "),
            (None, _) => lines(line, "", "  "),
        };
    }
    text + &partly_known(analysis, &rest)
}

/// The other costs of each choice of tasks: the lowest, which cells that learn other tasks do not share.
fn other_costs_by_tasks(analysis: &Analysis, costs: &[&CostReport]) -> String {
    let parts = analysis.parts();
    let mut rows = vec![vec![String::new(), String::new()]];
    rows[0].extend(parts.iter().map(|part| part.name.clone()));
    for cost in costs {
        let to = cost
            .threshold
            .map_or_else(|| "whole run".into(), |value| threshold(analysis, value));
        let mut row = vec![kind_name(&cost.kind), to];
        row.extend(parts.iter().map(|part| lowest(part.cost(cost))));
        rows.push(row);
    }
    let mut align = vec![Align::Right; rows[0].len()];
    align[0] = Align::Left;
    let what = match parts.iter().any(|part| part.cells.len() > 1) {
        true => "The other costs and targets, the lowest for each choice of tasks",
        false => "The other costs and targets",
    };
    let table = columns(&rows, &align, "");
    let table: String = match width(&table) > WIDTH {
        false => table,
        true => {
            let shown = rows[1..].iter().map(|row| {
                let costs = rows[0].iter().zip(row).skip(2);
                let costs: Vec<String> = costs
                    .map(|(name, cost)| format!("{} {cost}", name.trim_start_matches("tasks ")))
                    .collect();
                lines(
                    &format!("{} {}: {}", row[0], row[1], costs.join(", ")),
                    "",
                    "  ",
                )
            });
            shown.collect()
        }
    };
    format!("\n{BOLD}{what}{PLAIN}\n{table}")
}

/// The lowest cost, or why there is none.
fn lowest(cost: Option<&CostReport>) -> String {
    let Some(cost) = cost else {
        return "no run".into();
    };
    match cost.best.and_then(|best| cost.cells[best].expected) {
        Some(lowest) => DisplayUnit::for_cost(cost)
            .amount(lowest)
            .replace(" samples", ""),
        None if cost.unranked > 0 => "not ranked".into(),
        None => "not reached".into(),
    }
}

/// Which of `costs` have a lowest regime although only some regimes have this cost.
fn partly_known(analysis: &Analysis, costs: &[&CostReport]) -> String {
    let known = |cost: &CostReport| {
        cost.cells
            .iter()
            .filter(|cell| cell.share.is_some())
            .count()
    };
    let all = analysis.costs.iter().map(known).max().unwrap_or(0);
    let partly = costs
        .iter()
        .filter(|cost| cost.best.is_some() && known(cost) < all);
    let partly = partly.map(|cost| {
        let (name, to) = (kind_name(&cost.kind), target(analysis, cost));
        let text = format!(
            "{name} {to}: the lowest of {} of {all} regimes; the others have no ranked run with this cost",
            known(cost)
        );
        lines(&text, "", "  ")
    });
    partly.collect()
}
