//! The host's work per step: no allocations beyond those of the wgpu calls, no new resources, few submits. They are
//! counted on wgpu's noop backend, which cannot pass a test of results.
#![cfg(feature = "gpu")]

#[path = "../benches/control/mod.rs"]
mod control;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use control::Control;
use wattgrad::internals::device::{AdapterKind, Backend, Gpu, GpuOptions, ListOptions, list};
use wattgrad::internals::kernels::{Precision, Tuning};
use wattgrad::internals::model::{Metric, init};
use wattgrad::internals::optim::{ParameterGroup, Schedule};
use wattgrad::internals::program::{Program, ProgramOptions, StepResult};
use wattgrad::internals::train::Regime;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the allocations and reallocations of this thread.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(at, layout, size) }
    }
}

fn count() {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

const STEPS: u32 = 8;
const SUBMITS: u32 = 50;
/// Whether the standard library captures backtraces for libraries.
const BACKTRACES: &str = "RUST_LIB_BACKTRACE";

fn train(program: &mut Program<'_>, steps: u32) {
    let stop = AtomicBool::new(false);
    assert_eq!(program.train(steps, &stop, &mut |_| ()).unwrap(), steps);
}

#[test]
fn a_step_allocates_only_what_the_wgpu_calls_allocate() {
    // With debug assertions wgpu captures a backtrace at every lock, which allocates more from a deeper stack. The standard
    // library reads the setting once per process, so allocations are counted in a process without backtraces.
    if std::env::var(BACKTRACES).as_deref() != Ok("0") {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_step_allocates_only_what_the_wgpu_calls_allocate",
            ])
            .arg("--nocapture")
            .env(BACKTRACES, "0")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        println!("{text}");
        assert!(
            child.status.success() && text.contains("1 passed"),
            "{}",
            String::from_utf8_lossy(&child.stderr)
        );
        return;
    }
    let (gpu, data) = (control::noop(), control::data());
    let rule = |options: &mut ProgramOptions, regime: &str| {
        let regime: Regime = serde_json::from_str(regime).unwrap();
        options.update_rule = regime.update_rule().unwrap();
    };
    // With every option of the update.
    let everything = |options: &mut ProgramOptions| {
        rule(options, r#"{"optimizer": "adamw"}"#);
        options.schedule = Schedule::sweep(1e-3, 1e-2, 100);
        options.groups = vec![ParameterGroup::default(); 4];
        options.clip_norm = Some(1.0);
        options.accumulate = 4;
    };
    let augmented =
        |options: &mut ProgramOptions| options.augmentation = "flip,crop:4,cutout:8".parse().ok();
    let rmsprop = |options: &mut ProgramOptions| {
        let regime = r#"{"optimizer": "rmsprop", "momentum": 0.9, "centered": true}"#;
        rule(options, regime);
    };
    type Change<'c> = &'c dyn Fn(&mut ProgramOptions);
    let cases: [(&str, &str, u32, Change); 9] = [
        ("mlp", "mlp", 64, &|_| ()),
        ("cnn", "cnn", 64, &|_| ()),
        ("resnet8", "resnet8", 64, &|_| ()),
        ("mlp, options of the update", "mlp", 16, &everything),
        ("mlp, adam", "mlp", 64, &|options| {
            rule(options, r#"{"optimizer": "adam"}"#)
        }),
        ("mlp, lion", "mlp", 64, &|options| {
            rule(options, r#"{"optimizer": "lion"}"#)
        }),
        ("mlp, rmsprop", "mlp", 64, &rmsprop),
        ("cnn, augmentation", "cnn", 64, &augmented),
        ("resnet8, f16", "resnet8", 64, &|options| {
            options.precision = Precision::F16
        }),
    ];
    for (name, model, batch, change) in cases {
        let mut program = control::program_with(&gpu, &data, model, batch, STEPS, change);
        let mut control = Control::new(&gpu, &program);
        // First let pools and vectors reach their final size.
        train(&mut program, STEPS * SUBMITS);
        control.run(SUBMITS, STEPS);
        let ours = allocations(|| train(&mut program, STEPS * SUBMITS));
        let bare = allocations(|| {
            control.run(SUBMITS, STEPS);
        });
        println!(
            "{name}: {ours} allocations, wgpu calls alone {bare}, in {SUBMITS} submits of {STEPS} steps of {} dispatches",
            control.dispatches()
        );
        assert!(bare > 0, "the allocations of the wgpu calls are counted");
        assert!(
            ours <= bare,
            "{name}: {ours} allocations, {bare} by the wgpu calls alone"
        );
    }
}

#[test]
fn a_step_creates_nothing() {
    let (gpu, data) = (control::noop(), control::data());
    let mut program = control::program(&gpu, &data, "cnn", 64, STEPS);
    let mut control = Control::new(&gpu, &program);
    train(&mut program, STEPS * SUBMITS);
    let bare = |control: &mut Control, each: &mut dyn FnMut(&wgpu::Device)| {
        control.run(SUBMITS, STEPS);
        allocations(|| {
            control.run_with(SUBMITS, STEPS, each);
        })
    };
    let without = bare(&mut control, &mut |_| ());
    // Every creation allocates on the host, so the count detects one buffer or bind group per step.
    let a_step = u64::from(STEPS * SUBMITS);
    let buffers = bare(&mut control, &mut |device| {
        let _ = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
    });
    let layout = gpu
        .wgpu()
        .0
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &[],
        });
    let groups = bare(&mut control, &mut |device| {
        let _ = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &[],
        });
    });
    assert!(buffers >= without + a_step, "{buffers} {without}");
    assert!(groups >= without + a_step, "{groups} {without}");
    let pipelines = program.summary().pipelines;
    let ours = allocations(|| train(&mut program, STEPS * SUBMITS));
    assert!(ours < without + a_step, "{ours} {without}");
    assert_eq!(program.summary().pipelines, pipelines);
}

