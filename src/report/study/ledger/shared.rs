//! The ledger of one network against several, on the page and the card.

use maud::{Markup, html};

use super::super::chart::{Bar, bars};
use super::super::display_unit::DisplayUnit;
use super::super::folded::{Rows, data_behind, figure, how};
use super::super::words::capital;
use super::data;
use super::parts::{text, whisker};
use super::words::{first_of_each_joint, of};
use crate::study::Opened;
use crate::study::analysis::Analysis;
use crate::study::ledger::Multitask;

/// One network against several.
pub(in super::super) fn multitask_section(opened: &Opened) -> Markup {
    let ledgers = &opened.ledgers;
    // The answer has the sentence of a single one.
    let split = opened.analysis.is_split();
    html! {
        @if !ledgers.multitask.is_empty() { section {
            h2 { "One network or several" }
            @if !split || first_of_each_joint(&ledgers.multitask).count() > 1 { (text(opened, "multitask")) }
            @for found in first_of_each_joint(&ledgers.multitask) { (multitask(opened, found)) }
            (how(&html! {
                "At equal accuracy of each task: every network runs to its own tasks' thresholds. The ratio is the geometric mean \
                 over the seeds that all networks have, with the t interval on the logarithms; equal ratios show no spread and have no interval."
            }))
            (data_behind(&[data::multitask(opened)], ""))
        } }
    }
}

/// One network beside several.
pub(in super::super) struct Shared {
    pub bars: Vec<Bar>,
    /// What the bars are, with their unit.
    pub axis: String,
    /// Class and name of each of the several.
    pub legend: Vec<(&'static str, String)>,
}

impl Shared {
    pub fn of(analysis: &Analysis, found: &Multitask) -> Self {
        let name = |cell: usize| analysis.cells[cell].name();
        let unit = DisplayUnit::of(&found.kind, found.apart.mean.max(found.together.mean));
        // The parts of the phases' figure are told apart on paper too.
        let classes = ["p0", "p2", "p3", "p4", "p1"].into_iter().cycle();
        let parts = classes.clone().zip(&found.each);
        let singles: Vec<String> = found.single.iter().map(|cell| name(*cell)).collect();
        let bars = vec![
            Bar {
                name: format!("{} networks, sum", found.single.len()),
                title: format!(
                    "{}: {}",
                    singles.join(" and "),
                    unit.amount(found.apart.mean)
                ),
                parts: parts
                    .map(|(class, mean)| (class, mean.mean / unit.per))
                    .collect(),
                interval: whisker(found.apart.interval, unit.per),
                text: unit.show(found.apart.mean),
            },
            Bar {
                name: "one network".into(),
                title: format!(
                    "{}: {}",
                    name(found.joint),
                    unit.amount(found.together.mean)
                ),
                parts: vec![("p5", found.together.mean / unit.per)],
                interval: whisker(found.together.interval, unit.per),
                text: unit.show(found.together.mean),
            },
        ];
        let of = capital(&of(analysis, &found.kind, found.threshold));
        Self {
            bars,
            axis: format!("{of}, {}", unit.symbol),
            legend: classes.zip(singles).collect(),
        }
    }
}

fn multitask(opened: &Opened, found: &Multitask) -> Markup {
    let Shared {
        bars: rows,
        axis,
        legend,
    } = Shared::of(&opened.analysis, found);
    let joint = &opened.analysis.cells[found.joint];
    let behind = Rows::of("multitask", data::key(&found.kind, found.threshold)).of_cell(joint);
    html! {
        (figure(&behind, &html! {
            div class="scroll" { (bars(&rows, &axis, &format!("{axis}, {}", joint.name()))) }
            ul class="legend" { @for (class, name) in legend { li {
                svg width="12" height="12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} }
                (name)
            } } }
        }))
        p class="quiet" {
            @match found.seeds {
                1 => "One seed, no interval.",
                seeds => { "Means of " (seeds) " seeds; the line below a bar is the 95 % confidence interval of the mean." }
            }
        }
    }
}
