//! Compute pipelines from WGSL: each text is compiled once, and kept on disk where the driver allows it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::error::DeviceError;
use super::gpu::Gpu;
use super::memory::Texel;
use crate::files::{cache_folder, write_whole};

/// The type of a binding of group 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindingKind {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    StorageRead,
    /// `var<storage, read_write>`.
    StorageReadWrite,
    /// `texture_storage_2d<FORMAT, read>`.
    ImageRead(Texel),
    /// `texture_storage_2d<FORMAT, write>`.
    ImageWrite(Texel),
    /// `texture_storage_2d<FORMAT, read_write>`.
    ImageReadWrite(Texel),
}

impl BindingKind {
    fn layout(self) -> wgpu::BindingType {
        let buffer = |ty| wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: false,
            min_binding_size: None,
        };
        let image = |access, texel: Texel| wgpu::BindingType::StorageTexture {
            access,
            format: texel.format(),
            view_dimension: wgpu::TextureViewDimension::D2,
        };
        match self {
            Self::Uniform => buffer(wgpu::BufferBindingType::Uniform),
            Self::StorageRead => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
            Self::StorageReadWrite => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
            Self::ImageRead(texel) => image(wgpu::StorageTextureAccess::ReadOnly, texel),
            Self::ImageWrite(texel) => image(wgpu::StorageTextureAccess::WriteOnly, texel),
            Self::ImageReadWrite(texel) => image(wgpu::StorageTextureAccess::ReadWrite, texel),
        }
    }
}

/// A compiled kernel with the layout its bind groups need.
#[derive(Debug)]
pub struct Pipeline {
    /// The compute pipeline.
    pub pipeline: wgpu::ComputePipeline,
    /// The layout of group 0, shared by pipelines with equal bindings.
    pub layout: wgpu::BindGroupLayout,
    /// Name of the kernel.
    pub label: String,
}

/// Number of pipelines compiled, and the time it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PipelineStats {
    /// Compiled pipelines.
    pub pipelines: usize,
    /// Distinct bind group layouts.
    pub layouts: usize,
    /// Requests that found a compiled pipeline.
    pub hits: usize,
    /// Time to create modules and pipelines.
    pub time: Duration,
}

#[derive(Debug, Clone)]
struct Layout {
    group: wgpu::BindGroupLayout,
    pipeline: wgpu::PipelineLayout,
}

/// The driver's own cache and its file.
#[derive(Debug)]
struct Disk {
    cache: wgpu::PipelineCache,
    file: PathBuf,
    /// Pipelines compiled since the file was written.
    fresh: usize,
}

/// The pipelines of one device: each pair of source text and bindings is compiled once.
///
/// Where the backend has a pipeline cache, its file is read on creation and written by [`PipelineCache::save`] or on drop. A
/// file that is missing, damaged or not writable costs only time.
#[derive(Debug)]
pub struct PipelineCache {
    device: wgpu::Device,
    compiled: HashMap<Box<[BindingKind]>, HashMap<String, Arc<Pipeline>>>,
    layouts: HashMap<Box<[BindingKind]>, Layout>,
    disk: Option<Disk>,
    stats: PipelineStats,
}

impl PipelineCache {
    /// A cache for `gpu` with its file in the user's cache directory.
    #[must_use]
    pub fn new(gpu: &Gpu) -> Self {
        Self::with_directory(gpu, cache_folder().as_deref())
    }

    /// A cache for `gpu` with its file in `directory`, or without a file for `None`.
    #[must_use]
    pub fn with_directory(gpu: &Gpu, directory: Option<&Path>) -> Self {
        let disk = directory
            .zip(gpu.cache_key())
            .and_then(|(directory, key)| Disk::open(gpu, directory.join(key)));
        Self {
            device: gpu.device.clone(),
            compiled: HashMap::new(),
            layouts: HashMap::new(),
            disk,
            stats: PipelineStats::default(),
        }
    }

