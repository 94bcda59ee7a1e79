use super::{Flat, Then, finish};
use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `x` times the normal distribution of `x`.
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
    /// `x` times the sigmoid of `x`.
    Silu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Function {
    fn snippet(self) -> Option<&'static str> {
        match self {
            Function::Gelu => Some("elementwise/gelu"),
            Function::GeluTanh => Some("elementwise/gelu_tanh"),
            Function::Silu => Some("elementwise/silu"),
            // The shaders' own.
            Function::Tanh => None,
        }
    }
}

/// Appends `y = f(x)`. Both tensors have the same size.
pub fn activate(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    function: Function,
    x: Tensor,
    y: Tensor,
) {
    let mut d = Dispatch::new(label, "elementwise/activate");
    d.operands = vec![("x", x), ("y", y)];
    push(list, tuning, d, Some(function), y, &[]);
}

/// Appends `dx` = `dy` times the derivative of the function at `x`, plus `addend`, where `mask` is positive. All tensors have
/// the same size.
#[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
pub fn activate_backward(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    function: Function,
    x: Tensor,
    dy: Tensor,
    dx: Tensor,
    mask: Option<Tensor>,
    addend: Option<Tensor>,
) {
    let mut d = Dispatch::new(label, "elementwise/activate_backward");
    d.operands = vec![("x", x), ("dy", dy), ("dx", dx)];
    finish(&mut d, addend, Then::mask(mask));
    push(list, tuning, d, Some(function), dx, &[]);
}

/// A dropout: each element is 0 with probability `rate`, otherwise divided by `1 - rate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability of 0, from 0 to below 1.
    pub rate: f32,
    /// Key of the layer's random numbers.
    pub key: u32,
}

impl Dropout {
    /// Appends `y` = `x` under the mask of the micro-batch that `state` counts, plus `addend`, where `mask` is positive. The
    /// gradient of the input is the same function of the gradient of the output. All tensors have the same size.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn apply(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        state: Tensor,
        x: Tensor,
        y: Tensor,
        mask: Option<Tensor>,
        addend: Option<Tensor>,
    ) {
        let mut d = Dispatch::new(label, "elementwise/dropout");
        d.operands = vec![("state", state), ("x", x), ("y", y)];
        finish(&mut d, addend, Then::mask(mask));
        let words = [self.key, self.threshold(), self.scale().to_bits()];
        push(list, tuning, d, None, y, &words);
    }

    /// An element passes where its 32 random bits are at least this.
    pub fn threshold(&self) -> u32 {
        (f64::from(self.rate) * 4_294_967_296.0) as u32
    }

    /// What an element that passes is multiplied with.
    pub fn scale(&self) -> f32 {
        (1.0 / (1.0 - f64::from(self.rate))) as f32
    }
}

fn push(
    list: &mut List,
    tuning: &Tuning,
    mut d: Dispatch,
    function: Option<Function>,
    out: Tensor,
    words: &[u32],
) {
    let quads = list.info(out).quads;
    let flat = Flat::new(quads, tuning);
    let snippet = function.and_then(Function::snippet);
    d.slots.extend(snippet.map(|snippet| ("function", snippet)));
    d.constants = vec![("W", tuning.lanes)];
    d.sizes = vec![quads as u32, flat.groups_x, flat.per];
    d.sizes.extend(words);
    d.grid = flat.grid;
    list.push(d);
}
