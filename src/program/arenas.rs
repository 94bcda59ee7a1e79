//! Where parameters lie: in slices of arenas, with their gradients and optimizer state at the same places of other arenas,
//! and running statistics in arenas of their own. An arena is at most as large as the device can bind.

use std::collections::HashMap;
use std::ops::Range;

use super::ProgramError;
use crate::data::Dtype;
use crate::kernels::{List, Role, Tensor, optim};
use crate::model::{Network, ParameterKind, ParameterSpec};

/// Parameters start at multiples of this many bytes, so that any device can bind each one alone.
const ALIGN_BYTES: u64 = 256;

/// What is kept of each trained parameter beside its value and gradient.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept<'a> {
    /// Names of the optimizer state.
    pub optimizer_state: &'a [&'a str],
    /// Whether gradients are summed over micro-batches.
    pub accumulates: bool,
    /// Whether products read an f16 copy of each weight.
    pub halves: bool,
}

impl Kept<'_> {
    /// Parameters start at multiples of this many quads.
    fn align(self) -> u64 {
        let smallest = if self.halves { Dtype::F16 } else { Dtype::F32 };
        ALIGN_BYTES / smallest.quad_bytes()
    }
}

/// A part of an arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub arena: Tensor,
    pub first_quad: u64,
}

/// An arena of parameters, the trained ones first.
#[derive(Debug)]
pub(super) struct Arena {
    pub parameters: Tensor,
    /// Their f16 copy, in the same layout, where products read one.
    pub halves: Option<Tensor>,
    /// Absent if all are frozen.
    pub trained: Option<Trained>,
}

/// The other arenas of trained parameters, in the same layout.
#[derive(Debug)]
pub(super) struct Trained {
    pub gradients: Tensor,
    pub optimizer_state: Vec<Tensor>,
    /// Sums over the micro-batches of a step; absent without accumulation.
    pub gradient_sums: Option<Tensor>,
    /// Its part of [`Arenas::chunks`].
    pub chunks: Range<u32>,
}

/// All arenas of a network.
#[derive(Debug, Default)]
pub(super) struct Arenas {
    pub parameters: Vec<Arena>,
    pub statistics: Vec<Tensor>,
    /// Each parameter, in the network's order.
    pub tensors: Vec<Tensor>,
    /// The same as layers read them: a weight's f16 copy where there is one.
    pub read: Vec<Tensor>,
    /// Their gradients; `None` if frozen.
    pub gradients: Vec<Option<Tensor>>,
    pub slices: HashMap<Tensor, Slice>,
    /// The chunks of all arenas, one arena after the other.
    pub chunks: Vec<[u32; 4]>,
}

impl Arenas {
    /// Lays out the parameters, trained ones first, and the running statistics in arenas of at most `limit` bytes.
    ///
    /// # Errors
    /// A single parameter is larger than `limit`.
    pub fn new(
        net: &Network,
        list: &mut List,
        kept: Kept<'_>,
        limit: u64,
    ) -> Result<Arenas, ProgramError> {
        let specs = net.parameters();
        let mut arenas = Arenas::default();
        for spec in specs {
            let role = if spec.kind.trained() {
                Role::Parameter
            } else {
                Role::Statistic
            };
            let quads = spec.layout.quads() as u64;
            arenas
                .tensors
                .push(list.tensor(spec.name.clone(), role, quads));
            arenas.read.push(match spec.kind {
                ParameterKind::Weight { .. } if kept.halves => {
                    list.halves(format!("{} f16", spec.name), role, quads)
                }
                _ => arenas.tensors[arenas.read.len()],
            });
            arenas.gradients.push(spec.trained().then(|| {
                let name = format!("{} gradient", spec.name);
                list.tensor(name, Role::Gradient, quads)
            }));
        }
        let all = || 0..specs.len();
        let mut order: Vec<usize> = all().filter(|at| specs[*at].kind.trained()).collect();
        order.sort_by_key(|at| specs[*at].frozen);
        let align = kept.align();
        let packed = pack(specs, &order, limit, align)?;
        let numbered = |name: &str, at: usize| match at {
            0 => name.to_owned(),
            _ => format!("{name} {at}"),
        };
        for (at, places) in packed.iter().enumerate() {
            arenas.arena(specs, list, places, kept, |name| numbered(name, at));
        }
        let order: Vec<usize> = all().filter(|at| !specs[*at].kind.trained()).collect();
        for (at, places) in pack(specs, &order, limit, align)?.iter().enumerate() {
            let name = numbered("running statistics", at);
            let arena = list.tensor(name, Role::Statistic, end(specs, places));
            arenas.statistics.push(arena);
            for (parameter, first_quad) in places.iter().copied() {
                arenas
                    .slices
                    .insert(arenas.tensors[parameter], Slice { arena, first_quad });
            }
        }
        Ok(arenas)
    }

