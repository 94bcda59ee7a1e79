//! The values of expressions.

use std::rc::Rc;

use naga::{BinaryOperator, Expression, Handle, Module, RelationalFunction, TypeInner};

use super::interpret::{Frame, Interpreter};
use super::value::{self, Value, Variable};
use super::{CountError, Operand};

impl<'a> Interpreter<'a> {
    /// The value of an expression that was evaluated before, or that is evaluated where it is used.
    pub(super) fn eval(
        &self,
        frame: &Frame<'a>,
        expression: Handle<Expression>,
    ) -> Result<Value, CountError> {
        match &frame.values[expression.index()] {
            Some(value) => Ok(value.clone()),
            None => self.compute(frame, expression),
        }
    }

    pub(super) fn compute(
        &self,
        frame: &Frame<'a>,
        expression: Handle<Expression>,
    ) -> Result<Value, CountError> {
        let of = |expression| self.eval(frame, expression);
        Ok(match frame.function.expressions[expression] {
            Expression::FunctionArgument(index) => {
                let argument = frame.arguments.get(index as usize);
                argument.cloned().unwrap_or(Value::UNKNOWN)
            }
            Expression::GlobalVariable(variable) => {
                Value::Pointer(Variable::Global(variable), Rc::new([]))
            }
            Expression::LocalVariable(local) => {
                Value::Pointer(Variable::Local(frame.base + local.index()), Rc::new([]))
            }
            Expression::Load { pointer } => match frame.function.expressions[pointer] {
                // Loop counters: no need to build a pointer to them first.
                Expression::LocalVariable(local) => {
                    self.state.stack[frame.base + local.index()].clone()
                }
                _ => match of(pointer)? {
                    Value::Pointer(variable, path) => self.load(variable, &path)?,
                    _ => Value::UNKNOWN,
                },
            },
            Expression::ArrayLength(array) => self.length(&of(array)?),
            ref simple => simple_value(self.module, simple, &of)?,
        })
    }

    fn load(&self, variable: Variable, path: &[Option<u32>]) -> Result<Value, CountError> {
        match variable {
            Variable::Local(slot) => {
                let start = self.state.stack.get(slot).cloned();
                let start = start.unwrap_or(Value::UNKNOWN);
                Ok(path.iter().fold(start, |value, index| value.part(*index)))
            }
            Variable::Global(variable) => {
                let variable = &self.module.global_variables[variable];
                let bound = variable.binding.filter(|at| at.group == 0);
                let table = bound.filter(|_| variable.space == naga::AddressSpace::Uniform);
                let words = table.and_then(|at| match at.binding {
                    0 => Some(self.inputs.sizes),
                    at => self.operand(at).map(|operand| operand.words),
                });
                words.map_or(Ok(Value::UNKNOWN), |words| {
                    self.word(words, variable.ty, 0, path)
                })
            }
        }
    }

    fn operand(&self, binding: u32) -> Option<&Operand<'a>> {
        let mut others = self.inputs.others.iter();
        others.find(|operand| operand.binding == binding)
    }

    /// The length of the array behind a pointer.
    fn length(&self, pointer: &Value) -> Value {
        let Value::Pointer(Variable::Global(variable), _) = pointer else {
            return Value::UNKNOWN;
        };
        let bound = &self.module.global_variables[*variable].binding;
        let operand = bound.as_ref().and_then(|at| self.operand(at.binding));
        operand.map_or(Value::UNKNOWN, |operand| {
            value::from_bits(naga::ScalarKind::Uint, 4, operand.length)
        })
    }

    /// What lies at `path` from byte `offset` of a uniform, as a value of the type found there.
    fn word(
        &self,
        words: &[u32],
        ty: Handle<naga::Type>,
        offset: u32,
        path: &[Option<u32>],
    ) -> Result<Value, CountError> {
        let scalar_at = |scalar: naga::Scalar, offset: u32| {
            let at = offset as usize / 4;
            match words.get(at) {
                Some(&word) => Ok(value::from_bits(scalar.kind, scalar.width, word)),
                None => Err(CountError::Sizes {
                    given: words.len(),
                    needed: at + 1,
                }),
            }
        };
        let inner = &self.module.types[ty].inner;
        let Some((first, rest)) = path.split_first() else {
            let length = match inner {
                TypeInner::Scalar(scalar) => return scalar_at(*scalar, offset),
                TypeInner::Vector { size, .. } => *size as u32,
                TypeInner::Struct { members, .. } => members.len() as u32,
                TypeInner::Array {
                    size: naga::ArraySize::Constant(length),
                    ..
                } => length.get(),
                _ => return Ok(Value::UNKNOWN),
            };
            let parts: Result<Vec<Value>, CountError> = (0..length)
                .map(|index| self.word(words, ty, offset, &[Some(index)]))
                .collect();
            return parts.map(Value::composite);
        };
        match (inner, first) {
            (TypeInner::Vector { size, scalar }, Some(index)) if *index < *size as u32 => {
                scalar_at(*scalar, offset + index * u32::from(scalar.width))
            }
            (TypeInner::Struct { members, .. }, Some(index)) => {
                match members.get(*index as usize) {
                    Some(member) => self.word(words, member.ty, offset + member.offset, rest),
                    None => Ok(Value::UNKNOWN),
                }
            }
            (
                TypeInner::Array {
                    base,
                    stride,
                    size: naga::ArraySize::Constant(length),
                },
                Some(index),
            ) if *index < length.get() => self.word(words, *base, offset + index * stride, rest),
            _ => Ok(Value::UNKNOWN),
        }
    }
}

