//! The table of all cells, the other costs, and the runs.

use maud::{Markup, html};

use super::super::chart::{Scale, px};
use super::super::data;
use super::super::words::{
    State, Unit, cost_name, kind_name, median, order, plural, ratio, reached, target, verdict, way,
};
use super::behind;
use super::prose::name;
use crate::study::Purpose;
use crate::study::analysis::{Analysis, CellCost, CostKind, CostReport, TrialPoint};
use crate::study::stats::{Confirmed, End, Ratio};

/// Failures that are told in full.
const FAILURES: usize = 12;

/// Room of the strip that shows the seeds.
const STRIP: f64 = 150.0;

/// Every cell with every seed, in the headline's cost.
pub(super) fn section(analysis: &Analysis, cost: &CostReport) -> Markup {
    let unit = Unit::for_cost(cost);
    let spent = cost
        .cells
        .iter()
        .flat_map(|cell| cell.trials.iter().chain(&cell.replicates));
    let scale = Scale::around(spent.map(|point| point.spent));
    let energy = cost
        .cells
        .iter()
        .any(|cell| cell.trials.iter().any(|point| point.ci.is_some()));
    let has = Has::of(cost);
    let mut points = cost.cells.iter().flat_map(|cell| &cell.trials);
    let singles = points.any(|point| point.first_single.is_some());
    html! {
        section {
            h2 { "All cells, all seeds" }
            div class="scroll" {
                table {
                    caption { span {
                        (cost_name(cost)) ", in " (unit.symbol)
                        @if let Some(way) = way(cost) { ", " (way) }
                        "; the cheapest first"
                    } }
                    thead { tr {
                        th class="w" scope="col" { "cell" }
                        th scope="col" { "expected" }
                        th scope="col" { "geometric" br; "mean (95 %)" }
                        th scope="col" { "reached" }
                        th scope="col" { "median" }
                        th scope="col" { "mean of" br; "min(X, tau)" }
                        @if has.spread { th scope="col" { "sd of" br; "log cost" } }
                        @if has.confirmed { th scope="col" { "confirmed" br; "accuracy" } }
                        @if has.compared { th scope="col" { "times the least" br; "(95 %, joint)" } }
                        @if has.named { th scope="col" { "times the" br; "reference" } }
                        th class="w" scope="col" { "every seed" }
                    } }
                    tbody {
                        @for at in order(cost) { (row(analysis, cost, at, &unit, scale, has)) }
                    }
                }
            }
            p class="quiet" {
                "A dot is a run; a ring is one that did not arrive, at what it had spent: B ended by its budget, D diverged. "
                @if energy { "Hovering gives each run's own interval through the instrument. " }
                (without_evaluations(cost, &unit))
                @if singles { "Hovering also gives what a run had spent at its first single evaluation at or above the target. " }
                @if cost.cells.iter().any(|cell| !cell.replicates.is_empty()) {
                    "Replicates of the reference cell are shown and are in none of its costs. "
                }
                @if has.compared { "Times the least: the ratio of geometric means, whose intervals hold for all cells jointly; where runs failed it is a \
                 lower bound. " }
                @if has.named { "Times the reference: with the interval of this pair alone and Holm's p. " }
                "All costs are in the unit of the caption."
            }
            (confirmation(analysis, cost, &unit))
        }
    }
}

/// Columns that have something in some row.
#[derive(Clone, Copy)]
struct Has {
    spread: bool,
    confirmed: bool,
    compared: bool,
    named: bool,
}

impl Has {
    fn of(cost: &CostReport) -> Self {
        let any = |has: fn(&CellCost) -> bool| cost.cells.iter().any(has);
        Self {
            spread: any(|cell| cell.spread.is_some()),
            confirmed: any(|cell| cell.confirmed.is_some()),
            compared: any(|cell| {
                cell.contrast
                    .is_some_and(|contrast| contrast.ratio.is_some())
            }),
            named: any(|cell| cell.named.is_some()),
        }
    }
}

