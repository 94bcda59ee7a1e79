//! Made-up runs: a real record, cloned and varied, so that what a report has to bear is at hand.

use std::f64::consts::TAU;
use std::path::Path;

use wattgrad::internals::energy::{Interval, Moment, RawUnit, Reading, SourceResult, Status};
use wattgrad::internals::model::{Metric, MetricValue};
use wattgrad::internals::study::analysis::{AxisReport, Design, DesignCell};
use wattgrad::internals::study::{Opened, Outcome, PlannedRun, Purpose, RunRecord};
use wattgrad::internals::train::{
    self, Budget, Derivation, EnergyFigure, EvaluationPoint, Goal, MetricTarget, Phase,
    PhaseEnergy, Record, TargetReached, TargetResult,
};

pub const TARGETS: [f64; 2] = [0.80, 0.85];

/// Which joules the runs have.
#[derive(Clone, Copy, PartialEq)]
pub enum Joules {
    None,
    Measured,
    Assumed,
    Both,
}

/// A study of `batches` x `lrs` cells with `seeds` seeds: the higher the rate the sooner it arrives, until it diverges;
/// the lowest never do.
pub struct Made {
    pub batches: Vec<u32>,
    pub lrs: Vec<f64>,
    pub seeds: u32,
    pub joules: Joules,
    pub points: u64,
    pub confirm: u32,
    pub replicates: u32,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            batches: vec![16, 32, 64, 128],
            lrs: vec![0.001, 0.01, 0.1, 1.0],
            seeds: 3,
            joules: Joules::Both,
            points: 60,
            confirm: 0,
            replicates: 0,
        }
    }
}

/// A number in -1 to 1 that depends on its arguments alone.
fn noise(a: u64, b: u64, c: u64) -> f64 {
    let mut x = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ c;
    for _ in 0..3 {
        x ^= x >> 31;
        x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    }
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

pub fn real() -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/record.json");
    Record::read(&path).unwrap()
}

impl Made {
    pub fn open(&self) -> Opened {
        let base = real();
        let mut cells = Vec::new();
        let mut planned = Vec::new();
        let mut runs = Vec::new();
        for batch in &self.batches {
            for lr in &self.lrs {
                let cell = cells.len();
                let id = format!("batch-size={batch},lr={lr}");
                cells.push(DesignCell {
                    id: id.clone(),
                    values: vec![batch.to_string(), lr.to_string()],
                });
                let fresh = if cell < 2 || cell == 6 {
                    self.confirm
                } else {
                    0
                };
                let main = (1..=self.seeds).map(|seed| (seed, Purpose::Main));
                // The reference cell is the second one.
                let extra = if cell == 1 { self.replicates } else { 0 };
                let all = main
                    .chain((51..51 + extra).map(|seed| (seed, Purpose::Replicate)))
                    .chain((101..101 + fresh).map(|seed| (seed, Purpose::Confirm)));
                for (seed, purpose) in all {
                    let run = format!("{id}@{seed}");
                    planned.push(PlannedRun {
                        id: run.clone(),
                        cell,
                        seed,
                        purpose,
                    });
                    let record = self.record(&base, *batch, *lr, seed);
                    runs.push(RunRecord {
                        schema: wattgrad::internals::study::SCHEMA,
                        id: run,
                        cell: id.clone(),
                        seed,
                        purpose,
                        outcome: record.outcome.into(),
                        search: None,
                        error: None,
                        overlap: false,
                        record: Some(record),
                    });
                }
            }
        }
        let design = Design {
            name: "made-up".into(),
            base: "mlp, fashion-mnist, optimizer sgd, momentum 0.9".into(),
            axes: vec![
                AxisReport {
                    key: "batch-size".into(),
                    values: self.batches.iter().map(u32::to_string).collect(),
                },
                AxisReport {
                    key: "lr".into(),
                    values: self.lrs.iter().map(f64::to_string).collect(),
                },
            ],
            cells,
            reference: (self.batches.len() * self.lrs.len() > 1).then_some(1),
            seeds: (1..=self.seeds).collect(),
            confirm: self.confirm,
            target: MetricTarget::accuracy(&TARGETS),
            cadence: Some((6000, 12_000)),
            budget: Some(Budget {
                samples: Some(6000 * self.points),
                ..Budget::default()
            }),
            runs: planned,
            search: false,
        };
        let notes = vec!["two lines of the journal were cut off".into()];
        Opened::new(&design, runs, &[], notes)
    }

