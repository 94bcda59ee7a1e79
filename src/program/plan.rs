//! The memory plan: which tensors share memory, and where each lies.

use std::collections::{BTreeMap, HashMap};

use super::ProgramError;
use super::arenas::Slice;
use super::lower::Lowered;
use crate::data::Dtype;
use crate::device::Gpu;
use crate::kernels::{Role, Tensor};

/// A piece of memory that tensors take in turn.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub label: String,
    pub role: Role,
    pub bytes: u64,
    pub image: bool,
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

/// Roles whose contents outlive a step, or that are read and written as whole arenas.
fn lasting(role: Role) -> bool {
    !matches!(role, Role::Activation | Role::Scratch)
}

/// Plans the memory of a lowered network. `alias` lets short-lived tensors share; without it each has its own.
pub(super) fn plan(
    gpu: &Gpu,
    lowered: &Lowered,
    images: bool,
    alias: bool,
) -> Result<Plan, ProgramError> {
    let mut uses: BTreeMap<Tensor, (usize, usize)> = BTreeMap::new();
    for (at, dispatch) in lowered.list.dispatches.iter().enumerate() {
        let forms = lowered.windowed.get(&at).into_iter().flatten();
        for (_, tensor) in dispatch
            .operands
            .iter()
            .chain(forms.flat_map(|f| &f.operands))
        {
            uses.entry(*tensor).or_insert((at, at)).1 = at;
        }
    }
    let mut plan = Plan::default();
    // Slots that are free, with the dispatch after which they are.
    let mut free: Vec<(usize, usize)> = vec![];
    let mut order: Vec<(&Tensor, &(usize, usize))> = uses.iter().collect();
    order.sort_by_key(|(tensor, (first, _))| (*first, **tensor));
    let arenas = lowered.arenas.all();
    for tensor in arenas.chain([lowered.state, lowered.results]) {
        plan.own(gpu, lowered, tensor, images)?;
    }
    for (tensor, (first, last)) in order {
        if plan.places.contains_key(tensor) {
            continue;
        }
        if let Some(Slice { arena, first_quad }) = lowered.arenas.slices.get(tensor) {
            let arena = plan.places[arena];
            let quads = lowered.list.info(*tensor).quads;
            plan.places.insert(
                *tensor,
                Place {
                    first_quad: *first_quad,
                    quads,
                    ..arena
                },
            );
            continue;
        }
        let info = lowered.list.info(*tensor);
        if lasting(info.role) || !alias {
            plan.own(gpu, lowered, *tensor, images)?;
            continue;
        }
        let image = images && info.imageable;
        let bytes = info.bytes();
        // The smallest free slot that is large enough, else the largest, which grows.
        let fits = |slot: &Slot| slot.image == image && slot.role == info.role;
        let candidate = free
            .iter()
            .enumerate()
            .filter(|(_, (slot, after))| *after < *first && fits(&plan.slots[*slot]))
            .min_by_key(|(_, (slot, _))| {
                let have = plan.slots[*slot].bytes;
                if have >= bytes {
                    (0, have)
                } else {
                    (1, u64::MAX - have)
                }
            })
            .map(|(at, _)| at);
        match candidate {
            Some(at) => {
                let (slot, _) = free.swap_remove(at);
                plan.slots[slot].bytes = plan.slots[slot].bytes.max(bytes);
                plan.places.insert(
                    *tensor,
                    Place {
                        slot,
                        first_quad: 0,
                        quads: info.quads,
                        dtype: info.dtype,
                        image,
                    },
                );
                too_large(gpu, &info.name, bytes, image)?;
            }
            None => plan.own(gpu, lowered, *tensor, images)?,
        }
        free.push((plan.places[tensor].slot, *last));
    }
    Ok(plan)
}

impl Plan {
    fn own(
        &mut self,
        gpu: &Gpu,
        lowered: &Lowered,
        tensor: Tensor,
        images: bool,
    ) -> Result<(), ProgramError> {
        let info = lowered.list.info(tensor);
        let (image, bytes) = (images && info.imageable, info.bytes());
        too_large(gpu, &info.name, bytes, image)?;
        self.places.insert(
            tensor,
            Place {
                slot: self.slots.len(),
                first_quad: 0,
                quads: info.quads,
                dtype: info.dtype,
                image,
            },
        );
        self.slots.push(Slot {
            label: info.name.clone(),
            role: info.role,
            bytes,
            image,
        });
        Ok(())
    }
}

fn too_large(gpu: &Gpu, name: &str, bytes: u64, image: bool) -> Result<(), ProgramError> {
    let limit = gpu.most_bytes(image);
    if bytes > limit {
        Err(ProgramError::TooLarge {
            tensor: name.into(),
            bytes,
            limit,
        })
    } else {
        Ok(())
    }
}
