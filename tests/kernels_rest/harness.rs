//! Runs a list of dispatches on the device and looks at every tensor afterwards.
//!
//! Each tensor stands alone between guard words; whatever is not given starts as NaN, so that a kernel which forgets an
//! element, its padding, or its bounds is seen.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use wattgrad::internals::device::{BindingKind, Gpu, GpuOptions, PipelineCache};
use wattgrad::internals::kernels::{Access, List, Storage, Tensor, Tuning, emit};

const GUARD: u32 = 0xdead_beef;
const GUARD_QUADS: usize = 5;
const UNWRITTEN: u32 = 0x7fc0_1234;

pub struct Device {
    pub gpu: Gpu,
    cache: PipelineCache,
}

pub fn device() -> MutexGuard<'static, Device> {
    static DEVICE: OnceLock<Mutex<Device>> = OnceLock::new();
    let device = DEVICE.get_or_init(|| {
        let gpu = Gpu::open(&GpuOptions::default())
            .expect("a Vulkan driver is needed; Mesa's software one will do");
        let cache = PipelineCache::with_directory(&gpu, None);
        Mutex::new(Device { gpu, cache })
    });
    device.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn tuning(lanes: u32, fill: u32) -> Tuning {
    Tuning {
        name: "test".into(),
        texel: None,
        lanes,
        reduction_lanes: lanes,
        fill,
        gemm: vec![],
    }
}

/// The ways every kernel is run: where tensors live, and how it is cut up.
pub fn ways() -> Vec<(Storage, Tuning)> {
    let mut ways = vec![(Storage::Buffer, tuning(64, 16))];
    if device().gpu.texel_lanes().is_some() {
        ways.push((Storage::Image, tuning(24, 2)));
    }
    ways
}

/// Where a tensor is while a list runs.
enum Place {
    Buffer(wgpu::Buffer),
    Image(wgpu::Texture, wgpu::TextureView),
}

fn rows(quads: usize) -> u32 {
    (quads + 2 * GUARD_QUADS).div_ceil(1024) as u32
}

/// Runs the list; every tensor's words afterwards.
pub fn run(
    list: &List,
    given: &[(Tensor, Vec<u32>)],
    storage: Storage,
) -> HashMap<Tensor, Vec<u32>> {
    let mut device = device();
    let Device { gpu, cache } = &mut *device;
    let given: HashMap<Tensor, &Vec<u32>> = given.iter().map(|(t, words)| (*t, words)).collect();
    let lives = |t: Tensor| {
        if list.info(t).imageable {
            storage
        } else {
            Storage::Buffer
        }
    };
    let places: Vec<Place> = (0..list.tensors.len())
        .map(|t| {
            let quads = list.tensors[t].quads as usize;
            let mut words = vec![UNWRITTEN; quads * 4];
            if let Some(given) = given.get(&Tensor(t)) {
                assert!(
                    given.len() <= words.len(),
                    "{} is given too much",
                    list.tensors[t].name
                );
                words[..given.len()].copy_from_slice(given);
            }
            place(gpu, words, lives(Tensor(t)))
        })
        .collect();
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for d in &list.dispatches {
            let tensor = |name: &str| {
                let found = d.operands.iter().find(|(operand, _)| *operand == name);
                found
                    .unwrap_or_else(|| panic!("{} lacks the operand {name}", d.shader))
                    .1
            };
            let composed = d.compose(|name| lives(tensor(name))).unwrap();
            assert_eq!(composed.operands.len(), d.operands.len(), "{}", d.shader);
            assert!(
                composed.operands.len() <= 8,
                "{} has too many operands",
                d.shader
            );
            if storage == Storage::Buffer {
                for language in emit::Language::ALL {
                    emit::emit(&composed.wgsl, language)
                        .unwrap_or_else(|error| panic!("{} in {language}: {error}", d.shader));
                }
            }
            let mut words = d.sizes.clone();
            let mut kinds = vec![BindingKind::Uniform];
            for operand in &composed.operands {
                kinds.push(match (operand.storage, operand.access) {
                    (Storage::Buffer, Access::Read) => BindingKind::StorageRead,
                    (Storage::Buffer, _) => BindingKind::StorageReadWrite,
                    (Storage::Image, Access::Read) => BindingKind::ImageRead,
                    (Storage::Image, Access::Write) => BindingKind::ImageWrite,
                    (Storage::Image, Access::Update) => BindingKind::ImageReadWrite,
                });
                if operand.storage == Storage::Image {
                    words.push(GUARD_QUADS as u32);
                }
            }
            words.resize(words.len().next_multiple_of(4), 0);
            let sizes = buffer(gpu, &words, wgpu::BufferUsages::UNIFORM);
            let pipeline = cache.get(d.shader, &composed.wgsl, &kinds).unwrap();
            let mut entries = vec![wgpu::BindGroupEntry {
                binding: 0,
                resource: sizes.as_entire_binding(),
            }];
            for (binding, operand) in (1..).zip(&composed.operands) {
                let resource = match &places[tensor(&operand.name).0] {
                    // The guards before are out of the binding's sight, those behind in it.
                    Place::Buffer(buffer) => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer,
                        offset: 256,
                        size: None,
                    }),
                    Place::Image(_, view) => wgpu::BindingResource::TextureView(view),
                };
                entries.push(wgpu::BindGroupEntry { binding, resource });
            }
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.layout,
                entries: &entries,
            });
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(d.grid[0], d.grid[1], d.grid[2]);
        }
    }
    let reads: Vec<wgpu::Buffer> = places
        .iter()
        .map(|place| {
            let size = match place {
                Place::Buffer(buffer) => buffer.size(),
                Place::Image(texture, _) => u64::from(texture.height()) * 16384,
            };
            let read = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            });
            match place {
                Place::Buffer(buffer) => encoder.copy_buffer_to_buffer(buffer, 0, &read, 0, size),
                Place::Image(texture, _) => encoder.copy_texture_to_buffer(
                    texture.as_image_copy(),
                    wgpu::TexelCopyBufferInfo {
                        buffer: &read,
                        layout: layout(texture.height()),
                    },
                    texture.size(),
                ),
            }
            read
        })
        .collect();
    gpu.queue.submit([encoder.finish()]);
    for read in &reads {
        read.slice(..)
            .map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
    }
    gpu.wait().unwrap();
    let mut results = HashMap::new();
    for (t, (read, place)) in reads.iter().zip(&places).enumerate() {
        let info = &list.tensors[t];
        let data = read.slice(..).get_mapped_range().unwrap();
        let all: Vec<u32> = data
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let first = match place {
            Place::Buffer(_) => 64,
            Place::Image(..) => GUARD_QUADS * 4,
        };
        let end = first + info.quads as usize * 4;
        let whole = all[..first]
            .iter()
            .chain(&all[end..])
            .all(|&word| word == GUARD);
        assert!(whole, "something was written beside {}", info.name);
        results.insert(Tensor(t), all[first..end].to_vec());
    }
    results
}

