//! Reduces a function to the statements that decide how often each part of it runs; all other work becomes sums of costs.

use naga::{BinaryOperator, Block, Expression, Statement};

use super::CountError;
use super::cost::{Cost, TypedFunction};
use super::reduced::{Case, Head, Op, Ops, Reduced};
use super::slice::{Origin, Slice};

/// Reduces a function whose callees, all of lower index, are reduced already.
pub(super) fn reduce(
    typed: &TypedFunction<'_>,
    callees: &[Reduced],
) -> Result<Reduced, CountError> {
    let slice = Slice::new(typed, callees);
    let mut ops = slice.block(&typed.function.body, false)?;
    // A return at the very end of a function changes nothing unless its value matters.
    if matches!(ops.last(), Some(Op::Return(None))) {
        ops.pop();
    }
    Ok(Reduced {
        ops,
        locals: slice.locals,
        arguments: slice.arguments,
    })
}

impl Slice<'_> {
    fn block(&self, block: &Block, in_switch: bool) -> Result<Ops, CountError> {
        let mut ops = Ops::new();
        self.append(block, in_switch, &mut ops)?;
        Ok(ops)
    }

    fn append(&self, block: &Block, in_switch: bool, ops: &mut Ops) -> Result<(), CountError> {
        for statement in block {
            match statement {
                Statement::Emit(range) => {
                    for expression in range.clone() {
                        push_cost(ops, self.typed.expression(expression)?);
                        if self.needed(expression) {
                            ops.push(Op::Eval(expression));
                        }
                    }
                }
                Statement::Block(inner) => self.append(inner, in_switch, ops)?,
                Statement::If {
                    condition,
                    accept,
                    reject,
                } => {
                    let accept = self.block(accept, in_switch)?;
                    let reject = self.block(reject, in_switch)?;
                    if !(accept.is_empty() && reject.is_empty()) {
                        ops.push(Op::If {
                            condition: *condition,
                            breaks: has_break(&accept) || has_break(&reject),
                            accept,
                            reject,
                        });
                    }
                }
                Statement::Switch { selector, cases } => {
                    let cases: Result<Vec<Case>, CountError> = cases
                        .iter()
                        .map(|case| {
                            Ok(Case {
                                value: case.value,
                                body: self.block(&case.body, true)?,
                                falls: case.fall_through,
                            })
                        })
                        .collect();
                    let cases = cases?;
                    ops.push(Op::Switch {
                        selector: *selector,
                        breaks: cases.iter().any(|case| has_break(&case.body)),
                        cases,
                    });
                }
                Statement::Loop {
                    body,
                    continuing,
                    break_if,
                } => {
                    let mut body = self.block(body, false)?;
                    let continuing = self.block(continuing, false)?;
                    let head = self.head(&mut body, &continuing, break_if.is_none());
                    ops.push(Op::Loop {
                        head,
                        body,
                        continuing,
                        break_if: *break_if,
                    });
                }
                Statement::Break if in_switch => ops.push(Op::LeaveSwitch),
                Statement::Break => ops.push(Op::Break),
                Statement::Continue => ops.push(Op::Continue),
                Statement::Return { value } => {
                    ops.push(Op::Return(value.filter(|value| self.needed(*value))))
                }
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
                } => push_cost(ops, self.typed.atomic(*pointer, fun, *value)),
                Statement::SubgroupCollectiveOperation { op, argument, .. } => {
                    push_cost(ops, self.typed.collective(*op, *argument));
                }
                Statement::Call {
                    function,
                    arguments,
                    result,
                } => {
                    let result = result.filter(|result| self.needed(*result));
                    match self.callees[function.index()].constant() {
                        Some(cost) if result.is_none() => push_cost(ops, cost),
                        _ => ops.push(Op::Call {
                            function: function.index(),
                            arguments: arguments
                                .iter()
                                .map(|argument| Some(*argument).filter(|a| self.needed(*a)))
                                .collect(),
                            result,
                        }),
                    }
                }
                // Barriers, subgroup gathers and the like cost no arithmetic, and their results are unknown.
                _ => {}
            }
        }
        Ok(())
    }

    /// Splits the comparison off that a loop begins with, if it does.
    fn head(&self, body: &mut Ops, continuing: &Ops, no_break_if: bool) -> Option<Head> {
        let at = body
            .iter()
            .position(|op| !matches!(op, Op::Eval(_) | Op::Cost(_)))?;
        let Op::If {
            condition,
            accept,
            reject,
            ..
        } = &body[at]
        else {
            return None;
        };
        let goes_on = match (accept.as_slice(), reject.as_slice()) {
            ([], [Op::Break]) => true,
            ([Op::Break], []) => false,
            _ => return None,
        };
        let Expression::Binary { op, left, right } = *self.expression(*condition) else {
            return None;
        };
        let rest = body.split_off(at + 1);
        body.pop();
        let ops = std::mem::replace(body, rest);
        let mut reads = vec![false; self.locals.len()];
        let steady = no_break_if
            && !has_break(body)
            && continuing.iter().all(|op| self.moves_evenly(op))
            && self.reads(body, &mut reads);
        Some(Head {
            ops,
            comparison: op,
            left,
            right,
            goes_on,
            steady_reads: steady.then_some(reads),
        })
    }

    /// Whether a step between iterations adds something to a local, or does nothing that matters.
    fn moves_evenly(&self, op: &Op) -> bool {
        match op {
            Op::Eval(_) | Op::Cost(_) => true,
            Op::Store { value, .. } => matches!(
                self.expression(*value),
                Expression::Binary {
                    op: BinaryOperator::Add | BinaryOperator::Subtract,
                    ..
                }
            ),
            _ => false,
        }
    }

    /// Marks the locals that `ops` read; false where that cannot be told, or where they return.
    fn reads(&self, ops: &Ops, reads: &mut [bool]) -> bool {
        ops.iter().all(|op| match op {
            Op::Eval(expression) => match *self.expression(*expression) {
                Expression::Load { pointer } => match self.origin(pointer) {
                    Origin::Local(local) => {
                        reads[local] = true;
                        true
                    }
                    Origin::Argument => false,
                    Origin::Other => true,
                },
                _ => true,
            },
            Op::Call { arguments, .. } => {
                let mut arguments = arguments.iter().flatten();
                arguments.all(|argument| !self.is_pointer(*argument))
            }
            Op::If { accept, reject, .. } => self.reads(accept, reads) && self.reads(reject, reads),
            Op::Switch { cases, .. } => cases.iter().all(|case| self.reads(&case.body, reads)),
            Op::Loop {
                head,
                body,
                continuing,
                ..
            } => {
                let head = head
                    .as_ref()
                    .is_none_or(|head| self.reads(&head.ops, reads));
                head && self.reads(body, reads) && self.reads(continuing, reads)
            }
            Op::Return(_) => false,
            Op::Cost(_) | Op::Store { .. } | Op::Break | Op::LeaveSwitch | Op::Continue => true,
        })
    }
}

/// Appends a cost, joined to the one before it.
fn push_cost(ops: &mut Ops, cost: Cost) {
    if cost == Cost::NONE {
        return;
    }
    if let Some(Op::Cost(sum)) = ops.last_mut() {
        *sum = sum.plus(cost);
    } else {
        ops.push(Op::Cost(cost));
    }
}

/// Whether these steps may leave the loop around them.
fn has_break(ops: &Ops) -> bool {
    ops.iter().any(|op| match op {
        Op::Break => true,
        Op::If { breaks, .. } | Op::Switch { breaks, .. } => *breaks,
        _ => false,
    })
}
