//! Whether the parts of a step add up to the step.

use serde::Serialize;

/// The parts of a step, in seconds or joules.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Closure {
    /// The step, measured as a whole.
    pub step: f64,
    /// All kernels, measured one by one, without the gaps before them.
    pub kernels: f64,
    /// The gaps before all launches, by the gaps of empty dispatches.
    pub gaps: f64,
    /// While the device waits for the host; absent where the device's clock is not plausible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<f64>,
    /// The rest of the step; below 0 where the parts are more than the whole.
    pub unexplained: f64,
}

impl Closure {
    /// Of a step and its parts.
    pub fn new(step: f64, kernels: f64, gaps: f64, idle: Option<f64>) -> Self {
        Self {
            step,
            kernels,
            gaps,
            idle,
            unexplained: step - kernels - gaps - idle.unwrap_or(0.0),
        }
    }

    /// The unexplained share of the step.
    pub fn error(&self) -> f64 {
        self.unexplained / self.step
    }

    /// Name and amount of each part.
    pub fn parts(&self) -> Vec<(&'static str, f64)> {
        let mut parts = vec![("kernels", self.kernels), ("gaps", self.gaps)];
        parts.extend(self.idle.map(|idle| ("idle", idle)));
        parts.push(("unexplained", self.unexplained));
        parts
    }
}

#[test]
fn the_parts_and_the_rest_are_the_step() {
    let closure = Closure::new(10.0, 8.0, 1.5, Some(0.25));
    assert!((closure.unexplained - 0.25).abs() < 1e-12 && (closure.error() - 0.025).abs() < 1e-12);
    let sum: f64 = closure.parts().iter().map(|part| part.1).sum();
    assert!((sum - closure.step).abs() < 1e-12);
    let more = Closure::new(10.0, 11.0, 0.0, None);
    assert!((more.unexplained + 1.0).abs() < 1e-12 && more.parts().len() == 3);
}
