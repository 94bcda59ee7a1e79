//! Learning curves and power over time.

use maud::{Markup, html};

use super::super::chart::{Frame, Line, Scale, extent, lines, picture, px};
use super::super::courses::{Source, main_runs, sources};
use super::super::table::{Table, rounded};
use super::super::words::{Unit, origin};
use super::super::{data, thin};
use super::behind;
use super::series::Series;
use crate::energy::Status;
use crate::study::RunRecord;
use crate::study::analysis::{Analysis, CostKind};
use crate::train::Record;

/// Points of all lines of power together, of one source.
const POWER_POINTS: usize = 5_000;

/// A cell, its run and watts over seconds.
type Power<'a> = (usize, &'a RunRecord, Vec<(f64, f64)>);

/// A source and its lines.
type Powers<'a> = (Source, Vec<Power<'a>>);

/// What a curve is drawn over.
enum Over<'a> {
    Joules(&'a Source),
    Samples,
    Seconds,
}

impl Over<'_> {
    fn along(&self, record: &Record) -> Option<Vec<f64>> {
        let points = record.evaluations.iter();
        match self {
            Self::Joules(source) => source.joules(record),
            Self::Samples => Some(points.map(|point| point.samples as f64).collect()),
            Self::Seconds => Some(points.map(|point| point.seconds).collect()),
        }
    }

    fn kind(&self) -> CostKind {
        match self {
            Self::Joules(source) => CostKind::Energy {
                source: source.name.clone(),
                scope: source.scope,
                status: source.status,
            },
            Self::Samples => CostKind::Samples,
            Self::Seconds => CostKind::Seconds,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Joules(source) => format!(
                "energy, {}",
                origin(&source.name, source.scope, source.status)
            ),
            Self::Samples => "training samples, counted".into(),
            Self::Seconds => "time, training and evaluating, measured".into(),
        }
    }
}

/// Accuracy over joules, samples and seconds.
pub(super) fn curves(analysis: &Analysis, runs: &[RunRecord], number: usize) -> Markup {
    let shown: Vec<(usize, &RunRecord, &Record)> = main_runs(runs)
        .filter(|(_, record)| !record.evaluations.is_empty())
        .filter_map(|(run, record)| {
            let cell = analysis.cells.iter().position(|cell| cell.id == run.cell)?;
            Some((cell, run, record))
        })
        .collect();
    if shown.is_empty() {
        return html! {};
    }
    let sources = sources(runs);
    // Measured joules where there are any; assumed ones never beside them.
    let measured = sources
        .iter()
        .any(|source| source.status == Status::Measured);
    let joules = sources
        .iter()
        .filter(|source| !measured || source.status == Status::Measured)
        .filter(|source| {
            shown
                .iter()
                .any(|(_, _, record)| source.joules(record).is_some())
        });
    let overs = joules
        .map(Over::Joules)
        .chain([Over::Samples, Over::Seconds]);
    let most = thin::share(shown.len());
    let series = Series::new(analysis);
    let y = accuracies(analysis, &shown);
    let thinned = shown
        .iter()
        .any(|(_, _, record)| record.evaluations.len() > most);
    html! {
        section {
            h2 { "Learning curves" }
            (series.legend())
            div class="pair" {
                @for (at, over) in overs.enumerate() {
                    (curve(analysis, &shown, &over, y, most, &series, &format!("c{number}-{at}")))
                }
            }
            p class="quiet" {
                "Accuracy on the whole test set at each evaluation, a line a run. What lies below the lower edge is cut off."
                @if thinned { " Of each line at most " (most) " points are drawn, evenly chosen; " code { "--csv" } " has all." }
                @if !sources.is_empty() {
                    " Joules at a point are the steps and evaluations up to it times what one of each took."
                }
            }
            (behind(&[points(&shown, &sources, most)],
                if thinned { "The points that are drawn; --csv writes all of them." } else { "" }))
        }
    }
}

