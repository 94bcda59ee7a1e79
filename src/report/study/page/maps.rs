//! The map of the cells' cost, and cost against accuracy.

use maud::{Markup, html};

use super::super::chart::{Dot, Frame, Scale, bars, dots, picture, sequential, steps};
use super::super::data;
use super::super::heat::{cost_bars, panels};
use super::super::names::{self, values};
use super::super::words::{Unit, capital, cost_name, plural, target};
use super::behind;
use crate::study::analysis::{Analysis, CostReport};

/// So many points of accuracy below the best cell are drawn.
const LOWEST: f64 = 30.0;

/// The map of the headline's cost; those of the other costs to the same target below it, closed, whose
/// data are those of the table of every cost.
pub(super) fn section(analysis: &Analysis, headline: &CostReport) -> Markup {
    let others: Vec<&CostReport> = analysis
        .costs
        .iter()
        .skip(1)
        .filter(|cost| cost.cells.iter().any(|cell| cell.expected.is_some()))
        .collect();
    html! {
        section {
            h2 { "What each cell costs" }
            (map(analysis, headline))
            (behind(&[data::costs(analysis, &[headline])], ""))
            @if !others.is_empty() {
                details {
                    summary { "The same in the other costs and to the other targets: " (others.len()) " figures" }
                    div class="pair" { @for cost in &others { div {
                        h3 { (capital(&cost_name(cost))) }
                        (map(analysis, cost))
                    } } }
                }
            }
        }
    }
}

fn map(analysis: &Analysis, cost: &CostReport) -> Markup {
    let unit = Unit::for_cost(cost);
    let name = format!("{}, in {}", cost_name(cost), unit.symbol);
    let caption = format!(
        "Expected cost of one success, with restarts: {name}. All that a cell's runs spent, over how many of them arrived."
    );
    let (panels, left_out) = panels(analysis, cost);
    if panels.is_empty() {
        let (rows, left_out) = cost_bars(analysis, cost);
        let whiskers = rows.iter().any(|row| row.interval.is_some());
        return html! {
            figure {
                div class="scroll" { (bars(&rows, &name, &format!("Bars: {name}"))) }
                figcaption {
                    (caption)
                    @if whiskers { " The line on a bar is the 95 % interval of the geometric mean." }
                    @if left_out > 0 { " The table has " (left_out) " more cells." }
                }
            }
        };
    }
    let cells = || {
        panels
            .iter()
            .flat_map(|panel| panel.map.cells.iter().flatten().flatten())
    };
    let has = |pattern: &str| cells().any(|cell| cell.share.is_none() && cell.pattern == pattern);
    let swatch = |pattern: &str| {
        html! { svg width="18" height="14" aria-hidden="true" { rect width="18" height="14" rx="2" fill=(format!("url(#{pattern})")) {} } }
    };
    let outline = |class: &str| {
        html! { svg width="18" height="14" aria-hidden="true" { rect class=(class) x="1.5" y="1.5" width="15" height="11" rx="2" {} } }
    };
    let ramp: Vec<String> = (0..=8)
        .map(|step| sequential(1.0 - f64::from(step) / 8.0).0)
        .collect();
    html! {
        figure {
            div class=(if panels.len() > 1 { "pair" } else { "scroll" }) {
                @for panel in &panels {
                    @let (width, height) = panel.map.size();
                    div class="scroll" {
                        @if !panel.title.is_empty() { h3 { (panel.title) } }
                        (picture(width, height, &format!("Heat map: {name} {}", panel.title), panel.map.draw()))
                    }
                }
            }
            ul class="legend" {
                li {
                    "least" span class="ramp" style=(format!("background:linear-gradient(90deg,{})", ramp.join(","))) {}
                    "most, by its logarithm"
                }
                @if cells().any(|cell| cell.best) { li { (outline("best")) "the least" } }
                @if cells().any(|cell| cell.alike) { li { (outline("alike")) "not told from the least" } }
                @if has("over") { li { (swatch("over")) "B: the budget ended every run" } }
                @if has("diverged") { li { (swatch("diverged")) "D: every run diverged; N: diverged or over budget" } }
                @if has("none") { li { (swatch("none")) "no ranked run" } }
            }
            figcaption {
                (caption)
                @if left_out > 0 { " The table has " (left_out) " more choices of the other axes." }
            }
        }
    }
}

