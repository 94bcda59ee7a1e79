//! Speed of the products and convolutions on this device in GFLOP/s. `cargo bench --bench kernels`

#[path = "../tests/kernels/harness.rs"]
mod harness;

use std::time::Instant;

use harness::{device, texel_lanes};
use wattgrad::internals::conformance::{data, pack};
use wattgrad::internals::kernels::conv::{Conv, forward, grad_bias, grad_input, grad_weight};
use wattgrad::internals::kernels::gemm::{Epilogue, Gemm, GemmLayout, column_sum, product};
use wattgrad::internals::kernels::{List, Role, Shape, Storage, Tensor, Tuning};

fn main() {
    gemm_rates();
    conv_rates();
}

fn tuning() -> (Tuning, Storage) {
    match texel_lanes() {
        Some(lanes) => (Tuning::texel(lanes), Storage::Image),
        None => (Tuning::gpu(), Storage::Buffer),
    }
}

/// CPU time of this process in seconds: the cost of a kernel on a software device, even on a busy machine.
#[cfg(unix)]
fn processor() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live timespec.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(code, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

#[cfg(not(unix))]
fn processor() -> f64 {
    f64::NAN
}

/// Times a list and prints its rate over the useful operations.
fn time(what: &str, list: &List, inputs: &[Tensor], storage: Storage, useful: f64) {
    let values = |t: Tensor| data(t.0 as u64, list.info(t).quads as usize * 4);
    let inputs: Vec<_> = inputs.iter().map(|&t| (t, pack(&values(t), 4))).collect();
    let mut device = device();
    let start = Instant::now();
    let prepared = device.prepare(list, &inputs, storage);
    prepared.run(&device.gpu, 1).unwrap();
    let first = start.elapsed();
    let (mut seconds, mut cpu_seconds) = (f64::INFINITY, f64::INFINITY);
    let times = if useful > 1e8 { 2 } else { 20 };
    for _ in 0..7 {
        let (start, used) = (Instant::now(), processor());
        prepared.run(&device.gpu, times).unwrap();
        cpu_seconds = cpu_seconds.min((processor() - used) / times as f64);
        seconds = seconds.min(start.elapsed().as_secs_f64() / times as f64);
    }
    let variants = list.dispatches.iter();
    let variants: Vec<_> = variants
        .map(|d| format!("{} {:?}", d.variant, d.grid))
        .collect();
    println!(
        "{what:28} {:7.3} ms {:6.1} GFLOP/s, {:5.1} per core, first run {:4.0} ms  {}",
        seconds * 1e3,
        useful / seconds / 1e9,
        useful / cpu_seconds / 1e9,
        first.as_secs_f64() * 1e3,
        variants.join(", ")
    );
}

fn gemm(form: GemmLayout, m: u32, n: u32, k: u32) {
    let (tuning, storage) = tuning();
    let gemm = Gemm { form, m, n, k };
    let mut list = List::default();
    let rows = |form_k: bool| if form_k { k } else { m };
    let a_rows = rows(form == GemmLayout::Tn);
    let b_rows = if form == GemmLayout::Nt { n } else { k };
    let a = list.tensor("a", Role::Activation, u64::from(a_rows * gemm.lda()));
    let b = list.tensor("b", Role::Activation, u64::from(b_rows * gemm.ldb()));
    let c = list.tensor("c", Role::Activation, u64::from(m * gemm.ldc()));
    product(&mut list, &tuning, "product", gemm, a, b, c, Epilogue::None);
    let useful = 2.0 * f64::from(m) * f64::from(n) * f64::from(k);
    time(
        &format!("{form:?} {m}x{n}x{k}"),
        &list,
        &[a, b],
        storage,
        useful,
    );
}

fn conv(images: u32, channels: u32, size: u32, out: u32, kernel: u32, stride: u32) {
    let (tuning, storage) = tuning();
    let conv = Conv {
        images,
        input: Shape {
            channels,
            height: size,
            width: size,
        },
        out_channels: out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [kernel / 2; 2],
        dilation: [1; 2],
        groups: 1,
    };
    let (xs, ys) = (conv.input, conv.output());
    let useful = 2.0 * f64::from(images * ys.elements()) * f64::from(channels * kernel * kernel);
    let name = format!("{images}x{size}x{size} {channels}->{out} {kernel}x{kernel}/{stride}");
    for part in ["fwd", "dx", "dw", "db"] {
        let mut list = List::default();
        let x = list.tensor("x", Role::Activation, u64::from(images * xs.quads()));
        let y = list.tensor("y", Role::Activation, u64::from(images * ys.quads()));
        let w = list.tensor(
            "w",
            Role::Parameter,
            u64::from(out * conv.weight_row_quads()),
        );
        let b = list.tensor("b", Role::Parameter, u64::from(out.div_ceil(4)));
        let l = &mut list;
        match part {
            "fwd" => forward(l, &tuning, part, conv, x, w, y, Epilogue::BiasRelu(b)),
            "dx" => grad_input(l, &tuning, part, conv, y, w, x, Epilogue::None),
            "dw" => grad_weight(l, &tuning, part, conv, x, y, w),
            _ => grad_bias(l, &tuning, part, conv, y, b),
        }
        let useful = if part == "db" {
            f64::from(images * ys.elements())
        } else {
            useful
        };
        time(
            &format!("{name} {part}"),
            &list,
            &[x, y, w, b],
            storage,
            useful,
        );
    }
}

fn gemm_rates() {
    gemm(GemmLayout::Nn, 512, 512, 512);
    gemm(GemmLayout::Nt, 512, 512, 512);
    gemm(GemmLayout::Tn, 512, 512, 512);
    gemm(GemmLayout::Nt, 64, 512, 784);
    gemm(GemmLayout::Nt, 64, 256, 512);
    gemm(GemmLayout::Nt, 64, 10, 256);
    gemm(GemmLayout::Nn, 64, 256, 10);
    gemm(GemmLayout::Nn, 64, 512, 256);
    gemm(GemmLayout::Tn, 512, 784, 64);
    gemm(GemmLayout::Tn, 256, 512, 64);
    gemm(GemmLayout::Tn, 10, 256, 64);
    gemm(GemmLayout::Nt, 512, 512, 784);
    gemm(GemmLayout::Tn, 512, 784, 512);
    gemm(GemmLayout::Nt, 64, 128, 3136);
    gemm(GemmLayout::Nn, 64, 3136, 128);
    gemm(GemmLayout::Tn, 128, 3136, 64);
    let (tuning, storage) = tuning();
    let mut list = List::default();
    let x = list.tensor("x", Role::Activation, 512 * 128);
    let out = list.tensor("out", Role::Gradient, 128);
    column_sum(&mut list, &tuning, "sum", 512, 512, x, out);
    time("column sum 512x512", &list, &[x], storage, 512.0 * 512.0);
}

fn conv_rates() {
    conv(64, 1, 28, 32, 3, 1);
    conv(64, 32, 14, 64, 3, 1);
    conv(64, 32, 28, 64, 3, 1);
    conv(128, 1, 28, 16, 3, 1);
    conv(128, 16, 28, 16, 3, 1);
    conv(128, 16, 28, 32, 3, 2);
    conv(128, 16, 28, 32, 1, 2);
    conv(128, 32, 14, 32, 3, 1);
    conv(128, 32, 14, 64, 3, 2);
    conv(128, 64, 7, 64, 3, 1);
}
