//! The table of all regimes with every seed.

use maud::{Markup, html};

use super::super::chart::{Scale, px};
use super::super::colours::RegimeColours;
use super::super::display_unit::DisplayUnit;
use super::super::folded::how;
use super::super::summary::Summary;
use super::super::words::{State, capital, cost_name, counted, is_best, ratio, verdict};
use crate::study::analysis::{Analysis, CostKind, CostReport, TrialPoint};
use crate::study::stats::{Confirmed, End, Ratio};

/// Width of the strip that shows the seeds, and the room at its ends.
const STRIP: (f64, f64) = (180.0, 12.0);

/// Every regime with every seed in the headline's cost.
pub(super) fn section(analysis: &Analysis, cost: &CostReport) -> Markup {
    let summary = Summary::of(analysis, cost);
    let unit = &summary.unit;
    let split = analysis.is_split();
    let compared = cost.cells.iter().any(|cell| {
        cell.contrast
            .is_some_and(|contrast| contrast.ratio.is_some())
    });
    let named = cost
        .cells
        .iter()
        .any(|cell| cell.versus_reference.is_some());
    html! {
        section {
            h2 { "All regimes, all seeds" }
            div class="scroll" { table {
                caption { span { (capital(&cost_name(analysis, cost))) ", " (unit.symbol) @if !split { "; the lowest first" } } }
                thead { tr {
                    th class="w" scope="col" { "regime" }
                    @for column in &summary.columns { th scope="col" { (column.head) } }
                    @if compared { th scope="col" { "times the lowest" br; "(95 % CI, joint)" } }
                    @if named { th scope="col" { "times the" br; "reference" } }
                    th class="w" scope="col" { "every seed, " (unit.symbol) @if !split { (axis(seed_scale(cost, &summary.order, unit))) } }
                } }
                @for part in analysis.parts() { tbody {
                    @let own = analysis.cells_of(part);
                    @let scale = seed_scale(cost, &own, unit);
                    @let colours = RegimeColours::new(part);
                    @if split { tr {
                        th class="w" scope="rowgroup" colspan=(1 + summary.columns.len() + usize::from(compared) + usize::from(named)) {
                            (capital(&part.name))
                        }
                        th class="w" { (axis(scale)) }
                    } }
                    @for (row, at) in summary.order.iter().enumerate() {
                        @if let Some(place) = own.iter().position(|cell| cell == at) {
                            @let seeds = Seeds { unit, scale, class: colours.line(place) };
                            (regime(analysis, cost, *at, &summary.texts(row), [compared, named], &seeds))
                        }
                    }
                } }
            } }
            p class="quiet" { "Dot: a run that reached the target. Ring: a run that did not reach it, at the cost \
                that it had spent." }
            (how(&notes(cost, &summary, compared, named)))
            @for part in analysis.parts() { @if let Some(own) = part.cost(cost) {
                (confirmation(part, own, unit, split))
            } }
        }
    }
}

/// How the seeds of a regime are drawn.
struct Seeds<'a> {
    unit: &'a DisplayUnit,
    scale: Scale,
    class: &'static str,
}

/// A row of the table; `columns`: whether it has the comparison with the lowest, and with the reference.
fn regime(
    analysis: &Analysis,
    cost: &CostReport,
    at: usize,
    texts: &[&str],
    columns: [bool; 2],
    seeds: &Seeds<'_>,
) -> Markup {
    let cell = &cost.cells[at];
    let reached = matches!(State::of(cell), State::Reached(_));
    let Seeds { unit, scale, class } = *seeds;
    html! { tr class=[if is_best(cost, at) { Some("best") } else { (!reached).then_some("never") }] {
        td class="w regime" {
            (analysis.cells[at].name())
            @if analysis.reference == Some(at) { small { "reference" } }
        }
        @for text in texts { td class="n" { (text) } }
        @if columns[0] { td {
            @if let Some(found) = cell.contrast.and_then(|contrast| contrast.ratio) { (ratio_cell(&found)) }
            small { (verdict(cost, at)) }
        } }
        @if columns[1] { td { @if let Some(named) = cell.versus_reference {
            (ratio_cell(&named.ratio)) small { (p_value(named.adjusted)) }
        } } }
        td class="wide" {
            (strip(&cell.trials, unit, scale, class)) (listed(&cell.trials, unit, false))
            @if !cell.replicates.is_empty() {
                small { "replicates, by seed" }
                (strip(&cell.replicates, unit, scale, class)) (listed(&cell.replicates, unit, true))
            }
        }
    } }
}

