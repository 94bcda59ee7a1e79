//! Floating-point operations and bytes of a dispatch, counted from the kernel's own code.
//!
//! [`Counter`] walks naga's intermediate form of a kernel and follows the invocations of a workgroup, each along its own
//! path: loop bounds and guards come from constants, from the table of sizes and from the invocation's place in the grid.
//!
//! # Conventions
//! - An addition, subtraction, multiplication, division or remainder of floats is 1 for each component; `fma` is 2,
//!   `mix` 3. A product with a matrix is its multiplications and additions: 2·n − 1 for each result, n being the
//!   shared dimension; `dot` is 2·n − 1.
//! - `sqrt`, `inverseSqrt`, `exp`, `log`, `pow`, trigonometry and the like are 1 for each component.
//! - `min`, `max`, `abs`, `clamp`, `select`, rounding, negation, comparisons, conversions and all integer work are 0.
//! - `subgroupAdd` and `subgroupMul`, and their scans, are 1 for each component: a reduction over n lanes takes n − 1
//!   operations, about one per lane.
//! - Where a condition depends on data, the branch that counts more is counted, and early returns and `continue`s are not
//!   taken.
//! - A loop that ends by data is passed once, unless the dispatch declares its passes ([`Inputs::passes`]).
//! - Along each dimension of the grid the first, middle and last workgroups are followed; where they differ by more than a
//!   straight line explains, those between them too.
//! - Bytes are those of storage buffers and images as the code asks for them, before any cache.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Binding, BuiltIn, EntryPoint, Module, ShaderStage, TypeInner};

mod cost;
mod evaluate;
mod interpret;
mod loops;
mod mask;
mod reduce;
mod reduced;
mod slice;
mod value;

use cost::{Cost, GroupCount, TypedFunction};
use interpret::Interpreter;
use reduced::Reduced;
use value::{Scalar, Value};

/// Halvings of a dimension of the grid, after which workgroups in between are taken to lie on a straight line.
const HALVINGS: u32 = 6;

/// The work of a dispatch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes loaded from storage buffers and images.
    pub loaded_bytes: u64,
    /// Bytes stored to storage buffers and images.
    pub stored_bytes: u64,
    /// A loop ends by data and its passes were not declared, so the numbers are a lower bound.
    pub lower_bound: bool,
}

/// The inputs of a dispatch that decide its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inputs<'a> {
    /// Contents of the uniform at group 0, binding 0, in 32-bit words from its start.
    pub sizes: &'a [u32],
    /// Workgroups of the dispatch.
    pub workgroups: [u32; 3],
    /// Passes of all invocations together through the loop that ends by data.
    pub passes: Option<u64>,
    /// What is known of other bindings of group 0.
    pub others: &'a [Operand<'a>],
}

/// What is known of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand<'a> {
    /// Its number.
    pub binding: u32,
    /// Of a uniform: its contents in 32-bit words.
    pub words: &'a [u32],
    /// Of an array whose length its data decides: that length.
    pub length: u32,
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
        /// The requested name.
        entry: String,
    },
    /// The module is not valid.
    #[error("the kernel is not valid: {message}; fix its text before counting it")]
    Invalid {
        /// The validator's reason.
        message: String,
    },
    /// The kernel reads more sizes than were given.
    #[error(
        "the kernel reads word {needed} of its sizes, but only {given} were given; pass them all"
    )]
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
    /// An operation without a convention for its cost.
    #[error("{what} has no agreed number of operations; avoid it or count the kernel by hand")]
    Uncounted {
        /// The operation.
        what: String,
    },
}

/// Words of the size table, and the grid.
type Launch = (Vec<u32>, [u32; 3]);

/// A kernel prepared for counting.
#[derive(Debug)]
pub struct Counter {
    module: Module,
    entry: usize,
    functions: Vec<Reduced>,
    main: Reduced,
    /// Dimensions of the grid along which workgroups may differ.
    varies: [bool; 3],
    known: Mutex<HashMap<Launch, GroupCount>>,
}

static COUNTERS: LazyLock<Mutex<HashMap<String, Arc<Counter>>>> = LazyLock::new(Mutex::default);

