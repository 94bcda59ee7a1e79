//! What can go wrong with a user's own kernel; each message is one sentence that ends with a way out.

use crate::device::DeviceError;
use crate::kernels::count::CountError;
use crate::kernels::emit::EmitError;

/// Why a kernel was not compiled, bound, run or found right.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The text is not WGSL, or not valid.
    #[error("kernel {kernel:?}: {source}")]
    Wgsl {
        /// The kernel.
        kernel: String,
        /// The place and the reason.
        source: EmitError,
    },
    /// The text has no compute entry point, or several.
    #[error(
        "kernel {kernel:?} has {found} entry points: give a text with exactly one @compute function"
    )]
    EntryPoints {
        /// The kernel.
        kernel: String,
        /// How many there are.
        found: usize,
    },
    /// A binding of a kind that cannot be filled from the host.
    #[error(
        "binding {binding:?} of kernel {kernel:?} is {what}: use uniform or storage buffers of f32, u32 or i32 at group 0"
    )]
    Unsupported {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: String,
        /// What it is.
        what: String,
    },
    /// The numbers of the bindings have gaps.
    #[error(
        "kernel {kernel:?} has {count} bindings and none of them is @binding({missing}): number them from 0 without gaps"
    )]
    Numbering {
        /// The kernel.
        kernel: String,
        /// How many bindings there are.
        count: usize,
        /// The first number that is missing.
        missing: u32,
    },
    /// Data for a binding that is not there.
    #[error("kernel {kernel:?} binds no {given:?}: it binds {known}")]
    UnknownBinding {
        /// The kernel.
        kernel: String,
        /// What was given.
        given: String,
        /// The bindings there are.
        known: String,
    },
    /// A binding without data.
    #[error(
        "binding {binding:?} of kernel {kernel:?} was given no data: give it once, outputs as Data::Unwritten"
    )]
    Unbound {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: String,
    },
    /// A binding with data twice.
    #[error("binding {binding:?} of kernel {kernel:?} was given data twice: give it once")]
    BoundTwice {
        /// The kernel.
        kernel: String,
        /// The binding.
        binding: String,
    },
    /// Data of another type than the binding's.
    #[error("binding {binding:?} holds {wanted} and was given {given}: convert the data first")]
    Type {
        /// The binding.
        binding: String,
        /// The type it holds.
        wanted: &'static str,
        /// The type given.
        given: &'static str,
    },
    /// Data whose size the binding cannot have.
    #[error("binding {binding:?} takes {wanted} and was given {given} of 4 bytes: mend its length")]
    Length {
        /// The binding.
        binding: String,
        /// Elements it takes, in words.
        wanted: String,
        /// Elements given.
        given: usize,
    },
    /// A binding larger than the device allows.
    #[error(
        "binding {binding:?} of {bytes} bytes is above the device's limit of {limit}: bind less at a time"
    )]
    TooLarge {
        /// The binding.
        binding: String,
        /// Bytes it has.
        bytes: u64,
        /// Bytes it may have.
        limit: u64,
    },
    /// A grid the device cannot run.
    #[error(
        "a grid of {grid:?} workgroups cannot run: give 1 to {limit} in each of the three dimensions"
    )]
    Grid {
        /// The grid given.
        grid: [u32; 3],
        /// Most workgroups of a dimension.
        limit: u32,
    },
    /// A result read as another type than it has.
    #[error("output {binding:?} holds {holds} and was read as {asked}: read it as {holds}")]
    OutputType {
        /// The binding.
        binding: String,
        /// The type it holds.
        holds: &'static str,
        /// The type asked for.
        asked: &'static str,
    },
    /// A result of a binding the kernel does not write.
    #[error("kernel {kernel:?} has no output {given:?}: it writes {known}")]
    UnknownOutput {
        /// The kernel.
        kernel: String,
        /// What was asked for.
        given: String,
        /// The outputs there are.
        known: String,
    },
    /// The device runs nothing.
    #[error(
        "kernel {kernel:?} has no results on the backend without hardware: open a real adapter"
    )]
    NoHardware {
        /// The kernel.
        kernel: String,
    },
    /// The kernel and its oracle differ.
    #[error(
        "output {binding:?} differs from its oracle by {error:e} at element {at} ({got} instead of {expected}), more than {bound:e}: mend the kernel, the oracle or the bound"
    )]
    Differs {
        /// The output.
        binding: String,
        /// The largest error.
        error: f64,
        /// Where it is.
        at: usize,
        /// The kernel's value there.
        got: f64,
        /// The oracle's value there.
        expected: f64,
        /// The bound.
        bound: f64,
    },
    /// Nothing to measure.
    #[error("a measurement of {what} measures nothing: give more than 0")]
    Nothing {
        /// What was given.
        what: &'static str,
    },
    /// The operations of the kernel cannot be counted.
    #[error("kernel {kernel:?} was not counted: {source}")]
    Count {
        /// The kernel.
        kernel: String,
        /// The reason.
        source: CountError,
    },
    /// The device refused or failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
}
