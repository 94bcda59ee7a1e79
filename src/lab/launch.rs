//! A kernel with its data and its grid.

use std::time::Instant;

use super::compare::KernelComparison;
use super::data::KernelOutputs;
use super::error::KernelError;
use super::interface::BindingAccess;
use super::kernel::{GUARD, Kernel};
use super::timing::{KernelEnergy, KernelTiming, TimingClock};
use crate::device::{Command, DeviceError, Memory, Step, Submission};
use crate::energy::Meter;
use crate::kernels::count::{Counted, Operand};

/// Seconds of a timed submission: long beside the cost of a submission, short beside a watchdog.
const SUBMISSION_SECONDS: f64 = 0.02;
/// Most dispatches of a submission.
const MAX_DISPATCHES: u32 = 4096;

/// A kernel with its data and a grid, made by [`Kernel::bind`].
///
/// ```no_run
/// use wattgrad::{BindingData, Gpu, Kernel, Meter};
///
/// let gpu = Gpu::open(&Default::default())?;
/// let kernel = Kernel::new(&gpu, "halve", "
///     @group(0) @binding(0) var<storage, read_write> x: array<f32>;
///     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] *= 0.5; }")?;
/// let x = vec![1.0_f32; 6400];
/// let launch = kernel.bind(&[("x", BindingData::from(&x))], [100, 1, 1])?;
/// println!("{}", launch.compare("x", |_| 0.5)?.within(0.0)?);
/// println!("{}", launch.time(5)?);
/// println!("{}", launch.meter(&Meter::open(&Default::default(), None)?, 2.0)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KernelLaunch<'k> {
    kernel: &'k Kernel<'k>,
    step: [Step; 1],
    /// Memory and words of each binding.
    memory: Vec<Memory>,
    words: Vec<Vec<u32>>,
    workgroups: [u32; 3],
}

impl<'k> KernelLaunch<'k> {
    pub(super) fn new(
        kernel: &'k Kernel<'k>,
        command: Command,
        memory: Vec<Memory>,
        words: Vec<Vec<u32>>,
        workgroups: [u32; 3],
    ) -> Self {
        Self {
            kernel,
            step: [Step::Fixed(command)],
            memory,
            words,
            workgroups,
        }
    }

    /// Runs the kernel once on its data, as it was bound, and reads every binding that it may write.
    ///
    /// # Errors
    /// The device failed, or is the backend without hardware.
    pub fn run(&self) -> Result<KernelOutputs, KernelError> {
        self.reset()?;
        self.submit(1);
        let mut all = vec![];
        for (at, binding) in self.kernel.bindings.iter().enumerate() {
            if binding.access == BindingAccess::ReadWrite {
                let bytes = self.kernel.gpu.read(&self.memory[at])?;
                let (bytes, guard) = bytes.split_at(self.words[at].len() * 4);
                self.kernel.check_guard(&binding.name, guard)?;
                let words = bytemuck::pod_collect_to_vec(bytes);
                all.push((binding.name.clone(), binding.element, words));
            }
        }
        Ok(KernelOutputs {
            kernel: self.kernel.name.clone(),
            all,
        })
    }

    /// Runs the kernel and compares every element `i` of `output` with `oracle(i)`.
    ///
    /// # Errors
    /// As [`KernelLaunch::run`], or the kernel does not write this binding.
    pub fn compare(
        &self,
        output: &str,
        oracle: impl Fn(usize) -> f64,
    ) -> Result<KernelComparison, KernelError> {
        let got = self.run()?.numbers(output)?;
        Ok(KernelComparison::new(output, &got, oracle))
    }

    /// Times a dispatch `repeats` times, each over one submission of about 20 ms, after a warm-up. A kernel that updates
    /// in place continues from its own results, and its dispatches wait for each other; the time includes these waits.
    ///
    /// The device's clock is used where it is plausible, otherwise the host's; [`KernelTiming::clock`] names it.
    ///
    /// # Errors
    /// As [`KernelLaunch::run`], or `repeats` is 0.
    pub fn time(&self, repeats: u32) -> Result<KernelTiming, KernelError> {
        let [timing] = KernelLaunch::time_in_turns([self], repeats)?;
        Ok(timing)
    }