fn row(
    analysis: &Analysis,
    cost: &CostReport,
    at: usize,
    unit: &Unit,
    scale: Scale,
    has: Has,
) -> Markup {
    let cell = &cost.cells[at];
    let state = State::of(cell);
    let class = match (cost.best == Some(at), matches!(state, State::Arrived(_))) {
        (true, _) => Some("best"),
        (false, false) => Some("never"),
        _ => None,
    };
    let beside = verdict(cost, at);
    let contrast = cell.contrast.and_then(|contrast| contrast.ratio);
    html! {
        tr class=[class] {
            td class="w" { (name(&analysis.cells[at].id)) @if analysis.reference == Some(at) { small { "the reference" } } }
            td class="n" { @match state {
                State::Arrived(expected) => (unit.show(expected)),
                other => (other.words()),
            } }
            td {
                @if let Some(mean) = cell.geometric_mean { (unit.show(mean)) }
                @if let Some(i) = cell.interval { small { (unit.show(i.low)) " to " (unit.show(i.high)) } }
            }
            td { (reached(cell)) }
            td { (median(cell, unit)) }
            td { @if let Some(mean) = cell.restricted_mean { (unit.show(mean)) } }
            @if has.spread { td { @if let Some(spread) = cell.spread { (format!("{:.3}", spread.sd)) } } }
            @if has.confirmed {
                td class="n" { @if let Some(share) = cell.confirmed { (format!("{:.2} %", 100.0 * share)) } }
            }
            @if has.compared {
                td {
                    @if let Some(contrast) = contrast { (small_ratio(&contrast)) }
                    @if !beside.is_empty() { small { (beside) } }
                }
            }
            @if has.named {
                td { @if let Some(named) = cell.named {
                    (small_ratio(&named.ratio)) small { (p_value(named.adjusted)) }
                } }
            }
            td class="wide" {
                (strip(&cell.trials, unit, scale, "every seed")) (list(&cell.trials, unit))
                @if !cell.replicates.is_empty() {
                    small { "replicates, by seed" }
                    (strip(&cell.replicates, unit, scale, "replicates")) (seeds(&cell.replicates, unit))
                }
            }
        }
    }
}

fn p_value(p: f64) -> String {
    match p < 0.001 {
        true => "p < 0.001".into(),
        false => format!("p = {p:.3}"),
    }
}

/// A ratio above its interval.
fn small_ratio(found: &Ratio) -> Markup {
    let text = ratio(found);
    match text.split_once(" (") {
        Some((value, interval)) => html! {
            span class="whole" { (value) } small { (interval.trim_end_matches(')')) }
        },
        None => html! { span class="whole" { (text) } },
    }
}

/// The runs of a cell on one line.
fn strip(trials: &[TrialPoint], unit: &Unit, scale: Scale, what: &str) -> Markup {
    html! {
        svg width=(px(STRIP)) height="16" viewBox=(format!("0 0 {STRIP} 16")) role="group" aria-label=(what) {
            line class="grid" x1="0" x2=(px(STRIP)) y1="8" y2="8" {}
            @for point in trials {
                @let x = 6.0 + scale.share(point.spent).clamp(0.0, 1.0) * (STRIP - 12.0);
                @let failed = point.ended != End::Reached;
                circle class=(if failed { "seed failed" } else { "seed" }) cx=(px(x)) cy="8" r="4" role="img" {
                    title { (told(point, unit)) }
                }
            }
        }
    }
}

fn told(point: &TrialPoint, unit: &Unit) -> String {
    let mut text = format!(
        "seed {}: {}, {}",
        point.seed,
        unit.amount(point.spent),
        ended(point.ended)
    );
    if let Some(evaluating) = point.evaluating {
        text += &format!(", {} of it evaluating", unit.show(evaluating));
    }
    if let Some(without) = point.without_evaluations() {
        text += &format!(", {} without", unit.show(without));
    }
    if let Some(first) = point.first_single {
        text += &format!(
            "; first single evaluation at or above it at {}",
            unit.amount(first)
        );
    }
    if let Some(share) = point.confirmed {
        text += &format!(", {:.2} % on the confirming half", 100.0 * share);
    }
    for (interval, of) in [(point.ci, "repeatability"), (point.accuracy, "absolute")] {
        if let Some(i) = interval {
            text += &format!("; 95 % {of} {} to {}", unit.show(i.low), unit.show(i.high));
        }
    }
    if let Some(reason) = &point.unranked {
        text += &format!("; not ranked: {reason}");
    }
    text
}

