//! The ledgers on the page: a sentence, a plot and the data behind it.

use maud::{Markup, html};

use super::super::chart::{Bar, Dot, Frame, Line, Scale, bars, dots, lines, px};
use super::super::colours::RegimeColours;
use super::super::display_unit::{DisplayUnit, digits};
use super::super::folded::{Rows, data_behind, figure, how};
use super::super::words::{capital, of_tasks};
use super::data;
use super::parts::{text, whisker};
use super::shared::multitask_section;
use super::words::{break_even, first_of_each_factor, of, ratio};
use crate::study::Opened;
use crate::study::analysis::{Analysis, CostKind};
use crate::study::ledger::{
    Charged, Footprint, FootprintCell, Inference, InferenceCell, LifeCycle, Pretraining,
};
use crate::study::stats::{Fieller, Mean, MeanRatio};

/// Bars of a figure; the data behind it have all.
const ROWS: usize = 40;

/// Points of a curve.
const POINTS: usize = 60;

/// Every ledger that the study has; `number` makes the ids of their plots unique.
pub(in super::super) fn sections(opened: &Opened, number: usize) -> Markup {
    let ledgers = &opened.ledgers;
    let text = |name: &str| text(opened, name);
    html! {
        @if let Some(found) = ledgers.pretraining.first() { section {
            h2 { "Who pays for the pretraining" }
            (text("pretraining")) (pretraining(opened, found, number)) (data_behind(&[data::pretraining(opened)], ""))
        } }
        @if !opened.analysis.is_split() { (multitask_section(opened)) }
        @if let Some(found) = ledgers.life_cycle.first() { section {
            h2 { "When inference outweighs training" }
            (text("life cycle")) (life_cycle(opened, found)) (data_behind(&[data::life_cycle(opened)], ""))
        } }
        @if !ledgers.footprint.is_empty() { section {
            h2 { "Carbon and money" }
            (text("footprint"))
            @for found in first_of_each_factor(&ledgers.footprint) { (footprint(opened, found)) }
            (how(&html! {
                "The measured joules of a run to the target, by the factors that were given to the report. They cover what the \
                 sensor covers, not the rest of the machine, its cooling or its production. The interval is that of the joules; the factors have none."
            }))
            (data_behind(&[data::footprint(opened)], ""))
        } }
    }
}

fn between(found: &MeanRatio) -> Option<(f64, f64)> {
    match found.interval {
        Fieller::Between(i) => Some((i.low.max(0.0), i.high)),
        _ => None,
    }
}

fn pretraining(opened: &Opened, found: &Pretraining, number: usize) -> Markup {
    let analysis = &opened.analysis;
    let uses = opened.ledgers.uses;
    let name = |cell: usize| analysis.cells[cell].name();
    let colours = RegimeColours::new(analysis);
    let mut rows = Vec::new();
    for cell in &found.cells {
        let charges = [
            ("sunk".to_owned(), Charged::Sunk),
            (format!("shared over {uses}"), Charged::Shared(uses)),
            ("in full".to_owned(), Charged::InFull),
        ];
        let charges = charges
            .into_iter()
            .filter_map(|(name, charged)| Some((name, cell.ratio(charged)?)));
        rows.extend(charges.map(|(charged, found)| Bar {
            name: format!("{}, {charged}", name(cell.cell)),
            title: format!(
                "{}, pretraining {charged}: {} times the cost from scratch",
                name(cell.cell),
                ratio(&found)
            ),
            parts: vec![(colours.part(cell.cell), found.ratio)],
            interval: between(&found),
            text: ratio(&found),
        }));
    }
    let kind = capital(&of(analysis, &found.kind, found.threshold));
    html! {
        (figure(&Rows::of("pretraining", data::key(&found.kind, found.threshold)), &html! {
            div class="scroll" { (bars(&rows, "Times the cost from scratch", &format!("{kind}: pretraining sunk, shared, in full"))) }
        }))
        (curves(opened, found, &colours, &format!("l{number}")))
        div class="scroll" { table {
            thead { tr {
                th class="w" scope="col" { "regime" } th class="w" scope="col" { "against" }
                th scope="col" { "sunk" br; "(95 % CI)" } th scope="col" { "in full" br; "(95 % CI)" }
                th scope="col" { "runs until it pays off" br; "(95 % CI)" } th scope="col" { "seeds" }
            } }
            tbody { @for cell in &found.cells { tr {
                td class="w regime" { (name(cell.cell)) @if cell.frozen { small { "frozen layers" } } }
                td class="w" { (name(cell.scratch)) }
                td class="n" { (ratio(&cell.sunk)) } td class="n" { (ratio(&cell.in_full)) } td class="n" { (break_even(cell)) } td { (cell.seeds) }
            } } }
        } }
        (how(&html! {
            (kind) ". Sunk: the pretraining is charged to nobody; in full: to each run; shared: in equal parts. Ratios of arithmetic means \
             to the cost from scratch, with Fieller's interval of the seeds, which are pairs. It pays off when as many runs share a \
             pretraining run as its cost is over what a run saves. If the saving is not significant the interval has no upper end."
        }))
    }
}

