//! The contents of a program, for `explain` and for the record.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use super::run::Program;
use crate::kernels::{Access, Role, Storage};

/// A long sum in fewer workgroups than this leaves most of a GPU idle.
pub const FEW_WORKGROUPS: u64 = 64;
/// Terms of a long sum.
pub const LONG_SUM: u32 = 1000;

#[derive(Clone, Debug, Serialize)]
pub struct OperandSummary {
    pub name: String,
    pub tensor: String,
    /// `read`, `write` or `update`.
    pub access: &'static str,
    /// Index of the slot that holds it.
    pub slot: usize,
    pub offset: u64,
    pub bytes: u64,
    pub image: bool,
}

impl OperandSummary {
    /// The slot, and the first byte in it if that is not 0.
    pub fn place(&self) -> String {
        let kind = if self.image { "image" } else { "buffer" };
        if self.offset == 0 {
            format!("{kind}{}", self.slot)
        } else {
            format!("{kind}{}+{}", self.slot, self.offset)
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct DispatchSummary {
    /// Such as `fc1 forward`.
    pub label: String,
    pub shader: String,
    pub variant: String,
    /// Index of its shader in [`Program::shaders`].
    pub pipeline: usize,
    pub grid: [u32; 3],
    pub workgroups: u64,
    pub workgroup_size: [u32; 3],
    /// Floating-point operations, counted from the kernel's code.
    pub flops: u64,
    /// Bytes of all operands: the least that must move.
    pub bytes: u64,
    /// Length of the sum of a matrix product.
    pub k: Option<u32>,
    /// Whether few workgroups compute a long sum.
    pub idle: bool,
    /// Whether it waits for earlier dispatches: it uses memory that they write, or writes memory that they read.
    pub barrier: bool,
    pub operands: Vec<OperandSummary>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ListSummary {
    /// `forward_backward`, `accumulate`, `update` or `evaluate`.
    pub name: &'static str,
    /// How often it runs in a training step; 0 for `evaluate`.
    #[serde(skip)]
    pub per_step: u32,
    pub dispatches: Vec<DispatchSummary>,
    pub flops: u64,
    pub bytes: u64,
    pub workgroups: u64,
    pub barriers: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct MemorySummary {
    pub role: Role,
    pub slots: usize,
    pub bytes: u64,
    pub tensors: usize,
    /// Bytes that the tensors would need without sharing.
    pub unshared_bytes: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub lists: Vec<ListSummary>,
    /// Dispatches of a training step that wait for earlier ones: no device can run these at the same time.
    pub step_chain: u64,
    pub memory: Vec<MemorySummary>,
    pub pipelines: usize,
    /// Seconds of compilation; a driver may compile more at the first dispatch.
    pub compile_seconds: f64,
    pub tuning: String,
}

impl Summary {
    pub fn step_flops(&self) -> u64 {
        self.per_step(|list| list.flops)
    }

    pub fn step_bytes(&self) -> u64 {
        self.per_step(|list| list.bytes)
    }

    pub fn step_dispatches(&self) -> u64 {
        self.per_step(|list| list.dispatches.len() as u64)
    }

    pub fn evaluation_flops(&self) -> u64 {
        let evaluate = self.lists.iter().filter(|list| list.name == "evaluate");
        evaluate.map(|list| list.flops).sum()
    }

    fn per_step(&self, figure: impl Fn(&ListSummary) -> u64) -> u64 {
        let lists = self.lists.iter();
        lists
            .map(|list| u64::from(list.per_step) * figure(list))
            .sum()
    }
}

impl Program<'_> {
    pub fn summary(&self) -> Summary {
        let lowered = &self.lowered;
        let micro_batches = self.options.accumulate;
        let lists = [
            ("forward_backward", &lowered.forward_backward, micro_batches),
            ("accumulate", &lowered.accumulate, micro_batches - 1),
            ("update", &lowered.update, 1),
            ("evaluate", &lowered.evaluate, 0),
        ];
        let stats = self.cache.stats();
        let shaders = self.shaders();
        let lists: Vec<ListSummary> = lists
            .into_iter()
            .filter(|(_, range, _)| !range.is_empty())
            .map(|(name, range, per_step)| ListSummary {
                per_step,
                ..self.list_summary(name, range, &shaders)
            })
            .collect();
        // The first dispatch of a list waits for the list before.
        let waiting = lists.iter().map(|list| {
            let first = list.dispatches.first().is_some_and(|d| !d.barrier);
            u64::from(list.per_step) * (list.barriers as u64 + u64::from(first))
        });
        Summary {
            step_chain: waiting.sum(),
            lists,
            memory: self.memory_summary(),
            pipelines: stats.pipelines,
            compile_seconds: stats.time.as_secs_f64(),
            tuning: self.options.tuning.name.clone(),
        }
    }

    fn list_summary(
        &self,
        name: &'static str,
        range: &Range<usize>,
        shaders: &[(String, String)],
    ) -> ListSummary {
        let mut written: Vec<usize> = vec![];
        let mut read: Vec<usize> = vec![];
        let mut dispatches = vec![];
        for at in range.clone() {
            let dispatch = &self.list().dispatches[at];
            let operands: Vec<OperandSummary> = self.built.filled[at]
                .composed
                .operands
                .iter()
                .filter_map(|operand| {
                    let (_, tensor) = dispatch.operands.iter().find(|(n, _)| *n == operand.name)?;
                    let place = self.plan.places[tensor];
                    Some(OperandSummary {
                        name: operand.name.clone(),
                        tensor: self.list().info(*tensor).name.clone(),
                        access: ["read", "write", "update"][operand.access as usize],
                        slot: place.slot,
                        offset: place.offset(),
                        bytes: place.bytes(),
                        image: operand.storage == Storage::Image,
                    })
                })
                .collect();
            let accesses: Vec<(usize, Access)> = operands
                .iter()
                .zip(&self.built.filled[at].composed.operands)
                .map(|(o, c)| (o.slot, c.access))
                .collect();
            let barrier = accesses.iter().any(|(slot, access)| {
                written.contains(slot) || (*access != Access::Read && read.contains(slot))
            });
            if barrier {
                written.clear();
                read.clear();
            }
            for (slot, access) in accesses {
                if access == Access::Read {
                    read.push(slot)
                } else {
                    written.push(slot)
                }
            }
            let filled = &self.built.filled[at];
            let wgsl = &filled.composed.wgsl;
            let workgroups = dispatch.grid.iter().map(|g| u64::from(*g)).product();
            dispatches.push(DispatchSummary {
                label: dispatch.label.clone(),
                shader: dispatch.shader.into(),
                variant: dispatch.variant.clone(),
                pipeline: shaders.iter().position(|(_, s)| s == wgsl).unwrap_or(0),
                grid: dispatch.grid,
                workgroups,
                workgroup_size: filled.counter.workgroup_size(),
                flops: filled
                    .work(dispatch)
                    .map(|work| work.flops)
                    .unwrap_or_else(|why| {
                        tracing::warn!(
                            "the FLOPs of {} are missing from the totals ({why})",
                            dispatch.label
                        );
                        0
                    }),
                bytes: dispatch.bytes,
                k: dispatch.product.map(|product| product.terms),
                idle: dispatch
                    .product
                    .is_some_and(|product| product.terms > LONG_SUM)
                    && workgroups < FEW_WORKGROUPS,
                barrier,
                operands,
            });
        }
        ListSummary {
            name,
            per_step: 1,
            flops: dispatches.iter().map(|d| d.flops).sum(),
            bytes: dispatches.iter().map(|d| d.bytes).sum(),
            workgroups: dispatches.iter().map(|d| d.workgroups).sum(),
            barriers: dispatches.iter().filter(|d| d.barrier).count(),
            dispatches,
        }
    }

    fn memory_summary(&self) -> Vec<MemorySummary> {
        let mut roles: BTreeMap<Role, MemorySummary> = BTreeMap::new();
        let empty = |role: Role| MemorySummary {
            role,
            slots: 0,
            bytes: 0,
            tensors: 0,
            unshared_bytes: 0,
        };
        for (slot, memory) in self.plan.slots.iter().zip(&self.built.memory) {
            let summary = roles.entry(slot.role).or_insert_with(|| empty(slot.role));
            summary.slots += 1;
            summary.bytes += memory.bytes();
        }
        for (tensor, place) in &self.plan.places {
            if self.lowered.arenas.slices.contains_key(tensor) {
                continue;
            }
            let role = self.plan.slots[place.slot].role;
            let summary = roles.entry(role).or_insert_with(|| empty(role));
            summary.tensors += 1;
            summary.unshared_bytes += place.bytes();
        }
        roles.into_values().collect()
    }
}
