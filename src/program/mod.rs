//! The engine: lists of dispatches, planned once and run.

pub use crate::train::engine_stub::{
    Counters, DispatchSummary, Evaluation, ListSummary, MemorySummary, OperandSummary, Order,
    Program, ProgramError, ProgramOptions, StepResult, Summary, default_tuning,
};
