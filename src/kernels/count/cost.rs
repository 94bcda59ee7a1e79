//! The cost of evaluating an expression or statement once.

use naga::valid::FunctionInfo;
use naga::{
    AddressSpace, BinaryOperator, Expression, Function, Handle, MathFunction as M, Module,
    ScalarKind, TypeInner,
};

use super::CountError;

/// Floating-point operations and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    pub flops: u64,
    pub loaded: u64,
    pub stored: u64,
}

impl Cost {
    pub const NONE: Self = Self {
        flops: 0,
        loaded: 0,
        stored: 0,
    };

    fn flops(flops: u64) -> Self {
        Self {
            flops,
            ..Self::NONE
        }
    }
}

/// The work of one workgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupCount {
    /// Everything, with one pass through each loop that ends by data.
    pub cost: Cost,
    /// The share of such passes, and how many they are.
    pub pass_cost: Cost,
    pub passes: u64,
}

/// Saturating arithmetic, field by field.
macro_rules! arithmetic {
    ($type:ident: $($cost:ident),*; $($number:ident),*) => {
        impl $type {
            pub fn plus(self, other: Self) -> Self {
                Self {
                    $($cost: self.$cost.plus(other.$cost),)*
                    $($number: self.$number.saturating_add(other.$number),)*
                }
            }

            pub fn minus(self, other: Self) -> Self {
                Self {
                    $($cost: self.$cost.minus(other.$cost),)*
                    $($number: self.$number.saturating_sub(other.$number),)*
                }
            }

            pub fn times(self, n: u64) -> Self {
                Self {
                    $($cost: self.$cost.times(n),)*
                    $($number: self.$number.saturating_mul(n),)*
                }
            }

            pub fn over(self, n: u64) -> Self {
                Self {
                    $($cost: self.$cost.over(n),)*
                    $($number: self.$number / n,)*
                }
            }
        }
    };
}
arithmetic!(Cost: ; flops, loaded, stored);
arithmetic!(GroupCount: cost, pass_cost; passes);

/// One function with the types its validation resolved.
pub(super) struct TypedFunction<'a> {
    pub module: &'a Module,
    pub function: &'a Function,
    pub info: &'a FunctionInfo,
}