fn real() -> Gpu {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    assert!(!gpu.is_noop(), "the noop backend computes no results");
    gpu
}

fn on<'g>(gpu: &'g Gpu) -> Program<'g> {
    let data = control::data();
    let network = wattgrad::internals::model::presets::by_name(
        "mlp",
        wattgrad::internals::kernels::Shape {
            channels: 1,
            height: 28,
            width: 28,
        },
        10,
    )
    .unwrap();
    let options = ProgramOptions::new(
        64,
        256,
        Arc::new(wattgrad::internals::optim::Sgd::new(0.05, 0.9, 0.0, false).unwrap()),
        Tuning::for_device(gpu.texel_lanes(), gpu.adapter.kind == AdapterKind::Cpu),
    );
    let mut program = Program::new(gpu, &network, &data, &options).unwrap();
    let weights = init::initial(network.parameters(), 1).unwrap();
    program.load(&weights).unwrap();
    program
}

#[test]
fn steps_create_no_resources_on_a_real_device() {
    let gpu = real();
    let mut program = on(&gpu);
    train(&mut program, 40);
    let report = || gpu.wgpu().0.generate_allocator_report();
    let before = report();
    train(&mut program, 200);
    if let (Some(before), Some(after)) = (before, report()) {
        assert_eq!(before.allocations.len(), after.allocations.len());
        assert_eq!(before.total_allocated_bytes, after.total_allocated_bytes);
    }
}

/// Whether a first step on ten classes has a loss near that of guessing, as every test of results requires.
fn is_plausible(results: &[StepResult]) -> bool {
    results
        .first()
        .is_some_and(|first| (first.loss - 10.0_f32.ln()).abs() < 1.0 && first.gradient_norm > 0.0)
}

#[test]
fn results_of_the_noop_backend_never_pass() {
    for (gpu, runs) in [(real(), true), (control::noop(), false)] {
        let mut program = on(&gpu);
        let mut results = vec![];
        let stop = AtomicBool::new(false);
        program
            .train(3, &stop, &mut |result| results.push(result))
            .unwrap();
        assert_eq!(is_plausible(&results), runs, "{results:?}");
        let found = program.evaluate().unwrap();
        assert_eq!(found.samples == 256, runs, "{found:?}");
        assert_eq!(found.first(Metric::Accuracy).is_finite(), runs, "{found:?}");
        assert_eq!(gpu.is_noop(), !runs);
    }
    // By default it is not listed either, so no test that opens the default device can get it.
    let listed = list(&ListOptions::default()).unwrap();
    assert!(listed.iter().all(|one| one.backend != Backend::Noop));
}

#[test]
fn only_this_test_uses_the_noop_backend() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut seen = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !["host.rs", "device.rs"].contains(&name.as_str()) {
                seen += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let uses = text.contains("noop: true") || text.contains("noop = true");
                assert!(
                    !uses,
                    "{name} tests results and opens the noop backend, which has none"
                );
            }
        }
    }
    assert!(seen > 5, "the tests were found");
}
