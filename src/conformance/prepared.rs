//! A list of dispatches on a device, every tensor in memory of its own.
//!
//! Each tensor lies between guard words, which are NaN and must not change, to detect access outside a tensor. A tensor
//! without input starts as NaN, to detect elements that are never written.

use std::collections::{BTreeMap, BTreeSet};

use super::guard::Guard;
use crate::data::Dtype;
use crate::device::{BindingKind, Bound, DeviceError, Gpu, IMAGE_ROW, Memory, PipelineCache, Step};
use crate::kernels::{Composed, Dispatch, List, Storage, Stored, Tensor, TensorInfo};
use crate::program::{binding_kind, texel};

/// Bytes of guard words before and after a tensor, to which every device aligns a binding.
const GUARD_BYTES: u64 = 256;
/// Guard words and unwritten words: NaN with payloads that no arithmetic yields.
const GUARD: u32 = 0x7fc0_dead;
const UNWRITTEN: u32 = 0x7fc0_5555;

/// Why a list cannot run, and the dispatch that cannot.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Index of the dispatch in the list.
    pub dispatch: usize,
    /// The reason in one sentence.
    pub why: String,
}

/// A tensor on the device.
#[derive(Debug)]
struct Placed {
    memory: Memory,
    /// The words as written before a run, guard words included.
    initial: Vec<u32>,
    /// Quads before the tensor.
    base: u64,
    quads: u64,
    /// Bytes of a quad.
    quad: u64,
}

impl Placed {
    fn new(gpu: &Gpu, tensor: Tensor, info: &TensorInfo, given: &[u32], image: bool) -> Placed {
        let quad = info.dtype.quad_bytes();
        debug_assert!(
            given.len() as u64 * 4 <= info.bytes(),
            "the input for {} is too long",
            info.name
        );
        let guard = GUARD_BYTES / quad;
        let (mut base, mut all) = (guard, (info.quads + 2 * guard).next_multiple_of(2));
        if image {
            // At a row's start, within it, near its end. The driver compiles a kernel separately for images whose height is not
            // a power of two, so all heights are powers of two.
            base += [0, 5, 1003, 1008][tensor.0 % 4];
            let rows = (base + info.quads + guard).div_ceil(IMAGE_ROW);
            all = rows.next_power_of_two() * IMAGE_ROW;
        }
        let words = |quads: u64| (quads * quad / 4) as usize;
        let mut initial = vec![GUARD; words(base)];
        initial.extend(given);
        initial.resize(words(base + info.quads), UNWRITTEN);
        initial.resize(words(all), GUARD);
        let texel = image.then(|| texel(info.dtype));
        Placed {
            memory: gpu.allocate(&info.name, all * quad, texel),
            initial,
            base,
            quads: info.quads,
            quad,
        }
    }

    /// The first word of quad `at`.
    fn word(&self, at: u64) -> usize {
        (at * self.quad / 4) as usize
    }

    fn reset(&self, gpu: &Gpu) {
        gpu.write(&self.memory, 0, bytemuck::cast_slice(&self.initial));
    }

    /// The tensor's words, and the place of the first changed guard word relative to the tensor.
    fn read(&self, gpu: &Gpu) -> Result<(Vec<u32>, Option<i64>), DeviceError> {
        let all: Vec<u32> = bytemuck::pod_collect_to_vec(&gpu.read(&self.memory)?);
        let tensor = self.word(self.base)..self.word(self.base + self.quads);
        let touched = (0..all.len()).find(|i| !tensor.contains(i) && all[*i] != GUARD);
        let touched = touched.map(|i| i as i64 - tensor.start as i64);
        Ok((all[tensor].to_vec(), touched))
    }
}

/// The words of every tensor after a run, and the tensors outside which something was written: (tensor, first changed word
/// relative to its first).
pub type Words = (BTreeMap<Tensor, Vec<u32>>, Vec<(Tensor, i64)>);

/// A list whose tensors are on the device and whose kernels are compiled; it may run many times.
#[derive(Debug)]
pub struct Prepared {
    placed: BTreeMap<Tensor, Placed>,
    steps: Vec<Step>,
    /// The texts of the dispatches, in order.
    pub composed: Vec<Composed>,
}

impl Prepared {
    /// Composes every dispatch, writes the inputs (at most a tensor's size), and compiles the kernels. With
    /// [`Storage::Image`] every tensor that can be an image in all its uses is one.
    ///
    /// # Errors
    /// [`Refused`] for the first dispatch that cannot be composed or compiled.
    pub fn new(
        gpu: &Gpu,
        pipelines: &mut PipelineCache,
        list: &List,
        given: &[(Tensor, Vec<u32>)],
        storage: Storage,
        guard: &Guard,
    ) -> Result<Prepared, Refused> {
        let (composed, used, images) = compose(list, storage)?;
        let placed: BTreeMap<Tensor, Placed> = used
            .into_iter()
            .map(|tensor| {
                let mut inputs = given.iter().chain(&list.constants);
                let input = inputs.find(|(t, _)| *t == tensor);
                let input = input.map_or(&[][..], |(_, words)| words);
                let image = images.contains(&tensor);
                let placed = Placed::new(gpu, tensor, list.info(tensor), input, image);
                placed.reset(gpu);
                (tensor, placed)
            })
            .collect();
        let mut step = |dispatch: &Dispatch, composed: &Composed| {
            let mut words = dispatch.sizes.clone();
            let mut kinds = vec![BindingKind::Uniform];
            let mut bound = vec![];
            for operand in &composed.operands {
                let tensor = operand_tensor(dispatch, &operand.name)?;
                let Placed {
                    memory, base, quad, ..
                } = &placed[&tensor];
                kinds.push(binding_kind(operand));
                if operand.storage == Storage::Image {
                    words.push(*base as u32);
                }
                // The guard words behind the tensor are bound too.
                let offset = base * quad;
                let bytes = memory.bytes().saturating_sub(offset);
                bound.push(Bound {
                    memory,
                    offset,
                    bytes,
                });
            }
            let sizes = gpu.uniform("sizes", &words);
            bound.insert(0, Bound::whole(&sizes));
            let compile = || pipelines.get(&dispatch.label, &composed.wgsl, &kinds);
            let pipeline = guard.limited(
                &format!("compile {}", composition(dispatch, storage)),
                compile,
            )?;
            let pipeline = pipeline.map_err(|why| why.to_string())?;
            Ok(Step::Fixed(gpu.command(
                &dispatch.label,
                pipeline,
                &bound,
                dispatch.grid,
            )))
        };
        let mut steps = vec![];
        for (at, (dispatch, text)) in list.dispatches.iter().zip(&composed).enumerate() {
            steps.push(step(dispatch, text).map_err(|why| Refused { dispatch: at, why })?);
        }
        Ok(Prepared {
            placed,
            steps,
            composed,
        })
    }

