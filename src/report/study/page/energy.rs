//! Joules of a step and of each phase, by source.

use maud::{Markup, html};

use super::super::chart::{Bar, bars};
use super::super::colours::RegimeColours;
use super::super::csv_table::{CsvTable, rounded};
use super::super::curves::{EnergySource, energy_sources, main_runs};
use super::super::display_unit::{DisplayUnit, digits};
use super::super::folded::{Rows, data_behind, figure, how};
use super::super::words::{capital, no_energy, of_tasks, order, origin};
use crate::study::RunRecord;
use crate::study::analysis::Analysis;
use crate::train::{Derivation, Phase, Record};

/// Rows of a figure; the data behind it have all regimes.
const ROWS: usize = 24;

/// Phases in the order of a run, with class and name. Idle energy is contained in them and not part of the sum.
const PHASES: [(Phase, &str, &str); 6] = [
    (Phase::StartUp, "p1", "start-up"),
    (Phase::Compile, "p4", "compile"),
    (Phase::WarmUp, "p3", "warm-up"),
    (Phase::Train, "p0", "training"),
    (Phase::Evaluate, "p2", "evaluations"),
    (Phase::Rest, "p5", "rest"),
];

/// Means over the runs of a cell.
struct Means {
    step: f64,
    /// Half of the mean confidence interval of a step.
    half: Option<f64>,
    /// Some run has only its total divided by its steps.
    divided: bool,
    /// In the order of [`PHASES`].
    phases: Vec<Option<f64>>,
    idle: Option<f64>,
    /// Half of the confidence interval of their sum; `None` if a phase has none.
    phases_half: Option<f64>,
}

pub(super) fn section(analysis: &Analysis, runs: &[RunRecord]) -> Markup {
    let sources = energy_sources(runs).into_iter();
    let sources = sources.map(|source| (all_means(analysis, runs, &source), source));
    let found: Vec<(Vec<(usize, Means)>, EnergySource)> =
        sources.filter(|(rows, _)| !rows.is_empty()).collect();
    if found.is_empty() {
        return html! { p class="energy-line" { "Energy: " (no_energy(analysis)) "." } };
    }
    html! {
        section {
            h2 { "Energy of a step and of each phase" }
            @for part in analysis.parts() { @for (rows, source) in part_of(analysis, part, &found) {
                (figures(part, &rows, source, analysis.is_split()))
            } }
            (how(&html! {
                "Means of each regime's runs; the line below a bar is the mean 95 % confidence interval. Steps of different batch \
                 sizes process different numbers of samples. Rest is the energy that the other phases do not explain; it is negative if their sum exceeds the measured energy."
                @if found.iter().any(|(rows, _)| rows.iter().any(|(_, means)| means.divided)) {
                    " If no window of steps was measured, the energy of a step is the energy of the run, including \
                     evaluations, divided by its steps."
                }
            }))
            (data_behind(&[table(analysis, &found)], "Means of each regime, in joules; --csv writes every run with its intervals."))
        }
    }
}

/// The means of every cell with joules of `source`, the cheapest cell first.
fn all_means(
    analysis: &Analysis,
    runs: &[RunRecord],
    source: &EnergySource,
) -> Vec<(usize, Means)> {
    let order = match analysis.headline() {
        Some(cost) => order(analysis, cost),
        None => (0..analysis.cells.len()).collect(),
    };
    let means = order.into_iter().filter_map(|cell| {
        let own = main_runs(runs).filter(|(run, _)| run.cell == analysis.cells[cell].id);
        let records: Vec<&Record> = own.map(|(_, record)| record).collect();
        Some((cell, means(&records, source)?))
    });
    means.collect()
}

fn means(records: &[&Record], source: &EnergySource) -> Option<Means> {
    let steps = records.iter().filter_map(|record| {
        let mut figures = record.energy_per_step.iter();
        figures.find(|figure| figure.source == source.name && figure.status == source.status)
    });
    let phase = |phase: Phase| {
        mean(records.iter().filter_map(|record| {
            let rows = record.energy_by_phase.iter();
            let mut own = rows.filter(|row| {
                row.phase == phase && row.source == source.name && row.status == source.status
            });
            own.find_map(|row| row.joules)
        }))
    };
    // The phases come from one sensor, so their half-widths are added; rest is a difference of the others.
    let half = |phase: Phase| {
        mean(records.iter().filter_map(|record| {
            let rows = record.energy_by_phase.iter();
            let mut own = rows.filter(|row| row.phase == phase && row.source == source.name);
            Some(own.find(|row| row.joules.is_some())?.ci?.half())
        }))
    };
    let parts = PHASES.iter().map(|(of, _, _)| *of);
    let parts = parts.filter(|of| *of != Phase::Rest && phase(*of).is_some());
    let phases_half: Option<f64> = parts.map(half).sum();
    let intervals = steps.clone().filter_map(|figure| figure.ci);
    Some(Means {
        step: mean(steps.clone().map(|figure| figure.joules))?,
        half: mean(intervals.map(|interval| interval.half())),
        divided: steps
            .clone()
            .any(|figure| figure.derivation == Derivation::RunOverSteps),
        phases: PHASES.iter().map(|(of, _, _)| phase(*of)).collect(),
        idle: phase(Phase::Idle),
        phases_half: phases_half.filter(|half| *half > 0.0),
    })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The rows of the cells of `part`, by their places in it.
fn part_of<'a>(
    analysis: &Analysis,
    part: &Analysis,
    found: &'a [(Vec<(usize, Means)>, EnergySource)],
) -> Vec<(Vec<(usize, &'a Means)>, &'a EnergySource)> {
    let cells = analysis.cells_of(part);
    let place = |cell: usize| cells.iter().position(|own| *own == cell);
    let of = |rows: &'a [(usize, Means)]| {
        let own = rows.iter();
        own.filter_map(|(cell, means)| Some((place(*cell)?, means)))
            .collect::<Vec<_>>()
    };
    let all = found.iter().map(|(rows, source)| (of(rows), source));
    all.filter(|(rows, _)| !rows.is_empty()).collect()
}

