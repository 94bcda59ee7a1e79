//! Estimates what a study takes at most, from a few timed steps of each distinct program.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::StudyError;
use super::shard::Shard;
use super::spec::Study;
use crate::data::{DataOptions, Dataset};
use crate::device::Gpu;
use crate::energy::{Meter, MeterOptions, Scope, Status};
use crate::program::Program;
use crate::train::{Regime, TrainError, Trainer, metered_device};

/// How long steps are timed; with a meter, as long as most sources need for a figure.
const TIMED: Duration = Duration::from_secs(1);
const METERED: Duration = Duration::from_secs(6);

/// One program. Cells that differ only in values given at run time share it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgramEstimate {
    pub model: String,
    pub batch_size: u32,
    /// Cells that run it.
    pub cells: usize,
    /// Its runs, without those that confirm.
    pub runs: usize,
    pub step_seconds: f64,
    pub evaluation_seconds: f64,
    /// Seconds before the first step.
    pub startup_seconds: f64,
    /// Steps, evaluations, seconds and training FLOPs of a run that spends its budget.
    pub steps: u64,
    pub evaluations: u64,
    pub seconds: f64,
    pub flops: f64,
}

/// Joules of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergyEstimate {
    pub source: String,
    pub scope: Scope,
    /// Measured or assumed.
    pub status: Status,
    /// Programs whose power it measured; joules of the others are not counted.
    pub programs: usize,
    /// Mean power over the runs of these programs.
    pub watts: f64,
    /// Joules of the runs of these programs.
    pub joules: f64,
}

/// What a study takes if every run spends its whole budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Runs, with those that confirm.
    pub runs: usize,
    /// Runs that confirm; they are counted as runs of the most expensive program.
    pub confirming: usize,
    pub seconds: f64,
    /// Floating-point operations of all training.
    pub flops: f64,
    pub programs: Vec<ProgramEstimate>,
    /// One per source that measures or assumes.
    pub energy: Vec<EnergyEstimate>,
}

/// Opens every data set of the study and checks every cell against its data.
///
/// # Errors
/// [`TrainError`] of the first cell that does not fit.
pub fn check_data(study: &Study) -> Result<(), StudyError> {
    if let Some(pretraining) = &study.pretrain {
        check_data(pretraining)?;
    }
    let mut opened: HashMap<(&str, DataOptions), Dataset> = HashMap::new();
    for cell in &study.cells {
        let regime = &cell.regime;
        let data = match opened.entry((&regime.data, regime.data_options())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(regime.read_whole(&mut |_| ())?),
        };
        let data = regime.select(data.clone())?;
        regime.check_data(&data).map_err(TrainError::from)?;
        for task in study.target.tasks.keys() {
            data.task(task).map_err(TrainError::from)?;
        }
        regime.build_network(&data)?;
    }
    Ok(())
}

/// Times each distinct program of `study`, or of one shard of it, and computes what its runs take at most. Nothing is
/// saved.
///
/// # Errors
/// As for a run of its cells.
pub fn estimate(
    gpu: &Gpu,
    study: &Study,
    shard: Option<Shard>,
    meter: &MeterOptions,
) -> Result<Estimate, StudyError> {
    let own = estimate_own(gpu, study, shard, meter)?;
    Ok(match &study.pretrain {
        Some(pretraining) => own.plus(estimate_own(gpu, pretraining, None, meter)?),
        None => own,
    })
}

impl Estimate {
    /// With the pretraining runs.
    fn plus(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.seconds += other.seconds;
        self.flops += other.flops;
        self.programs.extend(other.programs);
        for row in other.energy {
            let mut rows = self.energy.iter_mut();
            match rows.find(|own| own.source == row.source && own.status == row.status) {
                Some(own) => {
                    let seconds = own.joules / own.watts + row.joules / row.watts;
                    own.joules += row.joules;
                    own.watts = own.joules / seconds;
                    own.programs += row.programs;
                }
                None => self.energy.push(row),
            }
        }
        self
    }
}

fn estimate_own(
    gpu: &Gpu,
    study: &Study,
    shard: Option<Shard>,
    meter: &MeterOptions,
) -> Result<Estimate, StudyError> {
    let meter =
        Meter::open(meter, Some(&metered_device(&gpu.adapter))).map_err(TrainError::from)?;
    let mut plan = study.plan();
    plan.retain(|run| shard.is_none_or(|shard| shard.contains(&run.id)));
    let mut cells_of: Vec<(Regime, Vec<usize>)> = Vec::new();
    for (at, cell) in study.cells.iter().enumerate() {
        if shard.is_some() && !plan.iter().any(|run| run.cell == at) {
            continue;
        }
        let key = cell.regime.program_key();
        match cells_of.iter_mut().find(|(seen, _)| *seen == key) {
            Some((_, cells)) => cells.push(at),
            None => cells_of.push((key, vec![at])),
        }
    }
    let mut programs = Vec::new();
    let mut power: Vec<Vec<Power>> = Vec::new();
    for (regime, cells) in cells_of {
        let (mut program, measured) = time(gpu, study, &regime, &meter)?;
        program.cells = cells.len();
        program.runs = plan.iter().filter(|run| cells.contains(&run.cell)).count();
        programs.push(program);
        power.push(measured);
    }
    let reference = usize::from(study.reference.is_some());
    let confirming = match shard {
        Some(_) => 0,
        None => study.confirm as usize * (2 + reference).min(study.cells.len()),
    };
    let longest = programs.iter().map(|one| one.seconds).fold(0.0, f64::max);
    let most_flops = programs.iter().map(|one| one.flops).fold(0.0, f64::max);
    let flops = programs.iter().map(|one| one.flops * one.runs as f64);
    let flops = flops.sum::<f64>() + most_flops * confirming as f64;
    // The confirming runs count for the first of the longest programs.
    let mut left = confirming as f64;
    let seconds_of: Vec<f64> = programs
        .iter()
        .map(|one| {
            let confirming = match one.seconds == longest {
                true => std::mem::take(&mut left),
                false => 0.0,
            };
            one.seconds * (one.runs as f64 + confirming)
        })
        .collect();
    Ok(Estimate {
        runs: plan.len() + confirming,
        confirming,
        seconds: seconds_of.iter().sum(),
        flops,
        energy: energy(&power, &seconds_of),
        programs,
    })
}

