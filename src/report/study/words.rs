//! Names and phrases that all formats of the report share.

use super::display_unit::{DisplayUnit, digits};
use crate::energy::{Scope, Status};
use crate::model::Metric;
use crate::study::analysis::{Analysis, CellCost, CostKind, CostReport};
use crate::study::stats::{End, Ratio, Verdict};
use crate::train::{Budget, Derivation};
use crate::units::{target_percent, thousands};

/// The day of `unix`, seconds since 1970, in UTC: `2026-11-24`.
fn date(unix: f64) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms", days to civil.
    let days = (unix / 86_400.0).floor() as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let day = of_year - (153 * part + 2) / 5 + 1;
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day of the first run, and of the last if it differs.
pub(super) fn dates(analysis: &Analysis) -> Option<String> {
    let (from, to) = analysis.dates?;
    let (from, to) = (date(from), date(to));
    Some(match from == to {
        true => from,
        false => format!("{from} to {to}"),
    })
}

/// Title of an axis or a table, with sensor and status: `energy to 85 %, measured (nvml:0, board)`.
pub(super) fn cost_name(analysis: &Analysis, cost: &CostReport) -> String {
    let to = target(analysis, cost);
    match &cost.kind {
        CostKind::Energy {
            source,
            scope,
            status,
        } => format!("energy {to}, {}", origin(source, *scope, *status)),
        CostKind::Seconds => format!("time {to}, training and evaluation, measured"),
        CostKind::Samples => format!("training samples {to}, counted"),
        CostKind::Flops => format!("training FLOPs {to}, computed from the kernels"),
        CostKind::Bytes => format!("bytes moved in training {to}, computed from the kernels"),
    }
}

/// The title of a figure, with the tasks of its cells if those of the study learn different ones.
pub(super) fn of_tasks(analysis: &Analysis, title: &str) -> String {
    match analysis.tasks() {
        Some(tasks) => format!("{title}, tasks {tasks}"),
        None => title.to_owned(),
    }
}

/// A cost without its target, for a list of costs.
pub(super) fn kind_name(kind: &CostKind) -> String {
    match kind {
        CostKind::Energy {
            source,
            scope,
            status,
        } => format!("energy, {}", origin(source, *scope, *status)),
        CostKind::Seconds => "time, measured".into(),
        CostKind::Samples => "training samples, counted".into(),
        CostKind::Flops => "training FLOPs, computed".into(),
        CostKind::Bytes => "training bytes, computed".into(),
    }
}

/// `measured (nvml:0, board)`, `ASSUMED (cpu-time, process)`.
pub(super) fn origin(source: &str, scope: Scope, status: Status) -> String {
    format!("{} ({source}, {})", status_word(status), scope.name())
}

/// In capitals where joules are only assumed.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Assumed => "ASSUMED",
        other => other.name(),
    }
}

