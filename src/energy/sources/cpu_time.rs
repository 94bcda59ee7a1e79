//! The CPU time of this process, multiplied by the watts that a busy core is assumed to draw.

use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Method, RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::selection::CPU_TIME;
use crate::energy::sensor::{Quantity, SensorSpec, Unavailable};
use crate::energy::source::Source;

use super::fn_sensor;

pub(super) const SOURCE: Source = Source {
    name: CPU_TIME,
    sensors,
};

fn sensors(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
    let sensor = match options.assume_watts_per_core {
        None => Err(
            Unavailable::new("used on request only: its watts are assumed, not measured")
                .with_fix("--assume-watts-per-core W"),
        ),
        Some(watts) => process_cpu_nanoseconds().map(|_| {
            let spec = SensorSpec {
                unit: RawUnit::Nanosecond,
                quantity: Quantity::Energy { wraps_at: None },
                scale: RawUnit::Nanosecond.scale() * watts,
                // No machine runs more cores at once.
                max_watts: 65_536.0 * watts,
                expected_update_interval: 0.0,
            };
            fn_sensor::unchecked(spec, process_cpu_nanoseconds)
        }),
    };
    let covers = target.map(|target| target.host_covers(Scope::Process));
    vec![OpenSensor::new(
        CPU_TIME,
        Scope::Process,
        Method::Assumed,
        covers,
        sensor,
    )]
}

/// CPU time so far of all threads of this process and of its children that have ended and were waited for.
#[cfg(unix)]
fn process_cpu_nanoseconds() -> Result<u64, Unavailable> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec of our own that outlives the call, which writes it and nothing else.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    if code != 0 {
        let why = std::io::Error::last_os_error();
        return Err(Unavailable::new(format!(
            "the CPU time of the process cannot be read: {why}"
        )));
    }
    let own = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    let nanoseconds = own + children_nanoseconds();
    u64::try_from(nanoseconds).map_err(|_| {
        Unavailable::new(format!(
            "the CPU time of the process reads {nanoseconds} ns, which is impossible"
        ))
    })
}

#[cfg(unix)]
fn children_nanoseconds() -> i128 {
    // SAFETY: an all-zero rusage is a valid one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a rusage of our own that outlives the call, which writes it and nothing else.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) } != 0 {
        return 0;
    }
    let of = |time: libc::timeval| {
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_usec) * 1_000
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

#[cfg(not(unix))]
fn process_cpu_nanoseconds() -> Result<u64, Unavailable> {
    Err(Unavailable::new(
        "the CPU time of a process is read on Linux and macOS only",
    ))
}
