//! Every dispatch that the definitions can produce, gathered from the lowering of many networks under every tuning: the
//! presets for several shapes, and a network with every layer type at sizes and windows that no preset has.
#![allow(dead_code)] // each test binary uses a part

mod networks;
mod one_layer;
mod tunings;

use std::sync::Arc;

use wattgrad::internals::data::{Arrays, Dataset, Dtype, InputValues};
use wattgrad::internals::kernels::gemm::{Epilogue, Gemm, GemmLayout, product};
use wattgrad::internals::kernels::{
    Composed, Dispatch, List, Precision, Role, SHADERS, Shape, Storage, Stored, Tuning,
};
use wattgrad::internals::model::{Network, presets};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{ProgramError, ProgramOptions, dispatches};

use networks::{more, odd};
pub use one_layer::{losses, optimizers, types};
pub use tunings::tunings;

/// The dispatches of one lowering, and the storages that its tensors may have.
pub struct Case {
    /// Network, shape, batch and tuning.
    pub name: String,
    /// The dispatches.
    pub list: List,
    /// Images only where the tuning takes them.
    pub storages: Vec<Storage>,
}

/// A dispatch filled for a storage, as the planner would.
pub struct Instance<'a> {
    /// Origin.
    pub name: String,
    /// The dispatch.
    pub dispatch: &'a Dispatch,
    /// The storage of the tensors that may live in images.
    pub storage: Storage,
    /// The filled shader.
    pub composed: Composed,
    /// The size table, the bases of images included.
    pub words: Vec<u32>,
}

/// All instances of all cases.
pub fn instances(cases: &[Case]) -> Vec<Instance<'_>> {
    let mut all = vec![];
    for case in cases {
        for (dispatch, storage) in case
            .list
            .dispatches
            .iter()
            .flat_map(|d| case.storages.iter().map(move |s| (d, *s)))
        {
            let name = format!(
                "{}, {:?} ({}), {storage:?}",
                case.name, dispatch.label, dispatch.shader
            );
            let composed = dispatch
                .compose(|operand| {
                    let tensor = dispatch.operands.iter().find(|(n, _)| *n == operand);
                    let (_, tensor) = tensor.unwrap_or_else(|| panic!("{name} binds no {operand}"));
                    let info = case.list.info(*tensor);
                    Stored {
                        storage: match info.imageable {
                            true => storage,
                            false => Storage::Buffer,
                        },
                        dtype: info.dtype,
                    }
                })
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            for (operand, _) in &dispatch.operands {
                let has = composed.operands.iter().any(|o| o.name == *operand);
                assert!(
                    has,
                    "{name} binds {operand}, which its shader does not have"
                );
            }
            let mut words = dispatch.sizes.clone();
            let images = composed.operands.iter();
            words.extend(images.filter(|o| o.storage == Storage::Image).map(|_| 0));
            all.push(Instance {
                name,
                dispatch,
                storage,
                composed,
                words,
            });
        }
    }
    all
}

/// Samples without content: only shapes matter here.
fn dataset(shape: [u32; 3], train: usize, test: usize, dtype: Dtype) -> Dataset {
    let shape = shape.map(|n| n as usize);
    let elements: usize = shape.iter().product();
    let (inputs, labels) = (
        vec![0; train.max(test) * elements],
        vec![0; train.max(test)],
    );
    let arrays = |n: usize| Arrays {
        inputs: InputValues::U8(&inputs[..n * elements]),
        labels: &labels[..n],
    };
    let mut data = Dataset::from_arrays("zeros", 10, &shape, arrays(train), arrays(test)).unwrap();
    for split in [&mut data.train, &mut data.test] {
        let second = split.targets[0].clone();
        split.targets.push(second);
        for column in split.inputs.iter_mut().chain(&mut split.targets) {
            column.spec.dtype = dtype;
            column.bytes = vec![0; split.len * column.spec.sample_bytes()].into();
        }
    }
    data
}

fn options(tuning: &Tuning, batch_size: u32, eval_batch_size: u32) -> ProgramOptions {
    ProgramOptions {
        seed: 1,
        ..ProgramOptions::new(
            batch_size,
            eval_batch_size,
            Arc::new(Sgd::new(0.05, 0.9, 0.0, false).unwrap()),
            tuning.clone(),
        )
    }
}

fn case(name: &str, network: &Network, data: &Dataset, options: &ProgramOptions) -> Case {
    let name = format!("{name}, batch {}", options.batch_size);
    let list = dispatches(network, data, options).unwrap_or_else(|why| panic!("{name}: {why}"));
    of_list(&name, list, &options.tuning)
}

/// The dispatches of a list, in every storage that the tuning allows.
pub fn of_list(name: &str, list: List, tuning: &Tuning) -> Case {
    Case {
        name: format!("{name}, tuning {}", tuning.name),
        list,
        storages: match tuning.texel.is_some() {
            true => vec![Storage::Buffer, Storage::Image],
            false => vec![Storage::Buffer],
        },
    }
}

