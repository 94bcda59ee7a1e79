//! The energy of repeated work.

use super::replay::Replay;
use super::timing::KernelEnergy;
use crate::device::DeviceError;
use crate::energy::{Meter, Moment, SourceResult, WindowLength};

/// How long a window of repeated work lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds {
    /// At least this many seconds,
    pub shortest: f64,
    /// longer where a source needs it for enough updates, but not beyond this.
    pub longest: f64,
}

impl Seconds {
    /// A window of `seconds`, or up to four times as long for a slow sensor.
    pub fn of(seconds: f64) -> Self {
        Self {
            shortest: seconds,
            longest: 4.0 * seconds,
        }
    }
}

/// Meters `replay` in submissions of `each` repetitions. `known` are results of an earlier window, whose update intervals
/// apply; `done` is called with the repetitions of each submission that ended.
///
/// # Errors
/// The device failed.
pub fn meter_replay(
    meter: &Meter,
    replay: &Replay<'_>,
    each: u32,
    seconds: Seconds,
    known: &[SourceResult],
    done: &mut dyn FnMut(u32),
) -> Result<KernelEnergy, DeviceError> {
    let mut length = WindowLength::between(seconds.shortest, seconds.longest).after(known);
    let window = meter.start();
    let from = Moment::now().monotonic;
    let mut dispatches = 0;
    replay.drive(each, |ended| {
        dispatches += u64::from(ended);
        done(ended);
        length.should_continue(&window)
    })?;
    Ok(KernelEnergy {
        dispatches,
        seconds: Moment::now().monotonic - from,
        energy: window.stop(),
    })
}
