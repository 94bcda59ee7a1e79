//! The peaks: of each the fastest of several kernels.

use crate::device::{AdapterKind, DeviceError, Gpu, Step};
use crate::energy::Interval;
use crate::lab::error::KernelError;
use crate::lab::replay::{Samples, clock_of};
use crate::lab::timing::{KernelTiming, TimingClock, mean};

use super::kernels::{self, COPIES, LANES, Place, READS, TILE_READS};
use super::probe::{Operand, Probe};
use super::{Missing, Peak, Roofline};

/// Samples by which the fastest kernel is chosen, and further samples of that kernel.
const CHOICE: u32 = 3;
const SAMPLES: u32 = 15;
/// Launches of the two submissions whose difference is the gap between launches.
const LAUNCHES: [u32; 2] = [512, 2048];
/// Pairs of such submissions.
const GAP_PAIRS: u32 = 9;

/// What a peak counts.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Flops,
    Bytes,
    /// Bytes of workgroup memory, which the counter of kernels does not count.
    Given(u64),
}

/// The sizes that suit a kind of device.
struct Sizes {
    /// Workgroups and turns of the loops of arithmetic and workgroup memory.
    grid: u32,
    loops: u32,
    /// Bytes of memory to read or copy.
    bytes: u64,
}

impl Sizes {
    fn of(gpu: &Gpu) -> Self {
        match gpu.adapter.kind {
            AdapterKind::Cpu => Self {
                grid: 64,
                loops: 64,
                bytes: 1 << 26,
            },
            _ => Self {
                grid: 16_384,
                loops: 128,
                bytes: 1 << 28,
            },
        }
    }
}

/// Bytes of memory to stream: those that suit the device, as far as a binding allows.
pub(super) fn stream_bytes(gpu: &Gpu, place: Place) -> u64 {
    let most = gpu.most_bytes(place.texel());
    // A power of two divides into whole workgroups of whole strides.
    let most = 1 << most.max(1).ilog2();
    Sizes::of(gpu).bytes.min(most)
}

/// The places that kernels of this device read fastest: images only where they can be read in any kernel.
pub(super) fn places(gpu: &Gpu) -> &'static [Place] {
    match gpu.texel_lanes() {
        Some(_) => &[Place::Buffer, Place::Image],
        None => &[Place::Buffer],
    }
}

/// Measures every peak into `found`.
pub(super) fn measure(
    gpu: &Gpu,
    found: &mut Roofline,
    progress: &mut dyn FnMut(&str),
) -> Result<(), KernelError> {
    progress("f32 multiply-adds");
    found.f32_fma = fastest(found, "f32_fma", multiply_adds(gpu, "f32"), Unit::Flops)?;
    progress("f16 multiply-adds");
    match gpu.shader_f16() {
        true => {
            found.f16_fma = fastest(found, "f16_fma", multiply_adds(gpu, "f16"), Unit::Flops)?;
        }
        false => miss(found, "f16_fma", "the adapter does not offer shader-f16"),
    }
    progress("memory");
    found.memory_read = fastest(found, "memory_read", reads(gpu), Unit::Bytes)?;
    found.memory_copy = fastest(found, "memory_copy", copies(gpu), Unit::Bytes)?;
    progress("workgroup memory");
    let sizes = Sizes::of(gpu);
    let reads = u64::from(sizes.grid * LANES) * u64::from(sizes.loops * TILE_READS);
    let unit = |width: u64| Unit::Given(reads * 4 * width);
    let vectors = fastest(
        found,
        "workgroup_read",
        workgroup(gpu, "vec4<f32>"),
        unit(4),
    )?;
    let scalars = fastest(found, "workgroup_read", workgroup(gpu, "f32"), unit(1))?;
    found.workgroup_read = match (vectors, scalars) {
        (Some(a), Some(b)) if b.value > a.value => Some(b),
        (a, b) => a.or(b),
    };
    if found.workgroup_read.is_some() {
        found.missing.retain(|each| each.what != "workgroup_read");
    }
    progress("gaps between launches");
    let gaps = gaps(gpu)?;
    found.launch_gap = Some(gaps.launch);
    found.dependent_launch_gap = Some(gaps.dependent);
    found.submission = Some(gaps.submission);
    Ok(())
}

type Probes<'g> = Vec<Result<Probe<'g>, KernelError>>;

fn multiply_adds<'g>(gpu: &'g Gpu, scalar: &str) -> Probes<'g> {
    let Sizes { grid, loops, .. } = Sizes::of(gpu);
    let kinds: &[(String, usize)] = &[
        (scalar.to_owned(), 8),
        (scalar.to_owned(), 12),
        (scalar.to_owned(), 16),
        (format!("vec2<{scalar}>"), 8),
        (format!("vec4<{scalar}>"), 4),
        (format!("vec4<{scalar}>"), 8),
    ];
    let each = kinds.iter().map(|(kind, chains)| {
        let bytes = u64::from(grid * LANES) * 4;
        let name = format!("{chains} chains of {kind}");
        let operands = [Operand::Write(Place::Buffer, bytes)];
        let text = kernels::multiply_adds(kind, *chains);
        Probe::new(gpu, name, &text, &operands, grid, loops)
    });
    each.collect()
}

