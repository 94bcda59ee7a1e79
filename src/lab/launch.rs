//! A kernel with its data and its grid.

use super::compare::KernelComparison;
use super::data::KernelOutputs;
use super::error::KernelError;
use super::interface::BindingAccess;
use super::kernel::{GUARD, Kernel};
use super::metering::{Seconds, meter_replay};
use super::replay::{Replay, SUBMISSION_SECONDS, Samples, clock_of};
use super::timing::{KernelEnergy, KernelTiming};
use crate::device::{Command, DeviceError, Memory, Step};
use crate::energy::Meter;
use crate::kernels::count::{Counted, Operand};

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
        self.replay().submit(1);
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
                launches[at]
                    .replay()
                    .sample(dispatches[at], &mut samples[at])?;
            }
        }
        let clock = clock_of(samples.iter());
        Ok(std::array::from_fn(|at| {
            samples[at].timing(dispatches[at], clock)
        }))
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
        let lengths = Seconds {
            shortest: seconds,
            longest: seconds,
        };
        let replay = self.replay();
        Ok(meter_replay(
            meter,
            &replay,
            each,
            lengths,
            &[],
            &mut |_| (),
        )?)
    }

    /// Dispatches in sequence, `each` per submission ([`KernelLaunch::short_submission`]), until `goes_on` returns false.
    /// It is called with the number of dispatches after each submission that ended. One submission is always queued behind
    /// the one that runs, so that the device does not wait for the host; at the end the queue is empty.
    ///
    /// # Errors
    /// The device failed.
    pub fn drive(&self, each: u32, goes_on: impl FnMut(u32) -> bool) -> Result<(), DeviceError> {
        self.replay().drive(each, goes_on)
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

    /// Bytes of all bindings that are no uniforms: the most that can be distinct in memory.
    #[must_use]
    pub fn operand_bytes(&self) -> u64 {
        let bindings = self.kernel.bindings.iter().zip(&self.words);
        bindings
            .filter(|(binding, _)| binding.access != BindingAccess::Uniform)
            .map(|(_, words)| words.len() as u64 * 4)
            .sum()
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

    fn replay(&self) -> Replay<'_> {
        Replay::new(self.kernel.gpu, &self.step)
    }

    /// Resets the data, warms up, and returns the dispatches of a submission of [`SUBMISSION_SECONDS`].
    fn warm_up(&self) -> Result<u32, KernelError> {
        self.reset()?;
        Ok(self.replay().warm_up(SUBMISSION_SECONDS)?)
    }
}

fn at_least(what: &'static str, allowed: &str, given: f64) -> KernelError {
    KernelError::Range {
        what,
        allowed: allowed.to_owned(),
        given: given.to_string(),
    }
}
