//! Every kernel on a real device, against the f64 oracle.
//!
//! Each kernel runs with its tensors in buffers and, if the device allows it, in images, with its work divided in two
//! ways. Sizes are not multiples of quads or workgroups. `EPS` is twice the unit roundoff of f32: a bound of
//! `c * EPS * magnitude` allows `2 c` roundings of terms that add up to `magnitude`.
#![cfg(feature = "gpu")]

mod activate;
mod augment;
mod batch;
mod conv;
mod elementwise;
mod finish;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod gemm;
mod harness;
mod layer_norm;
mod loss;
mod norm;
mod optim;
mod poison;
mod pool;
#[path = "../registry/mod.rs"]
mod registry;
#[path = "../skip/mod.rs"]
mod skip;

use wattgrad::internals::kernels::{GemmCore, GemmRule, List, Role, Shape, Tensor, Tuning, oracle};

/// Why a test of the texel kernels is skipped.
const NO_TEXEL: &str = "the texel kernels do not run on this device";

const EPS: f64 = f32::EPSILON as f64;

fn shape(channels: u32, height: u32, width: u32) -> Shape {
    Shape {
        channels,
        height,
        width,
    }
}

fn activation(list: &mut List, name: &str, images: u32, shape: Shape) -> Tensor {
    list.tensor(
        name,
        Role::Activation,
        u64::from(images) * u64::from(shape.quads()),
    )
}

fn widen(values: &[f32]) -> Vec<f64> {
    oracle::widen(values)
}

fn masked(values: &[f64], mask: Option<&[f32]>, addend: Option<&[f32]>) -> Vec<f64> {
    let sum = |i: usize| values[i] + addend.map_or(0.0, |a| f64::from(a[i]));
    (0..values.len())
        .map(|i| {
            if mask.is_none_or(|m| m[i] > 0.0) {
                sum(i)
            } else {
                0.0
            }
        })
        .collect()
}

/// No mask and no addend, each alone, and both.
const FINISHES: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// A profile whose only rule is this core.
fn only(core: GemmCore, tile: [u32; 4], max_split: u32) -> Tuning {
    let tuning = Tuning {
        texel: (core == GemmCore::Texel).then(|| harness::texel_lanes().unwrap_or(8)),
        gemm: vec![GemmRule::new(core, tile, max_split)],
        ..harness::tuning(32, 1000)
    };
    tuning.validate().unwrap();
    tuning
}

/// llvmpipe with vectors of 128 bits has subgroups of four lanes. The tests of the texel kernels must pass there too.
#[test]
#[cfg(target_os = "linux")]
fn four_lanes() {
    use std::process::Command;
    const LANES: &str = "WATTGRAD_TEST_LANES";
    if std::env::var_os(LANES).is_some() {
        return;
    }
    if !harness::device().gpu.adapter.name.starts_with("llvmpipe") {
        return skip::skipped("four_lanes", "the device is not llvmpipe");
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["texel", "max_pool", "batch_norm"])
        // The driver's cache does not distinguish the widths.
        .envs([
            (LANES, "4"),
            ("LP_NATIVE_VECTOR_WIDTH", "128"),
            ("MESA_SHADER_CACHE_DISABLE", "true"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !text.contains("ok. 0 passed"),
        "{text}"
    );
}
