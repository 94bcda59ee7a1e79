//! Loops, and the iterations that need not be followed.

use naga::{BinaryOperator, Expression, Handle};

use super::CountError;
use super::cost::Cost;
use super::interpret::{Frame, Interpreter};
use super::reduced::{Head, Ops};
use super::value::{self, Scalar, Value};

/// Iterations in which a loop may become steady.
const STEADY_WITHIN: usize = 8;
/// A loop that does not become steady is followed to its end if no more iterations than this are left.
const FOLLOWED: i64 = 256;
/// Otherwise so many of them are followed, spread over the rest, and stand for all.
const SAMPLES: i64 = 32;
/// Spreads the samples, so that they do not fall into step with a loop that repeats.
const GOLDEN: f64 = 0.618_033_988_749_895;

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
                    if iterations.len() == STEADY_WITHIN
                        && self.sample(frame, &iterations, [body, continuing, &head.ops])?
                    {
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
        let Some((rest, slopes)) = even(first, second, third) else {
            return false;
        };
        let read = |(read, slope): (&bool, &Option<i64>)| *read && slope.is_some();
        if second.cost.minus(first.cost) != cost || reads.iter().zip(&slopes).any(read) {
            return false;
        }
        self.charge(cost, rest as u64);
        self.move_locals(frame, &third.locals, &slopes, rest);
        true
    }

    /// Follows some of the further iterations of a long loop whose cost varies, and adds their mean for each. Whether it
    /// did.
    fn sample(
        &mut self,
        frame: &mut Frame<'a>,
        iterations: &[Iteration],
        [body, continuing, head]: [&Ops; 3],
    ) -> Result<bool, CountError> {
        let [.., first, second, third] = iterations else {
            return Ok(false);
        };
        let Some((rest, slopes)) = even(first, second, third).filter(|(rest, _)| *rest > FOLLOWED)
        else {
            return Ok(false);
        };
        let start = self.state.clone();
        let mut sum = Cost::NONE;
        for sample in 0..SAMPLES {
            let place = (sample as f64 + (sample as f64 * GOLDEN).fract()) / SAMPLES as f64;
            let ahead = ((place * rest as f64) as i64).min(rest - 1);
            self.state = start.clone();
            self.move_locals(frame, &third.locals, &slopes, ahead);
            self.run(frame, body)?;
            let continued = std::mem::replace(&mut self.state.continued, self.none.clone());
            self.state.active = self.state.active.or(&continued);
            self.run(frame, continuing)?;
            self.run(frame, head)?;
            let followed = &self.state;
            if followed.active.on != start.active.on || followed.count.passes != start.count.passes
            {
                self.state = start;
                return Ok(false);
            }
            sum = sum.plus(followed.count.cost.minus(start.count.cost));
        }
        self.state = start;
        let count = &mut self.state.count;
        count.cost = count.cost.plus(sum.times(rest as u64).over(SAMPLES as u64));
        self.move_locals(frame, &third.locals, &slopes, rest);
        Ok(true)
    }

    /// Sets the locals to what they are some iterations after `now`.
    fn move_locals(
        &mut self,
        frame: &Frame<'a>,
        now: &[Value],
        slopes: &[Option<i64>],
        iterations: i64,
    ) {
        let moved = now
            .iter()
            .zip(slopes)
            .map(|(now, slope)| match (slope, now) {
                (Some(slope), Value::Uniform(Scalar::I32(known))) => {
                    Value::Uniform(Scalar::I32((i64::from(*known) + slope * iterations) as i32))
                }
                (Some(slope), Value::Uniform(Scalar::U32(known))) => {
                    Value::u32((i64::from(*known) + slope * iterations) as u32)
                }
                _ => now.clone(),
            });
        self.state.stack.truncate(frame.base);
        self.state.stack.extend(moved);
    }
}

/// The iterations left, and by how much each local moves with one, `None` where it stays: if these three iterations in a row
/// moved alike.
fn even(
    first: &Iteration,
    second: &Iteration,
    third: &Iteration,
) -> Option<(i64, Vec<Option<i64>>)> {
    let progress = second.left - third.left;
    if progress <= 0 || first.left - second.left != progress || first.active != third.active {
        return None;
    }
    let rest = third.left.div_euclid(progress) + i64::from(third.left % progress != 0);
    let locals = first.locals.iter().zip(&second.locals).zip(&third.locals);
    let slopes = locals.map(|((before, then), now)| {
        if then == now {
            return Some(None);
        }
        let (a, b, c) = (integer(before)?, integer(then)?, integer(now)?);
        (b - a == c - b).then_some(Some(c - b))
    });
    Some((rest, slopes.collect::<Option<_>>()?))
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
