//! An open device with the features and limits the kernels are planned by.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::adapter::{self, AdapterKind, AdapterSummary, Backend, ListOptions};
use super::error::DeviceError;

/// The smallest storage binding limit that [`GpuOptions::storage_binding_limit`] accepts, in bytes.
pub const LEAST_STORAGE_BINDING: u64 = 4096;

/// How to open a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Index, part of a name, or PCI address of the adapter; `None` takes the fastest kind there is.
    pub adapter: Option<String>,
    /// Act as if no storage binding could be larger than this many bytes; never raises the adapter's own limit.
    pub storage_binding_limit: Option<u64>,
    /// Open the backend without hardware, on which kernels are checked but never run; for tests and benchmarks.
    pub noop: bool,
    /// Ask only for what every WebGPU implementation grants: its least limits, and no feature a kernel can see.
    pub webgpu_defaults: bool,
}

/// What the driver reports outside any call: read by [`Gpu::lost`] and [`Gpu::take_error`].
#[derive(Debug, Default)]
struct Reports {
    lost: OnceLock<String>,
    error: Mutex<Option<String>>,
}

/// An open device, its queue, and what it can do.
///
/// ```
/// use wattgrad::internals::device::{Gpu, GpuOptions};
///
/// match Gpu::open(&GpuOptions::default()) {
///     Ok(gpu) => {
///         let most = gpu.limits.max_storage_buffer_binding_size;
///         println!("{} ({}): bindings of up to {most} bytes", gpu.adapter.name, gpu.adapter.kind);
///     }
///     Err(why) => println!("{why}"), // what is missing, and what would bring it
/// }
/// ```
#[derive(Debug)]
pub struct Gpu {
    /// The device: creates buffers, images and pipelines.
    pub device: wgpu::Device,
    /// The queue work is submitted to.
    pub queue: wgpu::Queue,
    /// The adapter behind it: name, kind and PCI address say which energy counter belongs to it.
    pub adapter: AdapterSummary,
    /// The limits that hold on this device.
    pub limits: wgpu::Limits,
    /// The features that are on.
    pub features: wgpu::Features,
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
            limits: device.limits(),
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

    /// Whether this is the backend without hardware, whose kernels never run.
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

    /// Name that a file of compiled pipelines for this adapter and driver goes by, if the backend has such files.
    #[must_use]
    pub fn cache_key(&self) -> Option<&str> {
        let on = self.features.contains(wgpu::Features::PIPELINE_CACHE);
        self.cache_key.as_deref().filter(|_| on)
    }

    /// What the driver said when the device was lost, or `None` while it is alive.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.reports.lost.get().cloned()
    }

    /// The first error since the last call that no error scope caught, and forgets it.
    #[must_use]
    pub fn take_error(&self) -> Option<String> {
        self.reports
            .error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Sleeps until the device has finished everything submitted so far.
    ///
    /// # Errors
    /// [`DeviceError::Lost`] when the device went away, [`DeviceError::Uncaptured`] when it reported an error since
    /// the last [`Gpu::take_error`].
    pub fn wait(&self) -> Result<(), DeviceError> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        if let Some(detail) = self.lost() {
            return Err(DeviceError::Lost { detail });
        }
        if let Some(detail) = self.take_error() {
            return Err(DeviceError::Uncaptured { detail });
        }
        polled.map(|_| ()).map_err(|error| DeviceError::Uncaptured {
            detail: error.to_string(),
        })
    }
}

/// The optional features worth having; those that change what a kernel may say only outside the portable profile.
fn wanted_features(portable: bool) -> wgpu::Features {
    let unseen = wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES
        | wgpu::Features::PIPELINE_CACHE;
    let seen = wgpu::Features::SUBGROUP | wgpu::Features::TEXTURE_ADAPTER_SPECIFIC_FORMAT_FEATURES;
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
