//! The report of devices side by side.

mod data;
mod page;
mod plots;
mod text;

pub use data::tables_by_device;
pub use page::page_by_device;
pub use text::{markdown_by_device, terminal_by_device};

use super::display_unit::DisplayUnit;
use super::heat_maps::MapScale;
use super::words::{capital, cost_name, ratio};
use crate::study::analysis::{CostKind, CostReport};
use crate::study::side_by_side::{Comparison, DeviceCost, Quantity, SideBySide};
use crate::study::stats::Agreement;

/// Name of a quantity in a sentence.
fn noun(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Energy => "measured energy",
        Quantity::Seconds => "time",
        Quantity::Samples => "training samples",
    }
}

/// The costs of a comparison with their devices.
fn costs<'a>(
    found: &'a SideBySide,
    comparison: &'a Comparison,
) -> Vec<(usize, &'a DeviceCost, &'a CostReport)> {
    let all = comparison.devices.iter().enumerate();
    all.filter_map(|(at, cost)| Some((at, cost.as_ref()?, found.cost(comparison, at)?)))
        .collect()
}

/// The scale of device `at`: that of all devices whose costs are the same quantity.
fn scale(found: &SideBySide, comparison: &Comparison, at: usize) -> Option<MapScale> {
    let own = found.cost(comparison, at)?;
    let scope = |cost: &CostReport| match &cost.kind {
        CostKind::Energy { scope, .. } => Some(*scope),
        _ => None,
    };
    let all = costs(found, comparison).into_iter();
    let alike: Vec<&CostReport> = all
        .map(|(_, _, cost)| cost)
        .filter(|cost| scope(cost) == scope(own))
        .collect();
    Some(MapScale::of(own, &alike))
}

/// `Energy to 85 %, measured`, for a heading over all devices.
fn title(found: &SideBySide, comparison: &Comparison) -> String {
    let all = costs(found, comparison);
    let Some((at, _, cost)) = all.first() else {
        return capital(noun(comparison.quantity));
    };
    let name = cost_name(&found.devices[*at].analysis, cost);
    capital(match comparison.quantity {
        // The sensors differ between devices and are named beside each.
        Quantity::Energy => name.split(" (").next().unwrap_or(&name),
        _ => &name,
    })
}

/// `by nvml:0 (board)`, for energy.
fn sensor(cost: &DeviceCost) -> Option<String> {
    match &cost.kind {
        CostKind::Energy { source, scope, .. } => Some(format!("{source} ({})", scope.name())),
        _ => None,
    }
}

/// `0.93 (0.80 to 0.98)`.
fn agreement_text(found: Option<Agreement>) -> String {
    let Some(found) = found else {
        return "too few regimes".into();
    };
    match found.interval {
        Some(i) => format!("{:.2} ({:.2} to {:.2})", found.tau, i.low, i.high),
        None => format!("{:.2} (no interval)", found.tau),
    }
}

/// The ratio worst to best of a device, and of which runs it is.
fn worst_text(cost: &DeviceCost) -> String {
    let seeds = if cost.fresh { ", fresh seeds" } else { "" };
    let of = cost.worst_over_best.map(|found| ratio(&found) + seeds);
    of.unwrap_or_else(|| "unknown".into())
}

/// Of a device on which no run reached the target, or whose runs are not ranked.
const NONE: &str = "none";

/// The cost of a device's best regime with its interval.
fn lowest_text(cost: &DeviceCost, unit: &DisplayUnit) -> String {
    let Some(lowest) = cost.lowest else {
        return NONE.into();
    };
    let mut text = unit.amount(lowest);
    if let Some(i) = cost.interval {
        text += &format!(" ({})", unit.interval(i.low, i.high));
    }
    text
}

/// What a device's cost is over the cheapest.
fn over_text(cost: &DeviceCost) -> String {
    match (cost.ranked, cost.over_cheapest) {
        (false, _) => "not ranked".into(),
        (true, None) => "lowest".into(),
        (true, Some(found)) => ratio(&found),
    }
}