    /// [`KernelLaunch::time`] of several launches on one device in turns, A B, B A, A B ..., so that a change of clocks or
    /// load affects all alike. All timings are by the same clock.
    ///
    /// # Errors
    /// As [`KernelLaunch::time`].
    pub fn time_in_turns<const N: usize>(
        launches: [&Self; N],
        repeats: u32,
    ) -> Result<[KernelTiming; N], KernelError> {
        if repeats == 0 {
            return Err(at_least("repeats", "at least 1", 0.0));
        }
        let mut dispatches = [0; N];
        for (dispatches, launch) in dispatches.iter_mut().zip(launches) {
            *dispatches = launch.warm_up()?;
        }
        let mut samples = [(); N].map(|()| Samples::default());
        for turn in 0..repeats {
            for at in 0..N {
                let at = if turn % 2 == 0 { at } else { N - 1 - at };
                launches[at].sample(dispatches[at], &mut samples[at])?;
            }
        }
        let by_device = samples.iter().all(|s| s.device.len() == s.host.len());
        Ok(std::array::from_fn(|at| match by_device {
            true => KernelTiming::new(&samples[at].device, dispatches[at], TimingClock::Device),
            false => KernelTiming::new(&samples[at].host, dispatches[at], TimingClock::Host),
        }))
    }

    /// One submission of `dispatches`.
    fn sample(&self, dispatches: u32, into: &mut Samples) -> Result<(), KernelError> {
        let gpu = self.kernel.gpu;
        let stopwatch = gpu.stopwatch();
        let mut recording = gpu.record();
        let windows = std::iter::repeat_n(0, dispatches as usize);
        match &stopwatch {
            Some(stopwatch) => recording.timed(stopwatch, &[&self.step], windows),
            None => recording.lists(&[&self.step], windows),
        }
        let start = Instant::now();
        gpu.wait_for(gpu.submit(recording))?;
        let seconds = start.elapsed().as_secs_f64();
        into.host.push(seconds);
        if let Some(stopwatch) = &stopwatch {
            let elapsed = gpu.elapsed(stopwatch)?;
            let elapsed = elapsed.filter(|elapsed| plausible(*elapsed, seconds));
            into.device.extend(elapsed);
        }
        Ok(())
    }

    /// Measures the energy of dispatches in sequence for at least `seconds`.
    ///
    /// # Errors
    /// As [`KernelLaunch::run`], or `seconds` is not above 0.
    pub fn meter(&self, meter: &Meter, seconds: f64) -> Result<KernelEnergy, KernelError> {
        if seconds.is_nan() || seconds <= 0.0 {
            return Err(at_least("seconds", "above 0", seconds));
        }
        let each = self.warm_up()?;
        let mut dispatches = 0;
        let window = meter.start();
        let start = Instant::now();
        self.drive(each, |ended| {
            dispatches += u64::from(ended);
            start.elapsed().as_secs_f64() < seconds
        })?;
        Ok(KernelEnergy {
            dispatches,
            seconds: start.elapsed().as_secs_f64(),
            energy: window.stop(),
        })
    }

    /// Dispatches in sequence, `each` per submission ([`KernelLaunch::short_submission`]), until `goes_on` returns false.
    /// It is called with the number of dispatches after each submission that ended. One submission is always queued behind
    /// the one that runs, so that the device does not wait for the host; at the end the queue is empty.
    ///
    /// # Errors
    /// The device failed.
    pub fn drive(
        &self,
        each: u32,
        mut goes_on: impl FnMut(u32) -> bool,
    ) -> Result<(), DeviceError> {
        let gpu = self.kernel.gpu;
        let mut before = self.submit(each);
        loop {
            let next = self.submit(each);
            gpu.wait_for(std::mem::replace(&mut before, next))?;
            if !goes_on(each) {
                gpu.wait_for(before)?;
                goes_on(each);
                return Ok(());
            }
        }
    }

