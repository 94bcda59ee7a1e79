//! A kernel with its data and its grid: run, compared, timed, metered.

use std::time::Instant;

use super::compare::Comparison;
use super::data::Outputs;
use super::error::KernelError;
use super::interface::Access;
use super::kernel::Kernel;
use super::timing::{Clock, Metered, Timing};
use crate::device::{Command, Memory, Step};
use crate::energy::Meter;
use crate::kernels::count::Counted;

/// Seconds of a submission whose time is taken: long beside the cost of a submission, short beside a watchdog.
const SUBMISSION_SECONDS: f64 = 0.02;
/// Dispatches of a submission at most.
const MOST_DISPATCHES: u32 = 4096;

/// A kernel with data behind its bindings and a grid, made by [`Kernel::bind`].
///
/// ```no_run
/// use wattgrad::internals::lab::{Data, Kernel};
/// use wattgrad::{Gpu, Meter};
///
/// let gpu = Gpu::open(&Default::default())?;
/// let kernel = Kernel::new(&gpu, "halve", "
///     @group(0) @binding(0) var<storage, read_write> x: array<f32>;
///     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] *= 0.5; }")?;
/// let x = vec![1.0_f32; 6400];
/// let launch = kernel.bind(&[("x", Data::from(&x))], [100, 1, 1])?;
/// println!("{}", launch.compare("x", |_| 0.5)?.within(0.0)?);
/// println!("{}", launch.time(5)?);
/// println!("{}", launch.meter(&Meter::open(&Default::default(), None)?, 2.0)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Launch<'k> {
    kernel: &'k Kernel<'k>,
    step: [Step; 1],
    /// By binding; uniforms have none.
    memory: Vec<Option<Memory>>,
    words: Vec<Vec<u32>>,
    workgroups: [u32; 3],
}

impl<'k> Launch<'k> {
    pub(super) fn new(
        kernel: &'k Kernel<'k>,
        command: Command,
        memory: Vec<Option<Memory>>,
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

    /// Runs the kernel once on the data it was bound to, as it was then, and reads every binding it may write.
    ///
    /// # Errors
    /// The device failed, or is the one without hardware.
    pub fn run(&self) -> Result<Outputs, KernelError> {
        self.fresh()?;
        self.submit(1);
        let mut all = vec![];
        for (at, binding) in self.kernel.bindings.iter().enumerate() {
            if binding.access != Access::ReadWrite {
                continue;
            }
            let Some(memory) = &self.memory[at] else {
                continue;
            };
            let bytes = self.kernel.gpu.read(memory)?;
            let words = bytemuck::pod_collect_to_vec(&bytes[..self.words[at].len() * 4]);
            all.push((binding.name.clone(), binding.element, words));
        }
        Ok(Outputs {
            kernel: self.kernel.name.clone(),
            all,
        })
    }

    /// Runs the kernel and holds every element `i` of `output` against `oracle(i)`.
    ///
    /// # Errors
    /// As [`Launch::run`], or the kernel writes no such binding.
    pub fn compare(
        &self,
        output: &str,
        oracle: impl Fn(usize) -> f64,
    ) -> Result<Comparison, KernelError> {
        let got = self.run()?.numbers(output)?;
        Ok(Comparison::new(output, &got, oracle))
    }

    /// Takes the time of a dispatch `repeats` times, each over one submission of as many dispatches as take about
    /// 20 ms, after a warm-up. A kernel that updates in place goes on from its own results, and its dispatches wait
    /// for each other; the waits are in the time.
    ///
    /// The device's clock is used where it can be believed, else the host's; [`Timing::clock`] says which.
    ///
    /// # Errors
    /// As [`Launch::run`], or `repeats` is 0.
    pub fn time(&self, repeats: u32) -> Result<Timing, KernelError> {
        if repeats == 0 {
            return Err(KernelError::Nothing { what: "0 repeats" });
        }
        self.fresh()?;
        let gpu = self.kernel.gpu;
        let dispatches = self.settle()?;
        let stopwatch = gpu.stopwatch();
        let (mut host, mut device) = (vec![], vec![]);
        for _ in 0..repeats {
            let mut recording = gpu.record();
            let windows = std::iter::repeat_n(0, dispatches as usize);
            match &stopwatch {
                Some(stopwatch) => recording.timed(stopwatch, &[&self.step], windows),
                None => recording.lists(&[&self.step], windows),
            }
            let start = Instant::now();
            let submission = gpu.submit(recording);
            gpu.wait_for(submission)?;
            let seconds = start.elapsed().as_secs_f64();
            host.push(seconds);
            if let Some(stopwatch) = &stopwatch {
                device.extend(
                    gpu.elapsed(stopwatch)?
                        .filter(|read| credible(*read, seconds)),
                );
            }
        }
        Ok(if device.len() == host.len() {
            Timing::new(&device, dispatches, Clock::Device)
        } else {
            Timing::new(&host, dispatches, Clock::Host)
        })
    }

    /// Meters dispatches one after the other for at least `seconds`: the joules of the window, or why there are none.
    ///
    /// # Errors
    /// As [`Launch::run`], or `seconds` is not above 0.
    pub fn meter(&self, meter: &Meter, seconds: f64) -> Result<Metered, KernelError> {
        if seconds.is_nan() || seconds <= 0.0 {
            return Err(KernelError::Nothing { what: "no seconds" });
        }
        self.fresh()?;
        let each = self.settle()?;
        let gpu = self.kernel.gpu;
        let mut dispatches = 0;
        let window = meter.start();
        let start = Instant::now();
        // One submission is always queued behind the one that runs, so that the device does not wait for the host.
        let mut before = self.submit(each);
        dispatches += u64::from(each);
        while start.elapsed().as_secs_f64() < seconds {
            let next = self.submit(each);
            dispatches += u64::from(each);
            gpu.wait_for(std::mem::replace(&mut before, next))?;
        }
        gpu.wait_for(before)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Metered {
            dispatches,
            seconds,
            energy: window.stop(),
        })
    }

