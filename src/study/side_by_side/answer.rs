//! What the comparison of devices shows, in words.

use super::{Comparison, DeviceCost, Quantity, SideBySide};
use crate::study::analysis::{Answer, CostKind, times};
use crate::study::stats::Ratio;

pub(super) fn answer(found: &SideBySide) -> Answer {
    let only = |headline: String| Answer {
        headline,
        ..Answer::default()
    };
    match found.devices.as_slice() {
        [] => return only("No run has finished yet.".into()),
        [one] => {
            return only(format!(
                "All runs were made on one device, {}: there is nothing to compare it with.",
                one.label
            ));
        }
        _ => {}
    }
    let Some(lead) = found.comparisons.iter().find(|one| one.ranks()) else {
        return only(match found.comparisons.is_empty() {
            true => "No run gave a result.".into(),
            false => {
                "No two devices have regimes that reached the target in a comparable cost.".into()
            }
        });
    };
    let parts = [best_regimes(found, lead), agreement(found, lead)];
    Answer {
        headline: headline(found, lead),
        comparison: parts.into_iter().flatten().collect::<Vec<_>>().join(" "),
        measurement: measurement(found, lead),
    }
}

/// `Lowest energy to 85 % test accuracy: A, 1.20 kJ (95 % CI ...), with batch size 64; B needs 2.3 times as much, ...`.
fn headline(found: &SideBySide, lead: &Comparison) -> String {
    let mut ranked: Vec<(usize, &DeviceCost)> = lead.ranked().collect();
    ranked.sort_by(|a, b| {
        let cost = |one: &DeviceCost| one.lowest.unwrap_or(f64::INFINITY);
        cost(a.1).total_cmp(&cost(b.1))
    });
    let target = &found.devices[0].analysis.target;
    let to = match lead.threshold {
        Some(value) => format!("to {}", target.describe(value)),
        None => "for the whole run".into(),
    };
    let mut text = String::new();
    for (place, (at, cost)) in ranked.into_iter().enumerate() {
        let label = &found.devices[at].label;
        let with = cost
            .best
            .map_or_else(String::new, |best| format!(" with {}", found.cell(best)));
        if place == 0 {
            text = format!("Lowest {} {to}: {label}{with}", cost.kind.noun());
            if let Some(lowest) = cost.lowest {
                text += &format!(", {}", cost.kind.amount(lowest));
            }
            let amount = |value| cost.kind.amount(value);
            text += &match cost.interval {
                Some(i) => format!(" (95 % CI {} to {})", amount(i.low), amount(i.high)),
                None => " (no interval)".into(),
            };
        } else {
            text += &match &cost.over_cheapest {
                Some(ratio) => format!("; {label} needs {}{with}", times(ratio)),
                None => format!("; {label} needs more{with}"),
            };
        }
    }
    text + "."
}

/// Whether one regime is the best everywhere, and what the best of one device costs on another.
fn best_regimes(found: &SideBySide, lead: &Comparison) -> Option<String> {
    let best: Vec<(usize, usize)> = lead
        .devices
        .iter()
        .enumerate()
        .filter_map(|(at, cost)| Some((at, cost.as_ref()?.best?)))
        .collect();
    let (_, first) = *best.first()?;
    if best.len() < 2 {
        return None;
    }
    if best.iter().all(|(_, cell)| *cell == first) {
        return Some(format!(
            "The best regime is the same on all {} devices: {}.",
            best.len(),
            found.cell(first)
        ));
    }
    let costs = lead.agreement.iter().flat_map(|pair| {
        [(0, 1), (1, 0)].map(|(on, from)| {
            (
                pair.devices[on],
                pair.devices[from],
                pair.transfer[on].filter(|ratio| ratio.ratio() != 1.0),
            )
        })
    });
    let costliest = costs
        .filter_map(|(on, from, ratio)| Some((on, from, ratio?)))
        .max_by(|a, b| a.2.ratio().total_cmp(&b.2.ratio()));
    let mut text = "The best regime differs between the devices".to_owned();
    if let Some((on, from, ratio)) = costliest {
        text += &format!(
            ": on {} the best of {} costs {} as its own best{}",
            found.devices[on].label,
            found.devices[from].label,
            times(&ratio),
            if significant(&ratio) {
                ""
            } else {
                ", which is not significant"
            }
        );
    }
    Some(text + ".")
}

fn significant(ratio: &Ratio) -> bool {
    ratio.low().is_some_and(|low| low > 1.0)
}

/// The rank agreement that is the lowest of all pairs.
fn agreement(found: &SideBySide, lead: &Comparison) -> Option<String> {
    let known = lead
        .agreement
        .iter()
        .filter_map(|pair| Some((pair.devices, pair.agreement?)));
    let (devices, lowest) = known.min_by(|a, b| a.1.tau.total_cmp(&b.1.tau))?;
    let interval = lowest.interval.map_or_else(
        || format!(", too few for an interval: {} regimes", lowest.count),
        |i| {
            format!(
                " (95 % CI {:.2} to {:.2}, {} regimes)",
                i.low, i.high, lowest.count
            )
        },
    );
    let pair = match lead.agreement.len() {
        1 => String::new(),
        _ => format!(
            ", the lowest, between {} and {}",
            found.devices[devices[0]].label, found.devices[devices[1]].label
        ),
    };
    Some(format!(
        "Rank agreement of the regimes: Kendall's tau {:.2}{interval}{pair}.",
        lowest.tau
    ))
}

fn measurement(found: &SideBySide, lead: &Comparison) -> String {
    let seeds = |at: usize| found.devices[at].analysis.seeds.len();
    let same = (1..found.devices.len()).all(|at| seeds(at) == seeds(0));
    let mut parts = match same {
        true => vec![format!(
            "{} seed{} per regime and device",
            seeds(0),
            if seeds(0) == 1 { "" } else { "s" }
        )],
        false => Vec::new(),
    };
    if lead.quantity == Quantity::Energy {
        let sensors = lead.ranked().filter_map(|(at, cost)| match &cost.kind {
            CostKind::Energy { source, scope, .. } => Some(format!(
                "{}: {source} ({})",
                found.devices[at].label,
                scope.name()
            )),
            _ => None,
        });
        parts.push(format!(
            "energy measured by {}",
            sensors.collect::<Vec<_>>().join(", ")
        ));
        parts.push("intervals between devices contain the accuracy of both sensors".into());
    }
    let left = found.comparisons.iter();
    parts.extend(left.filter_map(|one| one.not_ranked.clone()));
    let mut text = parts.join("; ");
    if let Some(first) = text.get(..1) {
        text.replace_range(..1, &first.to_uppercase());
    }
    text + "."
}
