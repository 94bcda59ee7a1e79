//! Host time per dispatch: record, finish, submit and read back at 8 steps per submit, on the noop backend, compared with a
//! hand-written loop of the same wgpu calls. `cargo bench --bench host`.

mod control;

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use control::Control;
use criterion::{Criterion, Throughput};

/// Steps per submit.
const STEPS: u32 = 8;

fn main() {
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let gpu = control::noop();
    let data = control::data();
    let mut lines = vec![];
    for model in ["mlp", "cnn", "resnet8"] {
        let mut program = control::program(&gpu, &data, model, 64, STEPS);
        let mut control = Control::new(&gpu, &program);
        let dispatches = control.dispatches();
        let mut group = criterion.benchmark_group(model);
        group.throughput(Throughput::Elements(dispatches as u64));
        let mut medians = [f64::NAN; 2];
        let stop = AtomicBool::new(false);
        group.bench_function("program", |bencher| {
            let mut each = vec![];
            bencher.iter_custom(|steps| {
                let steps = u32::try_from(steps)
                    .unwrap_or(u32::MAX)
                    .next_multiple_of(STEPS);
                let start = Instant::now();
                let done = program.train(steps, &stop, &mut |result| {
                    black_box(result);
                });
                assert_eq!(done.expect("the steps succeed"), steps);
                let taken = start.elapsed();
                each.push(taken.as_secs_f64() / f64::from(steps));
                taken
            });
            medians[0] = median(&mut each);
        });
        group.bench_function("bare wgpu", |bencher| {
            let mut each = vec![];
            bencher.iter_custom(|steps| {
                let submits = u32::try_from(steps).unwrap_or(u32::MAX).div_ceil(STEPS);
                let start = Instant::now();
                black_box(control.run(submits, STEPS));
                let taken = start.elapsed();
                each.push(taken.as_secs_f64() / f64::from(submits * STEPS));
                taken
            });
            medians[1] = median(&mut each);
        });
        group.finish();
        lines.push((model, dispatches, medians));
    }
    println!("model    dispatches/step     ns/dispatch     wgpu alone");
    for (model, dispatches, medians) in lines {
        let [ours, bare] = medians.map(|step| 1e9 * step / dispatches as f64);
        println!("{model:8} {dispatches:17} {ours:15.0} {bare:11.0}");
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