fn reads(gpu: &Gpu) -> Probes<'_> {
    let each = places(gpu).iter().map(|place| {
        let bytes = stream_bytes(gpu, *place);
        let invocations = (bytes / 16) as u32 / READS;
        let operands = [
            Operand::Read(*place, bytes),
            Operand::Write(Place::Buffer, u64::from(invocations) * 16),
        ];
        let name = format!("{} of {} MiB", place.name(), bytes >> 20);
        Probe::new(
            gpu,
            name,
            &kernels::read(*place),
            &operands,
            invocations / LANES,
            0,
        )
    });
    each.collect()
}

fn copies(gpu: &Gpu) -> Probes<'_> {
    let places = places(gpu);
    let pairs = places
        .iter()
        .flat_map(|from| places.iter().map(move |to| (*from, *to)));
    let each = pairs.map(|(from, to)| {
        let bytes = stream_bytes(gpu, from).min(stream_bytes(gpu, to));
        let invocations = (bytes / 16) as u32 / COPIES;
        let operands = [Operand::Read(from, bytes), Operand::Write(to, bytes)];
        let name = format!("{} to {} of {} MiB", from.name(), to.name(), bytes >> 20);
        let text = kernels::copy(from, to);
        Probe::new(gpu, name, &text, &operands, invocations / LANES, 0)
    });
    each.collect()
}

fn workgroup<'g>(gpu: &'g Gpu, kind: &str) -> Probes<'g> {
    let Sizes { grid, loops, .. } = Sizes::of(gpu);
    let width = if kind == "f32" { 1 } else { 4 };
    let bytes = u64::from(grid * LANES) * 4 * width;
    let operands = [Operand::Write(Place::Buffer, bytes)];
    let text = kernels::workgroup_read(kind);
    vec![Probe::new(gpu, kind, &text, &operands, grid, loops)]
}

fn miss(found: &mut Roofline, what: &str, reason: impl ToString) {
    found.missing.push(Missing {
        what: what.into(),
        reason: reason.to_string(),
        fix: None,
    });
}

