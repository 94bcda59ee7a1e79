//! The tables of devices side by side.

use super::super::csv_table::CsvTable;
use super::super::words::{State, kind_name, verdict};
use super::{costs, noun};
use crate::study::side_by_side::{Comparison, SideBySide};
use crate::study::stats::Ratio;

/// Every table of every comparison, with a column that names the study.
pub fn tables_by_device(all: &[SideBySide]) -> Vec<CsvTable> {
    let mut tables: Vec<CsvTable> = Vec::new();
    for found in all {
        let every: Vec<&Comparison> = found.comparisons.iter().collect();
        let regimes = regimes_in(found, &every);
        for mut table in [devices(found), regimes, agreement(found)] {
            table.header.insert(0, "study".into());
            for row in &mut table.rows {
                row.insert(0, found.name.clone());
            }
            match tables.iter_mut().find(|known| known.name == table.name) {
                Some(known) => known.append(table),
                None => tables.push(table),
            }
        }
    }
    tables
}

fn parts(ratio: Option<Ratio>) -> [Option<f64>; 3] {
    let of = |get: fn(&Ratio) -> Option<f64>| ratio.as_ref().and_then(get);
    [
        ratio.map(|ratio| ratio.ratio()),
        of(Ratio::low),
        of(Ratio::high),
    ]
}

/// The best regime of each device in each quantity.
pub(super) fn devices(found: &SideBySide) -> CsvTable {
    let mut table = CsvTable::new(
        "devices",
        "device backend driver quantity cost unit target best_regime lowest ci_low ci_high sensor_accuracy_share \
         times_cheapest times_cheapest_low times_cheapest_high ranked worst_over_best worst_over_best_low \
         worst_over_best_high fresh_seeds",
    );
    for comparison in &found.comparisons {
        for (at, own, cost) in costs(found, comparison) {
            let one = &found.devices[at];
            table.push((
                (&one.label, &one.device.backend, &one.device.driver_info),
                (
                    noun(comparison.quantity),
                    kind_name(&cost.kind),
                    cost.kind.unit(),
                    cost.threshold,
                ),
                own.best.map(|best| &one.analysis.cells[best].id),
                (
                    own.lowest,
                    own.interval.map(|i| i.low),
                    own.interval.map(|i| i.high),
                    own.accuracy,
                ),
                (parts(own.over_cheapest), own.ranked),
                (parts(own.worst_over_best), own.fresh),
            ));
        }
    }
    table
}

/// Each regime on each device in some of the quantities.
pub(super) fn regimes_in(found: &SideBySide, comparisons: &[&Comparison]) -> CsvTable {
    let mut table = CsvTable::new(
        "device_costs",
        "device cell quantity cost unit target state expected geometric_mean ci_low ci_high share_reached verdict",
    );
    for comparison in comparisons {
        fill(&mut table, found, comparison);
    }
    table
}

fn fill(table: &mut CsvTable, found: &SideBySide, comparison: &Comparison) {
    for (at, _, cost) in costs(found, comparison) {
        let one = &found.devices[at];
        for (cell, own) in cost.cells.iter().enumerate() {
            table.push((
                (
                    &one.label,
                    &one.analysis.cells[cell].id,
                    noun(comparison.quantity),
                ),
                (kind_name(&cost.kind), cost.kind.unit(), cost.threshold),
                (State::of(own).words(), own.expected, own.geometric_mean),
                (own.interval.map(|i| i.low), own.interval.map(|i| i.high)),
                (own.share, verdict(cost, cell)),
            ));
        }
    }
}

/// The rank agreement of each pair of devices in each quantity.
pub(super) fn agreement(found: &SideBySide) -> CsvTable {
    let mut table = CsvTable::new(
        "agreement",
        "quantity device_a device_b regimes kendall_tau_b ci_low ci_high best_of_b_on_a best_of_b_on_a_low \
         best_of_b_on_a_high best_of_a_on_b best_of_a_on_b_low best_of_a_on_b_high",
    );
    for comparison in &found.comparisons {
        for pair in &comparison.agreement {
            let tau = pair.agreement;
            let interval = tau.and_then(|tau| tau.interval);
            table.push((
                noun(comparison.quantity),
                pair.devices.map(|at| &found.devices[at].label),
                (tau.map(|tau| tau.count), tau.map(|tau| tau.tau)),
                (interval.map(|i| i.low), interval.map(|i| i.high)),
                pair.transfer.map(parts),
            ));
        }
    }
    table
}