/// `energy measured (nvml:0, board), ASSUMED (cpu-time, process)`: the first `most` sources of joules;
/// `None` without any, which the answer says.
pub(super) fn energy_origins(analysis: &Analysis, most: usize) -> Option<String> {
    // Each source has a cost to every target.
    let one_target = analysis.costs.first().map(|cost| cost.threshold);
    let costs = analysis.costs.iter();
    let costs = costs.filter(|cost| Some(cost.threshold) == one_target);
    let mut names: Vec<String> = costs
        .filter_map(|cost| match &cost.kind {
            CostKind::Energy {
                source,
                scope,
                status,
            } => Some(origin(source, *scope, *status)),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let more = names.len().saturating_sub(most);
    names.truncate(most);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    Some(format!("energy {}", names.join(", ")))
}

/// How the joules of a cost were obtained; `None` for other costs.
pub(super) fn derivation(cost: &CostReport) -> Option<&'static str> {
    let points = || cost.cells.iter().flat_map(|cell| &cell.trials);
    let any = |derivation: Derivation| points().any(|point| point.derivation == Some(derivation));
    match (any(Derivation::StepsTimesJoules), any(Derivation::Direct)) {
        (true, false) => Some("numbers of steps and evaluations times the joules of each"),
        (true, true) => Some(
            "readings over 50 or more updates of the sensor, otherwise numbers of steps and evaluations times the \
             joules of each",
        ),
        (false, true) => Some("readings over 50 or more updates of the sensor"),
        (false, false) => None,
    }
}

/// `to 85 %`, or `of the whole run`.
pub(super) fn target(analysis: &Analysis, cost: &CostReport) -> String {
    match cost.threshold {
        Some(value) => format!("to {}", threshold(analysis, value)),
        None => "of the whole run".into(),
    }
}

/// A threshold of the target's metric: `85 %`, `a test loss of 0.4`.
pub(super) fn threshold(analysis: &Analysis, value: f64) -> String {
    match analysis.target.metric {
        Metric::Accuracy => target_percent(value),
        _ => analysis.target.describe(value),
    }
}

/// The target's metric as the title of an axis, and the factor to its unit: `Accuracy, whole test set, %`.
pub(super) fn metric_axis(analysis: &Analysis, on: &str) -> (String, f64) {
    let metric = analysis.target.metric;
    let name = capital(metric.name());
    match metric.is_share() {
        true => (format!("{name}, {on}, %"), 100.0),
        false => (format!("{name}, {on}"), 1.0),
    }
}

/// What became of a cell's runs to a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// Some run reached it: the expected cost.
    Reached(f64),
    OverBudget,
    Diverged,
    /// No run reached it: some diverged, others spent their budget.
    NotReached,
    /// Other work ran on the machine during all its runs.
    Unranked,
    NoRun,
}

impl State {
    pub fn of(cell: &CellCost) -> Self {
        let ranked = || cell.trials.iter().filter(|point| point.unranked.is_none());
        if let Some(expected) = cell.expected {
            return Self::Reached(expected);
        }
        if cell.trials.is_empty() {
            return Self::NoRun;
        }
        let any = |end: End| ranked().any(|point| point.ended == end);
        match (any(End::OverBudget), any(End::Diverged)) {
            (true, true) => Self::NotReached,
            (true, false) => Self::OverBudget,
            (false, true) => Self::Diverged,
            (false, false) => Self::Unranked,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Reached(_) => "reached",
            Self::OverBudget => "over budget",
            Self::Diverged => "diverged",
            Self::NotReached => "not reached",
            Self::Unranked => "not ranked",
            Self::NoRun => "no run",
        }
    }

    /// The expected cost, or why there is none.
    pub fn show(self, unit: &DisplayUnit) -> String {
        match self {
            Self::Reached(expected) => unit.show(expected),
            other => other.words().into(),
        }
    }
}

/// `2/3`: how many of the ranked runs reached the target.
pub(super) fn reached(cell: &CellCost) -> String {
    let ranked = || cell.trials.iter().filter(|point| point.unranked.is_none());
    let reached = ranked().filter(|point| point.ended == End::Reached);
    format!("{}/{}", reached.count(), ranked().count())
}

/// `1.32 (1.10 to 1.58)`, `at least 2.10 (above 1.70)`.
pub(super) fn ratio(ratio: &Ratio) -> String {
    let (ratio, interval) = match ratio {
        Ratio::Of { ratio, interval } => (
            format!("{ratio:.2}"),
            interval.map(|i| format!("{:.2} to {:.2}", i.low, i.high)),
        ),
        Ratio::AtLeast { ratio, low } => (
            format!("at least {ratio:.2}"),
            low.map(|low| format!("above {low:.2}")),
        ),
    };
    match interval {
        Some(interval) => format!("{ratio} ({interval})"),
        None => ratio,
    }
}

/// How a cell compares with the best; empty where nothing is tested.
pub(super) fn verdict(cost: &CostReport, cell: usize) -> &'static str {
    match cost.cells[cell].contrast.map(|contrast| contrast.verdict) {
        Some(Verdict::Best) => "lowest",
        Some(Verdict::NotSignificant) if cost.no_claim.is_some() => "",
        Some(Verdict::NotSignificant) => "not significantly different",
        Some(Verdict::MoreExpensive) => "significantly higher",
        Some(Verdict::NeverReaches) => "never reached",
        Some(Verdict::NotRun) | None => "",
    }
}

