//! Pooling, batch normalisation, loss, update and batches on a real device, against the plain f64 loops.
//!
//! Every kernel runs with its tensors in buffers and, where the device has them, in images, cut up in two ways; sizes
//! divide neither quads nor workgroups. `EPS` is f32's unit of rounding times two: a bound of `c * EPS * magnitude` allows
//! `2 c` roundings of terms that add up to `magnitude`.
#![cfg(feature = "gpu")]

mod batch;
mod elementwise;
mod finish;
mod harness;
mod loss;
mod norm;
mod optim;
mod pool;

use wattgrad::internals::kernels::{List, Role, Shape, Tensor, oracle};

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
