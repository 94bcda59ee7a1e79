//! `wattgrad measure`.

mod args;
mod baseline;
mod child;
mod compare;
mod comparing;
mod comparison;
mod export;
mod hooks;
mod log;
mod once;
mod outliers;
mod parameters;
mod phases;
pub mod ratio;
pub mod result;
pub mod row;
pub mod shell;
#[cfg(unix)]
mod signals;
mod single;
mod streams;

use super::failure::Failure;
use super::global::Global;

pub use args::Args;

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if let Some(file) = &args.log {
        log::run(file, args)
    } else if let Some((program, rest)) = args.argv.split_first() {
        once::run(program, rest, args, global)
    } else {
        compare::run(args, global)
    }
}
