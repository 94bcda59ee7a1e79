//! The device profile whose kernels are right with finite inputs on a device.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conformance::{Suspect, drawn, references};
use crate::device::{AdapterKind, Gpu};
use crate::kernels::{GemmCore, GemmRule, Shape, Storage, Tuning};
use crate::model::presets;
use crate::optim::Sgd;
use crate::program::{ProgramOptions, dispatches};

/// The chosen profile, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The profile.
    pub profile: Tuning,
    /// Whether it is the built-in profile of the device.
    pub built_in: bool,
    /// Each wrong kernel that the built-in profile uses, and what takes its place; empty where it uses none.
    pub replaced: Vec<String>,
    /// Wrong kernels that every profile uses: networks with them cannot be trained here.
    pub unavoidable: Vec<String>,
}

/// The built-in profile where it uses no suspect; otherwise the first other profile that uses none, or the one with the
/// fewest.
#[must_use]
pub fn choose(gpu: &Gpu, suspects: &[Suspect]) -> Choice {
    let built_in = Tuning::for_device(gpu.texel_lanes(), gpu.adapter.kind == AdapterKind::Cpu);
    let wrong = |profile: &Tuning| -> Vec<String> {
        let used = used(profile);
        let storage = match profile.texel {
            Some(_) => Storage::Image,
            None => Storage::Buffer,
        };
        // A network whose numbers are finite does not meet what is wrong with other inputs only.
        let suspects = suspects.iter().filter(|s| s.inputs.finite());
        let of_profile = suspects.filter(|s| s.storages.contains(&storage));
        let kernels = of_profile.flat_map(|s| &s.kernels);
        kernels
            .filter(|kernel| used.contains(*kernel))
            .cloned()
            .collect()
    };
    let of_built_in = wrong(&built_in);
    if of_built_in.is_empty() {
        return Choice {
            profile: built_in,
            built_in: true,
            replaced: vec![],
            unavoidable: vec![],
        };
    }
    let others = alternatives(&built_in);
    let ranked = std::iter::once(&built_in).chain(&others);
    let best = ranked.map(|profile| (wrong(profile), profile));
    let best = best.min_by_key(|(wrong, _)| wrong.len());
    let (unavoidable, profile) = best.unwrap_or((of_built_in.clone(), &built_in));
    let replaced = of_built_in
        .iter()
        .filter(|kernel| !unavoidable.contains(kernel));
    Choice {
        replaced: replaced.cloned().collect(),
        built_in: *profile == built_in,
        profile: profile.clone(),
        unavoidable,
    }
}

/// Profiles to fall back on: the built-in one with one core only, then those of other kinds of devices.
fn alternatives(built_in: &Tuning) -> Vec<Tuning> {
    let only = |core, from: &Tuning| {
        let mut rules: Vec<GemmRule> = from.gemm.clone();
        rules.retain(|rule| rule.core == core);
        for rule in &mut rules {
            (rule.form, rule.min_m, rule.min_n) = (None, None, None);
            (rule.min_k, rule.max_m) = (None, None);
        }
        rules.truncate(1);
        Tuning {
            name: format!("{}-{}", from.name, format!("{core:?}").to_lowercase()),
            gemm: rules,
            ..from.clone()
        }
    };
    let mut all = vec![];
    for from in [built_in, &Tuning::cpu(), &Tuning::gpu()] {
        let plain = from.texel.is_none();
        all.extend(plain.then(|| from.clone()));
        for core in [GemmCore::Direct, GemmCore::Tile] {
            all.push(only(core, from));
        }
    }
    all.retain(|profile| !profile.gemm.is_empty());
    all
}

/// The shader files that the presets use under a profile.
fn used(profile: &Tuning) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for reference in references() {
        let sizes: Vec<u32> = reference.shape.iter().map(|n| *n as u32).collect();
        let input = match sizes[..] {
            [channels, length] => Shape::from([channels, length]),
            [channels, height, width] => Shape::from([channels, height, width]),
            _ => continue,
        };
        let batch = reference.batch_size;
        let lists = presets::by_name(&reference.preset, input, reference.classes as u32)
            .ok()
            .zip(drawn::samples(batch as usize, &reference.shape, reference.classes).ok())
            .zip(Sgd::new(reference.lr, 0.9, 0.0, false).ok())
            .and_then(|((network, data), rule)| {
                let rule = Arc::new(rule);
                let options = ProgramOptions::new(batch, batch, rule, profile.clone());
                dispatches(&network, &data, &options).ok()
            });
        for dispatch in lists.into_iter().flat_map(|list| list.dispatches) {
            used.insert(dispatch.shader.to_owned());
            used.extend(dispatch.slots.iter().map(|(_, name)| (*name).to_owned()));
        }
    }
    used
}
