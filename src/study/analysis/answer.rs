//! The answer in words.

use std::fmt;

use serde::Serialize;

use super::figure::{Figure, fresh};
use super::{Analysis, AxisReport, CellReport, CostKind, CostReport, DesignCell, TrialPoint};
use crate::energy::Status;
use crate::study::run::{Outcome, Purpose};
use crate::study::stats::{Confirmed, Interval, NoClaim, Ratio, SpreadSource, Verdict};
use crate::units::{joules, seconds, si};

impl CostKind {
    /// `value` with its unit, in a few digits.
    pub fn amount(&self, value: f64) -> String {
        match self {
            Self::Energy { .. } => joules(value),
            Self::Seconds => seconds(value),
            Self::Samples => format!("{}samples", si(value)),
            Self::Flops => format!("{}FLOP", si(value)),
            Self::Bytes => format!("{}B", si(value)),
        }
    }
}

impl CellReport {
    /// The regime in words: `batch size 64, lr 0.1`.
    pub fn name(&self) -> String {
        self.words.clone()
    }
}

/// The cell in words, from its value on each axis: its identifier leaves out what no file name may hold.
pub(in crate::study) fn cell_words(cell: &DesignCell, axes: &[AxisReport]) -> String {
    if cell.values.is_empty() || cell.values.len() != axes.len() {
        return cell_name(&cell.id);
    }
    let parts = axes.iter().zip(&cell.values);
    let parts = parts.map(|(axis, value)| format!("{} {value}", axis.key.replace('-', " ")));
    parts.collect::<Vec<_>>().join(", ")
}