    fn record(&self, base: &Record, batch: u32, lr: f64, seed: u32) -> Record {
        let mut record = base.clone();
        record.program = serde_json::Value::Null;
        record.started += f64::from(seed) * 900.0;
        record.regime.batch_size = batch;
        record.regime.lr = Some(lr);
        record.regime.seed = seed;
        record.regime.target_accuracy = None;
        let key = u64::from(batch) * 1000 + (lr * 1e4) as u64;
        let wobble = |point: u64| noise(key, u64::from(seed), point);
        let diverges = lr >= 1.0 && (batch < 128 || seed == 2);
        let effective = lr * 64.0 / f64::from(batch);
        let speed = (effective / 0.05).powf(0.6) * (1.0 + 0.1 * wobble(999));
        let best = 0.885 - 0.01 * (effective / 0.05).ln().abs().min(4.0);
        let per_second = 3000.0 * f64::from(batch) / (f64::from(batch) + 40.0);
        let mut evaluations = Vec::new();
        let last = if diverges { 5 } else { self.points };
        for point in 1..=last {
            let samples = (6000 * point).div_ceil(u64::from(batch)) * u64::from(batch);
            let share = best
                - 0.45 * (-(samples as f64) * speed / 60_000.0).exp()
                - 0.12 / (1.0 + samples as f64 * speed / 20_000.0)
                + 0.004 * wobble(point);
            let accuracy = if diverges && point > 1 {
                0.1
            } else {
                share.clamp(0.1, 1.0)
            };
            let loss = if diverges && point > 1 {
                f64::NAN
            } else {
                2.3 * (1.0 - share)
            };
            let training = samples as f64 / per_second;
            evaluations.push(EvaluationPoint {
                step: samples / u64::from(batch),
                samples,
                seconds: training + 0.25 * point as f64,
                training_seconds: training,
                metrics: [
                    (Metric::Accuracy, accuracy, 0.001),
                    (Metric::Loss, loss, 0.0),
                ]
                .map(|(metric, value, by)| MetricValue {
                    task: "label".into(),
                    metric,
                    value,
                    deciding: value + by * wobble(point + 1000),
                    confirming: value - by * wobble(point + 1000),
                })
                .to_vec(),
                joules_so_far: None,
            });
        }
        let arrival = |at: usize, points: &[EvaluationPoint]| {
            let mean = |get: fn(&MetricValue) -> f64| {
                let values = points[at - 1..=at].iter();
                values.map(|point| get(&point.metrics[0])).sum::<f64>() / 2.0
            };
            TargetReached {
                evaluation: at,
                step: points[at].step,
                samples: points[at].samples,
                seconds: points[at].seconds,
                training_seconds: points[at].training_seconds,
                value: mean(|value| value.deciding),
                confirmed: Some(mean(|value| value.confirming)),
            }
        };
        let single = |at: usize, points: &[EvaluationPoint]| TargetReached {
            evaluation: at,
            step: points[at].step,
            samples: points[at].samples,
            seconds: points[at].seconds,
            training_seconds: points[at].training_seconds,
            value: points[at].metrics[0].deciding,
            confirmed: Some(points[at].metrics[0].confirming),
        };
        record.target_results = TARGETS
            .iter()
            .map(|target| TargetResult {
                threshold: *target,
                reached: (1..evaluations.len())
                    .map(|at| arrival(at, &evaluations))
                    .find(|arrival| arrival.value >= *target),
                first_single: (0..evaluations.len())
                    .find(|at| evaluations[*at].accuracy() >= *target)
                    .map(|at| single(at, &evaluations)),
            })
            .collect();
        let arrived = record.target_results[1].reached;
        if let Some(arrived) = arrived {
            evaluations.truncate(arrived.evaluation + 1);
        }
        record.outcome = match (diverges, arrived.is_some()) {
            (true, _) => train::Outcome::Diverged,
            (_, true) => train::Outcome::TargetReached,
            _ => train::Outcome::TargetNotReached,
        };
        let end = evaluations.last().cloned().unwrap();
        (record.steps, record.samples) = (end.step, end.samples);
        record.durations.training_seconds = end.training_seconds;
        record.durations.evaluation_seconds = end.seconds - end.training_seconds;
        record.goal = Some(Goal {
            target: MetricTarget::accuracy(&TARGETS),
            every_samples: 6000,
            window: 2,
            budget: Budget {
                samples: Some(6000 * self.points),
                ..Budget::default()
            },
        });
        record.work.flops_per_step = u64::from(batch) * 2_500_000;
        record.work.bytes_per_step = u64::from(batch) * 150_000 + 4_000_000;
        record.evaluations = evaluations;
        if matches!(self.joules, Joules::Measured | Joules::Both) {
            self.meter(&mut record, "nvml:0", Status::Measured, 140.0, &wobble);
        }
        if matches!(self.joules, Joules::Assumed | Joules::Both) {
            self.meter(&mut record, "cpu-time", Status::Assumed, 31.0, &wobble);
        }
        record
    }