impl Counter {
    /// Prepares the compute entry point `entry` of `module`; overrides take their defaults.
    ///
    /// # Errors
    /// [`CountError`] when there is no such entry point, the module is invalid or it uses something without a convention.
    pub fn new(module: &Module, entry: &str) -> Result<Self, CountError> {
        let info = Validator::new(ValidationFlags::all(), Capabilities::all())
            .validate(module)
            .map_err(|error| invalid(error.as_inner()))?;
        let (module, info) = naga::back::pipeline_constants::process_overrides(
            module,
            &info,
            None,
            &Default::default(),
        )
        .map_err(|error| invalid(&error))?;
        Self::prepare(module.into_owned(), &info, entry)
    }

    /// The counter of a composed shader with the entry point `main`, kept for the life of the process.
    ///
    /// # Errors
    /// As [`Counter::new`], or the text is not valid WGSL.
    pub fn of(wgsl: &str) -> Result<Arc<Self>, CountError> {
        let lock = || COUNTERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(wgsl) {
            return Ok(Arc::clone(known));
        }
        let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| CountError::Invalid {
            message: error.message().to_owned(),
        })?;
        let counter = Arc::new(Self::new(&module, "main")?);
        lock().insert(wgsl.to_owned(), Arc::clone(&counter));
        Ok(counter)
    }

    fn prepare(module: Module, info: &ModuleInfo, entry: &str) -> Result<Self, CountError> {
        let found = module
            .entry_points
            .iter()
            .position(|point| point.name == entry && point.stage == ShaderStage::Compute);
        let Some(entry) = found else {
            return Err(CountError::NoEntry {
                entry: entry.to_owned(),
            });
        };
        let typed = |function, info| TypedFunction {
            module: &module,
            function,
            info,
        };
        // A function calls only those before it, so each finds its callees reduced.
        let mut functions = Vec::with_capacity(module.functions.len());
        for (handle, function) in module.functions.iter() {
            functions.push(reduce::reduce(&typed(function, &info[handle]), &functions)?);
        }
        let point = &module.entry_points[entry];
        let main = typed(&point.function, info.get_entry_point(entry));
        let main = reduce::reduce(&main, &functions)?;
        let varies = varies(point, &main);
        Ok(Self {
            entry,
            functions,
            main,
            varies,
            module,
            known: Mutex::default(),
        })
    }

    fn point(&self) -> &EntryPoint {
        &self.module.entry_points[self.entry]
    }

    /// Invocations of a workgroup along each dimension.
    #[must_use]
    pub fn workgroup_size(&self) -> [u32; 3] {
        self.point().workgroup_size
    }

    /// Counts a dispatch.
    ///
    /// # Errors
    /// [`CountError`] when too few sizes are given or the kernel does not end.
    pub fn count(&self, inputs: &Inputs<'_>) -> Result<Counted, CountError> {
        let key = (inputs.sizes.to_vec(), inputs.workgroups);
        let keep = inputs.others.is_empty();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&key).copied().filter(|_| keep);
        let all = match known {
            Some(known) => known,
            None => {
                let counted = self.dimension(inputs, [0; 3], 0)?;
                if keep {
                    lock().insert(key, counted);
                }
                counted
            }
        };
        let mut cost = all.cost;
        if let Some(passes) = inputs.passes
            && all.passes > 0
        {
            let each = all.pass_cost.over(all.passes);
            cost = cost.minus(all.pass_cost).plus(each.times(passes));
        }
        Ok(Counted {
            flops: cost.flops,
            loaded_bytes: cost.loaded,
            stored_bytes: cost.stored,
            lower_bound: inputs.passes.is_none() && all.pass_cost != Cost::NONE,
        })
    }

    /// The work of all workgroups at `place`, whose dimensions from `dimension` on are free.
    fn dimension(
        &self,
        inputs: &Inputs<'_>,
        place: [u32; 3],
        dimension: usize,
    ) -> Result<GroupCount, CountError> {
        let Some(&length) = inputs.workgroups.get(dimension) else {
            return self.group(inputs, place);
        };
        let at = |index: u32| {
            let mut place = place;
            place[dimension] = index;
            self.dimension(inputs, place, dimension + 1)
        };
        if !self.varies[dimension] {
            return Ok(at(0)?.times(u64::from(length)));
        }
        match length {
            0 => Ok(GroupCount::default()),
            1 => at(0),
            2 => Ok(at(0)?.plus(at(1)?)),
            // Only the last workgroup reaches beyond the data.
            _ => {
                let inner = (at(0)?, at(length - 2)?);
                Ok(between(&at, (0, inner.0), (length - 2, inner.1), HALVINGS)?
                    .plus(at(length - 1)?))
            }
        }
    }

    fn group(&self, inputs: &Inputs<'_>, group: [u32; 3]) -> Result<GroupCount, CountError> {
        let point = self.point();
        let lanes: u32 = point.workgroup_size.iter().product();
        let known = |binding: &Option<Binding>| match binding {
            Some(Binding::BuiltIn(builtin)) => {
                self.builtin(*builtin, inputs.workgroups, group, lanes)
            }
            _ => Value::UNKNOWN,
        };
        let arguments = point.function.arguments.iter().map(|argument| {
            match &self.module.types[argument.ty].inner {
                TypeInner::Struct { members, .. } if argument.binding.is_none() => {
                    Value::composite(members.iter().map(|m| known(&m.binding)).collect())
                }
                _ => known(&argument.binding),
            }
        });
        let arguments = arguments.collect();
        Interpreter::new(&self.module, &self.functions, *inputs, lanes as usize).group(
            &point.function,
            &self.main,
            arguments,
        )
    }

    fn builtin(
        &self,
        builtin: BuiltIn,
        workgroups: [u32; 3],
        group: [u32; 3],
        lanes: u32,
    ) -> Value {
        let size = self.workgroup_size();
        let triple = |triple: [u32; 3]| Value::composite(triple.map(Value::u32).to_vec());
        let local = |offset: [u32; 3]| {
            let lane = |of: &dyn Fn(u32) -> u32| {
                Value::lanes((0..lanes).map(|lane| Scalar::U32(of(lane))).collect())
            };
            Value::composite(vec![
                lane(&|lane| offset[0] + lane % size[0]),
                lane(&|lane| offset[1] + lane / size[0] % size[1]),
                lane(&|lane| offset[2] + lane / size[0] / size[1]),
            ])
        };
        match builtin {
            BuiltIn::WorkGroupId => triple(group),
            BuiltIn::LocalInvocationId => local([0; 3]),
            BuiltIn::GlobalInvocationId => local([0, 1, 2].map(|d| group[d].wrapping_mul(size[d]))),
            BuiltIn::LocalInvocationIndex => Value::lanes((0..lanes).map(Scalar::U32).collect()),
            BuiltIn::WorkGroupSize => triple(size),
            BuiltIn::NumWorkGroups => triple(workgroups),
            // The lanes of a subgroup are the driver's choice.
            _ => Value::UNKNOWN,
        }
    }
}

