//! The products and column sums against the f64 oracle: every core, form, split and epilogue, as buffers and as images.
#![cfg(feature = "gpu")]

mod harness;

use harness::{close, data, gpu, matrix, pad, run, storages, unpad};
use wattgrad::internals::kernels::gemm::{Epilogue, Form, Gemm, column_sum, product};
use wattgrad::internals::kernels::oracle;
use wattgrad::internals::kernels::oracle::widen;
use wattgrad::internals::kernels::{GemmCore, GemmRule, List, Role, Storage, Tensor, Tuning};

/// A profile whose only rule is this core.
fn only(core: GemmCore, tile: [u32; 4], max_split: u32) -> Tuning {
    let tuning = Tuning {
        name: "test".into(),
        texel: (core == GemmCore::Texel).then(|| gpu().texel_lanes().unwrap_or(8)),
        lanes: 32,
        reduction_lanes: 32,
        fill: 1000,
        gemm: vec![GemmRule::new(core, tile, max_split)],
    };
    tuning.validate().unwrap();
    tuning
}

/// Every core this device can run.
fn cores() -> Vec<(GemmCore, [u32; 4])> {
    let mut cores = vec![
        (GemmCore::Direct, [1, 1, 8, 4]),
        (GemmCore::Direct, [2, 3, 4, 4]),
        (GemmCore::Tile, [1, 1, 4, 8]),
        (GemmCore::Tile, [2, 2, 8, 8]),
    ];
    if gpu().texel_lanes().is_some() {
        cores.push((GemmCore::Texel, [1, 1, 8, 1]));
    }
    cores
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fused {
    Nothing,
    Bias,
    BiasRelu,
    Relu,
    Add,
    Mask,
    AddMask,
}

fn names(form: Form) -> oracle::Form {
    match form {
        Form::Nn => oracle::Form::Nn,
        Form::Nt => oracle::Form::Nt,
        Form::Tn => oracle::Form::Tn,
    }
}

/// Runs one product and compares every element.
fn check(tuning: &Tuning, gemm: Gemm, fused: Fused, storage: Storage) -> List {
    let Gemm { form, m, n, k } = gemm;
    let a_shape = if form == Form::Tn {
        matrix(k, m)
    } else {
        matrix(m, k)
    };
    let b_shape = if form == Form::Nt {
        matrix(n, k)
    } else {
        matrix(k, n)
    };
    let c_shape = matrix(m, n);
    let seed = u64::from(m * 1_000_000 + n * 1000 + k);
    let [a, b] = [a_shape, b_shape].map(|s| data(seed + u64::from(s.width), s.elements() as usize));
    let bias = data(seed + 7, n as usize);
    let [addend, mut output] = [8, 9].map(|s| data(seed + s, c_shape.elements() as usize));
    // As a ReLU leaves them: zeros, not negatives.
    output.iter_mut().for_each(|v| *v = v.max(0.0));

    let mut list = List::default();
    let mut tensor = |name: &str, quads: u32| list.tensor(name, Role::Activation, u64::from(quads));
    let [ta, tb, tc, td, to] =
        [a_shape, b_shape, c_shape, c_shape, c_shape].map(|s| tensor("matrix", s.quads()));
    let tbias = tensor("bias", n.div_ceil(4));
    let epilogue = match fused {
        Fused::Nothing => Epilogue::None,
        Fused::Bias => Epilogue::Bias(tbias),
        Fused::BiasRelu => Epilogue::BiasRelu(tbias),
        Fused::Relu => Epilogue::Relu,
        Fused::Add => Epilogue::Add(td),
        Fused::Mask => Epilogue::Mask(to),
        Fused::AddMask => Epilogue::AddMask(td, to),
    };
    product(&mut list, tuning, "product", gemm, ta, tb, tc, epilogue);

    let inputs: Vec<(Tensor, Vec<f32>)> = vec![
        (ta, pad(a_shape, 1, &a)),
        (tb, pad(b_shape, 1, &b)),
        (tbias, pad(matrix(1, n), 1, &bias)),
        (td, pad(c_shape, 1, &addend)),
        (to, pad(c_shape, 1, &output)),
    ];
    let what = format!(
        "{} {gemm:?} {fused:?} {storage:?}",
        list.dispatches[0].variant
    );
    let raw = run(&list, &inputs, &[tc], storage).remove(0);
    let got = unpad(c_shape, 1, &raw);

    let wide = oracle::Gemm {
        form: names(form),
        m: m as usize,
        n: n as usize,
        k: k as usize,
    };
    let (a, b, bias) = (widen(&a), widen(&b), widen(&bias));
    let biased = matches!(fused, Fused::Bias | Fused::BiasRelu).then_some(&bias[..]);
    let relu = matches!(fused, Fused::Relu | Fused::BiasRelu);
    let mut want = wide.forward(&a, &b, biased, relu);
    let mut scale = wide.magnitude(&a, &b, biased);
    for i in 0..want.len() {
        if matches!(fused, Fused::Add | Fused::AddMask) {
            want[i] += f64::from(addend[i]);
            scale[i] += f64::from(addend[i].abs());
        }
        if matches!(fused, Fused::Mask | Fused::AddMask) && output[i] <= 0.0 {
            want[i] = 0.0;
        }
    }
    // The longest chain of additions is one a quad of K, three within the quad, one a layer, one of the epilogue: with
    // the rounding of the product no more than k / 4 + 8 roundings of half an epsilon, of which both halves are granted.
    close(&what, &got, &want, &scale, f64::from(k) / 4.0 + 8.0);
    list
}

const SIZES: [[u32; 3]; 9] = [
    [1, 1, 1],
    [3, 17, 65],
    [17, 3, 257],
    [65, 65, 17],
    [257, 17, 65],
    [17, 257, 3],
    [1, 257, 65],
    [65, 1, 257],
    [16, 32, 64],
];

#[test]
fn every_core_and_form_matches_the_oracle() {
    for (core, tile) in cores() {
        let tuning = only(core, tile, 1);
        for form in [Form::Nn, Form::Nt, Form::Tn] {
            for storage in storages() {
                for [m, n, k] in SIZES {
                    let list = check(&tuning, Gemm { form, m, n, k }, Fused::Nothing, storage);
                    assert_eq!(list.dispatches.len(), 1);
                    assert!(list.dispatches[0].variant.starts_with(core));
                }
            }
        }
    }
}

#[test]
fn split_sums_match_the_oracle_with_every_epilogue() {
    let all = [
        Fused::Nothing,
        Fused::Bias,
        Fused::BiasRelu,
        Fused::Relu,
        Fused::Add,
        Fused::Mask,
        Fused::AddMask,
    ];
    for (core, tile) in cores() {
        let tuning = only(core, tile, 8);
        let mut fused = all.iter().cycle();
        for form in [Form::Nn, Form::Nt, Form::Tn] {
            for storage in storages() {
                for [m, n, k] in [[17, 65, 257], [3, 5, 1030], [65, 17, 130]] {
                    let fused = *fused.next().unwrap();
                    let list = check(&tuning, Gemm { form, m, n, k }, fused, storage);
                    assert_eq!(list.dispatches.len(), 2);
                    assert!(list.dispatches[0].variant.contains(" split "));
                }
            }
        }
    }
}

#[test]
fn epilogues_match_the_oracle() {
    for (core, tile) in cores() {
        let tuning = only(core, tile, 1);
        for fused in [
            Fused::Bias,
            Fused::BiasRelu,
            Fused::Relu,
            Fused::Add,
            Fused::Mask,
            Fused::AddMask,
        ] {
            for storage in storages() {
                check(
                    &tuning,
                    Gemm {
                        form: Form::Nt,
                        m: 17,
                        n: 65,
                        k: 33,
                    },
                    fused,
                    storage,
                );
            }
        }
    }
}

#[test]
fn the_profiles_choose_what_matches() {
    let mut tunings = vec![Tuning::gpu(), Tuning::cpu()];
    tunings.extend(gpu().texel_lanes().map(Tuning::texel));
    for tuning in tunings {
        for [m, n, k] in [[64, 65, 784], [10, 257, 64], [64, 10, 256]] {
            for form in [Form::Nn, Form::Nt, Form::Tn] {
                check(
                    &tuning,
                    Gemm { form, m, n, k },
                    Fused::BiasRelu,
                    Storage::Buffer,
                );
            }
        }
    }
}

#[test]
fn column_sums_match_the_oracle() {
    for storage in storages() {
        for [rows, columns] in [[1, 1], [3, 17], [64, 10], [257, 65], [65, 257]] {
            for fill in [1, 64] {
                let tuning = Tuning {
                    fill,
                    ..only(GemmCore::Direct, [1, 1, 8, 8], 1)
                };
                let shape = matrix(rows, columns);
                let x = data(u64::from(rows + columns), shape.elements() as usize);
                let mut list = List::default();
                let tx = list.tensor("x", Role::Activation, u64::from(shape.quads()));
                let out = list.tensor("out", Role::Gradient, u64::from(columns.div_ceil(4)));
                column_sum(&mut list, &tuning, "sum", rows, columns, tx, out);
                assert_eq!(
                    list.dispatches.len(),
                    if fill > 1 && rows >= 16 { 2 } else { 1 }
                );
                let raw = run(&list, &[(tx, pad(shape, 1, &x))], &[out], storage).remove(0);
                let got = unpad(matrix(1, columns), 1, &raw);
                let (wide, r, c) = (widen(&x), rows as usize, columns as usize);
                // A chain of one addition a row.
                let scale = oracle::column_sums_magnitude(&wide, r, c);
                close(
                    "column sum",
                    &got,
                    &oracle::column_sums(&wide, r, c),
                    &scale,
                    f64::from(rows),
                );
            }
        }
    }
}
