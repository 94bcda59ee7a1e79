//! Learning curves over joules, samples and seconds.

use maud::{Markup, html};

use super::super::chart::{Frame, Line, Scale, extent, lines, px};
use super::super::colours::{REST, RegimeColours};
use super::super::csv_table::{CsvTable, rounded};
use super::super::curves::{EnergySource, energy_sources, main_runs};
use super::super::data;
use super::super::display_unit::DisplayUnit;
use super::super::downsample::{downsample, points_per_line};
use super::super::folded::{self, Rows, data_behind, how};
use super::super::words::{capital, kind_name, metric_axis, of_tasks, threshold};
use crate::energy::Status;
use crate::study::RunRecord;
use crate::study::analysis::{Analysis, CostKind};
use crate::train::{EvaluationPoint, Record};

/// A run with its cell.
type Curve<'a> = (usize, &'a RunRecord, &'a Record);

/// The horizontal axis.
enum Over<'a> {
    Joules(&'a EnergySource),
    Samples,
    Seconds,
}

impl Over<'_> {
    /// The place of each evaluation.
    fn places(&self, record: &Record) -> Option<Vec<f64>> {
        let points = record.evaluations.iter();
        match self {
            Self::Joules(source) => source.joules(record),
            Self::Samples => Some(points.map(|point| point.samples as f64).collect()),
            Self::Seconds => Some(points.map(|point| point.seconds).collect()),
        }
    }

    fn kind(&self) -> CostKind {
        match self {
            Self::Joules(source) => source.kind(),
            Self::Samples => CostKind::Samples,
            Self::Seconds => CostKind::Seconds,
        }
    }
}

pub(super) fn section(analysis: &Analysis, runs: &[RunRecord], number: usize) -> Markup {
    let curves: Vec<Curve<'_>> = main_runs(runs)
        .filter(|(_, record)| !record.evaluations.is_empty())
        .filter_map(|(run, record)| {
            let cell = analysis.cells.iter().position(|cell| cell.id == run.cell)?;
            Some((cell, run, record))
        })
        .collect();
    if curves.is_empty() {
        return html! {};
    }
    let sources = energy_sources(runs);
    let any_measured = sources
        .iter()
        .any(|source| source.status == Status::Measured);
    // Assumed joules only where none are measured.
    let joules = sources
        .iter()
        .filter(|source| !any_measured || source.status == Status::Measured)
        .filter(|source| curves.iter().any(|curve| source.joules(curve.2).is_some()));
    let overs: Vec<Over<'_>> = joules
        .map(Over::Joules)
        .chain([Over::Samples, Over::Seconds])
        .collect();
    let most = points_per_line(curves.len());
    let dropped = curves.iter().any(|curve| curve.2.evaluations.len() > most);
    html! {
        section {
            h2 { "Learning curves" }
            @for (place, part) in analysis.parts().into_iter().enumerate() {
                @let own = of_part(part, &curves);
                @let y = vertical(part, &own);
                @if analysis.is_split() && !own.is_empty() {
                    h3 { (capital(&part.name)) @if let Some(task) = task(part, &own) { ": " (analysis.target.metric.name()) " of " (task) } }
                }
                @if !own.is_empty() { div class="pair" {
                    @for (at, over) in overs.iter().enumerate() {
                        (figure(part, &own, over, y, most, &format!("c{number}-{place}-{at}")))
                    }
                } }
            }
            p class="quiet" { "One line per run; dashed lines are the targets." }
            (how(&html! {
                "The target's metric on the whole test set at each evaluation. Values outside the frame are cut off."
                @if dropped { " At most " (most) " evenly spaced points are drawn per line; " code { "--csv" } " \
                    writes all points." }
                @if !sources.is_empty() {
                    " The joules at a point are the numbers of steps and evaluations up to it times the joules of each."
                }
            }))
            (data_behind(&[points(analysis, &curves, &sources, most)],
                if dropped { "The plotted points; --csv writes all points." } else { "" }))
        }
    }
}

/// The curves of the cells of `part`, by their places in it.
fn of_part<'a>(part: &Analysis, curves: &[Curve<'a>]) -> Vec<Curve<'a>> {
    let own = curves.iter().filter_map(|(_, run, record)| {
        let cell = part.cells.iter().position(|cell| cell.id == run.cell)?;
        Some((cell, *run, *record))
    });
    own.collect()
}

/// The task whose metric is drawn.
fn task<'a>(analysis: &Analysis, curves: &[Curve<'a>]) -> Option<&'a str> {
    let point = curves.first()?.2.evaluations.first()?;
    Some(&analysis.target.find(point)?.task)
}

