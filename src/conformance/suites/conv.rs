//! The convolutions: kernels, strides and paddings per axis, odd sizes, every core.

use super::conv_cases::{Built, Case, build, case, general, grouped, three, weight_width};
use super::{EPS, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{data, pack};
use crate::kernels::{GemmCore, Storage, Tuning};

/// A profile whose only rule is this core; few workgroups fill the device.
fn only(lanes: Option<u32>, core: GemmCore, tile: [u32; 4], max_split: u32) -> Tuning {
    Tuning {
        fill: 40,
        ..super::only(lanes, core, tile, max_split)
    }
}

/// Runs forward and all gradients and compares every element; returns the variants.
fn check(exam: &mut Examiner<'_>, tuning: &Tuning, case: Case, storage: Storage) {
    let Built {
        list,
        conv,
        inputs: [tx, tw, tb, tdy, tadd, tmask],
        outputs,
    } = build(tuning, case);
    let wide = case.oracle();
    let x = data(1, wide.input_len());
    let w = data(2, wide.weight_len());
    let bias = data(3, wide.out_channels);
    let dy = data(4, wide.output_len());
    let addend = data(5, wide.input_len());
    // The output of a ReLU has zeros, no negative numbers.
    let mask: Vec<f32> = data(6, wide.input_len())
        .iter()
        .map(|v| v.max(0.0))
        .collect();

    let (out, columns) = (case.out as usize, weight_width(&conv));
    let (x_width, y_width) = (case.size[1] as usize, conv.output().width as usize);
    let inputs = [
        (tx, pack(&x, x_width)),
        (tw, pack(&w, columns)),
        (tb, pack(&bias, out)),
        (tdy, pack(&dy, y_width)),
        (tadd, pack(&addend, x_width)),
        (tmask, pack(&mask, x_width)),
    ];
    let got = exam.run(&list, &inputs, storage);
    if !got.ran() {
        return;
    }
    let [x, w, bias, dy] = [&x, &w, &bias, &dy].map(|v| widen(v));
    // As for products: one rounding per quad of the sum, a few within the quad, of the layers and of the epilogue. The
    // texel kernels add nine taps in a row per channel, fewer than their k / 4 times four.
    let mut examine = |part: &str, output, width, want: &[f64], scale: &[f64], terms: usize| {
        let what = format!("{part} of {case}");
        exam.close(&what, &got.rows(output, width), want, |i| {
            (terms as f64 / 4.0 + 16.0) * EPS * scale[i]
        });
    };
    let taps = (case.kernel[0] * case.kernel[1]).next_multiple_of(4) as usize;
    let pixels = (case.images * conv.output().plane_quads() * 4) as usize;
    let [ty, tdx, tdw, tdb] = outputs;

    let mut want = wide.forward(&x, &w, Some(&bias));
    if case.relu() {
        want.iter_mut().for_each(|v| *v = v.max(0.0));
    }
    let scale = wide.forward_magnitude(&x, &w, Some(&bias));
    examine("forward", ty, y_width, &want, &scale, wide.channels * taps);

    let mut want = wide.grad_input(&dy, &w);
    let mut scale = wide.grad_input_magnitude(&dy, &w);
    for i in 0..want.len() {
        want[i] = if mask[i] > 0.0 {
            want[i] + f64::from(addend[i])
        } else {
            0.0
        };
        scale[i] += f64::from(addend[i].abs());
    }
    examine("grad input", tdx, x_width, &want, &scale, out * taps);

    // A product and three additions per quad, then one per quad of pixels.
    let (want, scale) = (
        wide.grad_weight(&x, &dy),
        wide.grad_weight_magnitude(&x, &dy),
    );
    examine("grad weight", tdw, columns, &want, &scale, pixels);
    let (want, scale) = (wide.grad_bias(&dy), wide.grad_bias_magnitude(&dy));
    examine("grad bias", tdb, out, &want, &scale, pixels);
}

/// One core and tile for some windows.
pub fn rule(exam: &mut Examiner<'_>, core: GemmCore, tile: [u32; 4], storage: Storage) {
    let tuning = only(exam.texel_lanes(), core, tile, 4);
    for case in general().into_iter().step_by(9) {
        check(exam, &tuning, case, storage);
    }
}

/// The core `direct`.
pub fn direct(exam: &mut Examiner<'_>) {
    let tuning = only(None, GemmCore::Direct, [1, 2, 8, 4], 1);
    for case in general() {
        check(exam, &tuning, case, Storage::Buffer);
    }
    // The snippets are the same in images, so a few cases suffice.
    if exam.texel_lanes().is_some() {
        for case in general().into_iter().step_by(4) {
            check(exam, &tuning, case, Storage::Image);
        }
    }
}

/// Convolutions in groups.
pub fn in_groups(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
        for case in grouped() {
            check(exam, &tuning, case, storage);
        }
    }
}

/// The core `tile`.
pub fn tile(exam: &mut Examiner<'_>) {
    for (i, case) in general().into_iter().step_by(2).enumerate() {
        let tile = [[1, 1, 8, 8], [1, 2, 16, 4]][i % 2];
        let tuning = only(None, GemmCore::Tile, tile, 1);
        check(exam, &tuning, case, Storage::Buffer);
    }
    let case = case([2, 12, 9, 11, 20, 3, 1, 1]);
    check(exam, &Tuning::gpu(), case, Storage::Buffer);
}

/// The core `texel`, where it runs.
pub fn texel(exam: &mut Examiner<'_>) {
    let Some(lanes) = exam.texel_lanes() else {
        return;
    };
    let tuning = only(Some(lanes), GemmCore::Texel, [1, 1, 8, 1], 1);
    for (i, case) in general().into_iter().enumerate() {
        let storage = match i % 3 {
            0 => Storage::Buffer,
            _ => Storage::Image,
        };
        check(exam, &tuning, case, storage);
    }
}

/// Long sums in several parts.
pub fn split(exam: &mut Examiner<'_>) {
    let cases = [
        [4, 17, 8, 9, 5, 3, 1, 1],
        [6, 17, 9, 13, 6, 1, 2, 0],
        [6, 20, 6, 7, 5, 1, 1, 0],
    ];
    for case in cases.map(case) {
        for core in [GemmCore::Direct, GemmCore::Tile] {
            check(
                exam,
                &only(None, core, [1, 1, 8, 8], 4),
                case,
                Storage::Buffer,
            );
        }
    }
}

/// The 3x3 kernels of software devices, where they run; the last cases have more images than a grid has layers.
pub fn texel_3x3(exam: &mut Examiner<'_>) {
    let Some(lanes) = exam.texel_lanes() else {
        return;
    };
    let tuning = only(Some(lanes), GemmCore::Texel, [1, 1, 8, 1], 1);
    for storage in exam.storages() {
        for case in three() {
            check(exam, &tuning, case, storage);
        }
    }
    for stride in [1, 2] {
        let case = case([65_540, 1, 1, 3, 1, 3, stride, 1]);
        check(exam, &tuning, case, Storage::Image);
    }
}
