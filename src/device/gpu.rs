//! An open device, its features and its limits.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::adapter::{self, AdapterKind, AdapterSummary, Backend, ListOptions};
use super::error::DeviceError;

/// The smallest storage binding limit that [`GpuOptions::storage_binding_limit`] accepts, in bytes.
const LEAST_STORAGE_BINDING: u64 = 4096;

/// How to open a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Index, part of a name, or PCI address of the adapter; `None` takes the fastest kind there is.
    pub adapter: Option<String>,
    /// Upper limit of a storage binding in bytes, where it is below the adapter's own.
    pub storage_binding_limit: Option<u64>,
    /// Open wgpu's `noop` backend, which checks kernels and never runs them; for tests and benchmarks.
    pub noop: bool,
    /// Use only the default limits of WebGPU, and no optional feature that kernels can use.
    pub webgpu_defaults: bool,
}

/// Errors that the driver reports outside a call.
#[derive(Debug, Default)]
struct Reports {
    lost: OnceLock<String>,
    error: Mutex<Option<String>>,
}

/// Limits of an open device, by their names in WebGPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "WebGPU defines them")]
pub struct Limits {
    pub max_buffer_size: u64,
    pub max_storage_buffer_binding_size: u64,
    pub max_uniform_buffer_binding_size: u64,
    pub max_storage_buffers_per_shader_stage: u32,
    pub max_texture_dimension_2d: u32,
    pub max_compute_invocations_per_workgroup: u32,
    pub max_compute_workgroup_storage_size: u32,
    pub max_compute_workgroups_per_dimension: u32,
}

/// An open device and its queue.
///
/// ```
/// use wattgrad::{Gpu, GpuOptions};
///
/// match Gpu::open(&GpuOptions::default()) {
///     Ok(gpu) => {
///         let limit = gpu.limits.max_storage_buffer_binding_size;
///         println!("{} ({}): bindings of up to {limit} bytes", gpu.adapter.name, gpu.adapter.kind);
///     }
///     Err(why) => println!("{why}"), // why there is no device, and what to install
/// }
/// ```
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// The adapter: its name, kind and PCI address identify the energy counter that belongs to it.
    pub adapter: AdapterSummary,
    /// The limits of this device.
    pub limits: Limits,
    features: wgpu::Features,
    texel: Option<u32>,
    cache_key: Option<String>,
    reports: Arc<Reports>,
}

impl Gpu {
    /// Opens the adapter that `options` choose.
    ///
    /// # Errors
    /// [`DeviceError`] when there is no adapter, the choice matches none or several, the binding limit is too small
    /// to be usable, or the driver refuses.
    pub fn open(options: &GpuOptions) -> Result<Self, DeviceError> {
        if let Some(given) = options.storage_binding_limit
            && given < LEAST_STORAGE_BINDING
        {
            return Err(DeviceError::BindingLimit {
                given,
                least: LEAST_STORAGE_BINDING,
            });
        }
        let found = adapter::enumerate(&ListOptions { noop: options.noop })?;
        let (summaries, handles): (Vec<AdapterSummary>, Vec<wgpu::Adapter>) =
            found.into_iter().unzip();
        let summary = adapter::select(&summaries, options.adapter.as_deref())?.clone();
        let handle = &handles[summary.index];

        let features = handle.features() & wanted_features(options.webgpu_defaults);
        let mut limits = if options.webgpu_defaults {
            wgpu::Limits::default()
        } else {
            handle.limits()
        };
        if let Some(given) = options.storage_binding_limit {
            // Bindings are made of whole words.
            limits.max_storage_buffer_binding_size =
                limits.max_storage_buffer_binding_size.min(given & !3);
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wattgrad"),
            required_features: features,
            required_limits: limits,
            // The engine lays out its own arenas; large blocks for sub-allocation would only cost memory.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(handle.request_device(&descriptor)).map_err(|error| {
                DeviceError::Open {
                    adapter: summary.name.clone(),
                    detail: error.to_string(),
                }
            })?;

