//! The answer in words.

use super::{Analysis, CostKind, CostReport, FreshCost, TrialPoint};
use crate::energy::Status;
use crate::study::run::{Outcome, Purpose};
use crate::study::stats::{Confirmed, Interval, NoClaim, Ratio, Verdict};
use crate::units::{joules, percent, seconds, si};

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

/// One sentence or a few: the cell, its cost, what the data cannot tell from it, how far the worst is.
pub(super) fn answer(analysis: &Analysis) -> String {
    let done: usize = analysis.by_outcome.iter().map(|(_, count)| count).sum();
    let Some(cost) = analysis.headline() else {
        return match done {
            0 => "No run is done yet.".into(),
            _ => format!("None of {done} runs gave a result: {}.", outcomes(analysis)),
        };
    };
    let Some(best) = cost.best else {
        return format!("No run reached {}: {}.", target(cost), outcomes(analysis));
    };
    let mut sentences = vec![first(analysis, cost, best)];
    sentences.extend(confirming(analysis, cost));
    if let Some(no_claim) = cost.no_claim {
        sentences.push(why_no_claim(no_claim).to_owned());
    } else {
        sentences.push(others(analysis, cost, best));
    }
    sentences.extend(failures(cost));
    sentences.extend(extent(analysis, cost));
    sentences.join(" ")
}

fn target(cost: &CostReport) -> String {
    cost.at_least.map_or_else(|| "its end".into(), percent)
}

fn outcomes(analysis: &Analysis) -> String {
    let named: Vec<String> = analysis
        .by_outcome
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.name()))
        .collect();
    named.join(", ")
}

/// What the answer says the best cell costs.
struct Figure {
    geometric_mean: Option<f64>,
    interval: Option<Interval>,
    expected: Option<f64>,
    share: Option<f64>,
    confirmed: Option<f64>,
}

/// By the runs with fresh seeds alone where there are any: by the others the cell was chosen, and they flatter it.
fn figure(cost: &CostReport, best: usize) -> Figure {
    let cell = &cost.cells[best];
    match fresh(cost) {
        Some(fresh) => Figure {
            geometric_mean: fresh.geometric_mean,
            interval: fresh.interval,
            expected: fresh.expected,
            share: Some(fresh.share),
            confirmed: fresh.confirmed,
        },
        None => Figure {
            geometric_mean: cell.geometric_mean,
            interval: cell.interval,
            expected: cell.expected,
            share: cell.share,
            confirmed: cell.confirmed,
        },
    }
}

fn fresh(cost: &CostReport) -> Option<&FreshCost> {
    cost.confirmation.as_ref()?.cost.as_ref()
}

fn first(analysis: &Analysis, cost: &CostReport, best: usize) -> String {
    let figure = figure(cost, best);
    let mut beside = Vec::new();
    // The interval is that of the geometric mean, and stands beside no other figure; where runs failed, what an arrival
    // costs is more than its runs' mean.
    let amount = match (figure.geometric_mean, figure.share, figure.interval) {
        (Some(mean), Some(1.0), Some(Interval { low, high })) => {
            let (low, high) = (cost.kind.amount(low), cost.kind.amount(high));
            beside.push(format!("geometric mean, 95 % {low} to {high}"));
            Some(cost.kind.amount(mean))
        }
        (_, share, _) => {
            if share != Some(1.0) && figure.expected.is_some() {
                beside.push("expected, with restarts of the runs that did not arrive".into());
            }
            figure.expected.map(|expected| cost.kind.amount(expected))
        }
    };
    beside.push(match fresh(cost) {
        Some(fresh) => format!("{} fresh seed{}", fresh.runs, plural(fresh.runs)),
        None => {
            let seeds = cost.cells[best].trials.len();
            format!("{seeds} seed{}", plural(seeds))
        }
    });
    if let CostKind::Energy {
        source,
        scope,
        status,
    } = &cost.kind
    {
        beside.push(format!("{source}, {}, {}", scope.name(), status.name()));
    } else if !analysis.costs.iter().any(|cost| {
        matches!(
            cost.kind,
            CostKind::Energy {
                status: Status::Measured,
                ..
            }
        )
    }) {
        beside.push("no energy was measured".into());
    }
    if let Some(confirmed) = figure.confirmed {
        beside.push(format!("{} on the confirming half", percent(confirmed)));
    }
    let name = &analysis.cells[best].id;
    let (noun, beside) = (cost.kind.noun(), beside.join("; "));
    let Some(amount) = amount else {
        return format!(
            "{name} reached {} of the test set for the least {noun} in the runs that chose it, and with fresh seeds not once \
             ({beside}).",
            target(cost)
        );
    };
    match cost.at_least {
        Some(_) => format!(
            "{name} reached {} of the test set for the least {noun}: {amount} ({beside}).",
            target(cost)
        ),
        None => format!("{name} took the least {noun}: {amount} ({beside})."),
    }
}

