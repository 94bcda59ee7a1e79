//! The search for the fastest, or cheapest, variants and tiles of a device.
//!
//! Every candidate is first checked against the oracle. The products of a network are then timed alone, class by class, the
//! widths of the other kernels by whole steps; the profile found replaces the one at the start only if whole steps of it
//! are not slower, run in turns, and if its losses follow PyTorch's.

mod candidates;
mod evidence;
mod products;
mod race;
mod steps;

use std::collections::BTreeMap;
use std::time::Instant;

pub use candidates::Class;
pub use evidence::{CandidateResult, ClassResult, Objective, Paired, Tuned, WidthResult, Wrong};
pub use race::Samples;

use crate::conformance::{Reference, check_rule, drawn, references};
use crate::data::Dataset;
use crate::device::{AdapterKind, Gpu, PipelineCache};
use crate::energy::Meter;
use crate::kernels::{GemmCore, GemmRule, Shape, Storage, Tuning};
use crate::model::{Network, presets};
use steps::Steps;

pub use crate::conformance::TrainingError as TuneError;

/// A candidate replaces the start only where it is cheaper by this share.
const MARGIN: f64 = 0.03;
/// Whole steps of the profile found may cost at most this share more, at the upper end of the interval.
const TOLERANCE: f64 = 0.02;

/// What to tune.
#[derive(Clone, Debug)]
pub struct TuneOptions {
    /// What shall be low.
    pub objective: Objective,
    /// The presets whose steps are tuned.
    pub models: Vec<String>,
    /// Samples of a step.
    pub batch_size: u32,
    /// Shape of a sample; `None`: of each preset that of [`references`].
    pub shape: Option<Vec<usize>>,
    /// The cores to try; empty: all of them, and the widths of the other kernels.
    pub cores: Vec<GemmCore>,
    /// The profile to improve.
    pub start: Tuning,
    /// No further part of the search begins after so many seconds.
    pub budget: f64,
}

/// A preset to tune for.
struct Model {
    name: String,
    network: Network,
    data: Dataset,
}