fn ended(end: End) -> &'static str {
    match end {
        End::Reached => "reached",
        End::OverBudget => "over budget",
        End::Diverged => "diverged",
    }
}

/// What a run spent and how it ended.
fn sign(point: &TrialPoint, unit: &Unit) -> String {
    let end = match point.ended {
        End::Reached => "",
        End::OverBudget => " B",
        End::Diverged => " D",
    };
    let mark = if point.unranked.is_some() {
        " (not ranked)"
    } else {
        ""
    };
    format!("{}{end}{mark}", unit.show(point.spent))
}

/// The numbers of the dots.
fn list(trials: &[TrialPoint], unit: &Unit) -> Markup {
    let all: Vec<String> = trials.iter().map(|point| sign(point, unit)).collect();
    html! { @for line in all.chunks(4) { span class="seeds" { (line.join(" · ")) } } }
}

/// The numbers of the dots, each behind its seed.
fn seeds(trials: &[TrialPoint], unit: &Unit) -> Markup {
    let named = |point: &TrialPoint| format!("{}: {}", point.seed, sign(point, unit));
    let all: Vec<String> = trials.iter().map(named).collect();
    html! { @for line in all.chunks(3) { span class="seeds" { (line.join(" · ")) } } }
}

/// What the joules of the ranked runs are without their evaluations.
fn without_evaluations(cost: &CostReport, unit: &Unit) -> Markup {
    let of = |points: &[TrialPoint]| {
        let ranked = points.iter().filter(|point| point.unranked.is_none());
        let parts = ranked.filter_map(|point| Some((point.spent, point.without_evaluations()?)));
        parts.fold((0.0, 0.0, 0), |(all, rest, runs), part| {
            (all + part.0, rest + part.1, runs + 1)
        })
    };
    let points: Vec<TrialPoint> = cost
        .cells
        .iter()
        .flat_map(|cell| cell.trials.iter().cloned())
        .collect();
    let (all, rest, runs) = of(&points);
    if runs == 0 || all == 0.0 || !matches!(cost.kind, CostKind::Energy { .. }) {
        return html! {};
    }
    let best = cost.best.map(|best| of(&cost.cells[best].trials));
    html! {
        "Evaluations are in these joules and take " (format!("{:.1} %", 100.0 * (1.0 - rest / all))) " of those of " (runs)
        " runs"
        @if let Some((spent, without, count)) = best && count > 0 {
            "; a run of the least takes " (unit.amount(spent / f64::from(count))) " on average with them and "
            (unit.amount(without / f64::from(count))) " without"
        }
        ". "
    }
}

/// What fresh seeds say.
fn confirmation(analysis: &Analysis, cost: &CostReport, unit: &Unit) -> Markup {
    let Some(fresh) = &cost.confirmation else {
        return html! {};
    };
    let sides = [
        ("the least", cost.best, &fresh.best),
        ("the most", cost.worst, &fresh.worst),
        ("the reference", analysis.reference, &fresh.reference),
    ];
    html! {
        h3 { "Fresh seeds" }
        p {
            @match &fresh.ratio {
                Confirmed::Ratio(found) => {
                    "Run again with seeds that had no part in choosing them, the worst cell takes " (ratio(found))
                    " times what the best takes."
                },
                Confirmed::OfExpected(found) => {
                    "Run again with seeds that had no part in choosing them, the worst cell takes " (ratio(found))
                    " times what the best takes, by expected costs: the best did not always arrive."
                },
                Confirmed::BestFailed => "With fresh seeds the best cell never arrived, so the ratio has no value.",
                Confirmed::NotRun => "The worst cell has no run with a fresh seed that gave a cost.",
            }
            @if let Some(found) = &fresh.cost {
                " The best cell's " (found.runs) " run" (plural(found.runs)) " with fresh seeds, which alone are its cost in the \
                 answer, "
                @match found.geometric_mean {
                    Some(mean) => {
                        "have a geometric mean of " (unit.amount(mean))
                        @if let Some(i) = found.interval { " (95 % " (unit.show(i.low)) " to " (unit.show(i.high)) ")" }
                    },
                    None => "did not arrive",
                }
                "; the table has the runs that chose it."
            }
        }
        ul {
            @for (what, cell, points) in sides {
                @if let Some(cell) = cell && !points.is_empty() {
                    li { (what) ", " (name(&analysis.cells[cell].id)) ", by seed: " (seeds(points, unit)) }
                }
            }
        }
    }
}

