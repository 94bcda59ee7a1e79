//! The interpreter: follows all invocations of a workgroup together, each along its own path.

use std::collections::HashMap;

use naga::{Expression, Function, Handle, Module, SwitchValue};

use super::cost::{Cost, GroupCount};
use super::mask::Mask;
use super::reduced::{Case, Op, Ops, Reduced};
use super::value::{Scalar, Value, Variable};
use super::{CountError, Inputs};

/// Loop iterations and branches after which a kernel is given up as endless.
const STEPS: u64 = 1 << 24;

/// What a branch changes, and what is taken back where another one is kept.
#[derive(Clone)]
pub(super) struct State {
    /// Locals of all frames, the innermost last.
    pub stack: Vec<Value>,
    /// The invocations that are here.
    pub active: Mask,
    /// Those that wait for the end of the iteration, of the switch, and of the function.
    pub continued: Mask,
    left: Mask,
    returned: Mask,
    /// What the function returned.
    result: Value,
    pub count: GroupCount,
}

pub(super) struct Interpreter<'a> {
    pub module: &'a Module,
    /// Reduced functions, by index in the module's arena.
    functions: &'a [Reduced],
    pub inputs: Inputs<'a>,
    pub none: Mask,
    pub state: State,
    /// Set when the innermost loop's exit could not be decided: it ends with this iteration.
    pub stop: bool,
    steps: u64,
    /// Costs of one invocation of functions that no argument steers.
    known_calls: HashMap<usize, Cost>,
}

pub(super) struct Frame<'a> {
    pub function: &'a Function,
    pub arguments: Vec<Value>,
    pub base: usize,
    /// Values of the expressions evaluated so far.
    pub values: Vec<Option<Value>>,
}

/// A list of steps and the invocations that take it.
type Branch<'b> = (&'b [&'b Ops], Mask);

impl<'a> Interpreter<'a> {
    pub fn new(
        module: &'a Module,
        functions: &'a [Reduced],
        inputs: Inputs<'a>,
        lanes: usize,
    ) -> Self {
        let none = Mask::new((0..lanes).map(|_| false));
        Self {
            module,
            functions,
            inputs,
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

    pub(super) fn step(&mut self) -> Result<(), CountError> {
        self.steps += 1;
        if self.steps > STEPS {
            Err(CountError::Endless { steps: STEPS })
        } else {
            Ok(())
        }
    }

    pub(super) fn charge(&mut self, cost: Cost, invocations: u64) {
        let count = &mut self.state.count;
        count.cost = count.cost.plus(cost.times(invocations));
    }

    fn is_full(&self) -> bool {
        self.state.active.count == self.none.on.len() as u64
    }

    pub(super) fn run(&mut self, frame: &mut Frame<'a>, ops: &Ops) -> Result<(), CountError> {
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
    pub(super) fn split(&self, condition: &Value) -> [Mask; 3] {
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
}

/// The cost of steps that are nothing but costs.
fn plain_cost(ops: &Ops) -> Option<Cost> {
    match ops.as_slice() {
        [] => Some(Cost::NONE),
        [Op::Cost(cost)] => Some(*cost),
        _ => None,
    }
}