    pub fn all(&self) -> impl Iterator<Item = Tensor> + '_ {
        let trained = self.parameters.iter().filter_map(|a| a.trained.as_ref());
        let parameters = self.parameters.iter();
        let parameters = parameters.flat_map(|a| std::iter::once(a.parameters).chain(a.halves));
        let of = |trained: &Trained| {
            let gradients = std::iter::once(trained.gradients).chain(trained.gradient_sums);
            gradients.chain(trained.optimizer_state.clone())
        };
        parameters
            .chain(trained.flat_map(of))
            .chain(self.statistics.iter().copied())
    }

    fn arena(
        &mut self,
        specs: &[ParameterSpec],
        list: &mut List,
        places: &[(usize, u64)],
        kept: Kept<'_>,
        name: impl Fn(&str) -> String,
    ) {
        let trained: Vec<(usize, u64)> = places
            .iter()
            .copied()
            .filter(|(at, _)| specs[*at].trained())
            .collect();
        let ranges: Vec<(u64, u64, u32)> = trained
            .iter()
            .map(|(at, first)| (*first, specs[*at].layout.quads() as u64, specs[*at].group))
            .collect();
        let from = self.chunks.len() as u32;
        self.chunks.extend(optim::chunks(&ranges));
        let quads = end(specs, &trained);
        let arena = Arena {
            parameters: list.tensor(name("parameters"), Role::Parameter, end(specs, places)),
            halves: (kept.halves)
                .then(|| list.halves(name("parameters f16"), Role::Parameter, end(specs, places))),
            trained: (!trained.is_empty()).then(|| Trained {
                gradients: list.tensor(name("gradients"), Role::Gradient, quads),
                gradient_sums: kept
                    .accumulates
                    .then(|| list.tensor(name("gradient sums"), Role::Gradient, quads)),
                optimizer_state: kept
                    .optimizer_state
                    .iter()
                    .map(|of| list.tensor(name(of), Role::OptimizerState, quads))
                    .collect(),
                chunks: from..self.chunks.len() as u32,
            }),
        };
        let mut slice = |tensor, arena, first_quad| {
            self.slices.insert(tensor, Slice { arena, first_quad });
        };
        for (at, first) in places.iter().copied() {
            slice(self.tensors[at], arena.parameters, first);
            if let Some(halves) = arena.halves.filter(|_| self.read[at] != self.tensors[at]) {
                slice(self.read[at], halves, first);
            }
            if let (Some(gradient), Some(trained)) = (self.gradients[at], &arena.trained) {
                slice(gradient, trained.gradients, first);
            }
        }
        self.parameters.push(arena);
    }
}

/// Puts parameters one after the other into arenas of at most `limit` bytes, each with its first quad.
fn pack(
    specs: &[ParameterSpec],
    order: &[usize],
    limit: u64,
    align: u64,
) -> Result<Vec<Vec<(usize, u64)>>, ProgramError> {
    let mut arenas: Vec<Vec<(usize, u64)>> = vec![];
    for &at in order {
        let bytes = specs[at].layout.bytes();
        if bytes > limit {
            return Err(ProgramError::TooLarge {
                tensor: specs[at].name.clone(),
                bytes,
                limit,
            });
        }
        match arenas.last_mut() {
            Some(last) if next(specs, last, align) * Dtype::F32.quad_bytes() + bytes <= limit => {
                let first = next(specs, last, align);
                last.push((at, first));
            }
            _ => arenas.push(vec![(at, 0)]),
        }
    }
    Ok(arenas)
}

/// Quads up to the end of the last parameter.
fn end(specs: &[ParameterSpec], places: &[(usize, u64)]) -> u64 {
    places
        .last()
        .map_or(0, |(at, first)| first + specs[*at].layout.quads() as u64)
}

