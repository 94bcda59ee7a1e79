//! Steps per second of every preset and batch size measured with other engines, one JSON object per line.
//!
//! `cargo bench --bench training -- --seconds 5 --repeats 3 --only mlp-64`

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use wattgrad::Dataset;
use wattgrad::GpuOptions;
use wattgrad::{Gpu, Regime, Trainer};
use wattgrad::{Host, Versions};

const WORKLOADS: [(&str, u32); 5] = [
    ("mlp", 64),
    ("mlp", 512),
    ("cnn", 64),
    ("cnn", 256),
    ("resnet8", 128),
];

struct Options {
    seconds: f64,
    repeats: usize,
    only: Option<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        seconds: 5.0,
        repeats: 3,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--seconds" => options.seconds = value()?.parse().map_err(|why| format!("{why}"))?,
            "--repeats" => options.repeats = value()?.parse().map_err(|why| format!("{why}"))?,
            "--only" => options.only = Some(value()?),
            // Cargo passes this to every benchmark.
            "--bench" => {}
            other => {
                return Err(format!(
                    "unknown {other}: --seconds S, --repeats N, --only mlp-64|mlp-512|cnn-64|cnn-256|resnet8-128"
                ));
            }
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    let data = Dataset::open("fashion-mnist")?;
    for (model, batch) in WORKLOADS {
        let name = format!("{model}-{batch}");
        if options.only.as_ref().is_none_or(|only| *only == name) {
            println!("{}", measure(model, batch, &data, &options)?);
        }
    }
    Ok(())
}

fn measure(
    model: &str,
    batch: u32,
    data: &Dataset,
    options: &Options,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let gpu = Gpu::open(&GpuOptions {
        adapter: std::env::var("WATTGRAD_ADAPTER").ok(),
        ..GpuOptions::default()
    })?;
    assert!(!gpu.is_noop(), "the noop backend computes no results");
    let regime = Regime {
        model: model.into(),
        batch_size: batch,
        ..Regime::default()
    };
    let mut program = Trainer::new(&gpu, regime)?.data(data.clone()).program()?;
    let built = begun.elapsed().as_secs_f64();

    // Warm up for half a repeat: the driver compiles at the first step, and the submits grow.
    let running = AtomicBool::new(false);
    program.train(1, &running, &mut |_| ())?;
    let first = begun.elapsed().as_secs_f64();
    let mut loss = f32::NAN;
    let mut rates = vec![];
    for repeat in 0..=options.repeats {
        let seconds = options.seconds * if repeat == 0 { 0.5 } else { 1.0 };
        let stop = AtomicBool::new(false);
        let start = Instant::now();
        let steps = program.train(u32::MAX, &stop, &mut |result| {
            loss = result.loss;
            if start.elapsed() >= Duration::from_secs_f64(seconds) {
                stop.store(true, Ordering::Relaxed);
            }
        })?;
        if repeat > 0 {
            rates.push(f64::from(steps) / start.elapsed().as_secs_f64());
        }
    }
    let samples = rates.clone();
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN);
    let counters = program.counters();
    let summary = program.summary();
    let flops = summary.step_flops() as f64;
    let host = Host::current();
    Ok(json!({
        "workload": format!("{model}-{batch}"),
        "steps_per_second": median,
        "samples": samples,
        "gflops_per_second": median * flops / 1e9,
        "gflop_per_step": flops / 1e9,
        "seconds_before_first_step": built,
        "seconds_to_end_of_first_step": first,
        "compile_seconds": summary.compile_seconds,
        "submits_per_step": counters.submits as f64 / counters.steps as f64,
        "last_loss": loss,
        "cpu": host.cpu,
        "vector": vector(),
        "threads": host.threads,
        "adapter": gpu.adapter.name,
        "driver": format!("{} {}", gpu.adapter.driver, gpu.adapter.driver_info),
        "tuning": summary.tuning,
        "optimized": !Versions::current().debug,
    }))
}

/// The widest relevant vector extension of the processor.
fn vector() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            return "avx512";
        }
        if std::is_x86_feature_detected!("avx2") {
            return "avx2";
        }
        "sse"
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH
    }
}
