//! A user's own kernel: its text, its bindings and its pipeline.

use std::sync::Arc;

use super::data::BindingData;
use super::error::KernelError;
use super::interface::{self, Binding, BindingAccess};
use super::launch::KernelLaunch;
use crate::device::{BindingKind, Bound, Gpu, Memory, Pipeline};
use crate::kernels::count::{Counted, Counter, Inputs};
use crate::kernels::emit;

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
#[derive(Debug)]
pub struct Kernel<'g> {
    pub(super) gpu: &'g Gpu,
    pub(super) name: String,
    pub(super) bindings: Vec<Binding>,
    pipeline: Arc<Pipeline>,
    workgroup: [u32; 3],
    entry: String,
    module: naga::Module,
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
        })
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

    /// Binds `inputs` by name (each binding once, in any order) for a grid of `workgroups`.
    ///
    /// # Errors
    /// A name is unknown, missing or given twice; a type or length does not fit; or a binding or the grid exceeds the
    /// device's limits.
    pub fn bind(
        &self,
        inputs: &[(&str, BindingData<'_>)],
        workgroups: [u32; 3],
    ) -> Result<KernelLaunch<'_>, KernelError> {
        self.check_names(inputs)?;
        let limit = self.gpu.limits.max_compute_workgroups_per_dimension;
        if workgroups.iter().any(|&n| n == 0 || n > limit) {
            return Err(KernelError::Range {
                what: "every dimension of the grid",
                allowed: format!("between 1 and {limit} workgroups"),
                given: format!("{workgroups:?}"),
            });
        }
        let words: Vec<Vec<u32>> = self
            .bindings
            .iter()
            .map(|binding| self.words(binding, inputs))
            .collect::<Result<_, _>>()?;
        let memory: Vec<Memory> = self
            .bindings
            .iter()
            .zip(&words)
            .map(|(binding, words)| match binding.access {
                BindingAccess::Uniform => self.gpu.uniform(&binding.name, words),
                BindingAccess::Read | BindingAccess::ReadWrite => {
                    self.gpu
                        .allocate(&binding.name, words.len() as u64 * 4, false)
                }
            })
            .collect();
        let pieces = self.bindings.iter().zip(&memory).zip(&words);
        let bound: Vec<Bound<'_>> = pieces
            .map(|((binding, memory), words)| match binding.access {
                BindingAccess::Uniform => Bound::whole(memory),
                BindingAccess::Read | BindingAccess::ReadWrite => Bound {
                    memory,
                    offset: 0,
                    bytes: words.len() as u64 * 4,
                },
            })
            .collect();
        let pipeline = Arc::clone(&self.pipeline);
        let command = self.gpu.command(&self.name, pipeline, &bound, workgroups);
        self.gpu.check()?;
        Ok(KernelLaunch::new(self, command, memory, words, workgroups))
    }

    pub(super) fn error(&self, binding: &str, problem: String) -> KernelError {
        KernelError::Binding {
            kernel: self.name.clone(),
            binding: binding.to_owned(),
            problem,
        }
    }

    fn check_names(&self, inputs: &[(&str, BindingData<'_>)]) -> Result<(), KernelError> {
        for (at, (given, _)) in inputs.iter().enumerate() {
            if self.bindings.iter().all(|known| known.name != *given) {
                let known: Vec<&str> = self.bindings.iter().map(|b| b.name.as_str()).collect();
                let known = known.join(", ");
                return Err(self.error(given, format!("does not exist; its bindings are {known}")));
            }
            if inputs[..at].iter().any(|(before, _)| before == given) {
                return Err(self.error(given, "has data twice; give it once".to_owned()));
            }
        }
        Ok(())
    }

    /// The words of a binding among the inputs.
    fn words(
        &self,
        binding: &Binding,
        inputs: &[(&str, BindingData<'_>)],
    ) -> Result<Vec<u32>, KernelError> {
        let error = |problem: String| self.error(&binding.name, problem);
        let data = inputs.iter().find(|(given, _)| *given == binding.name);
        let (_, data) = data.ok_or_else(|| {
            error("has no data; give it once, outputs as BindingData::Unwritten".to_owned())
        })?;
        binding.check_length(data.len()).map_err(error)?;
        let limit = match binding.access {
            BindingAccess::Uniform => self.gpu.limits.max_uniform_buffer_binding_size,
            BindingAccess::Read | BindingAccess::ReadWrite => self.gpu.most_bytes(false),
        };
        let bytes = data.len() as u64 * 4;
        if bytes > limit {
            return Err(error(format!(
                "has {bytes} bytes, more than the device's limit of {limit}; bind less at a time"
            )));
        }
        data.words(binding.element).map_err(|given| {
            let wanted = binding.element.name();
            error(format!(
                "holds {wanted}, but the data is {given}; convert the data first"
            ))
        })
    }

    pub(super) fn count(
        &self,
        sizes: &[u32],
        workgroups: [u32; 3],
    ) -> Result<Counted, KernelError> {
        let counted = Counter::new(&self.module, &self.entry).and_then(|counter| {
            counter.count(&Inputs {
                sizes,
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
