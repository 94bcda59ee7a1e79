//! The interpreter: follows all invocations of a workgroup together, each along its own path.

use std::collections::HashMap;
use std::rc::Rc;

use naga::{
    BinaryOperator, Expression, Function, Handle, Module, RelationalFunction, SwitchValue,
    TypeInner,
};

use super::CountError;
use super::cost::Cost;
use super::reduce::{Case, Head, Op, Ops, Reduced};
use super::value::{self, Scalar, Value, Variable};

/// Loop iterations and branches after which a kernel is given up as endless.
const STEPS: u64 = 1 << 24;
/// Iterations in which a loop may become steady.
const STEADY_WITHIN: usize = 8;

/// Invocations of a workgroup.
#[derive(Clone, Debug)]
struct Mask {
    on: Rc<[bool]>,
    count: u64,
}

impl Mask {
    fn new(on: impl Iterator<Item = bool>) -> Self {
        let on: Rc<[bool]> = on.collect();
        let count = on.iter().filter(|on| **on).count() as u64;
        Self { on, count }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn or(&self, other: &Self) -> Self {
        match (self.count, other.count) {
            (_, 0) => self.clone(),
            (0, _) => other.clone(),
            _ => Self::new(self.on.iter().zip(other.on.iter()).map(|(a, b)| *a || *b)),
        }
    }

    fn without(&self, other: &Self) -> Self {
        match other.count {
            0 => self.clone(),
            _ => Self::new(self.on.iter().zip(other.on.iter()).map(|(a, b)| *a && !*b)),
        }
    }
}

/// What a branch changes, and what is taken back where another one is kept.
#[derive(Clone)]
struct State {
    /// Locals of all frames, the innermost last.
    stack: Vec<Value>,
    /// The invocations that are here.
    active: Mask,
    /// Those that wait for the end of the iteration, of the switch, and of the function.
    continued: Mask,
    left: Mask,
    returned: Mask,
    /// What the function returned.
    result: Value,
    count: GroupCount,
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

impl GroupCount {
    fn map(self, other: Self, cost: fn(Cost, Cost) -> Cost, number: fn(u64, u64) -> u64) -> Self {
        Self {
            cost: cost(self.cost, other.cost),
            pass_cost: cost(self.pass_cost, other.pass_cost),
            passes: number(self.passes, other.passes),
        }
    }

    pub fn plus(self, other: Self) -> Self {
        self.map(other, Cost::plus, u64::saturating_add)
    }

    pub fn minus(self, other: Self) -> Self {
        self.map(other, Cost::minus, u64::saturating_sub)
    }

    pub fn times(self, n: u64) -> Self {
        Self {
            cost: self.cost.times(n),
            pass_cost: self.pass_cost.times(n),
            passes: self.passes.saturating_mul(n),
        }
    }

    pub fn over(self, n: u64) -> Self {
        Self {
            cost: self.cost.over(n),
            pass_cost: self.pass_cost.over(n),
            passes: self.passes / n,
        }
    }
}

pub(super) struct Interpreter<'a> {
    module: &'a Module,
    /// Reduced functions, by index in the module's arena.
    functions: &'a [Reduced],
    sizes: &'a [u32],
    none: Mask,
    state: State,
    /// Set when the innermost loop's exit could not be decided: it ends with this iteration.
    stop: bool,
    steps: u64,
    /// Costs of one invocation of functions that no argument steers.
    known_calls: HashMap<usize, Cost>,
}

struct Frame<'a> {
    function: &'a Function,
    arguments: Vec<Value>,
    base: usize,
    /// Values of the expressions evaluated so far.
    values: Vec<Option<Value>>,
}

