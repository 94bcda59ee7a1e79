//! A metered training run from outside: an outside meter at 100 W, and what the record makes of it.
#![cfg(all(unix, feature = "cli"))]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use wattgrad::Record;
use wattgrad::internals::energy::{
    Calibration, IdlePower, Interval, MeterOptions, Method, RawUnit, SensorModel, SensorSpec,
    Status,
};
use wattgrad::internals::train::{Derivation, EnergyFigure, Phase, PhaseEnergy};

const WATTS: f64 = 100.0;
/// Ticks that an interval needs for a figure of its own.
const DIRECT_TICKS: u64 = 50;
/// Seconds a step are those of the run, joules a step those of the window after it: in between a machine that others
/// use as well changes its pace by more than the 2 % of an idle one. An error of what is counted (a submit, an
/// evaluation, a factor of two) is larger.
const PACE: f64 = 0.35;
/// What the stages around the run itself take of it: the clock is read on both sides of the window's.
const EDGES_SECONDS: f64 = 0.05;

/// The stand-in meter, compiled, for as long as it lives.
fn stand_in() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("power");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/power.c");
    let status = Command::new("cc")
        .args(["-O1", "-o"])
        .args([&program, &source])
        .status()
        .expect("a C compiler `cc`, which linking Rust needs as well");
    assert!(status.success(), "the stand-in meter does not compile");
    let name = format!("cmd:exec '{}'", program.display());
    (folder, name)
}

fn train(steps: u32, tick_ms: u32) -> Record {
    train_at_rest(steps, tick_ms, None)
}

/// Keeps a calibration of `meter` in the cache folder `cache`.
fn calibrated(meter: &str, idle: IdlePower, cache: &Path) {
    let options = MeterOptions {
        calibrations: Some(cache.join("wattgrad/calibrations")),
        ..Default::default()
    };
    let known = SensorModel {
        idle: Some(idle),
        ..SensorModel::uncalibrated(&SensorSpec::energy(RawUnit::Microjoule, 1e6, 0.0))
    };
    let calibration = Calibration::new(&format!("{meter} joules"), known, None);
    calibration.store(&options).unwrap();
}

/// One training at a time: beside another a run has neither its pace nor its length.
static ALONE: Mutex<()> = Mutex::new(());

/// With a calibration of the meter that saw these watts at rest.
fn train_at_rest(steps: u32, tick_ms: u32, idle: Option<IdlePower>) -> Record {
    train_with(steps, tick_ms, idle, &[])
}

fn train_with(steps: u32, tick_ms: u32, idle: Option<IdlePower>, more: &[&str]) -> Record {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, meter) = stand_in();
    let meter = format!("{meter} {tick_ms}");
    let record = folder.path().join("run.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    if let Some(idle) = idle {
        calibrated(&meter, idle, folder.path());
        // The driver's own cache of kernels is there too, and empty: such a run warms up for longer.
        command.env("XDG_CACHE_HOME", folder.path());
    }
    let output = command
        .args(["train", "--data", "digits", "--model", "mlp"])
        .args(["--max-steps", &steps.to_string(), "--meter", &meter])
        .args(["--meter-unit", "joules", "--record"])
        .arg(&record)
        .args(more)
        .env_remove("WATTGRAD_METER")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let record = Record::read(&record).unwrap();
    follows(&record);
    record
}

/// Every figure follows from what the record kept.
fn follows(record: &Record) {
    let again = record.recompute().unwrap();
    let told: Vec<_> = [
        &record.energy_per_step,
        &record.energy_per_evaluation,
        &record.energy_to_end,
    ]
    .into_iter()
    .flatten()
    .collect();
    let found: Vec<_> = [&again.per_step, &again.per_evaluation, &again.to_end]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(told, found);
    assert_eq!(record.energy_by_phase.len(), again.by_phase.len());
    for (told, found) in record.energy_by_phase.iter().zip(&again.by_phase) {
        let mut found = found.clone();
        // A record keeps no reason that a warm-up was none.
        found.reason.clone_from(&told.reason);
        assert_eq!(told, &found);
    }
}

fn figure(figures: &[EnergyFigure], derivation: Derivation) -> Option<&EnergyFigure> {
    figures
        .iter()
        .find(|figure| figure.derivation == derivation)
}