/// The cost of a run over the number of runs that share the pretraining.
fn curves(opened: &Opened, found: &Pretraining, colours: &RegimeColours, id: &str) -> Markup {
    let analysis = &opened.analysis;
    let pays = found.cells.iter().filter_map(|cell| cell.break_even);
    let most = pays
        .map(|found| found.ratio)
        .filter(|ratio| *ratio > 0.0)
        .fold(10.0, f64::max);
    let most = (3.0 * most).min(10_000.0);
    let highest = found
        .cells
        .iter()
        .map(|cell| cell.cost(Charged::InFull).max(cell.from_scratch.mean))
        .fold(0.0, f64::max);
    let unit = DisplayUnit::of(&found.kind, highest);
    let mut frame = Frame::new(
        Scale::around([1.0, most]),
        Scale::from_zero([highest / unit.per]),
    );
    (frame.width, frame.height) = (720.0, 340.0);
    let runs = |at: usize| most.powf(at as f64 / POINTS as f64);
    let mut drawn = Vec::new();
    let mut legend: Vec<(&'static str, String)> = Vec::new();
    for cell in &found.cells {
        if !legend.iter().any(|one| one.0 == colours.line(cell.scratch)) {
            let level = cell.from_scratch.mean / unit.per;
            drawn.push(Line {
                class: colours.line(cell.scratch),
                title: format!(
                    "{}: {} from scratch",
                    analysis.cells[cell.scratch].name(),
                    unit.amount(cell.from_scratch.mean)
                ),
                points: vec![(1.0, level), (most, level)],
            });
            legend.push((
                colours.line(cell.scratch),
                analysis.cells[cell.scratch].name(),
            ));
        }
        drawn.push(Line {
            class: colours.line(cell.cell),
            title: format!(
                "{}: {} with the pretraining in full, {} without it",
                analysis.cells[cell.cell].name(),
                unit.amount(cell.cost(Charged::InFull)),
                unit.amount(cell.cost(Charged::Sunk))
            ),
            points: (0..=POINTS)
                .map(|at| (runs(at), cell.cost(Charged::Shared(runs(at))) / unit.per))
                .collect(),
        });
        legend.push((colours.line(cell.cell), analysis.cells[cell.cell].name()));
    }
    frame.legend = legend;
    let y = format!(
        "{} per run, {}",
        capital(&of(analysis, &found.kind, found.threshold)),
        unit.symbol
    );
    let x = "Runs that share one pretraining run";
    html! {
        (figure(&Rows::of("pretraining", data::key(&found.kind, found.threshold)), &html! { div class="scroll" {
            (frame.picture(&format!("{y} over {x}"), html! { (frame.axes(x, &y)) (lines(&frame, &drawn, id)) }))
        } }))
        p class="quiet" { "Means of the seeds. Where a curve falls below the line from scratch, the pretraining pays off." }
    }
}

/// The cells that share a figure, by their places in a part of the analysis: those that learn the same tasks.
fn groups<'a, T>(
    analysis: &'a Analysis,
    all: &'a [T],
    cell: fn(&T) -> usize,
) -> Vec<(&'a Analysis, Vec<(usize, &'a T)>)> {
    let parts = analysis.parts().into_iter().map(|part| {
        let places = analysis.cells_of(part);
        let place = |at: usize| places.iter().position(|own| *own == at);
        let own = all.iter().filter_map(|one| Some((place(cell(one))?, one)));
        (part, own.collect::<Vec<_>>())
    });
    // One bar alone compares nothing.
    let least = if analysis.is_split() { 2 } else { 1 };
    parts.filter(|(_, own)| own.len() >= least).collect()
}

