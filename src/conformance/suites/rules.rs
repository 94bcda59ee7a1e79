//! Every update rule over several steps: accumulation, clipping, groups and the counters.

use std::sync::Arc;

use super::{EPS, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::batch::state;
use crate::kernels::oracle::optim::{GradScaler, Memory, Rule, clip_by_norm};
use crate::kernels::{List, Role, Tensor, Tuning, batch, optim};
use crate::optim::{
    Hyperparameters, Optimizer, ParameterGroup, RateSchedule, Schedule, ScheduleError,
    ScheduleOptions, Steps, UpdateRule, rows,
};

/// What several training steps of one arena of parameters are made of.
#[derive(Debug)]
pub struct Setting {
    /// The rule.
    pub rule: Arc<dyn UpdateRule>,
    /// Its parameter groups.
    pub groups: Vec<ParameterGroup>,
    /// Its learning rates, and its momenta where it cycles them.
    pub schedule: Schedule,
    /// Of each range of parameters: first quad, quads, group.
    pub ranges: Vec<(u64, u64, u32)>,
    /// Elements of a row of parameters; rows are padded to quads.
    pub width: usize,
    /// Micro-batches of a step.
    pub micro_batches: u32,
    /// Largest norm of the gradients.
    pub clip_norm: Option<f64>,
    /// The first scale of the loss and the steps after which it doubles; `None`: gradients are not scaled.
    pub loss_scale: Option<(f32, u32)>,
}

/// The dispatches of several steps, and their inputs.
#[derive(Debug)]
pub struct Training {
    /// The dispatches.
    pub list: List,
    /// The inputs.
    pub given: Vec<(Tensor, Vec<u32>)>,
    /// The parameters.
    pub params: Tensor,
    /// The counters.
    pub state: Tensor,
    /// One row: that of the last step.
    pub results: Tensor,
}

/// Appends training steps from the gradients of each micro-batch, one after another in `grads`, to the counters; the loss of
/// each micro-batch is 1.5, and its one sample is correct. `grads` are those of the loss itself: they are multiplied here with
/// the scale that their step should have.
#[must_use]
pub fn training(setting: &Setting, tuning: &Tuning, start: &[f32], grads: &[f32]) -> Training {
    let Setting {
        rule,
        groups,
        schedule: rates,
        ranges,
        width,
        micro_batches,
        clip_norm,
        loss_scale,
    } = setting;
    let words: Vec<_> = groups.iter().map(|group| rule.group_words(group)).collect();
    let table = rows(rule.as_ref(), groups, rates);
    let (mut words, schedule) = state::words(&words, &table);
    let mut scaler = loss_scale.map(|(first, growth_interval)| {
        words[state::LOSS_SCALE as usize] = first.to_bits();
        GradScaler::new(first.into(), growth_interval)
    });
    let form = rule.form();
    let packed = pack(start, *width);
    let quads = packed.len() as u64 / 4;
    let chunks = optim::chunks(ranges);
    let count = chunks.len() as u32;

    let mut list = List::default();
    let tchunks = list.integers("chunks", Role::State, u64::from(count));
    let tstate = list.integers("state", Role::State, words.len().div_ceil(4) as u64);
    let tparams = list.tensor("params", Role::Parameter, quads);
    let tsums = list.tensor("sums", Role::Gradient, quads);
    let kept: Vec<_> = form
        .state
        .iter()
        .map(|name| list.tensor(*name, Role::OptimizerState, quads))
        .collect();
    let tpartials = list.buffer("partials", Role::Scratch, u64::from(count));
    let trows = list.buffer("rows", Role::Scratch, 1);
    let tresults = list.buffer("results", Role::Results, 1);
    let mut given = vec![
        (tchunks, chunks.concat()),
        (tstate, words),
        (tparams, packed),
        (trows, pack(&[1.5, 1.0, 0.0, 0.0], 4)),
    ];
    given.extend(
        kept.iter()
            .map(|tensor| (*tensor, vec![0; quads as usize * 4])),
    );
    for (at, own) in grads.chunks(start.len()).enumerate() {
        let tgrads = list.tensor("grads", Role::Gradient, quads);
        let scale = scaler.as_ref().map_or(1.0, |scaler| scaler.scale as f32);
        let scaled: Vec<f32> = own.iter().map(|g| g * scale).collect();
        given.push((tgrads, pack(&scaled, *width)));
        let total = *micro_batches;
        let last = (at as u32 + 1).is_multiple_of(total);
        if let Some(scaler) = scaler.as_mut().filter(|_| last) {
            let first = at + 1 - total as usize;
            let step = &grads[first * start.len()..(at + 1) * start.len()];
            scaler.update(step.iter().all(|g| g.is_finite()));
        }
        if !last {
            optim::accumulate(
                &mut list,
                tuning,
                "accumulate",
                tgrads,
                tsums,
                tstate,
                total,
            );
            batch::finish_micro_batch(&mut list, tuning, "micro", trows, 1, tstate);
            continue;
        }
        if total > 1 {
            optim::accumulated(&mut list, tuning, "accumulated", tgrads, tsums, total);
        }
        let norm_use = (clip_norm.is_some() || loss_scale.is_some()).then(|| optim::NormUse {
            limit: clip_norm.map(|limit| limit as f32),
            growth_interval: loss_scale.map(|(_, interval)| interval),
        });
        if let Some(norm_use) = norm_use {
            let range = 0..count;
            optim::gradient_norm(
                &mut list, tuning, "norm", tchunks, &range, tgrads, tpartials,
            );
            optim::clip_factor(
                &mut list, tuning, "clip", tpartials, count, norm_use, tstate,
            );
        }
        let update = optim::Update {
            chunks: tchunks,
            range: 0..count,
            parameters: tparams,
            gradients: tgrads,
            optimizer_state: &kept,
            state: tstate,
            schedule,
            norm_use,
            norm_partials: tpartials,
        };
        optim::update(&mut list, tuning, "update", &update, form);
        batch::finish_step(
            &mut list, tuning, "end", trows, 1, tpartials, count, tstate, tresults, 1, 0, total,
        );
    }
    Training {
        list,
        given,
        params: tparams,
        state: tstate,
        results: tresults,
    }
}

/// Every rule and form, with and without accumulation and clipping.
pub fn update_rules(exam: &mut Examiner<'_>) {
    let given = Hyperparameters::default;
    let with = |lr, weight_decay| Hyperparameters {
        lr: Some(lr),
        weight_decay: Some(weight_decay),
        ..given()
    };
    let sgd = |momentum, dampening, nesterov| {
        let hyperparameters = Hyperparameters {
            momentum: Some(momentum),
            dampening: Some(dampening),
            nesterov: Some(nesterov),
            ..with(0.1, 0.01)
        };
        let rule = Rule::Sgd {
            momentum,
            dampening,
            nesterov,
        };
        (Optimizer::Sgd, hyperparameters, rule)
    };
    let adam = |optimizer, decoupled| {
        let hyperparameters = Hyperparameters {
            beta1: Some(0.8),
            beta2: Some(0.95),
            eps: Some(1e-3),
            ..with(0.05, 0.1)
        };
        let rule = Rule::Adam {
            beta1: 0.8,
            beta2: 0.95,
            eps: 1e-3,
            decoupled,
        };
        (optimizer, hyperparameters, rule)
    };
    let rmsprop = |centered, momentum| {
        let hyperparameters = Hyperparameters {
            alpha: Some(0.9),
            eps: Some(1e-3),
            centered: Some(centered),
            momentum: Some(momentum),
            ..with(0.02, 0.1)
        };
        let rule = Rule::RmsProp {
            alpha: 0.9,
            eps: 1e-3,
            centered,
            momentum,
        };
        (Optimizer::RmsProp, hyperparameters, rule)
    };
    let lion = Hyperparameters {
        beta1: Some(0.8),
        beta2: Some(0.95),
        ..with(0.02, 0.1)
    };
    let beta = Rule::Lion {
        beta1: 0.8,
        beta2: 0.95,
    };
    let cases = [
        sgd(0.0, 0.0, false),
        sgd(0.9, 0.0, true),
        sgd(0.9, 0.5, false),
        adam(Optimizer::Adam, false),
        adam(Optimizer::AdamW, true),
        rmsprop(false, 0.0),
        rmsprop(false, 0.5),
        rmsprop(true, 0.0),
        rmsprop(true, 0.5),
        (Optimizer::Lion, lion, beta),
    ];
    for (storage, tuning) in exam.ways() {
        for (at, (optimizer, hyperparameters, oracle)) in cases.into_iter().enumerate() {
            let Ok(rule) = optimizer.rule(hyperparameters) else {
                continue;
            };
            let (micro_batches, clip_norm) =
                [(1, None), (2, Some(3.0)), (3, None)][(at + usize::from(tuning.fill < 4)) % 3];
            // Doubles after the second step, and halves in the third, which is skipped.
            for loss_scale in [None, Some((1024.0, 2))] {
                let case = (micro_batches, clip_norm, loss_scale);
                let (rule, constant) = (Arc::clone(&rule), Schedule::constant());
                steps(exam, (storage, &tuning), rule, &oracle, &constant, case);
            }
            if let Ok(cycle) = cycle(rule.momentum()) {
                let case = (1, None, None);
                steps(exam, (storage, &tuning), rule, &oracle, &cycle, case);
            }
        }
    }
}

/// A schedule for a rule with this momentum, which is 0 in the second step.
fn cycle(momentum: Option<f64>) -> Result<Schedule, ScheduleError> {
    let options = ScheduleOptions {
        schedule: Some(RateSchedule::OneCycle),
        pct_start: Some(0.25),
        base_momentum: momentum.map(|_| 0.0),
        ..ScheduleOptions::default()
    };
    let length = Steps {
        total: Some(8),
        per_epoch: 8,
    };
    options.schedule(length, momentum)
}

/// Four steps of two groups against the oracle: with so many micro-batches, clipped to this norm, with this scale of the loss,
/// in which case a gradient of the third step is infinite.
fn steps(
    exam: &mut Examiner<'_>,
    (storage, tuning): (crate::kernels::Storage, &Tuning),
    rule: Arc<dyn UpdateRule>,
    oracle: &Rule,
    schedule: &Schedule,
    (micro_batches, clip_norm, loss_scale): (u32, Option<f64>, Option<(f32, u32)>),
) {
    const STEPS: usize = 4;
    let [Some(lr), Some(weight_decay)] = ["lr", "weight decay"].map(|name| {
        let all = rule.hyperparameters();
        if name == "lr" {
            all.lr
        } else {
            all.weight_decay
        }
    }) else {
        return;
    };
    let groups = vec![
        ParameterGroup::default(),
        ParameterGroup {
            lr: Some(0.5 * lr),
            weight_decay: Some(0.0),
        },
    ];
    // The first range has two chunks, the second begins within one.
    let ranges = vec![(0, 1030, 0), (1030, 13, 1)];
    let n = 1043 * 4;
    let mut numbers = Numbers::new(21);
    let start = numbers.many(n);
    let mut grads = numbers.many(n * STEPS * micro_batches as usize);
    // Gradients of zero must not become NaN.
    grads.iter_mut().step_by(17).for_each(|g| *g = 0.0);
    if loss_scale.is_some() {
        grads[n * 2 * micro_batches as usize + 1035 * 4] = f32::INFINITY;
    }
    let setting = Setting {
        rule: Arc::clone(&rule),
        groups: groups.clone(),
        schedule: schedule.clone(),
        ranges: ranges.clone(),
        width: 4,
        micro_batches,
        clip_norm,
        loss_scale,
    };
    let Training {
        list,
        given,
        params,
        state: tstate,
        results,
    } = training(&setting, tuning, &start, &grads);
    let got = exam.run(&list, &given, storage);
    if !got.ran() {
        return;
    }
    let mut expected = widen(&start);
    let mut memories: Vec<Memory> = ranges
        .iter()
        .map(|(_, quads, _)| Memory::new(*quads as usize * 4))
        .collect();
    let mut norm = 0.0;
    // A skipped step takes no row of the schedule.
    let mut taken = 0;
    for own in widen(&grads).chunks(n * micro_batches as usize) {
        let mut mean = vec![0.0; n];
        for micro_batch in own.chunks(n) {
            for (sum, g) in mean.iter_mut().zip(micro_batch) {
                *sum += g / f64::from(micro_batches);
            }
        }
        if !mean.iter().all(|g| g.is_finite()) {
            continue;
        }
        norm = mean.iter().map(|g| g * g).sum::<f64>().sqrt();
        if let Some(limit) = clip_norm {
            clip_by_norm(&mut mean, limit);
        }
        let oracle = match schedule.momentum(taken) {
            Some(momentum) => oracle.with_momentum(momentum),
            None => *oracle,
        };
        for ((first, quads, group), memory) in ranges.iter().zip(&mut memories) {
            let own = *first as usize * 4..(first + quads) as usize * 4;
            let group = &groups[*group as usize];
            oracle.step(
                schedule.lr(taken, group.lr.unwrap_or(lr)),
                group.weight_decay.unwrap_or(weight_decay),
                &mut expected[own.clone()],
                &mean[own],
                memory,
            );
        }
        taken += 1;
    }
    let what = format!(
        "{} of {micro_batches} micro-batches, clip {clip_norm:?}, loss scale {loss_scale:?}, momentum {:?}",
        rule.form().name,
        schedule.momentum(0),
    );
    // Each step rounds a value below 8 some times; quotients by small roots carry the rounding of the gradients.
    let bound = 40.0 * EPS * STEPS as f64;
    exam.close(&what, &got.rows(params, 4), &expected, |_| bound);
    let all = STEPS as f64 * f64::from(micro_batches);
    let word = |at: u32| f64::from(got[&tstate][at as usize]);
    let counters = [
        state::STEP,
        state::MICRO_BATCH,
        state::SUMS,
        state::SUMS + 1,
    ]
    .map(word);
    let counters = got.derived(tstate, counters.to_vec());
    let wanted = [STEPS as f64, all, 0.0, 0.0];
    exam.close(&format!("{what}: counters"), &counters, &wanted, |_| 0.0);
    if loss_scale.is_some() {
        let scale = f64::from(f32::from_bits(got[&tstate][state::LOSS_SCALE as usize]));
        let found = [scale, word(state::SCALE_STEPS), word(state::SKIPPED)];
        let found = got.derived(tstate, found.to_vec());
        exam.close(
            &format!("{what}: scale"),
            &found,
            &[1024.0, 1.0, 1.0],
            |_| 0.0,
        );
    }
    let result = got.derived(results, widen(&got.floats(results)[..3]));
    let wanted = [1.5, f64::from(micro_batches), norm];
    let bound = |i: usize| [0.0, 0.0, 200.0 * EPS * norm][i];
    exam.close(&format!("{what}: result"), &result, &wanted, bound);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_suits_every_rule_and_passes_a_momentum_of_0() {
        assert_eq!(cycle(None).unwrap().momentum(1), None);
        let momenta = cycle(Some(0.9)).unwrap();
        assert_eq!(momenta.momentum(1), Some(0.0));
        assert!(momenta.momentum(2) > Some(0.0));
    }
}
