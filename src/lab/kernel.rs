//! A user's own kernel: its text, what it binds, and its pipeline.

use std::sync::Arc;

use super::data::Data;
use super::error::KernelError;
use super::interface::{self, Access, Binding};
use super::launch::Launch;
use crate::device::{BindingKind, Bound, Gpu, Memory, Pipeline};
use crate::kernels::count::{Counted, Counter, Inputs};
use crate::kernels::emit;

/// Anyone's WGSL, compiled for one device with every runtime check.
///
/// The text has one `@compute` function; its bindings lie in group 0, numbered from 0, and are uniform or storage
/// buffers of `f32`, `u32` or `i32`: numbers, vectors, arrays and structures of them.
///
/// ```no_run
/// use wattgrad::internals::lab::{Data, Kernel};
/// use wattgrad::Gpu;
///
/// let gpu = Gpu::open(&Default::default())?;
/// let square = Kernel::new(&gpu, "square", "
///     @group(0) @binding(0) var<storage, read> x: array<f32>;
///     @group(0) @binding(1) var<storage, read_write> y: array<f32>;
///     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
///         if (id.x < arrayLength(&y)) { y[id.x] = x[id.x] * x[id.x]; }
///     }")?;
/// let x: Vec<f32> = (0..1000).map(|i| i as f32).collect();
/// let inputs = [("x", Data::from(&x)), ("y", Data::Unwritten(1000))];
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
    /// Reads, checks and compiles `wgsl`; `name` stands in errors and debuggers.
    ///
    /// # Errors
    /// The text is not valid WGSL, has another number of entry points than one, binds what the host cannot fill, or
    /// needs more than the device has.
    pub fn new(gpu: &'g Gpu, name: &str, wgsl: &str) -> Result<Self, KernelError> {
        let (module, _) = emit::validate(wgsl).map_err(|source| KernelError::Wgsl {
            kernel: name.to_owned(),
            source,
        })?;
        let [point] = module.entry_points.as_slice() else {
            return Err(KernelError::EntryPoints {
                kernel: name.to_owned(),
                found: module.entry_points.len(),
            });
        };
        let bindings = interface::bindings(name, &module)?;
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

    /// What it binds, in order.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Invocations of a workgroup by dimension.
    #[must_use]
    pub fn workgroup_size(&self) -> [u32; 3] {
        self.workgroup
    }

    /// Puts `inputs` behind the bindings of their names (each binding once, in any order) for a grid of `workgroups`.
    ///
    /// # Errors
    /// A name is unknown, missing or given twice; the type or the length does not fit; the device's limits do not
    /// allow it.
    pub fn bind(
        &self,
        inputs: &[(&str, Data<'_>)],
        workgroups: [u32; 3],
    ) -> Result<Launch<'_>, KernelError> {
        self.check_names(inputs)?;
        let limit = self.gpu.limits.max_compute_workgroups_per_dimension;
        if workgroups.iter().any(|&n| n == 0 || n > limit) {
            return Err(KernelError::Grid {
                grid: workgroups,
                limit,
            });
        }
        let mut words = vec![];
        for binding in &self.bindings {
            let name = &binding.name;
            let data = inputs.iter().find(|(given, _)| given == name);
            let (_, data) = data.ok_or_else(|| KernelError::Unbound {
                kernel: self.name.clone(),
                binding: name.clone(),
            })?;
            binding.check_length(data.len())?;
            self.check_size(binding, data.len())?;
            words.push(data.words(name, binding.element)?);
        }
        let memory: Vec<Option<Memory>> = self
            .bindings
            .iter()
            .zip(&words)
            .map(|(binding, words)| {
                let bytes = words.len() as u64 * 4;
                (binding.access != Access::Uniform)
                    .then(|| self.gpu.allocate(&binding.name, bytes, false))
            })
            .collect();
        let uniforms: Vec<_> = self
            .bindings
            .iter()
            .zip(&words)
            .map(|(binding, words)| {
                (binding.access == Access::Uniform).then(|| self.gpu.uniform(&binding.name, words))
            })
            .collect();
        let bound: Vec<Bound<'_>> = memory
            .iter()
            .zip(&uniforms)
            .zip(&words)
            .filter_map(|((memory, uniform), words)| {
                let bytes = words.len() as u64 * 4;
                let storage = memory.as_ref().map(|memory| Bound {
                    memory,
                    offset: 0,
                    bytes,
                });
                storage.or(uniform.as_ref().map(Bound::whole))
            })
            .collect();
        let pipeline = Arc::clone(&self.pipeline);
        let command = self.gpu.command(&self.name, pipeline, &bound, workgroups);
        self.gpu.check()?;
        Ok(Launch::new(self, command, memory, words, workgroups))
    }

    fn check_names(&self, inputs: &[(&str, Data<'_>)]) -> Result<(), KernelError> {
        for (at, (given, _)) in inputs.iter().enumerate() {
            if self.bindings.iter().all(|known| known.name != *given) {
                let known: Vec<&str> = self.bindings.iter().map(|b| b.name.as_str()).collect();
                return Err(KernelError::UnknownBinding {
                    kernel: self.name.clone(),
                    given: (*given).to_owned(),
                    known: known.join(", "),
                });
            }
            if inputs[..at].iter().any(|(before, _)| before == given) {
                return Err(KernelError::BoundTwice {
                    kernel: self.name.clone(),
                    binding: (*given).to_owned(),
                });
            }
        }
        Ok(())
    }

    fn check_size(&self, binding: &Binding, elements: usize) -> Result<(), KernelError> {
        let limit = match binding.access {
            Access::Uniform => self.gpu.limits.max_uniform_buffer_binding_size,
            Access::Read | Access::ReadWrite => self.gpu.most_bytes(false),
        };
        let bytes = elements as u64 * 4;
        if bytes <= limit {
            return Ok(());
        }
        Err(KernelError::TooLarge {
            binding: binding.name.clone(),
            bytes,
            limit,
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
        counted.map_err(|source| KernelError::Count {
            kernel: self.name.clone(),
            source,
        })
    }
}
