//! The checks that every registered kernel passes without a device: its texts are valid, can be written in every language
//! and counted.
#![cfg(feature = "gpu")]

mod compose;
mod count;
mod emit;
#[path = "../registry/mod.rs"]
mod registry;
#[path = "../skip/mod.rs"]
mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use skip::skipped;

use wattgrad::internals::conformance::conv_cases;
use wattgrad::internals::kernels::count::{Counter, Inputs};
use wattgrad::internals::kernels::emit::{Language, emit_module, validate};
use wattgrad::internals::kernels::{GemmCore, GemmRule, SHADERS, Tuning};

/// Modules that the Khronos validator refuses; `None` where it is not installed.
struct Khronos {
    checked: usize,
}

impl Khronos {
    fn new() -> Option<Khronos> {
        let found = Command::new("spirv-val").arg("--version").output().is_ok();
        if !found {
            skipped("SPIR-V of the instances", "spirv-val is not installed");
        }
        found.then_some(Khronos { checked: 0 })
    }

    fn check(&mut self, name: &str, words: &[u8]) {
        let mut child = Command::new("spirv-val")
            .args(["--target-env", "vulkan1.1", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(words).unwrap();
        let output = child.wait_with_output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "spirv-val refuses {name}: {said}");
        self.checked += 1;
    }
}

/// Writes a text in every language; returns its module.
fn check_languages(name: &str, wgsl: &str, khronos: &mut Option<Khronos>) -> naga::Module {
    let (module, _) = validate(wgsl).unwrap_or_else(|why| panic!("{name}: {why}\n{wgsl}"));
    for language in Language::ALL {
        let bytes = emit_module(&module, language)
            .unwrap_or_else(|why| panic!("{name} in {language}: {why}"));
        assert!(!bytes.is_empty(), "{name} in {language}");
        if let (Language::Spirv, Some(khronos)) = (language, khronos.as_mut()) {
            khronos.check(name, &bytes);
        }
        if language == Language::Wgsl {
            let text = String::from_utf8(bytes).unwrap();
            validate(&text).unwrap_or_else(|why| panic!("{name} again: {why}"));
        }
    }
    module
}

#[test]
fn every_shader_file_is_registered_and_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files = BTreeSet::new();
    for family in std::fs::read_dir(&root).unwrap() {
        let family = family.unwrap();
        assert!(
            family.path().is_dir(),
            "{:?} stands in no family",
            family.path()
        );
        for file in std::fs::read_dir(family.path()).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let name = file.strip_suffix(".wgsl");
            let name = name.unwrap_or_else(|| panic!("{file} is no shader"));
            files.insert(format!("{}/{name}", family.file_name().to_string_lossy()));
        }
    }
    let table: BTreeSet<String> = SHADERS.iter().map(|s| s.name.to_string()).collect();
    assert_eq!(table.len(), SHADERS.len(), "a name stands twice");
    assert_eq!(table, files);
}

#[test]
fn every_shader_file_is_valid_alone() {
    for shader in SHADERS {
        validate(shader.text).unwrap_or_else(|why| panic!("{}: {why}", shader.name));
        assert_eq!(
            shader.is_snippet(),
            !shader.text.contains("@compute"),
            "{} is either a kernel or a snippet",
            shader.name
        );
    }
}

/// Counts one workgroup: whether a text can be counted does not depend on its sizes.
fn check_count(module: &naga::Module, instance: &registry::Instance<'_>) {
    let name = &instance.name;
    let counter = Counter::new(module, "main").unwrap_or_else(|why| panic!("{name}: {why}"));
    let counted = counter.count(&Inputs {
        others: &[],
        sizes: &instance.words,
        workgroups: [1; 3],
        passes: instance.dispatch.passes,
    });
    let counted = counted.unwrap_or_else(|why| panic!("{name}: {why}"));
    assert!(!counted.lower_bound, "{name} lacks `passes`");
}

/// Every text that a lowering or an example can compose is valid, can be written in every language and counted, and declares
/// the passes of loops that end by data; every registered file is part of one.
#[test]
fn every_instance_is_valid_in_every_language_and_counted() {
    let mut khronos = Khronos::new();
    let cases = registry::cases();
    let instances = registry::instances(&cases);
    let mut texts = BTreeMap::new();
    let mut used = BTreeSet::new();
    for instance in &instances {
        let slots = instance.dispatch.slots.iter().map(|(_, name)| *name);
        used.extend(slots.chain([instance.dispatch.shader]));
        texts
            .entry(instance.composed.wgsl.as_str())
            .or_insert(instance);
    }
    for (wgsl, instance) in &texts {
        let module = check_languages(&instance.name, wgsl, &mut khronos);
        check_count(&module, instance);
    }
    for shader in SHADERS {
        assert!(
            used.contains(shader.name),
            "no network and no example uses {}",
            shader.name
        );
    }
    println!(
        "{} dispatches, {} texts, {} SPIR-V modules accepted",
        instances.len(),
        texts.len(),
        khronos.map_or(0, |k| k.checked)
    );
}

