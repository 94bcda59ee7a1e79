//! Other processes on a card, whose joules its sensors show as well.

use nvml_wrapper::Device;

/// A sentence that names a process on the card that is neither this one nor a descendant of it; `None` where there is
/// none, or the driver does not tell.
pub(super) fn on(device: &Device<'_>) -> Option<String> {
    let mut pids: Vec<u32> = [
        device.running_compute_processes(),
        device.running_graphics_processes(),
    ]
    .into_iter()
    .flatten()
    .flatten()
    .map(|process| process.pid)
    .collect();
    pids.sort_unstable();
    pids.dedup();
    let own = std::process::id();
    let listed = pids.contains(&own);
    pids.retain(|&pid| !descends(pid, own));
    if !listed {
        // A driver outside of a container gives the numbers that processes have there: one that does not exist in here
        // may be this very process.
        if let Some(unknown) = pids.iter().position(|&pid| !exists(pid)) {
            pids.remove(unknown);
        }
    }
    let first = pids.first()?;
    Some(match pids.len() {
        1 => format!("process {first} uses the card too, so its joules are not this run's alone"),
        count => format!(
            "process {first} and {} more use the card too, so its joules are not this run's alone",
            count - 1
        ),
    })
}

/// Whether `pid` is `ancestor` or was started, over whatever number of steps, by it.
fn descends(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    // No tree is deeper; a number that is used anew while it is climbed cannot make it endless.
    for _ in 0..64 {
        if at == ancestor {
            return true;
        }
        match parent(at) {
            Some(parent) if parent > 0 => at = parent,
            _ => return false,
        }
    }
    false
}

#[cfg(target_os = "linux")]
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it, in parentheses, may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(1)?.parse().ok()
}

/// Only Linux tells by a file who started a process.
#[cfg(not(target_os = "linux"))]
fn parent(_pid: u32) -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
fn exists(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Without containers of Linux's kind a number means the same to everyone.
#[cfg(not(target_os = "linux"))]
fn exists(_pid: u32) -> bool {
    true
}
