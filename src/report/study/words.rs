//! Numbers, units and names as all forms of the report write them.

use crate::energy::{Scope, Status};
use crate::study::analysis::{Analysis, CellCost, CostKind, CostReport};
use crate::study::stats::{End, Median, Ratio, Verdict};
use crate::train::Way;
use crate::units::percent;

/// The unit of a column or an axis, one for all its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unit {
    /// How much of the cost's own unit one of it is.
    pub per: f64,
    /// What stands behind a number.
    pub symbol: &'static str,
}

impl Unit {
    /// The one in which values up to `most` have few digits before the point.
    pub fn of(kind: &CostKind, most: f64) -> Self {
        let units: &[(f64, &'static str)] = match kind {
            CostKind::Energy { .. } => &[
                (1e6, "MJ"),
                (1e3, "kJ"),
                (1.0, "J"),
                (1e-3, "mJ"),
                (1e-6, "uJ"),
            ],
            CostKind::Seconds => &[(10_800.0, "h"), (300.0, "min"), (1.0, "s")],
            CostKind::Samples => &[
                (1e6, "million samples"),
                (1e3, "thousand samples"),
                (1.0, "samples"),
            ],
            CostKind::Flops => &[
                (1e15, "PFLOP"),
                (1e12, "TFLOP"),
                (1e9, "GFLOP"),
                (1e6, "MFLOP"),
                (1.0, "FLOP"),
            ],
            CostKind::Bytes => &[
                (1e15, "PB"),
                (1e12, "TB"),
                (1e9, "GB"),
                (1e6, "MB"),
                (1.0, "B"),
            ],
        };
        let last = units[units.len() - 1];
        // Hours and minutes begin later than at one of them, where seconds still have few digits.
        let (from, symbol) = units
            .iter()
            .copied()
            .find(|(from, _)| most >= *from)
            .unwrap_or(last);
        let per = match symbol {
            "h" => 3600.0,
            "min" => 60.0,
            _ => from,
        };
        Self { per, symbol }
    }

    /// The one for all expected costs, or where there are none, all that was spent.
    pub fn for_cost(cost: &CostReport) -> Self {
        let spent = cost.cells.iter().flat_map(|cell| &cell.trials);
        let most = cost
            .cells
            .iter()
            .filter_map(|cell| cell.expected)
            .reduce(f64::max)
            .or_else(|| spent.map(|point| point.spent).reduce(f64::max));
        Self::of(&cost.kind, most.unwrap_or(1.0))
    }

    /// `value` in this unit, three digits of it.
    pub fn show(&self, value: f64) -> String {
        digits(value / self.per)
    }

    /// With the unit behind it.
    pub fn amount(&self, value: f64) -> String {
        format!("{} {}", self.show(value), self.symbol)
    }
}

/// Three digits: `0.0123`, `1.23`, `12.3`, `123`, `12345`.
pub(super) fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0" } else { "-" }.into();
    }
    let places = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.places$}")
}

/// The day of `unix`, seconds since 1970, in UTC: `2026-11-24`.
pub(super) fn date(unix: f64) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms", days to civil.
    let days = (unix / 86_400.0).floor() as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{:02}",
        of_year - (153 * part + 2) / 5 + 1
    )
}

/// The day of the first run, or the first and the last where they differ.
pub(super) fn dates(analysis: &Analysis) -> Option<String> {
    let (from, to) = analysis.dates?;
    let (from, to) = (date(from), date(to));
    Some(match from == to {
        true => from,
        false => format!("{from} to {to}"),
    })
}

/// What is on an axis or in a column, with source, scope and worth: `energy to 85.00 %, measured (nvml:0, board)`.
pub(super) fn cost_name(cost: &CostReport) -> String {
    let to = target(cost);
    match &cost.kind {
        CostKind::Energy {
            source,
            scope,
            status,
        } => format!("energy {to}, {}", origin(source, *scope, *status)),
        CostKind::Seconds => format!("time {to}, training and evaluating, measured"),
        CostKind::Samples => format!("training samples {to}, counted"),
        CostKind::Flops => format!("training FLOPs {to}, by the kernels' formulas"),
        CostKind::Bytes => format!("bytes moved in training {to}, by the kernels' formulas"),
    }
}

