//! What the content of a tensor came from.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::inputs::Inputs;
use crate::kernels::{Access, Composed, Dispatch, List, Storage, Tensor};

/// The dispatches that a tensor's content came from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The shader files, each once.
    pub(super) kernels: Vec<&'static str>,
    /// The last dispatch's variant.
    pub(super) variant: String,
    pub(super) storage: Storage,
    pub(super) tensor: String,
    /// The numbers of the inputs that its content came from.
    pub(super) inputs: Inputs,
}

/// What each tensor's content comes from, through all tensors between; `composed` are the texts of the dispatches.
pub(super) fn origins(
    list: &List,
    composed: &[Composed],
    given: &[(Tensor, Vec<u32>)],
    storage: Storage,
) -> BTreeMap<Tensor, Rc<Origin>> {
    let mut sources: BTreeMap<Tensor, BTreeSet<usize>> = BTreeMap::new();
    let given = given.iter().chain(&list.constants);
    let mut inputs: BTreeMap<Tensor, Inputs> = given
        .map(|(tensor, words)| (*tensor, Inputs::of(list, *tensor, words)))
        .collect();
    for (at, (dispatch, composed)) in list.dispatches.iter().zip(composed).enumerate() {
        let mut from = BTreeSet::from([at]);
        let mut of_read = Inputs::default();
        for read in tensors(dispatch, composed, |access| access != Access::Write) {
            from.extend(sources.get(&read).into_iter().flatten());
            of_read = of_read | inputs.get(&read).copied().unwrap_or_default();
        }
        for written in tensors(dispatch, composed, |access| access != Access::Read) {
            sources.entry(written).or_default().extend(&from);
            let own = inputs.entry(written).or_default();
            *own = *own | of_read;
        }
    }
    let all = list.dispatches.iter().flat_map(|d| d.operands.iter());
    let all: BTreeSet<Tensor> = all.map(|(_, tensor)| *tensor).collect();
    let origin = |tensor: Tensor| {
        let mut kernels = vec![];
        let mut variant = "";
        for at in sources.get(&tensor).into_iter().flatten() {
            let dispatch = &list.dispatches[*at];
            let slots = dispatch.slots.iter().map(|(_, name)| *name);
            for name in std::iter::once(dispatch.shader).chain(slots) {
                if !kernels.contains(&name) {
                    kernels.push(name);
                }
            }
            variant = &dispatch.variant;
        }
        Origin {
            kernels,
            variant: variant.to_owned(),
            storage,
            tensor: list.info(tensor).name.clone(),
            inputs: inputs.get(&tensor).copied().unwrap_or_default(),
        }
    };
    all.into_iter().map(|t| (t, Rc::new(origin(t)))).collect()
}

/// The tensors that a dispatch accesses in one of these ways.
fn tensors(
    dispatch: &Dispatch,
    composed: &Composed,
    accessed: impl Fn(Access) -> bool,
) -> Vec<Tensor> {
    let named = composed.operands.iter().filter(|o| accessed(o.access));
    let find = |name: &str| dispatch.operands.iter().find(|(n, _)| *n == name);
    named
        .filter_map(|o| find(&o.name))
        .map(|(_, tensor)| *tensor)
        .collect()
}