/// The peak of the fastest probe; where none can run, the reason is added to `found`.
fn fastest(
    found: &mut Roofline,
    what: &str,
    probes: Probes<'_>,
    unit: Unit,
) -> Result<Option<Peak>, KernelError> {
    let mut best: Option<(f64, Probe<'_>, Samples, u32)> = None;
    let mut refused = None;
    for probe in probes {
        let probe = match probe {
            Ok(probe) => probe,
            // A lost device runs nothing further.
            Err(KernelError::Device(error @ DeviceError::Lost { .. })) => return Err(error.into()),
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        let (samples, times) = probe.time(CHOICE)?;
        let seconds = samples.timing(times, TimingClock::Host).seconds;
        let rate = amount(&probe, unit) / seconds;
        if best.as_ref().is_none_or(|(before, ..)| rate > *before) {
            best = Some((rate, probe, samples, times));
        }
    }
    let Some((_, probe, _, times)) = best else {
        let reason = refused.map_or("no kernel suits this device".into(), |why| why.to_string());
        miss(found, what, reason);
        return Ok(None);
    };
    let mut samples = Samples::default();
    for _ in 0..SAMPLES {
        probe.replay().sample(times, &mut samples)?;
    }
    let timing = samples.timing(times, clock_of([&samples].into_iter()));
    let amount = amount(&probe, unit);
    let rate = |seconds: f64| amount / seconds;
    let ci = timing.ci().map(|ci| Interval {
        low: rate(ci.high),
        high: rate(ci.low),
    });
    Ok(Some(Peak {
        ci,
        ..peak(
            rate(timing.lowest),
            rate(timing.seconds),
            &timing,
            &probe.name,
        )
    }))
}

fn amount(probe: &Probe<'_>, unit: Unit) -> f64 {
    let amount = match unit {
        Unit::Flops => probe.work.flops,
        Unit::Bytes => probe.work.loaded_bytes + probe.work.stored_bytes,
        Unit::Given(bytes) => bytes,
    };
    amount as f64
}

fn peak(value: f64, median: f64, timing: &KernelTiming, kernel: &str) -> Peak {
    Peak {
        value,
        median,
        ci: timing.ci(),
        kernel: kernel.to_owned(),
        clock: timing.clock.name().to_owned(),
        samples: timing.samples.len(),
    }
}

/// The costs of launches.
#[derive(Clone, Debug)]
pub struct Gaps {
    /// Seconds per empty dispatch that waits for no other.
    pub launch: Peak,
    /// Seconds per empty dispatch that waits for the one before it.
    pub dependent: Peak,
    /// Seconds of a submission beyond its dispatches.
    pub submission: Peak,
}

/// The probes of independent and of dependent launches.
///
/// # Errors
/// The driver refuses a kernel, or the device failed.
pub fn gap_probes(gpu: &Gpu) -> Result<[Probe<'_>; 2], KernelError> {
    let read = [Operand::Read(Place::Buffer, 16)];
    let write = [Operand::Write(Place::Buffer, 16)];
    Ok([
        Probe::new(gpu, "empty", &kernels::empty(), &read, 1, 0)?,
        Probe::new(gpu, "one store", &kernels::dependent(), &write, 1, 0)?,
    ])
}

/// Mean seconds of launches, for sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanGaps {
    /// Per empty dispatch that waits for no other.
    pub launch: f64,
    /// Per empty dispatch that waits for the one before it.
    pub dependent: f64,
    /// Per submission, beyond its dispatch.
    pub submission: f64,
}

impl MeanGaps {
    /// The gap before a dispatch that waits for earlier ones or does not.
    pub fn before(&self, waits: bool) -> f64 {
        if waits { self.dependent } else { self.launch }
    }
}

/// The costs of launches while they are sampled.
#[derive(Debug)]
pub struct GapSamples<'g> {
    probes: [Probe<'g>; 2],
    /// Of each probe, submissions of both lengths.
    measured: [[Samples; 2]; 2],
    single: Samples,
}

impl<'g> GapSamples<'g> {
    /// Compiles the probes.
    ///
    /// # Errors
    /// As [`gap_probes`].
    pub fn new(gpu: &'g Gpu) -> Result<Self, KernelError> {
        let probes = gap_probes(gpu)?;
        for probe in &probes {
            probe.replay().warm_up(0.0)?;
        }
        Ok(Self {
            probes,
            measured: Default::default(),
            single: Samples::default(),
        })
    }

    /// Samples each length once.
    ///
    /// # Errors
    /// The device failed.
    pub fn round(&mut self) -> Result<(), DeviceError> {
        for (probe, samples) in self.probes.iter().zip(&mut self.measured) {
            for (launches, samples) in LAUNCHES.into_iter().zip(samples) {
                probe.replay().sample(launches, samples)?;
            }
        }
        self.probes[0].replay().sample(1, &mut self.single)
    }

    /// The empty dispatch that waits for the one before it.
    pub fn empty(&self) -> &[Step] {
        self.probes[1].commands()
    }

    /// Mean seconds of a launch without and with a wait, and of a submission beyond its dispatch.
    pub fn means(&self) -> MeanGaps {
        let clock = clock_of(self.measured.iter().flatten());
        let more = f64::from(LAUNCHES[1] - LAUNCHES[0]);
        let gap = |at: usize| {
            let [short, long] = self.measured[at]
                .each_ref()
                .map(|each| mean(&each.timing(1, clock).samples).0);
            ((long - short) / more).max(0.0)
        };
        let launch = gap(0);
        MeanGaps {
            launch,
            dependent: gap(1),
            submission: (mean(&self.single.host).0 - launch).max(0.0),
        }
    }

    /// The costs by all samples.
    pub fn finish(&self) -> Gaps {
        let clock = clock_of(self.measured.iter().flatten());
        // The difference of two lengths has no cost of a submission, whichever clock.
        let more = LAUNCHES[1] - LAUNCHES[0];
        let gap = |at: usize| {
            let [short, long] = self.measured[at]
                .each_ref()
                .map(|each| each.timing(1, clock));
            let pairs = long.samples.iter().zip(&short.samples);
            let differences: Vec<f64> =
                pairs.map(|(long, short)| (long - short).max(0.0)).collect();
            let timing = KernelTiming::new(&differences, more, clock);
            let lowest = (long.lowest - short.lowest).max(0.0) / f64::from(more);
            peak(lowest, timing.seconds, &timing, &self.probes[at].name)
        };
        let launch = gap(0);
        let beyond = self.single.host.iter();
        let beyond: Vec<f64> = beyond.map(|s| (s - launch.value).max(0.0)).collect();
        let timing = KernelTiming::new(&beyond, 1, TimingClock::Host);
        Gaps {
            launch,
            dependent: gap(1),
            submission: peak(timing.lowest, timing.seconds, &timing, "one empty dispatch"),
        }
    }
}

/// Measures the costs of launches in about a second.
///
/// # Errors
/// As [`gap_probes`].
fn gaps(gpu: &Gpu) -> Result<Gaps, KernelError> {
    let mut samples = GapSamples::new(gpu)?;
    for _ in 0..GAP_PAIRS {
        samples.round()?;
    }
    Ok(samples.finish())
}
