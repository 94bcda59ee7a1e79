//! Who may count events of the whole system.

use std::io;
use std::path::Path;

use crate::energy::sensor::Unavailable;

use super::files;

const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";
const STATUS: &str = "/proc/self/status";

/// The rights that open events at any level: CAP_SYS_ADMIN and CAP_PERFMON.
const RIGHTS: u64 = 1 << 21 | 1 << 38;

/// Why this process may not count what all processes do; `None` where it seems to have the right.
pub(super) fn closed() -> Option<Unavailable> {
    let level = level()?;
    (level >= 1 && !privileged()).then(|| closed_at(level))
}

/// What the kernel's answer to the call amounts to.
pub(super) fn refused(event: &str, error: &io::Error) -> Unavailable {
    match error.kind() {
        io::ErrorKind::PermissionDenied => match level() {
            Some(level) if level >= 1 => closed_at(level),
            _ => Unavailable::new(format!(
                "the kernel does not let this process count {event}, whatever {PARANOID} says: a container may forbid it"
            )),
        },
        _ => Unavailable::new(format!("the event {event} cannot be opened: {error}")),
    }
}

fn closed_at(level: i64) -> Unavailable {
    let program = std::env::current_exe()
        .map_or_else(|_| "PROGRAM".into(), |path| path.display().to_string());
    Unavailable::new(format!(
        "{PARANOID} is {level}, so energy events are closed to users (for this program alone they are opened by \
         `sudo setcap cap_perfmon=ep {program}`)"
    ))
    .with_fix("sudo sysctl kernel.perf_event_paranoid=0")
    .with_undo(format!("sudo sysctl kernel.perf_event_paranoid={level}"))
}

fn level() -> Option<i64> {
    files::number(Path::new(PARANOID)).ok()
}

fn privileged() -> bool {
    let status = files::optional(Path::new(STATUS)).unwrap_or_default();
    rights(&status).is_some_and(|rights| rights & RIGHTS != 0)
}

/// The effective capabilities in a process's status.
fn rights(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_rights_are_read() {
        let status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t0000004000000000\n";
        assert_eq!(rights(status), Some(1 << 38));
        assert_eq!(rights("Name:\tx\n"), None);
    }

    #[test]
    fn a_closed_level_names_both_commands() {
        let refusal = closed_at(4);
        assert!(refusal.reason.contains("is 4") && refusal.reason.contains("setcap cap_perfmon"));
        assert_eq!(
            refusal.fix.as_deref(),
            Some("sudo sysctl kernel.perf_event_paranoid=0")
        );
        assert_eq!(
            refusal.undo.as_deref(),
            Some("sudo sysctl kernel.perf_event_paranoid=4")
        );
    }
}
