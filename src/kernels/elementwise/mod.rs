//! ReLU, its backward, and addition; other functions of each element; dropout; and the final operations on a quad, which other families share.

mod activate;
mod finish;
mod walk;

pub use activate::{Dropout, Function, activate, activate_backward};
pub(super) use finish::{Then, finish};
pub(super) use walk::{Channels, Flat, fold, lanes_grid, steps};

use super::{Dispatch, List, Tensor, Tuning};

/// `y = x`, in the element type of `y`. Both tensors have the same size.
pub fn copy(list: &mut List, tuning: &Tuning, label: &str, x: Tensor, y: Tensor) {
    map(list, tuning, label, x, y, None, Then::Nothing);
}

/// `y = max(x, 0)`, a NaN staying one. Both tensors have the same size.
pub fn relu(list: &mut List, tuning: &Tuning, label: &str, x: Tensor, y: Tensor) {
    map(list, tuning, label, x, y, None, Then::Relu);
}

/// `dx = dy` where `y`, the output of the ReLU, was positive, and 0 elsewhere. All tensors have the same size.
pub fn relu_backward(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    dy: Tensor,
    y: Tensor,
    dx: Tensor,
) {
    map(list, tuning, label, dy, dx, None, Then::Mask(y));
}

/// `y = a + b`, then ReLU if `relu`. All tensors have the same size.
pub fn add(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    a: Tensor,
    b: Tensor,
    y: Tensor,
    relu: bool,
) {
    map(
        list,
        tuning,
        label,
        a,
        y,
        Some(b),
        if relu { Then::Relu } else { Then::Nothing },
    );
}

fn map(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    x: Tensor,
    y: Tensor,
    addend: Option<Tensor>,
    then: Then,
) {
    let quads = list.info(y).quads;
    let flat = Flat::new(quads, tuning);
    let mut d = Dispatch::new(label, "elementwise/map");
    d.operands = vec![("x", x), ("y", y)];
    finish(&mut d, addend, then);
    d.constants = vec![("W", tuning.lanes)];
    d.sizes = vec![quads as u32, flat.groups_x, flat.per];
    d.grid = flat.grid;
    list.push(d);
}
