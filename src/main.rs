//! The program `wattgrad`: the library's first user.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
