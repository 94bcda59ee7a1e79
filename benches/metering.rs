//! The cost of metering: a step of the mlp at batch 64 alone, and with a meter that reads a stand-in for NVML with reads of
//! 5 ms. Rounds of both alternate in one process. Prints the ratio of the median step times.
//!
//! `cargo bench --bench metering -- ROUNDS` (default 15). Needs a C compiler `cc` and a checkout with tests/.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wattgrad::GpuOptions;
use wattgrad::internals::program::Program;
use wattgrad::{Gpu, Regime, Trainer};
use wattgrad::{Meter, MeterOptions, Selection};

const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 15;
const LATENCY_SECONDS: &str = "0.005";

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let rounds = std::env::args()
        .skip(1)
        .find(|word| word != "--bench")
        .map_or(Ok(ROUNDS), |word| word.parse())?;
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("libnvidia-ml.so.1");
    compile(&library)?;
    // Without a target the meter is not paired with the adapter, so it always reads the stand-in.
    let options = MeterOptions {
        selection: Selection::Named("nvml".into()),
        nvml_library: Some(library),
        ..MeterOptions::default()
    };
    let meter = Meter::open(&options, None)?;

    let gpu = Gpu::open(&GpuOptions {
        adapter: std::env::var("WATTGRAD_ADAPTER").ok(),
        ..GpuOptions::default()
    })?;
    let regime = Regime {
        data: "digits".into(),
        ..Regime::default()
    };
    let mut program = Trainer::new(&gpu, regime)?.program()?;
    // Warm up: the driver compiles and the submits grow.
    step_seconds(&mut program)?;
    let (mut alone, mut metered) = (Vec::new(), Vec::new());
    for round in 0..2 * rounds {
        // Alone, metered, metered, alone: drift of the machine affects both equally.
        if matches!(round % 4, 1 | 2) {
            let window = meter.start();
            metered.push(step_seconds(&mut program)?);
            let rows = window.stop();
            let row = rows.first().ok_or("the meter has no source")?;
            row.joules
                .ok_or_else(|| format!("no energy was metered: {row}"))?;
        } else {
            alone.push(step_seconds(&mut program)?);
        }
    }
    let (alone, metered) = (median(alone), median(metered));
    println!(
        "{}: {:.4} ms per step alone, {:.4} ms metered, ratio of medians {:.4} ({rounds} rounds of each)",
        gpu.adapter.name,
        1e3 * alone,
        1e3 * metered,
        metered / alone
    );
    Ok(())
}

/// One Ampere card of 200 W whose counter updates every 20 ms.
fn compile(library: &Path) -> Result<(), Failed> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/nvml.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(library)
        .arg(r#"-DCARDS={"00000000:01:00.0",7,-1,0,0,0,0,0x220410de,0,STEADY,200.0,0.02}"#)
        .arg(format!("-DLATENCY={LATENCY_SECONDS}"))
        .arg(source)
        .status()
        .map_err(|why| format!("cannot run the C compiler cc: {why}"))?;
    match status.success() {
        true => Ok(()),
        false => Err("the stand-in for NVML does not compile".into()),
    }
}

/// Seconds per step over one round.
fn step_seconds(program: &mut Program<'_>) -> Result<f64, Failed> {
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let steps = program.train(u32::MAX, &stop, &mut |_| {
        if begun.elapsed() >= ROUND {
            stop.store(true, Ordering::Relaxed);
        }
    })?;
    Ok(begun.elapsed().as_secs_f64() / f64::from(steps))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
