//! The backward slice of a function from everything that steers its control flow.

use naga::{Block, Expression, Handle, Statement, TypeInner};

use super::cost::{Cost, TypedFunction};
use super::reduced::Reduced;

/// The backward slice from everything that steers control flow.
pub(super) struct Slice<'a> {
    pub typed: &'a TypedFunction<'a>,
    pub callees: &'a [Reduced],
    expressions: Vec<bool>,
    pub locals: Vec<bool>,
    pub arguments: Vec<u8>,
    /// Whether something was added since this was last set to false.
    grown: bool,
}

/// The variable that a pointer expression starts from.
pub(super) enum Origin {
    Local(usize),
    Argument,
    Other,
}

impl<'a> Slice<'a> {
    pub fn new(typed: &'a TypedFunction<'a>, callees: &'a [Reduced]) -> Self {
        let function = typed.function;
        let mut slice = Self {
            typed,
            callees,
            expressions: vec![false; function.expressions.len()],
            locals: vec![false; function.local_variables.len()],
            arguments: vec![0; function.arguments.len()],
            grown: true,
        };
        // What is added may make a store matter that was passed before.
        while std::mem::take(&mut slice.grown) {
            slice.add(&function.body);
        }
        slice
    }

    pub fn expression(&self, handle: Handle<Expression>) -> &Expression {
        &self.typed.function.expressions[handle]
    }

    pub fn origin(&self, pointer: Handle<Expression>) -> Origin {
        match *self.expression(pointer) {
            Expression::LocalVariable(local) => Origin::Local(local.index()),
            Expression::FunctionArgument(_) => Origin::Argument,
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                self.origin(base)
            }
            _ => Origin::Other,
        }
    }

    pub fn is_pointer(&self, expression: Handle<Expression>) -> bool {
        self.typed.inner(expression).pointer_space().is_some()
    }

    /// Adds what steers the block. Whether the block matters: it costs something, leaves a path, or changes what steers.
    /// Conditions of blocks that do not matter, such as the right sides of `&&`, steer nothing.
    fn add(&mut self, block: &Block) -> bool {
        let mut matters = false;
        for statement in block {
            matters |= self.add_statement(statement);
        }
        matters
    }

    fn add_statement(&mut self, statement: &Statement) -> bool {
        match statement {
            Statement::Emit(range) => {
                let costs = |expression| self.typed.expression(expression) != Ok(Cost::NONE);
                range.clone().any(costs)
            }
            Statement::Block(inner) => self.add(inner),
            Statement::If {
                condition,
                accept,
                reject,
            } => {
                let matters = self.add(accept) | self.add(reject);
                if matters {
                    self.need(*condition);
                }
                matters
            }
            Statement::Switch { selector, cases } => {
                let mut matters = false;
                for case in cases {
                    matters |= self.add(&case.body);
                }
                if matters {
                    self.need(*selector);
                }
                matters
            }
            Statement::Loop {
                body,
                continuing,
                break_if,
            } => {
                self.add(body);
                self.add(continuing);
                if let Some(condition) = break_if {
                    self.need(*condition);
                }
                true
            }
            Statement::Return { value } => {
                if let Some(value) = value.filter(|value| self.steers(*value)) {
                    self.need(value);
                }
                true
            }
            Statement::Break | Statement::Continue | Statement::Kill => true,
            Statement::Store { pointer, value } => {
                let steers = match self.origin(*pointer) {
                    Origin::Local(local) => self.locals[local],
                    Origin::Argument => true,
                    Origin::Other => false,
                };
                if steers {
                    self.need(*pointer);
                    self.need(*value);
                }
                steers || self.typed.store(*pointer, *value) != Cost::NONE
            }
            Statement::Call {
                function,
                arguments,
                result,
            } => {
                let callee = &self.callees[function.index()];
                let mut matters = callee.constant() != Some(Cost::NONE)
                    || result.is_some_and(|result| self.needed(result));
                for (&argument, &needed) in arguments.iter().zip(&callee.arguments) {
                    let is_pointer = self.is_pointer(argument);
                    matters |= is_pointer;
                    if needed != 0 || is_pointer {
                        self.need(argument);
                    }
                }
                matters
            }
            Statement::ImageStore { value, .. } => self.typed.image_store(*value) != Cost::NONE,
            Statement::Atomic {
                pointer,
                fun,
                value,
                ..
            } => self.typed.atomic(*pointer, fun, *value) != Cost::NONE,
            Statement::SubgroupCollectiveOperation { op, argument, .. } => {
                self.typed.collective(*op, *argument) != Cost::NONE
            }
            _ => false,
        }
    }

    /// Whether a value may hold bounds or conditions, as floats and composites of floats do not.
    fn steers(&self, value: Handle<Expression>) -> bool {
        match self.typed.inner(value) {
            TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. } => {
                scalar.kind != naga::ScalarKind::Float
            }
            TypeInner::Matrix { .. } => false,
            _ => true,
        }
    }

    fn need(&mut self, handle: Handle<Expression>) {
        if std::mem::replace(&mut self.expressions[handle.index()], true) {
            return;
        }
        self.grown = true;
        match *self.expression(handle) {
            Expression::LocalVariable(local) => self.locals[local.index()] = true,
            Expression::FunctionArgument(index) => self.arguments[index as usize] = u8::MAX,
            Expression::Compose { ref components, .. } => {
                let components = components.clone();
                components.into_iter().for_each(|part| self.need(part))
            }
            Expression::AccessIndex { base, index } => match *self.expression(base) {
                Expression::FunctionArgument(argument) if !self.is_pointer(base) => {
                    self.arguments[argument as usize] |= 1 << index.min(7);
                }
                _ => self.need(base),
            },
            Expression::Access { base, index } => self.need_all([Some(base), Some(index)]),
            Expression::Splat { value, .. } => self.need(value),
            Expression::Swizzle { vector, .. } => self.need(vector),
            Expression::Load { pointer } | Expression::ArrayLength(pointer) => self.need(pointer),
            Expression::Unary { expr, .. } | Expression::As { expr, .. } => self.need(expr),
            Expression::Relational { argument, .. } => self.need(argument),
            Expression::Binary { left, right, .. } => self.need_all([Some(left), Some(right)]),
            Expression::Select {
                condition,
                accept,
                reject,
            } => self.need_all([Some(condition), Some(accept), Some(reject)]),
            Expression::Math {
                arg,
                arg1,
                arg2,
                arg3,
                ..
            } => self.need_all([Some(arg), arg1, arg2, arg3]),
            _ => {}
        }
    }

    fn need_all<const N: usize>(&mut self, handles: [Option<Handle<Expression>>; N]) {
        handles
            .into_iter()
            .flatten()
            .for_each(|part| self.need(part));
    }

    pub fn needed(&self, expression: Handle<Expression>) -> bool {
        self.expressions[expression.index()]
    }
}