    /// A source of `watts` with readings, and every figure that follows from it.
    fn meter(
        &self,
        record: &mut Record,
        source: &str,
        status: Status,
        watts: f64,
        wobble: &dyn Fn(u64) -> f64,
    ) {
        let measured = status == Status::Measured;
        let batch = f64::from(record.regime.batch_size);
        let draw = watts * (0.6 + 0.4 * batch / (batch + 60.0)) * (1.0 + 0.01 * wobble(7));
        let seconds = record.evaluations.last().unwrap().seconds;
        let training = record.durations.training_seconds;
        let evaluating = seconds - training;
        let evaluations = record.evaluations.len() as f64;
        let figure = |derivation, joules: f64, off: f64| EnergyFigure {
            source: source.into(),
            status,
            derivation,
            joules,
            ci: measured.then(|| Interval::around(joules, off * joules)),
            accuracy: measured.then(|| Interval::around(joules, 5.0 * off * joules)),
        };
        let step = figure(
            Derivation::Window,
            draw * training / record.steps as f64,
            0.01,
        );
        let evaluation = figure(
            Derivation::Window,
            0.8 * draw * evaluating / evaluations,
            0.02,
        );
        let joules = step.joules * record.steps as f64 + evaluation.joules * evaluations;
        let direct = figure(Derivation::Direct, 1.01 * joules, 0.008);
        let phase = |phase, joules: f64| PhaseEnergy {
            phase,
            source: source.into(),
            status,
            contained: phase == Phase::Idle,
            derivation: Some(Derivation::Direct),
            joules: Some(joules),
            ci: None,
            accuracy: None,
            reason: None,
        };
        record.energy_by_phase.extend([
            phase(Phase::StartUp, 0.4 * draw),
            phase(Phase::Train, step.joules * record.steps as f64),
            phase(Phase::Evaluate, evaluation.joules * evaluations),
            phase(Phase::Rest, 0.01 * joules * wobble(3)),
            phase(Phase::Idle, 20.0 * seconds),
        ]);
        let mut row: SourceResult = record
            .energy
            .iter()
            .find(|row| {
                row.source
                    .starts_with(if measured { "nvml" } else { "cpu-time" })
            })
            .cloned()
            .unwrap();
        row.source = source.into();
        row.status = status;
        row.joules = Some(direct.joules);
        row.reason = None;
        row.fix = None;
        row.seconds = Some(seconds);
        if measured {
            let interval = direct.ci.unwrap();
            (row.ci_low, row.ci_high) = (Some(interval.low), Some(interval.high));
            let interval = direct.accuracy.unwrap();
            (row.accuracy_low, row.accuracy_high) = (Some(interval.low), Some(interval.high));
            row.update_interval_seconds = Some(0.1);
            row.idle_watts = Some(Interval::around(20.0, 0.5));
            let mut value = 1_000_000.0;
            for look in 0..(seconds / 0.1).min(900.0) as u64 {
                let at = look as f64 * seconds / (seconds / 0.1).min(900.0);
                let swing = 1.0 + 0.05 * (at / 3.0 * TAU).sin() + 0.03 * wobble(look + 5000);
                value += 1e3 * draw * swing * seconds / (seconds / 0.1).min(900.0);
                row.readings.push(Reading {
                    value: value as u64,
                    unit: RawUnit::Millijoule,
                    at: Moment {
                        monotonic: 40.0 + at,
                        unix: record.started + at,
                    },
                    read_seconds: 1e-4,
                });
            }
        }
        record.energy.retain(|row| {
            !row.source
                .starts_with(if measured { "nvml" } else { "cpu-time" })
        });
        record.energy.push(row);
        record
            .energy_to_end
            .extend([direct, figure(Derivation::StepsTimesJoules, joules, 0.011)]);
        record.energy_per_step.push(step);
        record.energy_per_evaluation.push(evaluation);
    }
}

/// The same runs, of which none got as far as training.
pub fn only_failed(mut opened: Opened) -> Opened {
    for run in &mut opened.runs {
        run.record = None;
        run.outcome = Outcome::Failed;
        run.error = Some("the device was lost <script>alert(1)</script>".into());
    }
    again(opened)
}

/// The same runs as those of cells over other axes, of which the last varies fastest.
pub fn over(mut opened: Opened, axes: &[(&str, &[&str])]) -> Opened {
    let report = |(key, values): &(&str, &[&str])| AxisReport {
        key: (*key).into(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    opened.analysis.axes = axes.iter().map(report).collect();
    for (at, cell) in opened.analysis.cells.iter_mut().enumerate() {
        let mut rest = at;
        let mut values: Vec<String> = Vec::new();
        for (_, all) in axes.iter().rev() {
            values.insert(0, all[rest % all.len()].to_owned());
            rest /= all.len();
        }
        assert_eq!(rest, 0, "as many cells as there are choices");
        let named: Vec<String> = axes
            .iter()
            .zip(&values)
            .map(|((key, _), value)| format!("{key}={value}"))
            .collect();
        let before = std::mem::replace(&mut cell.id, named.join(","));
        cell.values = values;
        for line in &mut cell.runs {
            line.id = line.id.replace(&before, &cell.id);
        }
        for run in opened.runs.iter_mut().filter(|run| run.cell == before) {
            run.id = run.id.replace(&before, &cell.id);
            run.cell.clone_from(&cell.id);
        }
    }
    again(opened)
}

/// The analysis of the runs that are left in `opened`.
pub fn again(opened: Opened) -> Opened {
    let design = opened.design();
    Opened::new(&design, opened.runs, &[], Vec::new())
}