/// A constant of the module.
fn constant(module: &Module, expression: Handle<Expression>) -> Result<Value, CountError> {
    simple_value(module, &module.global_expressions[expression], &|part| {
        constant(module, part)
    })
}

/// Expressions that depend on nothing but their operands.
fn simple_value(
    module: &Module,
    expression: &Expression,
    of: &dyn Fn(Handle<Expression>) -> Result<Value, CountError>,
) -> Result<Value, CountError> {
    Ok(match *expression {
        Expression::Literal(literal) => value::literal(literal),
        Expression::Constant(handle) => constant(module, module.constants[handle].init)?,
        Expression::ZeroValue(ty) => Value::zero(module, ty),
        Expression::Compose { ty, ref components } => {
            let is_vector = matches!(module.types[ty].inner, TypeInner::Vector { .. });
            let mut parts = Vec::with_capacity(components.len());
            for &component in components {
                match of(component)? {
                    // Vectors are flattened when a vector is composed of them.
                    Value::Composite(inner) if is_vector => parts.extend(inner.iter().cloned()),
                    part => parts.push(part),
                }
            }
            Value::composite(parts)
        }
        Expression::Splat { size, value } => value::splat(size, &of(value)?),
        Expression::Swizzle {
            size,
            vector,
            pattern,
        } => {
            let vector = of(vector)?;
            let parts = pattern[..size as usize].iter();
            Value::composite(parts.map(|&from| vector.part(Some(from as u32))).collect())
        }
        Expression::Access { base, index } => of(base)?.part(of(index)?.index()),
        Expression::AccessIndex { base, index } => of(base)?.part(Some(index)),
        Expression::Unary { op, expr } => value::unary(op, &of(expr)?),
        Expression::Binary { op, left, right } => value::binary(op, &of(left)?, &of(right)?),
        Expression::Select {
            condition,
            accept,
            reject,
        } => value::select(&of(condition)?, &of(accept)?, &of(reject)?),
        Expression::As {
            expr,
            kind,
            convert,
        } => value::convert(kind, convert, &of(expr)?),
        Expression::Math {
            fun,
            arg,
            arg1,
            arg2,
            arg3,
        } => {
            let args = [Some(arg), arg1, arg2, arg3].into_iter().flatten();
            value::math(fun, &args.map(of).collect::<Result<Vec<_>, _>>()?)
        }
        Expression::Relational { fun, argument } => {
            let argument = of(argument)?;
            let op = match fun {
                RelationalFunction::All => BinaryOperator::LogicalAnd,
                RelationalFunction::Any => BinaryOperator::LogicalOr,
                _ => return Ok(Value::UNKNOWN),
            };
            match &argument {
                Value::Composite(parts) => parts
                    .iter()
                    .cloned()
                    .reduce(|a, b| value::binary(op, &a, &b))
                    .unwrap_or(Value::UNKNOWN),
                _ => argument,
            }
        }
        _ => Value::UNKNOWN,
    })
}
