//! Update rules and schedules against PyTorch's f64 runs.

use serde_json::Value;
use wattgrad::internals::kernels::oracle::optim::{Memory, Rule, clip_by_norm};
use wattgrad::internals::optim::{ScheduleOptions, Steps};

use super::fixtures::Fixture;

const GROUP: usize = 6;

fn number(case: &Value, name: &str, default: f64) -> f64 {
    case.get(name)
        .map_or(default, |value| value.as_f64().unwrap())
}

fn flag(case: &Value, name: &str) -> bool {
    case.get(name).is_some_and(|value| value.as_bool().unwrap())
}

/// The rule of a case, with PyTorch's defaults for what it leaves out.
fn rule(case: &Value) -> Rule {
    match case["rule"].as_str().unwrap() {
        "sgd" => Rule::Sgd {
            momentum: number(case, "momentum", 0.0),
            dampening: number(case, "dampening", 0.0),
            nesterov: flag(case, "nesterov"),
        },
        "rmsprop" => Rule::RmsProp {
            alpha: number(case, "alpha", 0.99),
            eps: number(case, "eps", 1e-8),
            centered: flag(case, "centered"),
            momentum: number(case, "momentum", 0.0),
        },
        "lion" => Rule::Lion {
            beta1: number(case, "beta1", 0.9),
            beta2: number(case, "beta2", 0.99),
        },
        name => Rule::Adam {
            beta1: number(case, "beta1", 0.9),
            beta2: number(case, "beta2", 0.999),
            eps: number(case, "eps", 1e-8),
            decoupled: name == "adamw",
        },
    }
}

#[test]
fn every_rule_is_pytorchs_over_100_steps() {
    let fixture = Fixture::read("optimizers.safetensors");
    let grads = fixture.get("grads");
    for (name, case) in fixture.settings("step.") {
        let rule = rule(&case);
        let mut params = fixture.get("params").to_vec();
        let n = params.len();
        let mut memories = [Memory::new(GROUP), Memory::new(n - GROUP)];
        let settings = [
            (number(&case, "lr", 0.0), number(&case, "weight_decay", 0.0)),
            (0.004, 0.0),
        ];
        let each = number(&case, "accumulate", 1.0) as usize;
        for step in 0..100 {
            let mut mean = vec![0.0; n];
            for micro_batch in grads.chunks_exact(n).skip(step * each).take(each) {
                for (sum, grad) in mean.iter_mut().zip(micro_batch) {
                    *sum += grad / each as f64;
                }
            }
            if let Some(limit) = case.get("clip_norm") {
                clip_by_norm(&mut mean, limit.as_f64().unwrap());
            }
            let ranges = [0..GROUP, GROUP..n];
            for ((range, (lr, decay)), memory) in
                ranges.into_iter().zip(settings).zip(&mut memories)
            {
                rule.step(lr, decay, &mut params[range.clone()], &mean[range], memory);
            }
            let expected = fixture.get(&format!("step.{name}"));
            let expected = match step {
                0 => &expected[..n],
                1 => &expected[n..2 * n],
                99 => &expected[2 * n..],
                _ => continue,
            };
            for (got, expected) in params.iter().zip(expected) {
                let off = (got - expected).abs();
                assert!(
                    off <= 1e-11 * (1.0 + expected.abs()),
                    "{name}, step {step}: {off:e}"
                );
            }
        }
    }
}

/// The options that a case of the fixture names as the fields of [`ScheduleOptions`] are named.
fn options(case: &Value) -> ScheduleOptions {
    let real = |name: &str| case.get(name).map(|value| value.as_f64().unwrap());
    let count = |name: &str| real(name).map(|value| value as u32);
    let word = |name: &str| case.get(name).map(|value| value.as_str().unwrap());
    ScheduleOptions {
        schedule: word("schedule").map(|name| name.parse().unwrap()),
        schedule_unit: word("schedule_unit").map(|name| name.parse().unwrap()),
        step_size: count("step_size"),
        milestones: word("milestones").map(|text| text.parse().unwrap()),
        gamma: real("gamma"),
        power: real("power"),
        min_lr: real("min_lr"),
        pct_start: real("pct_start"),
        div_factor: real("div_factor"),
        final_div_factor: real("final_div_factor"),
        cycle_momentum: None,
        base_momentum: real("base_momentum"),
        max_momentum: real("max_momentum"),
        warmup_steps: count("warmup_steps"),
        warmup_epochs: real("warmup_epochs"),
        warmup_start: real("warmup_start"),
    }
}

#[test]
fn every_schedule_is_pytorchs_over_1000_steps() {
    let fixture = Fixture::read("optimizers.safetensors");
    let steps = Steps {
        total: Some(1000),
        per_epoch: 40,
    };
    for (name, case) in fixture.settings("rate.") {
        let schedule = options(&case).schedule(steps, Some(0.9)).unwrap();
        let expected = fixture.get(&format!("rate.{name}"));
        assert_eq!(expected.len(), 1000);
        let close = |what: &str, step: usize, got: f64, expected: f64| {
            let off = (got / expected - 1.0).abs();
            assert!(
                off <= 1e-12,
                "{what} {name}, step {step}: {got} for {expected}"
            );
        };
        for (step, expected) in expected.iter().enumerate() {
            close("rate", step, schedule.lr(step as u64, 0.05), *expected);
        }
        let momenta = (0..1000).map(|step| schedule.momentum(step));
        match case["schedule"] == "one-cycle" {
            true => {
                let expected = fixture.get(&format!("momentum.{name}"));
                for (step, (got, expected)) in momenta.zip(expected).enumerate() {
                    close("momentum", step, got.unwrap(), *expected);
                }
            }
            false => assert!(momenta.flatten().next().is_none(), "{name}"),
        }
    }
}
