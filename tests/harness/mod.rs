//! Runs lists of dispatches on the device at hand and compares what they wrote with an f64 oracle.
//!
//! Every tensor lies between guard words, which must survive and are NaN, so that a kernel that reads beyond a tensor
//! shows. What is not an input starts as NaN, so that an element that is never written shows too.
#![allow(dead_code)] // each test binary uses a part

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use wattgrad::internals::device::{BindingKind, Gpu, GpuOptions, PipelineCache};
use wattgrad::internals::kernels::{Access, Composed, List, Shape, Storage, Tensor, emit};

/// Texels of an image row.
const ROW: u64 = 1024;
/// Quads of guard words before and after a tensor.
const GUARD_QUADS: u64 = 16;
/// Guard words and unwritten words: NaN with payloads that no arithmetic yields.
const GUARD: u32 = 0x7fc0_dead;
const UNWRITTEN: u32 = 0x7fc1_5555;

/// The device of all tests of a binary.
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        Gpu::open(&GpuOptions::default())
            .expect("a Vulkan driver is needed; Mesa's software one will do")
    })
}

fn pipelines() -> &'static Mutex<PipelineCache> {
    static CACHE: OnceLock<Mutex<PipelineCache>> = OnceLock::new();
    CACHE.get_or_init(|| Mutex::new(PipelineCache::with_directory(gpu(), None)))
}

/// The storages this device can run: buffers, and images where the `texel` forms hold.
pub fn storages() -> Vec<Storage> {
    match gpu().texel_lanes().is_some() {
        true => vec![Storage::Buffer, Storage::Image],
        false => vec![Storage::Buffer],
    }
}

/// u32 words as the f32 of the same bits, for integer inputs.
pub fn words(words: &[u32]) -> Vec<f32> {
    words.iter().map(|&word| f32::from_bits(word)).collect()
}

/// The bits of what was read back, for integer outputs.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Where a tensor lies on the device.
enum Place {
    Buffer(wgpu::Buffer),
    Image {
        texture: wgpu::Texture,
        view: wgpu::TextureView,
        base: u64,
        rows: u64,
    },
}

/// Runs the list with the given raw inputs (padding and all, at most a tensor's size; what lacks is zero) and returns the
/// raw outputs. With [`Storage::Image`] every tensor lives in an image that may and whose every use allows it.
pub fn run(
    list: &List,
    inputs: &[(Tensor, Vec<f32>)],
    outputs: &[Tensor],
    storage: Storage,
) -> Vec<Vec<f32>> {
    Prepared::new(list, inputs, storage).run_once(outputs)
}

/// Composes and validates the list in both storages without a device, and returns the modules of the buffer form.
pub fn validate(list: &List) -> Vec<naga::Module> {
    compose(list, Storage::Image);
    let (composed, ..) = compose(list, Storage::Buffer);
    let module = |c: &Composed| emit::validate(&c.wgsl).unwrap().0;
    composed.iter().map(module).collect()
}

struct Step {
    pipeline: std::sync::Arc<wattgrad::internals::device::Pipeline>,
    group: wgpu::BindGroup,
    grid: [u32; 3],
}

/// A list whose tensors have been placed and filled and whose kernels are compiled; it may run many times.
pub struct Prepared {
    places: BTreeMap<Tensor, (Place, u64)>,
    steps: Vec<Step>,
}

