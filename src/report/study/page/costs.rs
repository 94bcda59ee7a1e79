//! The cost of each regime as maps and bars, and the table of every cost.

use maud::{Markup, html};

use super::super::chart::{HeatCell, bars, picture, sequential};
use super::super::data;
use super::super::display_unit::DisplayUnit;
use super::super::folded::{data_behind, how};
use super::super::heat_maps::{MapScale, Panel, cost_bars, panels, parallel};
use super::super::words::{capital, cost_name, counted, kind_name, ratio, target};
use crate::study::analysis::{Analysis, CostReport};

/// The headline's cost, and folded in the other costs, whose data are those of the table of every cost.
pub(super) fn section(analysis: &Analysis, headline: &CostReport) -> Markup {
    let others: Vec<&CostReport> = analysis
        .costs
        .iter()
        .skip(1)
        .filter(|cost| cost.cells.iter().any(|cell| cell.expected.is_some()))
        .collect();
    html! {
        section {
            h2 { (capital(&cost_name(analysis, headline))) ", " (DisplayUnit::for_cost(headline).symbol) }
            (figure(analysis, headline))
            (data_behind(&[data::costs(analysis, &[headline])], ""))
            @if !others.is_empty() {
                details {
                    summary { "The other costs and targets: " (counted(others.len(), "figure")) }
                    @for cost in &others {
                        h3 { (capital(&cost_name(analysis, cost))) }
                        (figure(analysis, cost))
                    }
                }
            }
        }
    }
}

fn figure(analysis: &Analysis, cost: &CostReport) -> Markup {
    let name = format!(
        "{}, {}",
        cost_name(analysis, cost),
        DisplayUnit::for_cost(cost).symbol
    );
    let (panels, maps_left_out) = panels(analysis, cost, &MapScale::of(cost, &[]));
    let (rows, bars_left_out) = cost_bars(analysis, cost);
    let intervals = rows.iter().any(|row| row.interval.is_some());
    let several = cost.cells.iter().any(|cell| cell.trials.len() > 1);
    html! {
        @if !panels.is_empty() { (maps(&panels, &name)) }
        @if let Some(plot) = parallel(analysis, cost) { figure {
            div class="scroll" { (plot.picture(&format!("Parallel coordinates: {name}"))) }
            figcaption { "A line per regime through its values; lower on the right is cheaper." }
        } }
        figure {
            div class="scroll" { (bars(&rows, &name, &format!("Bars: {name}"))) }
            figcaption {
                @if several { "Expected cost" } @else { "Cost of one seed" }
                @if intervals { "; the line below a bar is the 95 % confidence interval." } @else { ", no intervals." }
                @if bars_left_out > 0 { " The table has " (bars_left_out) " more regimes." }
                @if maps_left_out > 0 { " " (counted(maps_left_out, "map")) " for other values not drawn." }
            }
            (how(&html! {
                "The expected cost of one success with restarts: the total cost of a regime's runs divided by the \
                 number that reached \
                 the target. The interval is that of the geometric mean, and absent where a run failed. Colours of a map are \
                 logarithmic. A regime has the same colour in every plot; with more than seven regimes only the lowest, the \
                 highest and the reference have their own."
            }))
        }
    }
}

/// Maps with their legend.
pub(in super::super) fn maps(panels: &[Panel], name: &str) -> Markup {
    let cells = || {
        panels
            .iter()
            .flat_map(|panel| panel.map.cells.iter().flatten().flatten())
    };
    let has = |what: fn(&HeatCell) -> bool| cells().any(what);
    let ramp: Vec<String> = (0..=8)
        .map(|step| sequential(1.0 - f64::from(step) / 8.0).0)
        .collect();
    let outline = |class: &str| {
        html! { svg width="18" height="14" aria-hidden="true" { rect class=(class) x="1.5" y="1.5" width="15" height="11" rx="2" {} } }
    };
    html! {
        figure {
            div class=(if panels.len() > 1 { "pair" } else { "scroll" }) {
                @for panel in panels {
                    @let (width, height) = panel.map.size();
                    div class="scroll" {
                        @if !panel.title.is_empty() { h3 { (panel.title) } }
                        (picture(width, height, &format!("Heat map: {name} {}", panel.title), panel.map.draw()))
                    }
                }
            }
            ul class="legend" {
                li {
                    "lowest" span class="ramp" style=(format!("background:linear-gradient(90deg,{})", ramp.join(","))) {}
                    "highest (logarithmic)"
                }
                @if has(|cell| cell.best) { li { (outline("best")) "lowest" } }
                @if has(|cell| cell.alike) { li { (outline("alike")) "not significantly different" } }
            }
        }
    }
}

/// Every cost to every target in a row.
pub(super) fn all(analysis: &Analysis) -> Markup {
    if analysis.costs.len() < 2 {
        return html! {};
    }
    let all: Vec<&CostReport> = analysis.costs.iter().collect();
    html! {
        section {
            h2 { "Every cost, every target" }
            div class="scroll" { table {
                thead { tr {
                    th class="w" scope="col" { "cost" }
                    th class="w" scope="col" { "target" }
                    th class="w" scope="col" { "regime with the lowest" }
                    th scope="col" { "expected" br; "(95 % CI)" }
                    th scope="col" { "regimes that" br; "reached it" }
                    th scope="col" { "highest /" br; "lowest" }
                    th scope="col" { "by chance:" br; "median, 95 %" }
                } }
                tbody { @for cost in &all { (row(analysis, cost)) } }
            } }
            (how(&html! {
                "The confidence interval is that of the geometric mean. Highest over lowest is biased upward, because both are \
                 selected; \"by chance\" is the ratio that regimes of equal cost would show with this spread between seeds: the median of such studies, and the value that 95 % of them stay below. Measured and assumed joules are ranked separately."
            }))
            (data_behind(&[data::costs(analysis, &all)], ""))
        }
    }
}

fn row(analysis: &Analysis, cost: &CostReport) -> Markup {
    let unit = DisplayUnit::for_cost(cost);
    let reached = cost
        .cells
        .iter()
        .filter(|cell| cell.expected.is_some())
        .count();
    let best = cost.best.map(|best| &cost.cells[best]);
    html! { tr {
        td class="w" { (kind_name(&cost.kind)) }
        td class="n w" { (target(analysis, cost)) }
        td class="w" { @match cost.best {
            Some(best) => (analysis.cells[best].name()),
            None if cost.unranked > 0 => { "not ranked: other work ran during " (counted(cost.unranked, "run")) },
            None => "not reached",
        } }
        td {
            @if let Some(expected) = best.and_then(|cell| cell.expected) { (unit.amount(expected)) }
            @if let Some(i) = best.and_then(|cell| cell.interval) { " (" (unit.interval(i.low, i.high)) ")" }
        }
        td { (reached) " of " (cost.cells.len()) }
        td { @if let Some(extremes) = &cost.extremes { (ratio(extremes)) } }
        td { @if let Some(chance) = cost.null_ratio { (format!("{:.2}, {:.2}", chance.median, chance.upper)) } }
    } }
}
