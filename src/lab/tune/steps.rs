//! Whole training steps under several profiles, in turns.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::evidence::{Objective, Paired, WidthResult};
use super::race::{Runner, Samples, race, winner};
use super::{MARGIN, Model, TuneError, TuneOptions};
use crate::conformance::drawn;
use crate::device::Gpu;
use crate::energy::{Meter, WindowLength};
use crate::kernels::Tuning;
use crate::lab::{KernelTiming, TimingClock};
use crate::optim::Sgd;
use crate::program::{Order, Program, ProgramOptions};

/// Seconds of a sample of whole steps.
const SAMPLE_SECONDS: f64 = 0.1;
/// Turns of the paired run.
const TURNS: usize = 15;
/// Samples of each width in the first round.
const FIRST_ROUND: usize = 2;
/// Seconds of a window of energy, and the most that a slow sensor needs.
const WINDOW_SECONDS: (f64, f64) = (1.0, 4.0);

/// Runs whole steps.
pub struct Steps<'a> {
    gpu: &'a Gpu,
    meter: &'a Meter,
    options: &'a TuneOptions,
}

/// Programs of several profiles, and the steps of a sample of each.
struct Programs<'a> {
    programs: Vec<(Program<'a>, u32)>,
    meter: &'a Meter,
    objective: Objective,
}

impl Runner for Programs<'_> {
    fn sample(&mut self, at: usize) -> f64 {
        let (program, steps) = &mut self.programs[at];
        let mut run = || {
            let start = Instant::now();
            let trained = program.train(*steps, &AtomicBool::new(false), &mut |_| {});
            trained.map(|_| start.elapsed().as_secs_f64())
        };
        if self.objective == Objective::Time {
            return run().map_or(f64::INFINITY, |seconds| seconds / f64::from(*steps));
        }
        let window = self.meter.start();
        let (shortest, longest) = WINDOW_SECONDS;
        let mut length = WindowLength::between(shortest, longest);
        let (mut seconds, mut count) = (0.0, 0u64);
        loop {
            let Ok(more) = run() else {
                return f64::INFINITY;
            };
            seconds += more;
            count += u64::from(*steps);
            if !length.should_continue(&window) {
                break;
            }
        }
        let results = window.stop();
        let measured = results.iter().find_map(|row| row.measured());
        let joules = measured.and_then(|joules| joules.per(count));
        self.objective
            .cost(seconds / count as f64, joules.map(|each| each.joules()))
    }
}

impl<'a> Steps<'a> {
    /// Of a search.
    pub fn new(gpu: &'a Gpu, meter: &'a Meter, options: &'a TuneOptions) -> Self {
        Self {
            gpu,
            meter,
            options,
        }
    }

    fn programs(&self, model: &Model, profiles: &[Tuning]) -> Result<Programs<'a>, TuneError> {
        let mut programs: Vec<(Program<'a>, u32)> = vec![];
        for profile in profiles {
            let rule = Arc::new(Sgd::new(1e-4, 0.0, 0.0, false)?);
            let batch = self.options.batch_size;
            let options = ProgramOptions {
                order: Order::Sequential,
                ..ProgramOptions::new(batch, batch, rule, profile.clone())
            };
            let mut program = Program::new(self.gpu, &model.network, &model.data, &options)?;
            program.load(&drawn::weights(&model.network)?)?;
            // The first steps finish compiling.
            program.train(2, &AtomicBool::new(false), &mut |_| {})?;
            let start = Instant::now();
            program.train(2, &AtomicBool::new(false), &mut |_| {})?;
            let each = start.elapsed().as_secs_f64() / 2.0;
            let first = programs.first().map(|(_, steps)| *steps);
            let steps = (SAMPLE_SECONDS / each.max(1e-9)).clamp(1.0, 1000.0) as u32;
            programs.push((program, first.unwrap_or(steps)));
        }
        Ok(Programs {
            programs,
            meter: self.meter,
            objective: self.options.objective,
        })
    }

    /// Tries other values of one of the profile's widths and keeps the best.
    pub fn width(
        &mut self,
        model: &Model,
        profile: &mut Tuning,
        key: &str,
        progress: &mut dyn FnMut(&str),
    ) -> Result<WidthResult, TuneError> {
        progress(&format!("{}: {key}", model.name));
        let field = |profile: &mut Tuning, value: u32| match key {
            "lanes" => std::mem::replace(&mut profile.lanes, value),
            "reduction_lanes" => std::mem::replace(&mut profile.reduction_lanes, value),
            _ => std::mem::replace(&mut profile.fill, value),
        };
        let values: &[u32] = match key {
            "lanes" => &[32, 64, 128, 256],
            "reduction_lanes" => &[8, 32, 64, 256],
            _ => &[16, 64, 256],
        };
        let own = field(&mut profile.clone(), 0);
        let others = values.iter().copied().filter(|value| *value != own);
        let values: Vec<u32> = std::iter::once(own).chain(others).collect();
        let profiles: Vec<Tuning> = values
            .iter()
            .map(|value| {
                let mut with = profile.clone();
                field(&mut with, *value);
                with
            })
            .collect();
        let mut programs = self.programs(model, &profiles)?;
        let samples = race(&mut programs, profiles.len(), FIRST_ROUND);
        let best = winner(&samples, MARGIN);
        field(profile, values[best]);
        Ok(WidthResult {
            key: key.to_owned(),
            tried: values
                .iter()
                .copied()
                .zip(samples.iter().map(Samples::median))
                .collect(),
            chosen: values[best],
        })
    }

    /// Runs both profiles in turns; every second turn begins with the other one.
    pub fn paired(&mut self, model: &Model, found: &Tuning) -> Result<Paired, TuneError> {
        let profiles = [self.options.start.clone(), found.clone()];
        let mut programs = self.programs(model, &profiles)?;
        let mut costs = [vec![], vec![]];
        for turn in 0..TURNS {
            for at in [turn % 2, 1 - turn % 2] {
                costs[at].push(programs.sample(at));
            }
        }
        let [start, found] = costs;
        let ratios: Vec<f64> = start.iter().zip(&found).map(|(s, f)| f / s).collect();
        let ratio = KernelTiming::new(&ratios, 1, TimingClock::Host);
        let interval = ratio.ci();
        Ok(Paired {
            model: model.name.clone(),
            turns: TURNS,
            start: Samples(start).median(),
            found: Samples(found).median(),
            ratio: ratio.seconds,
            low: interval.as_ref().map_or(f64::NAN, |ci| ci.low),
            high: interval.as_ref().map_or(f64::INFINITY, |ci| ci.high),
        })
    }
}