/// The targets of the task whose metric is drawn, the first cost's first.
fn targets(analysis: &Analysis, curves: &[Curve<'_>]) -> Vec<f64> {
    let target = &analysis.target;
    let own = task(analysis, curves).and_then(|task| target.tasks.get(task));
    let of = |threshold: f64| {
        let level = target.thresholds.iter().position(|one| *one == threshold);
        own.zip(level).map_or(threshold, |(own, level)| own[level])
    };
    let thresholds = analysis.costs.iter().filter_map(|cost| cost.threshold);
    let mut targets: Vec<f64> = thresholds.map(of).collect();
    targets.dedup();
    targets
}

/// The points of all curves.
fn points(
    analysis: &Analysis,
    curves: &[Curve<'_>],
    sources: &[EnergySource],
    most: usize,
) -> CsvTable {
    let mut table = CsvTable::new("curves", "run samples seconds");
    table.header.push(analysis.target.metric.name().into());
    table.header.extend(sources.iter().map(data::joules_column));
    let metric = |point: &EvaluationPoint| {
        let found = analysis.target.find(point);
        found.map_or(f64::NAN, |found| found.value)
    };
    for (_, run, record) in curves {
        let joules: Vec<Option<Vec<f64>>> =
            sources.iter().map(|source| source.joules(record)).collect();
        for at in downsample(record.evaluations.len(), most) {
            let point = &record.evaluations[at];
            let joules = joules
                .iter()
                .map(|curve| Some(rounded(curve.as_ref()?[at])));
            table.push((
                (&run.id, point.samples),
                (rounded(point.seconds), rounded(metric(point))),
                joules.collect::<Vec<Option<f64>>>(),
            ));
        }
    }
    table
}

/// The target's metric in an evaluation, in the unit of the vertical axis.
fn value(analysis: &Analysis, point: &EvaluationPoint) -> f64 {
    let found = analysis.target.find(point);
    metric_axis(analysis, "").1 * found.map_or(f64::NAN, |found| found.value)
}

/// The vertical axis: of accuracies the upper part, where curves differ.
fn vertical(analysis: &Analysis, curves: &[Curve<'_>]) -> Scale {
    let points = curves.iter().flat_map(|curve| &curve.2.evaluations);
    let values = points.map(|point| value(analysis, point));
    let mut all: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let targets = targets(analysis, curves).into_iter();
    if !analysis.target.metric.is_share() {
        return Scale::around(all.into_iter().chain(targets));
    }
    all.sort_by(f64::total_cmp);
    let (_, high) = extent(all.iter().copied()).unwrap_or((0.0, 100.0));
    let (first, last) = extent(targets.map(|target| 100.0 * target)).unwrap_or((high, high));
    let usual = all.get(all.len() / 8).copied().unwrap_or(0.0);
    let from = usual.min(first - 5.0).max(high - 45.0).max(0.0);
    let from = 5.0 * (from / 5.0).floor();
    Scale::between(from, (high.max(last) + 3.0).min(100.0))
}

fn figure(
    analysis: &Analysis,
    curves: &[Curve<'_>],
    over: &Over<'_>,
    y: Scale,
    most: usize,
    id: &str,
) -> Markup {
    let placed = curves
        .iter()
        .filter_map(|curve| Some((curve, over.places(curve.2)?)));
    let placed: Vec<(&Curve<'_>, Vec<f64>)> = placed.collect();
    let ends = placed
        .iter()
        .filter_map(|(_, places)| places.last().copied());
    let unit = DisplayUnit::of(&over.kind(), ends.fold(0.0, f64::max));
    let places = placed.iter().flat_map(|(_, places)| places);
    let colours = RegimeColours::new(analysis);
    let (metric, scale) = metric_axis(analysis, "whole test set");
    let mut frame = Frame::new(Scale::from_zero(places.map(|place| place / unit.per)), y);
    let drawn = placed.iter().map(|((cell, run, record), places)| {
        let last = record.evaluations.last();
        let last = last.map_or(f64::NAN, |point| value(analysis, point));
        let kept = downsample(places.len(), most).into_iter();
        Line {
            class: colours.line(*cell),
            title: format!(
                "{}, {}: {} at {}",
                run.id,
                run.outcome.name(),
                analysis.target.metric.show(last / scale),
                unit.amount(places.last().copied().unwrap_or(0.0))
            ),
            points: kept
                .map(|at| {
                    (
                        places[at] / unit.per,
                        value(analysis, &record.evaluations[at]),
                    )
                })
                .collect(),
        }
    });
    let mut drawn: Vec<Line> = drawn.collect();
    grey_first(&mut drawn);
    frame.legend = colours.legend;
    let targets = targets(analysis, curves);
    let [left, _, width, _] = frame.inner();
    let name = format!("{}, {}", capital(&kind_name(&over.kind())), unit.symbol);
    folded::figure(
        &Rows::all("curves").of_part(analysis),
        &html! { div class="scroll" {
            (frame.picture(&of_tasks(analysis, &format!("{metric} over {name}")), html! {
                (frame.axes(&name, &metric))
                @for target in &targets {
                    @let at = px(frame.at_y(scale * target));
                    line class="target" x1=(px(left)) x2=(px(left + width)) y1=(at) y2=(at) {
                        title { "target " (threshold(analysis, *target)) }
                    }
                }
                (lines(&frame, &drawn, id))
                // Above the lines, which would strike them through.
                @for target in &targets {
                    text class="tick quiet plain" x=(px(left + width - 2.0)) y=(px(frame.at_y(scale * target) - 4.0)) text-anchor="end" {
                        (threshold(analysis, *target))
                    }
                }
            }))
        } },
    )
}

/// Grey lines are drawn below those in colour.
pub(super) fn grey_first(lines: &mut [Line]) {
    lines.sort_by_key(|line| line.class != REST.0);
}
