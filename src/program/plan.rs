//! The memory plan: which tensors share memory, and where each one lies.

use std::collections::{BTreeMap, HashMap};

use super::ProgramError;
use super::binding::texel;
use super::lower::Lowered;
use crate::data::Dtype;
use crate::device::{Gpu, Texel};
use crate::kernels::{Role, Tensor, TensorInfo};

/// A piece of memory that tensors use one after another.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub label: String,
    pub role: Role,
    pub bytes: u64,
    /// How an image holds its quads; `None`: a buffer.
    pub image: Option<Texel>,
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub slot: usize,
    pub first_quad: u64,
    pub quads: u64,
    pub dtype: Dtype,
    pub image: bool,
}

/// How an image holds the quads of a tensor, if it is to be one.
fn image_of(info: &TensorInfo, images: bool) -> Option<Texel> {
    (images && info.imageable).then(|| texel(info.dtype))
}

impl Place {
    /// First byte in the slot.
    pub fn offset(&self) -> u64 {
        self.first_quad * self.dtype.quad_bytes()
    }

    pub fn bytes(&self) -> u64 {
        self.quads * self.dtype.quad_bytes()
    }
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub slots: Vec<Slot>,
    pub places: HashMap<Tensor, Place>,
}

/// Plans the memory of a lowered network. `alias` lets short-lived tensors share; without it each has its own.
pub(super) fn plan(
    gpu: &Gpu,
    lowered: &Lowered,
    images: bool,
    alias: bool,
) -> Result<Plan, ProgramError> {
    // The first and the last dispatch that uses each tensor.
    let mut uses: BTreeMap<Tensor, (usize, usize)> = BTreeMap::new();
    for (at, dispatch) in lowered.list.dispatches.iter().enumerate() {
        let variants = lowered.window_variants.get(&at).into_iter().flatten();
        for (_, tensor) in std::iter::once(dispatch)
            .chain(variants)
            .flat_map(|d| &d.operands)
        {
            uses.entry(*tensor).or_insert((at, at)).1 = at;
        }
    }
    let mut order: Vec<(Tensor, (usize, usize))> = uses.into_iter().collect();
    order.sort_by_key(|(tensor, (first, _))| (*first, *tensor));

    let mut plan = Plan::default();
    // Free slots, each with the dispatch after which it is free.
    let mut free: Vec<(usize, usize)> = vec![];
    let arenas = lowered.arenas.all();
    for tensor in arenas.chain([lowered.state, lowered.results]) {
        plan.add_slot(gpu, tensor, lowered.list.info(tensor), images)?;
    }
    for (tensor, (first, last)) in order {
        if plan.places.contains_key(&tensor) {
            continue;
        }
        let info = lowered.list.info(tensor);
        if let Some(slice) = lowered.arenas.slices.get(&tensor) {
            let place = Place {
                first_quad: slice.first_quad,
                quads: info.quads,
                ..plan.places[&slice.arena]
            };
            plan.places.insert(tensor, place);
            continue;
        }
        // The contents of other roles outlive a step.
        let short_lived = matches!(info.role, Role::Activation | Role::Scratch);
        if !short_lived || !alias {
            plan.add_slot(gpu, tensor, info, images)?;
            continue;
        }
        let slot = match plan.best_free(&free, first, info, image_of(info, images)) {
            Some(at) => {
                let (slot, _) = free.swap_remove(at);
                plan.slots[slot].bytes = plan.slots[slot].bytes.max(info.bytes());
                plan.put(gpu, tensor, info, slot)?;
                slot
            }
            None => plan.add_slot(gpu, tensor, info, images)?,
        };
        free.push((slot, last));
    }
    Ok(plan)
}

impl Plan {
    /// The index in `free` of the smallest slot that is large enough from dispatch `first` on, else of the largest, which
    /// then grows.
    fn best_free(
        &self,
        free: &[(usize, usize)],
        first: usize,
        info: &TensorInfo,
        image: Option<Texel>,
    ) -> Option<usize> {
        let fits = |slot: &Slot| slot.image == image && slot.role == info.role;
        let candidates = free.iter().enumerate();
        candidates
            .filter(|(_, (slot, after))| *after < first && fits(&self.slots[*slot]))
            .min_by_key(|(_, (slot, _))| match self.slots[*slot].bytes {
                bytes if bytes >= info.bytes() => (0, bytes),
                bytes => (1, u64::MAX - bytes),
            })
            .map(|(at, _)| at)
    }

    /// Gives `tensor` a slot of its own.
    fn add_slot(
        &mut self,
        gpu: &Gpu,
        tensor: Tensor,
        info: &TensorInfo,
        images: bool,
    ) -> Result<usize, ProgramError> {
        self.slots.push(Slot {
            label: info.name.clone(),
            role: info.role,
            bytes: info.bytes(),
            image: image_of(info, images),
        });
        let slot = self.slots.len() - 1;
        self.put(gpu, tensor, info, slot)?;
        Ok(slot)
    }

    fn put(
        &mut self,
        gpu: &Gpu,
        tensor: Tensor,
        info: &TensorInfo,
        slot: usize,
    ) -> Result<(), ProgramError> {
        let image = self.slots[slot].image;
        let (bytes, limit) = (info.bytes(), gpu.most_bytes(image));
        if bytes > limit {
            return Err(ProgramError::TooLarge {
                tensor: info.name.clone(),
                bytes,
                limit,
            });
        }
        let place = Place {
            slot,
            first_quad: 0,
            quads: info.quads,
            dtype: info.dtype,
            image: image.is_some(),
        };
        self.places.insert(tensor, place);
        Ok(())
    }
}
