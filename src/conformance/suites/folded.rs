//! More workgroups than a grid has in one dimension: the grid is folded into rows.

use super::conv_cases::{Built, Case, build};
use super::{EPS, activation, shape, widen};
use crate::conformance::examiner::{Examiner, tuning};
use crate::conformance::numbers::{Numbers, data, pack};
use crate::kernels::batch::state;
use crate::kernels::{List, Role, Storage, elementwise, optim, oracle};

/// Quads of the tensors: one workgroup each, more than 65,535.
const QUADS: u32 = 66_001;

/// Elementwise kernels and accumulation, one quad a workgroup.
pub fn flat(exam: &mut Examiner<'_>) {
    let tuning = tuning(1, 65_535);
    let n = QUADS as usize * 4;
    let [a, b] = [1, 2].map(|seed| data(seed, n));
    let mut list = List::default();
    let of = shape(1, QUADS, 4);
    let mut tensor = |name: &str| activation(&mut list, name, 1, of);
    let [ta, tb, relu, act, slope] = ["a", "b", "relu", "silu", "slope"].map(&mut tensor);
    let sums = list.tensor("sums", Role::Gradient, u64::from(QUADS));
    let grads = list.tensor("grads", Role::Gradient, u64::from(QUADS));
    let tstate = list.integers("state", Role::State, 5);
    let silu = elementwise::Function::Silu;
    elementwise::relu(&mut list, &tuning, "relu", ta, relu);
    elementwise::activate(&mut list, &tuning, "activate", silu, ta, act);
    elementwise::activate_backward(
        &mut list, &tuning, "backward", silu, ta, tb, slope, None, None,
    );
    optim::accumulate(&mut list, &tuning, "accumulate", ta, sums, tstate, 2);
    optim::accumulated(&mut list, &tuning, "accumulated", grads, sums, 2);
    let given = [
        (ta, pack(&a, 4)),
        (tb, pack(&b, 4)),
        (grads, pack(&b, 4)),
        (tstate, vec![0; 20]),
    ];
    let got = exam.run(&list, &given, Storage::Buffer);
    if !got.ran() {
        return;
    }
    let (a, b) = (widen(&a), widen(&b));
    let exact = oracle::elementwise::relu(&a);
    exam.close("relu", &got.rows(relu, 4), &exact, |_| 0.0);
    let function = oracle::Activation::Silu;
    let exact: Vec<f64> = a.iter().map(|&x| function.value(x)).collect();
    exam.close("silu", &got.rows(act, 4), &exact, |i| {
        40.0 * EPS * (1.0 + a[i].abs())
    });
    let exact: Vec<f64> = a
        .iter()
        .zip(&b)
        .map(|(&x, g)| function.slope(x) * g)
        .collect();
    exam.close("slope of silu", &got.rows(slope, 4), &exact, |_| 80.0 * EPS);
    exam.close("first gradient", &got.rows(sums, 4), &a, |_| 0.0);
    let exact: Vec<f64> = a.iter().zip(&b).map(|(a, b)| (a + b) / 2.0).collect();
    exam.close("mean gradient", &got.rows(grads, 4), &exact, |_| 2.0 * EPS);
}

/// An update and the norm of its gradients in chunks of one quad each.
pub fn chunks(exam: &mut Examiner<'_>) {
    let tuning = tuning(4, 16);
    let n = QUADS as usize * 4;
    let mut numbers = Numbers::new(9);
    let (params, grads) = (numbers.many(n), numbers.many(n));
    let ranges: Vec<(u64, u64, u32)> = (0..u64::from(QUADS)).map(|at| (at, 1, 0)).collect();
    let group = optim::SgdGroup {
        lr: 0.5,
        momentum: 0.0,
        weight_decay: 0.0,
        nesterov: false,
    };
    let mut list = List::default();
    let all = u64::from(QUADS);
    let tchunks = list.integers("chunks", Role::State, all);
    let tstate = list.integers("state", Role::State, 5);
    let tparams = list.tensor("params", Role::Parameter, all);
    let tgrads = list.tensor("grads", Role::Gradient, all);
    let [norms, partials] = ["norms", "partials"].map(|n| list.buffer(n, Role::Scratch, all));
    let range = 0..QUADS;
    optim::gradient_norm(&mut list, &tuning, "norm", tchunks, &range, tgrads, norms);
    let update = optim::Update {
        chunks: tchunks,
        range,
        parameters: tparams,
        gradients: tgrads,
        optimizer_state: &[],
        state: tstate,
        schedule: None,
        norm_use: None,
        norm_partials: partials,
    };
    optim::update(&mut list, &tuning, "sgd", &update, &optim::SGD);
    let given = [
        (tchunks, optim::chunks(&ranges).concat()),
        (tstate, state::words(&[group.words()], &[]).0),
        (tparams, pack(&params, 4)),
        (tgrads, pack(&grads, 4)),
    ];
    let got = exam.run(&list, &given, Storage::Buffer);
    if !got.ran() {
        return;
    }
    let (params, grads) = (widen(&params), widen(&grads));
    let exact: Vec<f64> = params
        .iter()
        .zip(&grads)
        .map(|(p, g)| p - 0.5 * g)
        .collect();
    exam.close("parameters", &got.rows(tparams, 4), &exact, |_| 2.0 * EPS);
    let exact: Vec<f64> = grads
        .chunks(4)
        .map(|quad| quad.iter().map(|g| g * g).sum())
        .collect();
    for (what, tensor) in [("norms", norms), ("norms of the update", partials)] {
        let found = widen(&got.floats(tensor)).into_iter().step_by(4).collect();
        let found = got.derived(tensor, found);
        exam.close(what, &found, &exact, |i| 8.0 * EPS * exact[i]);
    }
}

/// A convolution in groups with a workgroup for each quad of the output.
pub fn grouped(exam: &mut Examiner<'_>) {
    let case = Case {
        images: 1,
        channels: 2,
        size: [QUADS.div_ceil(2), 3],
        out: 2,
        kernel: [1, 2],
        stride: [1, 1],
        padding: [0, 1],
        dilation: [1, 1],
        groups: 2,
    };
    let Built {
        list,
        inputs: [tx, tw, tb, tdy, tadd, tmask],
        outputs: [ty, ..],
        ..
    } = build(&tuning(1, 65_535), case);
    let wide = case.oracle();
    let x = data(1, wide.input_len());
    let w = data(2, wide.weight_len());
    let bias = data(3, wide.out_channels);
    let dy = data(4, wide.output_len());
    let inputs = [
        (tx, pack(&x, 3)),
        (tw, pack(&w, 2)),
        (tb, pack(&bias, 2)),
        (tdy, pack(&dy, 4)),
        (tadd, pack(&x, 3)),
        (tmask, pack(&x, 3)),
    ];
    let got = exam.run(&list, &inputs, Storage::Buffer);
    if !got.ran() {
        return;
    }
    let [x, w, bias] = [&x, &w, &bias].map(|values| widen(values));
    let mut exact = wide.forward(&x, &w, Some(&bias));
    exact.iter_mut().for_each(|v| *v = v.max(0.0));
    let scale = wide.forward_magnitude(&x, &w, Some(&bias));
    let what = format!("forward of {case}");
    exam.close(&what, &got.rows(ty, 4), &exact, |i| 16.0 * EPS * scale[i]);
}
