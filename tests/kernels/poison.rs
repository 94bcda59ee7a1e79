//! NaN and infinity in every input of every kernel.
//!
//! Which elements of the outputs depend on an element of an input is found with a finite change of it: the tests of the
//! families compare finite results with the oracle. A NaN in its place must make exactly these elements NaN; an infinity
//! must leave all others finite. Every dispatch that the lowering of the tests' networks has is run by itself, with
//! positive inputs, so that no ReLU cuts a dependency off.

use std::collections::{BTreeMap, BTreeSet};

use super::harness::{Device, device, texel_lanes};
use super::registry;
use wattgrad::internals::conformance::{Numbers, Prepared};
use wattgrad::internals::data::Dtype;
use wattgrad::internals::kernels::batch::state;
use wattgrad::internals::kernels::{Access, Dispatch, List, SHADERS, Storage, Tensor};

/// Kernels with flags and counters among their results, which have tests of their own, and kernels of integers.
const OTHERS: [&str; 23] = [
    "batch/elements_f16",
    "batch/elements_i16",
    "batch/elements_i32",
    "batch/elements_i8",
    "batch/elements_u16",
    "batch/elements_u8",
    "batch/finish_evaluation",
    "batch/finish_micro_batch",
    "batch/finish_step",
    "batch/gather",
    "batch/gather_augmented",
    "batch/gather_labels",
    "batch/order",
    "loss/binary",
    "loss/class_weights",
    "loss/cross_entropy",
    "loss/elements",
    "loss/gradient",
    "loss/gradient_scaled",
    "loss/pos_weight",
    "optim/clip_factor",
    "optim/loss_scale",
    "optim/unscale",
];

/// A finite change that is visible in every element that depends on the changed one.
const CHANGE: f32 = 64.0;

type Words = BTreeMap<Tensor, Vec<u32>>;

/// A dispatch by itself on a device, with valid inputs.
struct Alone<'d> {
    device: &'d Device,
    prepared: Prepared,
    list: List,
    given: Words,
    /// The tensors that it writes.
    written: Vec<Tensor>,
}

impl<'d> Alone<'d> {
    fn new(
        device: &'d mut Device,
        all: &List,
        dispatch: &Dispatch,
        storage: Storage,
        written: Vec<Tensor>,
    ) -> Self {
        let mut numbers = Numbers::new(dispatch.label.len() as u64);
        let given = dispatch.operands.iter().map(|(name, tensor)| {
            let info = all.info(*tensor);
            let count = info.quads as usize * 4;
            let mut operands = dispatch.operands.iter();
            let parameters = operands.find(|(name, _)| matches!(*name, "params" | "grads"));
            let words: Vec<u32> = match (*name, info.dtype) {
                // Equal parts of the parameters, all of group 0.
                ("chunks", _) => {
                    let quads = parameters.map_or(0, |(_, tensor)| all.info(*tensor).quads) as u32;
                    let each = quads / info.quads as u32;
                    let chunk = |n: u32| [n * each, each, 0, 0];
                    (0..info.quads as u32).flat_map(chunk).collect()
                }
                // Counters, then floats: rates, momentum, decay; the last is a flag.
                ("state", _) => {
                    let word = |i| match i as u32 {
                        // Not the first micro-batch, which ignores the sums.
                        state::MICRO_BATCH => 1,
                        state::CLIP => 0.25f32.to_bits(),
                        i if i < state::GROUPS => 0,
                        _ => 0.25f32.to_bits(),
                    };
                    (0..count).map(word).collect()
                }
                // Above the squared mean, as it is in training.
                ("square_avg", _) => {
                    let value = |_| (41.25 + 0.75 * numbers.unit()).to_bits();
                    (0..count).map(value).collect()
                }
                ("index", _) => (0..count).map(|i| ((i % 4) as f32).to_bits()).collect(),
                (_, Dtype::F32) => {
                    let value = |_| (1.25 + 0.75 * numbers.unit()).to_bits();
                    (0..count).map(value).collect()
                }
                _ => (0..count as u32).collect(),
            };
            (*tensor, words)
        });
        let given: Words = given.collect();
        let list = List {
            tensors: all.tensors.clone(),
            dispatches: vec![dispatch.clone()],
            ..List::default()
        };
        let inputs: Vec<_> = given.clone().into_iter().collect();
        let prepared = device.prepare(&list, &inputs, storage);
        Self {
            device,
            prepared,
            list,
            given,
            written,
        }
    }

    /// The written words, with another word in an input: (tensor, place, word).
    fn run(&self, other: Option<(Tensor, usize, u32)>) -> Vec<u32> {
        let gpu = &self.device.gpu;
        self.prepared.reset(gpu);
        if let Some((tensor, at, word)) = other {
            self.prepared.write(gpu, tensor, at, word);
        }
        self.prepared.run(gpu, 1).unwrap();
        let (got, outside) = self.prepared.read(gpu).unwrap();
        assert!(outside.is_empty(), "a word outside a tensor was written");
        self.written
            .iter()
            .flat_map(|tensor| got[tensor].clone())
            .collect()
    }