/// Every cost to every target in a row.
pub(super) fn other_costs(analysis: &Analysis) -> Markup {
    if analysis.costs.len() < 2 {
        return html! {};
    }
    let all: Vec<&CostReport> = analysis.costs.iter().collect();
    html! {
        section {
            h2 { "Every cost, every target" }
            div class="scroll" {
                table {
                    thead { tr {
                        th class="w" scope="col" { "cost" }
                        th class="w" scope="col" { "of" }
                        th class="w" scope="col" { "cell with the least" }
                        th scope="col" { "expected" br; "(95 % of the" br; "geometric mean)" }
                        th scope="col" { "cells that reached" }
                        th scope="col" { "worst / best here" }
                        th scope="col" { "equal cells:" br; "median, 95 %" }
                    } }
                    tbody { @for cost in &all { (cost_row(analysis, cost)) } }
                }
            }
            p class="quiet" {
                "Worst over best is a maximum over a minimum and biased upward; beside it stands what cells of one and the \
                 same cost would show with this spread. Measured and assumed joules are ranked apart."
            }
            (behind(&[data::costs(analysis, &all)], ""))
        }
    }
}

fn cost_row(analysis: &Analysis, cost: &CostReport) -> Markup {
    let unit = Unit::for_cost(cost);
    let arrived = cost
        .cells
        .iter()
        .filter(|cell| cell.expected.is_some())
        .count();
    html! {
        tr {
            td class="w" { (kind_name(&cost.kind)) }
            td class="w" { span class="whole" { (target(cost)) } }
            @match cost.best {
                Some(best) => {
                    td class="w" { (name(&analysis.cells[best].id)) }
                    td {
                        @if let Some(expected) = cost.cells[best].expected { (unit.amount(expected)) }
                        @if let Some(i) = cost.cells[best].interval { " (" (unit.show(i.low)) " to " (unit.show(i.high)) ")" }
                    }
                },
                None => {
                    td class="w" {
                        @match cost.unranked {
                            0 => "none reached",
                            n => { "not ranked: " (n) " run" (plural(n)) " shared the machine" },
                        }
                    }
                    td {}
                },
            }
            td { (arrived) " of " (cost.cells.len()) }
            td { @if let Some(extremes) = &cost.extremes { (ratio(extremes)) } }
            td { @if let Some(chance) = cost.by_chance { (format!("{:.2}, {:.2}", chance.median, chance.upper)) } }
        }
    }
}

/// How every run ended; those that failed say why.
pub(super) fn runs(analysis: &Analysis) -> Markup {
    let counts: Vec<String> = analysis
        .by_outcome
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.name()))
        .collect();
    let failed = || {
        let lines = analysis.cells.iter().flat_map(|cell| &cell.runs);
        lines.filter(|line| line.error.is_some())
    };
    html! {
        section {
            h2 { "Runs" }
            p {
                @if counts.is_empty() { "No run is done yet." } @else { (counts.join(", ")) "." }
                @if analysis.planned > analysis.done() {
                    " " (analysis.planned - analysis.done()) " run" (plural(analysis.planned - analysis.done())) " left to make."
                }
            }
            @if failed().next().is_some() {
                ul { @for line in failed().take(FAILURES) { li { (line.id) ": " (line.error.as_deref().unwrap_or_default()) } } }
            }
            @if failed().count() > FAILURES {
                p { (failed().count() - FAILURES) " more failed: " code { "--csv" } " has what each of them said." }
            }
            details {
                summary { "Every run and how it ended" }
                div class="scroll" { table {
                    thead { tr {
                        th class="w" scope="col" { "run" } th class="w" scope="col" { "cell" } th scope="col" { "seed" }
                        th class="w" scope="col" { "made for" } th class="w" scope="col" { "ended" }
                    } }
                    tbody { @for cell in &analysis.cells { @for line in &cell.runs { tr {
                        td class="w" { (line.id) } td class="w" { (cell.id) } td { (line.seed) }
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
        Purpose::Main => "the study",
        Purpose::Replicate => "replicate",
        Purpose::Confirm => "confirmation",
    }
}
