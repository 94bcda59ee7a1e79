//! How the figures are computed, with this study's own numbers.

use maud::{Markup, html};

use super::super::display_unit::{DisplayUnit, digits};
use super::super::words::{capital, cost_name, counted, ratio, threshold};
use crate::study::analysis::{Analysis, CostKind, CostReport};
use crate::study::stats::{BOOTSTRAP_FROM, NoClaim, SpreadSource};
use crate::train::Derivation;
use crate::units::thousands;

pub(super) fn section(analysis: &Analysis) -> Markup {
    let Some(cost) = analysis.headline() else {
        return html! {};
    };
    let unit = DisplayUnit::for_cost(cost);
    html! {
        section {
            h2 { "How this was computed" }
            p { (reaching(analysis, cost)) }
            p { (spending(analysis, cost)) }
            p {
                "The expected cost of a regime is the cost of one success with restarts: the total cost of its runs \
                 until success, budget or divergence, divided by the number of runs that reached the target (the ERT \
                 of the COCO benchmarks). A median of \"over\" means that half of the runs did not reach it."
                @if let Some(tau) = cost.tau {
                    " The restricted mean is the mean of min(cost, tau) with tau = " (unit.amount(tau))
                    ", the same for the whole study; a run that diverged or spent its budget counts as tau."
                }
            }
            p { (spread(analysis, cost)) }
            (replicates(analysis, cost))
            @if analysis.is_split() { p { "Regimes that learn different tasks are not compared with each other." } }
            @for part in analysis.parts() { @if let Some(own) = part.cost(cost).filter(|_| compared(analysis, part)) {
                p { @if analysis.is_split() { (capital(&part.name)) ": " } (comparing(own)) }
                p { (extremes(part, own)) }
            } }
            @if let Some(reference) = analysis.reference.filter(|_| analysis.parts().iter().any(|part| compared(analysis, part))) {
                p {
                    "The reference regime, " (analysis.cells[reference].name()) ", was chosen before the runs"
                    @if cost.cells.iter().any(|cell| cell.versus_reference.is_some()) {
                        ": each regime " @if analysis.is_split() { "that learns the same tasks " } "is compared with it by a t test on log cost, with p-values corrected by Holm."
                    } @else {
                        "; there are too few runs to compare regimes with it."
                    }
                }
            }
            @if cost.unranked > 0 {
                p { "Other work ran on the machine during " (counted(cost.unranked, "run")) ": shown, but not ranked." }
            }
        }
    }
}

/// Whether the cells of `part` are compared with each other.
fn compared(analysis: &Analysis, part: &Analysis) -> bool {
    !analysis.is_split() || part.cells.len() > 1
}

fn reaching(analysis: &Analysis, cost: &CostReport) -> Markup {
    let Some(share) = cost.threshold else {
        return html! {
            "The runs have no common target, so the cost of a run is the cost of the whole run, whatever accuracy it \
             reached: compare costs together with accuracies."
        };
    };
    let share = threshold(analysis, share);
    let Some((every, window)) = analysis.cadence else {
        return html! {
            "A run reaches " (share) " at its first evaluation of the whole test set that meets it. No part of the \
             test set remains to confirm it, so the value at that point has a selection bias."
        };
    };
    html! {
        "A run reaches " (share) " when the mean " (analysis.target.metric.name()) " of its last evaluations meets it: one evaluation after the \
         first step at or past each multiple of " (thousands(every)) " samples, in a window of " (thousands(window))
        " samples (" (counted((window / every.max(1)) as usize, "evaluation")) "), the same for all regimes. Test \
         samples with an even index decide; test samples with an odd index confirm."
    }
}

fn spending(analysis: &Analysis, cost: &CostReport) -> Markup {
    let points = || cost.cells.iter().flat_map(|cell| &cell.trials);
    let by = |derivation: Derivation| {
        points()
            .filter(|point| point.derivation == Some(derivation))
            .count()
    };
    html! {
        "The cost is " (cost_name(analysis, cost)) ". "
        @if matches!(cost.kind, CostKind::Energy { .. }) {
            "Of " (points().count()) " figures " (by(Derivation::Direct))
            " are differences of readings over at least 50 updates of the sensor and " (by(Derivation::StepsTimesJoules))
            " are numbers of steps and evaluations times the joules of each, measured in a long window of the same \
             program after the end of the run. Evaluations are included; the tooltip of each run shows their share. "
        }
        "Start-up and compilation are not included."
    }
}