/// The name of the cell `id` in words.
fn cell_name(id: &str) -> String {
    // A comma within a number separates nothing.
    let ends = id
        .match_indices(',')
        .map(|(at, _)| at)
        .filter(|at| id[at + 1..].starts_with(char::is_alphabetic))
        .chain([id.len()]);
    let mut from = 0;
    let parts = ends.map(|end| {
        let part = &id[from..end];
        from = end + 1;
        match part.split_once('=') {
            Some((key, value)) => format!("{} {value}", key.replace('-', " ")),
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The answer of a study. Each part is whole sentences; only the first is never empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// The best regime, its cost, and how much more the worst one costs.
    pub headline: String,
    /// Which regimes are not significantly different from it, and which did not reach the target.
    pub comparison: String,
    /// What the cost is, from how many seeds, and by which sensor.
    pub measurement: String,
}

impl Answer {
    /// Puts `headline` before the answer.
    pub(in crate::study) fn lead_with(&mut self, headline: String) {
        let former = std::mem::replace(&mut self.headline, headline);
        self.comparison = format!("{former} {}", self.comparison);
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.headline, &self.comparison, &self.measurement];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        f.write_str(&parts.cloned().collect::<Vec<_>>().join(" "))
    }
}

pub(super) fn answer(analysis: &Analysis) -> Answer {
    let done: usize = analysis.by_outcome.iter().map(|(_, count)| count).sum();
    let only = |headline: String| Answer {
        headline,
        ..Answer::default()
    };
    let Some(cost) = analysis.headline() else {
        return only(match done {
            0 => "No run has finished yet.".into(),
            _ => format!("None of {done} runs gave a result: {}.", outcomes(analysis)),
        });
    };
    let any_reached = cost.cells.iter().any(|cell| cell.expected.is_some());
    if let Some(headline) = by_tasks(analysis, cost).filter(|_| any_reached) {
        return Answer {
            headline,
            comparison: ["They learn different tasks, so none of them is the best.".into()]
                .into_iter()
                .chain(untested(analysis, cost))
                .chain(failures(cost))
                .collect::<Vec<_>>()
                .join(" "),
            measurement: measurement(analysis, cost, &Figure::of_all(cost)),
        };
    }
    let Some(best) = cost.best else {
        let reached = cost
            .threshold
            .map_or_else(|| "its end".into(), |value| analysis.target.describe(value));
        return only(format!("No run reached {reached}: {}.", outcomes(analysis)));
    };
    let figure = Figure::of(cost, best);
    let comparison = [
        Some(match cost.no_claim {
            Some(no_claim) => why_no_claim(no_claim).to_owned(),
            None => alternatives(analysis, cost, best),
        }),
        failures(cost),
        worst_tried(analysis, cost),
    ];
    let measurement = [
        Some(measurement(analysis, cost, &figure)),
        confirming(analysis, cost),
    ];
    let sentences = |parts: &[Option<String>]| {
        let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
        parts.join(" ")
    };
    Answer {
        headline: headline(analysis, cost, best, &figure),
        comparison: sentences(&comparison),
        measurement: sentences(&measurement),
    }
}

/// The lowest cost of each choice of tasks, where the cells choose differently.
fn by_tasks(analysis: &Analysis, cost: &CostReport) -> Option<String> {
    let to = match cost.threshold {
        Some(value) => format!("To {}", analysis.target.describe(value)),
        None => "For the whole run".into(),
    };
    let lowest = |part: &Analysis| {
        let cells = part.cost(cost).map_or(&[][..], |cost| &cost.cells);
        let costs = cells.iter().filter_map(|cell| cell.expected);
        let found = costs.min_by(f64::total_cmp);
        let has_run = cells.iter().any(|cell| !cell.trials.is_empty());
        let amount = match (found, has_run) {
            (Some(value), _) => cost.kind.amount(value),
            (None, true) => "not reached".into(),
            (None, false) => "no run yet".into(),
        };
        format!("{} {amount}", part.tasks().unwrap_or_default())
    };
    let each: Vec<String> = analysis.by_tasks.iter().map(lowest).collect();
    (!each.is_empty()).then(|| format!("{to}: {}.", each.join(", ")))
}

/// Why the cells that learn the same tasks are not compared.
fn untested(analysis: &Analysis, cost: &CostReport) -> Option<String> {
    let several = analysis.by_tasks.iter().filter(|part| part.cells.len() > 1);
    let mut costs = several.filter_map(|part| part.cost(cost));
    let no_claim = costs.find_map(|cost| cost.no_claim)?;
    (no_claim == NoClaim::OneSeed).then(|| why_no_claim(no_claim).to_owned())
}

fn outcomes(analysis: &Analysis) -> String {
    let named: Vec<String> = analysis
        .by_outcome
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.name()))
        .collect();
    named.join(", ")
}

fn headline(analysis: &Analysis, cost: &CostReport, best: usize, figure: &Figure) -> String {
    let name = analysis.cells[best].name();
    let to = match cost.threshold {
        Some(value) => format!("to {}", analysis.target.describe(value)),
        None => "for the whole run".into(),
    };
    let name = match (analysis.cells.len(), cost.threshold) {
        (1, _) => name,
        (_, Some(_)) => format!("Best regime: {name}"),
        // Runs without a target differ in accuracy too.
        (_, None) => format!("Lowest {}: {name}", cost.kind.noun()),
    };
    let amount = |value| cost.kind.amount(value);
    let mut text = match (figure.mean(), figure.expected) {
        (Some((mean, Interval { low, high })), _) => format!(
            "{name}: {} {to} (95 % CI {} to {})",
            amount(mean),
            amount(low),
            amount(high)
        ),
        (None, Some(expected)) => {
            let interval = match figure.seeds.0 {
                1 => "one seed, no interval",
                _ => "no interval",
            };
            format!("{name}: {} {to} ({interval})", amount(expected))
        }
        (None, None) => format!(
            "{name} had the lowest {} {to}, and with fresh seeds never reached the target",
            cost.kind.noun()
        ),
    };
    if let Some((ratio, basis)) = worst_ratio(cost) {
        text += &format!("; {basis}the worst tried needs {}", times(&ratio));
    }
    text + "."
}

