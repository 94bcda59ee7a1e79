use crate::kernels::elementwise::{Channels, Then, finish, lanes_grid};
use crate::kernels::{Dispatch, List, Shape, Tensor, Tuning};

/// Appends the global average pool: `x` \[images, input\] to `y`, a vector of the channels for every image
/// ([`Shape::vector`]).
pub fn mean_forward(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    images: u32,
    input: Shape,
    x: Tensor,
    y: Tensor,
) {
    let channels4 = input.channels.div_ceil(4);
    let quads = images * channels4;
    let mut d = Dispatch::new(label, "pool/mean_forward");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![("x", x), ("y", y)];
    d.sizes = vec![
        quads,
        input.channels,
        channels4,
        input.plane_quads(),
        input.height * input.width,
    ];
    d.grid = lanes_grid(quads, tuning);
    list.push(d);
}

/// Appends `dx` = each channel's gradient in `dy` (vectors of the channels) over the elements of its plane, plus `addend`,
/// where `mask` is positive.
///
/// `mask` is the output of the ReLU that made the pool's input, and `addend` another consumer's gradient of it, both of
/// `dx`'s size.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn mean_backward(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    images: u32,
    input: Shape,
    dy: Tensor,
    dx: Tensor,
    mask: Option<Tensor>,
    addend: Option<Tensor>,
) {
    let channels = Channels::even(images, input, tuning);
    let mut d = Dispatch::new(label, "pool/mean_backward");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![("dy", dy), ("dx", dx)];
    finish(&mut d, addend, Then::mask(mask));
    d.sizes = channels.words(images, input, tuning);
    d.sizes.insert(3, input.channels.div_ceil(4));
    d.grid = channels.grid(input);
    list.push(d);
}
