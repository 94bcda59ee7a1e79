//! Heat maps and bars of the regimes in one cost.

use super::chart::{Bar, HeatCell, HeatMap};
use super::colours::RegimeColours;
use super::display_unit::DisplayUnit;
use super::regimes::{axis_name, varying};
use super::words::{State, cost_name, order, reached, verdict};
use crate::study::analysis::{Analysis, CostReport};
use crate::study::stats::End;

/// Most maps of one cost; the table has all regimes.
const PANELS: usize = 12;

/// Most bars of one figure.
const BARS: usize = 40;

/// One map, and which values of the other axes it is for.
pub(super) struct Panel {
    pub title: String,
    pub map: HeatMap,
}

/// A map over the first two axes that vary for each choice of the others, and how many maps are left out; no map where fewer
/// than two axes vary. The longer of the two axes is horizontal.
pub(super) fn panels(analysis: &Analysis, cost: &CostReport) -> (Vec<Panel>, usize) {
    let unit = DisplayUnit::for_cost(cost);
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
            .map(|(axis, value)| format!("{} {value}", axis_name(analysis, *axis)))
            .collect();
        Panel {
            title: title.join(", "),
            map: HeatMap {
                across: (axis_name(analysis, *across), values(*across)),
                up: (axis_name(analysis, *up), values(*up)),
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

/// A bar per regime, the cheapest first, and how many are left out.
pub(super) fn cost_bars(analysis: &Analysis, cost: &CostReport) -> (Vec<Bar>, usize) {
    let unit = DisplayUnit::for_cost(cost);
    let colours = RegimeColours::new(analysis);
    let order = order(cost);
    let left_out = order.len().saturating_sub(BARS);
    let bars = order.into_iter().take(BARS).map(|at| {
        let cell = &cost.cells[at];
        let shown = heat_cell(analysis, cost, &unit, at);
        let mut text = vec![State::of(cell).show(&unit)];
        if let Some(interval) = cell.interval {
            text[0] += &format!(" ({})", unit.interval(interval.low, interval.high));
        }
        if shown.share.is_some() && !shown.below.is_empty() {
            text.push(shown.below);
        }
        if shown.alike {
            text.push("not significantly different".into());
        }
        let part = |expected| (colours.part(at), expected / unit.per);
        Bar {
            name: analysis.cells[at].name(),
            title: shown.title,
            parts: cell.expected.map(part).into_iter().collect(),
            interval: cell.interval.map(|i| (i.low / unit.per, i.high / unit.per)),
            text: text.join(", "),
        }
    });
    (bars.collect(), left_out)
}

fn heat_cell(analysis: &Analysis, cost: &CostReport, unit: &DisplayUnit, at: usize) -> HeatCell {
    let cell = &cost.cells[at];
    let state = State::of(cell);
    let mut title = format!("{}: ", analysis.cells[at].name());
    title += &match state {
        State::Reached(expected) => {
            format!("{} {}", cost_name(analysis, cost), unit.amount(expected))
        }
        other => other.words().to_owned(),
    };
    if let Some(i) = cell.interval {
        let interval = unit.interval(i.low, i.high);
        title += &format!(", 95 % CI {interval} {}", unit.symbol);
    }
    title += &format!(", {} reached", reached(cell));
    let verdict = verdict(cost, at);
    if !verdict.is_empty() {
        title += &format!(", {verdict}");
    }
    let failed = cell.trials.iter().any(|point| point.ended != End::Reached);
    let (value, below, share) = match state {
        State::Reached(expected) => (
            unit.show(expected),
            match failed {
                true => format!("{} reached", reached(cell)),
                false => String::new(),
            },
            Some(place(cost, expected)),
        ),
        other => (String::new(), other.words().to_owned(), None),
    };
    HeatCell {
        value,
        below,
        title,
        share,
        pattern: match state {
            State::OverBudget => "over",
            State::Diverged | State::NotReached => "diverged",
            _ => "none",
        },
        best: cost.best == Some(at),
        alike: cost.no_claim.is_none()
            && cost.best != Some(at)
            && cost.indistinguishable.contains(&at),
    }
}

/// Where a cost lies between the lowest, 0, and the highest, 1, on a logarithmic scale.
fn place(cost: &CostReport, expected: f64) -> f64 {
    let costs = || cost.cells.iter().filter_map(|cell| cell.expected);
    let low = costs().fold(f64::INFINITY, f64::min);
    let high = costs().fold(0.0, f64::max);
    if high <= low {
        return 0.0;
    }
    (expected / low).ln() / (high / low).ln()
}
