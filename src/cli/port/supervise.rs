//! A port runs in a process that another one watches: a driver's compiler may crash, or never end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::super::failure::Failure;
use super::super::global::Global;
use super::super::output::say;
use crate::conformance::{Announced, LeftOut, StepBegun, lose_seconds};

/// The folder in which the process that is watched announces what it does.
const VARIABLE: &str = "WATTGRAD_PORT_GUARD";
const POLL: Duration = Duration::from_millis(50);

/// The folder of the process that watches this one; `None` if none does.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os(VARIABLE).map(PathBuf::from)?;
    end_with_parent();
    Some(folder)
}

/// Runs this command in a process of its own, again without what it did not survive, and returns its exit code.
pub fn supervise(timeout: f64, global: &Global) -> Result<u8, Failure> {
    let cannot = |what: &str, error: &std::io::Error| {
        Failure::failed(format!(
            "cannot {what} ({error}): free memory and disk space"
        ))
    };
    let folder =
        tempfile::tempdir().map_err(|error| cannot("create a temporary folder", &error))?;
    let program = std::env::current_exe().map_err(|error| cannot("find this program", &error))?;
    let mut left_out: Vec<LeftOut> = vec![];
    loop {
        // A port that goes on does not begin anew.
        let arguments = std::env::args_os().skip(1);
        let arguments = arguments.filter(|word| left_out.is_empty() || word != "--fresh");
        for file in ["announced", "step"] {
            let _ = std::fs::remove_file(folder.path().join(file));
        }
        let child = Command::new(&program)
            .args(arguments)
            .env(VARIABLE, folder.path())
            .spawn();
        let mut child = child.map_err(|error| cannot("start this program again", &error))?;
        let ended = watch(&mut child, folder.path(), timeout);
        let Ended {
            status,
            stuck,
            step,
        } = ended.map_err(|error| cannot("watch this program", &error))?;
        let why = match (&stuck, abnormal(status)) {
            (Some(_), _) => format!("the driver did not end it within {timeout} s"),
            (None, Some(end)) => format!("the driver ended the program with it ({end})"),
            (None, None) => return Ok(code(status)),
        };
        let now = || read::<Announced>(folder.path(), "announced");
        let Some(work) = stuck.or_else(|| now().map(|now| now.work)) else {
            return Err(Failure::failed(format!(
                "the driver or the system ended the program ({status}): run it again to continue"
            )));
        };
        if left_out.iter().any(|left| left.work == work) {
            return Err(Failure::failed(format!(
                "{work}: {why}, although it was to be left out: report this as a bug"
            )));
        }
        say(global, &format!("{work}: {why}; continuing without it"));
        left_out.push(LeftOut { work, why });
        let text = serde_json::to_vec(&left_out).unwrap_or_default();
        let written = crate::files::write_whole(&folder.path().join("left-out.json"), &text);
        let written = written.and_then(|()| match step {
            Some((step, seconds)) => lose_seconds(folder.path(), &step, seconds),
            None => Ok(()),
        });
        written.map_err(|error| cannot("write a temporary file", &error))?;
    }
}

/// How the process that is watched ended.
struct Ended {
    status: ExitStatus,
    /// The work for which it was ended.
    stuck: Option<String>,
    /// The step it was at, and for how many seconds.
    step: Option<(String, f64)>,
}

/// Waits for the process to end, and ends it where what it announced takes longer than `timeout` seconds.
fn watch(child: &mut Child, folder: &Path, timeout: f64) -> std::io::Result<Ended> {
    let mut last = (read::<Announced>(folder, "announced"), Instant::now());
    let mut step: Option<(StepBegun, Instant)> = None;
    loop {
        let status = child.try_wait()?;
        let now = read(folder, "announced");
        if now != last.0 {
            last = (now, Instant::now());
        }
        let begun: Option<StepBegun> = read(folder, "step");
        if let Some(begun) = begun.filter(|begun| step.as_ref().is_none_or(|s| s.0 != *begun)) {
            step = Some((begun, Instant::now()));
        }
        let late = last.1.elapsed().as_secs_f64() > timeout;
        let stuck = last.0.as_ref().filter(|now| now.limited && late);
        let (status, stuck) = match (status, stuck) {
            (Some(status), _) => (status, None),
            (None, Some(stuck)) => {
                child.kill()?;
                (child.wait()?, Some(stuck.work.clone()))
            }
            (None, None) => {
                sleep(POLL);
                continue;
            }
        };
        let step =
            step.and_then(|(begun, since)| Some((begun.step?, since.elapsed().as_secs_f64())));
        return Ok(Ended {
            status,
            stuck,
            step,
        });
    }
}

/// What the process announced in a file; `None` while it writes the file.
fn read<T: DeserializeOwned>(folder: &Path, file: &str) -> Option<T> {
    let bytes = std::fs::read(folder.join(file)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// How the process ended, where neither it nor a user chose to end it.
fn abnormal(status: ExitStatus) -> Option<String> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let asked = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];
        return (!asked.contains(&signal)).then(|| format!("signal {signal}"));
    }
    let code = status.code().unwrap_or(-1);
    (!(0..=2).contains(&code)).then(|| format!("exit code {code}"))
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal as u8;
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

/// Ends this process when the one that watches it has ended.
fn end_with_parent() {
    #[cfg(unix)]
    {
        let parent = std::os::unix::process::parent_id();
        std::thread::spawn(move || {
            while std::os::unix::process::parent_id() == parent {
                sleep(Duration::from_millis(200));
            }
            std::process::exit(1);
        });
    }
}
