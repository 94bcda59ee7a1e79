//! Joules per FLOP and per byte, and standing power: kernels of several intensities, and a fit to their power.

use serde::{Deserialize, Serialize};

use crate::device::Gpu;
use crate::energy::{Interval, Meter, SourceResult, Unavailable};
use crate::lab::error::KernelError;
use crate::lab::metering::{Seconds, meter_replay};
use crate::lab::replay::SUBMISSION_SECONDS;

use super::fit::least_squares;
use super::kernels::{self, LANES, Place, STREAMS};
use super::peaks::{places, stream_bytes};
use super::probe::{Operand, Probe};

/// Multiply-adds of each quad that is read: 0.2 to 450 FLOPs per byte.
const INTENSITIES: [u32; 9] = [0, 1, 2, 4, 8, 24, 64, 256, 1024];

/// The energy of work: `joules = flops * per_flop + bytes * per_byte + seconds * standing_watts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyModel {
    /// The source, as `doctor` lists it.
    pub source: String,
    /// The part of the machine that it covers.
    pub scope: String,
    /// Joules per FLOP beyond standing power.
    pub joules_per_flop: f64,
    /// Its 95 % confidence interval.
    pub joules_per_flop_ci: Interval,
    /// Joules per byte beyond standing power.
    pub joules_per_byte: f64,
    /// Its 95 % confidence interval.
    pub joules_per_byte_ci: Interval,
    /// Watts of the device while it runs any kernel.
    pub standing_watts: f64,
    /// Their 95 % confidence interval.
    pub standing_watts_ci: Interval,
    /// Coefficient of determination of the fit to the power of every intensity.
    pub r_squared: f64,
    /// What it was fitted to.
    pub sweep: Vec<SweepPoint>,
}

/// One intensity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// FLOPs per byte.
    pub intensity: f64,
    /// FLOP/s.
    pub flops_per_second: f64,
    /// B/s.
    pub bytes_per_second: f64,
    /// Mean power.
    pub watts: f64,
    /// Its 95 % confidence interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// Seconds of the window.
    pub seconds: f64,
}

impl EnergyModel {
    /// FLOPs per byte at which arithmetic and memory cost the same energy; `None` where either is not significantly above 0.
    pub fn balance(&self) -> Option<f64> {
        let known = self.joules_per_flop_ci.low > 0.0 && self.joules_per_byte_ci.low > 0.0;
        known.then(|| self.joules_per_byte / self.joules_per_flop)
    }
}

/// Meters each intensity and fits the model; `Err` inside if no source measured them all.
pub(super) fn measure(
    gpu: &Gpu,
    meter: &Meter,
    seconds: f64,
    progress: &mut dyn FnMut(&str),
) -> Result<Result<EnergyModel, Unavailable>, KernelError> {
    if !meter.measures() {
        return Ok(Err(no_source(meter)));
    }
    let place = fastest_place(gpu)?;
    let mut windows: Vec<([f64; 2], f64, Vec<SourceResult>)> = Vec::new();
    for multiply_adds in INTENSITIES {
        progress(&format!("energy of {multiply_adds} multiply-adds per quad"));
        let probe = probe(gpu, place, multiply_adds)?;
        let each = (probe.replay().warm_up(SUBMISSION_SECONDS)? / 4).max(1);
        let known = windows.last().map_or(&[][..], |last| &last.2);
        let lengths = Seconds::of(seconds);
        let metered = meter_replay(meter, &probe.replay(), each, lengths, known, &mut |_| ())?;
        let launches = metered.dispatches as f64;
        let work = [
            launches * probe.work.flops as f64,
            launches * (probe.work.loaded_bytes + probe.work.stored_bytes) as f64,
        ];
        windows.push((work, metered.seconds, metered.energy));
    }
    Ok(fit(&windows))
}

