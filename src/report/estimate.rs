//! The estimated cost of a study.

use super::columns::{Align, columns};
use crate::study::{Estimate, Study};
use crate::units::{joules, seconds, si, thousands};

/// The text of `wattgrad study run --dry-run`.
pub fn estimate(study: &Study, estimate: &Estimate) -> String {
    let head = [
        "model",
        "batch",
        "cells",
        "runs",
        "step",
        "evaluation",
        "steps",
        "per run",
    ];
    let mut rows: Vec<Vec<String>> = vec![head.map(String::from).to_vec()];
    rows.extend(estimate.programs.iter().map(|one| {
        vec![
            one.model.clone(),
            one.batch_size.to_string(),
            one.cells.to_string(),
            one.runs.to_string(),
            seconds(one.step_seconds),
            seconds(one.evaluation_seconds),
            thousands(one.steps),
            seconds(one.seconds),
        ]
    }));
    let mut align = [Align::Right; 8];
    align[0] = Align::Left;
    let mut text = columns(&rows, &align, "");
    let confirming = match estimate.confirming {
        0 => String::new(),
        n => format!(", {n} of them to confirm the best and the worst"),
    };
    text += &format!(
        "\n{}: {} cells, {} runs{confirming}\nat most {} and {}FLOP of training, if every run spends its budget\n",
        study.name,
        study.cells.len(),
        estimate.runs,
        seconds(estimate.seconds),
        si(estimate.flops)
    );
    let programs = estimate.programs.len();
    for row in &estimate.energy {
        let of = match row.programs == programs {
            true => String::new(),
            false => format!(
                " for the runs of {} of {programs} programs, plus those of the others",
                row.programs
            ),
        };
        text += &format!(
            "at most {}{of} ({}, {}, {}; {:.1} W over the timed steps)\n",
            joules(row.joules),
            row.source,
            row.scope.name(),
            row.status.name(),
            row.watts
        );
    }
    if estimate.energy.is_empty() {
        text += "energy: no sensor was available (`wattgrad doctor` shows how to enable one)\n";
    }
    text
}
