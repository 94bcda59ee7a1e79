//! What a device can do: measured peaks of arithmetic and memory, gaps between launches, and the energy of each.

mod energy;
mod fit;
mod kernels;
mod peaks;
mod probe;
mod store;

use serde::{Deserialize, Serialize};

use super::error::KernelError;
use crate::device::{AdapterSummary, Gpu};
use crate::energy::{Interval, Meter};

pub(crate) use energy::no_source;
pub use energy::{EnergyModel, SweepPoint};
pub use fit::{Fit, least_squares};
pub use peaks::{GapSamples, Gaps, MeanGaps, gap_probes};
pub use probe::Probe;

/// Version of the keys of a roofline.
const SCHEMA: u32 = 1;

/// The measured limits of one adapter with one driver. What could not be measured is absent, and [`Roofline::missing`]
/// says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// Version of the keys.
    pub schema: u32,
    /// The adapter and its driver.
    pub device: RooflineDevice,
    /// When it was measured: RFC 3339, UTC.
    pub measured_at: String,
    /// FLOP/s of independent f32 multiply-adds, two FLOPs each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f32_fma: Option<Peak>,
    /// The same in f16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f16_fma: Option<Peak>,
    /// Bytes read per second from memory larger than the caches of most devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_read: Option<Peak>,
    /// Bytes read and written per second by a copy of such memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_copy: Option<Peak>,
    /// Bytes read per second from workgroup memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workgroup_read: Option<Peak>,
    /// Seconds per empty dispatch that waits for no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_gap: Option<Peak>,
    /// Seconds per empty dispatch that waits for the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependent_launch_gap: Option<Peak>,
    /// Seconds that the host waits for a submission of one empty dispatch, beyond the dispatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<Peak>,
    /// Joules per FLOP and per byte, and standing power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<EnergyModel>,
    /// What is absent, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// The adapter and driver of a roofline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RooflineDevice {
    /// Name given by the driver.
    pub name: String,
    /// Graphics API.
    pub backend: String,
    /// Name and version of the driver.
    pub driver: String,
    /// PCI address; absent where the backend does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
}

impl RooflineDevice {
    /// Of an adapter.
    pub fn of(adapter: &AdapterSummary) -> Self {
        Self {
            name: adapter.name.clone(),
            backend: adapter.backend.to_string(),
            driver: format!("{} {}", adapter.driver, adapter.driver_info)
                .trim()
                .to_owned(),
            pci_id: adapter.pci_id.clone(),
        }
    }
}

/// A measured peak of the fastest kernel tried: the best of several submissions, since other work on the machine only makes
/// them slower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// The best, per second; of a gap the shortest, in seconds.
    pub value: f64,
    /// The median.
    pub median: f64,
    /// 95 % confidence interval of the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// The kernel: `4 chains of vec4`.
    pub kernel: String,
    /// `device` or `host`.
    pub clock: String,
    /// Submissions.
    pub samples: usize,
}

/// Something that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its key: `f16_fma`.
    pub what: String,
    /// Why, in one sentence.
    pub reason: String,
    /// The command or setting that would enable it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How near work is to the roofline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fraction {
    /// The shortest time that the peaks allow, divided by the measured time. Above 1 where work is faster than the peaks,
    /// such as data in a cache.
    pub fraction: f64,
    /// The peak that limits it.
    pub bound: Bound,
}

/// What limits work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The peak of f32 arithmetic.
    Compute,
    /// The peak of memory.
    Memory,
}

impl Bound {
    /// The name in text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
        }
    }
}

impl Roofline {
    /// Measures the peaks of `gpu` in some seconds and, through a meter that measures, its energy in `energy_seconds` or
    /// more for each of nine intensities. `progress` is called with what is measured next.
    ///
    /// # Errors
    /// The device failed, or is the backend without hardware. A peak that cannot be measured is no error.
    pub fn measure(
        gpu: &Gpu,
        meter: &Meter,
        energy_seconds: f64,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, KernelError> {
        if gpu.is_noop() {
            return Err(KernelError::Kernel {
                kernel: "roofline".into(),
                problem: "the backend without hardware runs nothing; open a real adapter".into(),
            });
        }
        let mut found = Self {
            schema: SCHEMA,
            device: RooflineDevice::of(&gpu.adapter),
            measured_at: jiff::Timestamp::now().to_string(),
            f32_fma: None,
            f16_fma: None,
            memory_read: None,
            memory_copy: None,
            workgroup_read: None,
            launch_gap: None,
            dependent_launch_gap: None,
            submission: None,
            energy: None,
            missing: Vec::new(),
        };
        peaks::measure(gpu, &mut found, progress)?;
        match energy::measure(gpu, meter, energy_seconds, progress)? {
            Ok(model) => found.energy = Some(model),
            Err(why) => found.missing.push(Missing {
                what: "energy".into(),
                reason: why.reason,
                fix: why.fix,
            }),
        }
        Ok(found)
    }

    /// Bytes per second of memory: the higher of reading and copying.
    pub fn memory(&self) -> Option<&Peak> {
        let peaks = [&self.memory_read, &self.memory_copy];
        let peaks = peaks.into_iter().flatten();
        peaks.max_by(|a, b| a.value.total_cmp(&b.value))
    }

    /// How near `flops` FLOPs over `bytes` distinct bytes in `seconds` are to the peaks; `None` where a peak that they need
    /// was not measured, or there is no work.
    pub fn fraction(&self, flops: u64, bytes: u64, seconds: f64) -> Option<Fraction> {
        let least = |work: u64, peak: Option<&Peak>| match work {
            0 => Some(0.0),
            work => peak.map(|peak| work as f64 / peak.value),
        };
        let compute = least(flops, self.f32_fma.as_ref())?;
        let memory = least(bytes, self.memory())?;
        let (shortest, bound) = match compute > memory {
            true => (compute, Bound::Compute),
            false => (memory, Bound::Memory),
        };
        (shortest > 0.0 && seconds > 0.0).then(|| Fraction {
            fraction: shortest / seconds,
            bound,
        })
    }

    /// FLOPs per byte above which arithmetic limits, below which memory.
    pub fn balance(&self) -> Option<f64> {
        Some(self.f32_fma.as_ref()?.value / self.memory()?.value)
    }
}

/// The bytes that work must move at least once: those that the code asks for, but not more than its operands have.
pub fn distinct_bytes(counted: u64, operands: u64) -> u64 {
    counted.min(operands)
}
