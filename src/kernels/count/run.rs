//! The interpreter: follows what is known, and takes the larger branch where something is not.

use naga::{Expression, Function, Handle, Module, ScalarKind, SwitchValue, TypeInner};

use super::compile::{Case, Op, Ops, Reduced};
use super::cost::Cost;
use super::value::{self, Data, Place, Root, Value};
use super::{CountError, Inputs};

/// Loop iterations and branches after which a kernel is given up as endless.
const STEPS: u64 = 1 << 24;

pub(super) struct Machine<'a> {
    pub module: &'a Module,
    pub inputs: &'a Inputs<'a>,
    /// Reduced functions, by index in the module's arena.
    pub functions: &'a [Reduced],
    /// Locals of all frames, the innermost last.
    stack: Vec<Value>,
    pub cost: Cost,
    pub data_dependent: bool,
    /// Set when the innermost loop's exit could not be decided: it ends with this iteration.
    stop: bool,
    steps: u64,
}

/// How a list of steps ended.
#[derive(Debug, Clone, PartialEq)]
enum Flow {
    Normal,
    Break,
    Continue,
    Return(Value),
}

impl Flow {
    /// Guards are taken not to fire, so going on wins over leaving.
    fn leaves(&self) -> bool {
        *self != Self::Normal
    }
}

struct Frame<'a> {
    function: &'a Function,
    reduced: &'a Reduced,
    arguments: Vec<Value>,
    base: usize,
    /// Values of the expressions evaluated so far.
    values: Vec<Value>,
}

impl<'a> Machine<'a> {
    pub fn new(module: &'a Module, inputs: &'a Inputs<'a>, functions: &'a [Reduced]) -> Self {
        Self {
            module,
            inputs,
            functions,
            stack: Vec::new(),
            cost: Cost::NONE,
            data_dependent: false,
            stop: false,
            steps: 0,
        }
    }

    /// Runs a function to its end and gives what it returned.
    pub fn call(
        &mut self,
        function: &'a Function,
        reduced: &'a Reduced,
        arguments: Vec<Value>,
    ) -> Result<Value, CountError> {
        let base = self.stack.len();
        let mut frame = Frame {
            function,
            reduced,
            arguments,
            base,
            values: vec![Value::UNKNOWN; function.expressions.len()],
        };
        for (handle, local) in function.local_variables.iter() {
            let start = match (reduced.locals[handle.index()], local.init) {
                (false, _) => Value::UNKNOWN,
                (true, Some(init)) => self.eval(&frame, init)?,
                (true, None) => Value::zero(self.module, local.ty),
            };
            self.stack.push(start);
        }
        let flow = self.run(&mut frame, &reduced.ops)?;
        self.stack.truncate(base);
        Ok(if let Flow::Return(value) = flow {
            value
        } else {
            Value::UNKNOWN
        })
    }

    fn step(&mut self) -> Result<(), CountError> {
        self.steps += 1;
        if self.steps > STEPS {
            Err(CountError::Endless { steps: STEPS })
        } else {
            Ok(())
        }
    }