/// Power of a source while one program ran.
#[derive(Clone, Debug)]
struct Power {
    source: String,
    scope: Scope,
    status: Status,
    watts: f64,
}

/// Joules of every source over the programs whose power it measured, each for its seconds.
fn energy(power: &[Vec<Power>], seconds: &[f64]) -> Vec<EnergyEstimate> {
    // With the seconds of these programs.
    let mut found: Vec<(EnergyEstimate, f64)> = Vec::new();
    for (sources, seconds) in power.iter().zip(seconds) {
        for row in sources {
            let known = found
                .iter()
                .position(|(seen, _)| seen.source == row.source && seen.status == row.status);
            let at = known.unwrap_or_else(|| {
                let new = EnergyEstimate {
                    source: row.source.clone(),
                    scope: row.scope,
                    status: row.status,
                    programs: 0,
                    watts: 0.0,
                    joules: 0.0,
                };
                found.push((new, 0.0));
                found.len() - 1
            });
            let (estimate, total) = &mut found[at];
            estimate.joules += row.watts * seconds;
            estimate.programs += 1;
            *total += seconds;
        }
    }
    let mean = |(mut row, seconds): (EnergyEstimate, f64)| {
        row.watts = row.joules / seconds;
        row
    };
    found.into_iter().map(mean).collect()
}

fn time(
    gpu: &Gpu,
    study: &Study,
    regime: &Regime,
    meter: &Meter,
) -> Result<(ProgramEstimate, Vec<Power>), StudyError> {
    let begun = Instant::now();
    let mut program = Trainer::new(gpu, regime.clone())?
        .goal(study.goal())
        .program()?;
    let startup_seconds = begun.elapsed().as_secs_f64();
    // Drivers compile in the first step.
    steps(&mut program, Duration::ZERO)?;
    let measured = meter.measures();
    let assumed = || {
        meter
            .sources()
            .iter()
            .any(|one| one.status == Status::Assumed)
    };
    let window = (measured || assumed()).then(|| meter.start());
    let (done, seconds) = steps(&mut program, if measured { METERED } else { TIMED })?;
    let rows = window.map(|window| window.stop()).unwrap_or_default();
    program.evaluate().map_err(TrainError::from)?;
    let begun = Instant::now();
    program.evaluate().map_err(TrainError::from)?;
    let evaluation_seconds = begun.elapsed().as_secs_f64();

    let step_seconds = seconds / f64::from(done.max(1));
    let goal = study.goal();
    let mut most = goal
        .budget
        .steps(regime.step_samples(), program.steps_per_epoch());
    let batch = u64::from(regime.step_samples());
    let evaluations = |steps: u64| steps.saturating_mul(batch) / goal.every_samples.max(1);
    let run =
        |steps: u64| steps as f64 * step_seconds + evaluations(steps) as f64 * evaluation_seconds;
    if let Some(limit) = goal.budget.seconds
        && run(most) > limit
    {
        let share =
            step_seconds + evaluation_seconds * batch as f64 / goal.every_samples.max(1) as f64;
        most = (limit / share) as u64;
    }
    let flops = program.summary().step_flops();
    let power = rows
        .iter()
        .filter(|row| matches!(row.status, Status::Measured | Status::Assumed))
        .filter_map(|row| {
            Some(Power {
                source: row.source.clone(),
                scope: row.scope,
                status: row.status,
                watts: row.watts()?,
            })
        })
        .collect();
    let program = ProgramEstimate {
        model: regime.model.clone(),
        batch_size: regime.batch_size,
        cells: 0,
        runs: 0,
        step_seconds,
        evaluation_seconds,
        startup_seconds,
        steps: most,
        evaluations: evaluations(most),
        seconds: startup_seconds + run(most),
        flops: flops as f64 * most as f64,
    };
    Ok((program, power))
}

/// Trains for `at_least`, at least one step. Returns the steps and their seconds.
fn steps(program: &mut Program<'_>, at_least: Duration) -> Result<(u32, f64), TrainError> {
    let halt = AtomicBool::new(false);
    let begun = Instant::now();
    let most = if at_least.is_zero() { 1 } else { u32::MAX };
    let done = program.train(most, &halt, &mut |_| {
        halt.store(begun.elapsed() >= at_least, Ordering::Relaxed);
    })?;
    Ok((done, begun.elapsed().as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joules_are_those_of_the_programs_whose_power_was_measured() {
        let power = |source: &str, watts: f64| Power {
            source: source.into(),
            scope: Scope::Board,
            status: Status::Measured,
            watts,
        };
        let measured = [
            vec![power("a", 100.0), power("b", 10.0)],
            vec![power("a", 50.0)],
        ];
        let rows = energy(&measured, &[10.0, 30.0]);
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.source.as_str(), row.programs, row.watts, row.joules))
            .collect();
        // 10 W over all 40 s would be as wrong as a mean of the two over them.
        assert_eq!(rows, [("a", 2, 62.5, 2500.0), ("b", 1, 10.0, 100.0)]);
    }
}
