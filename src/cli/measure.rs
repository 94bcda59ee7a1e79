//! `wattgrad measure`.

mod args;
mod child;
mod compare;
mod comparison;
mod export;
mod log;
mod once;
mod ratio;
mod result;
#[cfg(unix)]
mod signals;

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
