//! CodeCarbon's `emissions.csv`.

use super::{of_scope, seconds};
use crate::energy::Scope;
use crate::report::study::CsvTable;
use crate::study::Opened;
use crate::study::ledger::Factor;
use crate::train::Record;

/// Columns in the order of CodeCarbon 3.
const COLUMNS: &str = "timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_utilization_percent \
    ram_utilization_percent ram_used_gb cpu_power gpu_power ram_power cpu_energy gpu_energy ram_energy energy_consumed \
    water_consumed country_name country_iso_code region cloud_provider cloud_region os python_version codecarbon_version cpu_count \
    cpu_model gpu_count gpu_model longitude latitude ram_total_size tracking_mode on_cloud pue wue";

const JOULES_PER_KWH: f64 = 3.6e6;

/// A column that no record has.
const NONE: Option<&str> = None;

/// A row per run that trained.
pub(super) fn csv(studies: &[Opened], intensity: Option<&Factor>) -> String {
    let mut table = CsvTable::new("emissions", COLUMNS);
    for one in studies {
        for run in &one.runs {
            let Some(record) = &run.record else { continue };
            let duration = seconds(record);
            let parts =
                [Scope::Package, Scope::Board, Scope::Dram].map(|scope| of_scope(record, scope));
            let all = total(record, parts);
            let kg = all
                .zip(kilograms(intensity))
                .map(|(joules, each)| joules / JOULES_PER_KWH * each);
            let watts = |joules: Option<f64>| {
                joules
                    .filter(|_| duration > 0.0)
                    .map(|joules| joules / duration)
            };
            let kwh = |joules: Option<f64>| joules.map(|joules| joules / JOULES_PER_KWH);
            let card = record.device.kind != "cpu";
            table.push((
                (
                    timestamp(record),
                    &one.analysis.name,
                    &run.id,
                    &run.cell,
                    duration,
                ),
                (kg, watts(kg), [NONE; 3]),
                parts.map(watts),
                parts.map(kwh),
                (kwh(all), [NONE; 6]),
                (
                    format!("{} {}", record.host.os, record.host.arch),
                    [NONE; 2],
                    record.host.threads,
                    &record.host.cpu,
                ),
                (card.then_some(1), card.then_some(&record.device.name)),
                ([NONE; 3], "machine", [NONE; 3]),
            ));
        }
    }
    table.csv()
}

/// The joules of the whole machine: of a sensor that covers it, or of all three parts.
fn total(record: &Record, parts: [Option<f64>; 3]) -> Option<f64> {
    let sum = || parts.into_iter().sum::<Option<f64>>();
    of_scope(record, Scope::System).or_else(sum)
}

/// Kilograms per kWh, if the factor is in grams or kilograms.
fn kilograms(intensity: Option<&Factor>) -> Option<f64> {
    let factor = intensity?;
    match factor.unit.split_whitespace().next()? {
        "g" => Some(factor.per_kwh / 1000.0),
        "kg" => Some(factor.per_kwh),
        _ => None,
    }
}

/// When the run ended, in UTC.
fn timestamp(record: &Record) -> Option<String> {
    let end = record.started + record.durations.total_seconds;
    let end = jiff::Timestamp::from_second(end as i64).ok()?;
    Some(end.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}
