//! The convolutions without a device: how they are divided, their languages and shapes. The suites of the conformance run
//! them.

use super::harness::texel_lanes;
use wattgrad::internals::conformance::conv_cases::{Case, build, case, general, stride_1, three};
use wattgrad::internals::conformance::{compose, tuning};
use wattgrad::internals::kernels::conv::Conv;
use wattgrad::internals::kernels::norm::{BatchNorm, NormError};
use wattgrad::internals::kernels::{GemmCore, GemmRule, List, Shape, Storage, Tuning, emit};

/// Composes and validates the list in both storages without a device, and returns the modules of the buffer form.
fn validate(list: &List) -> Vec<naga::Module> {
    let texts = |storage| compose(list, storage).unwrap().0;
    texts(Storage::Image);
    let texts = texts(Storage::Buffer);
    let module = |c: &wattgrad::internals::kernels::Composed| emit::validate(&c.wgsl).unwrap().0;
    texts.iter().map(module).collect()
}

/// A batch of more images than a grid has layers: the grids of the parts hold every image once.
#[test]
fn a_batch_of_more_images_than_a_grid_has_layers_is_divided() {
    let tuning = Tuning {
        texel: Some(8),
        gemm: vec![GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 1)],
        ..tuning(32, 40)
    };
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

/// Every core with Winograd's algorithm, forward and for the gradient of the input; other windows, and convolutions whose
/// transformed tensors could not be addressed, go on to the next rule.
#[test]
fn winograd_computes_what_it_suits_and_leaves_the_rest_to_the_next_rule() {
    let rule = |core, tile, winograd| GemmRule {
        winograd,
        ..GemmRule::new(core, tile, 1)
    };
    let with = |core, tile| Tuning {
        gemm: vec![
            rule(core, tile, true),
            rule(GemmCore::Direct, [1, 3, 4, 4], false),
        ],
        ..tuning(32, 40)
    };
    // Of the forward pass, the gradient of the input and the gradient of the weight.
    let variants = |tuning: &Tuning, case| -> Vec<String> {
        let list = build(tuning, case).list;
        let all = list.dispatches.into_iter();
        let products = all.filter(|d| d.product.is_some());
        products.map(|d| d.variant).collect()
    };
    let next = "direct 4x12";
    let tile = with(GemmCore::Tile, [1, 2, 8, 8]);
    for case in stride_1() {
        let winograd = "winograd 2x2 tile 32x64";
        let wanted = [winograd, winograd, next];
        assert_eq!(variants(&tile, case), wanted, "{case:?}");
        for core in [GemmCore::Direct, GemmCore::Tile] {
            for module in validate(&build(&with(core, [2, 2, 8, 8]), case).list) {
                assert_eq!(emit::supported(&module), emit::Language::ALL, "{case:?}");
            }
        }
    }
    let grouped = Case {
        groups: 2,
        ..case([2, 4, 7, 9, 6, 3, 1, 1])
    };
    assert!(variants(&tile, grouped).is_empty());
    let dilated = Case {
        dilation: [1, 2],
        ..case([2, 4, 7, 9, 6, 3, 1, 1])
    };
    let others = [
        case([2, 4, 7, 9, 6, 3, 2, 1]),
        case([2, 4, 7, 9, 6, 3, 1, 0]),
        case([2, 4, 7, 9, 6, 5, 1, 1]),
        case([2, 4, 7, 9, 6, 1, 1, 0]),
        dilated,
    ];
    for case in others {
        assert_eq!(variants(&tile, case), [next; 3], "{case:?}");
    }
    let large = variants(&tile, case([2_000, 64, 224, 224, 64, 3, 1, 1]));
    assert!(
        large.iter().all(|variant| variant.starts_with("direct ")),
        "{large:?}"
    );
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

#[test]
fn rejects_batch_norm_of_vectors() {
    assert_eq!(
        BatchNorm::new(4, Shape::vector(10), 1e-5, 0.1),
        Err(NormError::Vector { features: 10 })
    );
    assert!(matches!(
        BatchNorm::new(0, Shape::from([1, 2, 2]), 1e-5, 0.1),
        Err(NormError::Empty { .. })
    ));
}
