use crate::kernels::{Dispatch, Tensor};

/// What is done to a quad after an addend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Then {
    /// Nothing.
    Nothing,
    /// `max(v, 0)`.
    Relu,
    /// Kept where this tensor is positive: the backward of the ReLU whose output it is.
    Mask(Tensor),
}

impl Then {
    /// [`Then::Mask`] if there is one.
    pub(in crate::kernels) fn mask(mask: Option<Tensor>) -> Then {
        mask.map_or(Then::Nothing, Then::Mask)
    }
}

/// Fills the slot `finish` of a shader.
pub(in crate::kernels) fn finish(d: &mut Dispatch, addend: Option<Tensor>, then: Then) {
    let snippet = match (addend.is_some(), then) {
        (false, Then::Nothing) => return,
        (false, Then::Relu) => "elementwise/finish_relu",
        (false, Then::Mask(_)) => "elementwise/finish_mask",
        (true, Then::Nothing) => "elementwise/finish_add",
        (true, Then::Relu) => "elementwise/finish_add_relu",
        (true, Then::Mask(_)) => "elementwise/finish_add_mask",
    };
    d.slots.push(("finish", snippet));
    d.operands.extend(addend.map(|tensor| ("addend", tensor)));
    if let Then::Mask(tensor) = then {
        d.operands.push(("mask", tensor));
    }
}