/// The registered examples.
pub fn examples() -> Vec<Case> {
    let mut cases = vec![];
    for tuning in tunings() {
        for shader in SHADERS {
            if let Some(example) = shader.example {
                let mut list = List::default();
                example(&mut list, &tuning);
                assert_eq!(list.failure, None, "{}", shader.name);
                cases.push(of_list(shader.name, list, &tuning));
            }
        }
    }
    cases
}

/// One product of 64 x 256 by 256 x 128 in every layout, with its sum in one part.
pub fn products(tuning: &Tuning) -> Vec<Case> {
    let mut tuning = tuning.clone();
    tuning.gemm.iter_mut().for_each(|rule| rule.max_split = 1);
    let (m, n, k) = (64, 128, 256);
    let case = |form: GemmLayout| {
        let mut list = List::default();
        let mut tensor =
            |name: &str, size: u32| list.tensor(name, Role::Activation, u64::from(size / 4));
        let (a, b, c) = (tensor("a", m * k), tensor("b", k * n), tensor("c", m * n));
        let gemm = Gemm { form, m, n, k };
        product(&mut list, &tuning, "product", gemm, a, b, c, Epilogue::None);
        of_list(&format!("{form:?}"), list, &tuning)
    };
    [GemmLayout::Nn, GemmLayout::Nt, GemmLayout::Tn]
        .map(case)
        .into()
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases = types();
    cases.extend(tunings().iter().flat_map(optimizers));
    cases.extend(examples());
    cases.extend(losses());
    cases.extend(large());
    cases.extend(halves());
    for shape in [[1, 28, 28], [1, 8, 8], [3, 32, 32]] {
        cases.extend(networks(shape));
    }
    cases
}

/// The presets and the odd network for samples of one shape, batches of several sizes and every tuning.
pub fn networks(shape: [u32; 3]) -> Vec<Case> {
    let [channels, height, width] = shape;
    // The cost of counting grows with the batch, so the largest samples have small batches.
    let batches: &[(u32, u32)] = match channels * height * width {
        ..1000 => &[(64, 20), (7, 3)],
        _ => &[(16, 5)],
    };
    let mut cases = vec![];
    for tuning in tunings() {
        for &(batch, eval) in batches {
            cases.extend(networks_of(shape, &tuning, batch, eval));
        }
    }
    cases
}

/// The presets that stand for all: the larger residual networks consist of the same layers.
const PRESETS: [&str; 3] = ["mlp", "cnn", "resnet8"];

/// The networks of small samples in f16, on the built-in tunings.
fn halves() -> Vec<Case> {
    let (shape, batch, eval) = ([1, 8, 8], 7, 3);
    let tunings = [Tuning::gpu(), Tuning::cpu(), Tuning::texel(8)];
    let half = |tuning: &Tuning| ProgramOptions {
        precision: Precision::F16,
        ..options(tuning, batch, eval)
    };
    tunings
        .iter()
        .flat_map(|tuning| networks_with(shape, &half(tuning)))
        .collect()
}

/// `resnet18` with the stem for large images, on the built-in tunings.
fn large() -> Vec<Case> {
    let shape = [3, 64, 64];
    let data = dataset(shape, 8, 8, Dtype::U8);
    let network = by_name("resnet18", shape);
    [Tuning::gpu(), Tuning::texel(8)]
        .iter()
        .map(|tuning| case("resnet18", &network, &data, &options(tuning, 2, 1)))
        .collect()
}

/// The networks of [`networks`] for one tuning and one size of the batches.
pub fn networks_of(shape: [u32; 3], tuning: &Tuning, batch: u32, eval: u32) -> Vec<Case> {
    networks_with(shape, &options(tuning, batch, eval))
}

/// The networks of [`networks`] with these options.
fn networks_with(shape: [u32; 3], options: &ProgramOptions) -> Vec<Case> {
    let data = dataset(shape, 96, 20, Dtype::U8);
    let [channels, height, width] = shape;
    let presets = PRESETS.iter().map(|name| (*name, by_name(name, shape)));
    let mut others = vec![("odd", odd(shape).unwrap())];
    if channels * height * width < 400 {
        others.insert(0, ("more", more(shape).unwrap()));
    }
    let networks = presets.chain(others);
    networks
        .map(|(name, network)| {
            let name = format!("{name} {channels}x{height}x{width}");
            case(&name, &network, &data, options)
        })
        .collect()
}

fn by_name(preset: &str, [channels, height, width]: [u32; 3]) -> Network {
    let input = Shape {
        channels,
        height,
        width,
    };
    presets::by_name(preset, input, 10).unwrap()
}

/// A preset for a batch of any size.
pub fn plan(
    preset: &str,
    shape: [u32; 3],
    batch: u32,
    tuning: &Tuning,
) -> Result<List, ProgramError> {
    let mut data = dataset(shape, 1, 1, Dtype::U8);
    // Only the number of samples matters before the upload.
    data.train.len = batch as usize;
    dispatches(&by_name(preset, shape), &data, &options(tuning, batch, 1))
}