/// Searches a profile. `progress` is called with what is tried next.
///
/// # Errors
/// A preset cannot be trained, or the device failed.
pub fn tune(
    gpu: &Gpu,
    meter: &Meter,
    options: &TuneOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<Tuned, TuneError> {
    let begun = Instant::now();
    let late = || begun.elapsed().as_secs_f64() > options.budget;
    let models = models(options)?;
    let start = &options.start;
    let software = gpu.adapter.kind == AdapterKind::Cpu;
    let mut pipelines = PipelineCache::new(gpu);

    progress("candidates against the oracle");
    let mut wrong = vec![];
    let mut rules = vec![];
    let mut judged: Vec<(GemmRule, bool)> = vec![];
    let chosen = |rule: &GemmRule| options.cores.is_empty() || options.cores.contains(&rule.core);
    for rule in candidates::grid(start, software).into_iter().filter(chosen) {
        if late() {
            break;
        }
        let key = checked_as(&rule);
        if let Some((_, right)) = judged.iter().find(|(checked, _)| *checked == key) {
            rules.extend(right.then_some(rule));
            continue;
        }
        let (findings, back) = check_rule(gpu, pipelines, &rule, storage(start));
        pipelines = back;
        gpu.check().map_err(crate::program::ProgramError::from)?;
        judged.push((key, findings.failures.is_empty()));
        match findings.failures.first() {
            Some(first) => wrong.push(Wrong {
                rule,
                first: first.to_string(),
            }),
            None => rules.push(rule),
        }
    }

    let mut products = vec![];
    for model in &models {
        if late() {
            break;
        }
        let found = products::search(
            (gpu, &mut pipelines, meter),
            model,
            options,
            &rules,
            &late,
            progress,
        )?;
        products.extend(found);
    }
    let chosen: BTreeMap<Class, GemmRule> = products
        .iter()
        .filter_map(|found| Some((found.class, found.rule.clone()?)))
        .collect();
    let mut gemm = candidates::ordered(&chosen);
    gemm.extend(start.gemm.iter().cloned());
    let mut profile = Tuning {
        gemm,
        ..start.clone()
    };
    let mut steps = Steps::new(gpu, meter, options);
    let mut widths = vec![];
    for width in ["lanes", "reduction_lanes", "fill"] {
        if late() || !options.cores.is_empty() {
            break;
        }
        let found = steps.width(&models[0], &mut profile, width, progress)?;
        widths.push(found);
    }
    profile.name = name(start, options.objective, &profile);
    let mut paired = vec![];
    let mut changed = profile.gemm != start.gemm
        || [profile.lanes, profile.reduction_lanes, profile.fill]
            != [start.lanes, start.reduction_lanes, start.fill];
    if changed {
        for model in &models {
            progress(&format!("{}: whole steps in turns", model.name));
            paired.push(steps.paired(model, &profile)?);
        }
        // Not dearer for any model, and cheaper for one.
        let no_loss = paired
            .iter()
            .all(|p| p.ratio <= 1.0 && p.high <= 1.0 + TOLERANCE);
        changed = no_loss && paired.iter().any(|p| p.high < 1.0);
    }
    let mut followed = vec![];
    if changed {
        for reference in of_models(&models) {
            progress(&format!("{}: losses against PyTorch", reference.preset));
            followed.push(reference.follow(gpu, &profile)?);
        }
        changed = followed.iter().all(|f| f.failure.is_none());
    }
    pipelines.save();
    Ok(Tuned {
        objective: options.objective,
        models: options.models.clone(),
        batch_size: options.batch_size,
        start: start.name.clone(),
        wrong,
        products,
        widths,
        paired,
        followed,
        changed,
        profile: if changed { profile } else { start.clone() },
        seconds: begun.elapsed().as_secs_f64(),
        out_of_time: late(),
    })
}

/// Where the tensors of a program with this profile are stored, if they can.
fn storage(profile: &Tuning) -> Storage {
    match profile.texel {
        Some(_) => Storage::Image,
        None => Storage::Buffer,
    }
}

/// What the check of a rule depends on: it runs whole and split sums, whatever the rule allows.
fn checked_as(rule: &GemmRule) -> GemmRule {
    GemmRule {
        max_split: 1,
        ..rule.clone()
    }
}

fn of_models(models: &[Model]) -> impl Iterator<Item = &'static Reference> {
    let named = |r: &&Reference| models.iter().any(|model| model.name == r.preset);
    references().iter().filter(named)
}

/// A name that differs where the rules do: `texel-time-3fa1`.
fn name(start: &Tuning, objective: Objective, profile: &Tuning) -> String {
    let text = toml::to_string(profile).unwrap_or_default();
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{}-{}-{:04x}", start.name, objective.name(), sum & 0xffff)
}

fn models(options: &TuneOptions) -> Result<Vec<Model>, TuneError> {
    let each = options.models.iter().map(|name| {
        let reference = references().iter().find(|r| r.preset == *name);
        let shape = options.shape.clone();
        let shape = shape.or_else(|| reference.map(|r| r.shape.clone()));
        let shape = shape.unwrap_or_else(|| vec![1, 28, 28]);
        let classes = reference.map_or(10, |r| r.classes);
        let sizes: Vec<u32> = shape.iter().map(|n| *n as u32).collect();
        let input = match sizes[..] {
            [channels, length] => Shape::from([channels, length]),
            [channels, height, width] => Shape::from([channels, height, width]),
            _ => Shape::vector(sizes.iter().product()),
        };
        Ok(Model {
            name: name.clone(),
            network: presets::by_name(name, input, classes as u32)?,
            data: drawn::samples(2 * options.batch_size as usize, &shape, classes)?,
        })
    });
    each.collect()
}
