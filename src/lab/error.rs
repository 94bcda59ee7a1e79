//! The errors of a user's own kernel.

use crate::device::DeviceError;

/// Why a kernel cannot be compiled, bound or run, or is wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The text is not valid WGSL, or the host cannot bind or count it.
    #[error("kernel {kernel:?}: {problem}")]
    Kernel {
        /// The kernel.
        kernel: String,
        /// The problem, its place, and what to do.
        problem: String,
    },
    /// Data is missing, given twice, or of another type or length than its binding.
    #[error("binding {binding:?} of kernel {kernel:?} {problem}")]
    Binding {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: String,
        /// The problem and what to do.
        problem: String,
    },
    /// A value of a run or measurement is out of range.
    #[error("{what} must be {allowed}, got {given}")]
    Range {
        /// The value's name.
        what: &'static str,
        /// The values allowed.
        allowed: String,
        /// The value given.
        given: String,
    },
    /// The kernel and its oracle differ.
    #[error(
        "output {binding:?} differs from its oracle by {error:e} at element {at} ({got} instead of {expected}), more than \
         the bound {bound:e}; fix the kernel, the oracle or the bound"
    )]
    Differs {
        /// The output.
        binding: String,
        /// The largest error.
        error: f64,
        /// The element with the largest error.
        at: usize,
        /// The kernel's value there.
        got: f64,
        /// The oracle's value there.
        expected: f64,
        /// The bound.
        bound: f64,
    },
    /// The device refused or failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
}