    /// Dispatches one after the other, `each` to a submission ([`Launch::short_submission`] finds how many) and one
    /// submission always queued behind the one that runs, until `done` says `false`; it hears how many dispatches have
    /// ended. The queue is then empty.
    ///
    /// # Errors
    /// The device failed.
    pub fn drive(&self, each: u32, mut done: impl FnMut(u32) -> bool) -> Result<(), KernelError> {
        let gpu = self.kernel.gpu;
        let mut before = self.submit(each);
        loop {
            let next = self.submit(each);
            gpu.wait_for(std::mem::replace(&mut before, next))?;
            if !done(each) {
                gpu.wait_for(before)?;
                done(each);
                return Ok(());
            }
        }
    }

    /// Dispatches one after the other, `each` to a submission, as long as `going` says so; `begun` is called once the
    /// device works.
    pub(super) fn repeat(
        &self,
        each: u32,
        begun: impl FnOnce(),
        going: impl Fn() -> bool,
    ) -> Result<(), KernelError> {
        let gpu = self.kernel.gpu;
        let mut before = self.submit(each);
        begun();
        while going() {
            let next = self.submit(each);
            gpu.wait_for(std::mem::replace(&mut before, next))?;
        }
        Ok(gpu.wait_for(before)?)
    }

    /// Puts the data back as it was bound and warms up; how many dispatches make a submission of a few milliseconds.
    ///
    /// # Errors
    /// As [`Launch::run`].
    pub fn short_submission(&self) -> Result<u32, KernelError> {
        self.fresh()?;
        Ok((self.settle()? / 8).max(1))
    }

    /// What one invocation does, counted from the kernel's own code with the words at binding 0 as its sizes.
    ///
    /// # Errors
    /// The kernel uses something without an agreed number of operations, or does not end.
    pub fn count(&self) -> Result<Counted, KernelError> {
        let uniform =
            self.kernel.bindings.first().map(|binding| binding.access) == Some(Access::Uniform);
        let sizes = self.words.first().filter(|_| uniform);
        self.kernel
            .count(sizes.map_or(&[], Vec::as_slice), self.workgroups)
    }

    /// Puts the data back that earlier dispatches may have changed.
    fn fresh(&self) -> Result<(), KernelError> {
        let gpu = self.kernel.gpu;
        if gpu.is_noop() {
            return Err(KernelError::NoHardware {
                kernel: self.kernel.name.clone(),
            });
        }
        for (memory, words) in self.memory.iter().zip(&self.words) {
            if let Some(memory) = memory {
                gpu.write(memory, 0, bytemuck::cast_slice(words));
            }
        }
        Ok(gpu.check()?)
    }

    fn submit(&self, dispatches: u32) -> crate::device::Submission {
        let gpu = self.kernel.gpu;
        let mut recording = gpu.record();
        recording.lists(&[&self.step], std::iter::repeat_n(0, dispatches as usize));
        gpu.submit(recording)
    }

    /// Warms up and finds how many dispatches make a submission of [`SUBMISSION_SECONDS`].
    fn settle(&self) -> Result<u32, KernelError> {
        // The first dispatch also finishes compiling.
        self.kernel.gpu.wait_for(self.submit(1))?;
        let mut dispatches = 1;
        loop {
            let start = Instant::now();
            self.kernel.gpu.wait_for(self.submit(dispatches))?;
            let seconds = start.elapsed().as_secs_f64();
            if seconds >= SUBMISSION_SECONDS || dispatches == MOST_DISPATCHES {
                return Ok(dispatches);
            }
            let more = (1.2 * SUBMISSION_SECONDS / seconds.max(1e-9)).clamp(1.5, 16.0);
            dispatches = ((f64::from(dispatches) * more).ceil() as u32).min(MOST_DISPATCHES);
        }
    }
}

/// Whether the device's clock can be believed: a pass lies within its submission, and at this length makes up most of
/// it; some drivers stamp a pass when it is recorded, or not at all.
fn credible(device: f64, host: f64) -> bool {
    (0.5 * host..=1.02 * host).contains(&device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_cannot_be_right_is_not_believed() {
        assert!(credible(0.019, 0.02));
        assert!(!credible(1e-6, 0.02));
        assert!(!credible(0.03, 0.02));
        assert!(!credible(f64::NAN, 0.02));
    }
}
