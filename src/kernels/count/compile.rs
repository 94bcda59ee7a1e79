//! A function reduced to what decides how often each part of it runs; all other work becomes sums of costs.

use naga::{Block, Expression, Handle, Statement, SwitchValue, TypeInner};

use super::CountError;
use super::cost::{Cost, Typed};

/// One step of a reduced function.
#[derive(Debug)]
pub(super) enum Op {
    Cost(Cost),
    Eval(Handle<Expression>),
    Store {
        pointer: Handle<Expression>,
        value: Handle<Expression>,
    },
    Call {
        function: usize,
        arguments: Vec<Handle<Expression>>,
        result: Option<Handle<Expression>>,
    },
    If {
        condition: Handle<Expression>,
        accept: Ops,
        reject: Ops,
        breaks: bool,
    },
    Switch {
        selector: Handle<Expression>,
        cases: Vec<Case>,
    },
    Loop {
        body: Ops,
        continuing: Ops,
        break_if: Option<Handle<Expression>>,
    },
    Break,
    Continue,
    Return(Option<Handle<Expression>>),
}

pub(super) type Ops = Vec<Op>;

#[derive(Debug)]
pub(super) struct Case {
    pub value: SwitchValue,
    pub body: Ops,
    pub falls: bool,
}

/// A reduced function.
#[derive(Debug)]
pub(super) struct Reduced {
    pub ops: Ops,
    /// Which locals are followed; the others are never read by anything that matters.
    pub locals: Vec<bool>,
    /// Expressions that no statement gives a value: literals, constants and what is composed of them.
    pub constants: Vec<bool>,
    /// Which arguments matter.
    arguments: Vec<bool>,
}

impl Reduced {
    /// The cost of every call, when no call differs from another.
    fn constant(&self) -> Option<Cost> {
        match self.ops.as_slice() {
            [] => Some(Cost::NONE),
            [Op::Cost(cost)] => Some(*cost),
            _ => None,
        }
    }
}

/// Reduces a function whose callees, all of lower index, are reduced already.
pub(super) fn reduce(typed: &Typed<'_>, callees: &[Reduced]) -> Result<Reduced, CountError> {
    let function = typed.function;
    let mut slice = Slice {
        typed,
        callees,
        expressions: vec![false; function.expressions.len()],
        locals: vec![false; function.local_variables.len()],
        arguments: vec![false; function.arguments.len()],
        stores: Vec::new(),
    };
    slice.roots(&function.body);
    slice.close();
    let mut ops = slice.block(&function.body)?;
    // A return at the very end of a function changes nothing unless its value matters.
    if let Some(Op::Return(value)) = ops.last()
        && value.is_none_or(|value| !slice.expressions[value.index()])
    {
        ops.pop();
    }
    let mut constants: Vec<bool> = function
        .expressions
        .iter()
        .map(|(_, expression)| !is_result(expression))
        .collect();
    clear_emitted(&function.body, &mut constants);
    Ok(Reduced {
        ops,
        locals: slice.locals,
        constants,
        arguments: slice.arguments,
    })
}

/// Whether a statement other than an evaluation gives the expression its value.
fn is_result(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::CallResult(_)
            | Expression::AtomicResult { .. }
            | Expression::WorkGroupUniformLoadResult { .. }
            | Expression::SubgroupBallotResult
            | Expression::SubgroupOperationResult { .. }
            | Expression::RayQueryProceedResult
    )
}

fn clear_emitted(block: &Block, constants: &mut [bool]) {
    for statement in block {
        match statement {
            Statement::Emit(range) => range
                .clone()
                .for_each(|expression| constants[expression.index()] = false),
            Statement::Block(inner) => clear_emitted(inner, constants),
            Statement::If { accept, reject, .. } => {
                clear_emitted(accept, constants);
                clear_emitted(reject, constants);
            }
            Statement::Switch { cases, .. } => cases
                .iter()
                .for_each(|case| clear_emitted(&case.body, constants)),
            Statement::Loop {
                body, continuing, ..
            } => {
                clear_emitted(body, constants);
                clear_emitted(continuing, constants);
            }
            _ => {}
        }
    }
}

/// The backward slice from everything that steers control flow.
struct Slice<'a> {
    typed: &'a Typed<'a>,
    callees: &'a [Reduced],
    expressions: Vec<bool>,
    locals: Vec<bool>,
    arguments: Vec<bool>,
    /// Stores to locals, with the local written to.
    stores: Vec<(usize, Handle<Expression>, Handle<Expression>)>,
}

/// What a pointer expression starts from.
enum Origin {
    Local(usize),
    Argument,
    Other,
}

