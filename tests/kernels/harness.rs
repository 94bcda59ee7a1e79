//! Devices for the tests and the benchmark of the kernels.
#![allow(dead_code)] // the tests and the benchmark each use a part

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use wattgrad::Gpu;
use wattgrad::internals::conformance::{Guard, Prepared};
use wattgrad::internals::device::{GpuOptions, PipelineCache};
use wattgrad::internals::kernels::{List, Storage, Tensor};

/// An open device and its pipelines.
pub struct Device {
    pub gpu: Gpu,
    pub pipelines: Option<PipelineCache>,
}

impl Device {
    /// Compiles a list and places its tensors.
    pub fn prepare(
        &mut self,
        list: &List,
        given: &[(Tensor, Vec<u32>)],
        storage: Storage,
    ) -> Prepared {
        let pipelines = self.pipelines.as_mut().unwrap();
        Prepared::new(
            &self.gpu,
            pipelines,
            list,
            given,
            storage,
            &Guard::default(),
        )
        .unwrap_or_else(|refused| panic!("{}", refused.why))
    }
}

/// One device per core: a software driver compiles the kernels of a device on one thread, which takes most of the time.
static DEVICES: LazyLock<Vec<Mutex<Device>>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let open = || {
        let gpu = Gpu::open(&GpuOptions::default())
            .expect("a Vulkan driver is needed; Mesa's software driver is enough");
        let pipelines = Some(PipelineCache::with_directory(&gpu, None));
        Mutex::new(Device { gpu, pipelines })
    };
    (0..cores.min(4)).map(|_| open()).collect()
});

/// A device that no other test uses, or the first one as soon as it is free.
pub fn device() -> MutexGuard<'static, Device> {
    let free = DEVICES.iter().find_map(|device| device.try_lock().ok());
    free.unwrap_or_else(|| DEVICES[0].lock().unwrap_or_else(PoisonError::into_inner))
}

/// Lanes per subgroup where the `texel` kernels run here.
pub fn texel_lanes() -> Option<u32> {
    static LANES: LazyLock<Option<u32>> = LazyLock::new(|| {
        let lanes = device().gpu.texel_lanes();
        if let Ok(expected) = std::env::var("WATTGRAD_TEST_LANES") {
            assert_eq!(lanes.map(|n| n.to_string()), Some(expected));
        }
        lanes
    });
    *LANES
}
