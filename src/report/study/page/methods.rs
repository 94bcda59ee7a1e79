//! How the figures are come by, with this study's own numbers.

use maud::{Markup, html};

use super::super::words::{Unit, cost_name, digits, plural, ratio};
use super::prose::name;
use crate::study::analysis::{Analysis, CostKind, CostReport};
use crate::study::stats::{BOOTSTRAP_FROM, NoClaim, SpreadSource};
use crate::train::Way;
use crate::units::{percent, thousands};

pub(super) fn section(analysis: &Analysis) -> Markup {
    let Some(cost) = analysis.headline() else {
        return html! {};
    };
    let unit = Unit::for_cost(cost);
    html! {
        section {
            h2 { "Methods" }
            p { (reaching(analysis, cost)) }
            p { (spending(cost)) }
            p {
                "The expected cost of a cell is that of one success with restarts: all that its runs spent until success, \
                 budget or divergence, over the number that reached (the ERT of the COCO benchmarks). The geometric mean and \
                 the median are beside it; of the median, \"over\" says that half of the runs did not reach."
                @if let Some(tau) = cost.tau {
                    " The restricted mean is that of min(X, tau) with tau = " (unit.amount(tau))
                    ", one horizon for the whole study; a run that never arrived, diverged or cut off, counts tau."
                }
            }
            p { (spread(analysis, cost)) }
            (replicates(analysis, cost))
            p { (comparing(cost)) }
            p { (extremes(analysis, cost)) }
            @if let Some(named) = analysis.reference {
                p {
                    "The reference cell, " (name(&analysis.cells[named].id)) ", was named before there were data"
                    @if cost.cells.iter().any(|cell| cell.named.is_some()) {
                        ": each cell is compared with it by a t test on log cost, its p-values corrected by Holm."
                    } @else {
                        "; these runs are too few to test any cell against it."
                    }
                }
            }
            @if cost.unranked > 0 {
                p {
                    (cost.unranked) " run" (plural(cost.unranked)) " with this cost shared the machine with other work and \
                     " @if cost.unranked == 1 { "is" } @else { "are" } " shown but not ranked."
                }
            }
        }
    }
}

fn reaching(analysis: &Analysis, cost: &CostReport) -> Markup {
    let Some(share) = cost.at_least else {
        return html! {
            "These runs were held to no common target, so a run costs what all of it costs, however accurate it became: \
             compare costs only beside the accuracies."
        };
    };
    let Some((every, window)) = analysis.cadence else {
        return html! {
            "A run reaches " (percent(share)) " at its first evaluation of the whole test set at or above it. No half of the \
             test images is left to confirm it, so an accuracy at the crossing is flattered by its noise."
        };
    };
    html! {
        "A run reaches " (percent(share)) " when the mean accuracy of its last evaluations is at or above it"
        ": one evaluation after the first step at or past each multiple of " (thousands(every)) " samples, a window of "
        (thousands(window)) " samples (" (window / every.max(1)) " evaluation" (plural((window / every.max(1)) as usize))
        "), the same for all cells. Test images of even number decide; those of odd number confirm, and their accuracy at the crossing stands beside \
         each cost."
    }
}

fn spending(cost: &CostReport) -> Markup {
    let CostKind::Energy { .. } = &cost.kind else {
        return html! {
            "The cost is " (cost_name(cost)) ". Start-up and compiling are in no cost."
        };
    };
    let points = || cost.cells.iter().flat_map(|cell| &cell.trials);
    let by = |way: Way| points().filter(|point| point.way == Some(way)).count();
    html! {
        "The cost is " (cost_name(cost)) ". Of " (points().count()) " figures " (by(Way::Direct))
        " are differences of readings over at least 50 ticks of the instrument and " (by(Way::StepsTimesJoules))
        " are counted steps and evaluations times what one of each takes, from a long window of the same program run on past \
         the end. Evaluations are in the cost, and each run's hover value says how much of it they are. Start-up and \
         compiling are in no cost."
    }
}