/// In a word or two, for a list of costs.
pub(super) fn kind_name(kind: &CostKind) -> String {
    match kind {
        CostKind::Energy {
            source,
            scope,
            status,
        } => format!("energy, {}", origin(source, *scope, *status)),
        CostKind::Seconds => "time, measured".into(),
        CostKind::Samples => "training samples, counted".into(),
        CostKind::Flops => "training FLOPs, by formula".into(),
        CostKind::Bytes => "training bytes, by formula".into(),
    }
}

/// `measured (nvml:0, board)`, `ASSUMED (cpu-time, process)`.
pub(super) fn origin(source: &str, scope: Scope, status: Status) -> String {
    format!("{} ({source}, {})", worth(status), scope.name())
}

/// `energy measured (nvml:0, board), ASSUMED (cpu-time, process)`: what gave joules, up to `most` of it by name.
pub(super) fn through(analysis: &Analysis, most: usize) -> String {
    // Each source has a cost to every target.
    let one_target = analysis.costs.first().map(|cost| cost.at_least);
    let costs = analysis
        .costs
        .iter()
        .filter(|cost| Some(cost.at_least) == one_target);
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
        return "no energy was measured".into();
    }
    let more = names.len().saturating_sub(most);
    names.truncate(most);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    format!("energy {}", names.join(", "))
}

/// How the joules of a cost were come by; None where it is no energy.
pub(super) fn way(cost: &CostReport) -> Option<&'static str> {
    let points = || cost.cells.iter().flat_map(|cell| &cell.trials);
    let any = |way: Way| points().any(|point| point.way == Some(way));
    match (any(Way::StepsTimesJoules), any(Way::Direct)) {
        (true, false) => Some("counted steps and evaluations x J of each"),
        (true, true) => {
            Some("readings over 50 ticks or more, else counted steps and evaluations x J of each")
        }
        (false, true) => Some("readings over 50 ticks or more"),
        (false, false) => None,
    }
}

/// What is assumed stands out.
pub(super) fn worth(status: Status) -> &'static str {
    match status {
        Status::Assumed => "ASSUMED",
        other => other.name(),
    }
}

/// `to 85.00 %`, or `of the whole run`.
pub(super) fn target(cost: &CostReport) -> String {
    match cost.at_least {
        Some(share) => format!("to {}", percent(share)),
        None => "of the whole run".into(),
    }
}

/// What became of a cell on its way to a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// Some run arrived: the expected cost.
    Arrived(f64),
    /// None did; the budget ended them.
    OverBudget,
    /// None did; they diverged.
    Diverged,
    /// None did, for both reasons.
    Neither,
    /// All its runs shared the machine.
    Unranked,
    /// There is no run with this cost.
    NoRun,
}

impl State {
    pub fn of(cell: &CellCost) -> Self {
        let ranked = || cell.trials.iter().filter(|point| point.unranked.is_none());
        if let Some(expected) = cell.expected {
            return Self::Arrived(expected);
        }
        if cell.trials.is_empty() {
            return Self::NoRun;
        }
        let any = |end: End| ranked().any(|point| point.ended == end);
        match (any(End::OverBudget), any(End::Diverged)) {
            (true, true) => Self::Neither,
            (true, false) => Self::OverBudget,
            (false, true) => Self::Diverged,
            (false, false) => Self::Unranked,
        }
    }

    /// In words, of a cell without a cost.
    pub fn words(self) -> &'static str {
        match self {
            Self::Arrived(_) => "reached",
            Self::OverBudget => "over budget",
            Self::Diverged => "diverged",
            Self::Neither => "never arrived",
            Self::Unranked => "not ranked",
            Self::NoRun => "no run",
        }
    }

    /// One letter, for a small cell of a heat map; empty where there is a cost.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Arrived(_) => "",
            Self::OverBudget => "B",
            Self::Diverged => "D",
            Self::Neither => "N",
            Self::Unranked => "S",
            Self::NoRun => "-",
        }
    }
}

