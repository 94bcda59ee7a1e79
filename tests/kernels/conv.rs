//! The convolutions: kernels, strides and paddings per axis, odd sizes, every core.

use super::harness::{close, data, pack, run, storages, texel_lanes, unpack, validate};
use super::{EPS, NO_TEXEL, skip::skipped, widen};
use wattgrad::internals::kernels::conv::{Conv, forward, grad_bias, grad_input, grad_weight};
use wattgrad::internals::kernels::gemm::Epilogue;
use wattgrad::internals::kernels::{
    GemmCore, List, Role, Shape, Storage, Tensor, Tuning, emit, oracle,
};

/// A profile whose only rule is this core; few workgroups fill the device.
fn only(core: GemmCore, tile: [u32; 4], max_split: u32) -> Tuning {
    Tuning {
        fill: 40,
        ..super::only(core, tile, max_split)
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    images: u32,
    channels: u32,
    size: [u32; 2],
    out: u32,
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
    dilation: [u32; 2],
    groups: u32,
}

/// [images, channels, height, width, out channels, kernel, stride, padding]
fn case(
    [
        images,
        channels,
        height,
        width,
        out,
        kernel,
        stride,
        padding,
    ]: [u32; 8],
) -> Case {
    Case {
        images,
        channels,
        size: [height, width],
        out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
    }
}

/// Cases for the gemm cores.
fn general() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        [2, 3, 7, 9, 5, 1, 1, 0],
        [3, 17, 5, 6, 17, 1, 1, 0],
        [2, 6, 8, 14, 9, 1, 2, 0],
        [2, 17, 9, 7, 3, 1, 2, 0],
        [2, 3, 5, 5, 3, 1, 3, 1],
        [2, 1, 9, 11, 3, 3, 1, 0],
        [3, 3, 8, 8, 17, 3, 1, 1],
        [2, 17, 7, 5, 1, 3, 2, 1],
        [1, 3, 11, 10, 5, 3, 3, 2],
        [2, 3, 13, 9, 3, 5, 1, 2],
        [2, 1, 12, 13, 5, 5, 2, 3],
        [1, 3, 14, 15, 3, 7, 2, 3],
        [1, 1, 7, 7, 17, 7, 1, 0],
    ]
    .map(case)
    .to_vec();
    // The axes differ: kernel, stride and padding as (height, width). Height 1 is a 1-D convolution.
    cases.extend(
        [
            ([2, 3, 6, 9, 5], [2, 3], [1, 1], [1, 1]),
            ([2, 3, 7, 13, 5], [1, 5], [1, 2], [0, 2]),
            ([2, 5, 11, 6, 3], [5, 1], [3, 1], [2, 0]),
            ([3, 4, 1, 37, 6], [1, 7], [1, 2], [0, 3]),
            ([2, 3, 8, 10, 9], [3, 3], [1, 2], [1, 1]),
            ([2, 3, 9, 8, 5], [3, 3], [1, 1], [0, 1]),
            ([2, 6, 9, 11, 5], [1, 1], [2, 1], [0, 0]),
            ([1, 2, 5, 9, 3], [1, 1], [1, 2], [0, 1]),
        ]
        .map(
            |([images, channels, height, width, out], kernel, stride, padding)| Case {
                images,
                channels,
                size: [height, width],
                out,
                kernel,
                stride,
                padding,
                dilation: [1; 2],
                groups: 1,
            },
        ),
    );
    let dilated = |numbers, padding, dilation| Case {
        padding,
        dilation,
        ..case(numbers)
    };
    cases.extend([
        dilated([2, 3, 9, 13, 5, 3, 1, 0], [2, 2], [2, 2]),
        dilated([2, 3, 10, 11, 5, 3, 2, 0], [1, 3], [2, 3]),
        Case {
            kernel: [1, 5],
            ..dilated([2, 3, 1, 27, 6, 5, 1, 0], [0, 4], [1, 2])
        },
    ]);
    cases
}

