//! What every dispatch declares to cost agrees with what its own code does, counted in naga's intermediate form.
#![cfg(feature = "gpu")]

mod registry;

use std::collections::BTreeMap;

use registry::Case;
use wattgrad::internals::kernels::{Feature, SHADERS, Tuning, count, emit};

/// Compares a part of the cases, which share nothing, so that tests can run beside each other.
fn compare(cases: &[Case]) {
    let instances = registry::instances(cases);
    let mut modules = BTreeMap::new();
    let mut known = BTreeMap::new();
    let mut differing = vec![];
    for instance in &instances {
        let dispatch = instance.dispatch;
        let wgsl = instance.composed.wgsl.as_str();
        let counted = *known
            .entry((wgsl, &instance.words, dispatch.grid))
            .or_insert_with(|| {
                let module = modules
                    .entry(wgsl)
                    .or_insert_with(|| emit::validate(wgsl).unwrap().0);
                let inputs = count::Inputs {
                    sizes: &instance.words,
                    workgroups: Some(dispatch.grid),
                    subgroup_size: Some(8),
                };
                count::count_with(module, "main", &inputs)
                    .unwrap_or_else(|why| panic!("{}: {why}", instance.name))
            });
        let shader = SHADERS.iter().find(|s| s.name == dispatch.shader).unwrap();
        if counted.data_dependent_loop {
            assert!(
                shader.features.contains(&Feature::DataLoop),
                "{} has a loop that ends by data and does not say so",
                instance.name
            );
            continue;
        }
        let all = counted.invocations(dispatch.grid);
        let active = dispatch.active.unwrap_or(all);
        assert!(
            (1..=all).contains(&active),
            "{}: {active} of {all} invocations",
            instance.name
        );
        let flops = counted.flops_per_invocation * active;
        if flops.abs_diff(dispatch.flops) * 100 > flops.max(dispatch.flops) {
            differing.push(format!(
                "{}: {} declared, {flops} counted, {} for each of {active} of {all} invocations, grid {:?}, sizes {:?}",
                instance.name,
                dispatch.flops,
                counted.flops_per_invocation,
                dispatch.grid,
                dispatch.sizes
            ));
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {} differ, among them\n{}",
        differing.len(),
        instances.len(),
        differing[..differing.len().min(20)].join("\n")
    );
    println!(
        "{} dispatches agree, {} of them counted",
        instances.len(),
        known.len()
    );
}

#[test]
fn declared_operations_are_those_that_the_code_does_to_28x28() {
    compare(&registry::networks([1, 28, 28]));
}

#[test]
fn declared_operations_are_those_that_the_code_does_to_8x8() {
    compare(&registry::networks([1, 8, 8]));
}

#[test]
fn declared_operations_are_those_that_the_code_does_to_3x32x32() {
    compare(&registry::networks([3, 32, 32]));
}

#[test]
fn declared_operations_are_those_that_the_code_does_to_every_type() {
    compare(&registry::types());
}

#[test]
fn a_wrong_formula_and_an_unknown_loop_are_found() {
    let mut cases = registry::types();
    cases.truncate(1);
    let gemm = |c: &mut Case| {
        let dispatches = c.list.dispatches.iter_mut();
        dispatches.map(|d| &mut d.flops).max().copied()
    };
    assert!(gemm(&mut cases[0]) > Some(0));
    for dispatch in &mut cases[0].list.dispatches {
        dispatch.flops += dispatch.flops / 50;
    }
    let found = std::panic::catch_unwind(|| compare(&cases)).unwrap_err();
    let said = found.downcast_ref::<String>().unwrap();
    assert!(
        said.contains("declared") && said.contains("fc forward"),
        "{said}"
    );
}

/// A batch of which a kernel needs more workgroups than a grid holds, or a tensor more bytes than 32 bits count.
#[test]
fn a_batch_that_no_kernel_can_take_is_refused_in_one_sentence() {
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