fn life_cycle(opened: &Opened, found: &LifeCycle) -> Markup {
    let analysis = &opened.analysis;
    html! {
        @for (part, mut cells) in groups(analysis, &found.cells, |cell| cell.cell) {
            @let left = cells.len().saturating_sub(ROWS);
            @let (rows, axis) = inferences(part, found, &mut cells);
            (figure(&Rows::of("life_cycle", data::key(&found.kind, found.threshold)).of_part(part), &html! {
                div class="scroll" { (bars(&rows, &axis, &of_tasks(part, &axis))) }
                figcaption {
                    (capital(&of(analysis, &found.kind, found.threshold)))
                    @if rows.iter().any(|row| row.interval.is_some()) { "; the line below a bar is the 95 % confidence interval." }
                    @else { "; no intervals." }
                    @if left > 0 { " " (left) " more regimes are in the data." }
                }
            }))
        }
        (by_batch_size(opened, found))
        (how(&html! {
            "The cost of training to the target over the cost of the inference of a sample: the geometric mean over the seeds with the t \
             interval on the logarithms. Both costs come from one sensor, whose gain cancels. "
            @match found.inference {
                Inference::Measured { .. } => "Inference is a measurement by wattgrad infer, whose own interval is combined with that of the \
                    seeds as an independent error; the batch size with the lowest cost is shown.",
                Inference::Evaluations { .. } => "Inference is that of the run's own evaluations of the test set.",
            }
            " Regimes in which a run did not reach the target are left out."
        }))
    }
}

/// The bars of the life cycle, and their axis.
fn inferences(
    part: &Analysis,
    found: &LifeCycle,
    cells: &mut [(usize, &InferenceCell)],
) -> (Vec<Bar>, String) {
    let colours = RegimeColours::new(part);
    cells.sort_by(|a, b| a.1.samples.mean.total_cmp(&b.1.samples.mean));
    let most = cells.last().map_or(0.0, |cell| cell.1.samples.mean);
    let unit = DisplayUnit::of(&CostKind::Samples, most);
    let rows = cells.iter().take(ROWS).map(|(place, cell)| {
        let each = DisplayUnit::of(&found.kind, cell.per_1000.mean);
        let name = part.cells[*place].name();
        let mut text = unit.show(cell.samples.mean);
        if let Some(i) = cell.samples.interval {
            text += &format!(" ({})", unit.interval(i.low, i.high));
        }
        Bar {
            title: format!(
                "{name}: {} {}; 1,000 samples cost {}, training {}",
                text,
                unit.symbol,
                each.amount(cell.per_1000.mean),
                DisplayUnit::of(&found.kind, cell.training.mean).amount(cell.training.mean)
            ),
            name,
            parts: vec![(colours.part(*place), cell.samples.mean / unit.per)],
            interval: whisker(cell.samples.interval, unit.per),
            text,
        }
    });
    let axis = format!(
        "Inferences that cost as much as the training, {}",
        unit.symbol
    );
    (rows.collect(), axis)
}