impl Slice<'_> {
    fn origin(&self, pointer: Handle<Expression>) -> Origin {
        match self.typed.function.expressions[pointer] {
            Expression::LocalVariable(local) => Origin::Local(local.index()),
            Expression::FunctionArgument(_) => Origin::Argument,
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                self.origin(base)
            }
            _ => Origin::Other,
        }
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
                        if needed || self.typed.inner(argument).pointer_space().is_some() {
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

    fn need(&mut self, expression: Handle<Expression>) {
        if std::mem::replace(&mut self.expressions[expression.index()], true) {
            return;
        }
        match self.typed.function.expressions[expression] {
            Expression::LocalVariable(local) => self.locals[local.index()] = true,
            Expression::FunctionArgument(index) => self.arguments[index as usize] = true,
            Expression::Compose { ref components, .. } => {
                components.iter().for_each(|&part| self.need(part))
            }
            Expression::Access { base, index } => {
                self.need(base);
                self.need(index);
            }
            Expression::AccessIndex { base, .. } => self.need(base),
            Expression::Splat { value, .. } => self.need(value),
            Expression::Swizzle { vector, .. } => self.need(vector),
            Expression::Load { pointer } => self.need(pointer),
            Expression::Unary { expr, .. } | Expression::As { expr, .. } => self.need(expr),
            Expression::Relational { argument, .. } => self.need(argument),
            Expression::Binary { left, right, .. } => {
                self.need(left);
                self.need(right);
            }
            Expression::Select {
                condition,
                accept,
                reject,
            } => {
                self.need(condition);
                self.need(accept);
                self.need(reject);
            }
            Expression::Math {
                arg,
                arg1,
                arg2,
                arg3,
                ..
            } => {
                self.need(arg);
                [arg1, arg2, arg3]
                    .into_iter()
                    .flatten()
                    .for_each(|arg| self.need(arg));
            }
            _ => {}
        }
    }

    fn block(&self, block: &Block) -> Result<Ops, CountError> {
        let mut ops = Ops::new();
        self.append(block, &mut ops)?;
        Ok(ops)
    }

    fn append(&self, block: &Block, ops: &mut Ops) -> Result<(), CountError> {
        for statement in block {
            match statement {
                Statement::Emit(range) => {
                    for expression in range.clone() {
                        push_cost(ops, self.typed.expression(expression)?);
                        if self.expressions[expression.index()] {
                            ops.push(Op::Eval(expression));
                        }
                    }
                }
                Statement::Block(inner) => self.append(inner, ops)?,
                Statement::If {
                    condition,
                    accept,
                    reject,
                } => {
                    let (accept, reject) = (self.block(accept)?, self.block(reject)?);
                    if !(accept.is_empty() && reject.is_empty()) {
                        let breaks = has_break(&accept) || has_break(&reject);
                        ops.push(Op::If {
                            condition: *condition,
                            accept,
                            reject,
                            breaks,
                        });
                    }
                }
                Statement::Switch { selector, cases } => {
                    let cases: Result<Vec<Case>, CountError> = cases
                        .iter()
                        .map(|case| {
                            Ok(Case {
                                value: case.value,
                                body: self.block(&case.body)?,
                                falls: case.fall_through,
                            })
                        })
                        .collect();
                    ops.push(Op::Switch {
                        selector: *selector,
                        cases: cases?,
                    });
                }
                Statement::Loop {
                    body,
                    continuing,
                    break_if,
                } => ops.push(Op::Loop {
                    body: self.block(body)?,
                    continuing: self.block(continuing)?,
                    break_if: *break_if,
                }),
                Statement::Break => ops.push(Op::Break),
                Statement::Continue => ops.push(Op::Continue),
                Statement::Return { value } => ops.push(Op::Return(*value)),
                Statement::Store { pointer, value } => {
                    push_cost(ops, self.typed.store(*pointer, *value));
                    let followed = match self.origin(*pointer) {
                        Origin::Local(local) => self.locals[local],
                        Origin::Argument => true,
                        Origin::Other => false,
                    };
                    if followed {
                        ops.push(Op::Store {
                            pointer: *pointer,
                            value: *value,
                        });
                    }
                }
                Statement::ImageStore { value, .. } => {
                    push_cost(ops, self.typed.image_store(*value))
                }
                Statement::Atomic {
                    pointer,
                    fun,
                    value,
                    ..
                } => {
                    push_cost(ops, self.typed.atomic(*pointer, fun, *value));
                }
                Statement::SubgroupCollectiveOperation { op, argument, .. } => {
                    push_cost(ops, self.typed.collective(*op, *argument));
                }
                Statement::Call {
                    function,
                    arguments,
                    result,
                } => {
                    let result = result.filter(|result| self.expressions[result.index()]);
                    match self.callees[function.index()].constant() {
                        Some(cost) if result.is_none() => push_cost(ops, cost),
                        _ => ops.push(Op::Call {
                            function: function.index(),
                            arguments: arguments.clone(),
                            result,
                        }),
                    }
                }
                // Barriers, subgroup gathers and the like cost no arithmetic, and what they return is unknown.
                _ => {}
            }
        }
        Ok(())
    }
}

/// Appends a cost, joined to the one before it.
fn push_cost(ops: &mut Ops, cost: Cost) {
    if cost == Cost::NONE {
        return;
    }
    if let Some(Op::Cost(sum)) = ops.last_mut() {
        sum.add(cost);
    } else {
        ops.push(Op::Cost(cost));
    }
}

/// Whether these steps may leave the loop around them.
fn has_break(ops: &Ops) -> bool {
    ops.iter().any(|op| match op {
        Op::Break => true,
        Op::If { breaks, .. } => *breaks,
        _ => false,
    })
}
