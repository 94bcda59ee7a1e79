//! Runs a program: many steps per submit, with the next submit recorded while the last one runs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::build::{Built, build, part};
use super::losses::{evaluation_blocks, metrics};
use super::lower::{Limits, Lowered, lower};
use super::pace::Pace;
use super::plan::{Plan, plan};
use super::step_end::RING;
use super::stream::Stream;
use super::window_order::WindowOrder;
use super::{ProgramError, ProgramOptions};
use crate::data::Dataset;
use crate::device::{Gpu, Memory, PipelineCache, Readback, Step, Submission, Texel};
use crate::kernels::batch::state;
use crate::kernels::{List, Tensor};
use crate::model::Network;
use crate::model::metric::{self, Metric, MetricValue};
use crate::model::weights::Weights;

/// Most submits in flight: one runs while the next is recorded.
const IN_FLIGHT: usize = 2;
/// Bytes of a row of results, four f32.
const ROW_BYTES: u64 = 16;

/// The result of a training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// Number of the step, from 1.
    pub step: u64,
    /// Mean loss of the batch before the update.
    pub loss: f32,
    /// Samples of the batch that were classified correctly, summed over the tasks; of independent labels, the share that was
    /// predicted correctly, the sum rounded down.
    pub correct: u32,
    /// Euclidean norm of the gradient over all trained parameters; NaN in a skipped step.
    pub gradient_norm: f32,
    /// Whether the loss or a gradient was not finite.
    pub non_finite: bool,
    /// Whether it changed nothing because a gradient of the scaled loss was not finite in f16.
    pub skipped: bool,
    /// Whether it is the last step of its submit, which the device has only just finished.
    pub ends_submit: bool,
}

/// What an evaluation measured, every test sample counted once: the metrics of each task, in the order of the network's
/// losses.
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

/// Work submitted to the device so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Submits of training and evaluation.
    pub submits: u64,
    /// Training steps.
    pub steps: u64,
    /// Dispatches.
    pub dispatches: u64,
    /// Bytes of the data set written to the device between submits, 0 where it is resident.
    pub refilled_bytes: u64,
}