fn notes(cost: &CostReport, summary: &Summary, compared: bool, named: bool) -> Markup {
    let any =
        |has: fn(&TrialPoint) -> bool| cost.cells.iter().flat_map(|cell| &cell.trials).any(has);
    html! {
        (capital(&summary.notes.join("; "))) ". "
        @if any(|point| point.ci.is_some()) { "The tooltip of a run shows the sensor's intervals for that run. " }
        (evaluations(cost, &summary.unit))
        @if any(|point| point.first_single.is_some()) {
            "The tooltip also shows the cost of a run at its first single evaluation that meets the target. "
        }
        @if cost.cells.iter().any(|cell| !cell.replicates.is_empty()) {
            "Replicates of the reference regime are shown, but do not affect its costs. "
        }
        @if compared {
            "Times the lowest: the ratio of geometric means, with intervals that are simultaneous for all regimes; if \
             runs failed, a lower bound. "
        }
        @if named { "Times the reference: with the interval of this pair and the p-value corrected by Holm. " }
    }
}

fn p_value(p: f64) -> String {
    match p < 0.001 {
        true => "p < 0.001".into(),
        false => format!("p = {p:.3}"),
    }
}

/// A ratio above its interval.
fn ratio_cell(found: &Ratio) -> Markup {
    let text = ratio(found);
    let (value, interval) = text.split_once(" (").unwrap_or((&text, ""));
    html! { span class="whole" { (value) } small { (interval.trim_end_matches(')')) } }
}

/// The scale of the seeds of some cells.
fn seed_scale(cost: &CostReport, cells: &[usize], unit: &DisplayUnit) -> Scale {
    let cells = cells.iter().map(|at| &cost.cells[*at]);
    let points = cells.flat_map(|cell| cell.trials.iter().chain(&cell.replicates));
    Scale::around(points.map(|point| point.spent / unit.per))
}

/// The ticks of the column of seeds.
fn axis(scale: Scale) -> Markup {
    html! {
        svg class="seed-axis" width=(px(STRIP.0)) height="18" viewBox=(format!("0 0 {} 18", STRIP.0)) aria-hidden="true" {
            line class="axis" x1="0" x2=(px(STRIP.0)) y1="17.5" y2="17.5" {}
            @for (value, text) in scale.ticks(4) {
                @let x = strip_place(scale, value);
                line class="mark" x1=(px(x)) x2=(px(x)) y1="14" y2="18" {}
                text class="tick" x=(px(x)) y="11" text-anchor="middle" { (text) }
            }
        }
    }
}

fn strip_place(scale: Scale, value: f64) -> f64 {
    STRIP.1 + scale.share(value).clamp(0.0, 1.0) * (STRIP.0 - 2.0 * STRIP.1)
}

/// The runs of a regime on one line.
fn strip(trials: &[TrialPoint], unit: &DisplayUnit, scale: Scale, class: &str) -> Markup {
    html! {
        svg width=(px(STRIP.0)) height="16" viewBox=(format!("0 0 {} 16", STRIP.0)) role="group" aria-label="every seed" {
            line class="grid" x1="0" x2=(px(STRIP.0)) y1="8" y2="8" {}
            @for (value, _) in scale.ticks(4) {
                @let x = px(strip_place(scale, value));
                line class="grid" x1=(x) x2=(x) y1="0" y2="16" {}
            }
            @for point in trials {
                @let failed = point.ended != End::Reached;
                circle class=(format!("seed {class}{}", if failed { " failed" } else { "" })) cx=(px(strip_place(scale, point.spent / unit.per)))
                    cy="8" r="4" role="img" { title { (described(point, unit)) } }
            }
        }
    }
}