fn phase(record: &Record, phase: Phase) -> Option<&PhaseEnergy> {
    let mut phases = record.energy_by_phase.iter();
    phases.find(|row| row.phase == phase)
}

/// The joules of a phase, 0 where it has only a reason.
fn joules(record: &Record, of: Phase) -> f64 {
    let row = phase(record, of).unwrap_or_else(|| panic!("no {of:?}"));
    assert_eq!(row.joules.is_some(), row.reason.is_none(), "{row:?}");
    assert_eq!(row.joules.is_some(), row.status == Status::Measured);
    row.joules.unwrap_or(0.0)
}

/// What is before the first step, and what of the run's window adds up to it.
fn phases(record: &Record) {
    let before = joules(record, Phase::Compile) + joules(record, Phase::StartUp);
    let most = WATTS * record.durations.startup_seconds;
    assert!(before > 0.0 && before < most, "{before} J of {most} J");
    // Kernels are compiled, and little else is done, while the program is built.
    let compile = phase(record, Phase::Compile).unwrap();
    let kernels = WATTS * record.durations.compile_seconds;
    let interval = compile.ci.unwrap();
    assert!(
        kernels <= interval.high && interval.low <= most,
        "{kernels} J: {compile:?}"
    );

    let run = [Phase::WarmUp, Phase::Train, Phase::Evaluate, Phase::Rest];
    let sum: f64 = run.iter().map(|&of| joules(record, of)).sum();
    let whole = record.energy[0].joules.unwrap();
    assert!((sum - whole).abs() < 1e-6 * whole, "{sum} J of {whole} J");
    let idle = phase(record, Phase::Idle).unwrap();
    assert!(idle.contained && idle.joules.is_none());
    assert!(idle.reason.as_ref().unwrap().contains("calibrate"));
    assert!(
        record
            .energy_by_phase
            .iter()
            .all(|row| row.contained == (row.phase == Phase::Idle))
    );
}

/// Half of the figure's interval of repeatability.
fn half(figure: &EnergyFigure) -> f64 {
    figure.ci.as_ref().unwrap().half()
}

#[track_caller]
fn near(figure: &EnergyFigure, truth: f64, more: f64) {
    let off = (figure.joules - truth).abs();
    assert!(
        off <= half(figure) + more,
        "{truth} J are {off} J from {figure:?}"
    );
}

/// The joules of the run's row and of a step, which both runs have.
fn row_and_step(record: &Record) {
    assert_eq!(record.energy.len(), 1, "{:?}", record.energy);
    let row = &record.energy[0];
    assert_eq!(
        (row.status, row.method),
        (Status::Measured, Method::Counter),
        "{row}"
    );
    let truth = WATTS * row.seconds.unwrap();
    let interval = row.ci().unwrap();
    assert!(
        interval.low <= truth && truth <= interval.high,
        "{truth} J are not in {interval:?}"
    );
    let times = &record.durations;
    let off = row.seconds.unwrap() - times.training_seconds - times.evaluation_seconds;
    assert!(
        (0.0..EDGES_SECONDS + 0.1 * row.seconds.unwrap()).contains(&off),
        "{off} s"
    );

    let evaluation = figure(&record.energy_per_evaluation, Derivation::Window).unwrap();
    assert!(evaluation.joules > 0.0);
    assert_eq!(record.energy_per_step.len(), 1);
    assert_eq!(record.energy_per_step[0].derivation, Derivation::Window);
}

#[test]
fn a_long_run_has_its_joules_in_both_ways_and_they_agree() {
    let record = train(400, 20);
    row_and_step(&record);
    assert_eq!(record.steps, 400);
    assert!(
        record.energy[0].updates.unwrap() >= DIRECT_TICKS,
        "too fast a device: train for longer"
    );
    let step = figure(&record.energy_per_step, Derivation::Window).unwrap();
    let truth = WATTS * record.durations.training_seconds / record.steps as f64;
    near(step, truth, PACE * truth);

    assert_eq!(record.energy_to_end.len(), 2, "{:?}", record.energy_to_end);
    let direct = figure(&record.energy_to_end, Derivation::Direct).unwrap();
    let counted = figure(&record.energy_to_end, Derivation::StepsTimesJoules).unwrap();
    assert_eq!(Some(direct.joules), record.energy[0].joules);
    near(counted, direct.joules, half(direct) + PACE * direct.joules);
    let evaluations = record.evaluations.len() as f64;
    let evaluation = figure(&record.energy_per_evaluation, Derivation::Window).unwrap();
    let sum = record.steps as f64 * step.joules + evaluations * evaluation.joules;
    assert!((counted.joules - sum).abs() < 1e-6 * sum, "{counted:?}");
    phases(&record);
}

