//! Where parameters lie: slices of one arena, their gradients and momentum at the same places of two others, running
//! statistics in a fourth.

use std::collections::HashMap;

use crate::kernels::{List, Role, Tensor};
use crate::model::Network;

/// Parameters start at multiples of this many quads, so that each can be bound on its own on any device.
const ALIGN: u64 = 16;

/// A part of an arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub arena: Tensor,
    pub first_quad: u64,
}

pub(super) type Ranges = Vec<(u64, u64, u32)>;

/// Lays the parameters out: trained ones first, then frozen ones; running statistics in an arena of their own.
pub(super) fn arenas(
    net: &Network,
    list: &mut List,
    slices: &mut HashMap<Tensor, Slice>,
) -> (Vec<Tensor>, [Tensor; 4], Ranges) {
    let (mut trained, mut frozen, mut statistics) = (0, 0, 0);
    let size = |quads: usize| (quads as u64).next_multiple_of(ALIGN);
    let total: u64 = net
        .parameters()
        .iter()
        .filter(|p| p.trained())
        .map(|p| size(p.layout.quads()))
        .sum();
    let mut ranges = vec![];
    let mut places = vec![];
    for spec in net.parameters() {
        let quads = size(spec.layout.quads());
        let at = match (spec.kind.trained(), spec.frozen) {
            (false, _) => &mut statistics,
            (true, true) => &mut frozen,
            (true, false) => &mut trained,
        };
        let first = *at
            + if spec.kind.trained() && spec.frozen {
                total
            } else {
                0
            };
        *at += quads;
        if spec.trained() {
            ranges.push((first, spec.layout.quads() as u64, 0));
        }
        let role = if spec.kind.trained() {
            Role::Parameter
        } else {
            Role::Statistic
        };
        places.push((
            list.tensor(spec.name.clone(), role, spec.layout.quads() as u64),
            first,
        ));
    }
    let arena = [
        list.tensor("parameters", Role::Parameter, (total + frozen).max(1)),
        list.tensor("momentum", Role::Momentum, total.max(1)),
        list.tensor("running statistics", Role::Statistic, statistics.max(1)),
        list.tensor("gradients", Role::Gradient, total.max(1)),
    ];
    for (tensor, first) in &places {
        let of = if list.info(*tensor).role == Role::Parameter {
            arena[0]
        } else {
            arena[2]
        };
        slices.insert(
            *tensor,
            Slice {
                arena: of,
                first_quad: *first,
            },
        );
    }
    (places.into_iter().map(|(t, _)| t).collect(), arena, ranges)
}