    fn run(&mut self, frame: &mut Frame<'a>, ops: &Ops) -> Result<Flow, CountError> {
        for op in ops {
            match op {
                Op::Cost(cost) => self.cost.add(*cost),
                Op::Eval(expression) => {
                    let value = self.compute(frame, *expression)?;
                    frame.values[expression.index()] = value;
                }
                Op::Store { pointer, value } => {
                    let value = self.eval(frame, *value)?;
                    if let Expression::LocalVariable(local) = frame.function.expressions[*pointer] {
                        self.stack[frame.base + local.index()] = value;
                    } else if let Data::Pointer(place) = self.eval(frame, *pointer)?.data
                        && let Root::Local(slot) = place.root
                    {
                        let old = std::mem::replace(&mut self.stack[slot], Value::UNKNOWN);
                        self.stack[slot] = old.with(&place.path, value);
                    }
                }
                Op::Call {
                    function,
                    arguments,
                    result,
                } => {
                    let arguments: Result<Vec<Value>, CountError> = arguments
                        .iter()
                        .map(|&argument| self.eval(frame, argument))
                        .collect();
                    let (_, callee) =
                        self.module.functions.iter().nth(*function).ok_or_else(|| {
                            CountError::Invalid {
                                message: "a call leads nowhere".to_owned(),
                            }
                        })?;
                    let functions = self.functions;
                    let value = self.call(callee, &functions[*function], arguments?)?;
                    if let Some(result) = result {
                        frame.values[result.index()] = value;
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
                    let flow = match condition.bool() {
                        Some(known) if *breaks || !condition.by_id => {
                            self.run(frame, if known { accept } else { reject })?
                        }
                        known => {
                            if *breaks {
                                self.data_dependent = true;
                                self.stop = true;
                            }
                            let order = if known == Some(false) {
                                [reject, accept]
                            } else {
                                [accept, reject]
                            };
                            self.larger(frame, &[&order[..1], &order[1..]], known.is_some(), false)?
                        }
                    };
                    if flow.leaves() {
                        return Ok(flow);
                    }
                }
                Op::Switch { selector, cases } => {
                    self.step()?;
                    let selector = self.eval(frame, *selector)?;
                    let flow = self.switch(frame, &selector, cases)?;
                    if flow.leaves() {
                        return Ok(flow);
                    }
                }
                Op::Loop {
                    body,
                    continuing,
                    break_if,
                } => {
                    let outer = std::mem::replace(&mut self.stop, false);
                    let flow = self.repeat(frame, body, continuing, *break_if)?;
                    self.stop = outer;
                    if flow.leaves() {
                        return Ok(flow);
                    }
                }
                Op::Break => return Ok(Flow::Break),
                Op::Continue => return Ok(Flow::Continue),
                Op::Return(value) => {
                    let value =
                        value.map_or(Ok(Value::UNKNOWN), |value| self.eval(frame, value))?;
                    return Ok(Flow::Return(value));
                }
            }
        }
        Ok(Flow::Normal)
    }

    fn repeat(
        &mut self,
        frame: &mut Frame<'a>,
        body: &Ops,
        continuing: &Ops,
        break_if: Option<Handle<Expression>>,
    ) -> Result<Flow, CountError> {
        loop {
            self.step()?;
            match self.run(frame, body)? {
                Flow::Break => return Ok(Flow::Normal),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Normal | Flow::Continue => {}
            }
            self.run(frame, continuing)?;
            if let Some(condition) = break_if {
                match self.eval(frame, condition)?.bool() {
                    Some(true) => return Ok(Flow::Normal),
                    Some(false) => {}
                    None => {
                        self.data_dependent = true;
                        return Ok(Flow::Normal);
                    }
                }
            }
            if self.stop {
                return Ok(Flow::Normal);
            }
        }
    }

    fn switch(
        &mut self,
        frame: &mut Frame<'a>,
        selector: &Value,
        cases: &[Case],
    ) -> Result<Flow, CountError> {
        // A case runs with those it falls through to.
        let from = |first: usize| -> Vec<&Ops> {
            let last = (first..cases.len())
                .find(|&at| !cases[at].falls)
                .unwrap_or(cases.len() - 1);
            cases[first..=last].iter().map(|case| &case.body).collect()
        };
        let wanted = |case: &Case| match (case.value, &selector.data) {
            (SwitchValue::I32(value), Data::I32(known)) => value == *known,
            (SwitchValue::U32(value), Data::U32(known)) => value == *known,
            _ => false,
        };
        let is_known = matches!(selector.data, Data::I32(_) | Data::U32(_));
        let hit = cases
            .iter()
            .position(wanted)
            .or_else(|| {
                cases
                    .iter()
                    .position(|case| case.value == SwitchValue::Default)
            })
            .filter(|_| is_known);
        if let Some(hit) = hit
            && !selector.by_id
        {
            return self.run_all(frame, &from(hit), true);
        }
        let mut branches: Vec<Vec<&Ops>> = (0..cases.len()).map(from).collect();
        if let Some(hit) = hit {
            branches.swap(0, hit);
        }
        let branches: Vec<&[&Ops]> = branches.iter().map(Vec::as_slice).collect();
        self.larger(frame, &branches, is_known, true)
    }

    /// Runs the parts of a branch in turn; in a switch, a break ends no more than the switch.
    fn run_all(
        &mut self,
        frame: &mut Frame<'a>,
        branch: &[&Ops],
        switch: bool,
    ) -> Result<Flow, CountError> {
        for ops in branch {
            let flow = self.run(frame, ops)?;
            if switch && flow == Flow::Break {
                return Ok(Flow::Normal);
            }
            if flow.leaves() {
                return Ok(flow);
            }
        }
        Ok(Flow::Normal)
    }

    /// Runs every branch and keeps one: a branch that goes on before one that leaves, then the costlier, then the
    /// earlier. What the branches disagree on is unknown afterwards, or differs by invocation if the condition only
    /// does that.
    fn larger(
        &mut self,
        frame: &mut Frame<'a>,
        branches: &[&[&Ops]],
        by_id: bool,
        switch: bool,
    ) -> Result<Flow, CountError> {
        let before = self.cost;
        // Branches of plain costs are the common guard around a load or store: nothing to save or merge.
        let plain = |branch: &&[&Ops]| {
            branch
                .iter()
                .all(|ops| ops.iter().all(|op| matches!(op, Op::Cost(_))))
        };
        if branches.iter().all(plain) {
            let mut most = before;
            for branch in branches {
                self.cost = before;
                self.run_all(frame, branch, switch)?;
                most = most.max(self.cost);
            }
            self.cost = most;
            return Ok(Flow::Normal);
        }
        let start = self.stack.clone();
        let mut outcomes = Vec::with_capacity(branches.len());
        for branch in branches {
            self.cost = before;
            self.stack.clone_from(&start);
            let flow = self.run_all(frame, branch, switch)?;
            outcomes.push((flow, self.cost, std::mem::take(&mut self.stack)));
        }
        let rank = |(flow, cost, _): &(Flow, Cost, Vec<Value>)| (!flow.leaves(), *cost);
        let mut kept = 0;
        for at in 1..outcomes.len() {
            if rank(&outcomes[at]) > rank(&outcomes[kept]) {
                kept = at;
            }
        }
        let (flow, cost, mut stack) = outcomes.swap_remove(kept);
        for (_, _, other) in outcomes
            .iter()
            .filter(|(other, ..)| !other.leaves() || flow.leaves())
        {
            for (value, other) in stack.iter_mut().zip(other) {
                if value != other {
                    let old = std::mem::replace(value, Value::UNKNOWN);
                    *value = if by_id { old.marked() } else { Value::UNKNOWN };
                }
            }
        }
        self.cost = cost;
        self.stack = stack;
        Ok(flow)
    }

    /// The value of an expression that was evaluated before, or that is evaluated where it is used.
    fn eval(&self, frame: &Frame<'a>, expression: Handle<Expression>) -> Result<Value, CountError> {
        match frame.function.expressions[expression] {
            Expression::Literal(_)
            | Expression::Constant(_)
            | Expression::ZeroValue(_)
            | Expression::FunctionArgument(_)
            | Expression::GlobalVariable(_)
            | Expression::LocalVariable(_) => self.compute(frame, expression),
            // Constant expressions appear without a statement that evaluates them.
            _ if frame.reduced.constants[expression.index()] => self.compute(frame, expression),
            _ => Ok(frame.values[expression.index()].clone()),
        }
    }

    fn compute(
        &self,
        frame: &Frame<'a>,
        expression: Handle<Expression>,
    ) -> Result<Value, CountError> {
        let of = |expression| self.eval(frame, expression);
        Ok(match frame.function.expressions[expression] {
            Expression::FunctionArgument(index) => frame
                .arguments
                .get(index as usize)
                .cloned()
                .unwrap_or(Value::UNKNOWN),
            Expression::GlobalVariable(variable) => pointer(Root::Global(variable), Vec::new()),
            Expression::LocalVariable(local) => {
                pointer(Root::Local(frame.base + local.index()), Vec::new())
            }
            Expression::Load { pointer } => match frame.function.expressions[pointer] {
                // Loop counters: no need to build a pointer to them first.
                Expression::LocalVariable(local) => self.stack[frame.base + local.index()].clone(),
                _ => match of(pointer)?.data {
                    Data::Pointer(place) => self.load(&place)?,
                    _ => Value::UNKNOWN,
                },
            },
            Expression::Access { base, index } => {
                let index = of(index)?;
                let part = access(&of(base)?, index.index());
                if index.by_id && !matches!(part.data, Data::Pointer(_)) {
                    part.marked()
                } else {
                    part
                }
            }
            Expression::AccessIndex { base, index } => access(&of(base)?, Some(index)),
            ref simple => simple_value(self.module, simple, &of)?,
        })
    }

    fn load(&self, place: &Place) -> Result<Value, CountError> {
        match place.root {
            Root::Local(slot) => {
                let start = self.stack.get(slot).cloned().unwrap_or(Value::UNKNOWN);
                Ok(place
                    .path
                    .iter()
                    .fold(start, |value, index| value.part(*index)))
            }
            Root::Global(variable) => {
                let variable = &self.module.global_variables[variable];
                let table = variable
                    .binding
                    .is_some_and(|at| at.group == 0 && at.binding == 0);
                if table && variable.space == naga::AddressSpace::Uniform {
                    self.word(variable.ty, 0, &place.path)
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
        let scalar_at = |kind: ScalarKind, width: u8, offset: u32| {
            let sizes = self.inputs.sizes;
            match sizes.get(offset as usize / 4) {
                Some(&word) => Ok(value::from_bits(kind, width, word)),
                None => Err(CountError::Sizes {
                    given: sizes.len(),
                    needed: offset as usize / 4 + 1,
                }),
            }
        };
        let inner = &self.module.types[ty].inner;
        let Some((first, rest)) = path.split_first() else {
            return match inner {
                TypeInner::Scalar(scalar) => scalar_at(scalar.kind, scalar.width, offset),
                TypeInner::Vector { size, .. } => self.words(ty, offset, *size as u32),
                TypeInner::Struct { members, .. } => self.words(ty, offset, members.len() as u32),
                TypeInner::Array {
                    size: naga::ArraySize::Constant(length),
                    ..
                } => self.words(ty, offset, length.get()),
                _ => Ok(Value::UNKNOWN),
            };
        };
        let Some(index) = *first else {
            return Ok(Value::UNKNOWN);
        };
        match inner {
            TypeInner::Vector { size, scalar } if index < *size as u32 => scalar_at(
                scalar.kind,
                scalar.width,
                offset + index * u32::from(scalar.width),
            ),
            TypeInner::Struct { members, .. } => match members.get(index as usize) {
                Some(member) => self.word(member.ty, offset + member.offset, rest),
                None => Ok(Value::UNKNOWN),
            },
            TypeInner::Array {
                base,
                stride,
                size: naga::ArraySize::Constant(length),
            } if index < length.get() => self.word(*base, offset + index * stride, rest),
            _ => Ok(Value::UNKNOWN),
        }
    }

    fn words(&self, ty: Handle<naga::Type>, offset: u32, length: u32) -> Result<Value, CountError> {
        let parts: Result<Vec<Value>, CountError> = (0..length)
            .map(|index| self.word(ty, offset, &[Some(index)]))
            .collect();
        parts.map(Value::composite)
    }
}

fn pointer(root: Root, path: Vec<Option<u32>>) -> Value {
    Value::new(Data::Pointer(std::rc::Rc::new(Place { root, path })))
}

/// The element of a composite, or the pointer to the element behind a pointer.
fn access(base: &Value, index: Option<u32>) -> Value {
    if let Data::Pointer(place) = &base.data {
        let mut path = place.path.clone();
        path.push(index);
        return pointer(place.root, path);
    }
    base.part(index)
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
            let mut parts = Vec::with_capacity(components.len());
            for &component in components {
                match of(component)?.data.clone() {
                    // Vectors are flattened when a vector is composed of them.
                    Data::Composite(inner)
                        if matches!(module.types[ty].inner, TypeInner::Vector { .. }) =>
                    {
                        parts.extend(inner.iter().cloned());
                    }
                    _ => parts.push(of(component)?),
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
            let parts = pattern
                .iter()
                .take(size as usize)
                .map(|&from| vector.part(Some(from as u32)));
            Value::composite(parts.collect())
        }
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
            let mut args = vec![of(arg)?];
            for arg in [arg1, arg2, arg3].into_iter().flatten() {
                args.push(of(arg)?);
            }
            value::math(fun, &args.iter().collect::<Vec<_>>())
        }
        Expression::Relational { fun, argument } => {
            let argument = of(argument)?;
            let parts: Vec<Value> = match &argument.data {
                Data::Composite(parts) => parts.to_vec(),
                _ => vec![argument],
            };
            let op = match fun {
                naga::RelationalFunction::All => naga::BinaryOperator::LogicalAnd,
                naga::RelationalFunction::Any => naga::BinaryOperator::LogicalOr,
                _ => return Ok(Value::UNKNOWN),
            };
            parts
                .into_iter()
                .reduce(|a, b| value::binary(op, &a, &b))
                .unwrap_or(Value::UNKNOWN)
        }
        Expression::Access { base, index } => access(&of(base)?, of(index)?.index()),
        Expression::AccessIndex { base, index } => access(&of(base)?, Some(index)),
        _ => Value::UNKNOWN,
    })
}