/// What each cell came to at the end of its runs.
pub(super) fn against_accuracy(analysis: &Analysis, headline: &CostReport) -> Markup {
    let ends: Vec<(usize, f64, f64)> = analysis
        .cells
        .iter()
        .enumerate()
        .filter_map(|(at, cell)| cell.end.map(|end| (at, end.cost, 100.0 * end.value)))
        .collect();
    if ends.len() < 2 {
        return html! {};
    }
    // Cells that learnt nothing would press all others into a corner.
    let high = ends.iter().map(|end| end.2).fold(0.0, f64::max);
    let all = ends.len();
    let ends: Vec<(usize, f64, f64)> = ends
        .into_iter()
        .filter(|end| end.2 > high - LOWEST)
        .collect();
    let below = all - ends.len();
    let most = ends.iter().map(|end| end.1).fold(0.0, f64::max);
    let unit = Unit::of(&headline.kind, most);
    let x = Scale::around(ends.iter().map(|end| end.1 / unit.per));
    let y = Scale::around(ends.iter().map(|end| end.2));
    let mut frame = Frame::new(x, y);
    frame.width = 720.0;
    frame.height = 360.0;
    let front = |at: &usize| analysis.pareto.contains(at);
    let many = ends.len() > 24;
    // Without a window for all runs no half of the test set is kept apart.
    let half = match analysis.cadence {
        Some(_) => "confirming half",
        None => "whole test set",
    };
    let marks: Vec<Dot> = ends
        .iter()
        .map(|(at, cost, accuracy)| Dot {
            class: if front(at) { "front" } else { "" },
            title: format!(
                "{}: {}, {accuracy:.2} % on the {half}{}",
                analysis.cells[*at].id,
                unit.amount(*cost),
                if front(at) { ", on the front" } else { "" }
            ),
            at: (cost / unit.per, *accuracy),
            label: match front(at) || !many {
                true => values(analysis, *at),
                false => String::new(),
            },
        })
        .collect();
    let mut line: Vec<(f64, f64)> = ends
        .iter()
        .filter(|end| front(&end.0))
        .map(|end| (end.1 / unit.per, end.2))
        .collect();
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    let of = cost_name(headline).replace(&target(headline), "spent to the end of the runs");
    let axis = format!("{of}, {}", unit.symbol);
    html! {
        section {
            h2 { "Cost against accuracy" }
            figure {
                div class="scroll" {
                    (picture(frame.width, frame.height, &format!("Accuracy over {axis}"), html! {
                        (frame.axes(&axis, &format!("accuracy, {half}, %")))
                        (steps(&frame, &line, "frontier"))
                        (dots(&frame, &marks, &line))
                    }))
                }
                figcaption {
                    @if below > 0 {
                        (below) " cell" (plural(below)) " that ended more than " (LOWEST) " points below the best "
                        @if below == 1 { "is" } @else { "are" } " left out. "
                    }
                    "Where the runs of each cell ended: their mean cost and the mean accuracy of their last "
                    @match analysis.cadence {
                        Some(_) => "window on the half of the test set that decided nothing",
                        None => "evaluation of the whole test set",
                    }
                    ". "
                    @if !names::axes(analysis).is_empty() { "Beside a point stand its values of " (names::axes(analysis)) ". " }
                    "Diamonds and the line are the Pareto front: no other cell \
                     is both cheaper and more accurate. A run ends when it reaches the last target, so the front says \
                     little beyond it."
                }
                (behind(&[data::cells(analysis)], ""))
            }
        }
    }
}
