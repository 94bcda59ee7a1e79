//! The device's own clock: the times at which a pass began and ended.

use super::error::DeviceError;
use super::gpu::Gpu;
use super::memory::Readback;

/// Two readings of the device's clock, 8 bytes each.
const BYTES: u64 = 16;

/// Measures how long a pass takes on the device.
#[derive(Debug)]
pub struct Stopwatch {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readback: Readback,
    /// Seconds per tick.
    period: f64,
}

#[doc(hidden)]
impl Gpu {
    /// A stopwatch; `None` where passes cannot read the device's clock.
    #[must_use]
    pub fn stopwatch(&self) -> Option<Stopwatch> {
        self.timestamps().then(|| Stopwatch {
            queries: self.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("stopwatch"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: self.buffer(
                "stopwatch",
                BYTES,
                wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            ),
            readback: self.readback("stopwatch for the host", BYTES),
            period: f64::from(self.queue.get_timestamp_period()) * 1e-9,
        })
    }

    /// Waits for the device and reads the seconds of the last timed pass; `None` where the driver left no reading.
    ///
    /// # Errors
    /// The device was lost or reported an error.
    pub fn elapsed(&self, stopwatch: &Stopwatch) -> Result<Option<f64>, DeviceError> {
        let mut ticks = [0; 2];
        self.map(&stopwatch.readback, BYTES, None, |bytes| {
            for (tick, word) in ticks.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *tick = u64::from_le_bytes(*word);
            }
        })?;
        let [begun, ended] = ticks;
        // A reading that is missing is 0, and some drivers write 0 for every reading.
        let read = begun > 0 && ended > begun;
        Ok(read.then(|| (ended - begun) as f64 * stopwatch.period))
    }
}

impl Stopwatch {
    pub(super) fn writes(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readback, 0, BYTES);
    }
}
