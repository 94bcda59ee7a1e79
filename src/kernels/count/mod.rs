//! Floating-point operations of a kernel, counted from its own code rather than from a formula beside it.
//!
//! [`count`] walks the intermediate form that the drivers' shaders are written from, and follows one invocation: loop
//! bounds come from constants and from the table of sizes, so the count is exact where the work is.
//!
//! # Conventions
//! - An addition, subtraction, multiplication, division or remainder of floats is 1 for each component; `fma` is 2,
//!   `mix` 3. A product with a matrix is its multiplications and additions: 2·n − 1 for each result, n being the
//!   shared dimension; `dot` is 2·n − 1.
//! - `sqrt`, `inverseSqrt`, `exp`, `log`, `pow`, trigonometry and their like are 1 for each component.
//! - `min`, `max`, `abs`, `clamp`, `select`, rounding, negation, comparisons, conversions and all integer work are 0.
//! - `subgroupAdd` and `subgroupMul`, and their scans, are 1 for each component: a reduction over n lanes takes n − 1
//!   operations, about one a lane.
//! - The invocation's place in the grid is taken as 0 in every coordinate. Where a condition depends on it, or on
//!   data, the branch that counts more is counted: guarded edges count as if taken, early returns and `continue`s as
//!   if not. Where a condition depends only on constants and sizes, it is followed.
//! - A loop whose end depends on the invocation's place runs as for place 0. One whose end depends on data cannot be
//!   counted: one pass through it is, and [`Counted::data_dependent_loop`] says so.
//! - Bytes are those of storage buffers and images as the code asks for them, before any cache.

use naga::valid::{ModuleInfo, ValidationFlags, Validator};
use naga::{Binding, BuiltIn, Module, ShaderStage, TypeInner};

mod compile;
mod cost;
mod run;
mod value;

use cost::Typed;
use run::Machine;
use value::{Data, Value};

/// What one invocation of a kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Floating-point operations of one invocation.
    pub flops_per_invocation: u64,
    /// Bytes one invocation loads from storage buffers and images.
    pub loaded_bytes_per_invocation: u64,
    /// Bytes one invocation stores to storage buffers and images.
    pub stored_bytes_per_invocation: u64,
    /// A loop ends by the data it reads, so the numbers are no more than a lower bound.
    pub data_dependent_loop: bool,
    /// Invocations in a workgroup, by dimension.
    pub workgroup_size: [u32; 3],
}

impl Counted {
    /// Invocations of a dispatch of `workgroups`.
    #[must_use]
    pub fn invocations(&self, workgroups: [u32; 3]) -> u64 {
        self.workgroup_size
            .iter()
            .chain(&workgroups)
            .fold(1u64, |product, &n| product.saturating_mul(u64::from(n)))
    }

    /// Floating-point operations of a dispatch of `workgroups`.
    #[must_use]
    pub fn flops(&self, workgroups: [u32; 3]) -> u64 {
        self.flops_per_invocation
            .saturating_mul(self.invocations(workgroups))
    }

    /// Bytes that a dispatch of `workgroups` asks storage for, loads and stores together.
    #[must_use]
    pub fn bytes(&self, workgroups: [u32; 3]) -> u64 {
        let each = self
            .loaded_bytes_per_invocation
            .saturating_add(self.stored_bytes_per_invocation);
        each.saturating_mul(self.invocations(workgroups))
    }
}

/// What is known when a kernel is dispatched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inputs<'a> {
    /// Contents of the uniform at group 0, binding 0, in 32-bit words from its start.
    pub sizes: &'a [u32],
    /// Workgroups of the dispatch, for kernels that read `num_workgroups`; without it, that is data.
    pub workgroups: Option<[u32; 3]>,
    /// Lanes of a subgroup, for kernels that read `subgroup_size`; without it, that is data.
    pub subgroup_size: Option<u32>,
}

/// Why a kernel was not counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CountError {
    /// There is no such entry point.
    #[error(
        "the kernel has no compute entry point {entry:?}; name one of its functions marked @compute"
    )]
    NoEntry {
        /// What was asked for.
        entry: String,
    },
    /// The module is not valid.
    #[error("the kernel is not valid: {message}; mend its text before counting it")]
    Invalid {
        /// What is wrong.
        message: String,
    },
    /// The kernel reads more sizes than were given.
    #[error("the kernel reads word {needed} of its sizes and {given} were given; pass them all")]
    Sizes {
        /// Words given.
        given: usize,
        /// Words needed at least.
        needed: usize,
    },
    /// A loop goes on for longer than any kernel should.
    #[error(
        "the kernel did not end within {steps} branches and iterations; check its loop bounds against its sizes"
    )]
    Endless {
        /// Steps taken.
        steps: u64,
    },
    /// Something without a convention for its cost.
    #[error("{what} has no agreed number of operations; avoid it or count the kernel by hand")]
    Uncounted {
        /// What it is.
        what: String,
    },
}

