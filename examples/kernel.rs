//! A kernel of your own: compared with a closure as its oracle, timed and metered.

use wattgrad::{BindingData, Gpu, Kernel, Meter};

const AXPY: &str = "
@group(0) @binding(0) var<uniform> a: f32;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;
@compute @workgroup_size(64) fn axpy(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&z)) { z[id.x] = a * x[id.x] + y[id.x]; }
}";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = Gpu::open(&Default::default())?;
    let kernel = Kernel::new(&gpu, "axpy", AXPY)?;
    let x: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.1).sin()).collect();
    let y: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.3).cos()).collect();
    let inputs = [
        ("a", BindingData::from(&[0.5_f32])),
        ("x", BindingData::from(&x)),
        ("y", BindingData::from(&y)),
        ("z", BindingData::Unwritten(x.len())),
    ];
    let launch = kernel.bind(&inputs, [(x.len() as u32).div_ceil(64), 1, 1])?;

    let compared = launch.compare("z", |i| 0.5 * f64::from(x[i]) + f64::from(y[i]))?;
    println!("{}", compared.within(1e-6)?);
    println!("{}", launch.time(10)?);
    let meter = Meter::open(&Default::default(), None)?;
    println!("{}", launch.meter(&meter, 0.5)?);
    Ok(())
}