/// How far the runs with fresh seeds are, where the study asks for them and they are not all made.
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
    let made = ended.count();
    let what = match fresh(cost) {
        Some(_) => "the cost above is that of those of the best cell",
        None => "the cost above is that of the runs that chose the cell, which flatter it",
    };
    (made < wanted).then(|| {
        format!(
            "Of {wanted} runs with fresh seeds that are to confirm it, {made} are made; {what}."
        )
    })
}

fn why_no_claim(no_claim: NoClaim) -> &'static str {
    match no_claim {
        NoClaim::OneCell => "There is no second cell to compare it with.",
        NoClaim::OneSeed => {
            "One seed a cell tells what these runs did and makes no claim about the cells."
        }
        NoClaim::BestFailed => {
            "Some of its runs did not arrive, so no cell is told from it by cost."
        }
        NoClaim::NoSpread => "No spread is seen between seeds, so no cell is told from it by cost.",
    }
}

fn others(analysis: &Analysis, cost: &CostReport, best: usize) -> String {
    let alike: Vec<&str> = cost
        .indistinguishable
        .iter()
        .filter(|cell| **cell != best)
        .map(|cell| analysis.cells[*cell].id.as_str())
        .collect();
    match alike.len() {
        0 => "Every other cell costs more.".into(),
        n if n + 1 == analysis.cells.len() => "The data cannot tell any other cell from it.".into(),
        n if n > 4 => format!("The data cannot tell {n} other cells from it."),
        _ => format!("The data cannot tell it from {}.", alike.join("; ")),
    }
}

/// Cells that never arrived.
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
        .filter(|contrast| contrast.verdict == Verdict::NeverArrives)
        .count();
    (never > 0).then(|| {
        let rest = match claimed {
            _ if cost.no_claim.is_some() || claimed == never => String::new(),
            0 => "; with these few seeds that may be chance".into(),
            n => format!("; for {n} of them that is no chance of the seeds"),
        };
        format!("{never} of {} cells never arrived{rest}.", cost.cells.len())
    })
}

/// How far apart worst and best are.
fn extent(analysis: &Analysis, cost: &CostReport) -> Option<String> {
    let worst = &analysis.cells[cost.worst?].id;
    if let Some(confirmation) = &cost.confirmation {
        let ranked = |points: &[TrialPoint]| {
            let ranked = points.iter().filter(|point| point.unranked.is_none());
            ranked.count()
        };
        let counts = [&confirmation.best, &confirmation.worst].map(|points| ranked(points));
        let n = counts[0].min(counts[1]);
        let more = match counts[0] == counts[1] {
            true => "",
            false => " or more",
        };
        let takes = |ratio: &Ratio| {
            let (s, times) = (plural(n), times(ratio));
            format!("With {n} fresh seed{s}{more} each, the worst cell ({worst}) takes {times}")
        };
        match confirmation.ratio {
            Confirmed::Ratio(ratio) => return Some(format!("{}.", takes(&ratio))),
            Confirmed::OfExpected(ratio) => {
                return Some(format!(
                    "{}, by expected costs, as the best cell did not always arrive.",
                    takes(&ratio)
                ));
            }
            Confirmed::BestFailed => {
                return Some("So worst over best has no value with fresh seeds.".into());
            }
            // The worst cell's are still to be made.
            Confirmed::NotRun => {}
        }
    }
    let chance = cost.by_chance.map_or_else(String::new, |chance| {
        format!(
            "; equal cells would show up to {:.2} by chance",
            chance.upper
        )
    });
    let by = match cost.is_by_expected() {
        true => " by expected costs",
        false => "",
    };
    Some(format!(
        "The worst ({worst}) took {} here{by}, a figure biased upward{chance}.",
        times(&cost.extremes?)
    ))
}

fn times(ratio: &Ratio) -> String {
    match *ratio {
        Ratio::Of {
            ratio,
            interval: Some(Interval { low, high }),
        } => {
            format!("{ratio:.2} times as much (95 % {low:.2} to {high:.2})")
        }
        Ratio::Of {
            ratio,
            interval: None,
        } => format!("{ratio:.2} times as much"),
        Ratio::AtLeast {
            ratio,
            low: Some(low),
        } => {
            format!("at least {ratio:.2} times as much (95 % above {low:.2})")
        }
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
