//! A user's own kernel: its text, its bindings and its pipeline.

use std::sync::Arc;

use super::error::KernelError;
use super::interface::{self, Binding};
use crate::device::{BindingKind, Gpu, Pipeline};
use crate::kernels::count::{Counted, Counter, Inputs, Operand};
use crate::kernels::emit;

/// What stands behind the data of a kernel without runtime checks, so that a write beyond the end shows.
pub(super) const GUARD: u8 = 0xa5;
const GUARD_BYTES: u64 = 1 << 16;

/// A WGSL kernel of your own, compiled for one device with every runtime check.
///
/// The text has one `@compute` function. Its bindings are in group 0, numbered from 0, and are uniform or storage buffers
/// of `f32`, `u32` or `i32`: numbers, vectors, arrays and structures of them.
///
/// ```no_run
/// use wattgrad::{BindingData, Gpu, Kernel};
///
/// let gpu = Gpu::open(&Default::default())?;
/// let square = Kernel::new(&gpu, "square", "
///     @group(0) @binding(0) var<storage, read> x: array<f32>;
///     @group(0) @binding(1) var<storage, read_write> y: array<f32>;
///     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
///         if (id.x < arrayLength(&y)) { y[id.x] = x[id.x] * x[id.x]; }
///     }")?;
/// let x: Vec<f32> = (0..1000).map(|i| i as f32).collect();
/// let inputs = [("x", BindingData::from(&x)), ("y", BindingData::Unwritten(1000))];
/// let launch = square.bind(&inputs, [1000_u32.div_ceil(64), 1, 1])?;
/// assert_eq!(launch.run()?.f32("y")?[3], 9.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kernel<'g> {
    pub(super) gpu: &'g Gpu,
    pub(super) name: String,
    pub(super) bindings: Vec<Binding>,
    pub(super) pipeline: Arc<Pipeline>,
    workgroup: [u32; 3],
    entry: String,
    module: naga::Module,
    text: String,
    checks: bool,
}

impl<'g> Kernel<'g> {
    /// Parses, validates and compiles `wgsl`; `name` appears in errors and debuggers.
    ///
    /// # Errors
    /// The text is not valid WGSL, does not have exactly one entry point, has bindings that the host cannot fill, or needs
    /// more than the device has.
    pub fn new(gpu: &'g Gpu, name: &str, wgsl: &str) -> Result<Self, KernelError> {
        let invalid = |problem: String| KernelError::Kernel {
            kernel: name.to_owned(),
            problem,
        };
        let (module, _) = emit::validate(wgsl).map_err(|error| invalid(error.to_string()))?;
        let [point] = module.entry_points.as_slice() else {
            let found = module.entry_points.len();
            return Err(invalid(format!(
                "the text has {found} entry points; use exactly one @compute function"
            )));
        };
        if point.stage != naga::ShaderStage::Compute {
            return Err(invalid(
                "its entry point is not a compute function; mark one with @compute".to_owned(),
            ));
        }
        let invocations: u64 = point.workgroup_size.iter().map(|&n| u64::from(n)).product();
        let most = gpu.limits.max_compute_invocations_per_workgroup;
        if invocations > u64::from(most) {
            return Err(invalid(format!(
                "a workgroup of {invocations} invocations is more than the device's limit of {most}; use a smaller \
                 @workgroup_size"
            )));
        }
        let bindings = interface::bindings(&module).map_err(invalid)?;
        let kinds: Vec<BindingKind> = bindings.iter().map(Binding::kind).collect();
        Ok(Self {
            gpu,
            name: name.to_owned(),
            bindings,
            pipeline: gpu.checked_pipeline(name, wgsl, &kinds)?,
            workgroup: point.workgroup_size,
            entry: point.name.clone(),
            module,
            text: wgsl.to_owned(),
            checks: true,
        })
    }

    /// The same kernel without runtime checks: neither indices nor loops are bounded, and workgroup memory is not zeroed.
    /// [`KernelLaunch::run`](crate::KernelLaunch::run) reports writes up to 64 KiB beyond the end of a binding.
    ///
    /// # Errors
    /// As [`Kernel::new`].
    ///
    /// # Safety
    /// With the data that it is bound to, the kernel must index only inside its bindings and arrays, never divide by zero,
    /// end every loop, and write workgroup memory before it reads it. A device may otherwise do anything.
    pub unsafe fn without_checks(&self) -> Result<Self, KernelError> {
        let kinds: Vec<BindingKind> = self.bindings.iter().map(Binding::kind).collect();
        // SAFETY: the caller's promise.
        let pipeline = unsafe { self.gpu.unchecked_pipeline(&self.name, &self.text, &kinds) }?;
        Ok(Self {
            pipeline,
            checks: false,
            ..self.clone()
        })
    }

    pub(super) fn guard_bytes(&self) -> u64 {
        if self.checks { 0 } else { GUARD_BYTES }
    }

    /// The bytes behind the data of a binding.
    pub(super) fn check_guard(&self, binding: &str, bytes: &[u8]) -> Result<(), KernelError> {
        let guard = &bytes[..self.guard_bytes() as usize];
        match guard.iter().position(|&byte| byte != GUARD) {
            None => Ok(()),
            Some(at) => Err(self.error(
                binding,
                format!(
                    "was written beyond its end (element {} after the last): compare the index with its length first",
                    at / 4 + 1
                ),
            )),
        }
    }

    /// The entry point's name.
    #[must_use]
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// The bindings, in order.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Invocations of a workgroup along each dimension.
    #[must_use]
    pub fn workgroup_size(&self) -> [u32; 3] {
        self.workgroup
    }

    pub(super) fn error(&self, binding: &str, problem: String) -> KernelError {
        KernelError::Binding {
            kernel: self.name.clone(),
            binding: binding.to_owned(),
            problem,
        }
    }

    pub(super) fn count(
        &self,
        operands: &[Operand<'_>],
        workgroups: [u32; 3],
    ) -> Result<Counted, KernelError> {
        let counted = Counter::new(&self.module, &self.entry).and_then(|counter| {
            counter.count(&Inputs {
                sizes: operands.first().map_or(&[], |operand| operand.words),
                others: operands,
                workgroups,
                passes: None,
            })
        });
        counted.map_err(|error| KernelError::Kernel {
            kernel: self.name.clone(),
            problem: error.to_string(),
        })
    }
}