/// The sum over the workgroups from one place to another, both included.
fn between(
    at: &dyn Fn(u32) -> Result<GroupCount, CountError>,
    (first, start): (u32, GroupCount),
    (last, end): (u32, GroupCount),
    halvings: u32,
) -> Result<GroupCount, CountError> {
    if last <= first + 1 {
        return Ok(if first == last {
            start
        } else {
            start.plus(end)
        });
    }
    let middle = first + (last - first) / 2;
    let half = at(middle)?;
    let straight = || start.plus(end).times(u64::from(last - first + 1)).over(2);
    if halvings == 0 || (start == half && half == end) {
        return Ok(straight());
    }
    // With an even number of steps the middle of a straight line is the mean of its ends.
    if (last - first) % 2 == 0 && half.times(2) == start.plus(end) {
        return Ok(straight());
    }
    let left = between(at, (first, start), (middle, half), halvings - 1)?;
    let right = between(at, (middle, half), (last, end), halvings - 1)?;
    Ok(left.plus(right).minus(half))
}

/// The dimensions of the grid that steer the kernel.
fn varies(point: &EntryPoint, main: &Reduced) -> [bool; 3] {
    let mut varies = [false; 3];
    for (argument, used) in point.function.arguments.iter().zip(&main.arguments) {
        match argument.binding {
            Some(Binding::BuiltIn(BuiltIn::WorkGroupId | BuiltIn::GlobalInvocationId)) => {
                for (dimension, varies) in varies.iter_mut().enumerate() {
                    *varies |= used & (1 << dimension) != 0;
                }
            }
            // A structure of built-in values.
            None if *used != 0 => return [true; 3],
            _ => {}
        }
    }
    varies
}

fn invalid(error: &dyn std::error::Error) -> CountError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let message = causes
        .map(|error| error.to_string())
        .collect::<Vec<_>>()
        .join(": ");
    CountError::Invalid { message }
}
