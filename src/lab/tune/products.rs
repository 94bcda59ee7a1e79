//! The products of a network, each class alone.

use std::sync::Arc;
use std::time::Instant;

use super::candidates::{self, Class};
use super::evidence::{CandidateResult, ClassResult, Objective};
use super::race::{Runner, Samples, race, winner};
use super::{MARGIN, Model, TuneError, TuneOptions};
use crate::conformance::{Guard, Prepared, data, pack};
use crate::device::{Gpu, PipelineCache};
use crate::energy::Meter;
use crate::kernels::{Access, Dispatch, GemmRule, List, Storage, Tensor, Tuning};
use crate::lab::metering::{Seconds, meter_replay};
use crate::lab::replay::Replay;
use crate::optim::Sgd;
use crate::program::{ProgramError, ProgramOptions, dispatches};

/// Seconds of a sample: long beside the cost of a submission.
const SAMPLE_SECONDS: f64 = 0.005;
/// Samples of each candidate in the first round.
const FIRST_ROUND: usize = 3;
/// Seconds of a window of energy.
const WINDOW_SECONDS: f64 = 1.0;

/// A candidate on the device.
struct Candidate {
    rule: Option<GemmRule>,
    variant: String,
    prepared: Prepared,
    times: u32,
}

struct Alone<'a> {
    gpu: &'a Gpu,
    candidates: &'a [Candidate],
}

impl Runner for Alone<'_> {
    fn sample(&mut self, at: usize) -> f64 {
        let candidate = &self.candidates[at];
        let replay = Replay::new(self.gpu, candidate.prepared.steps());
        let start = Instant::now();
        let done = self.gpu.wait_for(replay.submit(candidate.times));
        match done {
            Ok(()) => start.elapsed().as_secs_f64() / f64::from(candidate.times),
            Err(_) => f64::INFINITY,
        }
    }
}

