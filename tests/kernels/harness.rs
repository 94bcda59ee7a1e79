//! Runs a list of dispatches on a device and returns the words of every tensor.
//!
//! Each tensor lies between guard words, which are NaN and must not change, to detect access outside a tensor. A tensor
//! without input starts as NaN, to detect elements that are never written.
#![allow(dead_code)] // the tests and the benchmark each use a part

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use wattgrad::Gpu;
use wattgrad::internals::device::{
    BindingKind, Bound, GpuOptions, IMAGE_ROW, Memory, PipelineCache, Step,
};
use wattgrad::internals::kernels::emit::{self, Language};
use wattgrad::internals::kernels::{
    Access, Composed, Dispatch, List, Storage, Tensor, TensorInfo, Tuning,
};

/// Bytes of a quad.
const QUAD: u64 = 16;
/// Quads of guard words before and after a tensor: 256 bytes, to which every device aligns a binding.
const GUARD_QUADS: u64 = 16;
/// Guard words and unwritten words: NaN with payloads that no arithmetic yields.
const GUARD: u32 = 0x7fc0_dead;
const UNWRITTEN: u32 = 0x7fc0_5555;

/// An open device and its pipelines.
pub struct Device {
    pub gpu: Gpu,
    pipelines: PipelineCache,
}

