//! One event of a PMU, counted for one processor: the system call and nothing else.

#[cfg(target_os = "linux")]
mod open {
    use std::fs::File;
    use std::io::{self, Read};
    use std::os::fd::FromRawFd;

    /// `struct perf_event_attr` in its first and shortest version.
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        kind: u32,
        size: u32,
        config: u64,
        rest: [u64; 6],
    }

    const CLOSE_ON_EXEC: libc::c_ulong = 8;

    pub struct Event(File);

    impl Event {
        /// Starts counting `config` of the PMU `kind` on processor `cpu` for all processes.
        pub fn open(kind: u32, config: u64, cpu: u32) -> io::Result<Self> {
            let attributes = Attributes {
                kind,
                size: size_of::<Attributes>() as u32,
                config,
                ..Default::default()
            };
            let (every_process, no_group): (libc::pid_t, libc::c_int) = (-1, -1);
            let cpu = libc::c_int::try_from(cpu).map_err(io::Error::other)?;
            // SAFETY: the call reads `size` bytes of the attributes, which outlive it.
            let file = unsafe {
                libc::syscall(
                    libc::SYS_perf_event_open,
                    &raw const attributes,
                    every_process,
                    cpu,
                    no_group,
                    CLOSE_ON_EXEC,
                )
            };
            match i32::try_from(file) {
                // SAFETY: the kernel has just made this descriptor for us alone.
                Ok(file) if file >= 0 => Ok(Self(unsafe { File::from_raw_fd(file) })),
                _ => Err(io::Error::last_os_error()),
            }
        }

        /// Counts since the event was opened.
        pub fn read(&self) -> io::Result<u64> {
            let mut count = [0; 8];
            (&self.0).read_exact(&mut count)?;
            Ok(u64::from_ne_bytes(count))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod open {
    use std::io::{self, ErrorKind};

    /// This system has no such events.
    pub enum Event {}

    impl Event {
        pub fn open(_kind: u32, _config: u64, _cpu: u32) -> io::Result<Self> {
            Err(ErrorKind::Unsupported.into())
        }

        pub fn read(&self) -> io::Result<u64> {
            match *self {}
        }
    }
}

pub(super) use open::Event;
