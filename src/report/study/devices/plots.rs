//! Plots of several devices.

use maud::{Markup, html};

use super::super::chart::{Bar, Dot, Frame, HeatCell, Scale, bars, dots};
use super::super::display_unit::DisplayUnit;
use super::super::folded::{Rows, data_behind, figure};
use super::super::heat_maps::{Panel, panels};
use super::super::page::costs::maps;
use super::super::regimes::{axes, values};
use super::super::words::capital;
use super::{costs, data, ratio, scale, sensor, title, worst_text};
use crate::study::analysis::CostKind;
use crate::study::side_by_side::{Comparison, Quantity, SideBySide};

/// Line and bar class of each device; those beyond the last share it.
const CLASSES: [(&str, &str); 8] = [
    ("s0", "part s0"),
    ("s1", "part s1"),
    ("s2", "part s2"),
    ("s3", "part s3"),
    ("s4", "part s4"),
    ("s5", "part s5"),
    ("s6", "part s6"),
    ("rest", "part rest"),
];

fn class(device: usize) -> (&'static str, &'static str) {
    CLASSES[device.min(CLASSES.len() - 1)]
}

/// Most bars of one figure.
const BARS: usize = 60;

/// Points that have room for a label each.
const LABELS: usize = 30;

/// A heat map per device with one scale of colours, or bars on one axis where fewer than two axes vary.
pub(super) fn regimes(found: &SideBySide, comparison: &Comparison) -> Markup {
    let mut all: Vec<Panel> = Vec::new();
    for (at, own, cost) in costs(found, comparison) {
        let Some(scale) = scale(found, comparison, at) else {
            continue;
        };
        let one = &found.devices[at];
        let (maps, _) = panels(&one.analysis, cost, &scale);
        all.extend(maps.into_iter().map(|panel| {
            let mut title = vec![one.label.clone()];
            title.extend(Some(panel.title).filter(|title| !title.is_empty()));
            title.extend(sensor(own));
            title.push(scale.unit.symbol.to_owned());
            Panel {
                title: title.join(", "),
                map: panel.map,
            }
        }));
    }
    if all.is_empty() {
        return by_bars(found, comparison);
    }
    let name = title(found, comparison);
    let empty = |cell: &HeatCell| cell.share.is_none();
    let gaps = all
        .iter()
        .any(|panel| panel.map.cells.iter().flatten().flatten().any(empty));
    html! {
        (maps(&all, &name, &Rows::all("device_costs")))
        p class="quiet" {
            @match one_scale(comparison) {
                true => "All maps have one scale of colours.",
                false => "Maps of one scope have one scale of colours; those of different scopes cannot be compared.",
            }
            @if gaps { " Hatched: the target was not reached." }
        }
    }
}

/// Whether all devices are measured in the same quantity.
fn one_scale(comparison: &Comparison) -> bool {
    let scopes = comparison
        .devices
        .iter()
        .flatten()
        .map(|own| match &own.kind {
            CostKind::Energy { scope, .. } => Some(*scope),
            _ => None,
        });
    let scopes: Vec<_> = scopes.collect();
    scopes.windows(2).all(|pair| pair[0] == pair[1])
}

fn by_bars(found: &SideBySide, comparison: &Comparison) -> Markup {
    let devices = costs(found, comparison);
    let Some((first, _, _)) = devices.first() else {
        return html! {};
    };
    // One axis is one quantity.
    let shown = devices
        .iter()
        .filter(|(_, own, _)| own.ranked || !comparison.ranks());
    let Some(scale) = scale(found, comparison, *first) else {
        return html! {};
    };
    let unit = &scale.unit;
    let mut rows = Vec::new();
    for (at, _, cost) in shown {
        let one = &found.devices[*at];
        for (cell, own) in cost.cells.iter().enumerate() {
            let Some(expected) = own.expected else {
                continue;
            };
            let name = format!("{}: {}", one.label, one.analysis.cells[cell].name());
            let mut text = unit.show(expected);
            if let Some(i) = own.interval {
                text += &format!(" ({})", unit.interval(i.low, i.high));
            }
            rows.push(Bar {
                title: format!("{name}: {text} {}", unit.symbol),
                name,
                parts: vec![(class(*at).1, expected / unit.per)],
                interval: own.interval.map(|i| (i.low / unit.per, i.high / unit.per)),
                text,
            });
        }
    }
    let left = rows.len().saturating_sub(BARS);
    rows.truncate(BARS);
    let axis = format!("{}, {}", title(found, comparison), unit.symbol);
    figure(
        &Rows::all("device_costs"),
        &html! {
            div class="scroll" { (bars(&rows, &axis, &format!("Bars: {axis}"))) }
            @if left > 0 { figcaption { (left) " more bars are in the data." } }
        },
    )
}