    /// The pipeline of the one entry point in `wgsl`, whose group 0 binds `bindings` in order from binding 0.
    ///
    /// `label` names the kernel in errors and in debuggers. Kernels are compiled without bounds checks, loop bounds and
    /// zeroed workgroup memory: each must itself stay inside its buffers and write what it reads.
    ///
    /// # Errors
    /// [`DeviceError::Pipeline`] when the text does not compile, does not fit `bindings`, or exceeds what this device
    /// can do.
    pub fn get(
        &mut self,
        label: &str,
        wgsl: &str,
        bindings: &[BindingKind],
    ) -> Result<Arc<Pipeline>, DeviceError> {
        let known = self
            .compiled
            .get(bindings)
            .and_then(|texts| texts.get(wgsl));
        if let Some(pipeline) = known {
            self.stats.hits += 1;
            return Ok(Arc::clone(pipeline));
        }
        let start = Instant::now();
        let pipeline = Arc::new(self.compile(label, wgsl, bindings)?);
        self.stats.time += start.elapsed();
        self.stats.pipelines += 1;
        if let Some(disk) = &mut self.disk {
            disk.fresh += 1;
        }
        self.compiled
            .entry(bindings.into())
            .or_default()
            .insert(wgsl.to_owned(), Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Statistics since creation.
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        self.stats
    }

    /// Writes the compiled pipelines to the cache's file if it lacks some; a failure is logged and otherwise ignored.
    pub fn save(&mut self) {
        if let Some(disk) = &mut self.disk {
            disk.save();
        }
    }

    fn compile(
        &mut self,
        label: &str,
        wgsl: &str,
        bindings: &[BindingKind],
    ) -> Result<Pipeline, DeviceError> {
        let known = self.layouts.get(bindings).cloned();
        let fresh = known.is_none();
        let cache = self.disk.as_ref().map(|disk| &disk.cache);
        let trust = Trust::Own;
        let (pipeline, layout) = build(&self.device, label, wgsl, bindings, (known, cache, trust))?;
        if fresh {
            self.layouts.insert(bindings.into(), layout);
            self.stats.layouts += 1;
        }
        Ok(pipeline)
    }
}

#[doc(hidden)]
impl Gpu {
    /// The pipeline of a text from outside this crate, compiled with all runtime checks, so that no text can access memory
    /// outside its buffers. It is not cached; otherwise as [`PipelineCache::get`].
    ///
    /// # Errors
    /// As [`PipelineCache::get`].
    pub fn checked_pipeline(
        &self,
        label: &str,
        wgsl: &str,
        bindings: &[BindingKind],
    ) -> Result<Arc<Pipeline>, DeviceError> {
        let how = (None, None, Trust::Foreign);
        build(&self.device, label, wgsl, bindings, how).map(|(pipeline, _)| Arc::new(pipeline))
    }

    /// [`Gpu::checked_pipeline`] without runtime checks.
    ///
    /// # Errors
    /// As [`PipelineCache::get`].
    ///
    /// # Safety
    /// As it is run, the kernel must index only inside its bindings, never divide by zero, and end every loop.
    pub unsafe fn unchecked_pipeline(
        &self,
        label: &str,
        wgsl: &str,
        bindings: &[BindingKind],
    ) -> Result<Arc<Pipeline>, DeviceError> {
        let how = (None, None, Trust::Own);
        build(&self.device, label, wgsl, bindings, how).map(|(pipeline, _)| Arc::new(pipeline))
    }
}

/// Whether a text needs no runtime checks, as this crate's kernels, or comes from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Own,
    Foreign,
}

