//! Whether this process may count events of the whole system.

use std::io;

use crate::energy::options::MeterOptions;
use crate::energy::sensor::Unavailable;
use crate::energy::sources::files;

const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

/// CAP_SYS_ADMIN and CAP_PERFMON, which open events at any level.
const CAPABILITIES: u64 = 1 << 21 | 1 << 38;

pub(super) struct Permission {
    /// `perf_event_paranoid`; `None` where the kernel has no such file.
    level: Option<i64>,
    privileged: bool,
}

impl Permission {
    pub(super) fn read(options: &MeterOptions) -> Self {
        let status = files::optional(&options.system_path("/proc/self/status"));
        let capabilities = status.and_then(|status| effective(&status));
        Self {
            level: files::number(&options.system_path(PARANOID)).ok(),
            privileged: capabilities.is_some_and(|set| set & CAPABILITIES != 0),
        }
    }

    /// Why this process may not count the events of all processes; `None` where it seems to have the right.
    pub(super) fn denied(&self) -> Option<Unavailable> {
        let level = self.level.filter(|_| !self.privileged)?;
        (level >= 1).then(|| denied_at(level))
    }

    /// The reason for the kernel's error when `event` was opened.
    pub(super) fn unavailable(&self, event: &str, error: &io::Error) -> Unavailable {
        match (error.kind(), self.level) {
            (io::ErrorKind::PermissionDenied, Some(level)) if level >= 1 => denied_at(level),
            (io::ErrorKind::PermissionDenied, _) => Unavailable::new(format!(
                "the kernel does not let this process count {event}, although {PARANOID} permits it: a container may \
                 forbid it"
            )),
            _ => Unavailable::new(format!("the event {event} cannot be opened: {error}")),
        }
    }
}

fn denied_at(level: i64) -> Unavailable {
    let program = std::env::current_exe()
        .map_or_else(|_| "PROGRAM".into(), |path| path.display().to_string());
    Unavailable::new(format!(
        "{PARANOID} is {level}, so users may not read energy events (to permit it for this program alone: \
         `sudo setcap cap_perfmon=ep {program}`)"
    ))
    .with_fix("sudo sysctl kernel.perf_event_paranoid=0")
    .with_undo(format!("sudo sysctl kernel.perf_event_paranoid={level}"))
}

/// The effective capabilities in the status of a process.
fn effective(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_effective_capabilities() {
        let status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t0000004000000000\n";
        assert_eq!(effective(status), Some(1 << 38));
        assert_eq!(effective("Name:\tx\n"), None);
    }

    #[test]
    fn denied_level_has_fix_and_undo() {
        let unavailable = denied_at(4);
        assert!(
            unavailable.reason.contains("is 4")
                && unavailable.reason.contains("setcap cap_perfmon")
        );
        assert_eq!(
            unavailable.fix.as_deref(),
            Some("sudo sysctl kernel.perf_event_paranoid=0")
        );
        assert_eq!(
            unavailable.undo.as_deref(),
            Some("sudo sysctl kernel.perf_event_paranoid=4")
        );
    }
}
