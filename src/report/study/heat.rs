//! Which cell of a study stands where in its heat maps.

use super::chart::{Bar, HeatCell, HeatMap};
use super::names::varying;
use super::words::{State, Unit, cost_name, order, reached, verdict};
use crate::study::analysis::{Analysis, CostReport};
use crate::study::stats::End;

/// Most maps of one cost; the table has what is beyond them.
const PANELS: usize = 12;

/// Most bars, likewise.
const BARS: usize = 40;

/// One map, and which values of the other axes it is for.
pub(super) struct Panel {
    pub title: String,
    pub map: HeatMap,
}

/// A map over the first two axes that vary for each choice of the others, and how many are left out; none where fewer than
/// two axes vary. The longer of the two lies across.
pub(super) fn panels(analysis: &Analysis, cost: &CostReport) -> (Vec<Panel>, usize) {
    let unit = Unit::for_cost(cost);
    let cell = |at: usize| heat_cell(analysis, cost, &unit, at);
    let axes = varying(analysis);
    let [first, second, others @ ..] = axes.as_slice() else {
        return (Vec::new(), 0);
    };
    let length = |axis: &usize| analysis.axes[*axis].values.len();
    let (across, up) = match length(second) > length(first) {
        true => (second, first),
        false => (first, second),
    };
    let values = |axis: usize| analysis.axes[axis].values.clone();
    let value_of = |at: usize, axis: usize| analysis.cells[at].values.get(axis);
    let mut choices: Vec<Vec<&String>> = Vec::new();
    for at in 0..analysis.cells.len() {
        let choice: Vec<&String> = others
            .iter()
            .filter_map(|axis| value_of(at, *axis))
            .collect();
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    let left_out = choices.len().saturating_sub(PANELS);
    let panels = choices.iter().take(PANELS).map(|choice| {
        let fits = |at: usize| {
            others
                .iter()
                .zip(choice)
                .all(|(axis, value)| value_of(at, *axis) == Some(*value))
        };
        let find = |x: &String, y: &String| {
            (0..analysis.cells.len()).find(|at| {
                value_of(*at, *across) == Some(x) && value_of(*at, *up) == Some(y) && fits(*at)
            })
        };
        let title: Vec<String> = others
            .iter()
            .zip(choice)
            .map(|(axis, value)| format!("{} {value}", analysis.axes[*axis].key))
            .collect();
        Panel {
            title: title.join(", "),
            map: HeatMap {
                across: (analysis.axes[*across].key.clone(), values(*across)),
                up: (analysis.axes[*up].key.clone(), values(*up)),
                cells: values(*up)
                    .iter()
                    .map(|y| {
                        let row = values(*across);
                        row.iter().map(|x| find(x, y).map(cell)).collect()
                    })
                    .collect(),
                dense: false,
            },
        }
    });
    (panels.collect(), left_out)
}

/// Bars in the place of a map where fewer than two axes vary, the cheapest uppermost; and how many are left out.
pub(super) fn cost_bars(analysis: &Analysis, cost: &CostReport) -> (Vec<Bar>, usize) {
    let unit = Unit::for_cost(cost);
    let order = order(cost);
    let left_out = order.len().saturating_sub(BARS);
    let bars = order.into_iter().take(BARS).map(|at| {
        let cell = &cost.cells[at];
        let told = heat_cell(analysis, cost, &unit, at);
        let class = match (told.best, told.alike) {
            (true, _) => "part best",
            (_, true) => "part alike",
            _ => "part",
        };
        Bar {
            name: analysis.cells[at].id.clone(),
            title: told.title,
            parts: cell
                .expected
                .map(|expected| (class, expected / unit.per))
                .into_iter()
                .collect(),
            interval: cell
                .interval
                .map(|interval| (interval.low / unit.per, interval.high / unit.per)),
            text: match (told.share, told.below.is_empty()) {
                (Some(_), true) => told.value,
                (Some(_), false) => format!("{}, {}", told.value, told.below),
                (None, _) => told.below,
            },
        }
    });
    (bars.collect(), left_out)
}

fn heat_cell(analysis: &Analysis, cost: &CostReport, unit: &Unit, at: usize) -> HeatCell {
    let cell = &cost.cells[at];
    let state = State::of(cell);
    let arrived = reached(cell);
    let mut title = format!("{}: ", analysis.cells[at].id);
    title += &match state {
        State::Arrived(expected) => format!("{} {}", cost_name(cost), unit.amount(expected)),
        other => other.words().to_owned(),
    };
    if let Some(interval) = cell.interval {
        title += &format!(
            ", 95 % {} to {}",
            unit.show(interval.low),
            unit.amount(interval.high)
        );
    }
    title += &format!(", {arrived} reached");
    let beside = verdict(cost, at);
    if !beside.is_empty() {
        title += &format!(", {beside}");
    }
    let value = match state {
        State::Arrived(expected) => unit.show(expected),
        other => other.letter().into(),
    };
    let failed = cell.trials.iter().any(|point| point.ended != End::Reached);
    HeatCell {
        value,
        below: match state {
            State::Arrived(_) if failed => format!("{arrived} reached"),
            State::Arrived(_) => String::new(),
            other => other.words().to_owned(),
        },
        title,
        share: match state {
            State::Arrived(expected) => Some(place(cost, expected)),
            _ => None,
        },
        pattern: match state {
            State::OverBudget => "over",
            State::Diverged | State::Neither => "diverged",
            _ => "none",
        },
        best: cost.best == Some(at),
        alike: cost.no_claim.is_none()
            && cost.best != Some(at)
            && cost.indistinguishable.contains(&at),
    }
}

/// Where a cost lies between the least and the most, by its logarithm.
fn place(cost: &CostReport, expected: f64) -> f64 {
    let costs = || cost.cells.iter().filter_map(|cell| cell.expected);
    let low = costs().fold(f64::INFINITY, f64::min);
    let high = costs().fold(0.0, f64::max);
    if high <= low {
        return 0.0;
    }
    (expected / low).ln() / (high / low).ln()
}
