//! This process's own CPU time x the watts a busy core is assumed to draw.

use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Method, RawUnit, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

pub(crate) const NAME: &str = "cpu-time";

pub(crate) struct CpuTime;

impl Source for CpuTime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rows(&self, options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        let instrument = match options.assume_watts_per_core {
            None => Err(Unavailable::new(
                "used only when asked for: its watts are assumed, not measured",
            )
            .with_fix("--assume-watts-per-core W")),
            Some(watts) => {
                process_cpu_nanoseconds().map(|_| Box::new(Assumption { watts }) as Box<dyn Sensor>)
            }
        };
        vec![OpenSensor::new(
            NAME,
            Scope::Process,
            Method::Assumed,
            target.map(|target| target.host_covers(Scope::Process)),
            instrument,
        )]
    }
}

struct Assumption {
    watts: f64,
}

impl Sensor for Assumption {
    fn spec(&self) -> SensorSpec {
        SensorSpec {
            unit: RawUnit::Nanosecond,
            quantity: Quantity::Energy { wraps_at: None },
            scale: RawUnit::Nanosecond.scale() * self.watts,
            // No more cores than this run at once.
            max_watts: 65_536.0 * self.watts,
            expected_update_interval: 0.0,
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        process_cpu_nanoseconds()
    }
}

/// CPU time so far of all threads of this process, and of the children it has waited for: a command is charged when it
/// has ended.
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
            "the process's CPU clock cannot be read: {why}"
        )));
    }
    let own = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    let nanoseconds = own + children_nanoseconds();
    u64::try_from(nanoseconds).map_err(|_| {
        Unavailable::new(format!(
            "the process's CPU clock reads {nanoseconds} ns, which is no time"
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

/// Only Unix has the clock this is read from.
#[cfg(not(unix))]
fn process_cpu_nanoseconds() -> Result<u64, Unavailable> {
    Err(Unavailable::new(
        "a process's CPU time is read on Linux and macOS only",
    ))
}
