//! A training run metered by an external meter at 100 W, and the energy in its record.
#![cfg(all(unix, feature = "cli"))]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use wattgrad::Record;
use wattgrad::internals::energy::{
    Calibration, IdlePower, Interval, MeterOptions, Method, RawUnit, SensorModel, SensorSpec,
    Status,
};
use wattgrad::internals::train::{Derivation, EnergyFigure, InferenceRecord, Phase, PhaseEnergy};

const WATTS: f64 = 100.0;
/// Fewest updates of the sensor for a direct figure.
const DIRECT_UPDATES: u64 = 50;
/// Relative tolerance. Seconds per step are from the run and joules per step from the window after it; on a shared machine
/// the pace differs between them by more than the 2 % of an idle machine. A counting error (a submit, an evaluation, a
/// factor of two) is larger.
const PACE: f64 = 0.35;
/// Seconds of the window outside the run: its clock is read before and after the run's.
const EDGES_SECONDS: f64 = 0.05;

/// Compiles the stand-in meter; returns its folder and the name of the source.
fn stand_in() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("power");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/power.c");
    let status = Command::new("cc")
        .args(["-O1", "-o"])
        .args([&program, &source])
        .status()
        .expect("a C compiler `cc`, which linking Rust needs too");
    assert!(status.success(), "the stand-in meter does not compile");
    let name = format!("cmd:exec '{}'", program.display());
    (folder, name)
}

fn train(steps: u32, update_ms: u32) -> Record {
    train_calibrated(steps, update_ms, None)
}

/// Stores a calibration of `meter` in the cache folder `cache`.
fn store_calibration(meter: &str, idle: IdlePower, cache: &Path) {
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

/// One run at a time, since concurrent runs slow each other down.
static ALONE: Mutex<()> = Mutex::new(());

/// Trains with a calibration of the meter that has this idle power.
fn train_calibrated(steps: u32, update_ms: u32, idle: Option<IdlePower>) -> Record {
    train_with(steps, update_ms, idle, &[])
}

fn train_with(steps: u32, update_ms: u32, idle: Option<IdlePower>, more: &[&str]) -> Record {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, meter) = stand_in();
    let meter = format!("{meter} {update_ms}");
    let record = folder.path().join("run.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    if let Some(idle) = idle {
        store_calibration(&meter, idle, folder.path());
        // This folder also holds the driver's cache of kernels, which is empty, so the run warms up for longer.
        command.env("XDG_CACHE_HOME", folder.path());
    }
    let output = command
        .args(["train", "--data", "digits", "--model", "mlp"])
        .args(["--max-steps", &steps.to_string(), "--meter", &meter])
        .args(["--meter-unit", "joules", "--meter-seconds", "1", "--record"])
        .arg(&record)
        .args(more)
        .env_remove("WATTGRAD_METER")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let record = Record::read(&record).unwrap();
    check_recomputed(&record);
    record
}

