//! What a study will take at most, from a few timed steps of each distinct program.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::StudyError;
use super::spec::Study;
use crate::data::Dataset;
use crate::device::Gpu;
use crate::energy::{Meter, MeterOptions, Scope, Status};
use crate::program::Program;
use crate::train::{Regime, TrainError, Trainer, target};

/// Steps are timed for so long; where joules are measured, for as long as most sources need for a figure.
const TIMED: Duration = Duration::from_secs(1);
const METERED: Duration = Duration::from_secs(6);

/// One program, which cells share that differ in values it is given at run time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgramEstimate {
    /// Name of the network.
    pub model: String,
    /// Samples of a step.
    pub batch_size: u32,
    /// Cells that run it.
    pub cells: usize,
    /// Runs of it, those that confirm left out.
    pub runs: usize,
    /// Seconds of a step.
    pub step_seconds: f64,
    /// Seconds of an evaluation.
    pub evaluation_seconds: f64,
    /// Seconds before the first step.
    pub startup_seconds: f64,
    /// Steps of a run that spends its budget.
    pub steps: u64,
    /// Evaluations of such a run.
    pub evaluations: u64,
    /// Seconds of such a run.
    pub seconds: f64,
    /// Floating-point operations of its training.
    pub flops: f64,
}

/// Joules of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergyEstimate {
    /// The instrument.
    pub source: String,
    /// What it covers.
    pub scope: Scope,
    /// Whether it is measured or assumed.
    pub status: Status,
    /// Programs of which it told watts; of the others no joules are counted.
    pub programs: usize,
    /// Mean watts over the runs of these programs.
    pub watts: f64,
    /// Joules of the runs of these programs.
    pub joules: f64,
}

/// What a study takes where every run spends its whole budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Runs, those that confirm included.
    pub runs: usize,
    /// Of them, those that confirm; they are counted as runs of the dearest program.
    pub confirming: usize,
    /// Seconds of all.
    pub seconds: f64,
    /// Floating-point operations of all training.
    pub flops: f64,
    /// Each distinct program.
    pub programs: Vec<ProgramEstimate>,
    /// Joules, a row a source; empty where nothing measures and nothing is assumed.
    pub energy: Vec<EnergyEstimate>,
}

/// Opens every data set of the study and holds every cell against its own.
///
/// # Errors
/// [`TrainError`] of the first cell that does not fit.
pub fn check_data(study: &Study) -> Result<(), StudyError> {
    let mut opened: HashMap<&str, Dataset> = HashMap::new();
    for cell in &study.cells {
        let regime = &cell.regime;
        if !opened.contains_key(regime.data.as_str()) {
            opened.insert(&regime.data, regime.open_data()?);
        }
        let data = &opened[regime.data.as_str()];
        regime.check_data(data).map_err(TrainError::from)?;
        regime.build_network(data)?;
    }
    Ok(())
}

/// Times each distinct program of `study` and says what its runs take at most; nothing is kept.
///
/// # Errors
/// As for a run of its cells.
pub fn estimate(gpu: &Gpu, study: &Study, meter: &MeterOptions) -> Result<Estimate, StudyError> {
    let meter = Meter::open(meter, Some(&target(&gpu.adapter))).map_err(TrainError::from)?;
    let mut cells_of: Vec<(Regime, Vec<usize>)> = Vec::new();
    for (at, cell) in study.cells.iter().enumerate() {
        let key = cell.regime.program_key();
        match cells_of.iter_mut().find(|(seen, _)| *seen == key) {
            Some((_, cells)) => cells.push(at),
            None => cells_of.push((key, vec![at])),
        }
    }
    let plan = study.plan();
    let mut programs = Vec::new();
    let mut told: Vec<Vec<Drawn>> = Vec::new();
    for (regime, cells) in cells_of {
        let runs = plan.iter().filter(|run| cells.contains(&run.cell)).count();
        let (mut one, drawn) = time(gpu, study, &regime, &meter)?;
        one.cells = cells.len();
        one.runs = runs;
        programs.push(one);
        told.push(drawn);
    }
    let reference = usize::from(study.reference.is_some());
    let confirming = study.confirm as usize * (2 + reference).min(study.cells.len());
    let dearest = programs.iter().map(|one| one.seconds).fold(0.0, f64::max);
    let most_flops = programs.iter().map(|one| one.flops).fold(0.0, f64::max);
    let sum = |of: fn(&ProgramEstimate) -> f64| {
        programs
            .iter()
            .map(|one| of(one) * one.runs as f64)
            .sum::<f64>()
    };
    // Each program's seconds, those of the runs that confirm with the dearest.
    let mut left = confirming as f64;
    let seconds_of: Vec<f64> = programs
        .iter()
        .map(|one| {
            let more = if one.seconds == dearest {
                std::mem::take(&mut left)
            } else {
                0.0
            };
            one.seconds * (one.runs as f64 + more)
        })
        .collect();
    let energy = energy(&told, &seconds_of);
    Ok(Estimate {
        runs: plan.len() + confirming,
        confirming,
        seconds: seconds_of.iter().sum(),
        flops: sum(|one| one.flops) + most_flops * confirming as f64,
        programs,
        energy,
    })
}

