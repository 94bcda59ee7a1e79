//! The update and the norm of the gradient.

use std::sync::Arc;

use serde_json::Value;

use super::fixtures::Fixture;
use super::harness::{self, Numbers, close, pack, run, unpack, ways};
use super::{EPS, widen};
use wattgrad::internals::kernels::batch::state;
use wattgrad::internals::kernels::{List, Role, Storage, Tuning, batch, optim, oracle};
use wattgrad::internals::optim::{ParameterGroup, Schedule, UpdateRule, rows};
use wattgrad::internals::train::Regime;

#[test]
fn sgd() {
    let mut numbers = Numbers::new(6);
    let groups = [
        optim::SgdGroup {
            lr: 0.1,
            momentum: 0.9,
            weight_decay: 5e-4,
            nesterov: true,
        },
        optim::SgdGroup {
            lr: 0.03,
            momentum: 0.5,
            weight_decay: 0.0,
            nesterov: false,
        },
        optim::SgdGroup {
            lr: 0.2,
            momentum: 0.0,
            weight_decay: 0.01,
            nesterov: false,
        },
    ];
    // Gaps between the ranges belong to frozen parameters and must stay as they are.
    let ranges = [(0, 1, 0), (3, 1025, 1), (1100, 2048, 0), (3148, 17, 2)];
    let quads = 3200usize;
    let chunks = optim::chunks(&ranges);
    assert_eq!(
        chunks,
        [
            [0, 1, 0, 0],
            [3, 1024, 1, 0],
            [1027, 1, 1, 0],
            [1100, 1024, 0, 0],
            [2124, 1024, 0, 0],
            [3148, 17, 2, 0]
        ]
    );
    for (storage, tuning) in ways() {
        let (params, grads, momenta) = (
            numbers.many(quads * 4),
            numbers.many(quads * 4),
            numbers.many(quads * 4),
        );
        let mut list = List::default();
        let tchunks = list.integers("chunks", Role::State, chunks.len() as u64);
        let tstate = list.integers("state", Role::State, 7);
        let tparams = list.tensor("params", Role::Parameter, quads as u64);
        let tgrads = list.tensor("grads", Role::Gradient, quads as u64);
        let tmomenta = list.tensor("momenta", Role::OptimizerState, quads as u64);
        let tpartials = list.buffer("partials", Role::Scratch, chunks.len() as u64);
        // The first step in one update, the second in two, as for chunks of two arenas.
        for range in [0..6, 0..3, 3..6] {
            let update = optim::Update {
                chunks: tchunks,
                range,
                parameters: tparams,
                gradients: tgrads,
                optimizer_state: &[tmomenta],
                state: tstate,
                schedule: None,
                clip: false,
                norm_partials: tpartials,
            };
            optim::update(&mut list, &tuning, "sgd", &update, &optim::SGD_MOMENTUM);
        }
        let given = [
            (tchunks, chunks.concat()),
            (
                tstate,
                state::words(&groups.map(|group| group.words()), &[]).0,
            ),
            (tparams, pack(&params, 4)),
            (tgrads, pack(&grads, 4)),
            (tmomenta, pack(&momenta, 4)),
        ];
        let got = run(&list, &given, storage);
        let (grads, mut params, mut momenta) = (widen(&grads), widen(&params), widen(&momenta));
        for &(first, count, group) in &ranges {
            let g = groups[group as usize];
            let rule = oracle::Sgd {
                lr: f64::from(g.lr),
                momentum: f64::from(g.momentum),
                weight_decay: f64::from(g.weight_decay),
                nesterov: g.nesterov,
            };
            let range = first as usize * 4..(first + count) as usize * 4;
            for _ in 0..2 {
                rule.step(
                    &mut params[range.clone()],
                    &grads[range.clone()],
                    &mut momenta[range.clone()],
                );
            }
        }
        // All values are below 4, and two steps round each about ten times.
        close(
            "params",
            &unpack("params", &got[&tparams], 4),
            &params,
            |_| 20.0 * EPS,
        );
        close(
            "momenta",
            &unpack("momenta", &got[&tmomenta], 4),
            &momenta,
            |_| 20.0 * EPS,
        );
        for (i, chunk) in chunks.iter().enumerate() {
            let range = chunk[0] as usize * 4..(chunk[0] + chunk[1]) as usize * 4;
            let exact: f64 = grads[range].iter().map(|g| g * g).sum();
            let got = f64::from(f32::from_bits(got[&tpartials][i * 4]));
            // A lane's quads one after another, the four columns, the tree.
            let chain = 1024.0 / f64::from(tuning.lanes) + 10.0;
            assert!(
                (got - exact).abs() <= chain * EPS * exact,
                "chunk {i}: {got} instead of {exact}"
            );
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_makes_the_norm_not_finite() {
    for (storage, tuning) in ways() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut grads = vec![0.25f32; 80];
            grads[77] = bad;
            let mut list = List::default();
            let tchunks = list.integers("chunks", Role::State, 2);
            let tstate = list.integers("state", Role::State, 5);
            let tparams = list.tensor("params", Role::Parameter, 20);
            let tgrads = list.tensor("grads", Role::Gradient, 20);
            let tmomenta = list.tensor("momenta", Role::OptimizerState, 20);
            let tpartials = list.buffer("partials", Role::Scratch, 2);
            let trows = list.buffer("rows", Role::Scratch, 1);
            let tresults = list.buffer("results", Role::Results, 1);
            let update = optim::Update {
                chunks: tchunks,
                range: 0..2,
                parameters: tparams,
                gradients: tgrads,
                optimizer_state: &[tmomenta],
                state: tstate,
                schedule: None,
                clip: false,
                norm_partials: tpartials,
            };
            optim::update(&mut list, &tuning, "sgd", &update, &optim::SGD_MOMENTUM);
            batch::finish_step(
                &mut list, &tuning, "end", trows, 1, tpartials, 2, tstate, tresults, 1, 0, 1,
            );
            let group = optim::SgdGroup {
                lr: 0.1,
                momentum: 0.0,
                weight_decay: 0.0,
                nesterov: false,
            };
            let given = [
                (tchunks, optim::chunks(&[(0, 5, 0), (5, 15, 0)]).concat()),
                (tstate, state::words(&[group.words()], &[]).0),
                (tparams, vec![0; 80]),
                (tgrads, pack(&grads, 4)),
                (tmomenta, vec![0; 80]),
                (trows, pack(&[1.0, 0.0, 0.0, 0.0], 4)),
            ];
            let got = run(&list, &given, storage);
            assert!(f32::from_bits(got[&tpartials][0]).is_finite());
            assert!(!f32::from_bits(got[&tpartials][4]).is_finite());
            assert_eq!(
                f32::from_bits(got[&tresults][3]),
                1.0,
                "{bad} was not flagged"
            );
        }
    }
}

#[test]
fn sgd_without_a_momentum_buffer_gives_the_bits_of_a_momentum_of_zero() {
    let group = optim::SgdGroup {
        lr: 0.03,
        momentum: 0.0,
        weight_decay: 0.01,
        nesterov: false,
    };
    let mut numbers = Numbers::new(8);
    for (storage, tuning) in ways() {
        let (params, grads) = (numbers.many(80), numbers.many(80));
        let steps = |momenta: bool| {
            let mut list = List::default();
            let tchunks = list.integers("chunks", Role::State, 1);
            let tstate = list.integers("state", Role::State, 5);
            let tparams = list.tensor("params", Role::Parameter, 20);
            let tgrads = list.tensor("grads", Role::Gradient, 20);
            let tmomenta = list.tensor("momenta", Role::OptimizerState, 20);
            let tpartials = list.buffer("partials", Role::Scratch, 1);
            let state = [tmomenta];
            let update = optim::Update {
                chunks: tchunks,
                range: 0..1,
                parameters: tparams,
                gradients: tgrads,
                optimizer_state: &state[..usize::from(momenta)],
                state: tstate,
                schedule: None,
                clip: false,
                norm_partials: tpartials,
            };
            let form = match momenta {
                true => &optim::SGD_MOMENTUM,
                false => &optim::SGD,
            };
            for _ in 0..2 {
                optim::update(&mut list, &tuning, "sgd", &update, form);
            }
            let mut given = vec![
                (tchunks, optim::chunks(&[(0, 20, 0)]).concat()),
                (tstate, state::words(&[group.words()], &[]).0),
                (tparams, pack(&params, 4)),
                (tgrads, pack(&grads, 4)),
            ];
            given.extend(momenta.then(|| (tmomenta, vec![0; 80])));
            let got = run(&list, &given, storage);
            (got[&tparams].clone(), got[&tpartials].clone())
        };
        assert_eq!(steps(true), steps(false));
    }
}

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

/// 100 steps of every rule, with two groups, weight decay, clipping and accumulation, against PyTorch's f64 run: the whole
/// chain from the gradients of a micro-batch to the counters.
fn follow_pytorch(storage: Storage, tuning: &Tuning, steps: usize) {
    let fixture = Fixture::read("optimizers.safetensors");
    let start: Vec<f32> = fixture.get("params").iter().map(|v| *v as f32).collect();
    let grads: Vec<f32> = fixture.get("grads").iter().map(|v| *v as f32).collect();
    let n = start.len();
    for (name, case) in fixture.settings("step.") {
        let (regime, rule) = rule(&case);
        let micro_batches = regime.accumulate.unwrap_or(1);
        let groups = [
            ParameterGroup::default(),
            ParameterGroup {
                lr: Some(0.004),
                weight_decay: Some(0.0),
            },
        ];
        let words = groups.map(|group| rule.group_words(&group));
        let table = rows(rule.as_ref(), &groups, &Schedule::constant());
        let (words, schedule) = state::words(&words, &table);
        let form = rule.form();

        let mut list = List::default();
        // Six parameters of each group, in two quads.
        let quads = 4;
        let chunks = optim::chunks(&[(0, 2, 0), (2, 2, 1)]);
        let tchunks = list.integers("chunks", Role::State, 2);
        let tstate = list.integers("state", Role::State, words.len().div_ceil(4) as u64);
        let tparams = list.tensor("params", Role::Parameter, quads);
        let tsums = list.tensor("sums", Role::Gradient, quads);
        let kept: Vec<_> = form
            .state
            .iter()
            .map(|name| list.tensor(*name, Role::OptimizerState, quads))
            .collect();
        let tpartials = list.buffer("partials", Role::Scratch, 2);
        let trows = list.buffer("rows", Role::Scratch, 1);
        let tresults = list.buffer("results", Role::Results, 1);
        let mut given = vec![
            (tchunks, chunks.concat()),
            (tstate, words),
            (tparams, pack(&start, 6)),
            (trows, pack(&[1.5, 1.0, 0.0, 0.0], 4)),
        ];
        given.extend(kept.iter().map(|tensor| (*tensor, vec![0; 16])));
        let mut at = 0;
        for _ in 0..steps {
            for micro_batch in 1..=micro_batches {
                let tgrads = list.tensor("grads", Role::Gradient, quads);
                given.push((tgrads, pack(&grads[at..at + n], 6)));
                at += n;
                if micro_batch < micro_batches {
                    optim::accumulate(
                        &mut list,
                        tuning,
                        "accumulate",
                        tgrads,
                        tsums,
                        tstate,
                        micro_batches,
                    );
                    batch::finish_micro_batch(&mut list, tuning, "micro", trows, 1, tstate);
                    continue;
                }
                if micro_batches > 1 {
                    let label = "accumulated";
                    optim::accumulated(&mut list, tuning, label, tgrads, tsums, micro_batches);
                }
                if let Some(limit) = regime.clip_norm {
                    optim::gradient_norm(
                        &mut list,
                        tuning,
                        "norm",
                        tchunks,
                        &(0..2),
                        tgrads,
                        tpartials,
                    );
                    let limit = limit as f32;
                    optim::clip_factor(&mut list, tuning, "clip", tpartials, 2, limit, tstate);
                }
                let update = optim::Update {
                    chunks: tchunks,
                    range: 0..2,
                    parameters: tparams,
                    gradients: tgrads,
                    optimizer_state: &kept,
                    state: tstate,
                    schedule,
                    clip: regime.clip_norm.is_some(),
                    norm_partials: tpartials,
                };
                optim::update(&mut list, tuning, "update", &update, form);
                batch::finish_step(
                    &mut list,
                    tuning,
                    "end",
                    trows,
                    1,
                    tpartials,
                    2,
                    tstate,
                    tresults,
                    1,
                    0,
                    micro_batches,
                );
            }
        }
        let got = run(&list, &given, storage);
        let expected = fixture.get(&format!("step.{name}"));
        let expected = match steps {
            2 => &expected[n..2 * n],
            _ => &expected[2 * n..],
        };
        // Each step rounds a value below 8 some times; quotients by small roots carry the rounding of the gradients.
        let bound = 40.0 * EPS * steps as f64;
        close(&name, &unpack(&name, &got[&tparams], 6), expected, |_| {
            bound
        });
        let state = &got[&tstate];
        assert_eq!(state[state::STEP as usize], steps as u32, "{name}");
        let all = steps as u32 * micro_batches;
        assert_eq!(state[state::MICRO_BATCH as usize], all, "{name}");
        let sums = state::SUMS as usize;
        assert_eq!(state[sums..sums + 3], [0; 3], "{name}");
        let result: Vec<f32> = got[&tresults].iter().map(|w| f32::from_bits(*w)).collect();
        assert_eq!(result[0], 1.5, "{name}: the mean loss of a step");
        assert_eq!(result[1], micro_batches as f32, "{name}: correct samples");
    }
}

#[test]
fn every_rule_follows_pytorch_for_100_steps() {
    follow_pytorch(Storage::Buffer, &harness::tuning(32, 1000), 100);
}

#[test]
fn every_rule_runs_in_every_storage_and_division() {
    for (storage, tuning) in ways() {
        follow_pytorch(storage, &tuning, 2);
    }
}

#[test]
fn a_schedule_gives_each_group_its_rates_and_keeps_its_last_row() {
    let rule = Regime::default().update_rule().unwrap();
    let groups = [None, Some(0.5)].map(|lr| ParameterGroup {
        lr,
        weight_decay: None,
    });
    let schedule = Schedule::sweep(0.25, 1.0, 3);
    let table = rows(rule.as_ref(), &groups, &schedule);
    let rates: Vec<[f32; 2]> = table.iter().map(|row| [row[0][0], row[1][0]]).collect();
    assert_eq!(rates, [[0.25; 2], [0.5; 2], [1.0; 2]]);
    // Rows of whole numbers, so that every sum is exact: group 1 learns twice as fast.
    let table: Vec<_> = [1.0, 2.0, 4.0]
        .map(|lr| vec![[lr, 1.0, 1.0, -1.0], [2.0 * lr, 1.0, 1.0, 0.5]])
        .into();
    let words = groups.map(|group| rule.group_words(&group));
    let (words, placed) = state::words(&words, &table);
    for (storage, tuning) in ways() {
        let mut list = List::default();
        let tchunks = list.integers("chunks", Role::State, 2);
        let tstate = list.integers("state", Role::State, words.len().div_ceil(4) as u64);
        let tparams = list.tensor("params", Role::Parameter, 2);
        let tgrads = list.tensor("grads", Role::Gradient, 2);
        let tmomenta = list.tensor("momenta", Role::OptimizerState, 2);
        let tpartials = list.buffer("partials", Role::Scratch, 2);
        let trows = list.buffer("rows", Role::Scratch, 1);
        let tresults = list.buffer("results", Role::Results, 1);
        let update = optim::Update {
            chunks: tchunks,
            range: 0..2,
            parameters: tparams,
            gradients: tgrads,
            optimizer_state: &[tmomenta],
            state: tstate,
            schedule: placed,
            clip: false,
            norm_partials: tpartials,
        };
        for _ in 0..4 {
            optim::update(&mut list, &tuning, "sgd", &update, &optim::SGD_DAMPENED);
            batch::finish_step(
                &mut list, &tuning, "end", trows, 1, tpartials, 2, tstate, tresults, 1, 0, 1,
            );
        }
        let mut own = words.clone();
        // The momentum of group 0, since its rows have none.
        own[state::GROUPS as usize + 1] = 0.0f32.to_bits();
        let given = [
            (tchunks, optim::chunks(&[(0, 1, 0), (1, 1, 1)]).concat()),
            (tstate, own),
            (tparams, vec![0; 8]),
            (tgrads, pack(&[1.0; 8], 4)),
            (tmomenta, vec![0; 8]),
            (trows, vec![0; 4]),
        ];
        let got = run(&list, &given, storage);
        let params = unpack("params", &got[&tparams], 8);
        // 1 + 2 + 4 + 4; and 2 * 1 + 4 * 1.5 + 8 * 1.75 + 8 * 1.875.
        assert_eq!(params, [[-11.0; 4], [-37.0; 4]].concat());
    }
}
