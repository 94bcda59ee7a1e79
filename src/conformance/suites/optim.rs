//! The update of SGD, the norm of the gradient, and schedules.

use super::{EPS, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::batch::state;
use crate::kernels::{List, Role, batch, optim, oracle};

/// Momentum, Nesterov and weight decay in groups, and the norm of the gradient.
pub fn sgd(exam: &mut Examiner<'_>) {
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
    for (storage, tuning) in exam.ways() {
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
                norm_use: None,
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
        let got = exam.run(&list, &given, storage);
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
        exam.close("params", &got.rows(tparams, 4), &params, |_| 20.0 * EPS);
        exam.close("momenta", &got.rows(tmomenta, 4), &momenta, |_| 20.0 * EPS);
        for (i, chunk) in chunks.iter().enumerate() {
            let range = chunk[0] as usize * 4..(chunk[0] + chunk[1]) as usize * 4;
            let exact: f64 = grads[range].iter().map(|g| g * g).sum();
            let found = got.derived(tpartials, vec![got.floats(tpartials)[i * 4].into()]);
            // A lane's quads one after another, the four columns, the tree.
            let chain = 1024.0 / f64::from(tuning.lanes) + 10.0;
            let what = format!("norm of chunk {i}");
            exam.close(&what, &found, &[exact], |_| chain * EPS * exact);
        }
    }
}

/// A gradient that is not finite makes the norm of its chunk not finite, and the step flagged.
pub fn gradient_not_finite(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
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
                norm_use: None,
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
            let got = exam.run(&list, &given, storage);
            let what = format!("{bad}: finite norms");
            let finite = got.finite(tpartials, &[0, 4]);
            exam.close(&what, &finite, &[1.0, 0.0], |_| 0.0);
            let flag = got.derived(tresults, vec![got.floats(tresults)[3].into()]);
            exam.close(&format!("{bad}: flag"), &flag, &[1.0], |_| 0.0);
        }
    }
}

/// SGD without a momentum buffer gives the bits of a momentum of zero.
pub fn sgd_plain(exam: &mut Examiner<'_>) {
    let group = optim::SgdGroup {
        lr: 0.03,
        momentum: 0.0,
        weight_decay: 0.01,
        nesterov: false,
    };
    let mut numbers = Numbers::new(8);
    for (storage, tuning) in exam.ways() {
        let (params, grads) = (numbers.many(80), numbers.many(80));
        let mut steps = |momenta: bool| {
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
                norm_use: None,
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
            let got = exam.run(&list, &given, storage);
            [
                got.rows(tparams, 4),
                got.derived(tpartials, widen(&got.floats(tpartials))),
            ]
        };
        let with = steps(true);
        for (found, expected) in steps(false).iter().zip(&with) {
            exam.close("the bits of a momentum of 0", found, expected, |_| 0.0);
        }
    }
}

/// A schedule gives each group its rates and keeps its last row.
pub fn schedule(exam: &mut Examiner<'_>) {
    // Rows of whole numbers, so that every sum is exact: group 1 learns twice as fast.
    let table: Vec<_> = [1.0, 2.0, 4.0]
        .map(|lr| vec![[lr, 1.0, 1.0, -1.0], [2.0 * lr, 1.0, 1.0, 0.5]])
        .into();
    let group = optim::SgdGroup {
        lr: 0.05,
        momentum: 0.9,
        weight_decay: 0.0,
        nesterov: false,
    };
    let words = [group.words(), group.words()];
    let (words, placed) = state::words(&words, &table);
    for (storage, tuning) in exam.ways() {
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
            norm_use: None,
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
        let got = exam.run(&list, &given, storage);
        // 1 + 2 + 4 + 4; and 2 * 1 + 4 * 1.5 + 8 * 1.75 + 8 * 1.875.
        let expected = [[-11.0; 4], [-37.0; 4]].concat();
        exam.close("parameters", &got.rows(tparams, 8), &expected, |_| 0.0);
    }
}
