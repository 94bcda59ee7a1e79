//! Data for the bindings of a kernel.

use std::sync::Arc;

use super::data::BindingData;
use super::error::KernelError;
use super::interface::{Binding, BindingAccess};
use super::kernel::Kernel;
use super::launch::KernelLaunch;
use crate::device::{Bound, Memory};

impl Kernel<'_> {
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
                    let bytes = words.len() as u64 * 4 + self.guard_bytes();
                    self.gpu.allocate(&binding.name, bytes, None)
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
            BindingAccess::Read | BindingAccess::ReadWrite => self.gpu.most_bytes(None),
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
}
