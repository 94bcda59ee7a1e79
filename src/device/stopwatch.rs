//! The device's own clock: the times at which passes began and ended.

use super::error::DeviceError;
use super::gpu::Gpu;
use super::memory::Readback;

/// Two readings of the device's clock, 8 bytes each.
const PASS_BYTES: u64 = 16;
/// Most passes of a stopwatch: a set holds at most 4,096 readings on every device.
const MOST_PASSES: u32 = wgpu::QUERY_SET_MAX_QUERIES / 2;

/// Measures when passes begin and end on the device.
#[derive(Debug)]
pub struct Stopwatch {
    queries: wgpu::QuerySet,
    passes: u32,
    resolved: wgpu::Buffer,
    readback: Readback,
    /// Seconds per tick.
    period: f64,
}

#[doc(hidden)]
impl Gpu {
    /// A stopwatch of `passes` passes; `None` where passes cannot read the device's clock, or for more passes than a device
    /// can time in one submission.
    #[must_use]
    pub fn stopwatch(&self, passes: u32) -> Option<Stopwatch> {
        let possible = self.timestamps() && (1..=MOST_PASSES).contains(&passes);
        let bytes = u64::from(passes) * PASS_BYTES;
        possible.then(|| Stopwatch {
            queries: self.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("stopwatch"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * passes,
            }),
            passes,
            resolved: self.buffer(
                "stopwatch",
                bytes,
                wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            ),
            readback: self.readback("stopwatch for the host", bytes),
            period: f64::from(self.queue.get_timestamp_period()) * 1e-9,
        })
    }

    /// Waits for the device and reads the seconds of the first pass that was timed last; `None` where the driver left no
    /// reading.
    ///
    /// # Errors
    /// The device was lost or reported an error.
    pub fn elapsed(&self, stopwatch: &Stopwatch) -> Result<Option<f64>, DeviceError> {
        let times = self.pass_times(stopwatch)?;
        let first = times.first().copied().flatten();
        Ok(first.map(|[begun, ended]| ended - begun))
    }

    /// Waits for the device and reads when each pass that was timed last began and ended, in seconds since the first reading;
    /// `None` for a pass of which the driver left no reading.
    ///
    /// # Errors
    /// The device was lost or reported an error.
    pub fn pass_times(&self, stopwatch: &Stopwatch) -> Result<Vec<Option<[f64; 2]>>, DeviceError> {
        let mut ticks: Vec<[u64; 2]> = vec![];
        let bytes = u64::from(stopwatch.passes) * PASS_BYTES;
        self.map(&stopwatch.readback, bytes, None, |bytes| {
            let words = bytes.as_chunks::<8>().0.iter();
            let all: Vec<u64> = words.map(|word| u64::from_le_bytes(*word)).collect();
            ticks.extend(all.as_chunks::<2>().0);
        })?;
        // A reading that is missing is 0, and some drivers write 0 for every reading.
        let read = |[begun, ended]: &[u64; 2]| *begun > 0 && ended > begun;
        let from = ticks.iter().filter(|pass| read(pass)).map(|pass| pass[0]);
        let from = from.min().unwrap_or(0);
        let seconds = |tick: u64| (tick - from) as f64 * stopwatch.period;
        let passes = ticks.iter();
        Ok(passes
            .map(|pass| read(pass).then(|| pass.map(seconds)))
            .collect())
    }
}

impl Stopwatch {
    /// Passes that it times.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.passes
    }

    pub(super) fn writes(&self, pass: u32) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(2 * pass),
            end_of_pass_write_index: Some(2 * pass + 1),
        }
    }

    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        let bytes = u64::from(self.passes) * PASS_BYTES;
        encoder.resolve_query_set(&self.queries, 0..2 * self.passes, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readback, 0, bytes);
    }
}