/// Worst over best, and the seeds it is of where these are fresh.
fn worst_ratio(cost: &CostReport) -> Option<(Ratio, &'static str)> {
    cost.worst?;
    match cost.confirmation.as_ref().map(|fresh| fresh.ratio) {
        Some(Confirmed::Ratio(ratio) | Confirmed::OfExpected(ratio)) => {
            Some((ratio, "with fresh seeds "))
        }
        Some(Confirmed::BestFailed) => None,
        Some(Confirmed::NotRun) | None => Some((cost.extremes?, "")),
    }
}

/// Which regime is the worst, and what its ratio to the best is worth.
fn worst_tried(analysis: &Analysis, cost: &CostReport) -> Option<String> {
    let worst = analysis.cells[cost.worst?].name();
    if let Some(confirmation) = &cost.confirmation {
        let ranked = |points: &[TrialPoint]| {
            let ranked = points.iter().filter(|point| point.unranked.is_none());
            ranked.count()
        };
        let counts = [&confirmation.best, &confirmation.worst].map(|points| ranked(points));
        let n = counts[0].min(counts[1]);
        let (s, more) = (
            plural(n),
            if counts[0] == counts[1] {
                ""
            } else {
                " or more"
            },
        );
        match confirmation.ratio {
            Confirmed::Ratio(_) => {
                return Some(format!(
                    "The worst tried is {worst}, with {n} fresh seed{s}{more} each."
                ));
            }
            Confirmed::OfExpected(_) => {
                return Some(format!(
                    "The worst tried is {worst}, with {n} fresh seed{s}{more} each, compared by expected cost because the best \
                     regime did not always reach the target."
                ));
            }
            Confirmed::BestFailed => {
                return Some("So with fresh seeds the ratio of worst to best has no value.".into());
            }
            Confirmed::NotRun => {}
        }
    }
    cost.extremes?;
    let chance = cost.null_ratio.map_or_else(String::new, |chance| {
        format!(
            ": equal regimes would show up to {:.2} times by chance",
            chance.upper
        )
    });
    let by = match cost.is_by_expected() {
        true => ", compared by expected cost",
        false => "",
    };
    Some(format!(
        "The worst tried is {worst}{by}; the ratio of a highest to a lowest value is biased upward{chance}."
    ))
}

/// The kind of the figure, its seeds, the sensor, and the accuracy on images that did not decide.
fn measurement(analysis: &Analysis, cost: &CostReport, figure: &Figure) -> String {
    let (count, fresh) = figure.seeds;
    let seeds = format!(
        "{}{} seed{}",
        if count == 1 {
            "one".into()
        } else {
            count.to_string()
        },
        if fresh { " fresh" } else { "" },
        plural(count)
    );
    let replicates = match cost.spread {
        Some((_, SpreadSource::Replicates)) if !fresh => {
            ", interval from the spread of the reference regime's replicates"
        }
        _ => "",
    };
    let mut parts = vec![match (figure.mean(), figure.share) {
        (Some(_), _) if count == 1 => format!("Cost of {seeds}{replicates}"),
        (Some(_), _) => format!("Geometric mean of {seeds}{replicates}"),
        (None, Some(1.0)) if count == 1 => format!("Cost of {seeds}"),
        (None, Some(1.0)) => format!("Mean of {seeds}"),
        _ => format!(
            "Expected cost over {seeds}, with restarts of the runs that did not reach the target"
        ),
    }];
    let measured = |cost: &CostReport| {
        matches!(
            cost.kind,
            CostKind::Energy {
                status: Status::Measured,
                ..
            }
        )
    };
    match &cost.kind {
        CostKind::Energy {
            source,
            scope,
            status,
        } => parts.push(format!(
            "energy {} by {source} ({})",
            status.name(),
            scope.name()
        )),
        _ if !analysis.costs.iter().any(measured) => parts.push("no energy was measured".into()),
        _ => {}
    }
    if let Some(confirmed) = figure.confirmed {
        parts.push(format!(
            "accuracy {:.2} % on the confirming half of the test set",
            100.0 * confirmed
        ));
    }
    parts.join("; ") + "."
}

