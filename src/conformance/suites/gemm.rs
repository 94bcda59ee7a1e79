//! The products and column sums: every core, form, split and epilogue.

use super::{EPS, only, widen, with};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{data, pack};
use crate::kernels::gemm::{Epilogue, Gemm, GemmLayout, column_sum, product};
use crate::kernels::{GemmCore, GemmRule, List, Role, Shape, Storage, Tuning, oracle};

fn matrix(rows: u32, columns: u32) -> Shape {
    super::shape(1, rows, columns)
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

fn names(form: GemmLayout) -> oracle::Form {
    match form {
        GemmLayout::Nn => oracle::Form::Nn,
        GemmLayout::Nt => oracle::Form::Nt,
        GemmLayout::Tn => oracle::Form::Tn,
    }
}

/// Runs one product and compares every element.
fn check(exam: &mut Examiner<'_>, tuning: &Tuning, gemm: Gemm, fused: Fused, storage: Storage) {
    let Gemm { form, m, n, k } = gemm;
    let a_shape = if form == GemmLayout::Tn {
        matrix(k, m)
    } else {
        matrix(m, k)
    };
    let b_shape = if form == GemmLayout::Nt {
        matrix(n, k)
    } else {
        matrix(k, n)
    };
    let c_shape = matrix(m, n);
    let seed = u64::from(m * 1_000_000 + n * 1000 + k);
    let [a, b] = [a_shape, b_shape].map(|s| data(seed + u64::from(s.width), s.elements() as usize));
    let bias = data(seed + 7, n as usize);
    let [addend, mut output] = [8, 9].map(|s| data(seed + s, c_shape.elements() as usize));
    // The output of a ReLU has zeros, no negative numbers.
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

    let columns = |shape: Shape| shape.width as usize;
    let inputs = [
        (ta, pack(&a, columns(a_shape))),
        (tb, pack(&b, columns(b_shape))),
        (tbias, pack(&bias, n as usize)),
        (td, pack(&addend, n as usize)),
        (to, pack(&output, n as usize)),
    ];
    let what = format!("product {form:?} of {m} x {n} x {k}, {fused:?}").to_lowercase();
    let got = exam.run(&list, &inputs, storage);
    if !got.ran() {
        return;
    }
    let got = got.rows(tc, n as usize);

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
    // The longest chain of additions is one per quad of K, three within the quad, one per layer and one of the epilogue:
    // with the rounding of the product at most k / 4 + 8 roundings. The bound allows twice as much.
    exam.close(&what, &got, &want, |i| {
        (f64::from(k) / 4.0 + 8.0) * EPS * scale[i]
    });
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

const EPILOGUES: [Fused; 7] = [
    Fused::Nothing,
    Fused::Bias,
    Fused::BiasRelu,
    Fused::Relu,
    Fused::Add,
    Fused::Mask,
    Fused::AddMask,
];

/// Checks a core in every form and storage: whole sums, split sums, epilogues.
fn check_core(exam: &mut Examiner<'_>, rule: &GemmRule) {
    let lanes = exam.texel_lanes();
    let [whole, split] = [1, 8].map(|max_split| {
        let rule = rule.clone();
        with(lanes, GemmRule { max_split, ..rule })
    });
    let mut fused = EPILOGUES.iter().cycle();
    for form in [GemmLayout::Nn, GemmLayout::Nt, GemmLayout::Tn] {
        for storage in exam.storages() {
            for [m, n, k] in SIZES {
                let gemm = Gemm { form, m, n, k };
                check(exam, &whole, gemm, Fused::Nothing, storage);
            }
            for [m, n, k] in [[17, 65, 257], [3, 5, 1030], [65, 17, 130]] {
                let fused = fused.next().copied().unwrap_or(Fused::Nothing);
                check(exam, &split, Gemm { form, m, n, k }, fused, storage);
            }
        }
    }
    for fused in &EPILOGUES[1..] {
        for storage in exam.storages() {
            let gemm = Gemm {
                form: GemmLayout::Nt,
                m: 17,
                n: 65,
                k: 33,
            };
            check(exam, &whole, gemm, *fused, storage);
        }
    }
}

/// One core and tile in every form, whole and split.
pub fn rule(exam: &mut Examiner<'_>, rule: &GemmRule, storage: Storage) {
    let lanes = exam.texel_lanes();
    let split = |max_split| GemmRule {
        max_split,
        ..rule.clone()
    };
    for tuning in [1, 8].map(|max_split| with(lanes, split(max_split))) {
        for form in [GemmLayout::Nn, GemmLayout::Nt, GemmLayout::Tn] {
            let (m, n, k) = (17, 65, 257);
            check(
                exam,
                &tuning,
                Gemm { form, m, n, k },
                Fused::BiasRelu,
                storage,
            );
        }
    }
}

/// The core `direct`.
pub fn direct(exam: &mut Examiner<'_>) {
    check_core(exam, &GemmRule::new(GemmCore::Direct, [1, 1, 8, 4], 1));
}

/// The core `direct` with many registers.
pub fn direct_registers(exam: &mut Examiner<'_>) {
    check_core(exam, &GemmRule::new(GemmCore::Direct, [2, 3, 4, 4], 1));
}

/// The core `tile`.
pub fn tile(exam: &mut Examiner<'_>) {
    check_core(exam, &GemmRule::new(GemmCore::Tile, [1, 1, 4, 8], 1));
}

/// The core `tile` with large tiles.
pub fn tile_large(exam: &mut Examiner<'_>) {
    check_core(exam, &GemmRule::new(GemmCore::Tile, [2, 2, 8, 8], 1));
}

/// The core `tile` with 8 terms at a time.
pub fn tile_k8(exam: &mut Examiner<'_>) {
    check_core(
        exam,
        &GemmRule {
            tile_k: 8,
            ..GemmRule::new(GemmCore::Tile, [1, 2, 8, 4], 1)
        },
    );
}

/// The core `texel`, where it runs.
pub fn texel(exam: &mut Examiner<'_>) {
    if exam.texel_lanes().is_none() {
        return;
    }
    check_core(exam, &GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 1));
}

/// Every core and tile of the built-in profiles.
pub fn profiles(exam: &mut Examiner<'_>) {
    let mut tunings = vec![Tuning::gpu(), Tuning::cpu()];
    tunings.extend(exam.texel_lanes().map(Tuning::texel));
    for tuning in tunings {
        for [m, n, k] in [[64, 65, 784], [10, 257, 64], [64, 10, 256]] {
            for form in [GemmLayout::Nn, GemmLayout::Nt, GemmLayout::Tn] {
                check(
                    exam,
                    &tuning,
                    Gemm { form, m, n, k },
                    Fused::BiasRelu,
                    Storage::Buffer,
                );
            }
        }
    }
}

/// Sums over rows.
pub fn column_sums(exam: &mut Examiner<'_>) {
    for storage in exam.storages() {
        for [rows, columns] in [[1, 1], [3, 17], [64, 10], [257, 65], [65, 257]] {
            for fill in [1, 64] {
                let tuning = Tuning {
                    fill,
                    ..only(None, GemmCore::Direct, [1, 1, 8, 8], 1)
                };
                let shape = matrix(rows, columns);
                let x = data(u64::from(rows + columns), shape.elements() as usize);
                let mut list = List::default();
                let tx = list.tensor("x", Role::Activation, u64::from(shape.quads()));
                let out = list.tensor("out", Role::Gradient, u64::from(columns.div_ceil(4)));
                column_sum(&mut list, &tuning, "sum", rows, columns, tx, out);
                let got = exam.run(&list, &[(tx, pack(&x, columns as usize))], storage);
                let got = got.rows(out, columns as usize);
                let (wide, r, c) = (widen(&x), rows as usize, columns as usize);
                // One addition per row.
                let scale = oracle::column_sums_magnitude(&wide, r, c);
                let expected = oracle::column_sums(&wide, r, c);
                exam.close("column sum", &got, &expected, |i| {
                    f64::from(rows) * EPS * scale[i]
                });
            }
        }
    }
}
