//! What a profile in progress reports.

/// What is done at the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProfileEvent<'a> {
    /// Something begins: what, how many parts are done, and of how many.
    Stage(&'a str, usize, usize),
    /// Work ended whose energy is measured: what, and how many times.
    Launched(Launched, u64),
}

/// Work whose energy is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The dispatch of this index in the program.
    Dispatch(usize),
    /// A training step.
    Step,
    /// An empty dispatch; whether it waits for the one before it.
    Empty(bool),
}
