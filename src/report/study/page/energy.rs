//! Joules of a step and of each phase, by source.

use maud::{Markup, html};

use super::super::chart::{Bar, bars};
use super::super::courses::{Source, main_runs, sources};
use super::super::table::{Table, rounded};
use super::super::words::{Unit, capital, order, origin};
use super::behind;
use crate::study::RunRecord;
use crate::study::analysis::{Analysis, CostKind};
use crate::train::{Phase, Record, Way};

/// Rows of a figure; the data behind it has all cells.
const ROWS: usize = 24;

/// Phases in the order of a run, with their classes and names; idle is contained in them and no part of the sum.
const PHASES: [(Phase, &str, &str); 6] = [
    (Phase::StartUp, "p1", "start-up"),
    (Phase::Compile, "p4", "compile"),
    (Phase::WarmUp, "p3", "warm-up"),
    (Phase::Train, "p0", "training"),
    (Phase::Evaluate, "p2", "evaluations"),
    (Phase::Rest, "p5", "rest"),
];

pub(super) fn section(analysis: &Analysis, runs: &[RunRecord]) -> Markup {
    let sources: Vec<Source> = sources(runs);
    let found: Vec<(&Source, Vec<(usize, Means)>)> = sources
        .iter()
        .map(|source| (source, all_means(analysis, runs, source)))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let told: Vec<Markup> = found
        .iter()
        .map(|(source, rows)| figures(analysis, rows, source))
        .collect();
    if told.is_empty() {
        return html! {
            section {
                h2 { "Energy" }
                p { "No source gave joules in these runs. What was tried, why it gave none and what would open it stands \
                     under Instruments." }
            }
        };
    }
    html! {
        section {
            h2 { "Energy of a step and of each phase" }
            @for figures in &told { (figures) }
            (behind(&[table(analysis, &found)], "Means of each cell, in joules; --csv has every run with its intervals."))
        }
    }
}

/// Means over the runs of a cell.
struct Means {
    step: f64,
    half: Option<f64>,
    divided: bool,
    /// In the order of [`PHASES`]; absent where no run tells.
    phases: Vec<Option<f64>>,
    idle: Option<f64>,
}

/// The means of every cell that has joules through `source`, the cheapest cell first.
fn all_means(analysis: &Analysis, runs: &[RunRecord], source: &Source) -> Vec<(usize, Means)> {
    let order = match analysis.headline() {
        Some(cost) => order(cost),
        None => (0..analysis.cells.len()).collect(),
    };
    let means = order.into_iter().filter_map(|cell| {
        let id = &analysis.cells[cell].id;
        let records: Vec<&Record> = main_runs(runs)
            .filter(|(run, _)| run.cell == *id)
            .map(|(_, record)| record)
            .collect();
        Some((cell, means(&records, source)?))
    });
    means.collect()
}

fn table(analysis: &Analysis, found: &[(&Source, Vec<(usize, Means)>)]) -> Table {
    let mut table = Table::new(
        "energy_means",
        &["source", "scope", "status", "cell", "step"],
    );
    table
        .header
        .extend(PHASES.iter().map(|(_, _, name)| (*name).to_owned()));
    table.header.push("at rest, contained".into());
    for (source, rows) in found {
        for (cell, means) in rows {
            let mut row = vec![
                source.name.clone(),
                source.scope.name().into(),
                source.status.name().into(),
                analysis.cells[*cell].id.clone(),
                rounded(Some(means.step)),
            ];
            row.extend(means.phases.iter().map(|joules| rounded(*joules)));
            row.push(rounded(means.idle));
            table.rows.push(row);
        }
    }
    table
}