/// A run in words, for its tooltip.
fn described(point: &TrialPoint, unit: &DisplayUnit) -> String {
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
            "; first single evaluation that meets the target at {}",
            unit.amount(first)
        );
    }
    if let Some(share) = point.confirmed {
        text += &format!(", {:.2} % on the confirming half", 100.0 * share);
    }
    for (interval, of) in [(point.ci, "95 % CI"), (point.accuracy, "accuracy interval")] {
        if let Some(i) = interval {
            text += &format!("; {of} {}", unit.interval(i.low, i.high));
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

/// The numbers of the dots, each after its seed where these matter.
fn listed(trials: &[TrialPoint], unit: &DisplayUnit, with_seeds: bool) -> Markup {
    let numbers = trials.iter().map(|point| {
        let mut text = match with_seeds {
            true => format!("{}: {}", point.seed, unit.show(point.spent)),
            false => unit.show(point.spent),
        };
        if point.ended != End::Reached {
            text += &format!(" {}", ended(point.ended));
        }
        if point.unranked.is_some() {
            text += " (not ranked)";
        }
        text
    });
    let numbers: Vec<String> = numbers.collect();
    html! { span class="seeds" { (numbers.join(" · ")) } }
}

/// The joules of the ranked runs without their evaluations.
fn evaluations(cost: &CostReport, unit: &DisplayUnit) -> Markup {
    let sums = |points: &mut dyn Iterator<Item = &TrialPoint>| {
        let ranked = points.filter(|point| point.unranked.is_none());
        let parts = ranked.filter_map(|point| Some((point.spent, point.without_evaluations()?)));
        parts.fold((0.0, 0.0, 0), |(all, rest, runs), part| {
            (all + part.0, rest + part.1, runs + 1)
        })
    };
    let (all, rest, runs) = sums(&mut cost.cells.iter().flat_map(|cell| &cell.trials));
    if runs == 0 || all == 0.0 || !matches!(cost.kind, CostKind::Energy { .. }) {
        return html! {};
    }
    let best = cost
        .best
        .map(|best| sums(&mut cost.cells[best].trials.iter()));
    html! {
        "These joules include evaluations, which use " (format!("{:.1} %", 100.0 * (1.0 - rest / all))) " of the \
         joules of "
        (counted(runs, "run"))
        @if let Some((spent, without, count)) = best && count > 0 {
            "; a run of the lowest regime uses " (unit.amount(spent / count as f64)) " on average with them and "
            (unit.amount(without / count as f64)) " without"
        }
        ". "
    }
}

/// The result of the runs with fresh seeds.
fn confirmation(analysis: &Analysis, cost: &CostReport, unit: &DisplayUnit, split: bool) -> Markup {
    let Some(fresh) = &cost.confirmation else {
        return html! {};
    };
    let sides = [
        ("lowest", cost.best, &fresh.best),
        ("highest", cost.worst, &fresh.worst),
        ("reference", analysis.reference, &fresh.reference),
    ];
    html! {
        h3 { "Fresh seeds" @if split { ", " (analysis.name) } }
        p {
            @match &fresh.ratio {
                Confirmed::Ratio(found) => {
                    "With fresh seeds, which were not used to select the regimes, the worst regime costs " (ratio(found)) " times as much as the best."
                },
                Confirmed::OfExpected(found) => {
                    "With fresh seeds, which were not used to select the regimes, the worst regime costs " (ratio(found))
                    " times as much as the best, by expected cost, because the best did not always reach the target."
                },
                Confirmed::BestFailed => "With fresh seeds the best regime never reached the target, so the ratio has no value.",
                Confirmed::NotRun => "The worst regime has no run with a fresh seed that gave a cost.",
            }
            @if let Some(found) = &fresh.cost {
                " The cost in the answer is that of the best regime's " (counted(found.runs, "run")) " with fresh seeds"
                @match found.geometric_mean {
                    Some(mean) => {
                        ": a geometric mean of " (unit.amount(mean))
                        @if let Some(i) = found.interval { " (95 % CI " (unit.interval(i.low, i.high)) ")" }
                    },
                    None => ", which did not reach the target",
                }
                "; the table has the runs that chose it."
            }
        }
        ul {
            @for (what, cell, points) in sides {
                @if let Some(cell) = cell && !points.is_empty() {
                    li { (what) ", " (analysis.cells[cell].name()) ", by seed: " (listed(points, unit, true)) }
                }
            }
        }
    }
}