impl<'a> TypedFunction<'a> {
    pub fn inner(&self, expression: Handle<Expression>) -> &'a TypeInner {
        self.info[expression].ty.inner_with(&self.module.types)
    }

    /// Bytes of a value of this expression, 0 where it has no size.
    fn bytes(&self, expression: Handle<Expression>) -> u64 {
        u64::from(
            self.inner(expression)
                .try_size(self.module.to_ctx())
                .unwrap_or(0),
        )
    }

    fn in_storage(&self, pointer: Handle<Expression>) -> bool {
        matches!(
            self.inner(pointer).pointer_space(),
            Some(AddressSpace::Storage { .. })
        )
    }

    pub fn store(&self, pointer: Handle<Expression>, value: Handle<Expression>) -> Cost {
        Cost {
            stored: if self.in_storage(pointer) {
                self.bytes(value)
            } else {
                0
            },
            ..Cost::NONE
        }
    }

    pub fn image_store(&self, value: Handle<Expression>) -> Cost {
        Cost {
            stored: self.bytes(value),
            ..Cost::NONE
        }
    }

    pub fn atomic(
        &self,
        pointer: Handle<Expression>,
        fun: &naga::AtomicFunction,
        value: Handle<Expression>,
    ) -> Cost {
        let bytes = if self.in_storage(pointer) {
            self.bytes(value)
        } else {
            0
        };
        let adds = matches!(
            fun,
            naga::AtomicFunction::Add | naga::AtomicFunction::Subtract
        );
        let flops = if adds {
            float_components(self.inner(value))
        } else {
            0
        };
        Cost {
            flops,
            loaded: bytes,
            stored: bytes,
        }
    }

    /// A reduction over n lanes takes n - 1 operations, so one a lane.
    pub fn collective(&self, op: naga::SubgroupOperation, argument: Handle<Expression>) -> Cost {
        match op {
            naga::SubgroupOperation::Add | naga::SubgroupOperation::Mul => {
                Cost::flops(float_components(self.inner(argument)))
            }
            _ => Cost::NONE,
        }
    }

    pub fn expression(&self, handle: Handle<Expression>) -> Result<Cost, CountError> {
        Ok(match self.function.expressions[handle] {
            Expression::Load { pointer } if self.in_storage(pointer) => Cost {
                loaded: self.bytes(handle),
                ..Cost::NONE
            },
            Expression::ImageLoad { .. } | Expression::ImageSample { .. } => Cost {
                loaded: self.bytes(handle),
                ..Cost::NONE
            },
            Expression::Binary { op, left, right } => {
                Cost::flops(self.binary(op, handle, left, right))
            }
            Expression::Math { fun, arg, .. } => Cost::flops(self.math(fun, handle, arg)?),
            Expression::CooperativeMultiplyAdd { .. } => {
                // The driver chooses how many lanes share it.
                return Err(CountError::Uncounted {
                    what: "a cooperative matrix product".to_owned(),
                });
            }
            _ => Cost::NONE,
        })
    }

    fn binary(
        &self,
        op: BinaryOperator,
        result: Handle<Expression>,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> u64 {
        use BinaryOperator as B;
        if !matches!(
            op,
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Modulo
        ) {
            return 0;
        }
        let components = float_components(self.inner(result));
        let inner = match (op, self.inner(left), self.inner(right)) {
            (
                B::Multiply,
                TypeInner::Matrix { columns, .. },
                TypeInner::Vector { .. } | TypeInner::Matrix { .. },
            ) => *columns as u64,
            (B::Multiply, TypeInner::Vector { .. }, TypeInner::Matrix { rows, .. }) => *rows as u64,
            _ => 1,
        };
        components * (2 * inner - 1)
    }

    fn math(
        &self,
        fun: M,
        result: Handle<Expression>,
        arg: Handle<Expression>,
    ) -> Result<u64, CountError> {
        let n = float_components(self.inner(arg));
        if n == 0 {
            return Ok(0);
        }
        Ok(match fun {
            M::Abs | M::Min | M::Max | M::Clamp | M::Saturate | M::Sign | M::Step => 0,
            M::Ceil | M::Floor | M::Round | M::Fract | M::Trunc | M::Modf | M::Frexp | M::Ldexp => {
                0
            }
            M::Transpose | M::QuantizeToF16 | M::Pack4x8snorm | M::Pack4x8unorm => 0,
            M::Pack2x16snorm | M::Pack2x16unorm | M::Pack2x16float => 0,
            M::Cos | M::Cosh | M::Sin | M::Sinh | M::Tan | M::Tanh | M::Acos | M::Asin => n,
            M::Atan | M::Atan2 | M::Asinh | M::Acosh | M::Atanh | M::Radians | M::Degrees => n,
            M::Exp | M::Exp2 | M::Log | M::Log2 | M::Pow | M::Sqrt | M::InverseSqrt => n,
            M::Fma => 2 * n,
            M::Mix => 3 * n,
            M::SmoothStep => 7 * n,
            M::Dot | M::FaceForward => 2 * n - 1,
            M::Length => 2 * n,
            M::Distance | M::Normalize => 3 * n,
            M::Reflect => 4 * n,
            M::Cross => 9,
            M::Outer => float_components(self.inner(result)),
            other => {
                return Err(CountError::Uncounted {
                    what: format!("the function {other:?}"),
                });
            }
        })
    }
}

/// Components of a float scalar, vector or matrix; 0 for other types.
pub(super) fn float_components(inner: &TypeInner) -> u64 {
    match *inner {
        TypeInner::Scalar(scalar) if scalar.kind == ScalarKind::Float => 1,
        TypeInner::Vector { size, scalar } if scalar.kind == ScalarKind::Float => size as u64,
        TypeInner::Matrix {
            columns,
            rows,
            scalar,
        } if scalar.kind == ScalarKind::Float => columns as u64 * rows as u64,
        _ => 0,
    }
}