/// What a source told of one program.
#[derive(Clone, Debug)]
struct Drawn {
    source: String,
    scope: Scope,
    status: Status,
    watts: f64,
}

/// Joules of every source over the programs of which it `told` watts, each for its `seconds`.
fn energy(told: &[Vec<Drawn>], seconds: &[f64]) -> Vec<EnergyEstimate> {
    // The seconds that its joules are of stand beside each.
    let mut found: Vec<(EnergyEstimate, f64)> = Vec::new();
    for (drawn, seconds) in told.iter().zip(seconds) {
        for row in drawn {
            let joules = row.watts * seconds;
            let known = found
                .iter_mut()
                .find(|(seen, _)| seen.source == row.source && seen.status == row.status);
            match known {
                Some((seen, of)) => {
                    seen.joules += joules;
                    seen.programs += 1;
                    *of += seconds;
                }
                None => found.push((
                    EnergyEstimate {
                        source: row.source.clone(),
                        scope: row.scope,
                        status: row.status,
                        programs: 1,
                        watts: 0.0,
                        joules,
                    },
                    *seconds,
                )),
            }
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
) -> Result<(ProgramEstimate, Vec<Drawn>), StudyError> {
    let begun = Instant::now();
    let mut program = Trainer::new(gpu, regime.clone())?.program()?;
    let startup_seconds = begun.elapsed().as_secs_f64();
    // The first step compiles what the driver left.
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
        .steps(regime.batch_size, program.steps_per_epoch());
    let batch = u64::from(regime.batch_size);
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
    let list = program.summary();
    let flops: u64 = list
        .lists
        .iter()
        .filter(|list| list.name != "evaluate")
        .map(|list| list.flops)
        .sum();
    let drawn = rows
        .iter()
        .filter(|row| matches!(row.status, Status::Measured | Status::Assumed))
        .filter_map(|row| {
            Some(Drawn {
                source: row.source.clone(),
                scope: row.scope,
                status: row.status,
                watts: row.watts()?,
            })
        })
        .collect();
    let one = ProgramEstimate {
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
    Ok((one, drawn))
}

/// Trains for `at_least`, one step at the least: how many steps, in how many seconds.
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

    fn drawn(source: &str, watts: f64) -> Drawn {
        Drawn {
            source: source.into(),
            scope: Scope::Board,
            status: Status::Measured,
            watts,
        }
    }

    #[test]
    fn joules_are_those_of_the_programs_that_were_told() {
        let told = [
            vec![drawn("a", 100.0), drawn("b", 10.0)],
            vec![drawn("a", 50.0)],
        ];
        let rows = energy(&told, &[10.0, 30.0]);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.source.as_str(), row.programs, row.watts, row.joules))
            .collect();
        // Ten watts over all forty seconds would be as wrong as a mean of the two over them.
        assert_eq!(shown, [("a", 2, 62.5, 2500.0), ("b", 1, 10.0, 100.0)]);
    }
}
