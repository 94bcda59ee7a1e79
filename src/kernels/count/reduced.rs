//! The reduced form of a function: what decides how often each part of it runs, and sums of costs for all other work.

use naga::{BinaryOperator, Expression, Handle, SwitchValue};

use super::cost::Cost;

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
        /// `None` for arguments that do not steer the callee.
        arguments: Vec<Option<Handle<Expression>>>,
        result: Option<Handle<Expression>>,
    },
    If {
        condition: Handle<Expression>,
        accept: Ops,
        reject: Ops,
        /// A branch may leave the loop around it.
        breaks: bool,
    },
    Switch {
        selector: Handle<Expression>,
        cases: Vec<Case>,
        breaks: bool,
    },
    Loop {
        head: Option<Head>,
        body: Ops,
        continuing: Ops,
        break_if: Option<Handle<Expression>>,
    },
    /// Leaves the innermost loop.
    Break,
    /// Leaves the innermost switch.
    LeaveSwitch,
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

/// A comparison at the start of every iteration that decides whether the loop goes on.
#[derive(Debug)]
pub(super) struct Head {
    /// What the comparison needs.
    pub ops: Ops,
    pub comparison: BinaryOperator,
    pub left: Handle<Expression>,
    pub right: Handle<Expression>,
    /// The outcome of the comparison that goes on.
    pub goes_on: bool,
    /// The locals that the rest of the loop reads, where it is such that two equal iterations in a row, apart from locals
    /// that are not read and move by a constant, are followed by more of the same.
    pub steady_reads: Option<Vec<bool>>,
}

/// A reduced function.
#[derive(Debug)]
pub(super) struct Reduced {
    pub ops: Ops,
    /// Which locals are followed; the others never steer anything.
    pub locals: Vec<bool>,
    /// The components that matter of every argument, one bit each.
    pub arguments: Vec<u8>,
}

impl Reduced {
    /// The cost of every call, when no call differs from another.
    pub fn constant(&self) -> Option<Cost> {
        match self.ops.as_slice() {
            [] => Some(Cost::NONE),
            [Op::Cost(cost)] => Some(*cost),
            _ => None,
        }
    }
}
