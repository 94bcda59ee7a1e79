//! The convolutions: kernels, strides and paddings per axis, odd sizes, every core.

use super::conv_cases::{
    Built, Case, build, case, general, grouped, stride_1, three, weight_width,
};
use super::{EPS, widen, winograd};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{data, pack};
use crate::kernels::{GemmCore, GemmRule, Storage, Tuning};

/// A profile whose only rule is this core; few workgroups fill the device.
fn only(lanes: Option<u32>, core: GemmCore, tile: [u32; 4], max_split: u32) -> Tuning {
    with(lanes, GemmRule::new(core, tile, max_split))
}

/// The same with a given rule.
fn with(lanes: Option<u32>, rule: GemmRule) -> Tuning {
    Tuning {
        fill: 40,
        ..super::with(lanes, rule)
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
    let direct = |terms: usize| terms as f64 / 4.0 + 16.0;
    let mut examine = |part: &str, output, width, want: &[f64], scale: &[f64], roundings: f64| {
        let what = format!("{part} of {case}");
        exam.close(&what, &got.rows(output, width), want, |i| {
            roundings * EPS * scale[i]
        });
    };
    let by_winograd = |label: &str| {
        let mut parts = list.dispatches.iter().filter(|d| d.label == label);
        parts.any(|d| d.variant.starts_with("winograd"))
    };
    let taps = (case.kernel[0] * case.kernel[1]).next_multiple_of(4) as usize;
    let pixels = (case.images * conv.output().plane_quads() * 4) as usize;
    let [ty, tdx, tdw, tdb] = outputs;

    let mut want = wide.forward(&x, &w, Some(&bias));
    if case.relu() {
        want.iter_mut().for_each(|v| *v = v.max(0.0));
    }
    let mut scale = wide.forward_magnitude(&x, &w, Some(&bias));
    let mut roundings = direct(wide.channels * taps);
    if by_winograd("forward") {
        let sums = winograd::magnitude(&wide, &x, &w, false);
        scale.iter_mut().zip(&sums).for_each(|(to, sum)| *to += sum);
        roundings = winograd::roundings(wide.channels);
    }
    examine("forward", ty, y_width, &want, &scale, roundings);

    let mut want = wide.grad_input(&dy, &w);
    let mut scale = wide.grad_input_magnitude(&dy, &w);
    let mut roundings = direct(out * taps);
    if by_winograd("grad input") {
        let sums = winograd::magnitude(&wide, &dy, &w, true);
        scale.iter_mut().zip(&sums).for_each(|(to, sum)| *to += sum);
        roundings = winograd::roundings(out);
    }
    for i in 0..want.len() {
        want[i] = if mask[i] > 0.0 {
            want[i] + f64::from(addend[i])
        } else {
            0.0
        };
        scale[i] += f64::from(addend[i].abs());
    }
    examine("grad input", tdx, x_width, &want, &scale, roundings);

    // A product and three additions per quad, then one per quad of pixels.
    let (want, scale) = (
        wide.grad_weight(&x, &dy),
        wide.grad_weight_magnitude(&x, &dy),
    );
    examine("grad weight", tdw, columns, &want, &scale, direct(pixels));
    let (want, scale) = (wide.grad_bias(&dy), wide.grad_bias_magnitude(&dy));
    examine("grad bias", tdb, out, &want, &scale, direct(pixels));
}

/// One core and tile for some windows.
pub fn rule(exam: &mut Examiner<'_>, rule: &GemmRule, storage: Storage) {
    let rule = GemmRule {
        max_split: 4,
        ..rule.clone()
    };
    let cases = match rule.winograd {
        true => stride_1(),
        false => general().into_iter().step_by(9).collect(),
    };
    let tuning = with(exam.texel_lanes(), rule);
    for case in cases {
        check(exam, &tuning, case, storage);
    }
}

/// Winograd's algorithm with every core; other windows are left to the next rule.
pub fn winograd(exam: &mut Examiner<'_>) {
    let lanes = exam.texel_lanes();
    let tiles = [
        (GemmCore::Direct, [2, 1, 4, 4], 16),
        (GemmCore::Tile, [1, 2, 8, 4], 16),
        (GemmCore::Tile, [2, 2, 8, 8], 8),
        (GemmCore::Texel, [1, 1, 8, 1], 16),
    ];
    for (core, tile, tile_k) in tiles {
        if core == GemmCore::Texel && lanes.is_none() {
            continue;
        }
        let rule = GemmRule {
            tile_k,
            winograd: true,
            ..GemmRule::new(core, tile, 1)
        };
        let tuning = with(lanes, rule);
        for (i, case) in stride_1().into_iter().enumerate() {
            let storage = match tuning.texel {
                Some(_) if i % 2 == 1 => Storage::Image,
                _ => Storage::Buffer,
            };
            check(exam, &tuning, case, storage);
        }
        check(
            exam,
            &tuning,
            case([2, 3, 9, 11, 5, 3, 2, 1]),
            Storage::Buffer,
        );
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
        let rule = GemmRule {
            tile_k: [16, 16, 8][i % 3],
            ..GemmRule::new(GemmCore::Tile, tile, 1)
        };
        let tuning = with(None, rule);
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
