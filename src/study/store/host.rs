//! Which machine this is, and since which start.

use serde::{Deserialize, Serialize};

/// A host: its name and the id of its present start. Two hosts are the same one only where both agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The name that the system goes by (`uname -n`).
    pub name: String,
    /// What tells one start of the machine, and one machine, from another; absent where the system has no such id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
}

impl Host {
    /// The host that this process runs on.
    pub fn here() -> Self {
        Self {
            name: name(),
            boot: boot(),
        }
    }

    /// The host as the beginning of a file's name.
    pub(super) fn key(&self) -> String {
        let plain = |text: &str, most| -> String {
            text.chars()
                .take(most)
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect()
        };
        let boot = plain(self.boot.as_deref().unwrap_or("0"), 8);
        format!("{}.{boot}", plain(&self.name, 40))
    }
}

#[cfg(unix)]
fn name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(not(unix))]
fn name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unnamed".to_owned())
}

#[cfg(target_os = "linux")]
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(target_os = "macos")]
fn boot() -> Option<String> {
    let mut text = [0u8; 64];
    let mut length = text.len();
    // SAFETY: the name ends with a zero, `text` holds `length` bytes, and nothing is set.
    let code = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let text = std::ffi::CStr::from_bytes_until_nul(&text).ok()?;
    (code == 0 && !text.is_empty()).then(|| text.to_string_lossy().into_owned())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn boot() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_name_that_can_begin_a_file() {
        let here = Host::here();
        assert!(!here.name.is_empty());
        #[cfg(target_os = "linux")]
        assert_eq!(here.boot.as_ref().unwrap().len(), 36);
        let odd = Host {
            name: "a/b.c é".to_owned(),
            boot: None,
        };
        assert_eq!(odd.key(), "a-b-c--.0");
    }
}