/// One device per core: a software driver compiles the kernels of a device on one thread, which takes most of the time.
static DEVICES: LazyLock<Vec<Mutex<Device>>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let open = || {
        let gpu = Gpu::open(&GpuOptions::default())
            .expect("a Vulkan driver is needed; Mesa's software driver is enough");
        let pipelines = PipelineCache::with_directory(&gpu, None);
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

/// The storages that this device can run: buffers, and images where the `texel` kernels run.
pub fn storages() -> Vec<Storage> {
    let images = texel_lanes().map(|_| Storage::Image);
    std::iter::once(Storage::Buffer).chain(images).collect()
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

/// The storage of the tensors, and how the work is divided.
pub type Way = (Storage, Tuning);

/// The two configurations of every kernel without a choice of cores: storage of the tensors and division of the work.
pub fn ways() -> Vec<Way> {
    let images = texel_lanes().map(|_| (Storage::Image, tuning(24, 2)));
    std::iter::once((Storage::Buffer, tuning(64, 16)))
        .chain(images)
        .collect()
}

/// A tensor on the device.
struct Placed {
    memory: Memory,
    /// Quads before the tensor.
    base: u64,
    quads: u64,
}

impl Placed {
    fn new(gpu: &Gpu, tensor: Tensor, info: &TensorInfo, given: &[u32], image: bool) -> Placed {
        assert!(
            given.len() as u64 <= info.quads * 4,
            "the input for {} is too long",
            info.name
        );
        let (mut base, mut all) = (GUARD_QUADS, info.quads + 2 * GUARD_QUADS);
        if image {
            // At a row's start, within it, near its end. The driver compiles a kernel separately for images whose height is not
            // a power of two, so all heights are powers of two.
            base += [0, 5, 1003, 1008][tensor.0 % 4];
            let rows = (base + info.quads + GUARD_QUADS).div_ceil(IMAGE_ROW);
            all = rows.next_power_of_two() * IMAGE_ROW;
        }
        let mut words = vec![GUARD; base as usize * 4];
        words.extend(given);
        words.resize((base + info.quads) as usize * 4, UNWRITTEN);
        words.resize(all as usize * 4, GUARD);
        let memory = gpu.allocate(&info.name, all * QUAD, image);
        gpu.write(&memory, 0, bytemuck::cast_slice(&words));
        Placed {
            memory,
            base,
            quads: info.quads,
        }
    }

    /// The tensor's words, after a check of the guard words.
    fn read(&self, gpu: &Gpu, name: &str) -> Vec<u32> {
        let all: Vec<u32> = bytemuck::pod_collect_to_vec(&gpu.read(&self.memory).unwrap());
        let tensor = self.base as usize * 4..(self.base + self.quads) as usize * 4;
        for (i, word) in all.iter().enumerate() {
            let at = i as i64 - tensor.start as i64;
            assert!(
                tensor.contains(&i) || *word == GUARD,
                "{name}: word {at} of a tensor of {} quads was written",
                self.quads
            );
        }
        all[tensor].to_vec()
    }
}

/// A list whose tensors are on the device and whose kernels are compiled; it may run many times.
pub struct Prepared {
    placed: BTreeMap<Tensor, Placed>,
    steps: Vec<Step>,
}

impl Prepared {
    /// Composes and validates every dispatch, writes the inputs (at most a tensor's size), and compiles the kernels. With
    /// [`Storage::Image`] every tensor that can be an image in all its uses is one.
    pub fn new(
        device: &mut Device,
        list: &List,
        given: &[(Tensor, Vec<u32>)],
        storage: Storage,
    ) -> Prepared {
        let Device { gpu, pipelines } = device;
        let (composed, used, images) = compose(list, storage);
        let placed: BTreeMap<Tensor, Placed> = used
            .into_iter()
            .map(|tensor| {
                let mut inputs = given.iter().chain(&list.constants);
                let input = inputs.find(|(t, _)| *t == tensor);
                let input = input.map_or(&[][..], |(_, words)| words);
                let image = images.contains(&tensor);
                let placed = Placed::new(gpu, tensor, list.info(tensor), input, image);
                (tensor, placed)
            })
            .collect();
        let mut step = |dispatch: &Dispatch, composed: &Composed| {
            let mut words = dispatch.sizes.clone();
            let mut kinds = vec![BindingKind::Uniform];
            let mut bound = vec![];
            for operand in &composed.operands {
                let Placed { memory, base, .. } = &placed[&operand_tensor(dispatch, &operand.name)];
                kinds.push(match (operand.storage, operand.access) {
                    (Storage::Buffer, Access::Read) => BindingKind::StorageRead,
                    (Storage::Buffer, _) => BindingKind::StorageReadWrite,
                    (Storage::Image, Access::Read) => BindingKind::ImageRead,
                    (Storage::Image, Access::Write) => BindingKind::ImageWrite,
                    (Storage::Image, Access::Update) => BindingKind::ImageReadWrite,
                });
                if operand.storage == Storage::Image {
                    words.push(*base as u32);
                }
                // The guard words behind the tensor are bound too.
                let offset = base * QUAD;
                let bytes = memory.bytes().saturating_sub(offset);
                bound.push(Bound {
                    memory,
                    offset,
                    bytes,
                });
            }
            let sizes = gpu.uniform("sizes", &words);
            bound.insert(0, Bound::whole(&sizes));
            let pipeline = pipelines
                .get(&dispatch.label, &composed.wgsl, &kinds)
                .unwrap_or_else(|why| panic!("{}: {why}", dispatch.label));
            Step::Fixed(gpu.command(&dispatch.label, pipeline, &bound, dispatch.grid))
        };
        let steps = list.dispatches.iter().zip(&composed);
        let steps = steps.map(|(d, c)| step(d, c)).collect();
        Prepared { placed, steps }
    }

    /// Runs the list `times` times and waits for the device.
    pub fn run(&self, gpu: &Gpu, times: usize) {
        let mut recording = gpu.record();
        recording.lists(&[&self.steps], std::iter::repeat_n(0, times));
        gpu.submit(recording);
        gpu.wait().unwrap();
    }
}

/// Runs the list once and returns the words of every tensor that it uses.
pub fn run(
    list: &List,
    given: &[(Tensor, Vec<u32>)],
    storage: Storage,
) -> BTreeMap<Tensor, Vec<u32>> {
    let mut device = device();
    let prepared = Prepared::new(&mut device, list, given, storage);
    prepared.run(&device.gpu, 1);
    let placed = prepared.placed.iter();
    placed
        .map(|(tensor, placed)| (*tensor, placed.read(&device.gpu, &list.info(*tensor).name)))
        .collect()
}

/// Composes and validates the list in both storages without a device, and returns the modules of the buffer form.
pub fn validate(list: &List) -> Vec<naga::Module> {
    compose(list, Storage::Image);
    let (composed, ..) = compose(list, Storage::Buffer);
    let module = |c: &Composed| emit::validate(&c.wgsl).unwrap().0;
    composed.iter().map(module).collect()
}

fn operand_tensor(dispatch: &Dispatch, name: &str) -> Tensor {
    let found = dispatch.operands.iter().find(|(n, _)| *n == name);
    found
        .unwrap_or_else(|| panic!("{} has no operand {name}", dispatch.label))
        .1
}

/// Composes every dispatch so that each tensor has one storage; returns the tensors that are used, and those in images.
fn compose(list: &List, storage: Storage) -> (Vec<Composed>, BTreeSet<Tensor>, BTreeSet<Tensor>) {
    let named = list
        .dispatches
        .iter()
        .flat_map(|d| d.operands.iter().map(|(_, t)| *t));
    let used: BTreeSet<Tensor> = named.collect();
    let imageable = |t: &Tensor| storage == Storage::Image && list.info(*t).imageable;
    let mut images: BTreeSet<Tensor> = used.iter().copied().filter(imageable).collect();
    loop {
        let before = images.len();
        let mut all = vec![];
        for dispatch in &list.dispatches {
            let composed = dispatch
                .compose(
                    |name| match images.contains(&operand_tensor(dispatch, name)) {
                        true => Storage::Image,
                        false => Storage::Buffer,
                    },
                )
                .unwrap_or_else(|why| panic!("{}: {why}", dispatch.label));
            for operand in &composed.operands {
                if operand.storage == Storage::Buffer {
                    images.remove(&operand_tensor(dispatch, &operand.name));
                }
            }
            all.push(composed);
        }
        if images.len() == before {
            for (dispatch, composed) in list.dispatches.iter().zip(&all) {
                examine(dispatch, composed, storage);
            }
            return (all, used, images);
        }
    }
}

/// Checks a composed text once: it is valid, has the operands of the dispatch and no more than every device can bind, and
/// is written in every language where its tensors are buffers.
fn examine(dispatch: &Dispatch, composed: &Composed, storage: Storage) {
    static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let Dispatch {
        label, operands, ..
    } = dispatch;
    assert_eq!(composed.operands.len(), operands.len(), "{label}");
    assert!(operands.len() <= 8, "{label} has too many operands");
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !seen.insert(composed.wgsl.clone()) {
        return;
    }
    drop(seen);
    let (module, _) = emit::validate(&composed.wgsl)
        .unwrap_or_else(|why| panic!("{label}: {why}\n{}", composed.wgsl));
    if storage == Storage::Buffer {
        for language in Language::ALL {
            emit::emit_module(&module, language)
                .unwrap_or_else(|why| panic!("{label} in {language}: {why}"));
        }
    }
}

/// f32 values in rows of `width` as the words of a tensor with padded rows.
pub fn pack(values: &[f32], width: usize) -> Vec<u32> {
    let mut words = vec![];
    for row in values.chunks(width) {
        words.extend(row.iter().map(|value| value.to_bits()));
        words.resize(words.len().next_multiple_of(4), 0);
    }
    words
}

/// The values of a tensor with rows of `width`, whose padding must be zero.
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

/// Every value is within its bound of the expected value, and NaN where NaN is expected.
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

/// `n` values in (-2, 2) of either sign and of magnitudes over three decades, by `seed`.
pub fn data(seed: u64, n: usize) -> Vec<f32> {
    let mut numbers = Numbers::new(seed.wrapping_add(0x5851_f42d));
    let scale = |word: u32| [2.0, 0.5, 0.125, 0.005][(word & 3) as usize];
    (0..n)
        .map(|_| numbers.next() * scale(numbers.word()))
        .collect()
}
