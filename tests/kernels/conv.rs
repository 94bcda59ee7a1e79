//! The convolutions without a device: how they are divided, their languages and shapes. The suites of the conformance run
//! them.

use super::harness::texel_lanes;
use wattgrad::internals::conformance::conv_cases::{build, case, general, three};
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