/// Cases in groups, the third one depthwise.
fn grouped() -> Vec<Case> {
    let groups = |numbers, groups, kernel, stride, padding, dilation| Case {
        groups,
        kernel,
        stride,
        padding,
        dilation,
        ..case(numbers)
    };
    vec![
        groups([2, 4, 7, 9, 6, 3, 1, 1], 2, [3, 3], [1, 1], [1, 1], [1, 1]),
        groups([3, 6, 5, 6, 9, 1, 1, 0], 3, [1, 1], [1, 1], [0, 0], [1, 1]),
        groups([2, 5, 8, 9, 5, 3, 2, 1], 5, [3, 3], [2, 2], [1, 1], [1, 1]),
        groups([2, 3, 6, 7, 6, 3, 1, 1], 3, [3, 5], [1, 2], [0, 2], [1, 1]),
        groups([2, 4, 1, 19, 4, 1, 1, 1], 4, [1, 5], [1, 2], [0, 4], [1, 2]),
        groups([7, 4, 9, 9, 2, 2, 1, 1], 2, [2, 2], [2, 1], [1, 0], [3, 2]),
    ]
}

/// Cases for the 3x3 kernels of software devices.
fn three() -> Vec<Case> {
    [
        [3, 1, 9, 11, 5, 3, 1, 1],
        [2, 3, 8, 8, 17, 3, 1, 1],
        [2, 17, 7, 14, 3, 3, 1, 1],
        [1, 9, 1, 1, 8, 3, 1, 1],
        [5, 16, 28, 28, 9, 3, 1, 1],
        [3, 3, 9, 11, 5, 3, 2, 1],
        [2, 17, 8, 8, 17, 3, 2, 1],
        [2, 8, 16, 14, 16, 3, 2, 1],
        [1, 9, 7, 33, 3, 3, 2, 1],
    ]
    .map(case)
    .to_vec()
}

/// Width of a stored row of the weight: the taps of a channel, or all channels of a 1x1 kernel.
fn weight_width(conv: &Conv) -> usize {
    match conv.kernel {
        [1, 1] => conv.group_channels() as usize,
        [height, width] => (height * width) as usize,
    }
}

/// Forward and all gradients of one convolution as dispatches.
struct Built {
    list: List,
    conv: Conv,
    /// x, weight, bias, dy, addend, mask.
    inputs: [Tensor; 6],
    /// y, dx, dw, db.
    outputs: [Tensor; 4],
}

fn build(tuning: &Tuning, case: Case) -> Built {
    let conv = Conv {
        images: case.images,
        input: Shape {
            channels: case.channels,
            height: case.size[0],
            width: case.size[1],
        },
        out_channels: case.out,
        kernel: case.kernel,
        stride: case.stride,
        padding: case.padding,
        dilation: case.dilation,
        groups: case.groups,
    };
    let (xs, ys) = (conv.input, conv.output());
    let mut list = List::default();
    let mut tensor = |name: &str, quads: u32| list.tensor(name, Role::Activation, u64::from(quads));
    let [tx, tdx, tadd, tmask] = [0; 4].map(|_| tensor("x", case.images * xs.quads()));
    let [ty, tdy] = [0; 2].map(|_| tensor("y", case.images * ys.quads()));
    let [tw, tdw] = [0; 2].map(|_| tensor("w", case.out * conv.weight_row_quads()));
    let [tb, tdb] = [0; 2].map(|_| tensor("bias", case.out.div_ceil(4)));
    forward(
        &mut list,
        tuning,
        "forward",
        conv,
        tx,
        tw,
        ty,
        Epilogue::BiasRelu(tb),
    );
    grad_input(
        &mut list,
        tuning,
        "grad input",
        conv,
        tdy,
        tw,
        tdx,
        Epilogue::AddMask(tadd, tmask),
    );
    grad_weight(&mut list, tuning, "grad weight", conv, tx, tdy, tdw);
    grad_bias(&mut list, tuning, "grad bias", conv, tdy, tdb);
    Built {
        list,
        conv,
        inputs: [tx, tw, tb, tdy, tadd, tmask],
        outputs: [ty, tdx, tdw, tdb],
    }
}