/// Counts one invocation of the compute entry point `entry`; `sizes` are the words of its uniform at group 0,
/// binding 0. Overrides take their defaults.
///
/// # Errors
/// [`CountError`] when there is no such entry point, the module is invalid, too few sizes are given, the kernel does
/// not end, or it uses something without a convention.
pub fn count(module: &Module, entry: &str, sizes: &[u32]) -> Result<Counted, CountError> {
    count_with(
        module,
        entry,
        &Inputs {
            sizes,
            ..Inputs::default()
        },
    )
}

/// [`count`] with everything that may be known about a dispatch.
///
/// # Errors
/// As [`count`].
pub fn count_with(
    module: &Module,
    entry: &str,
    inputs: &Inputs<'_>,
) -> Result<Counted, CountError> {
    let invalid = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let message = causes
            .map(|error| error.to_string())
            .collect::<Vec<_>>()
            .join(": ");
        CountError::Invalid { message }
    };
    let info = Validator::new(ValidationFlags::all(), naga::valid::Capabilities::all())
        .validate(module)
        .map_err(|error| invalid(error.as_inner()))?;
    let (module, info) =
        naga::back::pipeline_constants::process_overrides(module, &info, None, &Default::default())
            .map_err(|error| invalid(&error))?;
    count_valid(&module, &info, entry, inputs)
}

fn count_valid(
    module: &Module,
    info: &ModuleInfo,
    entry: &str,
    inputs: &Inputs<'_>,
) -> Result<Counted, CountError> {
    let (place, point) = module
        .entry_points
        .iter()
        .enumerate()
        .find(|(_, point)| point.name == entry && point.stage == ShaderStage::Compute)
        .ok_or_else(|| CountError::NoEntry {
            entry: entry.to_owned(),
        })?;
    let typed = |function, info| Typed {
        module,
        function,
        info,
        subgroup_size: inputs.subgroup_size,
    };
    // A function calls only those before it, so each finds its callees reduced.
    let mut functions = Vec::with_capacity(module.functions.len());
    for (handle, function) in module.functions.iter() {
        let reduced = compile::reduce(&typed(function, &info[handle]), &functions)?;
        functions.push(reduced);
    }
    let main = compile::reduce(
        &typed(&point.function, info.get_entry_point(place)),
        &functions,
    )?;

    let known = Known {
        inputs,
        workgroup_size: point.workgroup_size,
    };
    let arguments = point
        .function
        .arguments
        .iter()
        .map(|argument| match &argument.binding {
            Some(binding) => known.builtin(binding),
            None => match &module.types[argument.ty].inner {
                TypeInner::Struct { members, .. } => Value::composite(
                    members
                        .iter()
                        .map(|member| {
                            member
                                .binding
                                .as_ref()
                                .map_or(Value::UNKNOWN, |binding| known.builtin(binding))
                        })
                        .collect(),
                ),
                _ => Value::UNKNOWN,
            },
        });
    let arguments: Vec<Value> = arguments.collect();
    let mut machine = Machine::new(module, inputs, &functions);
    machine.call(&point.function, &main, arguments)?;
    Ok(Counted {
        flops_per_invocation: machine.cost.flops,
        loaded_bytes_per_invocation: machine.cost.loaded,
        stored_bytes_per_invocation: machine.cost.stored,
        data_dependent_loop: machine.data_dependent,
        workgroup_size: point.workgroup_size,
    })
}

struct Known<'a> {
    inputs: &'a Inputs<'a>,
    workgroup_size: [u32; 3],
}

impl Known<'_> {
    fn builtin(&self, binding: &Binding) -> Value {
        let word = |word: u32| Value::new(Data::U32(word));
        let triple = |triple: [u32; 3]| Value::composite(triple.map(word).to_vec());
        let Binding::BuiltIn(builtin) = binding else {
            return Value::UNKNOWN;
        };
        match builtin {
            BuiltIn::WorkGroupId | BuiltIn::LocalInvocationId | BuiltIn::GlobalInvocationId => {
                triple([0; 3]).marked()
            }
            BuiltIn::LocalInvocationIndex | BuiltIn::SubgroupId | BuiltIn::SubgroupInvocationId => {
                word(0).marked()
            }
            BuiltIn::WorkGroupSize => triple(self.workgroup_size),
            BuiltIn::NumWorkGroups => self.inputs.workgroups.map_or(Value::UNKNOWN, triple),
            BuiltIn::SubgroupSize => self.inputs.subgroup_size.map_or(Value::UNKNOWN, word),
            BuiltIn::NumSubgroups => match self.inputs.subgroup_size {
                Some(lanes) if lanes > 0 => {
                    word(self.workgroup_size.iter().product::<u32>().div_ceil(lanes))
                }
                _ => Value::UNKNOWN,
            },
            _ => Value::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests;
