//! A search in words: what it would do, and what it found.

use super::columns::{Align, columns};
use crate::study::search::{
    Ended, Propose, RungRow, SearchPlan, SearchSettings, Searched, SearchedCell, Stop, Unit,
};
use crate::units::thousands;

/// The text of `wattgrad search --dry-run`.
pub fn search_plan(plan: &SearchPlan) -> String {
    let unit = plan.budget.unit;
    let mut text = format!(
        "{}: search of {} by {}, {} and {}\n{}",
        plan.name,
        counted(plan.cells, "cell"),
        unit.name(),
        counted(plan.seeds, "seed"),
        counted(plan.confirming, "confirming run"),
        rules(&plan.settings, plan.seeds, plan.window_samples),
    );
    if let Some(cost) = plan.first_rung {
        text += &format!("first rung of all cells: about {}\n", unit.show(cost));
    }
    text += &format!("budget: {}", plan.budget);
    if let Some(most) = plan.grid_at_most {
        let share = 100.0 * plan.budget.amount / most;
        text += &format!(
            ", {share:.0} % of the {} that the grid of {} costs at most",
            unit.show(most),
            counted(plan.cells * plan.seeds, "run")
        );
    }
    text += "\n";
    if plan
        .first_rung
        .is_some_and(|cost| cost > plan.budget.amount)
    {
        text += "note: the budget ends before every cell has had its first rung: increase it\n";
    }
    text
}

fn rules(settings: &SearchSettings, seeds: usize, window: u64) -> String {
    let window = thousands(window);
    let order = match settings.propose {
        Propose::Random => "in random order",
        Propose::Bayes => "the first 8 in random order, then as the estimator proposes",
    };
    let eta = settings.eta;
    let mut text = match settings.stop {
        Stop::Halving => format!(
            "cells {order}, {} at a time: each until its first {window} samples, then all up to {eta} times the cost of \
             the most expensive\none of {eta} continues to {eta} times that cost, and so on, but at least {}, until they reach the target \
             or cost more than the best\n",
            settings.bracket, settings.keep
        ),
        Stop::Median => format!(
            "cells {order}, one after another: a cell ends if, at {eta}, {eta} x {eta}, ... times the cost of {window} \
             samples, it is below the median\n"
        ),
        Stop::None => format!("cells {order}, one after another, each with all seeds to its end\n"),
    };
    if seeds > 1 && settings.stop != Stop::None {
        text += "the other seeds for cells within 1.6 times the lowest cost, each as long as it may still be the best\n";
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The text of `wattgrad search`; `target` is the last target in words.
pub fn search(found: &Searched, target: &str) -> String {
    let unit = found.budget.unit;
    let mut text = headline(found, target);
    text += "\n\n";
    text += &rungs(&found.rungs, unit);
    text += "\n";
    text += &cells(&found.cells, unit);
    text += "\n";
    text += &costs(found);
    if let Some(source) = &found.source {
        text += &format!("energy measured by {source}\n");
    }
    match found.ended {
        Ended::Complete => {}
        Ended::BudgetSpent => {
            text += "the budget is spent: the same command with a larger --budget continues the search\n"
        }
        Ended::Interrupted => text += "interrupted: the same command continues the search\n",
    }
    for note in &found.notes {
        text += &format!("note: {note}\n");
    }
    text
}

fn headline(found: &Searched, target: &str) -> String {
    let unit = found.budget.unit;
    let Some(best) = &found.best else {
        return format!("{}: no run reached {target} yet.", found.name);
    };
    let seeds = match best.seeds {
        1 => "with one seed".to_owned(),
        n => format!("over {n} seeds"),
    };
    let mut text = format!(
        "Best regime: {}: {} to {target} {seeds}.",
        best.words,
        unit.show(best.cost)
    );
    if let Some(fresh) = &found.confirmed {
        text += &match (fresh.runs, fresh.cost) {
            (0, _) => " It is not confirmed yet.".to_owned(),
            (runs, Some(cost)) => format!(
                " Confirmed with {}: {}, {} of {runs} reached the target.",
                counted(runs, "fresh seed"),
                unit.show(cost),
                fresh.reached
            ),
            (runs, None) => format!(
                " Not confirmed: with {} it did not reach the target.",
                counted(runs, "fresh seed")
            ),
        };
    }
    text
}

fn rungs(rows: &[RungRow], unit: Unit) -> String {
    let head = [
        "rung", "up to", "cells", "reached", "stopped", "ended", "spent",
    ];
    let mut table = vec![head.map(String::from).to_vec()];
    table.extend(rows.iter().map(|row| {
        vec![
            format!("{}.{}", row.bracket, row.rung),
            row.until
                .map_or("first window".into(), |most| unit.show(most)),
            row.cells.to_string(),
            row.reached.to_string(),
            row.stopped.to_string(),
            row.ended.to_string(),
            unit.show(row.spent),
        ]
    }));
    let mut align = [Align::Right; 7];
    align[0] = Align::Left;
    columns(&table, &align, "")
}

fn cells(cells: &[SearchedCell], unit: Unit) -> String {
    let mut tried: Vec<&SearchedCell> = cells.iter().filter(|cell| cell.spent > 0.0).collect();
    tried.sort_by(|a, b| {
        let place = |cell: &SearchedCell| cell.fate.name();
        let key = |cell: &SearchedCell| (place(cell) != "reached", place(cell));
        key(a).cmp(&key(b)).then(a.spent.total_cmp(&b.spent))
    });
    let rows: Vec<Vec<String>> = tried
        .iter()
        .map(|cell| {
            vec![
                cell.id.clone(),
                cell.fate.name().into(),
                unit.show(cell.spent),
            ]
        })
        .collect();
    let mut text = columns(&rows, &[Align::Left, Align::Left, Align::Right], "");
    let rest = cells.len() - tried.len();
    if rest > 0 {
        text += &format!("{} not tried\n", counted(rest, "cell"));
    }
    text
}

fn costs(found: &Searched) -> String {
    let unit = found.budget.unit;
    let spent = &found.spent;
    let mut text = format!(
        "spent {} of {}: {} for the first seed, {} for the others, {} for confirming",
        unit.show(spent.total),
        found.budget,
        unit.show(spent.first_seed),
        unit.show(spent.other_seeds),
        unit.show(spent.confirming)
    );
    text += &format!(
        "; the start of all rungs took {} more\n",
        Unit::Seconds.show(spent.start_up_seconds)
    );
    if spent.total > 0.0 {
        let grid = &found.grid;
        let runs = counted(grid.runs, "run");
        text += &match found.share_of_grid() {
            (Some(least), _) => format!(
                "the grid of {runs} would cost at most {}: the search without confirming cost at least {least:.1} % of it\n",
                unit.show(grid.at_most.unwrap_or(0.0))
            ),
            (None, most) => format!(
                "the grid of {runs} would cost at least {}: the search without confirming cost at most {most:.1} % of it\n",
                unit.show(grid.at_least)
            ),
        };
    }
    text
}
