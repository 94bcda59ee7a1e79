//! Cost against accuracy, with the Pareto front.

use maud::{Markup, html};

use super::super::chart::{Dot, Frame, Scale, dots, steps};
use super::super::colours::RegimeColours;
use super::super::data;
use super::super::display_unit::DisplayUnit;
use super::super::folded::{Rows, data_behind, figure, how};
use super::super::regimes::{axes, values};
use super::super::words::{capital, cost_name, counted, metric_axis, of_tasks, target};
use crate::study::analysis::{Analysis, CostReport};

/// Points of accuracy below the best regime that are drawn: regimes that learnt nothing would press all others together.
const RANGE: f64 = 30.0;

/// So many points have room for a label each; of more only those of the front have one.
const LABELS: usize = 24;

/// Cost and accuracy of each regime at the end of its runs.
pub(super) fn sections(analysis: &Analysis) -> Markup {
    let tasks = |part: &Analysis| analysis.is_split().then(|| part.name.clone());
    html! { @for part in analysis.parts() {
        @if let Some(headline) = part.headline() { (section(part, headline, tasks(part))) }
    } }
}

fn section(analysis: &Analysis, headline: &CostReport, tasks: Option<String>) -> Markup {
    // Without a common window no half of the test set is kept apart.
    let half = match analysis.cadence {
        Some(_) => "confirming half of the test set",
        None => "whole test set",
    };
    let (metric, scale) = metric_axis(analysis, half);
    let ends = analysis.cells.iter().enumerate();
    let mut ends: Vec<(usize, f64, f64)> = ends
        .filter_map(|(at, cell)| cell.end.map(|end| (at, end.cost, scale * end.value)))
        .collect();
    if ends.len() < 2 {
        return html! {};
    }
    let all = ends.len();
    if analysis.target.metric.is_share() {
        let high = ends.iter().map(|end| end.2).fold(0.0, f64::max);
        ends.retain(|end| end.2 > high - RANGE);
    }
    let below = all - ends.len();
    let most = ends.iter().map(|end| end.1).fold(0.0, f64::max);
    let unit = DisplayUnit::of(&headline.kind, most);
    let mut frame = Frame::new(
        Scale::around(ends.iter().map(|end| end.1 / unit.per)),
        Scale::around(ends.iter().map(|end| end.2)),
    );
    (frame.width, frame.height) = (720.0, 360.0);
    let front = |at: &usize| analysis.pareto.contains(at);
    let many = ends.len() > LABELS;
    let colours = RegimeColours::new(analysis);
    let marks = ends.iter().map(|(at, cost, accuracy)| Dot {
        class: colours.line(*at),
        front: front(at),
        title: format!(
            "{}: {}, {} on the {half}{}",
            analysis.cells[*at].name(),
            unit.amount(*cost),
            analysis.target.metric.show(accuracy / scale),
            if front(at) {
                ", on the Pareto front"
            } else {
                ""
            }
        ),
        at: (cost / unit.per, *accuracy),
        label: match front(at) || !many {
            true => values(analysis, *at),
            false => String::new(),
        },
    });
    let marks: Vec<Dot> = marks.collect();
    let of_front = ends.iter().filter(|end| front(&end.0));
    let mut line: Vec<(f64, f64)> = of_front.map(|end| (end.1 / unit.per, end.2)).collect();
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    let cost = cost_name(analysis, headline)
        .replace(&target(analysis, headline), "to the end of the runs");
    let axis = format!("{cost}, {}", unit.symbol);
    html! {
        section {
            h2 { "Cost against " (analysis.target.metric.name()) @if let Some(tasks) = tasks { ", " (tasks) } }
            (figure(&Rows::all("cells").of_part(analysis), &html! {
                div class="scroll" {
                    (frame.picture(&of_tasks(analysis, &format!("{metric} over {axis}")), html! {
                        (frame.axes(&capital(&axis), &metric))
                        (steps(&frame, &line, "frontier"))
                        (dots(&frame, &marks, &line))
                    }))
                }
                figcaption {
                    "Diamonds and the line: the Pareto front"
                    @if !axes(analysis).is_empty() { "; labels are " (axes(analysis)) }
                    "."
                    @if below > 0 { " Not drawn: " (counted(below, "regime")) " more than " (RANGE) " points below the best." }
                }
            }))
            (how(&html! {
                "Each point is the mean cost of a regime's runs at their end and their mean " (analysis.target.metric.name()) " in the last "
                @match analysis.cadence {
                    Some(_) => "window, on the confirming half of the test set",
                    None => "evaluation of the whole test set",
                }
                ". On the Pareto front no other regime is both cheaper and better. A run ends when it reaches the \
                 last target, so the front has little information beyond it."
            }))
            (data_behind(&[data::cells(analysis)], ""))
        }
    }
}