fn spread(analysis: &Analysis, cost: &CostReport) -> Markup {
    let Some((pooled, source)) = &cost.spread else {
        return html! {
            "There is no interval: no two runs of one cell tell how far seeds differ."
        };
    };
    let (sd, df) = (format!("{:.4}", pooled.sd), digits(pooled.df));
    let arrivals = cost.cells.iter().map(|cell| {
        let share = cell.share.unwrap_or(0.0);
        (share * cell.trials.len() as f64).round() as usize
    });
    let bootstrapped = arrivals.filter(|count| *count >= BOOTSTRAP_FROM).count();
    html! {
        "Costs are compared by their logarithms. "
        @match source {
            SpreadSource::Pooled => {
                "Bartlett's test (at 25 %) does not object to one spread for all cells, so it is pooled: a standard deviation of "
                (sd) " of log cost on " (df) " degrees of freedom."
            },
            SpreadSource::Separate => {
                "Bartlett's test (at 25 %) objects to one spread for all cells, so each has its own (pooled it would be "
                (sd) " of log cost on " (df) " degrees of freedom)."
            },
            SpreadSource::Replicates => {
                "With one seed a cell the spread comes from replicates of the reference cell: a standard deviation of " (sd)
                " of log cost on " (df) " degrees of freedom."
            },
        }
        " Each 95 % interval is a t interval of the geometric mean with that spread"
        @if bootstrapped > 0 {
            "; in the " (bootstrapped) " of " (analysis.cells.len()) " cells with " (BOOTSTRAP_FROM)
            " arrivals or more it is bootstrapped (bootstrap-t)"
        }
        "."
    }
}

/// What the replicates of the reference cell are for.
fn replicates(analysis: &Analysis, cost: &CostReport) -> Markup {
    let count = cost.cells.iter().map(|cell| cell.replicates.len()).sum();
    let Some(reference) = analysis.reference.filter(|_| count > 0) else {
        return html! {};
    };
    let used = matches!(cost.spread, Some((_, SpreadSource::Replicates)));
    html! {
        p {
            "The reference cell, " (name(&analysis.cells[reference].id)) ", has " (count) " replicate" (plural(count))
            " with seeds of their own, shown beside its runs. "
            @if used {
                "With its own run they give the spread, and are used for nothing else."
            } @else {
                "They are to give the spread of a study of one seed a cell; where cells have two seeds or more their own runs \
                 give it, from all cells and not from one, and the replicates enter no figure: counted among the runs of \
                 their cell they would make it better known than those it is compared with."
            }
        }
    }
}

fn comparing(cost: &CostReport) -> Markup {
    html! {
        @match cost.no_claim {
            Some(NoClaim::OneCell) => "There is one cell, so nothing is compared.",
            Some(NoClaim::OneSeed) => "With one seed a cell nothing is claimed about cells: the figures tell what these runs did.",
            Some(NoClaim::BestFailed) => "Some runs of the cheapest cell failed, so its own cost is not known and no cell is told from it by cost.",
            Some(NoClaim::NoSpread) => "No spread is seen between seeds, so no cell is told from the cheapest by cost.",
            None => {
                "The best cell is chosen from the same data, so a cell is called dearer only where an interval that holds for \
                 all pairs at once (the studentized range: "
                @match cost.spread {
                    Some((_, SpreadSource::Separate)) => "Dunnett's C, for unequal spreads",
                    _ => "Tukey and Kramer's, for one spread",
                }
                ") lies above 1. Simulated studies of 16 equal cells claim a difference in about 5 % of cases."
            },
        }
        " A run that failed has no cost to compare: it counts what it spent, as a lower bound."
    }
}

fn extremes(analysis: &Analysis, cost: &CostReport) -> Markup {
    let (Some(found), Some(worst)) = (&cost.extremes, cost.worst) else {
        return html! {};
    };
    html! {
        "Worst over best (" (name(&analysis.cells[worst].id)) ") is " (ratio(found))
        @if cost.is_by_expected() { ", by expected costs, since runs of the best failed," }
        " in the study's own data, a maximum over a minimum and so biased upward."
        @if let Some(chance) = cost.by_chance {
            " Cells of one and the same cost would show " (format!("{:.2}", chance.median)) " with this spread, and up to "
            (format!("{:.2}", chance.upper)) " in 95 % of studies."
        }
        @match &cost.confirmation {
            Some(_) => " Fresh seeds of both cells, which had no part in the choice, give the figure that counts, and those of \
                        the best cell its cost in the answer.",
            None if analysis.confirm > 0 => " The runs with fresh seeds that are to confirm it are not made yet.",
            None => " It was not confirmed with fresh seeds (confirm = n in the study's file).",
        }
    }
}
