//! Results go to stdout or to the files that options name, everything else to stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use tracing_subscriber::EnvFilter;

use crate::files::write_whole;

use super::failure::Failure;
use super::global::Global;
use super::wrap;

/// Prints a result as text, with long lines wrapped on a terminal.
pub fn print_text(text: &str) -> Result<(), Failure> {
    print(&wrap::for_stdout(text))
}

/// Prints a result unchanged. A closed pipe (`| head`) ends the command without an error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match printed {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::closed_pipe()),
        Err(error) => Err(Failure::failed(format!(
            "cannot write to the standard output ({error}): redirect it to a disk with free space"
        ))),
    }
}

/// Prints a value as indented JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| {
        Failure::failed(format!(
            "cannot write the result as JSON ({error}): report this as a bug"
        ))
    })?;
    text.push('\n');
    print(&text)
}

/// Writes a result to a file, whole or not at all.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_whole(path, text.as_bytes()).map_err(|error| Failure::cannot_write(path, &error))
}

/// Prints a line to stderr unless `--quiet`; failures to write it are ignored.
pub fn say(global: &Global, text: &str) {
    if !global.quiet {
        let text = wrap::for_stderr(text);
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }
}

/// Sends the log to stderr: warnings, more with `-v` and `-vv`, or what `RUST_LOG` selects.
pub fn log(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn,wgpu_core=error,wgpu_hal=off,naga=error",
        (false, 1) => "warn,wattgrad=info",
        (false, _) => "info,wattgrad=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let color = match anstream::ColorChoice::global() {
        anstream::ColorChoice::Never => false,
        anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => true,
        anstream::ColorChoice::Auto => {
            io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    };
    // Fails only if a logger is already set.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(color)
        .without_time()
        .log_internal_errors(false)
        .try_init();
}