    /// The commands of the dispatches, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Writes the inputs again, and NaN into all other tensors.
    pub fn reset(&self, gpu: &Gpu) {
        self.placed.values().for_each(|placed| placed.reset(gpu));
    }

    /// Writes another word `at` of `tensor`, until the next reset.
    pub fn write(&self, gpu: &Gpu, tensor: Tensor, at: usize, word: u32) {
        let placed = &self.placed[&tensor];
        let mut words = placed.initial.clone();
        words[placed.word(placed.base) + at] = word;
        gpu.write(&placed.memory, 0, bytemuck::cast_slice(&words));
    }

    /// Runs the list `times` times and waits for the device.
    ///
    /// # Errors
    /// As [`Gpu::wait`].
    pub fn run(&self, gpu: &Gpu, times: usize) -> Result<(), DeviceError> {
        let mut recording = gpu.record();
        recording.lists(&[&self.steps], std::iter::repeat_n(0, times));
        gpu.submit(recording);
        gpu.wait()
    }

    /// Reads every tensor.
    ///
    /// # Errors
    /// As [`Gpu::read`].
    pub fn read(&self, gpu: &Gpu) -> Result<Words, DeviceError> {
        let mut words = BTreeMap::new();
        let mut outside = vec![];
        for (tensor, placed) in &self.placed {
            let (own, touched) = placed.read(gpu)?;
            words.insert(*tensor, own);
            outside.extend(touched.map(|at| (*tensor, at)));
        }
        Ok((words, outside))
    }
}

/// A kernel with its first snippet (what it loads), its variant and its storage: where a driver cannot compile it, other
/// sizes and other ends do not help.
pub(super) fn composition(dispatch: &Dispatch, storage: Storage) -> String {
    let mut words = vec![dispatch.shader];
    words.extend(dispatch.slots.first().map(|(_, name)| *name));
    let variant = Some(dispatch.variant.as_str()).filter(|variant| !variant.is_empty());
    let storage = match storage {
        Storage::Buffer => "buffers",
        Storage::Image => "images",
    };
    let ways: Vec<&str> = variant.into_iter().chain([storage]).collect();
    format!("{} ({})", words.join(" + "), ways.join(", "))
}

fn operand_tensor(dispatch: &Dispatch, name: &str) -> Result<Tensor, String> {
    let found = dispatch.operands.iter().find(|(n, _)| *n == name);
    found
        .map(|(_, tensor)| *tensor)
        .ok_or_else(|| format!("{:?} has no operand {name}", dispatch.label))
}

/// The composed texts, the tensors that are used, and those in images.
type Composition = (Vec<Composed>, BTreeSet<Tensor>, BTreeSet<Tensor>);

/// Composes every dispatch so that each tensor has one storage.
///
/// # Errors
/// [`Refused`] for the first dispatch that cannot be composed.
pub fn compose(list: &List, storage: Storage) -> Result<Composition, Refused> {
    let named = list
        .dispatches
        .iter()
        .flat_map(|d| d.operands.iter().map(|(_, t)| *t));
    let used: BTreeSet<Tensor> = named.collect();
    let imageable = |t: &Tensor| storage == Storage::Image && list.info(*t).imageable;
    let mut images: BTreeSet<Tensor> = used.iter().copied().filter(imageable).collect();
    loop {
        let before = images.len();
        let mut all = vec![];
        for (at, dispatch) in list.dispatches.iter().enumerate() {
            let refused = |why| Refused { dispatch: at, why };
            let in_image = |name: &str| {
                let tensor = operand_tensor(dispatch, name);
                tensor.is_ok_and(|tensor| images.contains(&tensor))
            };
            let composed = dispatch.compose(|name| Stored {
                storage: match in_image(name) {
                    true => Storage::Image,
                    false => Storage::Buffer,
                },
                dtype: operand_tensor(dispatch, name).map_or(Dtype::F32, |t| list.info(t).dtype),
            });
            let composed = composed.map_err(refused)?;
            for operand in &composed.operands {
                let tensor = operand_tensor(dispatch, &operand.name).map_err(refused)?;
                if operand.storage == Storage::Buffer {
                    images.remove(&tensor);
                }
            }
            all.push(composed);
        }
        if images.len() == before {
            return Ok((all, used, images));
        }
    }
}