        let reports = Arc::new(Reports::default());
        let to = Arc::clone(&reports);
        device.set_device_lost_callback(move |reason, message| {
            // Only the first report is kept: it is the cause, the rest are consequences.
            let _ = to.lost.set(format!("{reason:?}: {message}"));
        });
        let to = Arc::clone(&reports);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let mut slot = to.error.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_insert_with(|| error.to_string());
        }));

        Ok(Self {
            texel: texel_lanes(handle, &summary, features),
            cache_key: wgpu::util::pipeline_cache_key(&handle.get_info()),
            limits: Limits::new(&device.limits()),
            features: device.features(),
            device,
            queue,
            adapter: summary,
            reports,
        })
    }

    /// Lanes per subgroup (4, 8 or 16) where the `texel` kernels run: on a software adapter whose subgroups all have that
    /// size and whose `rgba32float` images can be read, written, and read and written in one kernel.
    #[must_use]
    pub fn texel_lanes(&self) -> Option<u32> {
        self.texel
    }

    /// The device and the queue as wgpu's own types. This is the only place where the public API shows wgpu; its version is
    /// not part of this crate's version.
    #[must_use]
    pub fn wgpu(&self) -> (&wgpu::Device, &wgpu::Queue) {
        (&self.device, &self.queue)
    }

    /// Whether this is wgpu's `noop` backend, on which kernels never run.
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.adapter.backend == Backend::Noop
    }

    /// Whether a compute pass can be timed on the device itself.
    #[must_use]
    pub fn timestamps(&self) -> bool {
        self.features.contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Whether kernels may use subgroup operations.
    #[must_use]
    pub fn subgroups(&self) -> bool {
        self.features.contains(wgpu::Features::SUBGROUP)
    }

    /// Whether kernels may use `f16`.
    #[must_use]
    pub fn shader_f16(&self) -> bool {
        self.features.contains(wgpu::Features::SHADER_F16)
    }

    /// File name of the compiled pipelines for this adapter and driver; `None` where the backend has no pipeline cache.
    #[must_use]
    pub fn cache_key(&self) -> Option<&str> {
        let on = self.features.contains(wgpu::Features::PIPELINE_CACHE);
        self.cache_key.as_deref().filter(|_| on)
    }

    /// The driver's message when the device was lost; `None` while it is alive.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.reports.lost.get().cloned()
    }

    /// Takes the first error since the last call that no error scope caught.
    #[must_use]
    pub fn take_error(&self) -> Option<String> {
        let error = self.reports.error.lock();
        error.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Checks that the device is alive and has reported no error since the last [`Gpu::take_error`].
    ///
    /// # Errors
    /// [`DeviceError::Lost`] or [`DeviceError::Uncaptured`].
    pub fn check(&self) -> Result<(), DeviceError> {
        match (self.lost(), self.take_error()) {
            (Some(detail), _) => Err(DeviceError::Lost { detail }),
            (None, Some(detail)) => Err(DeviceError::Uncaptured { detail }),
            (None, None) => Ok(()),
        }
    }

    /// Sleeps until the device has finished everything submitted so far.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn wait(&self) -> Result<(), DeviceError> {
        self.poll(wgpu::PollType::wait_indefinitely())
    }

    pub(super) fn poll(&self, until: wgpu::PollType) -> Result<(), DeviceError> {
        let polled = self.device.poll(until);
        self.check()?;
        polled.map(|_| ()).map_err(|why| DeviceError::Uncaptured {
            detail: why.to_string(),
        })
    }
}

impl Limits {
    fn new(limits: &wgpu::Limits) -> Limits {
        Limits {
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_uniform_buffer_binding_size: limits.max_uniform_buffer_binding_size,
            max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
            max_texture_dimension_2d: limits.max_texture_dimension_2d,
            max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
            max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
            max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
        }
    }
}

/// Optional features to enable; the portable profile has none that kernels can use.
fn wanted_features(portable: bool) -> wgpu::Features {
    let unseen = wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES
        | wgpu::Features::PIPELINE_CACHE;
    let seen = wgpu::Features::SUBGROUP
        | wgpu::Features::SHADER_F16
        | wgpu::Features::TEXTURE_ADAPTER_SPECIFIC_FORMAT_FEATURES;
    if portable { unseen } else { unseen | seen }
}

fn texel_lanes(
    handle: &wgpu::Adapter,
    summary: &AdapterSummary,
    features: wgpu::Features,
) -> Option<u32> {
    let needed =
        wgpu::Features::SUBGROUP | wgpu::Features::TEXTURE_ADAPTER_SPECIFIC_FORMAT_FEATURES;
    let access = wgpu::TextureFormatFeatureFlags::STORAGE_READ_ONLY
        | wgpu::TextureFormatFeatureFlags::STORAGE_WRITE_ONLY
        | wgpu::TextureFormatFeatureFlags::STORAGE_READ_WRITE;
    let format = handle.get_texture_format_features(wgpu::TextureFormat::Rgba32Float);
    let lanes = summary.subgroup_min;
    let suits = summary.kind == AdapterKind::Cpu
        && matches!(lanes, 4 | 8 | 16)
        && summary.subgroup_max == lanes
        && features.contains(needed)
        && format
            .allowed_usages
            .contains(wgpu::TextureUsages::STORAGE_BINDING)
        && format.flags.contains(access);
    suits.then_some(lanes)
}
