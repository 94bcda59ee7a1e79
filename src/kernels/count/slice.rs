//! The backward slice of a function from everything that steers its control flow.

use naga::{Block, Expression, Handle, Statement, TypeInner};

use super::cost::TypedFunction;
use super::reduced::Reduced;

/// The backward slice from everything that steers control flow.
pub(super) struct Slice<'a> {
    pub typed: &'a TypedFunction<'a>,
    pub callees: &'a [Reduced],
    expressions: Vec<bool>,
    pub locals: Vec<bool>,
    pub arguments: Vec<u8>,
    /// Stores to locals, with the local written to.
    stores: Vec<(usize, Handle<Expression>, Handle<Expression>)>,
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
            stores: Vec::new(),
        };
        slice.roots(&function.body);
        slice.close();
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

    fn roots(&mut self, block: &Block) {
        for statement in block {
            match statement {
                Statement::Block(inner) => self.roots(inner),
                Statement::If {
                    condition,
                    accept,
                    reject,
                } => {
                    self.need(*condition);
                    self.roots(accept);
                    self.roots(reject);
                }
                Statement::Switch { selector, cases } => {
                    self.need(*selector);
                    cases.iter().for_each(|case| self.roots(&case.body));
                }
                Statement::Loop {
                    body,
                    continuing,
                    break_if,
                } => {
                    self.roots(body);
                    self.roots(continuing);
                    if let Some(condition) = break_if {
                        self.need(*condition);
                    }
                }
                Statement::Return { value: Some(value) } if self.steers(*value) => {
                    self.need(*value)
                }
                Statement::Store { pointer, value } => match self.origin(*pointer) {
                    Origin::Local(local) => self.stores.push((local, *pointer, *value)),
                    Origin::Argument => {
                        self.need(*pointer);
                        self.need(*value);
                    }
                    Origin::Other => {}
                },
                Statement::Call {
                    function,
                    arguments,
                    ..
                } => {
                    let callee = &self.callees[function.index()];
                    for (&argument, &needed) in arguments.iter().zip(&callee.arguments) {
                        if needed != 0 || self.is_pointer(argument) {
                            self.need(argument);
                        }
                    }
                }
                _ => {}
            }
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

    /// Adds the stores to every local that is read, until nothing new is read.
    fn close(&mut self) {
        loop {
            let due: Vec<_> = self
                .stores
                .extract_if(.., |(local, ..)| self.locals[*local])
                .collect();
            if due.is_empty() {
                return;
            }
            for (_, pointer, value) in due {
                self.need(pointer);
                self.need(value);
            }
        }
    }

    fn need(&mut self, handle: Handle<Expression>) {
        if std::mem::replace(&mut self.expressions[handle.index()], true) {
            return;
        }
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
