//! Other processes on a card, whose energy its sensors include.

use nvml_wrapper::Device;

/// A sentence that names a process on the card that is neither this one nor a descendant of it; `None` where there is
/// no such process or the driver does not list processes.
pub(super) fn on(device: &Device<'_>) -> Option<String> {
    let lists = [
        device.running_compute_processes(),
        device.running_graphics_processes(),
    ];
    let processes = lists.into_iter().flatten().flatten();
    let mut pids: Vec<u32> = processes.map(|process| process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let own = std::process::id();
    let listed = pids.contains(&own);
    pids.retain(|&pid| !descends(pid, own));
    if !listed {
        // A driver outside of a container lists process ids of its own: one id that does not exist in the container may
        // be this process.
        if let Some(unknown) = pids.iter().position(|&pid| !exists(pid)) {
            pids.remove(unknown);
        }
    }
    let first = pids.first()?;
    let who = match pids.len() {
        1 => format!("process {first} also uses"),
        count => format!("process {first} and {} more also use", count - 1),
    };
    Some(format!(
        "{who} the card, so its energy is not attributed to this run"
    ))
}

/// Whether `pid` is `ancestor` or one of its descendants.
fn descends(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    // No tree is deeper. A process id that is reused during the climb cannot make it endless.
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

/// Read from a file that exists on Linux only.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it, in parentheses, may contain anything.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(1)?.parse().ok()
}

/// Only Linux has containers in which process ids differ.
fn exists(pid: u32) -> bool {
    !cfg!(target_os = "linux") || std::path::Path::new(&format!("/proc/{pid}")).exists()
}