/// Runs forward and all gradients and compares every element; returns the variants.
fn check(tuning: &Tuning, case: Case, storage: Storage) -> Vec<String> {
    let Built {
        list,
        conv,
        inputs: [tx, tw, tb, tdy, tadd, tmask],
        outputs,
    } = build(tuning, case);
    let wide = oracle::Conv {
        batch: case.images as usize,
        channels: case.channels as usize,
        height: case.size[0] as usize,
        width: case.size[1] as usize,
        out_channels: case.out as usize,
        kernel: case.kernel.map(|n| n as usize),
        stride: case.stride.map(|n| n as usize),
        padding: case.padding.map(|n| n as usize),
        dilation: case.dilation.map(|n| n as usize),
        groups: case.groups as usize,
    };
    assert_eq!(
        conv.output().elements() as usize * wide.batch,
        wide.output_len()
    );
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
    let raw = run(&list, &inputs, storage);
    let [x, w, bias, dy] = [&x, &w, &bias, &dy].map(|v| widen(v));
    // As for products: one rounding per quad of the sum, a few within the quad, of the layers and of the epilogue. The
    // texel kernels add nine taps in a row per channel, fewer than their k / 4 times four.
    let examine = |part: &str, output, width, want: &[f64], scale: &[f64], terms: usize| {
        let core = tuning.gemm.first().map(|rule| rule.core);
        let what = format!("{part} {case:?} {core:?} {storage:?}");
        let got = unpack(&what, &raw[&output], width);
        close(&what, &got, want, |i| {
            (terms as f64 / 4.0 + 16.0) * EPS * scale[i]
        });
    };
    let taps = (case.kernel[0] * case.kernel[1]).next_multiple_of(4) as usize;
    let pixels = (case.images * conv.output().plane_quads() * 4) as usize;
    let [ty, tdx, tdw, tdb] = outputs;

    let want = wide
        .forward(&x, &w, Some(&bias))
        .iter()
        .map(|v| v.max(0.0))
        .collect::<Vec<_>>();
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
    list.dispatches.iter().map(|d| d.variant.clone()).collect()
}

#[test]
fn direct_core_matches_the_oracle() {
    for case in general() {
        check(
            &only(GemmCore::Direct, [1, 2, 8, 4], 1),
            case,
            Storage::Buffer,
        );
    }
    // The snippets are the same in images, so a few cases suffice.
    if texel_lanes().is_some() {
        for case in general().into_iter().step_by(4) {
            check(
                &only(GemmCore::Direct, [1, 2, 8, 4], 1),
                case,
                Storage::Image,
            );
        }
    }
}

#[test]
fn grouped_convolutions_match_the_oracle() {
    for (storage, tuning) in super::harness::ways() {
        for case in grouped() {
            let variants = check(&tuning, case, storage);
            assert!(variants[..2].iter().all(|v| v == "grouped"), "{variants:?}");
        }
    }
}

#[test]
fn tile_core_matches_the_oracle() {
    for (i, case) in general().into_iter().step_by(2).enumerate() {
        let tile = [[1, 1, 8, 8], [1, 2, 16, 4]][i % 2];
        check(&only(GemmCore::Tile, tile, 1), case, Storage::Buffer);
    }
    check(
        &Tuning::gpu(),
        case([2, 12, 9, 11, 20, 3, 1, 1]),
        Storage::Buffer,
    );
}

#[test]
fn texel_core_matches_the_oracle() {
    if texel_lanes().is_none() {
        return skipped("conv::texel_core_matches_the_oracle", NO_TEXEL);
    }
    for (i, case) in general().into_iter().enumerate() {
        let storage = if i % 3 == 0 {
            Storage::Buffer
        } else {
            Storage::Image
        };
        check(&only(GemmCore::Texel, [1, 1, 8, 1], 1), case, storage);
    }
}