/// Where the next parameter may start.
fn next(specs: &[ParameterSpec], places: &[(usize, u64)], align: u64) -> u64 {
    end(specs, places).next_multiple_of(align)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trained tensors of 16, 16, 6 and 1 quads, frozen ones of 80 and 2, and statistics of 16 each.
    fn network() -> Network {
        let mut net = Network::new();
        let x = net.input([64, 1, 1]);
        let h = net.batch_norm("norm", x).unwrap();
        let frozen = net.linear("frozen", h, 5).unwrap();
        let h = net.linear("fc", frozen, 3).unwrap();
        net.cross_entropy("label", h, 0, 1.0);
        net.freeze("frozen");
        net
    }

    #[test]
    fn starts_another_arena_at_the_limit() {
        let net = network();
        let largest = net
            .parameters()
            .iter()
            .map(|p| p.layout.bytes())
            .max()
            .unwrap();
        for limit in [u64::MAX, 2 * largest, largest + 8, largest] {
            let mut list = List::default();
            let kept = Kept {
                optimizer_state: &["momentum"],
                accumulates: true,
                halves: limit == u64::MAX,
            };
            let arenas = Arenas::new(&net, &mut list, kept, limit).unwrap();
            assert_eq!(arenas.parameters.len() > 1, limit < 2 * largest);
            let mut used: HashMap<Tensor, Vec<Range<u64>>> = HashMap::new();
            for (tensor, slice) in &arenas.slices {
                let quads = list.info(*tensor).quads;
                assert!(slice.first_quad.is_multiple_of(kept.align()));
                assert!(slice.first_quad + quads <= list.info(slice.arena).quads);
                let range = slice.first_quad..slice.first_quad + quads;
                let others = used.entry(slice.arena).or_default();
                assert!(
                    others
                        .iter()
                        .all(|o| o.end <= range.start || range.end <= o.start)
                );
                others.push(range);
            }
            for arena in arenas.all() {
                assert!(list.info(arena).bytes() <= limit);
            }
            // A gradient lies where its parameter does, and the table names every trained quad once.
            let mut chunks = vec![];
            for arena in &arenas.parameters {
                let Some(trained) = &arena.trained else {
                    continue;
                };
                assert_eq!(trained.chunks.start as usize, chunks.len());
                for at in trained.chunks.clone() {
                    chunks.push((arena.parameters, arenas.chunks[at as usize]));
                }
            }
            assert_eq!(chunks.len(), arenas.chunks.len());
            let named: u64 = chunks.iter().map(|(_, c)| u64::from(c[1])).sum();
            let mut trained = 0;
            for (tensor, gradient) in arenas.tensors.iter().zip(&arenas.gradients) {
                let slice = arenas.slices[tensor];
                let Some(gradient) = gradient else { continue };
                trained += list.info(*tensor).quads;
                assert_eq!(arenas.slices[gradient].first_quad, slice.first_quad);
                assert!(chunks.iter().any(|(of, c)| *of == slice.arena
                    && u64::from(c[0]) == slice.first_quad
                    && u64::from(c[1]) == list.info(*tensor).quads));
            }
            assert_eq!(named, trained);
        }
    }

    #[test]
    fn running_statistics_are_divided_too() {
        let mut net = Network::new();
        let x = net.input([64, 1, 1]);
        let h = net.batch_norm("first", x).unwrap();
        let h = net.batch_norm("second", h).unwrap();
        net.cross_entropy("label", h, 0, 1.0);
        let arenas = Arenas::new(&net, &mut List::default(), Kept::default(), 256).unwrap();
        assert_eq!((arenas.parameters.len(), arenas.statistics.len()), (4, 4));
        let arenas = Arenas::new(&net, &mut List::default(), Kept::default(), 512).unwrap();
        assert_eq!((arenas.parameters.len(), arenas.statistics.len()), (2, 2));
    }

    #[test]
    fn rejects_a_parameter_above_the_limit() {
        let why = Arenas::new(&network(), &mut List::default(), Kept::default(), 255).unwrap_err();
        let ProgramError::TooLarge {
            tensor,
            bytes,
            limit,
        } = &why
        else {
            panic!("{why}")
        };
        assert_eq!((tensor.as_str(), *bytes, *limit), ("norm.weight", 256, 255));
    }
}
