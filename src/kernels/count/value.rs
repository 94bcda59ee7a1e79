//! Values of the interpreter: scalars that all invocations of a workgroup share, or that differ between them.

use std::rc::Rc;

use naga::{
    BinaryOperator as B, Handle, Literal, MathFunction as M, Module, ScalarKind, Type, TypeInner,
    UnaryOperator as U, VectorSize,
};

/// The variable that a pointer starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Variable {
    /// Absolute slot in the stack of locals.
    Local(usize),
    Global(Handle<naga::GlobalVariable>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar {
    /// Depends on data.
    Unknown,
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// The same in every invocation.
    Uniform(Scalar),
    /// One scalar per invocation of the workgroup, not all equal.
    Lanes(Rc<Vec<Scalar>>),
    /// Vector, matrix, array or structure.
    Composite(Rc<Vec<Value>>),
    /// A variable, and the indices from there; `None` where an index is not known.
    Pointer(Variable, Rc<[Option<u32>]>),
}

impl Value {
    pub const UNKNOWN: Self = Self::Uniform(Scalar::Unknown);

    pub fn u32(word: u32) -> Self {
        Self::Uniform(Scalar::U32(word))
    }

    pub fn composite(parts: Vec<Self>) -> Self {
        Self::Composite(Rc::new(parts))
    }

    /// One scalar per invocation.
    pub fn lanes(lanes: Vec<Scalar>) -> Self {
        match lanes.split_first() {
            Some((first, rest)) if rest.iter().all(|lane| lane == first) => Self::Uniform(*first),
            _ => Self::Lanes(Rc::new(lanes)),
        }
    }

    /// The scalar of one invocation.
    pub fn lane(&self, lane: usize) -> Scalar {
        match self {
            Self::Uniform(scalar) => *scalar,
            Self::Lanes(lanes) => lanes.get(lane).copied().unwrap_or(Scalar::Unknown),
            Self::Composite(_) | Self::Pointer(..) => Scalar::Unknown,
        }
    }

    /// An index that all invocations share; negative ones are unknown.
    pub fn index(&self) -> Option<u32> {
        match self {
            Self::Uniform(Scalar::U32(known)) => Some(*known),
            Self::Uniform(Scalar::I32(known)) => u32::try_from(*known).ok(),
            _ => None,
        }
    }

    /// Element `index`; of a pointer, the pointer to it.
    pub fn part(&self, index: Option<u32>) -> Self {
        match (self, index) {
            (Self::Pointer(variable, path), _) => {
                Self::Pointer(*variable, path.iter().copied().chain([index]).collect())
            }
            (Self::Composite(parts), Some(index)) => {
                parts.get(index as usize).cloned().unwrap_or(Self::UNKNOWN)
            }
            _ => Self::UNKNOWN,
        }
    }

    /// The value with `new` at the end of `path`; unknown where the path is.
    pub fn with(self, path: &[Option<u32>], new: Self) -> Self {
        match (self, path.split_first()) {
            (_, None) => new,
            (Self::Composite(mut parts), Some((Some(index), rest))) => {
                if let Some(part) = Rc::make_mut(&mut parts).get_mut(*index as usize) {
                    let old = std::mem::replace(part, Self::UNKNOWN);
                    *part = old.with(rest, new);
                }
                Self::Composite(parts)
            }
            _ => Self::UNKNOWN,
        }
    }

    /// `new` in the invocations of `mask`, `self` in the others.
    pub fn merged(self, mask: &[bool], new: &Self) -> Self {
        match (self, new) {
            (old, new) if old == *new => old,
            (Self::Composite(old), Self::Composite(new)) if old.len() == new.len() => {
                let parts = old.iter().cloned().zip(new.iter());
                Self::composite(parts.map(|(old, new)| old.merged(mask, new)).collect())
            }
            (old @ (Self::Uniform(_) | Self::Lanes(_)), Self::Uniform(_) | Self::Lanes(_)) => {
                let lanes = mask.iter().enumerate();
                Self::lanes(
                    lanes
                        .map(|(at, &on)| if on { new.lane(at) } else { old.lane(at) })
                        .collect(),
                )
            }
            _ => Self::UNKNOWN,
        }
    }

    /// Zero of a type; unknown for types that the interpreter does not follow.
    pub fn zero(module: &Module, ty: Handle<Type>) -> Self {
        let repeat = |part: Self, times: usize| Self::composite(vec![part; times]);
        match module.types[ty].inner {
            TypeInner::Scalar(scalar) => from_bits(scalar.kind, scalar.width, 0),
            TypeInner::Vector { size, scalar } => {
                repeat(from_bits(scalar.kind, scalar.width, 0), size as usize)
            }
            TypeInner::Struct { ref members, .. } => {
                let members = members.iter().map(|member| Self::zero(module, member.ty));
                Self::composite(members.collect())
            }
            // Larger arrays hold data, not bounds; following them would only cost time.
            TypeInner::Array {
                base,
                size: naga::ArraySize::Constant(length),
                ..
            } if length.get() <= 4096 => repeat(Self::zero(module, base), length.get() as usize),
            _ => Self::UNKNOWN,
        }
    }
}

fn scalar_from_bits(kind: ScalarKind, width: u8, word: u32) -> Scalar {
    match (kind, width) {
        (ScalarKind::Uint, 4) => Scalar::U32(word),
        (ScalarKind::Sint, 4) => Scalar::I32(word.cast_signed()),
        (ScalarKind::Float, 4) => Scalar::F32(f32::from_bits(word)),
        (ScalarKind::Bool, _) => Scalar::Bool(word != 0),
        _ => Scalar::Unknown,
    }
}

/// A 32-bit word as a scalar of a kind.
pub(super) fn from_bits(kind: ScalarKind, width: u8, word: u32) -> Value {
    Value::Uniform(scalar_from_bits(kind, width, word))
}

pub(super) fn literal(literal: Literal) -> Value {
    Value::Uniform(match literal {
        Literal::U32(known) => Scalar::U32(known),
        Literal::I32(known) => Scalar::I32(known),
        Literal::F32(known) => Scalar::F32(known),
        Literal::Bool(known) => Scalar::Bool(known),
        _ => Scalar::Unknown,
    })
}

pub(super) fn splat(size: VectorSize, value: &Value) -> Value {
    Value::composite(vec![value.clone(); size as usize])
}

/// Applies `f` to scalars, lane by lane and element by element; a scalar is combined with every element of a composite.
fn each<const N: usize>(args: [&Value; N], f: &impl Fn([Scalar; N]) -> Scalar) -> Value {
    let mut lanes = None;
    for arg in args {
        match arg {
            Value::Composite(parts) => {
                let length = parts.len() as u32;
                let part = |arg: &Value, at| match arg {
                    Value::Composite(_) => arg.part(Some(at)),
                    _ => arg.clone(),
                };
                return Value::composite(
                    (0..length)
                        .map(|at| {
                            let parts = args.map(|arg| part(arg, at));
                            each(parts.each_ref(), f)
                        })
                        .collect(),
                );
            }
            Value::Lanes(values) => lanes = Some(values.len()),
            Value::Pointer(..) => return Value::UNKNOWN,
            Value::Uniform(_) => {}
        }
    }
    match lanes {
        None => Value::Uniform(f(args.map(|arg| arg.lane(0)))),
        Some(lanes) => Value::lanes(
            (0..lanes)
                .map(|at| f(args.map(|arg| arg.lane(at))))
                .collect(),
        ),
    }
}

pub(super) fn unary(op: U, value: &Value) -> Value {
    each([value], &|[a]| match (op, a) {
        (U::Negate, Scalar::I32(a)) => Scalar::I32(a.wrapping_neg()),
        (U::Negate, Scalar::F32(a)) => Scalar::F32(-a),
        (U::LogicalNot, Scalar::Bool(a)) => Scalar::Bool(!a),
        (U::BitwiseNot, Scalar::U32(a)) => Scalar::U32(!a),
        (U::BitwiseNot, Scalar::I32(a)) => Scalar::I32(!a),
        _ => Scalar::Unknown,
    })
}

pub(super) fn binary(op: B, left: &Value, right: &Value) -> Value {
    each([left, right], &|args| match args {
        [Scalar::U32(a), Scalar::U32(b)] => binary_u32(op, a, b),
        [Scalar::I32(a), Scalar::I32(b)] => binary_i32(op, a, b),
        [Scalar::I32(a), Scalar::U32(b)] => match op {
            B::ShiftLeft => Scalar::I32(a.wrapping_shl(b)),
            B::ShiftRight => Scalar::I32(a.wrapping_shr(b)),
            _ => Scalar::Unknown,
        },
        [Scalar::F32(a), Scalar::F32(b)] => match op {
            B::Add => Scalar::F32(a + b),
            B::Subtract => Scalar::F32(a - b),
            B::Multiply => Scalar::F32(a * b),
            B::Divide => Scalar::F32(a / b),
            B::Modulo => Scalar::F32(a % b),
            _ => compare(op, &a, &b),
        },
        [Scalar::Bool(a), Scalar::Bool(b)] => match op {
            B::Equal => Scalar::Bool(a == b),
            B::NotEqual | B::ExclusiveOr => Scalar::Bool(a != b),
            B::And | B::LogicalAnd => Scalar::Bool(a && b),
            B::InclusiveOr | B::LogicalOr => Scalar::Bool(a || b),
            _ => Scalar::Unknown,
        },
        _ => Scalar::Unknown,
    })
}

fn compare<T: PartialOrd>(op: B, a: &T, b: &T) -> Scalar {
    Scalar::Bool(match op {
        B::Equal => a == b,
        B::NotEqual => a != b,
        B::Less => a < b,
        B::LessEqual => a <= b,
        B::Greater => a > b,
        B::GreaterEqual => a >= b,
        _ => return Scalar::Unknown,
    })
}

// Division by zero gives the dividend and a remainder of zero, as WGSL defines.
macro_rules! integer {
    ($name:ident, $kind:ident, $of:ty, $bits:expr) => {
        fn $name(op: B, a: $of, b: $of) -> Scalar {
            Scalar::$kind(match op {
                B::Add => a.wrapping_add(b),
                B::Subtract => a.wrapping_sub(b),
                B::Multiply => a.wrapping_mul(b),
                B::Divide => a.checked_div(b).unwrap_or(a),
                B::Modulo => a.checked_rem(b).unwrap_or(0),
                B::And => a & b,
                B::ExclusiveOr => a ^ b,
                B::InclusiveOr => a | b,
                B::ShiftLeft => a.wrapping_shl($bits(b)),
                B::ShiftRight => a.wrapping_shr($bits(b)),
                _ => return compare(op, &a, &b),
            })
        }
    };
}
integer!(binary_u32, U32, u32, |bits: u32| bits);
integer!(binary_i32, I32, i32, i32::cast_unsigned);

pub(super) fn select(condition: &Value, accept: &Value, reject: &Value) -> Value {
    each(
        [condition, accept, reject],
        &|[condition, a, r]| match condition {
            Scalar::Bool(true) => a,
            Scalar::Bool(false) => r,
            _ if a == r => a,
            _ => Scalar::Unknown,
        },
    )
}

/// The functions that bounds are computed with; the results of others are unknown.
pub(super) fn math(fun: M, args: &[Value]) -> Value {
    match args {
        [a] => each([a], &|[a]| match (fun, a) {
            (M::Abs, Scalar::U32(a)) => Scalar::U32(a),
            (M::Abs, Scalar::I32(a)) => Scalar::I32(a.wrapping_abs()),
            (M::Abs, Scalar::F32(a)) => Scalar::F32(a.abs()),
            (M::CountOneBits, Scalar::U32(a)) => Scalar::U32(a.count_ones()),
            (M::CountLeadingZeros, Scalar::U32(a)) => Scalar::U32(a.leading_zeros()),
            (M::CountTrailingZeros, Scalar::U32(a)) => Scalar::U32(a.trailing_zeros()),
            (M::FirstLeadingBit, Scalar::U32(a)) => {
                Scalar::U32(a.checked_ilog2().unwrap_or(u32::MAX))
            }
            (M::FirstTrailingBit, Scalar::U32(0)) => Scalar::U32(u32::MAX),
            (M::FirstTrailingBit, Scalar::U32(a)) => Scalar::U32(a.trailing_zeros()),
            _ => Scalar::Unknown,
        }),
        [a, b] => each([a, b], &|[a, b]| match (fun, a, b) {
            (M::Min, Scalar::U32(a), Scalar::U32(b)) => Scalar::U32(a.min(b)),
            (M::Min, Scalar::I32(a), Scalar::I32(b)) => Scalar::I32(a.min(b)),
            (M::Max, Scalar::U32(a), Scalar::U32(b)) => Scalar::U32(a.max(b)),
            (M::Max, Scalar::I32(a), Scalar::I32(b)) => Scalar::I32(a.max(b)),
            _ => Scalar::Unknown,
        }),
        [a, low, high] if fun == M::Clamp => math(
            M::Min,
            &[math(M::Max, &[a.clone(), low.clone()]), high.clone()],
        ),
        _ => Value::UNKNOWN,
    }
}

/// A conversion to `kind`, or a reinterpretation of the bits.
pub(super) fn convert(kind: ScalarKind, width: Option<u8>, value: &Value) -> Value {
    each([value], &|[scalar]| {
        let bits = match scalar {
            Scalar::U32(a) => a,
            Scalar::I32(a) => a.cast_unsigned(),
            Scalar::F32(a) => a.to_bits(),
            Scalar::Bool(a) => u32::from(a),
            Scalar::Unknown => return Scalar::Unknown,
        };
        // `as` between numbers saturates at the target's range, as WGSL conversions of floats do.
        match (kind, width, scalar) {
            (_, None, _) => scalar_from_bits(kind, 4, bits),
            (ScalarKind::Bool, _, Scalar::F32(a)) => Scalar::Bool(a != 0.0),
            (ScalarKind::Bool, ..) => Scalar::Bool(bits != 0),
            (ScalarKind::Uint, Some(4), Scalar::F32(a)) => Scalar::U32(a as u32),
            (ScalarKind::Sint, Some(4), Scalar::F32(a)) => Scalar::I32(a as i32),
            (ScalarKind::Float, Some(4), Scalar::F32(a)) => Scalar::F32(a),
            (ScalarKind::Float, Some(4), Scalar::I32(a)) => Scalar::F32(a as f32),
            (ScalarKind::Float, Some(4), _) => Scalar::F32(bits as f32),
            (ScalarKind::Uint | ScalarKind::Sint, Some(4), _) => scalar_from_bits(kind, 4, bits),
            _ => Scalar::Unknown,
        }
    })
}