impl Prepared {
    /// Places, fills, validates and compiles.
    pub fn new(list: &List, inputs: &[(Tensor, Vec<f32>)], storage: Storage) -> Prepared {
        let (composed, used, images) = compose(list, storage);
        let mut places = BTreeMap::new();
        for &tensor in &used {
            let quads = list.info(tensor).quads;
            let input = inputs
                .iter()
                .find(|(t, _)| *t == tensor)
                .map(|(_, values)| values);
            let mut data = match input {
                Some(values) => bits(values),
                None => vec![UNWRITTEN; quads as usize * 4],
            };
            assert!(
                data.len() <= quads as usize * 4,
                "the input for {} is too long",
                list.info(tensor).name
            );
            data.resize(quads as usize * 4, 0);
            places.insert(
                tensor,
                (place(tensor, &data, images.contains(&tensor)), quads),
            );
        }
        let mut cache = pipelines().lock().unwrap_or_else(PoisonError::into_inner);
        let steps = list
            .dispatches
            .iter()
            .zip(&composed)
            .map(|(dispatch, composed)| {
                let mut table = dispatch.sizes.clone();
                let mut kinds = vec![BindingKind::Uniform];
                let mut bound = vec![];
                for operand in &composed.operands {
                    let tensor = operand_tensor(dispatch, &operand.name);
                    let (place, _) = &places[&tensor];
                    let image = operand.storage == Storage::Image;
                    kinds.push(match (operand.access, image) {
                        (Access::Read, false) => BindingKind::StorageRead,
                        (_, false) => BindingKind::StorageReadWrite,
                        (Access::Read, true) => BindingKind::ImageRead,
                        (Access::Write, true) => BindingKind::ImageWrite,
                        (Access::Update, true) => BindingKind::ImageReadWrite,
                    });
                    bound.push(match place {
                        Place::Buffer(buffer) => {
                            wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                                buffer,
                                offset: GUARD_QUADS * 16,
                                size: None,
                            })
                        }
                        Place::Image { view, base, .. } => {
                            table.push(*base as u32);
                            wgpu::BindingResource::TextureView(view)
                        }
                    });
                }
                let uniform = buffer(&table, wgpu::BufferUsages::UNIFORM);
                let pipeline = cache
                    .get(&dispatch.label, &composed.wgsl, &kinds)
                    .unwrap_or_else(|why| panic!("{}: {why}", dispatch.label));
                let first = wgpu::BindGroupEntry {
                    binding: 0,
                    resource: uniform.as_entire_binding(),
                };
                let rest = bound
                    .into_iter()
                    .zip(1..)
                    .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource });
                let entries: Vec<_> = std::iter::once(first).chain(rest).collect();
                let group = gpu().device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: None,
                    layout: &pipeline.layout,
                    entries: &entries,
                });
                Step {
                    pipeline,
                    group,
                    grid: dispatch.grid,
                }
            })
            .collect();
        Prepared { places, steps }
    }

    /// Runs the list `times` times and waits until the device is done.
    pub fn run_times(&self, times: usize) {
        let gpu = gpu();
        let mut encoder = gpu
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for _ in 0..times {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for step in &self.steps {
                pass.set_pipeline(&step.pipeline.pipeline);
                pass.set_bind_group(0, &step.group, &[]);
                let [x, y, z] = step.grid;
                pass.dispatch_workgroups(x, y, z);
            }
        }
        gpu.queue.submit([encoder.finish()]);
        gpu.wait().unwrap();
    }

    /// Runs the list, checks every guard word, and returns the raw outputs.
    pub fn run_once(&self, outputs: &[Tensor]) -> Vec<Vec<f32>> {
        self.run_times(1);
        let read: BTreeMap<Tensor, Vec<u32>> = self
            .places
            .iter()
            .map(|(&tensor, (place, quads))| (tensor, read(tensor, place, *quads)))
            .collect();
        outputs.iter().map(|tensor| words(&read[tensor])).collect()
    }
}

fn operand_tensor(dispatch: &wattgrad::internals::kernels::Dispatch, name: &str) -> Tensor {
    let found = dispatch.operands.iter().find(|(n, _)| *n == name);
    found
        .unwrap_or_else(|| panic!("{} gives no operand {name}", dispatch.label))
        .1
}

/// Composes every dispatch so that each tensor has one storage, and says which tensors are used and which are images.
fn compose(list: &List, storage: Storage) -> (Vec<Composed>, BTreeSet<Tensor>, BTreeSet<Tensor>) {
    let named = list
        .dispatches
        .iter()
        .flat_map(|d| d.operands.iter().map(|(_, t)| *t));
    let used: BTreeSet<Tensor> = named.collect();
    let mut images: BTreeSet<Tensor> = match storage {
        Storage::Buffer => BTreeSet::new(),
        Storage::Image => used
            .iter()
            .copied()
            .filter(|t| list.info(*t).imageable)
            .collect(),
    };
    loop {
        let mut settled = true;
        let mut all = vec![];
        for dispatch in &list.dispatches {
            let place = |name: &str| match images.contains(&operand_tensor(dispatch, name)) {
                true => Storage::Image,
                false => Storage::Buffer,
            };
            let composed = dispatch
                .compose(place)
                .unwrap_or_else(|why| panic!("{}: {why}", dispatch.label));
            emit::validate(&composed.wgsl)
                .unwrap_or_else(|why| panic!("{}: {why}\n{}", dispatch.label, composed.wgsl));
            assert_eq!(
                composed.operands.len(),
                dispatch.operands.len(),
                "{} names an operand its shader lacks",
                dispatch.label
            );
            for operand in &composed.operands {
                if operand.storage == Storage::Buffer {
                    settled &= !images.remove(&operand_tensor(dispatch, &operand.name));
                }
            }
            all.push(composed);
        }
        if settled {
            return (all, used, images);
        }
    }
}

fn buffer(words: &[u32], usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let mut words = words.to_vec();
    words.resize(words.len().next_multiple_of(4), 0);
    let buffer = gpu().device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: words.len() as u64 * 4,
        usage: usage | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    gpu()
        .queue
        .write_buffer(&buffer, 0, bytemuck::cast_slice(&words));
    buffer
}