/// A list of steps and the invocations that take it.
type Branch<'b> = (&'b [&'b Ops], Mask);

/// What is known at the head of an iteration.
struct Iteration {
    cost: Cost,
    active: u64,
    locals: Vec<Value>,
    /// The loop goes on while this is above 0.
    left: i64,
}

impl<'a> Interpreter<'a> {
    pub fn new(
        module: &'a Module,
        functions: &'a [Reduced],
        sizes: &'a [u32],
        lanes: usize,
    ) -> Self {
        let none = Mask::new((0..lanes).map(|_| false));
        Self {
            module,
            functions,
            sizes,
            state: State {
                stack: Vec::new(),
                active: Mask::new((0..lanes).map(|_| true)),
                continued: none.clone(),
                left: none.clone(),
                returned: none.clone(),
                result: Value::UNKNOWN,
                count: GroupCount::default(),
            },
            none,
            stop: false,
            steps: 0,
            known_calls: HashMap::new(),
        }
    }

    /// Runs a function to its end.
    pub fn group(
        mut self,
        function: &'a Function,
        reduced: &'a Reduced,
        arguments: Vec<Value>,
    ) -> Result<GroupCount, CountError> {
        self.call(function, reduced, arguments)?;
        Ok(self.state.count)
    }

    fn call(
        &mut self,
        function: &'a Function,
        reduced: &'a Reduced,
        arguments: Vec<Value>,
    ) -> Result<Value, CountError> {
        let base = self.state.stack.len();
        let mut frame = Frame {
            function,
            arguments,
            base,
            values: vec![None; function.expressions.len()],
        };
        for (handle, local) in function.local_variables.iter() {
            let start = match (reduced.locals[handle.index()], local.init) {
                (false, _) => Value::UNKNOWN,
                (true, Some(init)) => self.eval(&frame, init)?,
                (true, None) => Value::zero(self.module, local.ty),
            };
            self.state.stack.push(start);
        }
        let active = self.state.active.clone();
        let continued = std::mem::replace(&mut self.state.continued, self.none.clone());
        let left = std::mem::replace(&mut self.state.left, self.none.clone());
        let returned = std::mem::replace(&mut self.state.returned, self.none.clone());
        let result = std::mem::replace(&mut self.state.result, Value::UNKNOWN);
        self.run(&mut frame, &reduced.ops)?;
        let state = &mut self.state;
        state.stack.truncate(base);
        (state.active, state.continued, state.left) = (active, continued, left);
        state.returned = returned;
        Ok(std::mem::replace(&mut state.result, result))
    }

    fn step(&mut self) -> Result<(), CountError> {
        self.steps += 1;
        if self.steps > STEPS {
            Err(CountError::Endless { steps: STEPS })
        } else {
            Ok(())
        }
    }

    fn charge(&mut self, cost: Cost, invocations: u64) {
        let count = &mut self.state.count;
        count.cost = count.cost.plus(cost.times(invocations));
    }

    fn is_full(&self) -> bool {
        self.state.active.count == self.none.on.len() as u64
    }

    fn run(&mut self, frame: &mut Frame<'a>, ops: &Ops) -> Result<(), CountError> {
        for op in ops {
            if self.state.active.is_empty() {
                return Ok(());
            }
            match op {
                Op::Cost(cost) => self.charge(*cost, self.state.active.count),
                Op::Eval(expression) => {
                    let value = self.compute(frame, *expression)?;
                    frame.values[expression.index()] = Some(value);
                }
                Op::Store { pointer, value } => {
                    let value = self.eval(frame, *value)?;
                    if let Value::Pointer(Variable::Local(slot), path) =
                        self.eval(frame, *pointer)?
                    {
                        let full = self.is_full();
                        let local = &mut self.state.stack[slot];
                        let old = std::mem::replace(local, Value::UNKNOWN);
                        *local = if full {
                            old.with(&path, value)
                        } else {
                            let new = old.clone().with(&path, value);
                            old.merged(&self.state.active.on, &new)
                        };
                    }
                }
                Op::Call {
                    function,
                    arguments,
                    result,
                } => {
                    let value = self.call_op(frame, *function, arguments)?;
                    if let Some(result) = result {
                        frame.values[result.index()] = Some(value);
                    }
                }
                Op::If {
                    condition,
                    accept,
                    reject,
                    breaks,
                } => {
                    self.step()?;
                    let condition = self.eval(frame, *condition)?;
                    self.branch(frame, &condition, accept, reject, *breaks)?;
                }
                Op::Switch {
                    selector,
                    cases,
                    breaks,
                } => {
                    self.step()?;
                    let selector = self.eval(frame, *selector)?;
                    self.switch(frame, &selector, cases, *breaks)?;
                }
                Op::Loop {
                    head,
                    body,
                    continuing,
                    break_if,
                } => {
                    let entered = self.state.active.clone();
                    let outer = std::mem::replace(&mut self.state.continued, self.none.clone());
                    let outer_stop = std::mem::replace(&mut self.stop, false);
                    self.repeat(frame, head.as_ref(), [body, continuing], *break_if)?;
                    self.stop = outer_stop;
                    self.state.continued = outer;
                    self.state.active = entered.without(&self.state.returned);
                }
                Op::Break => self.state.active = self.none.clone(),
                Op::LeaveSwitch => {
                    let active = std::mem::replace(&mut self.state.active, self.none.clone());
                    self.state.left = self.state.left.or(&active);
                }
                Op::Continue => {
                    let active = std::mem::replace(&mut self.state.active, self.none.clone());
                    self.state.continued = self.state.continued.or(&active);
                }
                Op::Return(value) => {
                    if let Some(value) = value {
                        let value = self.eval(frame, *value)?;
                        let old = std::mem::replace(&mut self.state.result, Value::UNKNOWN);
                        // Nothing was returned before the first return.
                        self.state.result = if self.state.returned.is_empty() {
                            value
                        } else {
                            old.merged(&self.state.active.on, &value)
                        };
                    }
                    let active = std::mem::replace(&mut self.state.active, self.none.clone());
                    self.state.returned = self.state.returned.or(&active);
                }
            }
        }
        Ok(())
    }

    fn call_op(
        &mut self,
        frame: &Frame<'a>,
        function: usize,
        arguments: &[Option<Handle<Expression>>],
    ) -> Result<Value, CountError> {
        let module = self.module;
        let (_, callee) =
            module
                .functions
                .iter()
                .nth(function)
                .ok_or_else(|| CountError::Invalid {
                    message: "a call names no function".to_owned(),
                })?;
        let reduced = &self.functions[function];
        let steered = arguments.iter().any(Option::is_some);
        if !steered && let Some(cost) = self.known_calls.get(&function) {
            self.charge(*cost, self.state.active.count);
            return Ok(Value::UNKNOWN);
        }
        let values: Result<Vec<Value>, CountError> = arguments
            .iter()
            .map(|argument| argument.map_or(Ok(Value::UNKNOWN), |a| self.eval(frame, a)))
            .collect();
        let before = self.state.count;
        let value = self.call(callee, reduced, values?)?;
        let after = self.state.count;
        if !steered && after.passes == before.passes && value == Value::UNKNOWN {
            let cost = after.cost.minus(before.cost);
            let each = cost.over(self.state.active.count);
            if each.times(self.state.active.count) == cost {
                self.known_calls.insert(function, each);
            }
        }
        Ok(value)
    }

    /// The active invocations for which a condition holds, does not hold, and is not known.
    fn split(&self, condition: &Value) -> [Mask; 3] {
        let active = &self.state.active;
        if let Value::Uniform(scalar) = condition {
            let at = match scalar {
                Scalar::Bool(true) => 0,
                Scalar::Bool(false) => 1,
                _ => 2,
            };
            let mut masks = [self.none.clone(), self.none.clone(), self.none.clone()];
            masks[at] = active.clone();
            return masks;
        }
        let of = |wanted: Option<bool>| {
            Mask::new(active.on.iter().enumerate().map(|(lane, on)| {
                let known = match condition.lane(lane) {
                    Scalar::Bool(known) => Some(known),
                    _ => None,
                };
                *on && known == wanted
            }))
        };
        [of(Some(true)), of(Some(false)), of(None)]
    }

    fn branch(
        &mut self,
        frame: &mut Frame<'a>,
        condition: &Value,
        accept: &Ops,
        reject: &Ops,
        breaks: bool,
    ) -> Result<(), CountError> {
        if let Value::Uniform(Scalar::Bool(known)) = condition {
            return self.run(frame, if *known { accept } else { reject });
        }
        let [yes, no, unknown] = self.split(condition);
        self.stop |= breaks && !unknown.is_empty();
        // Branches of plain costs are the common guard around a load or store: nothing to save or merge.
        if let (Some(a), Some(r)) = (plain_cost(accept), plain_cost(reject)) {
            self.charge(a, yes.count);
            self.charge(r, no.count);
            self.charge(a.max(r), unknown.count);
            return Ok(());
        }
        let (accept, reject) = ([accept], [reject]);
        let mut options = vec![vec![
            (&accept[..], yes.or(&unknown)),
            (&reject[..], no.clone()),
        ]];
        if !unknown.is_empty() {
            options.push(vec![(&accept[..], yes), (&reject[..], no.or(&unknown))]);
        }
        self.choose(frame, &options, &unknown)
    }

    fn switch(
        &mut self,
        frame: &mut Frame<'a>,
        selector: &Value,
        cases: &[Case],
        breaks: bool,
    ) -> Result<(), CountError> {
        // A case runs with those that it falls through to.
        let bodies: Vec<Vec<&Ops>> = (0..cases.len())
            .map(|first| {
                let last = (first..cases.len()).find(|&at| !cases[at].falls);
                let range = first..=last.unwrap_or(cases.len() - 1);
                cases[range].iter().map(|case| &case.body).collect()
            })
            .collect();
        let hit = |scalar: Scalar| {
            let wanted = |case: &Case| match (case.value, scalar) {
                (SwitchValue::I32(value), Scalar::I32(known)) => value == known,
                (SwitchValue::U32(value), Scalar::U32(known)) => value == known,
                _ => false,
            };
            let is_default = |case: &Case| case.value == SwitchValue::Default;
            let found = cases.iter().position(wanted);
            found
                .or_else(|| cases.iter().position(is_default))
                .filter(|_| scalar != Scalar::Unknown)
        };
        let active = &self.state.active;
        let hits: Vec<Option<usize>> = (0..active.on.len())
            .map(|lane| hit(selector.lane(lane)))
            .collect();
        let of = |case: Option<usize>| {
            let lanes = active.on.iter().zip(&hits);
            Mask::new(lanes.map(|(on, hit)| *on && *hit == case))
        };
        let known: Vec<Mask> = (0..cases.len()).map(|case| of(Some(case))).collect();
        let unknown = of(None);
        self.stop |= breaks && !unknown.is_empty();
        let option = |chosen: usize| -> Vec<Branch<'_>> {
            let branches = bodies.iter().zip(&known).enumerate();
            branches
                .map(|(case, (body, mask))| {
                    let all = if case == chosen {
                        mask.or(&unknown)
                    } else {
                        mask.clone()
                    };
                    (body.as_slice(), all)
                })
                .collect()
        };
        let last = if unknown.is_empty() { 1 } else { cases.len() };
        let options: Vec<_> = (0..last).map(option).collect();
        let outer = std::mem::replace(&mut self.state.left, self.none.clone());
        self.choose(frame, &options, &unknown)?;
        let left = std::mem::replace(&mut self.state.left, outer);
        self.state.active = self.state.active.or(&left);
        Ok(())
    }

    /// Runs every option and keeps one: the option after which more invocations go on, then the costlier, then the earlier.
    /// What the options disagree on is unknown afterwards in the invocations of `unknown`.
    fn choose(
        &mut self,
        frame: &mut Frame<'a>,
        options: &[Vec<Branch<'_>>],
        unknown: &Mask,
    ) -> Result<(), CountError> {
        if let [only] = options {
            return self.run_branches(frame, only);
        }
        let start = self.state.clone();
        let mut outcomes = Vec::with_capacity(options.len());
        for option in options {
            self.state = start.clone();
            self.run_branches(frame, option)?;
            outcomes.push(self.state.clone());
        }
        let rank = |state: &State| (state.active.count + state.left.count, state.count.cost);
        let mut kept = 0;
        for at in 1..outcomes.len() {
            if rank(&outcomes[at]) > rank(&outcomes[kept]) {
                kept = at;
            }
        }
        self.state = outcomes.swap_remove(kept);
        for other in &outcomes {
            if rank(other).0 < rank(&self.state).0 {
                continue;
            }
            for (value, other) in self.state.stack.iter_mut().zip(&other.stack) {
                if value != other {
                    let old = std::mem::replace(value, Value::UNKNOWN);
                    *value = old.merged(&unknown.on, &Value::UNKNOWN);
                }
            }
        }
        Ok(())
    }

    fn run_branches(
        &mut self,
        frame: &mut Frame<'a>,
        branches: &[Branch<'_>],
    ) -> Result<(), CountError> {
        let mut end = self.none.clone();
        for (parts, mask) in branches {
            self.state.active = mask.clone();
            for ops in *parts {
                self.run(frame, ops)?;
            }
            end = end.or(&self.state.active);
        }
        self.state.active = end;
        Ok(())
    }

    fn repeat(
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

    /// The value of an expression that was evaluated before, or that is evaluated where it is used.
    fn eval(&self, frame: &Frame<'a>, expression: Handle<Expression>) -> Result<Value, CountError> {
        match &frame.values[expression.index()] {
            Some(value) => Ok(value.clone()),
            None => self.compute(frame, expression),
        }
    }

    fn compute(
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
                let table = variable
                    .binding
                    .is_some_and(|at| at.group == 0 && at.binding == 0);
                if table && variable.space == naga::AddressSpace::Uniform {
                    self.word(variable.ty, 0, path)
                } else {
                    Ok(Value::UNKNOWN)
                }
            }
        }
    }

    /// What lies at `path` from byte `offset` of the table of sizes, as a value of the type found there.
    fn word(
        &self,
        ty: Handle<naga::Type>,
        offset: u32,
        path: &[Option<u32>],
    ) -> Result<Value, CountError> {
        let scalar_at = |scalar: naga::Scalar, offset: u32| {
            let at = offset as usize / 4;
            match self.sizes.get(at) {
                Some(&word) => Ok(value::from_bits(scalar.kind, scalar.width, word)),
                None => Err(CountError::Sizes {
                    given: self.sizes.len(),
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
                .map(|index| self.word(ty, offset, &[Some(index)]))
                .collect();
            return parts.map(Value::composite);
        };
        match (inner, first) {
            (TypeInner::Vector { size, scalar }, Some(index)) if *index < *size as u32 => {
                scalar_at(*scalar, offset + index * u32::from(scalar.width))
            }
            (TypeInner::Struct { members, .. }, Some(index)) => {
                match members.get(*index as usize) {
                    Some(member) => self.word(member.ty, offset + member.offset, rest),
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
            ) if *index < length.get() => self.word(*base, offset + index * stride, rest),
            _ => Ok(Value::UNKNOWN),
        }
    }
}

/// The cost of steps that are nothing but costs.
fn plain_cost(ops: &Ops) -> Option<Cost> {
    match ops.as_slice() {
        [] => Some(Cost::NONE),
        [Op::Cost(cost)] => Some(*cost),
        _ => None,
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
