//! Running a program: many steps a submit, the next recorded while the last runs, a row of results a step.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::build::{Built, build, part};
use super::lower::{Limits, Lowered, RING, lower};
use super::plan::{Plan, plan};
use super::schedule::Schedule;
use super::{ProgramError, ProgramOptions};
use crate::data::Dataset;
use crate::device::{Gpu, Memory, PipelineCache, Readback, Step, Submission};
use crate::kernels::batch::state;
use crate::kernels::{List, Tensor};
use crate::model::Network;
use crate::model::metric::{self, Metric, MetricValue};
use crate::model::weights::Weights;

/// Submits under way at once: one runs while the next is recorded.
const IN_FLIGHT: usize = 2;
/// Bytes of a row of results, four f32.
const ROW_BYTES: u64 = 16;
/// Seconds that a submit may take.
const SUBMIT_SECONDS: f64 = 0.15;
/// Steps a submit at most: a quarter of the ring, so that rows are read before they are written again.
const MOST_STEPS: u32 = RING / 4;

/// What a training step left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// Steps done, this one included.
    pub step: u64,
    /// Mean loss of the batch before the update.
    pub loss: f32,
    /// Samples of the batch that were classified correctly, summed over the tasks.
    pub correct: u32,
    /// Euclidean norm of the whole gradient.
    pub gradient_norm: f32,
    /// Whether loss or gradient was infinite or not a number.
    pub non_finite: bool,
    /// Whether it is the last of its submit: the device had just finished it when this was told.
    pub ends_submit: bool,
}

/// What an evaluation measured, every test sample counted once: accuracy and loss of each task, in the order of the
/// network's losses.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of test samples.
    pub samples: u64,
    /// The metrics.
    pub metrics: Vec<MetricValue>,
}

impl Evaluation {
    /// The metric's value over the whole test set, of the first task; NaN where it was not measured.
    pub fn first(&self, metric: Metric) -> f64 {
        metric::find(&self.metrics, None, metric).map_or(f64::NAN, |found| found.value)
    }
}

/// How much was handed to the device so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Submits of training and evaluation.
    pub submits: u64,
    /// Training steps.
    pub steps: u64,
    /// Dispatches.
    pub dispatches: u64,
}

/// Chooses how many steps a submit holds from the time they took.
#[derive(Clone, Copy, Debug)]
struct Pace {
    fixed: Option<u32>,
    longest: f64,
    seconds: Option<f64>,
    last: u32,
}

impl Pace {
    fn new(fixed: Option<u32>) -> Pace {
        Pace {
            fixed,
            longest: SUBMIT_SECONDS,
            seconds: None,
            last: 0,
        }
    }

    fn steps(&mut self) -> u32 {
        let k = match (self.fixed, self.seconds) {
            (Some(k), _) => k,
            (None, None) => 1,
            // Growing slowly keeps one wrong measurement from making a submit that the system's watchdog ends.
            (None, Some(seconds)) => ((self.longest / seconds) as u32).min(self.last.max(1) * 4),
        };
        self.last = k.clamp(1, MOST_STEPS);
        self.last
    }

    fn took(&mut self, seconds: f64, steps: u32) {
        let each = (seconds / f64::from(steps)).max(1e-7);
        // The slower of old and new: what limits a submit is its longest.
        self.seconds = Some(
            self.seconds
                .map_or(each, |old| each.max(0.8 * old + 0.2 * each)),
        );
    }
}

/// A network, a batch size and an optimizer as prebuilt lists on a device.
#[derive(Debug)]
pub struct Program<'g> {
    pub(super) gpu: &'g Gpu,
    pub(super) network: Network,
    pub(super) lowered: Lowered,
    pub(super) plan: Plan,
    pub(super) built: Built,
    pub(super) cache: PipelineCache,
    pub(super) options: ProgramOptions,
    train: [Vec<Step>; 2],
    evaluate: Vec<Step>,
    readback: Vec<Readback>,
    schedule: Schedule,
    /// How many batches each norm had seen before step 0.
    pub(super) tracked: Weights,
    pub(super) step: u64,
    counters: Counters,
    pace: Pace,
    eval_pace: Pace,
}