    /// What is wrong with a NaN and with infinities in element `at` of operand `name`; `clean` is the result without them.
    /// `None` where nothing depends on the element: it is padding, which is zero in networks.
    fn faults(&self, clean: &[u32], name: &str, tensor: Tensor, at: usize) -> Option<Vec<String>> {
        let with = |value: f32| self.run(Some((tensor, at, value.to_bits())));
        let places = |chosen: &dyn Fn(usize) -> bool| -> BTreeSet<usize> {
            (0..clean.len()).filter(|i| chosen(*i)).collect()
        };
        let broken = |words: &[u32]| {
            let finite = |word: u32| f32::from_bits(word).is_finite();
            places(&|i| !finite(words[i]) && finite(clean[i]))
        };
        let nan = with(f32::NAN);
        if matches!(name, "mask" | "output") {
            // Like PyTorch, which compares with zero: a NaN is not below it, so the gradient passes.
            return Some(match nan == clean {
                true => vec![],
                false => vec!["a NaN in the mask changes the result".into()],
            });
        }
        let own = f32::from_bits(self.given[&tensor][at]);
        let (more, less) = (with(own + CHANGE), with(own - CHANGE));
        let dependent = places(&|i| more[i] != clean[i] || less[i] != clean[i]);
        if dependent.is_empty() {
            return None;
        }
        let mut faults = vec![];
        // The place of a maximum is an integer.
        let kept = &dependent - &places(&|i| self.is_place(i));
        let lost = (&kept - &broken(&nan)).len();
        if lost > 0 {
            faults.push(format!(
                "NaN at {at} is lost in {lost} of {} elements",
                kept.len()
            ));
        }
        for (value, result) in [
            (f32::NAN, nan),
            (f32::INFINITY, with(f32::INFINITY)),
            (f32::NEG_INFINITY, with(f32::NEG_INFINITY)),
        ] {
            let beyond = (&broken(&result) - &dependent).len();
            if beyond > 0 && !self.multiplies_padding(name) {
                faults.push(format!(
                    "{value} reaches {beyond} elements that do not depend on it"
                ));
            }
        }
        Some(faults)
    }

    /// Whether word `at` of the results belongs to the places of maxima.
    fn is_place(&self, at: usize) -> bool {
        let mut end = 0;
        let of = self.written.iter().find(|tensor| {
            end += self.list.info(**tensor).quads as usize * 4;
            at < end
        });
        let operands = &self.list.dispatches[0].operands;
        operands
            .iter()
            .any(|(name, tensor)| *name == "index" && Some(tensor) == of)
    }

    /// Whether the operand is multiplied with the zeros around an image: NaN times zero is NaN.
    fn multiplies_padding(&self, name: &str) -> bool {
        let dispatch = &self.list.dispatches[0];
        let slots = dispatch.slots.iter().map(|(_, name)| *name);
        let mut all = slots.chain([dispatch.shader]);
        matches!(name, "a" | "w" | "d") && all.any(|name| name.contains("conv"))
    }
}

#[test]
fn nan_and_infinity_pass_every_kernel() {
    let mut seen = BTreeSet::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut faults = vec![];
    let mut device = device();
    let tunings = registry::tunings().into_iter();
    for tuning in tunings.filter(|t| t.texel.is_none() || t.texel == texel_lanes()) {
        let mut cases = registry::networks_of([1, 8, 8], &tuning, 7, 3);
        let mut others = registry::networks_of([3, 9, 13], &tuning, 3, 2);
        cases.extend(others.split_off(others.len() - 2));
        cases.extend(registry::optimizers(&tuning));
        for instance in registry::instances(&cases) {
            let dispatch = instance.dispatch;
            let parts = (
                dispatch.shader,
                dispatch.slots.clone(),
                instance.storage as u8,
            );
            if OTHERS.contains(&dispatch.shader) || !seen.insert(parts) {
                continue;
            }
            used.extend(dispatch.slots.iter().map(|(_, name)| *name));
            used.insert(dispatch.shader);
            let case = cases
                .iter()
                .find(|case| instance.name.starts_with(&case.name));
            let list = &case.unwrap().list;
            let tensor_of = |name: &str| {
                let operand = dispatch.operands.iter().find(|(other, _)| *other == name);
                operand.unwrap().1
            };
            let operands = &instance.composed.operands;
            let written = operands.iter().filter(|o| o.access != Access::Read);
            let written = written.map(|o| tensor_of(&o.name)).collect();
            let alone = Alone::new(&mut device, list, dispatch, instance.storage, written);
            let clean = alone.run(None);
            for operand in operands.iter().filter(|o| o.access != Access::Write) {
                let (name, tensor) = (operand.name.as_str(), tensor_of(&operand.name));
                let info = list.info(tensor);
                if info.dtype != Dtype::F32 || name == "index" {
                    continue;
                }
                // A mask that is also another operand has that operand's dependents.
                let mut operands = dispatch.operands.iter();
                if name == "mask"
                    && operands.any(|(n, t)| (*n, *t) != (name, tensor) && *t == tensor)
                {
                    continue;
                }
                let count = info.quads as usize * 4;
                // Each partial statistic has the number of its samples, which data cannot change.
                let is_count = |at: usize| {
                    dispatch.shader == "norm/finish_statistics" && name == "partials" && at % 4 == 2
                };
                let places = (0..40).map(|i| i * 7919 % count);
                let places = places.filter(|at| !is_count(*at));
                let found = places.filter_map(|at| alone.faults(&clean, name, tensor, at));
                let found: Vec<Vec<String>> = found.take(2).collect();
                if found.is_empty() {
                    faults.push(format!("{}: nothing depends on {name}", instance.name));
                }
                for fault in found.into_iter().flatten() {
                    faults.push(format!("{}: {name}: {fault}", instance.name));
                }
            }
        }
    }
    for shader in SHADERS
        .iter()
        .filter(|shader| !OTHERS.contains(&shader.name))
    {
        let texel = shader.name.starts_with("texel/") && texel_lanes().is_none();
        if !texel && !used.contains(shader.name) {
            faults.push(format!("no network uses {}", shader.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
