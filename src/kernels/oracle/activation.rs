//! GELU, SiLU and tanh, and dropout by its definition.

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x` times the normal distribution of `x`.
    Gelu,
    /// PyTorch's `approximate="tanh"`.
    GeluTanh,
    /// `x` times the sigmoid of `x`.
    Silu,
    /// The hyperbolic tangent.
    Tanh,
}

/// The error function, by the series of Kummer, whose terms are all positive; beyond 6 it is 1 in f64.
pub fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let mut term = x;
    let mut sum = x;
    let mut n = 0.0;
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

impl Activation {
    /// The value at `x`.
    pub fn value(self, x: f64) -> f64 {
        match self {
            Activation::Gelu => x * 0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)),
            Activation::GeluTanh => 0.5 * x * (1.0 + gelu_inner(x).tanh()),
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Tanh => x.tanh(),
        }
    }

    /// The derivative at `x`.
    pub fn slope(self, x: f64) -> f64 {
        match self {
            Activation::Gelu => {
                let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)) + x * density
            }
            Activation::GeluTanh => {
                let h = gelu_inner(x).tanh();
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
                0.5 * (1.0 + h) + 0.5 * x * (1.0 - h * h) * inner
            }
            Activation::Silu => {
                let s = 1.0 / (1.0 + (-x).exp());
                s * (1.0 + x * (1.0 - s))
            }
            Activation::Tanh => 1.0 - x.tanh().powi(2),
        }
    }
}

fn gelu_inner(x: f64) -> f64 {
    (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))
}
