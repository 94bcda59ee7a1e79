//! Power over time.

use maud::{Markup, html};

use super::super::chart::{Frame, Line, Scale, lines};
use super::super::colours::RegimeColours;
use super::super::csv_table::{CsvTable, rounded};
use super::super::curves::{EnergySource, energy_sources, main_runs};
use super::super::display_unit::DisplayUnit;
use super::super::folded::{self, Rows, data_behind, how};
use super::super::words::{capital, of_tasks, origin};
use super::curves::grey_first;
use crate::study::RunRecord;
use crate::study::analysis::{Analysis, CostKind};

/// Points of all lines of one source together.
const POINTS: usize = 5_000;

/// Fewest and most points of one line.
const PER_LINE: (usize, usize) = (20, 300);

/// A cell, one of its runs, and watts over seconds.
type Power<'a> = (usize, &'a RunRecord, Vec<(f64, f64)>);

/// The runs of the cells of `part`, by their places in it.
fn of_part<'a>(analysis: &Analysis, part: &Analysis, all: &[Power<'a>]) -> Vec<Power<'a>> {
    let cells = analysis.cells_of(part);
    let own = all.iter().filter_map(|(cell, run, points)| {
        let place = cells.iter().position(|own| own == cell)?;
        Some((place, *run, points.clone()))
    });
    own.collect()
}

/// Of each regime the first run that has samples.
pub(super) fn section(analysis: &Analysis, runs: &[RunRecord], number: usize) -> Markup {
    let most = (POINTS / analysis.cells.len().max(1)).clamp(PER_LINE.0, PER_LINE.1);
    let mut plots: Vec<(EnergySource, Vec<Power<'_>>)> = Vec::new();
    for source in energy_sources(runs) {
        let cells = analysis.cells.iter().enumerate();
        let firsts = cells.filter_map(|(at, cell)| {
            let mut runs = main_runs(runs).filter(|(run, _)| run.cell == cell.id);
            runs.find_map(|(run, record)| {
                let points = source.power(record, most);
                (points.len() > 1).then_some((at, run, points))
            })
        });
        let firsts: Vec<Power<'_>> = firsts.collect();
        if !firsts.is_empty() {
            plots.push((source, firsts));
        }
    }
    if plots.is_empty() {
        return html! {};
    }
    let mut table = CsvTable::new("power", "source scope status run seconds watts");
    for (source, firsts) in &plots {
        let origin = source.key();
        for (_, run, points) in firsts {
            for (seconds, watts) in points {
                table.push((&origin, &run.id, rounded(*seconds), rounded(*watts)));
            }
        }
    }
    html! {
        section {
            h2 { "Power over time" }
            @for (place, part) in analysis.parts().into_iter().enumerate() {
                @if analysis.is_split() { h3 { (capital(&part.name)) } }
                div class="pair" {
                    @for (at, (source, firsts)) in plots.iter().enumerate() {
                        (figure(part, source, &of_part(analysis, part, firsts), &format!("p{number}-{place}-{at}")))
                    }
                }
            }
            p class="quiet" { "The first run of each regime, from its first step on." }
            (how(&html! {
                "A point is the mean power between two updates of the sensor, or over several updates if there are \
                 too many to plot. The window after the end of a run, in which single steps and evaluations are measured, is not \
                 shown."
            }))
            (data_behind(&[table], "The plotted points; --csv writes more points, of every run."))
        }
    }
}

fn figure(analysis: &Analysis, source: &EnergySource, firsts: &[Power<'_>], id: &str) -> Markup {
    if firsts.is_empty() {
        return html! {};
    }
    let all = || firsts.iter().flat_map(|(_, _, points)| points.iter());
    let end = all().map(|point| point.0).fold(0.0, f64::max);
    let unit = DisplayUnit::of(&CostKind::Seconds, end);
    let colours = RegimeColours::new(analysis);
    let mut frame = Frame::new(
        Scale::from_zero(all().map(|point| point.0 / unit.per)),
        Scale::from_zero(all().map(|point| point.1)),
    );
    let drawn = firsts.iter().map(|(cell, run, points)| {
        let mean = points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
        Line {
            class: colours.line(*cell),
            title: format!("{}: {mean:.1} W on average", run.id),
            points: points
                .iter()
                .map(|(at, watts)| (at / unit.per, *watts))
                .collect(),
        }
    });
    let mut drawn: Vec<Line> = drawn.collect();
    grey_first(&mut drawn);
    frame.legend = colours.legend;
    let y = format!(
        "Power, {}, W",
        origin(&source.name, source.scope, source.status)
    );
    let x = format!("Time since the first step, {}", unit.symbol);
    let behind = Rows::of("power", source.key());
    let behind = match analysis.tasks() {
        Some(_) => behind.with(firsts.iter().map(|(_, run, _)| run.id.as_str())),
        None => behind,
    };
    folded::figure(
        &behind,
        &html! { div class="scroll" {
            (frame.picture(&of_tasks(analysis, &format!("{y} over {x}")), html! { (frame.axes(&x, &y)) (lines(&frame, &drawn, id)) }))
        } },
    )
}