/// The points of all the curves.
fn points(shown: &[(usize, &RunRecord, &Record)], sources: &[Source], most: usize) -> Table {
    let mut table = Table::new("curves", &["run", "samples", "seconds", "accuracy"]);
    table.header.extend(sources.iter().map(data::joules_column));
    for (_, run, record) in shown {
        let joules: Vec<Option<Vec<f64>>> =
            sources.iter().map(|source| source.joules(record)).collect();
        for at in thin::kept(record.evaluations.len(), most) {
            let point = &record.evaluations[at];
            let mut row = vec![
                run.id.clone(),
                point.samples.to_string(),
                rounded(Some(point.seconds)),
                rounded(Some(point.accuracy())),
            ];
            let along = joules
                .iter()
                .map(|along| along.as_ref().map(|along| along[at]));
            row.extend(along.map(rounded));
            table.rows.push(row);
        }
    }
    table
}

/// The upward axis: the upper part of what was reached, where the lines part.
fn accuracies(analysis: &Analysis, shown: &[(usize, &RunRecord, &Record)]) -> Scale {
    let mut all: Vec<f64> = shown
        .iter()
        .flat_map(|(_, _, record)| record.evaluations.iter().map(|point| point.accuracy()))
        .filter(|accuracy| accuracy.is_finite())
        .collect();
    all.sort_by(f64::total_cmp);
    let (_, high) = extent(all.iter().copied()).unwrap_or((0.0, 1.0));
    let targets = analysis.costs.iter().filter_map(|cost| cost.at_least);
    let (least, most) = extent(targets).unwrap_or((high, high));
    let usual = all.get(all.len() / 8).copied().unwrap_or(0.0);
    let from = usual.min(least - 0.05).max(high - 0.45).max(0.0);
    let from = (20.0 * from).floor() / 20.0;
    Scale::between(100.0 * from, 100.0 * (high.max(most) + 0.03).min(1.0))
}

fn curve(
    analysis: &Analysis,
    shown: &[(usize, &RunRecord, &Record)],
    over: &Over<'_>,
    y: Scale,
    most: usize,
    series: &Series,
    id: &str,
) -> Markup {
    let courses: Vec<(usize, &RunRecord, &Record, Vec<f64>)> = shown
        .iter()
        .filter_map(|(cell, run, record)| Some((*cell, *run, *record, over.along(record)?)))
        .collect();
    let furthest = courses
        .iter()
        .filter_map(|course| course.3.last().copied())
        .fold(0.0, f64::max);
    let unit = Unit::of(&over.kind(), furthest);
    let x = Scale::from_zero(courses.iter().flat_map(|course| {
        let along = course.3.iter();
        along.map(|value| value / unit.per).collect::<Vec<f64>>()
    }));
    let frame = Frame::new(x, y);
    let mut all: Vec<Line> = courses
        .iter()
        .map(|(cell, run, record, along)| {
            let last = record.evaluations.last().map_or(f64::NAN, |p| p.accuracy());
            let kept = thin::kept(along.len(), most);
            Line {
                class: series.class(*cell),
                title: format!(
                    "{}, {}: {:.2} % at {}",
                    run.id,
                    run.outcome.name(),
                    100.0 * last,
                    unit.amount(along.last().copied().unwrap_or(0.0))
                ),
                points: kept
                    .into_iter()
                    .map(|at| {
                        (
                            along[at] / unit.per,
                            100.0 * record.evaluations[at].accuracy(),
                        )
                    })
                    .collect(),
            }
        })
        .collect();
    behind_first(&mut all);
    let mut targets: Vec<f64> = analysis
        .costs
        .iter()
        .filter_map(|cost| cost.at_least)
        .collect();
    targets.dedup();
    let [left, _, width, _] = frame.inner();
    let name = format!("{}, {}", over.name(), unit.symbol);
    html! {
        figure class="scroll" {
            (picture(frame.width, frame.height, &format!("Accuracy over {name}"), html! {
                (frame.axes(&name, "accuracy, whole test set, %"))
                @for target in &targets {
                    @let at = px(frame.at_y(100.0 * target));
                    line class="target" x1=(px(left)) x2=(px(left + width)) y1=(at) y2=(at) {
                        title { "target " (format!("{:.2} %", 100.0 * target)) }
                    }
                }
                (lines(&frame, &all, id))
                // Above the lines, which would strike them through.
                @for target in &targets {
                    text class="tick quiet plain" x=(px(left + width - 2.0)) y=(px(frame.at_y(100.0 * target) - 4.0)) text-anchor="end" {
                        ((10_000.0 * target).round() / 100.0) " %"
                    }
                }
            }))
        }
    }
}