/// Compiles a text; `known` is an existing layout of its bindings.
fn build(
    device: &wgpu::Device,
    label: &str,
    wgsl: &str,
    bindings: &[BindingKind],
    (known, cache, trust): (Option<Layout>, Option<&wgpu::PipelineCache>, Trust),
) -> Result<(Pipeline, Layout), DeviceError> {
    let scopes = [
        wgpu::ErrorFilter::OutOfMemory,
        wgpu::ErrorFilter::Internal,
        wgpu::ErrorFilter::Validation,
    ]
    .map(|filter| device.push_error_scope(filter));
    let layout = known.unwrap_or_else(|| make_layout(device, bindings));
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    };
    let module = match trust {
        // SAFETY: the text is one of this crate's own kernels, or one whose caller promises the same: they index only inside
        // the buffers and images bound to them, never divide by zero, and loop a bounded number of times; so nothing
        // happens that the runtime checks would prevent.
        Trust::Own => unsafe {
            device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
        },
        Trust::Foreign => device.create_shader_module(descriptor),
    };
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(label),
        layout: Some(&layout.pipeline),
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions {
            zero_initialize_workgroup_memory: trust == Trust::Foreign,
            ..Default::default()
        },
        cache,
    });
    // Scopes form a stack, so the last one pushed is popped first.
    let mut first = None;
    for scope in scopes.into_iter().rev() {
        let error = pollster::block_on(scope.pop());
        first = first.or(error);
    }
    if let Some(error) = first {
        return Err(DeviceError::Pipeline {
            label: label.to_owned(),
            detail: detail(&error),
        });
    }
    let pipeline = Pipeline {
        pipeline,
        layout: layout.group.clone(),
        label: label.to_owned(),
    };
    Ok((pipeline, layout))
}

impl Drop for PipelineCache {
    fn drop(&mut self) {
        self.save();
    }
}

fn make_layout(device: &wgpu::Device, bindings: &[BindingKind]) -> Layout {
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0u32..)
        .zip(bindings)
        .map(|(binding, kind)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: kind.layout(),
            count: None,
        })
        .collect();
    let group = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &entries,
    });
    let pipeline = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&group)],
        immediate_size: 0,
    });
    Layout { group, pipeline }
}

fn detail(error: &wgpu::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

impl Disk {
    fn open(gpu: &Gpu, file: PathBuf) -> Option<Self> {
        let data = std::fs::read(&file).ok().and_then(unseal);
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("wattgrad"),
            data: data.as_deref(),
            fallback: true,
        };
        // SAFETY: the digest shows that these are the bytes that `get_data` returned when `Disk::save` wrote the file;
        // wgpu itself discards data of another adapter or driver.
        let cache = unsafe { gpu.device.create_pipeline_cache(&descriptor) };
        match pollster::block_on(scope.pop()) {
            None => Some(Self {
                cache,
                file,
                fresh: 0,
            }),
            Some(error) => {
                tracing::debug!(%error, "the driver's pipeline cache is not used");
                None
            }
        }
    }

    fn save(&mut self) {
        if self.fresh == 0 {
            return;
        }
        let Some(data) = self.cache.get_data() else {
            return;
        };
        let folder = self.file.parent().map_or(Ok(()), std::fs::create_dir_all);
        match folder.and_then(|()| write_whole(&self.file, &seal(&data))) {
            Ok(()) => self.fresh = 0,
            Err(error) => {
                tracing::debug!(%error, file = %self.file.display(), "the pipeline cache was not written")
            }
        }
    }
}

/// The SHA-256 of `data`, then `data`: a damaged file is detected.
fn seal(data: &[u8]) -> Vec<u8> {
    let mut sealed = Sha256::digest(data).to_vec();
    sealed.extend_from_slice(data);
    sealed
}

fn unseal(sealed: Vec<u8>) -> Option<Vec<u8>> {
    let (digest, data) = sealed.split_at_checked(32)?;
    (Sha256::digest(data).as_slice() == digest).then(|| data.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_a_damaged_cache_file() {
        let sealed = seal(b"pipelines");
        assert_eq!(unseal(sealed.clone()).as_deref(), Some(&b"pipelines"[..]));
        let mut flipped = sealed.clone();
        flipped[35] ^= 1;
        assert_eq!(unseal(flipped), None);
        assert_eq!(unseal(sealed[..sealed.len() - 1].to_vec()), None);
        assert_eq!(unseal(vec![7; 12]), None);
        assert_eq!(unseal(Vec::new()), None);
    }
}
