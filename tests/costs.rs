//! What every dispatch declares to cost agrees with what its own code does, counted in naga's intermediate form.
#![cfg(feature = "gpu")]

mod registry;

use std::collections::BTreeMap;

use wattgrad::kernels::emit;
use wattgrad::kernels::{Feature, SHADERS, count};

#[test]
fn declared_operations_are_those_that_the_code_does() {
    let cases = registry::cases();
    let instances = registry::instances(&cases);
    let mut modules = BTreeMap::new();
    let mut known = BTreeMap::new();
    let (mut compared, mut worst) = (BTreeMap::<&str, u32>::new(), vec![]);
    for instance in &instances {
        let dispatch = instance.dispatch;
        let key = (
            instance.composed.wgsl.as_str(),
            &instance.words,
            dispatch.grid,
        );
        let counted = *known.entry(key).or_insert_with(|| {
            let module = modules
                .entry(instance.composed.wgsl.as_str())
                .or_insert_with(|| emit::validate(&instance.composed.wgsl).unwrap().0);
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
        *compared.entry(dispatch.shader).or_default() += 1;
        if flops.abs_diff(dispatch.flops) * 100 > flops.max(dispatch.flops) {
            worst.push((dispatch.shader, format!(
                "{}: {} declared, {flops} counted, {} an invocation of {active}/{all}, grid {:?}, sizes {:?}",
                instance.name, dispatch.flops, counted.flops_per_invocation, dispatch.grid, dispatch.sizes
            )));
        }
    }
    println!("compared: {compared:?}, of them {} differ", worst.len());
    let mut shown = BTreeMap::<&str, u32>::new();
    for (shader, line) in &worst {
        let n = shown.entry(shader).or_default();
        *n += 1;
        if *n <= 3 {
            println!("{line}");
        }
    }
    assert!(
        worst.is_empty(),
        "{} of {} differ: {shown:?}",
        worst.len(),
        instances.len()
    );
}