/// Finds the best rule of each class of a model's products.
pub fn search(
    (gpu, pipelines, meter): (&Gpu, &mut PipelineCache, &Meter),
    model: &Model,
    options: &TuneOptions,
    rules: &[GemmRule],
    late: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<ClassResult>, TuneError> {
    let start = &options.start;
    let lowered = |tuning: &Tuning| -> Result<List, TuneError> {
        let rule = Arc::new(Sgd::new(0.01, 0.9, 0.0, false)?);
        let batch = options.batch_size;
        let of = ProgramOptions::new(batch, batch, rule, tuning.clone());
        Ok(dispatches(&model.network, &model.data, &of)?)
    };
    let base = lowered(start)?;
    let mut all: Vec<(Option<GemmRule>, List)> = vec![(None, base)];
    for rule in rules {
        let tuning = Tuning {
            gemm: vec![rule.clone()],
            ..start.clone()
        };
        all.push((Some(rule.clone()), lowered(&tuning)?));
    }
    let storage = super::storage(start);
    let mut results = vec![];
    for (class, labels) in candidates::classes(&all[0].1) {
        if late() {
            break;
        }
        progress(&format!("{}: {class}", model.name));
        let mut found: Vec<Candidate> = vec![];
        for (rule, list) in &all {
            let Some(alone) = of_label(list, &labels[0]) else {
                continue;
            };
            let key = |list: &List| -> Vec<String> {
                let parts = list.dispatches.iter();
                parts
                    .map(|d| format!("{} {:?} {:?}", d.shader, d.grid, d.constants))
                    .collect()
            };
            let variant = chosen(&alone).variant.clone();
            // The rule matches no product of this class, which another one would compute.
            if rule.as_ref().is_some_and(|rule| rule.winograd) && !variant.starts_with("winograd") {
                continue;
            }
            let own = key(&alone).join(", ");
            if found
                .iter()
                .any(|other| other.variant.ends_with(&format!("[{own}]")))
            {
                continue;
            }
            let given = inputs(&alone);
            let Ok(prepared) =
                Prepared::new(gpu, pipelines, &alone, &given, storage, &Guard::default())
            else {
                continue;
            };
            let times = Replay::new(gpu, prepared.steps())
                .warm_up(SAMPLE_SECONDS)
                .map_err(ProgramError::from)?;
            found.push(Candidate {
                rule: rule.clone(),
                variant: format!("{variant} [{own}]"),
                prepared,
                times,
            });
        }
        let mut alone = Alone {
            gpu,
            candidates: &found,
        };
        let samples = race(&mut alone, found.len(), FIRST_ROUND);
        results.push(result(
            gpu,
            meter,
            model,
            options.objective,
            (class, labels),
            &found,
            &samples,
        )?);
    }
    Ok(results)
}

/// The result of a class; for joules the start and the three fastest others are metered.
fn result(
    gpu: &Gpu,
    meter: &Meter,
    model: &Model,
    objective: Objective,
    (class, labels): (Class, Vec<String>),
    found: &[Candidate],
    samples: &[Samples],
) -> Result<ClassResult, TuneError> {
    let mut candidates: Vec<CandidateResult> = found
        .iter()
        .zip(samples)
        .map(|(candidate, samples)| CandidateResult {
            variant: candidate
                .variant
                .split(" [")
                .next()
                .unwrap_or_default()
                .to_owned(),
            seconds: samples.median(),
            samples: samples.0.len(),
            joules: None,
        })
        .collect();
    let best = match objective {
        Objective::Time => winner(samples, MARGIN),
        Objective::Energy | Objective::Edp => {
            let mut order: Vec<usize> = (1..found.len()).collect();
            order.sort_by(|a, b| candidates[*a].seconds.total_cmp(&candidates[*b].seconds));
            order.truncate(3);
            for at in std::iter::once(0).chain(order) {
                let replay = Replay::new(gpu, found[at].prepared.steps());
                let seconds = Seconds::of(WINDOW_SECONDS);
                let energy =
                    meter_replay(meter, &replay, found[at].times, seconds, &[], &mut |_| {})
                        .map_err(ProgramError::from)?;
                let measured = energy.energy.iter().find_map(|row| row.measured());
                let each = measured.and_then(|joules| joules.per(energy.dispatches));
                candidates[at].joules = each.map(|each| each.joules());
            }
            let costs: Vec<Samples> = candidates
                .iter()
                .map(|c| match c.joules {
                    Some(joules) => Samples(vec![objective.cost(c.seconds, Some(joules))]),
                    None => Samples::default(),
                })
                .collect();
            winner(&costs, MARGIN)
        }
    };
    let cost = |at: usize| objective.cost(candidates[at].seconds, candidates[at].joules);
    let ratio = cost(best) / cost(0);
    Ok(ClassResult {
        model: model.name.clone(),
        class,
        labels,
        rule: found[best].rule.clone(),
        candidates,
        ratio,
    })
}

/// The dispatches of one product: itself, the sum of its parts where it is split, and the transforms of Winograd's algorithm.
fn of_label(list: &List, label: &str) -> Option<List> {
    let all = &list.dispatches;
    let at = all.iter().position(|d| d.label == label)?;
    let has = |d: &Dispatch, parts: &[&str]| {
        let part = d
            .label
            .strip_prefix(label)
            .and_then(|part| part.strip_prefix(' '));
        part.is_some_and(|part| parts.contains(&part))
    };
    let before = all[..at].iter().rev();
    let before = before.take_while(|d| has(d, &["weights", "tiles"])).count();
    let after = all[at + 1..].iter();
    let after = after.take_while(|d| has(d, &["sum", "output"])).count();
    Some(List {
        tensors: list.tensors.clone(),
        dispatches: all[at - before..=at + after].to_vec(),
        ..List::default()
    })
}

/// The dispatch for which a rule chose the core.
fn chosen(alone: &List) -> &Dispatch {
    let mut all = alone.dispatches.iter();
    all.find(|d| d.product.is_some())
        .unwrap_or(&alone.dispatches[0])
}

/// Reproducible values for every tensor that the list reads before it writes it.
fn inputs(list: &List) -> Vec<(Tensor, Vec<u32>)> {
    let Ok((composed, used, _)) = crate::conformance::compose(list, Storage::Buffer) else {
        return vec![];
    };
    let written = |tensor: Tensor| {
        list.dispatches
            .iter()
            .zip(&composed)
            .any(|(dispatch, text)| {
                let mut operands = dispatch.operands.iter().filter(|(_, t)| *t == tensor);
                operands.any(|(name, _)| {
                    let mut all = text.operands.iter();
                    all.any(|o| o.name == *name && o.access == Access::Write)
                })
            })
    };
    let read = used.into_iter().filter(|tensor| !written(*tensor));
    read.map(|tensor| {
        let count = list.info(tensor).quads as usize * 4;
        (tensor, pack(&data(tensor.0 as u64, count), 4))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::conv_cases::{build, case};
    use crate::kernels::GemmCore;

    #[test]
    fn a_product_stands_with_its_sum_or_its_transforms() {
        let labels = |rule: GemmRule, label: &str| -> Vec<String> {
            let tuning = Tuning {
                gemm: vec![rule],
                ..Tuning::cpu()
            };
            let list = build(&tuning, case([2, 40, 7, 9, 6, 3, 1, 1])).list;
            let alone = of_label(&list, label).unwrap();
            assert_eq!(chosen(&alone).label, label);
            let parts = alone.dispatches.into_iter();
            parts.map(|d| d.label).collect()
        };
        let direct = |max_split| GemmRule::new(GemmCore::Direct, [2, 2, 8, 8], max_split);
        assert_eq!(labels(direct(1), "grad input"), ["grad input"]);
        assert_eq!(labels(direct(4), "forward"), ["forward", "forward sum"]);
        let winograd = GemmRule {
            winograd: true,
            ..direct(1)
        };
        assert_eq!(
            labels(winograd.clone(), "grad input"),
            [
                "grad input weights",
                "grad input tiles",
                "grad input",
                "grad input output"
            ]
        );
        assert_eq!(labels(winograd, "grad weight"), ["grad weight"]);
    }
}