fn place(gpu: &Gpu, words: Vec<u32>, storage: Storage) -> Place {
    if storage == Storage::Buffer {
        let mut all = vec![GUARD; 64];
        all.extend(words);
        all.extend([GUARD; GUARD_QUADS * 4]);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        return Place::Buffer(buffer(gpu, &all, usage));
    }
    let size = wgpu::Extent3d {
        width: 1024,
        height: rows(words.len() / 4),
        depth_or_array_layers: 1,
    };
    let mut all = vec![GUARD; GUARD_QUADS * 4];
    all.extend(words);
    all.resize(size.height as usize * 4096, GUARD);
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
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
    gpu.queue.write_texture(
        texture.as_image_copy(),
        &bytes(&all),
        layout(size.height),
        size,
    );
    let view = texture.create_view(&Default::default());
    Place::Image(texture, view)
}

fn layout(rows: u32) -> wgpu::TexelCopyBufferLayout {
    wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(16384),
        rows_per_image: Some(rows),
    }
}

fn buffer(gpu: &Gpu, words: &[u32], usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: words.len() as u64 * 4,
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, &bytes(words));
    buffer
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// f32 values in rows of `width` to the words of a tensor with padded rows.
pub fn pack(values: &[f32], width: usize) -> Vec<u32> {
    let mut words = vec![];
    for row in values.chunks(width) {
        words.extend(row.iter().map(|value| value.to_bits()));
        words.resize(words.len().next_multiple_of(4), 0);
    }
    words
}

/// The values of a tensor with rows of `width`, after a look at its padding.
pub fn unpack(what: &str, words: &[u32], width: usize) -> Vec<f64> {
    let mut values = vec![];
    for row in words.chunks(width.next_multiple_of(4)) {
        let row: Vec<f32> = row.iter().map(|&word| f32::from_bits(word)).collect();
        assert!(
            row[width..].iter().all(|&pad| pad == 0.0),
            "{what}: the padding is {:?}",
            &row[width..]
        );
        values.extend(row[..width].iter().map(|&value| f64::from(value)));
    }
    values
}

/// Every value within its own bound; a NaN where one is expected.
pub fn close(what: &str, got: &[f64], expected: &[f64], bound: impl Fn(usize) -> f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let bound = bound(i);
        assert!(
            got == expected
                || (got.is_nan() && expected.is_nan())
                || (got - expected).abs() <= bound,
            "{what}[{i}] is {got}, expected {expected} within {bound}"
        );
    }
}

/// A reproducible stream of numbers.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn word(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// In -1 .. 1.
    pub fn next(&mut self) -> f32 {
        (self.word() & 0xff_ffff) as f32 / 8_388_608.0 - 1.0
    }

    pub fn many(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }

    /// Whole numbers in `-levels ..= levels`: many are equal.
    pub fn levels(&mut self, n: usize, levels: f32) -> Vec<f32> {
        (0..n).map(|_| (self.next() * levels).round()).collect()
    }
}
