//! Joules of a training step of each preset and of the main kernels. `cargo bench --features criterion --bench energy`
//!
//! `WATTGRAD_ADAPTER` chooses the adapter as `--adapter` does. With `WATTGRAD_ASSUME_WATTS_PER_CORE=10`,
//! joules are CPU time at assumed watts if nothing can be measured; the ids then end in `[assumed]`.

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{Criterion, Throughput};
use wattgrad::BindingData;
use wattgrad::GpuOptions;
use wattgrad::MeterOptions;
use wattgrad::criterion::{Joules, JoulesError, Settings};
use wattgrad::internals::kernels::conv::{Conv, forward};
use wattgrad::internals::kernels::gemm::{Epilogue, Gemm, GemmLayout, product};
use wattgrad::internals::kernels::{List, Role, Shape, Storage, Tensor, Tuning};
use wattgrad::internals::train::metered_device;
use wattgrad::{Gpu, Kernel, Regime, Trainer};

const PRESETS: [(&str, u32); 3] = [("mlp", 64), ("cnn", 64), ("resnet8", 128)];
const KERNELS: usize = 2;
/// The fastest counters update every 20 ms; a submit lasts at most a fifth of it.
const UPDATE_SECONDS: f64 = 0.02;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = MeterOptions {
        assume_watts_per_core: assumed_watts()?,
        ..MeterOptions::default()
    };
    let gpu = Gpu::open(&GpuOptions {
        adapter: std::env::var("WATTGRAD_ADAPTER").ok(),
        ..GpuOptions::default()
    })?;
    let joules = match Joules::open(
        &options,
        Some(&metered_device(&gpu.adapter)),
        Settings::default(),
    ) {
        Ok(joules) => joules,
        Err(why @ JoulesError::NoSource { .. }) => {
            eprintln!("the benchmarks in joules are skipped: {why}");
            return Ok(());
        }
        Err(why) => return Err(why.into()),
    };
    eprintln!("{}", joules.announcement(PRESETS.len() + KERNELS));
    let mut criterion = joules.criterion().configure_from_args();
    steps(&gpu, &joules, &mut criterion)?;
    kernels(&gpu, &joules, &mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn assumed_watts() -> Result<Option<f64>, String> {
    const NAME: &str = "WATTGRAD_ASSUME_WATTS_PER_CORE";
    let Ok(text) = std::env::var(NAME) else {
        return Ok(None);
    };
    let watts = text.parse().map_err(|_| {
        format!("{NAME} is {text:?}, which is not a number: use watts such as 7.5, or unset it")
    })?;
    Ok(Some(watts))
}

fn steps(
    gpu: &Gpu,
    joules: &Joules,
    criterion: &mut Criterion<Joules>,
) -> Result<(), Box<dyn Error>> {
    let mut group = joules.group(criterion, "step");
    for (model, batch_size) in PRESETS {
        let regime = Regime {
            model: model.into(),
            batch_size,
            ..Regime::default()
        };
        let mut metered = joules.metered(model);
        // Built only if the command line's filter selects the benchmark.
        let mut program = None;
        group.throughput(Throughput::Elements(u64::from(batch_size)));
        group.bench_function(metered.id(), |bencher| {
            metered.drive(bencher, |done| -> Result<(), Box<dyn Error>> {
                let program = match &mut program {
                    Some(program) => program,
                    none => {
                        let mut made = Trainer::new(gpu, regime.clone())?.program()?;
                        made.keep_submits_below(
                            joules.update_interval_seconds().unwrap_or(UPDATE_SECONDS) / 5.0,
                        );
                        none.insert(made)
                    }
                };
                let stop = AtomicBool::new(false);
                program.train(u32::MAX, &stop, &mut |_| {
                    if !done(1) {
                        stop.store(true, Ordering::Relaxed);
                    }
                })?;
                Ok(())
            });
        });
    }
    group.finish();
    Ok(())
}

/// One dispatch of the library and its data.
struct Prepared {
    name: &'static str,
    list: List,
    written: Tensor,
}

fn gemm(tuning: &Tuning) -> Prepared {
    let gemm = Gemm {
        form: GemmLayout::Nn,
        m: 512,
        n: 512,
        k: 512,
    };
    let mut list = List::default();
    let a = list.tensor("a", Role::Activation, u64::from(gemm.m * gemm.lda()));
    let b = list.tensor("b", Role::Parameter, u64::from(gemm.k * gemm.ldb()));
    let c = list.tensor("c", Role::Activation, u64::from(gemm.m * gemm.ldc()));
    product(&mut list, tuning, "gemm", gemm, a, b, c, Epilogue::None);
    Prepared {
        name: "gemm 512x512x512, buffers",
        list,
        written: c,
    }
}

fn conv(tuning: &Tuning) -> Prepared {
    let conv = Conv {
        images: 64,
        input: Shape {
            channels: 32,
            height: 14,
            width: 14,
        },
        out_channels: 64,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1; 2],
        groups: 1,
    };
    let mut list = List::default();
    let quads = |shape: Shape| u64::from(conv.images * shape.quads());
    let weights = u64::from(conv.out_channels * conv.weight_row_quads());
    let x = list.tensor("x", Role::Activation, quads(conv.input));
    let w = list.tensor("w", Role::Parameter, weights);
    let y = list.tensor("y", Role::Activation, quads(conv.output()));
    forward(&mut list, tuning, "conv", conv, x, w, y, Epilogue::None);
    Prepared {
        name: "conv 3x3 32 to 64, buffers",
        list,
        written: y,
    }
}