/// Cells in the order of lists: those that learn the same tasks together, by cost, then those that never reached the target,
/// then those without a ranked run.
pub(super) fn order(analysis: &Analysis, cost: &CostReport) -> Vec<usize> {
    let rank = |cell: &usize| match State::of(&cost.cells[*cell]) {
        State::Reached(expected) => (0, expected),
        State::NoRun => (3, 0.0),
        State::Unranked => (2, 0.0),
        _ => (1, 0.0),
    };
    let parts = analysis.parts().into_iter().map(|part| {
        let mut cells = analysis.cells_of(part);
        cells.sort_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        cells
    });
    parts.flatten().collect()
}

/// Whether a cell has the lowest cost of those that it is compared with.
pub(super) fn is_best(cost: &CostReport, cell: usize) -> bool {
    verdict(cost, cell) == "lowest"
}

/// The devices, each once.
pub(super) fn devices(analysis: &Analysis) -> String {
    let mut names: Vec<String> = Vec::new();
    for machine in &analysis.machines {
        let name = format!("{}, {}", machine.device.name, machine.device.backend);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join("; ")
}

/// What was run, and on what: name and text of each fact.
pub(super) fn facts(analysis: &Analysis) -> Vec<(&'static str, String)> {
    let regimes = format!(
        "{}, {}; {} of {} runs done",
        counted(analysis.cells.len(), "regime"),
        counted(analysis.seeds.len(), "seed"),
        analysis.done(),
        analysis.planned
    );
    let mut facts = vec![
        ("regimes", regimes),
        ("runs", outcomes(analysis)),
        ("base", analysis.base.clone()),
    ];
    for axis in &analysis.axes {
        let name = axis.key.replace('-', " ");
        facts.push(("axis", format!("{name}: {}", axis.values.join(", "))));
    }
    if let Some(value) = analysis.headline().and_then(|cost| cost.threshold) {
        facts.push(("target", analysis.target.describe(value)));
    }
    if let Some(budget) = analysis.budget {
        facts.push(("budget", limits(&budget)));
    }
    if let Some(reference) = analysis.reference {
        facts.push(("reference", analysis.cells[reference].name()));
    }
    facts.push(("device", devices(analysis)));
    facts.retain(|(_, text)| !text.is_empty());
    facts
}

fn limits(budget: &Budget) -> String {
    let limits = [
        budget.samples.map(|n| format!("{} samples", thousands(n))),
        budget.steps.map(|n| format!("{} steps", thousands(n))),
        budget.epochs.map(|n| format!("{n} epochs")),
        budget.seconds.map(|n| format!("{} s", digits(n))),
        budget.joules.map(|n| format!("{} J", digits(n))),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    limits.join(", or ")
}

/// How the runs ended: `11 reached, 5 diverged`.
pub(super) fn outcomes(analysis: &Analysis) -> String {
    let counts = analysis.by_outcome.iter();
    let counts: Vec<String> = counts
        .map(|(outcome, count)| format!("{count} {}", outcome.name()))
        .collect();
    counts.join(", ")
}

/// One line for a study in which no sensor gave joules.
pub(in crate::report) const NO_ENERGY: &str =
    "not measured: no sensor was available (`wattgrad doctor` shows how to enable one)";

/// Why no energy is shown.
pub(super) fn no_energy(analysis: &Analysis) -> &'static str {
    match analysis.sensors.is_empty() {
        true => "not metered",
        false => NO_ENERGY,
    }
}

/// With a capital first letter.
pub(in crate::report) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// `1 run`, `2 runs`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_the_calendar() {
        // From `date -u -d @...`.
        let days = [0.0, 951_782_400.0, 1_795_529_441.4, 4_102_444_799.0, -1.0];
        let expected = [
            "1970-01-01",
            "2000-02-29",
            "2026-11-24",
            "2099-12-31",
            "1969-12-31",
        ];
        assert_eq!(days.map(date), expected);
    }
}
