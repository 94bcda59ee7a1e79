//! What the interpreter knows about a value: the number itself, or nothing, and whether it differs by invocation.

use std::rc::Rc;

use naga::{
    BinaryOperator as B, Literal, MathFunction as M, Module, ScalarKind, Type, TypeInner,
    UnaryOperator as U,
};
use naga::{Handle, VectorSize};

/// Where a pointer leads: a local of some frame, or a module variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub root: Root,
    /// Indices from the root, `None` where one is not known.
    pub path: Vec<Option<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Root {
    /// Absolute slot in the stack of locals.
    Local(usize),
    Global(Handle<naga::GlobalVariable>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Unknown,
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    /// Vector, matrix, array or structure.
    Composite(Rc<Vec<Value>>),
    Pointer(Rc<Place>),
}

/// A value and whether it was computed from the invocation's place in the grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub data: Data,
    pub by_id: bool,
}

impl Value {
    pub const UNKNOWN: Self = Self {
        data: Data::Unknown,
        by_id: false,
    };

    pub fn new(data: Data) -> Self {
        Self { data, by_id: false }
    }

    pub fn composite(parts: Vec<Self>) -> Self {
        Self::new(Data::Composite(Rc::new(parts)))
    }

    /// The value as one that differs by invocation.
    pub fn marked(self) -> Self {
        match self.data {
            Data::Composite(parts) => {
                Self::composite(parts.iter().cloned().map(Self::marked).collect())
            }
            data => Self { data, by_id: true },
        }
    }

    pub fn bool(&self) -> Option<bool> {
        if let Data::Bool(known) = self.data {
            Some(known)
        } else {
            None
        }
    }

    /// A known index; negative ones are unknown.
    pub fn index(&self) -> Option<u32> {
        match self.data {
            Data::U32(known) => Some(known),
            Data::I32(known) => u32::try_from(known).ok(),
            _ => None,
        }
    }

    /// Element `index`, unknown when either is.
    pub fn part(&self, index: Option<u32>) -> Self {
        match (&self.data, index) {
            (Data::Composite(parts), Some(index)) => {
                parts.get(index as usize).cloned().unwrap_or(Self::UNKNOWN)
            }
            _ => Self::UNKNOWN,
        }
    }

    /// The value with `new` in the place that `path` leads to; all of it unknown where the path is.
    pub fn with(self, path: &[Option<u32>], new: Self) -> Self {
        let Some((first, rest)) = path.split_first() else {
            return new;
        };
        match (self.data, first) {
            (Data::Composite(mut parts), Some(index)) => {
                if let Some(part) = Rc::make_mut(&mut parts).get_mut(*index as usize) {
                    let old = std::mem::replace(part, Self::UNKNOWN);
                    *part = old.with(rest, new);
                }
                Self::new(Data::Composite(parts))
            }
            _ => Self::UNKNOWN,
        }
    }

    /// What is known when either of two values may hold: the common one, else nothing.
    pub fn either(self, other: &Self) -> Self {
        if self == *other { self } else { Self::UNKNOWN }
    }

    /// Zero of a type; unknown for what the interpreter does not follow.
    pub fn zero(module: &Module, ty: Handle<Type>) -> Self {
        Self::zero_inner(module, &module.types[ty].inner)
    }

