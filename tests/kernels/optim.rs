//! The optimizers against PyTorch's f64 runs, and the rows of a schedule.

use std::sync::Arc;

use serde_json::Value;

use super::fixtures::Fixture;
use super::suites::examine;
use wattgrad::internals::conformance::rules::{Setting, Training, training};
use wattgrad::internals::conformance::{Examiner, tuning};
use wattgrad::internals::kernels::batch::state;
use wattgrad::internals::kernels::{Storage, Tuning};
use wattgrad::internals::optim::{ParameterGroup, Schedule, UpdateRule, rows};
use wattgrad::internals::train::Regime;

/// A rule of the fixture, as a regime with the same choices has it.
fn rule(case: &Value) -> (Regime, Arc<dyn UpdateRule>) {
    let mut choices = case.clone();
    let map = choices.as_object_mut().unwrap();
    let name = map.remove("rule").unwrap();
    map.insert("optimizer".into(), name);
    let regime: Regime = serde_json::from_value(choices).unwrap();
    let rule = regime.update_rule().unwrap();
    (regime, rule)
}

/// Steps of every rule, with two groups, weight decay, clipping and accumulation, against PyTorch's f64 run: the whole
/// chain from the gradients of a micro-batch to the counters.
fn follow_pytorch(
    exam: &mut Examiner<'_>,
    storage: Storage,
    tuning: &Tuning,
    steps: usize,
    loss_scale: Option<(f32, u32)>,
) {
    let fixture = Fixture::read("optimizers.safetensors");
    let floats = |key: &str| -> Vec<f32> { fixture.get(key).iter().map(|v| *v as f32).collect() };
    let (start, grads) = (floats("params"), floats("grads"));
    let n = start.len();
    for (name, case) in fixture.settings("step.") {
        let (regime, rule) = rule(&case);
        let micro_batches = regime.accumulate.unwrap_or(1);
        let other = ParameterGroup {
            lr: Some(0.004),
            weight_decay: Some(0.0),
        };
        // Six parameters of each group, in two quads.
        let setting = Setting {
            rule,
            groups: vec![ParameterGroup::default(), other],
            schedule: Schedule::constant(),
            ranges: vec![(0, 2, 0), (2, 2, 1)],
            width: 6,
            micro_batches,
            clip_norm: regime.clip_norm,
            loss_scale,
        };
        let grads = &grads[..n * steps * micro_batches as usize];
        let Training {
            list,
            given,
            params,
            state: tstate,
            results,
        } = training(&setting, tuning, &start, grads);
        let got = exam.run(&list, &given, storage);
        let expected = fixture.get(&format!("step.{name}"));
        let expected = match steps {
            2 => &expected[n..2 * n],
            _ => &expected[2 * n..],
        };
        // Each step rounds a value below 8 some times; quotients by small roots carry the rounding of the gradients.
        let bound = 40.0 * f64::from(f32::EPSILON) * steps as f64;
        exam.close(&name, &got.rows(params, 6), expected, |_| bound);
        let state = &got[&tstate];
        assert_eq!(state[state::STEP as usize], steps as u32, "{name}");
        let all = steps as u32 * micro_batches;
        assert_eq!(state[state::MICRO_BATCH as usize], all, "{name}");
        let sums = state::SUMS as usize;
        assert_eq!(state[sums..sums + 3], [0; 3], "{name}");
        let result = got.floats(results);
        assert_eq!(result[0], 1.5, "{name}: the mean loss of a step");
        assert_eq!(result[1], micro_batches as f32, "{name}: correct samples");
    }
}

#[test]
fn every_rule_follows_pytorch_for_100_steps() {
    examine("100 steps", |exam| {
        follow_pytorch(exam, Storage::Buffer, &tuning(32, 1000), 100, None);
    });
}

#[test]
fn every_rule_runs_in_every_storage_and_division() {
    examine("2 steps", |exam| {
        for (storage, tuning) in exam.ways() {
            follow_pytorch(exam, storage, &tuning, 2, None);
        }
    });
}

/// A power of two as the scale of the loss changes no digit.
#[test]
fn every_rule_follows_pytorch_with_a_scaled_loss() {
    examine("100 scaled steps", |exam| {
        let scale = Some((65_536.0, 40));
        follow_pytorch(exam, Storage::Buffer, &tuning(32, 1000), 100, scale);
    });
}

#[test]
fn a_schedule_has_a_row_for_each_step_and_group() {
    let rule = Regime::default().update_rule().unwrap();
    let groups = [None, Some(0.5)].map(|lr| ParameterGroup {
        lr,
        weight_decay: None,
    });
    let schedule = Schedule::sweep(0.25, 1.0, 3);
    let table = rows(rule.as_ref(), &groups, &schedule);
    let rates: Vec<[f32; 2]> = table.iter().map(|row| [row[0][0], row[1][0]]).collect();
    assert_eq!(rates, [[0.25; 2], [0.5; 2], [1.0; 2]]);
}