impl<'g> Program<'g> {
    /// Lowers `network` for batches of `data` on `gpu`, uploads the data, compiles every kernel and binds every operand.
    /// The weights are zero until [`Program::load`].
    ///
    /// # Errors
    /// The network and the data do not fit each other or the device; a kernel does not compile; the device failed.
    pub fn new(
        gpu: &'g Gpu,
        network: &Network,
        data: &Dataset,
        options: &ProgramOptions,
    ) -> Result<Program<'g>, ProgramError> {
        let images = options.tuning.texel.is_some() && options.tuning.texel == gpu.texel_lanes();
        let limits = Limits::new(options, gpu.most_bytes(false), gpu.most_bytes(images));
        let lowered = lower(network, data, options, limits)?;
        let plan = plan(gpu, &lowered, images, !options.replay)?;
        let mut cache = PipelineCache::new(gpu);
        let built = build(gpu, &mut cache, &lowered, &plan, data)?;
        let train = [
            part(&built.steps, &lowered.forward_backward),
            part(&built.steps, &lowered.update),
        ];
        let evaluate = part(&built.steps, &lowered.evaluate);
        let tasks = network.losses().len() as u32;
        let bytes = u64::from(RING.max(lowered.eval_batches * (tasks + 1))) * ROW_BYTES;
        let mut program = Program {
            gpu,
            network: network.clone(),
            schedule: Schedule::new(&lowered.train_feed.windows, options),
            train,
            evaluate,
            readback: (0..IN_FLIGHT)
                .map(|_| gpu.readback("results for the host", bytes))
                .collect(),
            lowered,
            plan,
            built,
            cache,
            options: options.clone(),
            tracked: Weights::default(),
            step: 0,
            counters: Counters::default(),
            pace: Pace::new(options.steps_per_submit),
            eval_pace: Pace::new(options.steps_per_submit),
        };
        program.reset();
        Ok(program)
    }

    /// Whole batches of an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u32 {
        self.schedule.steps_per_epoch()
    }

    /// How much was handed to the device so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Keeps submits shorter than `seconds`, or one step (one batch of an evaluation) long: a meter joins steps to its
    /// ticks by the submits' ends.
    pub fn keep_submits_below(&mut self, seconds: f64) {
        for pace in [&mut self.pace, &mut self.eval_pace] {
            pace.longest = seconds.min(SUBMIT_SECONDS);
        }
    }

    /// Trains `steps` steps, or fewer when `stop` is set meanwhile, and hands each step's result to `each` in order.
    /// Returns how many were done; the queue is then empty.
    ///
    /// # Errors
    /// The device failed.
    pub fn train(
        &mut self,
        steps: u32,
        stop: &AtomicBool,
        each: &mut dyn FnMut(StepResult),
    ) -> Result<u32, ProgramError> {
        let first = self.step;
        let mut flying: VecDeque<Flight> = VecDeque::new();
        let mut last = Instant::now();
        let mut done = 0;
        while done < steps && !stop.load(Ordering::Relaxed) {
            let position = self.schedule.position(self.step);
            if position.left != u32::MAX && position.done == 0 {
                // The host starts a window only between submits that have ended: the device still reads the old one.
                while let Some(flight) = flying.pop_front() {
                    self.land(flight, &mut last, each)?;
                }
                self.write_state(state::EPOCH, &[position.epoch, 0]);
            }
            let count = self.pace.steps().min(steps - done).min(position.left);
            let flight = self.submit_steps(count);
            flying.push_back(flight);
            done += count;
            if flying.len() == IN_FLIGHT
                && let Some(flight) = flying.pop_front()
            {
                self.land(flight, &mut last, each)?;
            }
        }
        while let Some(flight) = flying.pop_front() {
            self.land(flight, &mut last, each)?;
        }
        Ok((self.step - first) as u32)
    }

    fn submit_steps(&mut self, count: u32) -> Flight {
        let buffer = (self.counters.submits % IN_FLIGHT as u64) as usize;
        let from = self.step;
        let mut recording = self.gpu.record();
        let schedule = &self.schedule;
        let windows = (from..from + u64::from(count)).map(|step| schedule.position(step).window);
        recording.lists(&[&self.train[0], &self.train[1]], windows);
        // The rows of these steps, in two pieces where the ring ends between them.
        let at = (from % u64::from(RING)) as u32;
        let head = count.min(RING - at);
        let results = self.memory(self.lowered.results);
        recording.copy(
            results,
            u64::from(at) * ROW_BYTES,
            &self.readback[buffer],
            0,
            u64::from(head) * ROW_BYTES,
        );
        if count > head {
            recording.copy(
                results,
                0,
                &self.readback[buffer],
                u64::from(head) * ROW_BYTES,
                u64::from(count - head) * ROW_BYTES,
            );
        }
        let index = self.gpu.submit(recording);
        self.step += u64::from(count);
        self.counters.submits += 1;
        self.counters.steps += u64::from(count);
        self.counters.dispatches +=
            u64::from(count) * (self.train[0].len() + self.train[1].len()) as u64;
        Flight {
            index,
            buffer,
            from,
            count,
            submitted: Instant::now(),
        }
    }

    fn land(
        &mut self,
        flight: Flight,
        last: &mut Instant,
        each: &mut dyn FnMut(StepResult),
    ) -> Result<(), ProgramError> {
        let Flight {
            index,
            buffer,
            from,
            count,
            submitted,
        } = flight;
        self.gpu.map(
            &self.readback[buffer],
            u64::from(count) * ROW_BYTES,
            Some(index),
            |bytes| {
                for (at, row) in rows(bytes).enumerate() {
                    each(StepResult {
                        step: from + at as u64 + 1,
                        loss: row[0],
                        correct: row[1] as u32,
                        gradient_norm: row[2],
                        non_finite: row[3] != 0.0,
                        ends_submit: at + 1 == count as usize,
                    });
                }
            },
        )?;
        let now = Instant::now();
        // The very first step also compiled the kernels.
        if from > 0 {
            self.pace
                .took((now - (*last).max(submitted)).as_secs_f64(), count);
        }
        *last = now;
        Ok(())
    }

    /// Evaluates on every test sample once.
    ///
    /// # Errors
    /// The device failed.
    pub fn evaluate(&mut self) -> Result<Evaluation, ProgramError> {
        let batches = self.lowered.eval_batches;
        let bytes = u64::from(batches) * (self.network.losses().len() as u64 + 1) * ROW_BYTES;
        let size = self.options.eval_batch_size as usize;
        let mut done = 0;
        let mut flying: VecDeque<(Submission, u32, Instant)> = VecDeque::new();
        let mut last = Instant::now();
        while done < batches {
            let count = self.eval_pace.steps().min(batches - done);
            let mut recording = self.gpu.record();
            let windows = &self.lowered.eval_feed.windows;
            recording.lists(
                &[&self.evaluate],
                (done..done + count).map(|b| windows.of_sample(b as usize * size)),
            );
            done += count;
            if done == batches {
                let results = self.memory(self.lowered.eval_results);
                recording.copy(results, 0, &self.readback[0], 0, bytes);
            }
            flying.push_back((self.gpu.submit(recording), count, Instant::now()));
            self.counters.submits += 1;
            self.counters.dispatches += u64::from(count) * self.evaluate.len() as u64;
            if flying.len() == IN_FLIGHT
                && done < batches
                && let Some((index, count, submitted)) = flying.pop_front()
            {
                self.gpu.wait_for(index)?;
                let now = Instant::now();
                self.eval_pace
                    .took((now - last.max(submitted)).as_secs_f64(), count);
                last = now;
            }
        }
        let losses = self.network.losses();
        // Of each task: losses, correct, and both of the samples with an even index; then the number of samples.
        let mut sums = vec![[0.0; 4]; losses.len() + 1];
        self.gpu.map(&self.readback[0], bytes, None, |bytes| {
            for (at, row) in rows(bytes).enumerate() {
                let sums = &mut sums[at % (losses.len() + 1)];
                sums.iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum += f64::from(value));
            }
        })?;
        let samples = sums[losses.len()][0];
        let halves = [(samples / 2.0).ceil(), (samples / 2.0).floor()];
        let value = |task: &str, metric, [all, even]: [f64; 2]| MetricValue {
            task: task.to_owned(),
            metric,
            value: all / samples,
            deciding: even / halves[0],
            confirming: (all - even) / halves[1],
        };
        let metrics = losses.iter().zip(sums).flat_map(|(loss, sums)| {
            let [loss_all, correct_all, loss_even, correct_even] = sums;
            [
                value(&loss.task, Metric::Accuracy, [correct_all, correct_even]),
                value(&loss.task, Metric::Loss, [loss_all, loss_even]),
            ]
        });
        Ok(Evaluation {
            samples: samples as u64,
            metrics: metrics.collect(),
        })
    }

    /// Every filled shader by name, once each.
    #[must_use]
    pub fn shaders(&self) -> Vec<(String, String)> {
        let mut out: Vec<(String, String)> = vec![];
        for (dispatch, filled) in self.lowered.list.dispatches.iter().zip(&self.built.filled) {
            if out.iter().all(|(_, wgsl)| *wgsl != filled.composed.wgsl) {
                out.push((
                    format!("{} {}", dispatch.shader, dispatch.label).replace(['/', ' '], "_"),
                    filled.composed.wgsl.clone(),
                ));
            }
        }
        out
    }

    /// Seconds that one run of each dispatch takes, from `repeats` runs of it alone in one submit, in the order of the
    /// lists; the time of an empty submit is taken off. Weights, statistics and counters are then no longer those of
    /// the training: load them anew.
    ///
    /// # Errors
    /// The device failed.
    pub fn time_dispatches(&mut self, repeats: u32) -> Result<Vec<f64>, ProgramError> {
        let gpu = self.gpu;
        let time = |steps: &[Step], repeats: u32| -> Result<f64, ProgramError> {
            let start = Instant::now();
            let mut recording = gpu.record();
            recording.lists(&[steps], (0..repeats).map(|_| 0));
            let index = gpu.submit(recording);
            gpu.wait_for(index)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let mut seconds = vec![];
        for step in &self.built.steps {
            let step = std::slice::from_ref(step);
            time(step, 1)?;
            let empty = time(step, 0)?;
            seconds.push((time(step, repeats)? - empty).max(0.0) / f64::from(repeats));
        }
        Ok(seconds)
    }

    /// Keeps what the driver compiled for the next run.
    pub fn save_pipelines(&mut self) {
        self.cache.save();
    }

    pub(super) fn memory(&self, tensor: Tensor) -> &Memory {
        &self.built.memory[self.plan.places[&tensor].slot]
    }

    /// Starts again at step 0.
    pub(super) fn reset(&mut self) {
        self.step = 0;
        self.write_state(0, &self.lowered.state_words);
    }

    fn write_state(&self, word: u32, words: &[u32]) {
        self.gpu.write(
            self.memory(self.lowered.state),
            u64::from(word) * 4,
            bytemuck::cast_slice(words),
        );
    }

    /// The symbolic lists.
    pub(super) fn list(&self) -> &List {
        &self.lowered.list
    }
}

/// A submit under way.
#[derive(Debug)]
struct Flight {
    index: Submission,
    buffer: usize,
    from: u64,
    count: u32,
    submitted: Instant,
}

fn rows(bytes: &[u8]) -> impl Iterator<Item = [f32; 4]> + '_ {
    bytes.chunks_exact(ROW_BYTES as usize).map(|row| {
        [0, 4, 8, 12].map(|at| f32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]))
    })
}