    fn zero_inner(module: &Module, inner: &TypeInner) -> Self {
        let repeat = |part: Self, times: usize| Self::composite(vec![part; times]);
        match *inner {
            TypeInner::Scalar(scalar) => from_bits(scalar.kind, scalar.width, 0),
            TypeInner::Vector { size, scalar } => {
                repeat(from_bits(scalar.kind, scalar.width, 0), size as usize)
            }
            TypeInner::Struct { ref members, .. } => Self::composite(
                members
                    .iter()
                    .map(|member| Self::zero(module, member.ty))
                    .collect(),
            ),
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

/// A 32-bit word as a scalar of a kind.
pub(super) fn from_bits(kind: ScalarKind, width: u8, word: u32) -> Value {
    match (kind, width) {
        (ScalarKind::Uint, 4) => Value::new(Data::U32(word)),
        (ScalarKind::Sint, 4) => Value::new(Data::I32(word.cast_signed())),
        (ScalarKind::Float, 4) => Value::new(Data::F32(f32::from_bits(word))),
        (ScalarKind::Bool, _) => Value::new(Data::Bool(word != 0)),
        _ => Value::UNKNOWN,
    }
}

pub(super) fn literal(literal: Literal) -> Value {
    match literal {
        Literal::U32(known) => Value::new(Data::U32(known)),
        Literal::I32(known) => Value::new(Data::I32(known)),
        Literal::F32(known) => Value::new(Data::F32(known)),
        Literal::Bool(known) => Value::new(Data::Bool(known)),
        _ => Value::UNKNOWN,
    }
}

pub(super) fn splat(size: VectorSize, value: &Value) -> Value {
    Value::composite(vec![value.clone(); size as usize])
}

/// Applies `f` to scalars, or to each element of composites of one length, a scalar standing for all its elements.
fn each(args: &[&Value], f: &impl Fn(&[&Data]) -> Data) -> Value {
    let length = args.iter().find_map(|arg| {
        if let Data::Composite(parts) = &arg.data {
            Some(parts.len())
        } else {
            None
        }
    });
    if let Some(length) = length {
        let part = |arg: &Value, at: usize| match &arg.data {
            Data::Composite(parts) => parts.get(at).cloned().unwrap_or(Value::UNKNOWN),
            _ => arg.clone(),
        };
        return Value::composite(
            (0..length)
                .map(|at| {
                    let parts: Vec<Value> = args.iter().map(|arg| part(arg, at)).collect();
                    each(&parts.iter().collect::<Vec<_>>(), f)
                })
                .collect(),
        );
    }
    let by_id = args.iter().any(|arg| arg.by_id);
    let data = match args {
        [a] => f(&[&a.data]),
        [a, b] => f(&[&a.data, &b.data]),
        _ => f(&args.iter().map(|arg| &arg.data).collect::<Vec<_>>()),
    };
    Value { data, by_id }
}

pub(super) fn unary(op: U, value: &Value) -> Value {
    each(&[value], &|args| match (op, args) {
        (U::Negate, [Data::I32(a)]) => Data::I32(a.wrapping_neg()),
        (U::Negate, [Data::F32(a)]) => Data::F32(-a),
        (U::LogicalNot, [Data::Bool(a)]) => Data::Bool(!a),
        (U::BitwiseNot, [Data::U32(a)]) => Data::U32(!a),
        (U::BitwiseNot, [Data::I32(a)]) => Data::I32(!a),
        _ => Data::Unknown,
    })
}

pub(super) fn binary(op: B, left: &Value, right: &Value) -> Value {
    each(&[left, right], &|args| match args {
        [Data::U32(a), Data::U32(b)] => binary_u32(op, *a, *b),
        [Data::I32(a), Data::I32(b)] => binary_i32(op, *a, *b),
        [Data::I32(a), Data::U32(b)] => match op {
            B::ShiftLeft => Data::I32(a.wrapping_shl(*b)),
            B::ShiftRight => Data::I32(a.wrapping_shr(*b)),
            _ => Data::Unknown,
        },
        [Data::F32(a), Data::F32(b)] => match op {
            B::Add => Data::F32(a + b),
            B::Subtract => Data::F32(a - b),
            B::Multiply => Data::F32(a * b),
            B::Divide => Data::F32(a / b),
            B::Modulo => Data::F32(a % b),
            _ => compare(op, a, b),
        },
        [Data::Bool(a), Data::Bool(b)] => match op {
            B::Equal => Data::Bool(a == b),
            B::NotEqual | B::ExclusiveOr => Data::Bool(a != b),
            B::And | B::LogicalAnd => Data::Bool(*a && *b),
            B::InclusiveOr | B::LogicalOr => Data::Bool(*a || *b),
            _ => Data::Unknown,
        },
        _ => Data::Unknown,
    })
}

fn compare<T: PartialOrd>(op: B, a: &T, b: &T) -> Data {
    Data::Bool(match op {
        B::Equal => a == b,
        B::NotEqual => a != b,
        B::Less => a < b,
        B::LessEqual => a <= b,
        B::Greater => a > b,
        B::GreaterEqual => a >= b,
        _ => return Data::Unknown,
    })
}

// Division by zero gives the dividend and a remainder of zero, as WGSL defines.
fn binary_u32(op: B, a: u32, b: u32) -> Data {
    Data::U32(match op {
        B::Add => a.wrapping_add(b),
        B::Subtract => a.wrapping_sub(b),
        B::Multiply => a.wrapping_mul(b),
        B::Divide => a.checked_div(b).unwrap_or(a),
        B::Modulo => a.checked_rem(b).unwrap_or(0),
        B::And => a & b,
        B::ExclusiveOr => a ^ b,
        B::InclusiveOr => a | b,
        B::ShiftLeft => a.wrapping_shl(b),
        B::ShiftRight => a.wrapping_shr(b),
        _ => return compare(op, &a, &b),
    })
}

fn binary_i32(op: B, a: i32, b: i32) -> Data {
    Data::I32(match op {
        B::Add => a.wrapping_add(b),
        B::Subtract => a.wrapping_sub(b),
        B::Multiply => a.wrapping_mul(b),
        B::Divide => a.checked_div(b).unwrap_or(a),
        B::Modulo => a.checked_rem(b).unwrap_or(0),
        B::And => a & b,
        B::ExclusiveOr => a ^ b,
        B::InclusiveOr => a | b,
        _ => return compare(op, &a, &b),
    })
}

pub(super) fn select(condition: &Value, accept: &Value, reject: &Value) -> Value {
    match condition.bool() {
        Some(known) => {
            let chosen = if known { accept } else { reject }.clone();
            if condition.by_id {
                chosen.marked()
            } else {
                chosen
            }
        }
        None => match &condition.data {
            Data::Composite(conditions) => Value::composite(
                (0u32..)
                    .zip(conditions.iter())
                    .map(|(at, condition)| {
                        select(condition, &accept.part(Some(at)), &reject.part(Some(at)))
                    })
                    .collect(),
            ),
            _ => accept.clone().either(reject),
        },
    }
}

/// The functions that bounds are computed with; anything else is unknown.
pub(super) fn math(fun: M, args: &[&Value]) -> Value {
    each(args, &|args| match (fun, args) {
        (M::Min, [Data::U32(a), Data::U32(b)]) => Data::U32(*a.min(b)),
        (M::Min, [Data::I32(a), Data::I32(b)]) => Data::I32(*a.min(b)),
        (M::Max, [Data::U32(a), Data::U32(b)]) => Data::U32(*a.max(b)),
        (M::Max, [Data::I32(a), Data::I32(b)]) => Data::I32(*a.max(b)),
        (M::Clamp, [Data::U32(a), Data::U32(low), Data::U32(high)]) => {
            Data::U32(*a.max(low).min(high))
        }
        (M::Clamp, [Data::I32(a), Data::I32(low), Data::I32(high)]) => {
            Data::I32(*a.max(low).min(high))
        }
        (M::Abs, [Data::U32(a)]) => Data::U32(*a),
        (M::Abs, [Data::I32(a)]) => Data::I32(a.wrapping_abs()),
        (M::Abs, [Data::F32(a)]) => Data::F32(a.abs()),
        (M::CountOneBits, [Data::U32(a)]) => Data::U32(a.count_ones()),
        (M::CountLeadingZeros, [Data::U32(a)]) => Data::U32(a.leading_zeros()),
        (M::CountTrailingZeros, [Data::U32(a)]) => Data::U32(a.trailing_zeros()),
        (M::FirstLeadingBit, [Data::U32(a)]) => Data::U32(a.checked_ilog2().unwrap_or(u32::MAX)),
        (M::FirstTrailingBit, [Data::U32(a)]) => Data::U32(if *a == 0 {
            u32::MAX
        } else {
            a.trailing_zeros()
        }),
        _ => Data::Unknown,
    })
}

/// A conversion to `kind`, or a reinterpretation of the bits.
pub(super) fn convert(kind: ScalarKind, width: Option<u8>, value: &Value) -> Value {
    each(&[value], &|args| {
        let [data] = args else { return Data::Unknown };
        let bits = match **data {
            Data::U32(a) => a,
            Data::I32(a) => a.cast_unsigned(),
            Data::F32(a) => a.to_bits(),
            Data::Bool(a) => u32::from(a),
            _ => return Data::Unknown,
        };
        if width.is_none() {
            return from_bits(kind, 4, bits).data;
        }
        // `as` between numbers saturates at the target's range, as WGSL conversions of floats do.
        match (kind, width, *data) {
            (ScalarKind::Bool, _, Data::F32(a)) => Data::Bool(*a != 0.0),
            (ScalarKind::Bool, ..) => Data::Bool(bits != 0),
            (ScalarKind::Uint, Some(4), Data::F32(a)) => Data::U32(*a as u32),
            (ScalarKind::Sint, Some(4), Data::F32(a)) => Data::I32(*a as i32),
            (ScalarKind::Float, Some(4), Data::F32(a)) => Data::F32(*a),
            (ScalarKind::Float, Some(4), Data::I32(a)) => Data::F32(*a as f32),
            (ScalarKind::Float, Some(4), _) => Data::F32(bits as f32),
            (ScalarKind::Uint | ScalarKind::Sint, Some(4), _) => from_bits(kind, 4, bits).data,
            _ => Data::Unknown,
        }
    })
}