/// Grey lines lie below those in colour.
fn behind_first(all: &mut [Line]) {
    all.sort_by_key(|line| line.class != "rest");
}

/// Watts over time: of each cell its first run that has readings.
pub(super) fn power(analysis: &Analysis, runs: &[RunRecord], number: usize) -> Markup {
    let series = Series::new(analysis);
    let charts: Vec<Powers<'_>> = sources(runs)
        .into_iter()
        .filter_map(|source| {
            let firsts = analysis.cells.iter().enumerate().filter_map(|(at, cell)| {
                main_runs(runs)
                    .filter(|(run, _)| run.cell == cell.id)
                    .find_map(|(run, record)| {
                        let most = (POWER_POINTS / analysis.cells.len()).clamp(20, 300);
                        let points = source.power(record, most);
                        (points.len() > 1).then_some((at, run, points))
                    })
            });
            let firsts: Vec<_> = firsts.collect();
            (!firsts.is_empty()).then_some((source, firsts))
        })
        .collect();
    if charts.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Power over time" }
            (series.legend())
            div class="pair" {
                @for (at, (source, firsts)) in charts.iter().enumerate() {
                    (watts(source, firsts, &series, &format!("p{number}-{at}")))
                }
            }
            p class="quiet" {
                "The first run of each cell that has readings, from its first step on. A point is the mean power between two \
                 changes of the instrument, or over several of them where there were more than can be drawn. A window past \
                 the run's end, in which single steps and evaluations are metered, is in no line."
            }
            (behind(&[powers(&charts)], "The points that are drawn; --csv has more of every run."))
        }
    }
}

/// The points of all the lines of power.
fn powers(charts: &[Powers<'_>]) -> Table {
    let mut table = Table::new(
        "power",
        &["source", "scope", "status", "run", "seconds", "watts"],
    );
    for (source, firsts) in charts {
        for (_, run, points) in firsts {
            table.rows.extend(points.iter().map(|(seconds, watts)| {
                vec![
                    source.name.clone(),
                    source.scope.name().into(),
                    source.status.name().into(),
                    run.id.clone(),
                    rounded(Some(*seconds)),
                    rounded(Some(*watts)),
                ]
            }));
        }
    }
    table
}

fn watts(source: &Source, firsts: &[Power<'_>], series: &Series, id: &str) -> Markup {
    let all = || firsts.iter().flat_map(|(_, _, points)| points.iter());
    let furthest = all().map(|point| point.0).fold(0.0, f64::max);
    let unit = Unit::of(&CostKind::Seconds, furthest);
    let frame = Frame::new(
        Scale::from_zero(all().map(|point| point.0 / unit.per)),
        Scale::from_zero(all().map(|point| point.1)),
    );
    let mut drawn: Vec<Line> = firsts
        .iter()
        .map(|(cell, run, points)| {
            let mean = points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
            Line {
                class: series.class(*cell),
                title: format!("{}: {mean:.1} W on average", run.id),
                points: points
                    .iter()
                    .map(|(at, watts)| (at / unit.per, *watts))
                    .collect(),
            }
        })
        .collect();
    behind_first(&mut drawn);
    let name = format!(
        "power, {}, W",
        origin(&source.name, source.scope, source.status)
    );
    let across = format!("time since the first step, {}", unit.symbol);
    html! {
        figure class="scroll" {
            (picture(frame.width, frame.height, &format!("{name} over {across}"), html! {
                (frame.axes(&across, &name))
                (lines(&frame, &drawn, id))
            }))
        }
    }
}