/// `2/3`: how many of the ranked runs arrived.
pub(super) fn reached(cell: &CellCost) -> String {
    let ranked = cell.trials.iter().filter(|point| point.unranked.is_none());
    let (all, arrived) = ranked.fold((0, 0), |(all, arrived), point| {
        (all + 1, arrived + u32::from(point.ended == End::Reached))
    });
    format!("{arrived}/{all}")
}

/// The median in `unit`.
pub(super) fn median(cell: &CellCost, unit: &Unit) -> String {
    match cell.median {
        Some(Median::Value(value)) => unit.show(value),
        Some(Median::OverBudget) => "over".into(),
        None => String::new(),
    }
}

/// `1.32 (1.10 to 1.58)`, `at least 2.10 (above 1.70)`.
pub(super) fn ratio(ratio: &Ratio) -> String {
    let shown = match ratio {
        Ratio::Of { ratio, interval } => (
            format!("{ratio:.2}"),
            interval.map(|i| format!("{:.2} to {:.2}", i.low, i.high)),
        ),
        Ratio::AtLeast { ratio, low } => (
            format!("at least {ratio:.2}"),
            low.map(|low| format!("above {low:.2}")),
        ),
    };
    match shown {
        (ratio, Some(interval)) => format!("{ratio} ({interval})"),
        (ratio, None) => ratio,
    }
}

/// What is said of a cell beside the best; nothing is said where no claim is made.
pub(super) fn verdict(cost: &CostReport, cell: usize) -> &'static str {
    match cost.cells[cell].contrast.map(|contrast| contrast.verdict) {
        Some(Verdict::Best) => "least",
        Some(Verdict::Undecided) if cost.no_claim.is_some() => "",
        Some(Verdict::Undecided) => "not told apart",
        Some(Verdict::Dearer) => "dearer",
        Some(Verdict::NeverArrives) => "never arrives",
        Some(Verdict::NotRun) | None => "",
    }
}

/// Cells in the order in which they are listed: the cheapest first, then those that never arrived, then those not run.
pub(super) fn order(cost: &CostReport) -> Vec<usize> {
    let rank = |cell: &usize| match State::of(&cost.cells[*cell]) {
        State::Arrived(expected) => (0, expected),
        State::NoRun => (3, 0.0),
        State::Unranked => (2, 0.0),
        _ => (1, 0.0),
    };
    let mut cells: Vec<usize> = (0..cost.cells.len()).collect();
    cells.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    cells
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

/// With a capital letter first.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// `s` behind every count but one.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.0, 0.01234, 1.0, 12.34, 123.4, 12_345.0, f64::NAN];
        assert_eq!(
            shown.map(digits),
            ["0", "0.0123", "1.00", "12.3", "123", "12345", "-"]
        );
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        // From `date -u -d @...`.
        let days = [0.0, 951_782_400.0, 1_795_529_441.4, 4_102_444_799.0, -1.0];
        assert_eq!(
            days.map(date),
            [
                "1970-01-01",
                "2000-02-29",
                "2026-11-24",
                "2099-12-31",
                "1969-12-31"
            ]
        );
    }

    #[test]
    fn a_unit_is_one_for_all_values() {
        let unit = |kind: &CostKind, most| Unit::of(kind, most).symbol;
        assert_eq!(unit(&CostKind::Seconds, 299.0), "s");
        assert_eq!(unit(&CostKind::Seconds, 301.0), "min");
        assert_eq!(Unit::of(&CostKind::Seconds, 600.0).amount(90.0), "1.50 min");
        assert_eq!(unit(&CostKind::Samples, 60_000.0), "thousand samples");
        assert_eq!(unit(&CostKind::Flops, 3.8e11), "GFLOP");
        assert_eq!(unit(&CostKind::Bytes, 0.0), "B");
    }
}