/// How many of the runs with fresh seeds are done, where some are not.
fn confirming(analysis: &Analysis, cost: &CostReport) -> Option<String> {
    let cells = cost.to_confirm(analysis.reference);
    let wanted = analysis.confirm as usize * cells.len();
    let lines = cells.iter().flat_map(|cell| &analysis.cells[*cell].runs);
    let ended = lines.filter(|line| {
        let ended = line
            .outcome
            .is_some_and(|outcome| outcome != Outcome::Interrupted);
        line.purpose == Purpose::Confirm && ended
    });
    let done = ended.count();
    let basis = match fresh(cost) {
        Some(_) => "the cost above is from those of the best regime",
        None => "the cost above is from the runs that chose the regime, which make it look cheaper",
    };
    (done < wanted).then(|| {
        format!("{done} of {wanted} confirmation runs with fresh seeds are done; {basis}.")
    })
}

fn why_no_claim(no_claim: NoClaim) -> &'static str {
    match no_claim {
        NoClaim::OneCell => "There is no other regime to compare it with.",
        NoClaim::OneSeed => {
            "With one seed per regime the differences between regimes are not tested."
        }
        NoClaim::BestFailed => {
            "Some of its runs did not reach the target, so no regime can be compared with it by cost."
        }
        NoClaim::NoSpread => {
            "The seeds show no spread, so no regime can be compared with it by cost."
        }
    }
}

/// The regimes that are not significantly different from the best.
fn alternatives(analysis: &Analysis, cost: &CostReport, best: usize) -> String {
    let alike: Vec<String> = cost
        .indistinguishable
        .iter()
        .filter(|cell| **cell != best)
        .map(|cell| analysis.cells[*cell].name())
        .collect();
    match alike.len() {
        0 => "Every other regime is significantly more expensive.".into(),
        n if n + 1 == analysis.cells.len() => {
            "No other regime is significantly different from it.".into()
        }
        n if n > 4 => format!("{n} other regimes are not significantly different from it."),
        _ => format!("Not significantly different from it: {}.", alike.join("; ")),
    }
}

/// How many cells never reached the target.
fn failures(cost: &CostReport) -> Option<String> {
    let never = cost
        .cells
        .iter()
        .filter(|cell| cell.share == Some(0.0))
        .count();
    let claimed = cost
        .cells
        .iter()
        .filter_map(|cell| cell.contrast)
        .filter(|contrast| contrast.verdict == Verdict::NeverReaches)
        .count();
    (never > 0).then(|| {
        let rest = match claimed {
            _ if cost.no_claim.is_some() || claimed == never => String::new(),
            0 => ", which may be chance with so few seeds".into(),
            n => format!(", {n} of them significantly so"),
        };
        format!(
            "{never} of {} regimes never reached the target{rest}.",
            cost.cells.len()
        )
    })
}

/// `2.13 times as much (95 % CI 1.90 to 2.38)`.
pub(in crate::study) fn times(ratio: &Ratio) -> String {
    match *ratio {
        Ratio::Of {
            ratio,
            interval: Some(Interval { low, high }),
        } => format!("{ratio:.2} times as much (95 % CI {low:.2} to {high:.2})"),
        Ratio::Of {
            ratio,
            interval: None,
        } => format!("{ratio:.2} times as much"),
        Ratio::AtLeast {
            ratio,
            low: Some(low),
        } => format!("at least {ratio:.2} times as much (95 % CI above {low:.2})"),
        Ratio::AtLeast { ratio, low: None } => format!("at least {ratio:.2} times as much"),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl Analysis {
    /// How many runs ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.by_outcome
            .iter()
            .find(|(seen, _)| *seen == outcome)
            .map_or(0, |(_, count)| *count)
    }
}