fn kernels(
    gpu: &Gpu,
    joules: &Joules,
    criterion: &mut Criterion<Joules>,
) -> Result<(), Box<dyn Error>> {
    let tuning = Tuning::for_device(None, gpu.texel_lanes().is_some());
    let mut group = joules.group(criterion, "kernel");
    for prepared in [gemm(&tuning), conv(&tuning)] {
        bench_kernel(gpu, joules, &mut group, &prepared)?;
    }
    group.finish();
    Ok(())
}

fn bench_kernel(
    gpu: &Gpu,
    joules: &Joules,
    group: &mut criterion::BenchmarkGroup<'_, Joules>,
    prepared: &Prepared,
) -> Result<(), Box<dyn Error>> {
    let Prepared {
        name,
        list,
        written,
    } = prepared;
    let [dispatch] = list.dispatches.as_slice() else {
        return Err(format!("{name} is more than one dispatch on this device").into());
    };
    let composed = dispatch.compose(|_| Storage::Buffer)?;
    let kernel = Kernel::new(gpu, name, &composed.wgsl)?;
    let mut values = vec![];
    for (operand, tensor) in &dispatch.operands {
        let length = list.info(*tensor).quads as usize * 4;
        let filled: Vec<f32> = (0..length).map(|at| (at as f32 * 0.1).sin()).collect();
        values.push((*operand, *tensor, filled));
    }
    let sizes = kernel.bindings()[0].name.clone();
    let mut inputs = vec![(sizes.as_str(), BindingData::from(&dispatch.sizes))];
    inputs.extend(values.iter().map(|(operand, tensor, filled)| {
        let data = match tensor == written {
            true => BindingData::Unwritten(filled.len()),
            false => BindingData::from(filled),
        };
        (*operand, data)
    }));
    let launch = kernel.bind(&inputs, dispatch.grid)?;
    let each = launch.short_submission()?;
    let mut metered = joules.metered(name);
    group.throughput(Throughput::Elements(launch.count()?.flops));
    group.bench_function(metered.id(), |bencher| {
        metered.drive(bencher, |done| {
            launch.drive(each, |ended| done(u64::from(ended)))
        });
    });
    Ok(())
}
