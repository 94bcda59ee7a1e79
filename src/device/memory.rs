//! Memory on the device: buffers and linear images, and how bytes are written to them and read back.

use super::error::DeviceError;
use super::gpu::Gpu;

/// A buffer that the host can read.
pub type Readback = wgpu::Buffer;
/// A submission that can be waited for.
pub type Submission = wgpu::SubmissionIndex;

/// Quads in a row of an image.
pub const IMAGE_ROW: u64 = 1024;
const QUAD: u64 = 16;

/// A buffer or an image that kernels access.
#[derive(Clone, Debug)]
pub enum Memory {
    /// A storage or uniform buffer.
    Buffer(wgpu::Buffer),
    /// A linear image of [`IMAGE_ROW`] quads per row.
    Image {
        /// The image.
        texture: wgpu::Texture,
        /// Its one view.
        view: wgpu::TextureView,
    },
}

/// How an image holds a quad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Texel {
    /// Four f32: rgba32float.
    F32,
    /// Four f16 in two words: rg32uint, since the conversion of a float format is left to the device.
    F16,
}

impl Texel {
    pub(super) fn format(self) -> wgpu::TextureFormat {
        match self {
            Texel::F32 => wgpu::TextureFormat::Rgba32Float,
            Texel::F16 => wgpu::TextureFormat::Rg32Uint,
        }
    }

    fn bytes(self) -> u64 {
        match self {
            Texel::F32 => QUAD,
            Texel::F16 => QUAD / 2,
        }
    }
}

impl Memory {
    /// Size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Memory::Buffer(buffer) => buffer.size(),
            Memory::Image { texture, .. } => u64::from(texture.height()) * row_bytes(texture),
        }
    }

    /// How a quad lies in an image; `None` for a buffer.
    #[must_use]
    pub fn texel(&self) -> Option<Texel> {
        match self {
            Memory::Buffer(_) => None,
            Memory::Image { texture, .. } => [Texel::F32, Texel::F16]
                .into_iter()
                .find(|t| t.format() == texture.format()),
        }
    }
}

/// Bytes of a row of an image.
fn row_bytes(texture: &wgpu::Texture) -> u64 {
    let texel = texture.format().block_copy_size(None);
    IMAGE_ROW * u64::from(texel.unwrap_or(QUAD as u32))
}

#[doc(hidden)]
impl Gpu {
    /// Largest size of a buffer binding or of an image, in bytes.
    #[must_use]
    pub fn most_bytes(&self, image: Option<Texel>) -> u64 {
        match image {
            Some(texel) => {
                u64::from(self.limits.max_texture_dimension_2d) * IMAGE_ROW * texel.bytes()
            }
            None => (self.limits.max_storage_buffer_binding_size).min(self.limits.max_buffer_size),
        }
    }

