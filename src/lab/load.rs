//! A device made to work and to rest at will: the load under which an instrument is examined.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::data::Data;
use super::error::KernelError;
use super::kernel::Kernel;
use crate::device::{AdapterKind, Gpu, GpuOptions};
use crate::energy::{Activity, Workload};

/// Chains of multiplications and additions over values that do not settle: what a device's arithmetic draws.
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

/// One adapter, worked from a thread of its own. It is opened for [`Activity::Context`] and closed for
/// [`Activity::Cold`].
///
/// ```no_run
/// use wattgrad::internals::energy::{Meter, MeterOptions};
/// use wattgrad::internals::lab::DeviceLoad;
///
/// let options = MeterOptions::default();
/// let meter = Meter::open(&options, None)?;
/// meter.calibrate(&options, &mut DeviceLoad::new(Default::default()), |source, found| {
///     println!("{source}: {found:?}");
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DeviceLoad {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    wanted: Option<Activity>,
    present: Option<Activity>,
    failed: Option<String>,
}

impl DeviceLoad {
    /// For the adapter of `options`, at rest.
    pub fn new(options: GpuOptions) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                wanted: Some(Activity::Cold),
                present: None,
                failed: None,
            }),
            changed: Condvar::new(),
        });
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("wattgrad-load".into())
            .spawn(move || worker.run(&options))
            .ok();
        if thread.is_none() {
            shared.state().failed = Some("no thread could be started".to_owned());
        }
        Self { shared, thread }
    }

    /// Why the device could not be worked, once it was tried.
    pub fn failed(&self) -> Option<String> {
        self.shared.state().failed.clone()
    }

    fn want(&self, activity: Option<Activity>) {
        let mut state = self.shared.state();
        state.wanted = activity;
        self.shared.changed.notify_all();
        while state.present != activity && state.failed.is_none() {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Workload for DeviceLoad {
    fn set(&mut self, activity: Activity) {
        self.want(Some(activity));
    }
}

impl Drop for DeviceLoad {
    fn drop(&mut self) {
        self.shared.state().wanted = None;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has nothing left to end.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> Option<Activity> {
        self.state().wanted
    }

    fn is(&self, activity: Activity) {
        self.state().present = Some(activity);
        self.changed.notify_all();
    }

    /// Rests until something else than `activity` is wanted.
    fn rest(&self, activity: Activity) {
        self.is(activity);
        let mut state = self.state();
        while state.wanted == Some(activity) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, options: &GpuOptions) {
        loop {
            match self.wanted() {
                None => return,
                Some(Activity::Cold) => self.rest(Activity::Cold),
                Some(_) => {
                    if let Err(error) = self.opened(options) {
                        self.state().failed = Some(error.to_string());
                        self.changed.notify_all();
                        return;
                    }
                }
            }
        }
    }

    /// With the device open, until it is to be closed.
    fn opened(&self, options: &GpuOptions) -> Result<(), KernelError> {
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
        let inputs = [("values", Data::from(&values))];
        let busy = busy.bind(&inputs, [groups, 1, 1])?;
        let empty = empty.bind(&inputs, [1, 1, 1])?;
        let (many, few) = (busy.short_submission()?, empty.short_submission()?);
        loop {
            let going = |activity| move || self.wanted() == Some(activity);
            match self.wanted() {
                None | Some(Activity::Cold) => return Ok(()),
                Some(Activity::Context) => self.rest(Activity::Context),
                Some(activity) => {
                    let (launch, each) = match activity {
                        Activity::Load => (&busy, many),
                        _ => (&empty, few),
                    };
                    launch.repeat(each, || self.is(activity), going(activity))?;
                }
            }
        }
    }
}
