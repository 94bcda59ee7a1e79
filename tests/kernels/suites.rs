//! The suites of the conformance, each a test: every comparison holds, every list gives the same bits twice, and every text
//! that ran is valid in every language.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::harness::{device, texel_lanes};
use super::skip::skipped;
use wattgrad::internals::conformance::{ExamOptions, Examiner, Findings, SUITES};
use wattgrad::internals::kernels::Storage;
use wattgrad::internals::kernels::emit::{self, Language};

/// Runs the lists of `run` on a device.
pub fn examine(name: &'static str, run: impl FnOnce(&mut Examiner<'_>)) -> Findings {
    let options = ExamOptions {
        twice: true,
        ..Default::default()
    };
    let mut device = device();
    let pipelines = device.pipelines.take().unwrap();
    let device = &mut *device;
    let mut examiner = Examiner::new(&device.gpu, pipelines, options);
    examiner.begin(name);
    run(&mut examiner);
    let (findings, pipelines) = examiner.finish();
    device.pipelines = Some(pipelines);
    let failures: Vec<String> = findings.failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{name}:\n{}", failures.join("\n"));
    check_texts(&findings);
    findings
}

/// Checks each text once: it is valid, binds no more than every device can, and is written in every language where its
/// tensors are buffers.
fn check_texts(findings: &Findings) {
    static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    for (wgsl, (kernel, storage)) in &findings.texts {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.insert(wgsl.clone()) {
            continue;
        }
        drop(seen);
        let (module, _) =
            emit::validate(wgsl).unwrap_or_else(|why| panic!("{kernel}: {why}\n{wgsl}"));
        let bindings = module.global_variables.iter();
        let bindings = bindings.filter(|(_, v)| v.binding.is_some()).count();
        assert!(bindings <= 9, "{kernel} has too many operands");
        if *storage == Storage::Buffer {
            for language in Language::ALL {
                emit::emit_module(&module, language)
                    .unwrap_or_else(|why| panic!("{kernel} in {language}: {why}"));
            }
        }
    }
}

/// Runs a suite and checks that its variants are those that it is for.
fn suite(name: &'static str) {
    let suite = SUITES.iter().find(|suite| suite.name == name).unwrap();
    if name.contains("texel") && texel_lanes().is_none() {
        return skipped(name, super::NO_TEXEL);
    }
    let findings = examine(name, suite.run);
    assert!(findings.elements > 0, "{name} compares nothing");
    let variants = &findings.variants[name];
    let has = |part: &str| variants.iter().any(|variant| variant.contains(part));
    let wanted: &[&str] = match name {
        "gemm_direct" | "gemm_direct_registers" => &["direct ", " split "],
        "gemm_tile" | "gemm_tile_large" => &["tile ", " split "],
        "gemm_tile_k8" => &["tile 16x64x8", " split "],
        "gemm_texel" | "conv_texel" => &["texel"],
        "conv_groups" => &["grouped"],
        "conv_tile" => &["tile "],
        "conv_split" => &["direct ", "tile ", " split "],
        "conv_winograd" => &["winograd 2x2 direct", "winograd 2x2 tile"],
        "conv_texel_3x3" => &["texel3x3", "thin"],
        _ => &[],
    };
    for part in wanted {
        assert!(has(part), "{name} has no variant {part:?}: {variants:?}");
    }
    for (shader, _) in findings.texts.values() {
        let family = shader.split('/').next().unwrap();
        let told = suite.families.contains(&family);
        assert!(told, "{name} uses {shader}, which its families lack");
    }
}

macro_rules! suites {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            suite(stringify!($name));
        })*

        #[test]
        fn every_suite_is_a_test() {
            let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

suites!(
    gemm_direct,
    gemm_direct_registers,
    gemm_tile,
    gemm_tile_large,
    gemm_tile_k8,
    gemm_texel,
    gemm_profiles,
    column_sums,
    conv_direct,
    conv_groups,
    conv_tile,
    conv_texel,
    conv_split,
    conv_texel_3x3,
    conv_winograd,
    max_pool,
    mean_pool,
    average_pool,
    batch_norm,
    layer_norm,
    elementwise,
    activations,
    dropout,
    cross_entropy,
    cross_entropy_not_finite,
    weighted_cross_entropy,
    loss_elements,
    loss_elements_not_finite,
    sgd,
    sgd_plain,
    gradient_not_finite,
    schedule,
    update_rules,
    f16_widening,
    f16_rounding,
    scaled_losses,
    order,
    gather,
    labels,
    augmentation,
    augmentation_again,
    end_of_step,
    end_of_evaluation,
    not_finite,
    folded_grids,
    folded_chunks,
    folded_groups,
);
