//! A list of dispatches that is submitted again and again: how kernels and steps are timed and metered.

use std::time::Instant;

use super::timing::{KernelTiming, TimingClock};
use crate::device::{DeviceError, Gpu, Memory, Step, Submission};

/// Seconds of a timed submission: long beside the cost of a submission, short beside a watchdog.
pub const SUBMISSION_SECONDS: f64 = 0.02;
/// Most repetitions in a submission.
const MAX_REPETITIONS: u32 = 4096;
/// Inputs are restored at least this often while a list is driven; the copies are then a small part of the time.
const RESTORE_SECONDS: f64 = 0.25;

/// A list of dispatches to repeat.
#[derive(Debug)]
pub struct Replay<'a> {
    gpu: &'a Gpu,
    steps: &'a [Step],
    /// The shard window that is bound.
    window: usize,
    restore: Option<&'a Restore>,
}

/// The contents of memory that a list changes, kept so that every timing starts from the same values.
#[derive(Debug)]
pub struct Restore {
    /// The memory and its copy.
    pairs: Vec<(Memory, Memory)>,
}

impl Restore {
    /// Copies the present contents of `memory`; `None` for no memory.
    ///
    /// # Errors
    /// The device failed.
    pub fn keep(gpu: &Gpu, memory: &[Memory]) -> Result<Option<Self>, DeviceError> {
        if memory.is_empty() {
            return Ok(None);
        }
        let copy = |memory: &Memory| gpu.allocate("kept inputs", memory.bytes(), memory.texel());
        let pairs: Vec<_> = memory.iter().map(|of| (of.clone(), copy(of))).collect();
        let mut recording = gpu.record();
        for (of, copy) in &pairs {
            recording.copy_all(of, copy);
        }
        gpu.wait_for(gpu.submit(recording))?;
        Ok(Some(Self { pairs }))
    }

    /// Submits the copies back.
    fn submit(&self, gpu: &Gpu) -> Submission {
        let mut recording = gpu.record();
        for (of, copy) in &self.pairs {
            recording.copy_all(copy, of);
        }
        gpu.submit(recording)
    }
}

impl<'a> Replay<'a> {
    /// Of `steps`, which change nothing that they read.
    pub fn new(gpu: &'a Gpu, steps: &'a [Step]) -> Self {
        Self {
            gpu,
            steps,
            window: 0,
            restore: None,
        }
    }

    /// The same with the shards of `window`.
    pub fn in_window(self, window: usize) -> Self {
        Self { window, ..self }
    }

    /// The same on inputs that are restored before every timing.
    pub fn restoring(self, restore: Option<&'a Restore>) -> Self {
        Self { restore, ..self }
    }

    fn windows(&self, times: u32) -> impl Iterator<Item = usize> {
        std::iter::repeat_n(self.window, times as usize)
    }

    /// Submits the list `times` times in one pass.
    pub fn submit(&self, times: u32) -> Submission {
        let mut recording = self.gpu.record();
        recording.lists(&[self.steps], self.windows(times));
        self.gpu.submit(recording)
    }

    fn restored(&self) -> Result<(), DeviceError> {
        match self.restore {
            Some(restore) => self.gpu.wait_for(restore.submit(self.gpu)),
            None => Ok(()),
        }
    }

    /// Runs the list until a submission takes `seconds`, and returns its repetitions.
    ///
    /// # Errors
    /// The device failed.
    pub fn warm_up(&self, seconds: f64) -> Result<u32, DeviceError> {
        self.restored()?;
        // The first dispatch also finishes compiling.
        self.gpu.wait_for(self.submit(1))?;
        let mut times = 1;
        loop {
            let start = Instant::now();
            self.gpu.wait_for(self.submit(times))?;
            let taken = start.elapsed().as_secs_f64();
            if taken >= seconds || times == MAX_REPETITIONS {
                return Ok(times);
            }
            let more = (1.2 * seconds / taken.max(1e-9)).clamp(1.5, 16.0);
            times = ((f64::from(times) * more).ceil() as u32).min(MAX_REPETITIONS);
        }
    }

    /// Times one submission of the list `times` times.
    ///
    /// # Errors
    /// The device failed.
    pub fn sample(&self, times: u32, into: &mut Samples) -> Result<(), DeviceError> {
        self.restored()?;
        let gpu = self.gpu;
        let stopwatch = gpu.stopwatch(1);
        let mut recording = gpu.record();
        match &stopwatch {
            Some(stopwatch) => recording.timed(stopwatch, &[self.steps], self.windows(times)),
            None => recording.lists(&[self.steps], self.windows(times)),
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

    /// Repeats the list in sequence, `each` times per submission, until `goes_on` returns false. It is called with the
    /// repetitions after each submission that ended. One submission is always queued behind the one that runs, so that the
    /// device does not wait for the host; at the end the queue is empty.
    ///
    /// # Errors
    /// The device failed.
    pub fn drive(
        &self,
        each: u32,
        mut goes_on: impl FnMut(u32) -> bool,
    ) -> Result<(), DeviceError> {
        let gpu = self.gpu;
        let mut restored = Instant::now();
        let mut next = || {
            if let Some(restore) = self.restore
                && restored.elapsed().as_secs_f64() > RESTORE_SECONDS
            {
                restore.submit(gpu);
                restored = Instant::now();
            }
            self.submit(each)
        };
        let mut before = next();
        loop {
            let next = next();
            gpu.wait_for(std::mem::replace(&mut before, next))?;
            if !goes_on(each) {
                gpu.wait_for(before)?;
                goes_on(each);
                return self.restored();
            }
        }
    }
}

/// Seconds of submissions by the host's clock, and by the device's where that is plausible.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// From submission to completion.
    pub host: Vec<f64>,
    /// Of the pass; fewer than those of the host where some were implausible.
    pub device: Vec<f64>,
}

impl Samples {
    /// Whether the device's clock was plausible every time.
    pub fn by_device(&self) -> bool {
        self.device.len() == self.host.len()
    }

    /// The timing of submissions of `times` repetitions.
    pub fn timing(&self, times: u32, clock: TimingClock) -> KernelTiming {
        match clock {
            TimingClock::Device => KernelTiming::new(&self.device, times, clock),
            TimingClock::Host => KernelTiming::new(&self.host, times, clock),
        }
    }
}

/// The device's clock if it was plausible in every sample of all, else the host's.
pub fn clock_of<'s>(mut samples: impl Iterator<Item = &'s Samples>) -> TimingClock {
    match samples.all(Samples::by_device) {
        true => TimingClock::Device,
        false => TimingClock::Host,
    }
}

/// Whether the device's clock is plausible: a pass is within its submission, and at this length makes up most of it; some
/// drivers stamp a pass when it is recorded, or not at all.
pub fn plausible(device: f64, host: f64) -> bool {
    (0.5 * host..=1.02 * host).contains(&device)
}

#[test]
fn rejects_implausible_device_clocks() {
    assert!(plausible(0.019, 0.02));
    for device in [1e-6, 0.03, f64::NAN] {
        assert!(!plausible(device, 0.02));
    }
}