/// Why there is no energy, from the reasons of the sources.
pub(crate) fn no_source(meter: &Meter) -> Unavailable {
    let sources = meter.sources();
    match sources.iter().find(|source| source.fix.is_some()) {
        Some(source) => Unavailable {
            reason: format!(
                "no energy source can be read: {}: {}",
                source.source,
                source.reason.clone().unwrap_or_default()
            ),
            fix: source.fix.clone(),
            undo: source.undo.clone(),
        },
        None => Unavailable::new("no energy source can be read")
            .with_fix("`wattgrad doctor` lists the reasons"),
    }
}

/// The place that streams fastest, by one short timing of each.
fn fastest_place(gpu: &Gpu) -> Result<Place, KernelError> {
    let mut best = (Place::Buffer, f64::INFINITY);
    for place in places(gpu) {
        let probe = probe(gpu, *place, 0)?;
        let (samples, times) = probe.time(1)?;
        let bytes = (probe.work.loaded_bytes + probe.work.stored_bytes) as f64;
        let each = samples.host[0] / f64::from(times) / bytes;
        if each < best.1 {
            best = (*place, each);
        }
    }
    Ok(best.0)
}

fn probe(gpu: &Gpu, place: Place, multiply_adds: u32) -> Result<Probe<'_>, KernelError> {
    // Intense kernels of all the memory would run for seconds on slow devices.
    let share = if multiply_adds > 24 { 16 } else { 1 };
    let bytes = stream_bytes(gpu, place) / share;
    let invocations = (bytes / 16) as u32 / STREAMS;
    let operands = [
        Operand::Read(place, bytes),
        Operand::Write(Place::Buffer, u64::from(invocations) * 16),
    ];
    let text = kernels::intensity(place, multiply_adds);
    let name = format!("{multiply_adds} multiply-adds per quad");
    Probe::new(gpu, name, &text, &operands, invocations / LANES, 0)
}

/// Fits the first source that measured every window.
fn fit(windows: &[([f64; 2], f64, Vec<SourceResult>)]) -> Result<EnergyModel, Unavailable> {
    let first = windows.first().map_or(&[][..], |window| &window.2);
    let measured = |source: &str, results: &[SourceResult]| {
        let found = results.iter().find(|result| result.source == source)?;
        Some((found.watts()?, found.measured()?.ci(), found.seconds?))
    };
    for source in first {
        let all: Option<Vec<SweepPoint>> = windows
            .iter()
            .map(|([flops, bytes], _, results)| {
                let (watts, ci, seconds) = measured(&source.source, results)?;
                Some(SweepPoint {
                    intensity: flops / bytes,
                    flops_per_second: flops / seconds,
                    bytes_per_second: bytes / seconds,
                    watts,
                    ci: ci.map(|ci| ci.over(seconds)),
                    seconds,
                })
            })
            .collect();
        let Some(sweep) = all else { continue };
        let rows: Vec<([f64; 3], f64)> = sweep
            .iter()
            .map(|point| {
                let x = [point.flops_per_second, point.bytes_per_second, 1.0];
                (x, point.watts)
            })
            .collect();
        let Some(fit) = least_squares(&rows) else {
            return Err(Unavailable::new(
                "the power of the intensities does not tell FLOPs and bytes apart",
            ));
        };
        let ([flop, byte, standing], [flop_ci, byte_ci, standing_ci]) = (fit.coefficients, fit.ci);
        return Ok(EnergyModel {
            source: source.source.clone(),
            scope: source.scope.name().to_owned(),
            joules_per_flop: flop,
            joules_per_flop_ci: flop_ci,
            joules_per_byte: byte,
            joules_per_byte_ci: byte_ci,
            standing_watts: standing,
            standing_watts_ci: standing_ci,
            r_squared: fit.r_squared,
            sweep,
        });
    }
    let reason = windows
        .iter()
        .flat_map(|window| &window.2)
        .find_map(|result| result.reason.as_ref().map(|why| (&result.source, why)));
    Err(match reason {
        Some((source, why)) => Unavailable::new(format!(
            "no source measured every intensity: {source}: {why}"
        )),
        None => Unavailable::new("no source measured every intensity"),
    })
}
