//! The update and the norm of the gradient.

use super::harness::{Numbers, close, pack, run, unpack, ways};
use super::{EPS, widen};
use wattgrad::internals::kernels::batch::state;
use wattgrad::internals::kernels::{List, Role, batch, optim, oracle};

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
        let tstate = list.integers("state", Role::State, 5);
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
                norm_partials: tpartials,
            };
            optim::sgd(&mut list, &tuning, "sgd", &update);
        }
        let given = [
            (tchunks, chunks.concat()),
            (
                tstate,
                state::words(&groups.map(|group| group.words().to_vec())),
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
            let tstate = list.integers("state", Role::State, 3);
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
                norm_partials: tpartials,
            };
            optim::sgd(&mut list, &tuning, "sgd", &update);
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
                (tstate, state::words(&[group.words().to_vec()])),
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
            let tstate = list.integers("state", Role::State, 3);
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
                norm_partials: tpartials,
            };
            for _ in 0..2 {
                optim::sgd(&mut list, &tuning, "sgd", &update);
            }
            let mut given = vec![
                (tchunks, optim::chunks(&[(0, 20, 0)]).concat()),
                (tstate, state::words(&[group.words().to_vec()])),
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