    /// A zeroed tensor of `bytes` (rounded up to whole quads, or whole rows of an image) in a buffer or an image.
    #[must_use]
    pub fn allocate(&self, label: &str, bytes: u64, image: Option<Texel>) -> Memory {
        if let Some(texel) = image {
            let quads = bytes.div_ceil(texel.bytes()).max(1);
            let texture = self.device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d {
                    width: IMAGE_ROW as u32,
                    height: quads.div_ceil(IMAGE_ROW) as u32,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: texel.format(),
                usage: wgpu::TextureUsages::STORAGE_BINDING
                    | wgpu::TextureUsages::COPY_DST
                    | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
            let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
            Memory::Image { texture, view }
        } else {
            let usage = wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC;
            Memory::Buffer(self.buffer(label, bytes.next_multiple_of(QUAD).max(QUAD), usage))
        }
    }

    /// A uniform buffer with these words.
    #[must_use]
    pub fn uniform(&self, label: &str, words: &[u32]) -> Memory {
        // The size of a struct with a vector is rounded up to 16 bytes, and so is its binding.
        let bytes = (words.len() as u64 * 4).next_multiple_of(QUAD).max(QUAD);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer(label, bytes, usage);
        self.queue
            .write_buffer(&buffer, 0, bytemuck::cast_slice(words));
        Memory::Buffer(buffer)
    }

    pub(super) fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Writes `bytes` from byte `offset` on; an image is written in whole rows, so `offset` must start one.
    pub fn write(&self, memory: &Memory, offset: u64, bytes: &[u8]) {
        match memory {
            Memory::Buffer(buffer) => self.queue.write_buffer(buffer, offset, bytes),
            Memory::Image { texture, .. } => {
                let row = row_bytes(texture) as usize;
                let mut whole;
                let data = if bytes.len().is_multiple_of(row) {
                    bytes
                } else {
                    whole = bytes.to_vec();
                    whole.resize(bytes.len().next_multiple_of(row), 0);
                    &whole
                };
                let rows = (data.len() / row) as u32;
                let start = wgpu::TexelCopyTextureInfo {
                    origin: wgpu::Origin3d {
                        y: (offset / row as u64) as u32,
                        ..Default::default()
                    },
                    ..texture.as_image_copy()
                };
                let size = wgpu::Extent3d {
                    height: rows,
                    ..texture.size()
                };
                let layout = rows_of(texture, rows);
                self.queue.write_texture(start, data, layout, size);
            }
        }
    }

    /// A buffer that the host can read.
    #[must_use]
    pub fn readback(&self, label: &str, bytes: u64) -> Readback {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        self.buffer(label, bytes.max(QUAD), usage)
    }

    /// Waits for the device and reads the whole of `memory`.
    ///
    /// # Errors
    /// The device was lost or reported an error.
    pub fn read(&self, memory: &Memory) -> Result<Vec<u8>, DeviceError> {
        let buffer = self.readback("readback", memory.bytes());
        let mut encoder = self.device.create_command_encoder(&Default::default());
        match memory {
            Memory::Buffer(from) => encoder.copy_buffer_to_buffer(from, 0, &buffer, 0, from.size()),
            Memory::Image { texture, .. } => encoder.copy_texture_to_buffer(
                texture.as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer: &buffer,
                    layout: rows_of(texture, texture.height()),
                },
                texture.size(),
            ),
        }
        self.queue.submit([encoder.finish()]);
        let mut bytes = vec![];
        self.map(&buffer, memory.bytes(), None, |read| {
            bytes.extend_from_slice(read)
        })?;
        Ok(bytes)
    }

    /// Waits for `submission`, or for everything submitted so far, and passes the first `bytes` of `buffer` to `with`.
    ///
    /// # Errors
    /// The device was lost or reported an error.
    pub fn map(
        &self,
        buffer: &Readback,
        bytes: u64,
        submission: Option<Submission>,
        with: impl FnOnce(&[u8]),
    ) -> Result<(), DeviceError> {
        let slice = buffer.slice(0..bytes);
        // A failed mapping shows below: the range is then unavailable.
        slice.map_async(wgpu::MapMode::Read, |_| ());
        match submission {
            Some(submission) => self.wait_for(submission)?,
            None => self.wait()?,
        }
        let range = slice
            .get_mapped_range()
            .map_err(|why| DeviceError::Uncaptured {
                detail: why.to_string(),
            })?;
        with(&range);
        drop(range);
        buffer.unmap();
        Ok(())
    }

    /// Sleeps until a submission has ended.
    ///
    /// # Errors
    /// The device was lost or reported an error.
    pub fn wait_for(&self, submission: Submission) -> Result<(), DeviceError> {
        self.poll(wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: None,
        })
    }
}

/// The layout in a buffer of `rows` rows of an image.
fn rows_of(texture: &wgpu::Texture, rows: u32) -> wgpu::TexelCopyBufferLayout {
    wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(row_bytes(texture) as u32),
        rows_per_image: Some(rows),
    }
}