fn figures(analysis: &Analysis, rows: &[(usize, Means)], source: &Source) -> Markup {
    let left_out = rows.len().saturating_sub(ROWS);
    let kind = CostKind::Energy {
        source: source.name.clone(),
        scope: source.scope,
        status: source.status,
    };
    let shown = &rows[..rows.len() - left_out];
    let name = |cell: usize| analysis.cells[cell].id.clone();
    let through = origin(&source.name, source.scope, source.status);
    let most = shown
        .iter()
        .map(|(_, means)| means.step)
        .fold(0.0, f64::max);
    let unit = Unit::of(&kind, most);
    let steps: Vec<Bar> = shown
        .iter()
        .map(|(cell, means)| Bar {
            name: name(*cell),
            title: format!(
                "{}: {} a training step{}{}",
                name(*cell),
                unit.amount(means.step),
                means
                    .half
                    .map_or_else(String::new, |half| format!(" +- {}", unit.show(half))),
                if means.divided {
                    ", evaluations in it"
                } else {
                    ""
                }
            ),
            parts: vec![("part", means.step / unit.per)],
            interval: means.half.map(|half| {
                (
                    (means.step - half) / unit.per,
                    (means.step + half) / unit.per,
                )
            }),
            text: unit.show(means.step),
        })
        .collect();
    let divided = shown.iter().any(|(_, means)| means.divided);
    let largest = |means: &Means| {
        means
            .phases
            .iter()
            .flatten()
            .filter(|part| **part > 0.0)
            .sum::<f64>()
    };
    let most = shown
        .iter()
        .map(|(_, means)| largest(means))
        .fold(0.0, f64::max);
    let whole = Unit::of(&kind, most);
    let phases: Vec<Bar> = shown
        .iter()
        .filter(|(_, means)| means.phases.iter().any(Option::is_some))
        .map(|(cell, means)| phase_bar(name(*cell), means, &whole))
        .collect();
    let used = |at: usize| shown.iter().any(|(_, means)| means.phases[at].is_some());
    html! {
        h3 { (capital(&through)) }
        div class="pair" {
            figure {
                div class="scroll" {
                    (bars(&steps, &format!("{} a training step, {through}", unit.symbol), &format!("Energy of a step, {through}")))
                }
                figcaption {
                    "Mean of the cell's runs; the line is the mean 95 % confidence interval. Steps of different batch \
                     sizes hold different numbers of samples."
                    @if divided { " Where no window of steps was metered, the joules of the run over its steps stand \
                                   in, evaluations in them." }
                    @if left_out > 0 { " " (left_out) " more cells are in the data." }
                }
            }
            @if !phases.is_empty() {
                figure {
                    div class="scroll" {
                        (bars(&phases, &format!("{} a run, {through}", whole.symbol), &format!("Energy by phase, {through}")))
                    }
                    ul class="legend" {
                        @for (at, (_, class, name)) in PHASES.iter().enumerate() {
                            @if used(at) { li {
                                svg width="12" height="12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} }
                                (name)
                            } }
                        }
                    }
                    figcaption {
                        "Mean joules of each phase of a run. The rest is what the other phases of the run's window do not \
                         explain; left of zero they explain more than was read."
                    }
                }
            }
        }
    }
}

fn phase_bar(name: String, means: &Means, unit: &Unit) -> Bar {
    let told: Vec<String> = PHASES
        .iter()
        .zip(&means.phases)
        .filter_map(|((_, _, phase), joules)| Some(format!("{phase} {}", unit.amount((*joules)?))))
        .chain(
            means
                .idle
                .map(|idle| format!("at rest it would have drawn {}", unit.amount(idle))),
        )
        .collect();
    Bar {
        title: format!("{name}: {}", told.join(", ")),
        name,
        parts: PHASES
            .iter()
            .zip(&means.phases)
            .filter_map(|((_, class, _), joules)| Some((*class, (*joules)? / unit.per)))
            .collect(),
        interval: None,
        text: unit.show(means.phases.iter().flatten().sum()),
    }
}

fn means(records: &[&Record], source: &Source) -> Option<Means> {
    let steps: Vec<_> = records
        .iter()
        .filter_map(|record| {
            record
                .energy_per_step
                .iter()
                .find(|figure| figure.source == source.name && figure.status == source.status)
        })
        .collect();
    let step = mean(steps.iter().map(|figure| figure.joules))?;
    let phase = |phase: Phase| {
        mean(records.iter().filter_map(|record| {
            let rows = record.energy_by_phase.iter();
            let mut own = rows.filter(|row| {
                row.phase == phase && row.source == source.name && row.status == source.status
            });
            own.find_map(|row| row.joules)
        }))
    };
    Some(Means {
        step,
        half: mean(
            steps
                .iter()
                .filter_map(|figure| figure.ci)
                .map(|interval| interval.half()),
        ),
        divided: steps.iter().any(|figure| figure.way == Way::RunOverSteps),
        phases: PHASES.iter().map(|(of, _, _)| phase(*of)).collect(),
        idle: phase(Phase::Idle),
    })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
