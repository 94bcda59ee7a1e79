//! The command that is measured.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::time::Instant;

use crate::cli::failure::Failure;

/// How a command ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its exit code; 128 plus the number of the signal that ended it, as in shells.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub seconds: f64,
}

impl Ended {
    /// The exit code of this process.
    pub fn exit(self) -> u8 {
        // Codes above a byte, on Windows, are failures.
        u8::try_from(self.code).unwrap_or(1)
    }

    /// `ended with exit code 1`, `was killed by signal 9 (SIGKILL)`.
    pub fn describe(self) -> String {
        if let Some(signal) = self.signal {
            let name = signal_name(signal).map_or(String::new(), |name| format!(" ({name})"));
            return format!("was killed by signal {signal}{name}");
        }
        // A shell ends so if its own command was killed.
        let name = (self.code - 128 > 0).then(|| signal_name(self.code - 128));
        let name = name
            .flatten()
            .map_or(String::new(), |name| format!(" ({name})"));
        format!("ended with exit code {}{name}", self.code)
    }
}

/// `SIGKILL`, as the standard library names it.
#[cfg(unix)]
pub fn signal_name(signal: i32) -> Option<String> {
    let status: ExitStatus = std::os::unix::process::ExitStatusExt::from_raw(signal);
    let text = status.to_string();
    let (_, name) = text.split_once("(SIG")?;
    Some(format!("SIG{}", name.split_once(')')?.0))
}

#[cfg(not(unix))]
pub fn signal_name(_: i32) -> Option<String> {
    None
}

/// From now on Ctrl-C and similar signals are passed to the command, so that its result is still reported.
pub fn pass_signals() {
    #[cfg(unix)]
    signals();
    #[cfg(not(unix))]
    if let Err(error) = ctrlc::set_handler(|| {}) {
        tracing::warn!(
            "cannot handle Ctrl-C ({error}): it will end the measurement without a result"
        );
    }
}

#[cfg(unix)]
fn signals() {
    super::signals::pass_on();
}

/// Whether this process was asked to end.
pub fn interrupted() -> bool {
    #[cfg(unix)]
    return super::signals::received();
    #[cfg(not(unix))]
    false
}

/// A program with its arguments. With `json` its output goes to stderr.
pub fn program(program: &OsStr, arguments: &[OsString], json: bool) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    if json {
        command.stdout(io::stderr());
    }
    command
}

/// Runs it to its end.
pub fn run(command: Command) -> Result<Ended, Failure> {
    run_reading(command, |_| ())
}

/// Runs it to its end; `read` gets its output if that is a pipe.
pub fn run_reading(mut command: Command, read: impl FnOnce(ChildStdout)) -> Result<Ended, Failure> {
    let began = Instant::now();
    let mut child = command.spawn().map_err(|error| refused(&command, &error))?;
    if let Some(stdout) = child.stdout.take() {
        read(stdout);
    }
    let status = wait(&mut child);
    let seconds = began.elapsed().as_secs_f64();
    let status = status.map_err(|error| {
        Failure::failed(format!(
            "cannot wait for {:?} ({error}): run it again",
            command.get_program()
        ))
    })?;
    let signal = signal(status);
    Ok(Ended {
        code: status
            .code()
            .unwrap_or_else(|| 128 + signal.unwrap_or_default()),
        signal,
        seconds,
    })
}

#[cfg(unix)]
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let passing = super::signals::Passing::to(child.id());
    let status = child.wait();
    drop(passing);
    status
}

#[cfg(not(unix))]
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    child.wait()
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Ends this process by the signal that ended the command; returns where that has no effect.
pub fn die_by(signal: i32) {
    #[cfg(unix)]
    super::signals::die_by(signal);
    #[cfg(not(unix))]
    let _ = signal;
}

fn refused(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program();
    // A script whose interpreter is missing gives the same error, although it exists.
    if error.kind() == ErrorKind::NotFound && !Path::new(program).exists() {
        return Failure::not_found(format!(
            "the command {program:?} was not found: check its name and PATH, or use its path"
        ));
    }
    Failure::not_startable(format!(
        "the command {program:?} cannot be started ({error}): check that it is an executable program"
    ))
}