#[test]
fn split_sums_match_the_oracle() {
    for case in [
        [4, 17, 8, 9, 5, 3, 1, 1],
        [6, 17, 9, 13, 6, 1, 2, 0],
        [6, 20, 6, 7, 5, 1, 1, 0],
    ]
    .map(case)
    {
        for core in [GemmCore::Direct, GemmCore::Tile] {
            let variants = check(&only(core, [1, 1, 8, 8], 4), case, Storage::Buffer);
            assert!(
                variants.iter().any(|v| v.contains(" split ")),
                "{variants:?}"
            );
        }
    }
}

#[test]
fn texel_3x3_kernels_match_the_oracle() {
    if texel_lanes().is_none() {
        return skipped("conv::texel_3x3_kernels_match_the_oracle", NO_TEXEL);
    }
    for storage in storages() {
        for case in three() {
            let variants = check(&only(GemmCore::Texel, [1, 1, 8, 1], 1), case, storage);
            assert!(
                variants[..3].iter().all(|v| v.starts_with("texel3x3")),
                "{variants:?}"
            );
            assert_eq!(
                variants[2].contains("thin"),
                case.channels < texel_lanes().unwrap_or(8)
            );
        }
    }
}

/// A batch of more images than a grid has layers: the grids of the parts hold every image once, and the images after the
/// first part are computed correctly.
#[test]
fn texel_3x3_kernels_take_more_images_than_a_grid_has_layers() {
    let tuning = only(GemmCore::Texel, [1, 1, 8, 1], 1);
    for stride in [1, 2] {
        let many = case([140_000, 3, 4, 5, 9, 3, stride, 1]);
        let list = build(&tuning, many).list;
        assert_eq!(list.failure, None);
        for label in ["forward", "grad input"] {
            let parts: Vec<_> = list
                .dispatches
                .iter()
                .filter(|d| d.label == label)
                .map(|d| (d.sizes[10], d.grid[2], d.sizes[0]))
                .collect();
            let images = 140_000;
            let most = 65_535;
            assert_eq!(
                parts,
                [
                    (0, most, images),
                    (most, most, images),
                    (2 * most, 8930, images)
                ]
            );
        }
        if texel_lanes().is_some() {
            check(
                &tuning,
                case([65_540, 1, 1, 3, 1, 3, stride, 1]),
                Storage::Image,
            );
        }
    }
}

#[test]
fn every_form_is_valid_in_both_storages_and_reaches_every_language() {
    for tuning in [
        Tuning::gpu(),
        Tuning::cpu(),
        Tuning::texel(texel_lanes().unwrap_or(8)),
    ] {
        for case in general().into_iter().chain(three()) {
            for module in validate(&build(&tuning, case).list) {
                // The texel kernels run on software devices only.
                if tuning.texel.is_none() {
                    assert_eq!(
                        emit::supported(&module),
                        emit::Language::ALL,
                        "{} {case:?}",
                        tuning.name
                    );
                }
            }
        }
    }
}

#[test]
fn output_shapes_follow_the_window() {
    let conv = Conv {
        images: 1,
        input: Shape {
            channels: 3,
            height: 224,
            width: 30,
        },
        out_channels: 64,
        kernel: [7, 7],
        stride: [2, 2],
        padding: [3, 3],
        dilation: [1; 2],
        groups: 1,
    };
    assert_eq!(
        conv.output(),
        Shape {
            channels: 64,
            height: 112,
            width: 15
        }
    );
    assert_eq!((conv.taps(), conv.weight_row_quads()), (52, 39));
    let point = Conv {
        kernel: [1, 1],
        padding: [0, 0],
        ..conv
    };
    assert_eq!((point.taps(), point.weight_row_quads()), (1, 1));
    assert_eq!(point.output().width, 15);
}
