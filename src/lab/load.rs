//! A device that works or idles on command: the load for calibrating sensors.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use super::data::BindingData;
use super::error::KernelError;
use super::kernel::Kernel;
use super::launch::KernelLaunch;
use crate::device::{AdapterKind, Gpu, GpuOptions};
use crate::energy::{Activity, Workload};

/// Chains of multiplications and additions over values that never converge: the power of a device's arithmetic.
const BUSY: &str = "
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn busy(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= arrayLength(&values)) { return; }
    var x = values[id.x];
    var y = x + 0.37;
    for (var i = 0u; i < 2000u; i += 1u) {
        x = 3.7 * x * (1.0 - x);
        y = 3.6 * y * (1.0 - y);
    }
    values[id.x] = clamp(0.5 * (x + y), 0.1, 0.9);
}";

const EMPTY: &str = "
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn empty(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x > arrayLength(&values)) { values[0] = 0.0; }
}";

/// Drives one adapter from its own thread. The adapter is open from [`Activity::Context`] on and closed for
/// [`Activity::Cold`].
pub struct DeviceLoad {
    /// Absent once the thread is to end.
    wanted: Option<Sender<Activity>>,
    /// One answer per wanted activity, once it is present.
    present: Receiver<Result<(), String>>,
    failed: Option<String>,
    thread: Option<JoinHandle<()>>,
}

impl DeviceLoad {
    /// Drives the adapter of `options`, which is closed at first.
    pub fn new(options: GpuOptions) -> Self {
        let (wanted, requests) = channel();
        let (answers, present) = channel();
        let worker = Worker { requests, answers };
        let thread = std::thread::Builder::new()
            .name("wattgrad-load".into())
            .spawn(move || {
                if let Err(error) = worker.run(&options) {
                    let _ = worker.answers.send(Err(error.to_string()));
                }
            })
            .ok();
        let failed = thread
            .is_none()
            .then(|| "the thread of the load cannot start".to_owned());
        Self {
            wanted: Some(wanted),
            present,
            failed,
            thread,
        }
    }

    /// Why the device could not be driven, if it failed.
    pub fn failed(&self) -> Option<String> {
        self.failed.clone()
    }
}

impl Workload for DeviceLoad {
    fn set(&mut self, activity: Activity) {
        let Some(wanted) = self.wanted.as_ref().filter(|_| self.failed.is_none()) else {
            return;
        };
        // A thread that ended has sent its reason.
        let _ = wanted.send(activity);
        self.failed = match self.present.recv() {
            Ok(answer) => answer.err(),
            Err(_) => Some("the thread of the load ended".to_owned()),
        };
    }
}

impl Drop for DeviceLoad {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has nothing left to end.
            let _ = thread.join();
        }
    }
}

struct Worker {
    requests: Receiver<Activity>,
    answers: Sender<Result<(), String>>,
}

impl Worker {
    /// Follows the requests until there can be no more.
    fn run(&self, options: &GpuOptions) -> Result<(), KernelError> {
        let mut next = self.requests.recv().ok();
        while let Some(activity) = next {
            next = match activity {
                Activity::Cold => self.wait(),
                _ => self.opened(options, activity)?,
            };
        }
        Ok(())
    }

    fn answer(&self) {
        // Nobody waits for it once the load is dropped.
        let _ = self.answers.send(Ok(()));
    }

    /// Idles until the next request.
    fn wait(&self) -> Option<Activity> {
        self.answer();
        self.requests.recv().ok()
    }

    /// Follows the requests with the device open, until it is to be closed.
    fn opened(
        &self,
        options: &GpuOptions,
        mut activity: Activity,
    ) -> Result<Option<Activity>, KernelError> {
        let gpu = Gpu::open(options)?;
        let groups = match gpu.adapter.kind {
            AdapterKind::Cpu => 64,
            _ => 16_384,
        };
        let values: Vec<f32> = (0..groups * 64)
            .map(|i| 0.1 + 0.8 * ((i as f32 * 0.618_034).fract()))
            .collect();
        let kernel = |name, source| Kernel::new(&gpu, name, source);
        let (busy, empty) = (kernel("busy", BUSY)?, kernel("empty", EMPTY)?);
        let inputs = [("values", BindingData::from(&values))];
        let busy = busy.bind(&inputs, [groups, 1, 1])?;
        let empty = empty.bind(&inputs, [1, 1, 1])?;
        let (many, few) = (busy.short_submission()?, empty.short_submission()?);
        loop {
            let next = match activity {
                Activity::Cold => return Ok(Some(Activity::Cold)),
                Activity::Context => self.wait(),
                Activity::Load => self.dispatch(&busy, many)?,
                _ => self.dispatch(&empty, few)?,
            };
            match next {
                Some(next) => activity = next,
                None => return Ok(None),
            }
        }
    }

    /// Dispatches until the next request.
    fn dispatch(
        &self,
        launch: &KernelLaunch<'_>,
        each: u32,
    ) -> Result<Option<Activity>, KernelError> {
        let mut begun = false;
        let mut next = Err(TryRecvError::Empty);
        launch.drive(each, |_| {
            if !std::mem::replace(&mut begun, true) {
                self.answer();
            }
            if next == Err(TryRecvError::Empty) {
                next = self.requests.try_recv();
            }
            next == Err(TryRecvError::Empty)
        })?;
        Ok(next.ok())
    }
}