/// The cost of 1,000 samples by batch size, where it was measured.
fn by_batch_size(opened: &Opened, first: &LifeCycle) -> Markup {
    let same = |one: &&LifeCycle| one.kind == first.kind && one.threshold == first.threshold;
    let points = opened.ledgers.life_cycle.iter().filter(same);
    let points = points.filter_map(|one| match one.inference {
        Inference::Measured { batch_size } => Some((f64::from(batch_size), one.cells[0].per_1000)),
        Inference::Evaluations { .. } => None,
    });
    let mut points: Vec<(f64, Mean)> = points.collect();
    // FLOPs hardly depend on the batch size.
    if points.len() < 2 || first.kind == CostKind::Flops {
        return html! {};
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let most = points.iter().map(|point| point.1.mean).fold(0.0, f64::max);
    let unit = DisplayUnit::of(&first.kind, most);
    let values = points.iter().map(|point| point.1.mean / unit.per);
    let frame = Frame::new(
        Scale::around(points.iter().map(|point| point.0)),
        Scale::around(values),
    );
    let marks = points.iter().map(|(size, cost)| Dot {
        class: "s0",
        front: false,
        title: format!(
            "batch size {size}: {} for 1,000 samples",
            unit.amount(cost.mean)
        ),
        at: (*size, cost.mean / unit.per),
        label: unit.show(cost.mean),
    });
    let marks: Vec<Dot> = marks.collect();
    let whiskers = points.iter().filter_map(|(size, cost)| {
        let i = cost.interval?;
        Some([
            frame.at_x(*size),
            frame.at_y(i.low / unit.per),
            frame.at_y(i.high / unit.per),
        ])
    });
    let whiskers: Vec<[f64; 3]> = whiskers.collect();
    let y = format!("1,000 samples, {}", unit.symbol);
    html! {
        (figure(&Rows::of("life_cycle", data::key(&first.kind, first.threshold)), &html! { div class="scroll" {
            (frame.picture(&format!("{y} by batch size"), html! {
                (frame.axes("Batch size of inference", &y))
                @for [x, low, high] in whiskers { line class="whisker" x1=(px(x)) x2=(px(x)) y1=(px(low)) y2=(px(high)) {} }
                (dots(&frame, &marks, &[]))
            }))
        } }))
        p class="quiet" { "The " (of(&opened.analysis, &first.kind, None)) " of inference; a vertical line is the 95 % confidence interval." }
    }
}

fn footprint(opened: &Opened, found: &Footprint) -> Markup {
    let factor = &found.factor;
    let axis = format!("Training to the target, {}", factor.unit);
    html! { @for (part, mut cells) in groups(&opened.analysis, &found.cells, |cell| cell.cell) {
        @let left = cells.len().saturating_sub(ROWS);
        @let rows = amounts(part, found, &mut cells);
        (figure(&Rows::of("footprint", data::footprint_key(found)).of_part(part), &html! {
            div class="scroll" { (bars(&rows, &axis, &of_tasks(part, &axis))) }
            figcaption {
                (factor.per_kwh) " " (factor.unit) " per kWh: " (factor.source) ", " (factor.date) "."
                @if left > 0 { " " (left) " more regimes are in the data." }
            }
        }))
    } }
}

fn amounts(part: &Analysis, found: &Footprint, cells: &mut [(usize, &FootprintCell)]) -> Vec<Bar> {
    let colours = RegimeColours::new(part);
    cells.sort_by(|a, b| a.1.amount.total_cmp(&b.1.amount));
    let rows = cells.iter().take(ROWS).map(|(place, cell)| {
        let name = part.cells[*place].name();
        let mut text = digits(cell.amount);
        if let Some(i) = cell.interval {
            text += &format!(" ({} to {})", digits(i.low), digits(i.high));
        }
        Bar {
            title: format!("{name}: {text} {}", found.factor.unit),
            name,
            parts: vec![(colours.part(*place), cell.amount)],
            interval: whisker(cell.interval, 1.0),
            text,
        }
    });
    rows.collect()
}
