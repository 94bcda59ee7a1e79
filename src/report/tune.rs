//! The summary of a search for a device profile.

use super::columns::{Align, columns};
use crate::lab::tune::{Objective, Tuned};

fn milliseconds(value: f64) -> String {
    format!("{:.3} ms", 1e3 * value)
}

/// A search as lines for a terminal: a line for each class of products, then the widths and the whole steps.
#[must_use]
pub fn tune(found: &Tuned) -> String {
    let cost = |value: f64| match found.objective {
        Objective::Time => milliseconds(value),
        Objective::Energy => format!("{value:.3e} J"),
        Objective::Edp => format!("{value:.3e} J s"),
    };
    let mut rows = vec![
        ["product", "start", "time", "best", "time", "ratio"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for class in &found.products {
        let Some(start) = class.candidates.first() else {
            continue;
        };
        let best = class.rule.is_some().then(|| {
            let others = class.candidates.iter().skip(1);
            let best = others.min_by(|a, b| {
                let cost = |c: &crate::lab::tune::CandidateResult| {
                    found.objective.cost(c.seconds, c.joules)
                };
                cost(a).total_cmp(&cost(b))
            });
            best.map_or_else(Default::default, |b| {
                (b.variant.clone(), milliseconds(b.seconds))
            })
        });
        let (variant, time) = best.unwrap_or_else(|| ("start".into(), String::new()));
        rows.push(vec![
            format!("{} {}", class.model, class.class),
            start.variant.clone(),
            milliseconds(start.seconds),
            variant,
            time,
            format!("{:.2}", class.ratio),
        ]);
    }
    use Align::{Left, Right};
    let mut text = columns(&rows, &[Left, Left, Right, Left, Right, Right], "");
    for wrong in &found.wrong {
        text += &format!("\nnot timed, because it is wrong here: {}\n", wrong.first);
    }
    for width in &found.widths {
        let (before, _) = width.tried.first().copied().unwrap_or_default();
        text += &match before == width.chosen {
            true => format!("\n{}: {before} stays", width.key),
            false => format!("\n{}: {} in place of {before}", width.key, width.chosen),
        };
    }
    for paired in &found.paired {
        text += &format!(
            "\n{}, whole steps in {} turns: {} to {}, ratio {:.3} (95 % CI {:.3} to {:.3})",
            paired.model,
            paired.turns,
            cost(paired.start),
            cost(paired.found),
            paired.ratio,
            paired.low,
            paired.high
        );
    }
    if found.out_of_time {
        text += "\nthe budget was used up: parts of the search were left out (--budget)";
    }
    text += &match (found.changed, found.paired.is_empty()) {
        (true, _) => format!("\nprofile: {}\n", found.profile.name),
        (false, true) => format!(
            "\nnothing beat the profile {:?}, which stays\n",
            found.start
        ),
        (false, false) => format!(
            "\nwhole steps did not become cheaper, so the profile {:?} stays\n",
            found.start
        ),
    };
    text
}
