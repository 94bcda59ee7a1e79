//! Loops, and the iterations that need not be followed.

use naga::{BinaryOperator, Expression, Handle};

use super::CountError;
use super::cost::Cost;
use super::interpret::{Frame, Interpreter};
use super::reduce::{Head, Ops};
use super::value::{self, Scalar, Value};

/// Iterations in which a loop may become steady.
const STEADY_WITHIN: usize = 8;

/// What is known at the head of an iteration.
struct Iteration {
    cost: Cost,
    active: u64,
    locals: Vec<Value>,
    /// The loop goes on while this is above 0.
    left: i64,
}

impl<'a> Interpreter<'a> {
    pub(super) fn repeat(
        &mut self,
        frame: &mut Frame<'a>,
        head: Option<&Head>,
        [body, continuing]: [&Ops; 2],
        break_if: Option<Handle<Expression>>,
    ) -> Result<(), CountError> {
        let mut iterations: Vec<Iteration> = vec![];
        loop {
            self.step()?;
            if let Some(head) = head {
                self.run(frame, &head.ops)?;
                let sides = (self.eval(frame, head.left)?, self.eval(frame, head.right)?);
                let outcome = value::binary(head.comparison, &sides.0, &sides.1);
                let [yes, no, unknown] = self.split(&outcome);
                self.stop |= !unknown.is_empty();
                let goes_on = if head.goes_on { yes } else { no };
                self.state.active = goes_on.or(&unknown);
                if let Some(reads) = &head.steady_reads
                    && iterations.len() < STEADY_WITHIN
                    && let Some(left) = remaining(head, &sides.0, &sides.1)
                {
                    iterations.push(Iteration {
                        cost: self.state.count.cost,
                        active: self.state.active.count,
                        locals: self.state.stack[frame.base..].to_vec(),
                        left,
                    });
                    if self.skip(frame, &iterations, reads) {
                        return Ok(());
                    }
                }
            }
            if self.state.active.is_empty() {
                return Ok(());
            }
            let (before, lanes) = (self.state.count, self.state.active.count);
            self.run(frame, body)?;
            let continued = std::mem::replace(&mut self.state.continued, self.none.clone());
            self.state.active = self.state.active.or(&continued);
            self.run(frame, continuing)?;
            if let Some(condition) = break_if
                && !self.state.active.is_empty()
            {
                let condition = self.eval(frame, condition)?;
                let [_, no, unknown] = self.split(&condition);
                self.stop |= !unknown.is_empty();
                self.state.active = no;
            }
            if self.stop {
                // Of loops inside this one only this pass counts.
                let count = &mut self.state.count;
                let pass = count.cost.minus(before.cost);
                count.pass_cost = before.pass_cost.plus(pass);
                count.passes = before.passes + lanes;
                return Ok(());
            }
        }
    }

    /// Adds all further iterations at once where the last two did the same, apart from locals that nothing reads but the
    /// loop's own condition. Whether it did.
    fn skip(&mut self, frame: &Frame<'a>, iterations: &[Iteration], reads: &[bool]) -> bool {
        let [.., first, second, third] = iterations else {
            return false;
        };
        let cost = third.cost.minus(second.cost);
        let progress = second.left - third.left;
        let even = progress > 0
            && first.left - second.left == progress
            && second.cost.minus(first.cost) == cost
            && first.active == third.active;
        if !even {
            return false;
        }
        let rest = third.left.div_euclid(progress) + i64::from(third.left % progress != 0);
        let mut moved = Vec::with_capacity(third.locals.len());
        let locals = first.locals.iter().zip(&second.locals).zip(&third.locals);
        for (read, ((before, then), now)) in reads.iter().zip(locals) {
            if then == now {
                moved.push(now.clone());
                continue;
            }
            let (Some(a), Some(b), Some(c)) = (integer(before), integer(then), integer(now)) else {
                return false;
            };
            if *read || b - a != c - b {
                return false;
            }
            let end = c + (c - b) * rest;
            moved.push(match now {
                Value::Uniform(Scalar::I32(_)) => Value::Uniform(Scalar::I32(end as i32)),
                _ => Value::u32(end as u32),
            });
        }
        self.charge(cost, rest as u64);
        self.state.stack.truncate(frame.base);
        self.state.stack.append(&mut moved);
        true
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Uniform(Scalar::U32(known)) => Some(i64::from(*known)),
        Value::Uniform(Scalar::I32(known)) => Some(i64::from(*known)),
        _ => None,
    }
}

/// A number that is above 0 as long as the loop goes on, and falls as fast as both sides of its condition approach.
fn remaining(head: &Head, left: &Value, right: &Value) -> Option<i64> {
    let (left, right) = (integer(left)?, integer(right)?);
    Some(match (head.comparison, head.goes_on) {
        (BinaryOperator::Less, true) | (BinaryOperator::GreaterEqual, false) => right - left,
        (BinaryOperator::LessEqual, true) | (BinaryOperator::Greater, false) => right - left + 1,
        (BinaryOperator::Greater, true) | (BinaryOperator::LessEqual, false) => left - right,
        (BinaryOperator::GreaterEqual, true) | (BinaryOperator::Less, false) => left - right + 1,
        _ => return None,
    })
}