fn spread(analysis: &Analysis, cost: &CostReport) -> Markup {
    let Some((pooled, source)) = &cost.spread else {
        return html! { "There are no intervals, because no regime has two runs that show the spread between seeds." };
    };
    let (sd, df) = (format!("{:.4}", pooled.sd), digits(pooled.df));
    let reached = cost.cells.iter().map(|cell| {
        let share = cell.share.unwrap_or(0.0);
        (share * cell.trials.len() as f64).round() as usize
    });
    let bootstrapped = reached.filter(|count| *count >= BOOTSTRAP_FROM).count();
    html! {
        "Costs are compared by their logarithms. "
        @match source {
            SpreadSource::Pooled => {
                "Bartlett's test (at 25 %) does not reject one spread for all regimes, so it is pooled: a standard deviation of "
                (sd) " of log cost with " (df) " degrees of freedom."
            },
            SpreadSource::Separate => {
                "Bartlett's test (at 25 %) rejects one spread for all regimes, so each has its own (pooled it would be "
                (sd) " of log cost with " (df) " degrees of freedom)."
            },
            SpreadSource::Replicates => {
                "With one seed per regime the spread comes from replicates of the reference regime: a standard deviation of "
                (sd) " of log cost with " (df) " degrees of freedom."
            },
        }
        " Each 95 % confidence interval is a t interval of the geometric mean with that spread"
        @if bootstrapped > 0 {
            "; in the " (bootstrapped) " of " (analysis.cells.len()) " regimes with " (BOOTSTRAP_FROM)
            " or more runs that reached the target it is bootstrapped (bootstrap-t)"
        }
        "."
    }
}

/// The purpose of the replicates of the reference cell.
fn replicates(analysis: &Analysis, cost: &CostReport) -> Markup {
    let count = cost.cells.iter().map(|cell| cell.replicates.len()).sum();
    let Some(reference) = analysis.reference.filter(|_| count > 0) else {
        return html! {};
    };
    html! {
        p {
            "The reference regime, " (analysis.cells[reference].name()) ", has " (counted(count, "replicate"))
            " with other seeds, shown with its runs. "
            @if matches!(cost.spread, Some((_, SpreadSource::Replicates))) {
                "Together with its main run they determine the spread; they have no other use."
            } @else {
                "In a study with one seed per regime they determine the spread. With more seeds the runs of all \
                 regimes determine it, and the replicates affect no figure: otherwise the reference regime would have \
                 more runs than the regimes that it is compared with."
            }
        }
    }
}

fn comparing(cost: &CostReport) -> Markup {
    html! {
        @match cost.no_claim {
            Some(NoClaim::OneCell) => "There is one regime, so nothing is compared.",
            Some(NoClaim::OneSeed) => "With one seed per regime, differences between regimes are not tested: the \
                figures describe only these runs.",
            Some(NoClaim::BestFailed) => "Some runs of the cheapest regime failed, so its cost is not known and no \
                regime is compared with it by cost.",
            Some(NoClaim::NoSpread) => "The seeds show no spread, so no regime is compared with the cheapest by cost.",
            None => {
                "The best regime is selected from the same data, so another regime counts as significantly more \
                 expensive only if the simultaneous interval of its ratio (from the studentized range: "
                @match cost.spread {
                    Some((_, SpreadSource::Separate)) => "Dunnett's C, with separate spreads",
                    _ => "Tukey-Kramer, with one spread",
                }
                ") lies above 1. In simulated studies of 16 equal regimes, about 5 % claim a difference."
            },
        }
        " A failed run has no cost to the target: the cost that it spent is a lower bound."
    }
}

fn extremes(analysis: &Analysis, cost: &CostReport) -> Markup {
    let (Some(found), Some(worst)) = (&cost.extremes, cost.worst) else {
        return html! {};
    };
    html! {
        "Highest over lowest (" (analysis.cells[worst].name()) ") is " (ratio(found))
        @if cost.is_by_expected() { ", by expected cost, because runs of the best regime failed," }
        " in the study's own data; it is biased upward, because both are selected."
        @if let Some(chance) = cost.null_ratio {
            " For regimes of equal cost the ratio would be " (format!("{:.2}", chance.median)) " with this spread \
             (median), and up to "
            (format!("{:.2}", chance.upper)) " in 95 % of studies."
        }
        @match &cost.confirmation {
            Some(_) => " In the answer, the ratio and the cost of the best regime come from runs with fresh seeds, \
                which were not used to select the regimes.",
            None if analysis.confirm > 0 => " The confirming runs with fresh seeds are not done yet.",
            None => " It was not confirmed with fresh seeds (confirm = n in the study file).",
        }
    }
}