/// Prints how long planning takes longer for the counts: run it alone, with --nocapture.
#[test]
fn resnet8_is_counted() {
    for tuning in [Tuning::gpu(), Tuning::texel(8)] {
        let list = registry::plan("resnet8", [3, 32, 32], 64, &tuning).unwrap();
        let cases = [registry::of_list("resnet8", list, &tuning)];
        let instances = registry::instances(&cases);
        let storage = *cases[0].storages.last().unwrap();
        let start = std::time::Instant::now();
        let mut flops = 0;
        for instance in instances.iter().filter(|i| i.storage == storage) {
            let counter = Counter::of(&instance.composed.wgsl).unwrap();
            let counted = counter.count(&Inputs {
                others: &[],
                sizes: &instance.words,
                workgroups: instance.dispatch.grid,
                passes: instance.dispatch.passes,
            });
            flops += counted.unwrap().flops;
        }
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        println!(
            "{}: {flops} operations counted in {milliseconds:.0} ms",
            tuning.name
        );
    }
}

/// Products count as 2 m n k, rounded up to whole tiles.
#[test]
fn counted_products_cover_the_useful_work() {
    for tuning in registry::tunings() {
        let cases = registry::products(&tuning);
        for instance in registry::instances(&cases) {
            let counter = Counter::of(&instance.composed.wgsl).unwrap();
            let counted = counter.count(&Inputs {
                others: &[],
                sizes: &instance.words,
                workgroups: instance.dispatch.grid,
                passes: None,
            });
            let flops = counted.unwrap().flops;
            let useful = 2 * 64 * 128 * 256;
            assert!(
                (useful..useful * 5 / 4).contains(&flops),
                "{}: {flops} operations for {useful}",
                instance.name
            );
        }
    }
}

/// 16 channels of 16x16 pixels have 64 tiles of 2x2 outputs: Winograd's products take 16 multiplications a tile and channel,
/// the direct sum 12 stored taps a pixel and channel.
#[test]
fn winograd_counts_the_operations_that_it_does() {
    let case = conv_cases::case([1, 16, 16, 16, 16, 3, 1, 1]);
    let flops = |winograd: bool| -> Vec<(String, u64)> {
        let rule = GemmRule {
            winograd,
            ..GemmRule::new(GemmCore::Direct, [2, 2, 8, 4], 1)
        };
        let tuning = Tuning {
            gemm: vec![rule],
            ..Tuning::cpu()
        };
        let list = conv_cases::build(&tuning, case).list;
        let cases = [registry::of_list("convolution", list, &tuning)];
        let instances = registry::instances(&cases);
        let forward = instances
            .iter()
            .filter(|i| i.dispatch.label.starts_with("forward"));
        let count = |instance: &registry::Instance<'_>| {
            let counter = Counter::of(&instance.composed.wgsl).unwrap();
            let counted = counter.count(&Inputs {
                others: &[],
                sizes: &instance.words,
                workgroups: instance.dispatch.grid,
                passes: None,
            });
            counted.unwrap().flops
        };
        forward
            .map(|i| (i.dispatch.label.clone(), count(i)))
            .collect()
    };
    // A bias is added to every output.
    assert_eq!(
        flops(false),
        [("forward".into(), 2 * 16 * 16 * 12 * 256 + 16 * 256)]
    );
    let (pairs, tiles) = (16 * 16, 16 * 64);
    let wanted = [
        // Three additions and two halvings for each of three columns and four rows.
        ("forward weights", pairs * 5 * 7),
        ("forward tiles", tiles * 32),
        ("forward", 2 * 16 * pairs * 64),
        ("forward output", tiles * 24 + 16 * 256),
    ];
    let wanted = wanted.map(|(label, flops)| (label.to_owned(), flops));
    assert_eq!(flops(true), wanted);
}

#[test]
fn a_language_that_lacks_a_type_is_named() {
    let doubles = "@group(0) @binding(0) var<storage, read_write> y: array<f64>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = y[id.x] * f64(2); }";
    let refused = std::panic::catch_unwind(|| check_languages("a test", doubles, &mut None));
    let message = refused.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("a test in msl"), "{message}");
}

#[test]
fn rejects_batches_that_no_kernel_can_take() {
    let plan = |preset: &str, shape, batch, tuning: &Tuning| {
        registry::plan(preset, shape, batch, tuning)
            .map(|_| ())
            .map_err(|why| why.to_string())
    };
    for tuning in registry::tunings() {
        for batch in [1, 5_000, 20_000, 40_000, 60_000, 65_536, 70_000] {
            for preset in ["mlp", "cnn", "resnet8"] {
                if let Err(why) = plan(preset, [1, 28, 28], batch, &tuning) {
                    assert!(batch > 1, "{why}");
                    assert!(why.contains("workgroups") || why.contains("bytes"), "{why}");
                    assert!(
                        why.contains("smaller batch size") && !why.contains('\n'),
                        "{why}"
                    );
                }
            }
        }
    }
    let gpu = Tuning::gpu();
    // Tiles grow wider with the batch, as far as they can.
    for batch in [1_000, 5_000, 20_000, 40_000] {
        assert_eq!(plan("cnn", [1, 28, 28], batch, &gpu), Ok(()));
    }
    assert_eq!(plan("mlp", [1, 28, 28], 60_000, &gpu), Ok(()));
    // The texel form of a convolution has a layer of workgroups an image: several dispatches where a grid has too few.
    for batch in [60_000, 70_000] {
        assert_eq!(plan("resnet8", [1, 8, 8], batch, &Tuning::texel(8)), Ok(()));
    }
    let why = plan("cnn", [1, 28, 28], 60_000, &gpu).unwrap_err();
    assert!(
        why.starts_with("tensor \"conv1\" needs 6021120000 bytes"),
        "{why}"
    );
}

#[test]
fn the_documented_profile_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let profile = Tuning::from_toml(rest.split_once("```").unwrap().0).unwrap();
    assert_eq!((profile.name.as_str(), profile.gemm.len()), ("my-card", 2));
}