fn place(tensor: Tensor, data: &[u32], image: bool) -> Place {
    let guarded = |before: u64, total: u64| {
        let mut all = vec![GUARD; before as usize * 4];
        all.extend(data);
        all.resize(total as usize * 4, GUARD);
        all
    };
    let quads = data.len() as u64 / 4;
    if !image {
        let all = guarded(GUARD_QUADS, quads + 2 * GUARD_QUADS);
        return Place::Buffer(buffer(&all, wgpu::BufferUsages::STORAGE));
    }
    // Bases of all kinds: at a row's start, within it, near its end.
    let base = GUARD_QUADS + [0, 5, 1003, 1008][tensor.0 % 4];
    let rows = (base + quads + GUARD_QUADS).div_ceil(ROW);
    let size = wgpu::Extent3d {
        width: ROW as u32,
        height: rows as u32,
        depth_or_array_layers: 1,
    };
    let texture = gpu().device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba32Float,
        usage: wgpu::TextureUsages::STORAGE_BINDING
            | wgpu::TextureUsages::COPY_SRC
            | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let all = guarded(base, rows * ROW);
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(ROW as u32 * 16),
        rows_per_image: None,
    };
    gpu().queue.write_texture(
        texture.as_image_copy(),
        bytemuck::cast_slice(&all),
        layout,
        size,
    );
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    Place::Image {
        texture,
        view,
        base,
        rows,
    }
}

/// Reads a tensor back and checks the guard words around it.
fn read(tensor: Tensor, place: &Place, quads: u64) -> Vec<u32> {
    let gpu = gpu();
    let (before, bytes) = match place {
        Place::Buffer(buffer) => (GUARD_QUADS, buffer.size()),
        Place::Image { base, rows, .. } => (*base, rows * ROW * 16),
    };
    let back = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = gpu
        .device
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    match place {
        Place::Buffer(buffer) => encoder.copy_buffer_to_buffer(buffer, 0, &back, 0, bytes),
        Place::Image { texture, rows, .. } => {
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(ROW as u32 * 16),
                rows_per_image: None,
            };
            encoder.copy_texture_to_buffer(
                texture.as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer: &back,
                    layout,
                },
                wgpu::Extent3d {
                    width: ROW as u32,
                    height: *rows as u32,
                    depth_or_array_layers: 1,
                },
            );
        }
    }
    gpu.queue.submit([encoder.finish()]);
    back.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.wait().unwrap();
    let all: Vec<u32> = {
        let view = back.get_mapped_range(..).unwrap();
        bytemuck::pod_collect_to_vec(&view)
    };
    let (start, end) = (before as usize * 4, (before + quads) as usize * 4);
    for (i, word) in all.iter().enumerate() {
        if !(start..end).contains(&i) {
            let from = i as i64 - start as i64;
            assert_eq!(
                *word, GUARD,
                "{tensor:?}: word {from} of a tensor of {quads} quads was written"
            );
        }
    }
    all[start..end].to_vec()
}

/// Rows of `values`, logical shape [images, channels, height, width], padded to quads.
pub fn pad(shape: Shape, images: u32, values: &[f32]) -> Vec<f32> {
    assert_eq!(values.len(), (shape.elements() * images) as usize);
    let (width, padded) = (shape.width as usize, shape.row_quads() as usize * 4);
    let mut out = Vec::with_capacity(values.len() / width * padded);
    for row in values.chunks(width) {
        out.extend(row);
        out.resize(out.len() + padded - width, 0.0);
    }
    out
}

/// The inverse of [`pad`]; the padding must be zero.
pub fn unpad(shape: Shape, images: u32, raw: &[f32]) -> Vec<f32> {
    assert_eq!(raw.len(), (shape.quads() * images) as usize * 4);
    let (width, padded) = (shape.width as usize, shape.row_quads() as usize * 4);
    let mut out = Vec::with_capacity(raw.len());
    for (i, row) in raw.chunks(padded).enumerate() {
        assert!(
            row[width..].iter().all(|v| *v == 0.0),
            "the padding of row {i} is {:?}",
            &row[width..]
        );
        out.extend(&row[..width]);
    }
    out
}

/// A matrix as a shape.
pub fn matrix(rows: u32, columns: u32) -> Shape {
    Shape {
        channels: 1,
        height: rows,
        width: columns,
    }
}

/// `n` values in (-2, 2) of either sign and of magnitudes over three decades; another seed gives others.
pub fn data(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..n)
        .map(|_| {
            let word = next();
            let fraction = (word >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
            fraction * [4.0, 1.0, 0.25, 0.01][(word & 3) as usize]
        })
        .collect()
}

/// Each of `got` is within `c` roundings of `want` at its own scale: `|got - want| <= c eps magnitude`.
pub fn close(what: &str, got: &[f32], want: &[f64], magnitude: &[f64], c: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let all = want.len();
    for (i, ((&got, &want), &magnitude)) in got.iter().zip(want).zip(magnitude).enumerate() {
        let bound = c * f64::from(f32::EPSILON) * magnitude;
        let error = (f64::from(got) - want).abs();
        assert!(
            error <= bound,
            "{what}: element {i} of {all} is {got}, should be {want}, off by {error:e}, allowed {bound:e}"
        );
    }
}