/// What the device would have drawn anyway is told beside the phases, not as one of them.
#[test]
fn a_calibrated_meter_tells_the_joules_at_rest() {
    let idle = IdlePower {
        cold: Interval::around(20.0, 1.0),
        context: Interval::around(30.0, 2.0),
        empty: Interval::around(40.0, 3.0),
    };
    let record = train_at_rest(100, 20, Some(idle));
    let row = phase(&record, Phase::Idle).unwrap();
    let seconds = record.energy[0].seconds.unwrap();
    assert!(row.contained && row.derivation == Some(Derivation::WattsTimesSeconds));
    assert!(
        (row.joules.unwrap() - 30.0 * seconds).abs() < 1e-6,
        "{row:?}"
    );
    assert!((row.ci.unwrap().half() - 2.0 * seconds).abs() < 1e-6);
    assert!(row.accuracy.unwrap().half() > 2.0 * seconds + 1.0 * seconds);
    let sum: f64 = [Phase::WarmUp, Phase::Train, Phase::Evaluate, Phase::Rest]
        .iter()
        .map(|&of| joules(&record, of))
        .sum();
    let whole = record.energy[0].joules.unwrap();
    assert!((sum - whole).abs() < 1e-6 * whole, "{sum} J of {whole} J");
}

#[test]
fn a_run_of_few_ticks_has_only_steps_times_joules() {
    let record = train(5, 20);
    row_and_step(&record);
    assert!(
        record.energy[0].updates.unwrap() < DIRECT_TICKS,
        "too slow a device: train for less"
    );
    let ways: Vec<Derivation> = record
        .energy_to_end
        .iter()
        .map(|figure| figure.derivation)
        .collect();
    assert_eq!(ways, [Derivation::StepsTimesJoules]);
}

/// A fast device may reach its end within one tick: the run has no joules of its own then, and those of its steps.
#[test]
fn a_run_within_a_tick_still_has_the_joules_of_its_steps() {
    let record = train(1, 150);
    let row = &record.energy[0];
    if let (Some(joules), Some(interval)) = (row.joules, row.ci()) {
        assert!(joules > 0.0 && interval.low <= WATTS * row.seconds.unwrap());
    } else {
        assert!(row.reason.is_some(), "{row}");
    }
    let step = figure(&record.energy_per_step, Derivation::Window).unwrap();
    assert!(step.joules > 0.0 && half(step) > 0.0, "{step:?}");
    assert_eq!(record.energy_to_end.len(), 1, "{:?}", record.energy_to_end);
    assert_eq!(
        record.energy_to_end[0].derivation,
        Derivation::StepsTimesJoules
    );
    // The step's joules are told, and of what is shorter than a tick the reason.
    assert!(joules(&record, Phase::Train) > 0.0);
    assert_eq!(joules(&record, Phase::WarmUp), 0.0);
    if row.joules.is_none() {
        assert_eq!(phase(&record, Phase::Rest).unwrap().reason, row.reason);
    }
}

/// The steps that were under way when a run was seen to diverge are not counted among those metered after it.
#[test]
fn a_run_that_diverged_has_the_joules_of_the_steps_after_it() {
    let record = train_with(400, 20, None, &["--lr", "1e30"]);
    assert_eq!(record.outcome.name(), "diverged");
    let stamps = &record
        .metered_windows
        .as_ref()
        .unwrap()
        .steps
        .as_ref()
        .unwrap()
        .stamps;
    let most = stamps[1..]
        .windows(2)
        .map(|pair| pair[1].done - pair[0].done)
        .fold(0.0, f64::max);
    assert_eq!(stamps[0].done, 0.0);
    assert!(
        stamps[1].done > 0.0 && stamps[1].done <= most,
        "{:?} of {most}, {} beyond",
        stamps[1],
        record.steps_after_divergence
    );
}
