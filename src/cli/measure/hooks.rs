//! Commands that run beside a measured command and outside its window.

use crate::cli::failure::Failure;

use super::child;
use super::comparing::Comparing;
use super::parameters::{Benchmark, fill};
use super::streams::Output;

/// The hooks of one command, with its parameters filled in.
pub struct Hooks {
    pub setup: Hook,
    pub prepare: Hook,
    pub conclude: Hook,
    pub cleanup: Hook,
}

impl Hooks {
    /// Those of the command `at` of `count`.
    pub fn of(
        args: &Comparing,
        benchmark: &Benchmark,
        at: usize,
        count: usize,
    ) -> Result<Self, Failure> {
        let hook = |flag, line: Option<&String>| Hook {
            flag,
            line: line.map(|line| fill(line, &benchmark.parameters)),
        };
        Ok(Self {
            setup: hook("--setup", args.setup.as_ref()),
            prepare: hook("--prepare", one("--prepare", &args.prepare, at, count)?),
            conclude: hook("--conclude", one("--conclude", &args.conclude, at, count)?),
            cleanup: hook("--cleanup", args.cleanup.as_ref()),
        })
    }
}

/// The value for the command `at`: a single value serves all.
pub fn one<'a, T>(
    flag: &str,
    values: &'a [T],
    at: usize,
    count: usize,
) -> Result<Option<&'a T>, Failure> {
    if values.len() > 1 && values.len() != count {
        return Err(Failure::misuse(format!(
            "{flag} was given {} times for {count} commands: give it once for all, or once per command",
            values.len()
        )));
    }
    Ok(values.get(at).or_else(|| values.first()))
}

pub struct Hook {
    flag: &'static str,
    line: Option<String>,
}

impl Hook {
    pub fn run(&self, args: &Comparing, output: &Output, json: bool) -> Result<(), Failure> {
        let Some(line) = &self.line else {
            return Ok(());
        };
        let mut command = args.shell().command(line)?;
        command.stdin(std::process::Stdio::null());
        output.of_hooks().set(&mut command, json)?;
        let ended = child::run(command)?;
        if ended.code == 0 || child::interrupted() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "the {} command `{line}` {}: fix it, or append `|| true`",
            self.flag,
            ended.describe()
        )))
    }
}
