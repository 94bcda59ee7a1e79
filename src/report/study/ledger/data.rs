//! The tables of ledgers.

use serde::Serialize;

use super::super::csv_table::CsvTable;
use super::super::words::kind_name;
use crate::study::Opened;
use crate::study::analysis::CostKind;
use crate::study::ledger::{Charged, Footprint, Inference};
use crate::study::stats::{Fieller, Interval, Mean, MeanRatio};

/// The tables of those ledgers that the study has.
pub(in super::super) fn tables(opened: &Opened) -> Vec<CsvTable> {
    let all = [
        pretraining(opened),
        multitask(opened),
        life_cycle(opened),
        footprint(opened),
    ];
    all.into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
}

/// The first fields of a ledger in its table.
pub(super) fn key(kind: &CostKind, threshold: Option<f64>) -> impl Serialize + use<> {
    (kind_name(kind), kind.unit(), threshold)
}

pub(super) fn footprint_key(ledger: &Footprint) -> impl Serialize {
    (
        kind_name(&ledger.kind),
        ledger.threshold,
        &ledger.factor.unit,
    )
}

fn mean(of: &Mean) -> [Option<f64>; 3] {
    let interval = ends(of.interval);
    [Some(of.mean), interval[0], interval[1]]
}

fn ends(interval: Option<Interval>) -> [Option<f64>; 2] {
    [interval.map(|i| i.low), interval.map(|i| i.high)]
}

/// The ratio, the kind of its interval, and both ends.
fn ratio(of: Option<&MeanRatio>) -> (Option<f64>, Option<&'static str>, [Option<f64>; 2]) {
    let (kind, interval) = match of.map(|of| of.interval) {
        Some(Fieller::Between(i)) => (Some("between"), Some(i)),
        Some(Fieller::Outside(i)) => (Some("outside"), Some(i)),
        Some(Fieller::Any) => (Some("any"), None),
        Some(Fieller::Unknown) => (Some("unknown"), None),
        None => (None, None),
    };
    (of.map(|of| of.ratio), kind, ends(interval))
}

pub(super) fn pretraining(opened: &Opened) -> CsvTable {
    let mut table = CsvTable::new(
        "pretraining",
        "cost unit target cell frozen from_scratch_cell seeds pretraining pretraining_low pretraining_high fine_tuning \
         fine_tuning_low fine_tuning_high from_scratch from_scratch_low from_scratch_high sunk sunk_interval sunk_low sunk_high \
         in_full in_full_interval in_full_low in_full_high shared_over shared shared_interval shared_low shared_high break_even_runs break_even_interval \
         break_even_low break_even_high",
    );
    let name = |cell: usize| &opened.analysis.cells[cell].id;
    for ledger in &opened.ledgers.pretraining {
        for cell in &ledger.cells {
            table.push((
                key(&ledger.kind, ledger.threshold),
                (name(cell.cell), cell.frozen, name(cell.scratch), cell.seeds),
                mean(&ledger.pretraining),
                mean(&cell.fine_tuning),
                mean(&cell.from_scratch),
                ratio(Some(&cell.sunk)),
                ratio(Some(&cell.in_full)),
                (
                    opened.ledgers.uses,
                    ratio(cell.ratio(Charged::Shared(opened.ledgers.uses)).as_ref()),
                ),
                ratio(cell.break_even.as_ref()),
            ));
        }
    }
    table
}

pub(super) fn multitask(opened: &Opened) -> CsvTable {
    let mut table = CsvTable::new(
        "multitask",
        "cost unit target joint_cell single_cells seeds together together_low together_high apart apart_low apart_high \
         together_over_apart ratio_low ratio_high",
    );
    let name = |cell: usize| opened.analysis.cells[cell].id.clone();
    for ledger in &opened.ledgers.multitask {
        let single: Vec<String> = ledger.single.iter().map(|cell| name(*cell)).collect();
        table.push((
            key(&ledger.kind, ledger.threshold),
            (name(ledger.joint), single.join("; "), ledger.seeds),
            mean(&ledger.together),
            mean(&ledger.apart),
            mean(&ledger.ratio),
        ));
    }
    table
}

pub(super) fn life_cycle(opened: &Opened) -> CsvTable {
    let mut table = CsvTable::new(
        "life_cycle",
        "cost unit target inference_batch_size cell training training_low training_high inference_of_1000 inference_low inference_high \
         break_even_samples samples_low samples_high",
    );
    for ledger in &opened.ledgers.life_cycle {
        let batch_size = match ledger.inference {
            Inference::Measured { batch_size } => Some(batch_size),
            Inference::Evaluations { batch_size } => batch_size,
        };
        for cell in &ledger.cells {
            table.push((
                key(&ledger.kind, ledger.threshold),
                (batch_size, &opened.analysis.cells[cell.cell].id),
                mean(&cell.training),
                mean(&cell.per_1000),
                mean(&cell.samples),
            ));
        }
    }
    table
}

pub(super) fn footprint(opened: &Opened) -> CsvTable {
    let mut table = CsvTable::new(
        "footprint",
        "cost target unit cell amount ci_low ci_high per_kwh source date",
    );
    for ledger in &opened.ledgers.footprint {
        let factor = &ledger.factor;
        for cell in &ledger.cells {
            table.push((
                footprint_key(ledger),
                &opened.analysis.cells[cell.cell].id,
                (cell.amount, ends(cell.interval)),
                (factor.per_kwh, &factor.source, &factor.date),
            ));
        }
    }
    table
}