/// A network, a batch size and an update rule as prebuilt lists on a device.
#[derive(Debug)]
pub struct Program<'g> {
    pub(super) gpu: &'g Gpu,
    pub(super) network: Network,
    pub(super) lowered: Lowered,
    pub(super) plan: Plan,
    pub(super) built: Built,
    pub(super) cache: PipelineCache,
    pub(super) options: ProgramOptions,
    /// A training step: forward and backward once per micro-batch, then the update.
    pub(super) train: Vec<Step>,
    evaluate: Vec<Step>,
    readback: Vec<Readback>,
    pub(super) window_order: WindowOrder,
    pub(super) stream: Option<Stream>,
    eval_stream: Option<Stream>,
    /// Batches that each batch norm had seen before step `tracked_from`.
    pub(super) tracked: Weights,
    pub(super) tracked_from: u64,
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
    /// The network does not fit the data or the device, a kernel does not compile, or the device failed.
    pub fn new(
        gpu: &'g Gpu,
        network: &Network,
        data: &Dataset,
        options: &ProgramOptions,
    ) -> Result<Program<'g>, ProgramError> {
        let images = options.tuning.texel.is_some();
        if let Some(needed) = options.tuning.texel
            && gpu.texel_lanes() != Some(needed)
        {
            // With other subgroups these kernels would exchange the wrong lanes.
            return Err(ProgramError::Lanes {
                profile: options.tuning.name.clone(),
                needed,
                found: match gpu.texel_lanes() {
                    Some(lanes) => lanes.to_string(),
                    None => "none that these kernels can use".into(),
                },
            });
        }
        let limits = Limits::new(
            options,
            gpu.most_bytes(None),
            gpu.most_bytes(images.then_some(Texel::F32)),
        );
        let lowered = lower(network, data, options, limits)?;
        let plan = plan(gpu, &lowered, images, !options.replay)?;
        let mut cache = PipelineCache::new(gpu);
        let built = build(gpu, &mut cache, &lowered, &plan, data)?;
        let micro_batch = [&lowered.forward_backward, &lowered.accumulate];
        let last = [&lowered.forward_backward, &lowered.update];
        let train = (1..options.accumulate)
            .flat_map(|_| micro_batch)
            .chain(last)
            .flat_map(|range| part(&built.steps, range))
            .collect();
        let evaluate = part(&built.steps, &lowered.evaluate);
        let blocks = evaluation_blocks(network);
        let bytes = u64::from(RING.max(lowered.eval_batches * (blocks + 1))) * ROW_BYTES;
        let mut program = Program {
            gpu,
            network: network.clone(),
            window_order: WindowOrder::new(&lowered.train_shards.windows, options),
            stream: Stream::new(&lowered.train_shards, &data.train, &plan),
            eval_stream: Stream::new(&lowered.eval_shards, &data.test, &plan),
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
            tracked_from: 0,
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
        self.window_order.steps_per_epoch()
    }

    /// Work submitted to the device so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let streams = [&self.stream, &self.eval_stream];
        Counters {
            refilled_bytes: streams
                .into_iter()
                .flatten()
                .map(|stream| stream.written)
                .sum(),
            ..self.counters
        }
    }

    /// Training steps done since the weights were loaded, or as counted by the snapshot.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Seconds that the driver took to compile the kernels.
    #[must_use]
    pub fn compile_seconds(&self) -> f64 {
        self.cache.stats().time.as_secs_f64()
    }

    /// Keeps submits shorter than `seconds`, or at one step (one batch of an evaluation) each: a meter assigns steps to the
    /// updates of its sensors by the ends of submits.
    pub fn keep_submits_below(&mut self, seconds: f64) {
        self.pace.keep_below(seconds);
        self.eval_pace.keep_below(seconds);
    }

    /// Trains `steps` steps, fewer if `stop` is set meanwhile, and passes each result to `each` in order. Returns the number
    /// of steps done; no submit is then in flight.
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
        let mut in_flight: VecDeque<InFlight> = VecDeque::new();
        let mut last = Instant::now();
        let mut done = 0;
        while done < steps && !stop.load(Ordering::Relaxed) {
            let position = self.window_order.position(self.step);
            if position.starts {
                // The device still reads the old window while a submit is in flight.
                while let Some(submit) = in_flight.pop_front() {
                    self.finish(submit, &mut last, each)?;
                }
                self.write_state(state::EPOCH, &[position.epoch, 0]);
            }
            if let Some(stream) = &mut self.stream {
                stream.turn_to(position.window, self.gpu, &self.built)?;
                let next = self.step + u64::from(position.left);
                stream.prefetch(self.window_order.position(next).window);
            }
            let count = self.pace.steps().min(steps - done).min(position.left);
            in_flight.push_back(self.submit_steps(count));
            done += count;
            // Written before the next submit runs.
            if let Some(stream) = &mut self.stream {
                stream.pump(self.gpu, &self.built);
            }
            if in_flight.len() == IN_FLIGHT
                && let Some(submit) = in_flight.pop_front()
            {
                self.finish(submit, &mut last, each)?;
            }
        }
        while let Some(submit) = in_flight.pop_front() {
            self.finish(submit, &mut last, each)?;
        }
        Ok((self.step - first) as u32)
    }

    fn submit_steps(&mut self, count: u32) -> InFlight {
        let buffer = (self.counters.submits % IN_FLIGHT as u64) as usize;
        let from = self.step;
        let first = self.counters.steps == 0;
        let mut recording = self.gpu.record();
        let order = &self.window_order;
        let stream = self.stream.as_ref();
        let windows = (from..from + u64::from(count)).map(|step| {
            let window = order.position(step).window;
            stream.map_or(window, |stream| stream.variant(window))
        });
        recording.lists(&[&self.train], windows);
        // The rows of these steps, in two pieces if they wrap around the end of the ring.
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
        self.counters.dispatches += u64::from(count) * self.train.len() as u64;
        InFlight {
            index,
            buffer,
            from,
            count,
            submitted: Instant::now(),
            first,
        }
    }

    fn finish(
        &mut self,
        submit: InFlight,
        last: &mut Instant,
        each: &mut dyn FnMut(StepResult),
    ) -> Result<(), ProgramError> {
        let InFlight {
            index,
            buffer,
            from,
            count,
            submitted,
            first,
        } = submit;
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
                        gradient_norm: if row[2] < 0.0 { f32::NAN } else { row[2] },
                        skipped: row[2] < 0.0,
                        non_finite: row[3] != 0.0,
                        ends_submit: at + 1 == count as usize,
                    });
                }
            },
        )?;
        let now = Instant::now();
        // The very first step also compiled the kernels.
        if !first {
            self.pace
                .observe((now - (*last).max(submitted)).as_secs_f64(), count);
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
        let blocks = evaluation_blocks(&self.network) as usize;
        let bytes = u64::from(batches) * (blocks as u64 + 1) * ROW_BYTES;
        let size = self.options.eval_batch_size as usize;
        let mut done = 0;
        let mut in_flight: VecDeque<(Submission, u32, Instant)> = VecDeque::new();
        let mut last = Instant::now();
        while done < batches {
            let mut count = self.eval_pace.steps().min(batches - done);
            let windows = &self.lowered.eval_shards.windows;
            if let Some(stream) = &mut self.eval_stream {
                let first = done as usize * size;
                let window = windows.of_sample(first);
                count = count.min(windows.steps_left(first, size as u32));
                stream.turn_to(window, self.gpu, &self.built)?;
                stream.prefetch((window + 1) % windows.count());
            }
            let mut recording = self.gpu.record();
            let stream = self.eval_stream.as_ref();
            recording.lists(
                &[&self.evaluate],
                (done..done + count).map(|b| {
                    let window = windows.of_sample(b as usize * size);
                    stream.map_or(window, |stream| stream.variant(window))
                }),
            );
            done += count;
            if done == batches {
                let results = self.memory(self.lowered.eval_results);
                recording.copy(results, 0, &self.readback[0], 0, bytes);
            }
            in_flight.push_back((self.gpu.submit(recording), count, Instant::now()));
            self.counters.submits += 1;
            self.counters.dispatches += u64::from(count) * self.evaluate.len() as u64;
            if let Some(stream) = &mut self.eval_stream {
                stream.pump(self.gpu, &self.built);
            }
            if in_flight.len() == IN_FLIGHT
                && done < batches
                && let Some((index, count, submitted)) = in_flight.pop_front()
            {
                self.gpu.wait_for(index)?;
                let now = Instant::now();
                self.eval_pace
                    .observe((now - last.max(submitted)).as_secs_f64(), count);
                last = now;
            }
        }
        // Of each block of rows: four sums; then the number of samples.
        let mut sums = vec![[0.0; 4]; blocks + 1];
        self.gpu.map(&self.readback[0], bytes, None, |bytes| {
            for (at, row) in rows(bytes).enumerate() {
                let sums = &mut sums[at % (blocks + 1)];
                sums.iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum += f64::from(value));
            }
        })?;
        let samples = sums[blocks][0];
        Ok(Evaluation {
            samples: samples as u64,
            metrics: metrics(&self.network, &sums, samples),
        })
    }

    /// Every composed shader with a name, once each.
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

    /// Keeps what the driver compiled for the next run.
    pub fn save_pipelines(&mut self) {
        self.cache.save();
    }

    pub(super) fn memory(&self, tensor: Tensor) -> &Memory {
        &self.built.memory[self.plan.places[&tensor].slot]
    }

    pub(super) fn reset(&mut self) {
        self.continue_at(0, &self.lowered.state_words.clone());
    }

    /// Continues after `step` steps; `words`: the state then.
    pub(super) fn continue_at(&mut self, step: u64, words: &[u32]) {
        self.step = step;
        self.write_state(0, words);
    }

    fn write_state(&self, word: u32, words: &[u32]) {
        self.gpu.write(
            self.memory(self.lowered.state),
            u64::from(word) * 4,
            bytemuck::cast_slice(words),
        );
    }

    pub(super) fn list(&self) -> &List {
        &self.lowered.list
    }
}

#[derive(Debug)]
struct InFlight {
    index: Submission,
    buffer: usize,
    from: u64,
    count: u32,
    submitted: Instant,
    /// Whether it is the program's first.
    first: bool,
}

fn rows(bytes: &[u8]) -> impl Iterator<Item = [f32; 4]> + '_ {
    bytes.chunks_exact(ROW_BYTES as usize).map(|row| {
        [0, 4, 8, 12].map(|at| f32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]))
    })
}