/// The ratio worst to best on each device, with its interval.
pub(super) fn worst_over_best(found: &SideBySide, comparison: &Comparison) -> Markup {
    let rows = costs(found, comparison)
        .into_iter()
        .filter_map(|(at, own, _)| {
            let worst = own.worst_over_best?;
            let label = &found.devices[at].label;
            Some(Bar {
                name: label.clone(),
                title: format!(
                    "{label}: the worst regime costs {} times the best",
                    ratio(&worst)
                ),
                parts: vec![(class(at).1, worst.ratio())],
                interval: worst
                    .low()
                    .map(|low| (low, worst.high().unwrap_or(worst.ratio()))),
                text: worst_text(own),
            })
        });
    let rows: Vec<Bar> = rows.collect();
    if rows.is_empty() {
        return html! {};
    }
    figure(
        &Rows::all("devices"),
        &html! { div class="scroll" {
            (bars(&rows, "Worst over best regime, ratio", "The ratio of the worst regime to the best on each device"))
        } },
    )
}

/// Energy against time, a point per regime and device. Without ranked energy, time against training samples.
pub(super) fn energy_and_time(found: &SideBySide) -> Markup {
    let of = |quantity: Quantity| {
        found
            .comparisons
            .iter()
            .find(|one| one.quantity == quantity)
    };
    let energy = of(Quantity::Energy).filter(|one| one.ranked().count() > 0);
    let Some((up, across)) = energy.or(of(Quantity::Seconds)).zip(match energy {
        Some(_) => of(Quantity::Seconds),
        None => of(Quantity::Samples),
    }) else {
        return html! {};
    };
    let shown = up.devices.iter().enumerate().filter(|(_, own)| {
        own.as_ref()
            .is_some_and(|own| own.ranked || up.quantity != Quantity::Energy)
    });
    let mut points = Vec::new();
    for (at, _) in shown {
        let (Some(y), Some(x)) = (found.cost(up, at), found.cost(across, at)) else {
            continue;
        };
        let pairs = x.cells.iter().zip(&y.cells).enumerate();
        points.extend(
            pairs.filter_map(|(cell, (x, y))| {
                Some((at, cell, x.expected?, y.expected?, y.interval))
            }),
        );
    }
    let (Some(x_kind), Some(y_kind)) = (kind(across), kind(up)) else {
        return html! {};
    };
    let most = |get: fn(&(usize, usize, f64, f64, Option<_>)) -> f64| {
        points.iter().map(get).fold(0.0, f64::max)
    };
    let units = [
        DisplayUnit::of(x_kind, most(|point| point.2)),
        DisplayUnit::of(y_kind, most(|point| point.3)),
    ];
    if points.len() < 2 {
        return html! {};
    }
    let mut frame = Frame::new(
        Scale::around(points.iter().map(|point| point.2 / units[0].per)),
        Scale::around(points.iter().map(|point| point.3 / units[1].per)),
    );
    (frame.width, frame.height) = (720.0, 380.0);
    let mut devices: Vec<usize> = points.iter().map(|point| point.0).collect();
    devices.dedup();
    frame.legend = devices
        .iter()
        .map(|at| (class(*at).0, found.devices[*at].label.clone()))
        .collect();
    let analysis = &found.devices[0].analysis;
    let marks = points.iter().map(|(at, cell, x, y, _)| Dot {
        class: class(*at).0,
        front: up.devices[*at].as_ref().and_then(|own| own.best) == Some(*cell),
        title: format!(
            "{}, {}: {}, {}",
            found.devices[*at].label,
            found.cell(*cell),
            units[1].amount(*y),
            units[0].amount(*x)
        ),
        at: (x / units[0].per, y / units[1].per),
        label: match points.len() <= LABELS {
            true => values(analysis, *cell),
            false => String::new(),
        },
    });
    let marks: Vec<Dot> = marks.collect();
    let names = [
        format!("{}, {}", title(found, across), units[0].symbol),
        format!("{}, {}", title(found, up), units[1].symbol),
    ];
    let heading = match up.quantity {
        Quantity::Energy => "Energy against time",
        _ => "Time against training samples",
    };
    html! {
        section {
            h2 { (heading) }
            (figure(&Rows::all("device_costs"), &html! {
                div class="scroll" {
                    (frame.picture(&format!("{} over {}", names[1], names[0]), html! {
                        (frame.axes(&capital(&names[0]), &capital(&names[1])))
                        (dots(&frame, &marks, &[]))
                    }))
                }
                figcaption {
                    "A point is the expected cost of a regime on a device; diamonds are the best regime of each."
                    @if !axes(analysis).is_empty() { " Labels are " (axes(analysis)) "." }
                    @if up.quantity == Quantity::Energy && up.not_ranked.is_some() {
                        " Devices that are not ranked by energy are left out."
                    }
                }
            }))
            (data_behind(&[data::regimes_in(found, &[up, across])], ""))
        }
    }
}

fn kind(comparison: &Comparison) -> Option<&CostKind> {
    comparison
        .devices
        .iter()
        .flatten()
        .next()
        .map(|own| &own.kind)
}
