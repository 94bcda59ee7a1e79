//! Heat maps and bars of the regimes in one cost.

use super::chart::{AxisText, Bar, HeatCell, HeatMap, Parallel, ParallelLine, Scale, extent};
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

/// The unit of the numbers in a map, and the lowest and highest cost of its colours.
pub(super) struct MapScale {
    pub unit: DisplayUnit,
    pub range: (f64, f64),
}

impl MapScale {
    /// The scale that costs of one kind share.
    pub fn of(cost: &CostReport, others: &[&CostReport]) -> Self {
        let all = || std::iter::once(&cost).chain(others);
        let expected = all().flat_map(|cost| &cost.cells);
        let range = extent(expected.filter_map(|cell| cell.expected));
        Self {
            unit: range.map_or_else(
                || DisplayUnit::for_cost(cost),
                |(_, high)| DisplayUnit::of(&cost.kind, high),
            ),
            range: range.unwrap_or((0.0, 0.0)),
        }
    }

    /// Where a cost lies between the lowest, 0, and the highest, 1, on a logarithmic scale.
    fn place(&self, expected: f64) -> f64 {
        let (low, high) = self.range;
        match high > low {
            true => (expected / low).ln() / (high / low).ln(),
            false => 0.0,
        }
    }
}

/// A map over the first two axes that vary for each choice of the others, and how many maps are left out; no map where fewer
/// than two axes vary. The longer of the two axes is horizontal.
pub(super) fn panels(
    analysis: &Analysis,
    cost: &CostReport,
    scale: &MapScale,
) -> (Vec<Panel>, usize) {
    let cell = |at: usize| heat_cell(analysis, cost, scale, at);
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
                text: AxisText::Page,
            },
        }
    });
    (panels.collect(), left_out)
}

/// The regimes over all axes at once; `None` where fewer than three axes vary, so that one map has them all.
pub(super) fn parallel(analysis: &Analysis, cost: &CostReport) -> Option<Parallel> {
    let axes = varying(analysis);
    if axes.len() < 3 {
        return None;
    }
    let scale = MapScale::of(cost, &[]);
    let unit = &scale.unit;
    let colours = RegimeColours::new(analysis);
    // The cheapest are drawn last, on top.
    let lines = order(analysis, cost).into_iter().rev().filter_map(|at| {
        let values = &analysis.cells[at].values;
        let place = |axis: &usize| {
            let known = &analysis.axes[*axis].values;
            known
                .iter()
                .position(|value| Some(value) == values.get(*axis))
        };
        Some(ParallelLine {
            class: colours.line(at),
            title: heat_cell(analysis, cost, &scale, at).title,
            places: axes.iter().map(place).collect::<Option<_>>()?,
            cost: cost.cells[at].expected.map(|expected| expected / unit.per),
        })
    });
    let (low, high) = scale.range;
    Some(Parallel {
        axes: axes
            .iter()
            .map(|axis| {
                (
                    axis_name(analysis, *axis),
                    analysis.axes[*axis].values.clone(),
                )
            })
            .collect(),
        cost: (
            format!("{}, {}", cost.kind.noun(), unit.symbol),
            Scale::around([low, high].map(|end| end / unit.per)),
        ),
        lines: lines.collect(),
        legend: colours.legend,
    })
}

/// A bar per regime, the cheapest first, and how many are left out.
pub(super) fn cost_bars(analysis: &Analysis, cost: &CostReport) -> (Vec<Bar>, usize) {
    let scale = MapScale::of(cost, &[]);
    let unit = &scale.unit;
    let colours = RegimeColours::new(analysis);
    let order = order(analysis, cost);
    let left_out = order.len().saturating_sub(BARS);
    let bars = order.into_iter().take(BARS).map(|at| {
        let cell = &cost.cells[at];
        let shown = heat_cell(analysis, cost, &scale, at);
        let mut text = vec![State::of(cell).show(unit)];
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

fn heat_cell(analysis: &Analysis, cost: &CostReport, scale: &MapScale, at: usize) -> HeatCell {
    let unit = &scale.unit;
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
            Some(scale.place(expected)),
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