    /// Resets the data, warms up, and returns the dispatches of a submission of a few milliseconds.
    ///
    /// # Errors
    /// As [`KernelLaunch::run`].
    pub fn short_submission(&self) -> Result<u32, KernelError> {
        Ok((self.warm_up()? / 8).max(1))
    }

    /// The work of one dispatch, counted from the kernel's code: uniforms and the lengths of arrays steer it.
    ///
    /// # Errors
    /// The kernel uses an operation without an agreed cost, or does not end.
    pub fn count(&self) -> Result<Counted, KernelError> {
        let bindings = (0..).zip(&self.kernel.bindings).zip(&self.words);
        let operands: Vec<Operand<'_>> = bindings
            .map(|((at, binding), words)| Operand {
                binding: at,
                words: match binding.access {
                    BindingAccess::Uniform => words,
                    _ => &[],
                },
                length: binding.items(words.len()) as u32,
            })
            .collect();
        self.kernel.count(&operands, self.workgroups)
    }

    /// Restores the data that earlier dispatches may have changed.
    fn reset(&self) -> Result<(), KernelError> {
        let gpu = self.kernel.gpu;
        if gpu.is_noop() {
            return Err(KernelError::Kernel {
                kernel: self.kernel.name.clone(),
                problem: "the backend without hardware runs nothing; open a real adapter".into(),
            });
        }
        let bindings = self.kernel.bindings.iter();
        for ((binding, memory), words) in bindings.zip(&self.memory).zip(&self.words) {
            if binding.access != BindingAccess::Uniform {
                gpu.write(memory, 0, bytemuck::cast_slice(words));
                let guard = self.kernel.guard_bytes();
                if guard > 0 {
                    let at = words.len() as u64 * 4;
                    gpu.write(memory, at, &vec![GUARD; guard as usize]);
                }
            }
        }
        Ok(gpu.check()?)
    }

    fn submit(&self, dispatches: u32) -> Submission {
        let gpu = self.kernel.gpu;
        let mut recording = gpu.record();
        recording.lists(&[&self.step], std::iter::repeat_n(0, dispatches as usize));
        gpu.submit(recording)
    }

    /// Resets the data, warms up, and returns the dispatches of a submission of [`SUBMISSION_SECONDS`].
    fn warm_up(&self) -> Result<u32, KernelError> {
        self.reset()?;
        // The first dispatch also finishes compiling.
        self.kernel.gpu.wait_for(self.submit(1))?;
        let mut dispatches = 1;
        loop {
            let start = Instant::now();
            self.kernel.gpu.wait_for(self.submit(dispatches))?;
            let seconds = start.elapsed().as_secs_f64();
            if seconds >= SUBMISSION_SECONDS || dispatches == MAX_DISPATCHES {
                return Ok(dispatches);
            }
            let more = (1.2 * SUBMISSION_SECONDS / seconds.max(1e-9)).clamp(1.5, 16.0);
            dispatches = ((f64::from(dispatches) * more).ceil() as u32).min(MAX_DISPATCHES);
        }
    }
}

/// Seconds of submissions by the host's clock, and by the device's where that is plausible.
#[derive(Default)]
struct Samples {
    host: Vec<f64>,
    device: Vec<f64>,
}

fn at_least(what: &'static str, allowed: &str, given: f64) -> KernelError {
    KernelError::Range {
        what,
        allowed: allowed.to_owned(),
        given: given.to_string(),
    }
}

/// Whether the device's clock is plausible: a pass is within its submission, and at this length makes up most of it; some
/// drivers stamp a pass when it is recorded, or not at all.
fn plausible(device: f64, host: f64) -> bool {
    (0.5 * host..=1.02 * host).contains(&device)
}

#[test]
fn rejects_implausible_device_clocks() {
    assert!(plausible(0.019, 0.02));
    for device in [1e-6, 0.03, f64::NAN] {
        assert!(!plausible(device, 0.02));
    }
}
