//! The cost of each regime as maps and bars, and the table of every cost.

use maud::{Markup, html};

use super::super::chart::{HeatCell, bars, picture};
use super::super::data;
use super::super::display_unit::DisplayUnit;
use super::super::folded::{Rows, data_behind, figure, how};
use super::super::heat_maps::{MapScale, Panel, cost_bars, panels, parallel};
use super::super::words::{capital, cost_name, counted, kind_name, of_tasks, ratio, target};
use crate::study::analysis::{Analysis, CostReport};

/// The headline's cost, and folded in the other costs, whose data are those of the table of every cost. Cells that learn
/// different tasks share no figure.
pub(super) fn section(analysis: &Analysis, headline: &CostReport) -> Markup {
    let compared = |part: &&Analysis| part.cells.len() > 1 || !analysis.is_split();
    let parts: Vec<&Analysis> = analysis.parts().into_iter().filter(compared).collect();
    if parts.is_empty() {
        return html! {};
    }
    let others: Vec<&CostReport> = analysis
        .costs
        .iter()
        .skip(1)
        .filter(|cost| cost.cells.iter().any(|cell| cell.expected.is_some()))
        .collect();
    let of = |cost: &CostReport| {
        html! {
            @for part in &parts { @if let Some(own) = part.cost(cost) {
                @if analysis.is_split() { h3 { (capital(&part.name)) } }
                (figures(part, own))
            } }
        }
    };
    html! {
        section {
            h2 { (capital(&cost_name(analysis, headline))) ", " (DisplayUnit::for_cost(headline).symbol) }
            (of(headline))
            (how(&html! {
                "The expected cost of one success with restarts: the total cost of a regime's runs divided by the \
                 number that reached \
                 the target. The interval is that of the geometric mean, and absent where a run failed. Colours of a map are \
                 logarithmic. A regime has the same colour in every plot; with more than seven regimes only the lowest, the \
                 highest and the reference have their own."
            }))
            (data_behind(&[data::costs(analysis, &[headline])], ""))
            @if !others.is_empty() {
                details {
                    summary { "The other costs and targets: " (counted(others.len(), "figure")) }
                    @for cost in &others {
                        h3 { (capital(&cost_name(analysis, cost))) }
                        (of(cost))
                    }
                }
            }
        }
    }
}

fn figures(analysis: &Analysis, cost: &CostReport) -> Markup {
    let name = format!(
        "{}, {}",
        cost_name(analysis, cost),
        DisplayUnit::for_cost(cost).symbol
    );
    let (panels, maps_left_out) = panels(analysis, cost, &MapScale::of(cost, &[]));
    let (rows, bars_left_out) = cost_bars(analysis, cost);
    let intervals = rows.iter().any(|row| row.interval.is_some());
    let several = cost.cells.iter().any(|cell| cell.trials.len() > 1);
    let title = of_tasks(analysis, &name);
    let behind = Rows::of("costs", data::cost_key(cost)).of_part(analysis);
    html! {
        @if !panels.is_empty() { (maps(&panels, &title, &behind)) }
        @if let Some(plot) = parallel(analysis, cost) { (figure(&behind, &html! {
            div class="scroll" { (plot.picture(&format!("Parallel coordinates: {title}"))) }
            figcaption { "A line per regime through its values; lower on the right is cheaper." }
        })) }
        (figure(&behind, &html! {
            div class="scroll" { (bars(&rows, &name, &format!("Bars: {title}"))) }
            figcaption {
                @if several { "Expected cost" } @else { "Cost of one seed" }
                @if intervals { "; the line below a bar is the 95 % confidence interval." } @else { ", no intervals." }
                @if bars_left_out > 0 { " The table has " (bars_left_out) " more regimes." }
                @if maps_left_out > 0 { " " (counted(maps_left_out, "map")) " for other values not drawn." }
            }
        }))
    }
}

/// Maps with their legend.
pub(in super::super) fn maps(panels: &[Panel], name: &str, behind: &Rows) -> Markup {
    let cells = || {
        panels
            .iter()
            .flat_map(|panel| panel.map.cells.iter().flatten().flatten())
    };
    let has = |what: fn(&HeatCell) -> bool| cells().any(what);
    let outline = |class: &str| {
        html! { svg width="18" height="14" aria-hidden="true" { rect class=(class) x="1.5" y="1.5" width="15" height="11" rx="2" {} } }
    };
    figure(
        behind,
        &html! {
            @let several = panels.len() > 1;
            @let label = format!("Heat map: {name}");
            div class=(if several { "pair" } else { "scroll" }) role=[several.then_some("group")] aria-label=[several.then_some(&label)] {
                @for panel in panels {
                    @let (width, height) = panel.map.size();
                    div class="scroll" {
                        @if !panel.title.is_empty() { h3 { (panel.title) } }
                        (picture(width, height, if several { &panel.title } else { &label }, panel.map.draw()))
                    }
                }
            }
            ul class="legend" {
                li {
                    "lowest"
                    svg width="120" height="12" aria-hidden="true" { rect fill="url(#ramp)" width="120" height="12" rx="2" {} }
                    "highest (logarithmic)"
                }
                @if has(|cell| cell.best) { li { (outline("best")) "lowest" } }
                @if has(|cell| cell.alike) { li { (outline("alike")) "not significantly different" } }
            }
        },
    )
}

/// Every cost to every target in a row.
pub(super) fn all(analysis: &Analysis) -> Markup {
    if analysis.costs.len() < 2 {
        return html! {};
    }
    let all: Vec<&CostReport> = analysis.costs.iter().collect();
    let parts = analysis.parts();
    let several = parts.iter().any(|part| part.cells.len() > 1);
    let tasks = analysis.is_split() && several;
    html! {
        section {
            h2 { "Every cost, every target" }
            div class="scroll" { table {
                thead { tr {
                    th class="w" scope="col" { "cost" }
                    th class="w" scope="col" { "target" }
                    @if tasks { th class="w" scope="col" { "tasks" } }
                    th class="w" scope="col" { @if several { "regime with the lowest" } @else { "regime" } }
                    th scope="col" { "expected" br; "(95 % CI)" }
                    th scope="col" { "regimes that" br; "reached it" }
                    @if several {
                        th scope="col" { "highest /" br; "lowest" }
                        th scope="col" { "by chance:" br; "median, 95 %" }
                    }
                } }
                tbody { @for cost in &all { @for part in &parts {
                    @if let Some(own) = part.cost(cost) { (row([tasks, several], part, own)) }
                } } }
            } }
            (how(&html! {
                "The confidence interval is that of the geometric mean. Highest over lowest is biased upward, because both are \
                 selected; \"by chance\" is the ratio that regimes of equal cost would show with this spread between seeds: the median of such studies, and the value that 95 % of them stay below. Measured and assumed joules are ranked separately."
            }))
            (data_behind(&[data::costs(analysis, &all)], ""))
        }
    }
}

/// The cost of the cells of `analysis`; `columns`: whether the table has the tasks, and the ratio to the highest.
fn row(columns: [bool; 2], analysis: &Analysis, cost: &CostReport) -> Markup {
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
        @if columns[0] { td class="w" { (analysis.tasks().unwrap_or_default()) } }
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
        @if columns[1] {
            td { @if let Some(extremes) = &cost.extremes { (ratio(extremes)) } }
            td { @if let Some(chance) = cost.null_ratio { (format!("{:.2}, {:.2}", chance.median, chance.upper)) } }
        }
    } }
}