/// Recomputing the energy of the record gives the recorded figures.
fn check_recomputed(record: &Record) {
    let again = record.recompute().unwrap();
    let recorded: Vec<_> = [
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
    assert_eq!(recorded, found);
    assert_eq!(record.energy_by_phase.len(), again.by_phase.len());
    for (recorded, found) in record.energy_by_phase.iter().zip(&again.by_phase) {
        let mut found = found.clone();
        // A record does not keep why the run had no warm-up.
        found.reason.clone_from(&recorded.reason);
        assert_eq!(recorded, &found);
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

/// The joules of a phase, 0 if they are unavailable.
fn joules(record: &Record, of: Phase) -> f64 {
    let row = phase(record, of).unwrap_or_else(|| panic!("no {of:?}"));
    assert_eq!(row.joules.is_some(), row.reason.is_none(), "{row:?}");
    assert_eq!(row.joules.is_some(), row.status == Status::Measured);
    row.joules.unwrap_or(0.0)
}

/// Checks the phases before the first step, and that the phases of the run's window add up to its joules.
fn check_phases(record: &Record) {
    let before = joules(record, Phase::Compile) + joules(record, Phase::StartUp);
    let most = WATTS * record.durations.startup_seconds;
    assert!(before > 0.0 && before < most, "{before} J of {most} J");
    // Building the program is little more than compiling kernels.
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

/// Half the width of the figure's confidence interval.
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

/// Checks the joules of the whole run and of a step.
fn check_run_and_step(record: &Record) {
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
fn direct_and_counted_joules_of_a_long_run_agree() {
    let record = train(400, 20);
    check_run_and_step(&record);
    assert_eq!(record.steps, 400);
    assert!(
        record.energy[0].updates.unwrap() >= DIRECT_UPDATES,
        "the device is too fast: train for longer"
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
    check_phases(&record);
}

/// The joules of idle power are reported beside the other phases and not added to them.
#[test]
fn a_calibrated_meter_reports_the_joules_of_idle_power() {
    let idle = IdlePower {
        cold: Interval::around(20.0, 1.0),
        context: Interval::around(30.0, 2.0),
        empty: Interval::around(40.0, 3.0),
    };
    let record = train_calibrated(100, 20, Some(idle));
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
fn a_run_of_few_updates_has_only_steps_times_joules() {
    let record = train(5, 20);
    check_run_and_step(&record);
    assert!(
        record.energy[0].updates.unwrap() < DIRECT_UPDATES,
        "the device is too slow: train fewer steps"
    );
    let derivations: Vec<Derivation> = record
        .energy_to_end
        .iter()
        .map(|figure| figure.derivation)
        .collect();
    assert_eq!(derivations, [Derivation::StepsTimesJoules]);
}

/// On a fast device the run may end within one update interval. It then has no direct joules, but its steps have joules.
#[test]
fn a_run_within_an_update_interval_has_the_joules_of_its_steps() {
    let record = train(1, 60);
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
    // Training has joules; a phase shorter than an update interval has a reason instead.
    assert!(joules(&record, Phase::Train) > 0.0);
    assert_eq!(joules(&record, Phase::WarmUp), 0.0);
    if row.joules.is_none() {
        assert_eq!(phase(&record, Phase::Rest).unwrap().reason, row.reason);
    }
}

/// Steps that were in flight when the divergence was found do not belong to the window that is metered after the run.
#[test]
fn a_diverged_run_has_the_joules_of_its_steps() {
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

/// The joules of a resumed run are those of its parts. What was lost after the checkpoint is in none of them.
#[test]
fn a_resumed_run_has_the_joules_of_its_parts() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, meter) = stand_in();
    let at = |name: &str| folder.path().join(name);
    let checkpoints = at("checkpoints");
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_wattgrad"))
            .args(["train", "--data", "digits", "--max-steps", "1000000"])
            .args(["--meter", &format!("{meter} 20"), "--meter-unit", "joules"])
            .args(["--meter-seconds", "1"])
            .args(["--every", "2s", "--resume", "--checkpoint"])
            .args([&checkpoints, Path::new("--record"), &at("run.json")])
            .env_remove("WATTGRAD_METER")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let names = || -> Vec<_> {
        let entries = std::fs::read_dir(&checkpoints).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name.to_str().unwrap().starts_with("step-"));
        names.sort();
        names
    };
    let wait = |run: &mut Child| {
        let before = names();
        while names() == before {
            assert!(run.try_wait().unwrap().is_none(), "the run has ended");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    let mut killed = start();
    wait(&mut killed);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let mut last = start();
    wait(&mut last);
    let id = last.id().to_string();
    Command::new("kill")
        .args(["-s", "INT", &id])
        .status()
        .unwrap();
    last.wait().unwrap();

    let record = Record::read(&at("run.json")).unwrap();
    check_recomputed(&record);
    let [first] = &record.earlier_sessions[..] else {
        panic!("{:?}", record.earlier_sessions);
    };
    let part = &first.energy[0];
    let seconds = first.durations.total_seconds - first.durations.startup_seconds;
    near(part, WATTS * seconds, WATTS * 0.1);
    let direct = figure(&record.energy_to_end, Derivation::Direct);
    let direct = direct.unwrap_or_else(|| panic!("{:?} {:?}", record.energy[0].updates, part));
    let own = record.energy[0].joules.unwrap();
    assert!((direct.joules - own - part.joules).abs() < 1e-9);
    assert!(half(direct) > half(part));
    assert_eq!(record.steps, record.samples / 64);
    assert!(record.steps > first.to_step);
}

#[test]
fn inference_has_the_joules_of_its_samples() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_folder, meter) = stand_in();
    let output = Command::new(env!("CARGO_BIN_EXE_wattgrad"))
        .args(["infer", "--data", "digits", "--batch-sizes", "16,256"])
        .args(["--seconds", "1", "--json", "--meter-unit", "joules"])
        .args(["--meter", &format!("{meter} 20")])
        .env_remove("WATTGRAD_METER")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let found: InferenceRecord = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found.points.len(), 2);
    for point in &found.points {
        let passes = &point.seconds_per_1000;
        let seconds = passes.iter().sum::<f64>() / passes.len() as f64;
        let [row] = &point.energy[..] else {
            panic!("{:?}", point.energy)
        };
        assert_eq!(row.status, Status::Measured, "{row:?}");
        let joules = row.joules_per_1000.unwrap();
        assert!(
            (joules / (WATTS * seconds) - 1.0).abs() < 0.1,
            "{joules} J in {seconds} s per 1,000 samples"
        );
        let ci = row.ci.unwrap();
        assert!(ci.low <= joules && joules <= ci.high, "{row:?}");
    }
}