fn table(analysis: &Analysis, found: &[(Vec<(usize, Means)>, EnergySource)]) -> CsvTable {
    let header = "source scope status cell step start-up compile warm-up training evaluations rest idle_contained";
    let mut table = CsvTable::new("energy_means", header);
    for (rows, source) in found {
        for (cell, means) in rows {
            let phases: Vec<Option<f64>> = means
                .phases
                .iter()
                .map(|joules| joules.map(rounded))
                .collect();
            table.push((
                source.key(),
                (&analysis.cells[*cell].id, rounded(means.step)),
                (phases, means.idle.map(rounded)),
            ));
        }
    }
    table
}

fn figures(
    analysis: &Analysis,
    rows: &[(usize, &Means)],
    source: &EnergySource,
    split: bool,
) -> Markup {
    let shown = &rows[..rows.len().min(ROWS)];
    let origin = origin(&source.name, source.scope, source.status);
    let with_phases = || {
        shown
            .iter()
            .filter(|(_, means)| means.phases.iter().any(Option::is_some))
    };
    let most = |of: &dyn Fn(&Means) -> f64| {
        let most = shown.iter().map(|(_, means)| of(means)).fold(0.0, f64::max);
        DisplayUnit::of(&source.kind(), most)
    };
    let unit = most(&|means| means.step);
    let whole = most(&|means| {
        means
            .phases
            .iter()
            .flatten()
            .filter(|part| **part > 0.0)
            .sum()
    });
    let colours = RegimeColours::new(analysis);
    let name = |cell: usize| analysis.cells[cell].name();
    let steps: Vec<Bar> = shown
        .iter()
        .map(|(cell, means)| step_bar(name(*cell), colours.part(*cell), means, &unit))
        .collect();
    let phases: Vec<Bar> = with_phases()
        .map(|(cell, means)| phase_bar(name(*cell), means, &whole))
        .collect();
    let used = |at: usize| shown.iter().any(|(_, means)| means.phases[at].is_some());
    let behind = Rows::of("energy_means", source.key()).of_part(analysis);
    html! {
        h3 { @if split { (capital(&analysis.name)) ", " (origin) } @else { (capital(&origin)) } @if rows.len() > ROWS { "; " (rows.len() - ROWS) " more regimes are in the data" } }
        (figure(&behind, &html! {
            div class="scroll" {
                (bars(&steps, &format!("Energy per training step, {origin}, {}", unit.symbol), &of_tasks(analysis, &format!("Energy per step, {origin}"))))
            }
        }))
        @if !phases.is_empty() {
            (figure(&behind, &html! {
                div class="scroll" {
                    (bars(&phases, &format!("Energy of a run by phase, {origin}, {}", whole.symbol), &of_tasks(analysis, &format!("Energy by phase, {origin}"))))
                }
                ul class="legend" {
                    @for (at, (_, class, name)) in PHASES.iter().enumerate() {
                        @if used(at) { li {
                            svg width="12" height="12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} }
                            (name)
                        } }
                    }
                }
            }))
        }
    }
}

fn step_bar(name: String, class: &'static str, means: &Means, unit: &DisplayUnit) -> Bar {
    let half = means.half.map_or_else(String::new, |half| {
        format!(" +- {} %", digits(100.0 * half / means.step))
    });
    let divided = if means.divided {
        ", evaluations included"
    } else {
        ""
    };
    Bar {
        title: format!(
            "{name}: {}{half} per training step{divided}",
            unit.amount(means.step)
        ),
        name,
        parts: vec![(class, means.step / unit.per)],
        interval: means.half.map(|half| {
            (
                (means.step - half) / unit.per,
                (means.step + half) / unit.per,
            )
        }),
        text: unit.show(means.step) + &half,
    }
}

fn phase_bar(name: String, means: &Means, unit: &DisplayUnit) -> Bar {
    let parts = || PHASES.iter().zip(&means.phases);
    let described = parts()
        .filter_map(|((_, _, phase), joules)| Some(format!("{phase} {}", unit.amount((*joules)?))))
        .chain(
            means
                .idle
                .map(|idle| format!("{} of it at idle power", unit.amount(idle))),
        );
    let described: Vec<String> = described.collect();
    let sum: f64 = means.phases.iter().flatten().sum();
    Bar {
        title: format!("{name}: {}", described.join(", ")),
        name,
        parts: parts()
            .filter_map(|((_, class, _), joules)| Some((*class, (*joules)? / unit.per)))
            .collect(),
        interval: means
            .phases_half
            .map(|half| ((sum - half) / unit.per, (sum + half) / unit.per)),
        text: unit.show(sum),
    }
}
