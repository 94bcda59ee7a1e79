//! Every dispatch that the definitions can produce, gathered from the lowering of many networks under every tuning: the
//! presets for several shapes, and a network with every layer type at sizes and windows that no preset has.
#![allow(dead_code)] // each test binary uses a part

use std::sync::Arc;

use wattgrad::internals::data::{Arrays, Dataset, Dtype, InputValues};
use wattgrad::internals::kernels::elementwise::Function;
use wattgrad::internals::kernels::gemm::{Epilogue, Gemm, GemmLayout, product};
use wattgrad::internals::kernels::{
    Composed, Dispatch, GemmCore, GemmRule, List, ProductKind, Role, SHADERS, Shape, Storage,
    Tuning,
};
use wattgrad::internals::model::layers::{Activation, AvgPool2d, Conv2d, Linear, MaxPool2d};
use wattgrad::internals::model::{LossKind, ModelError, Network, Value, presets};
use wattgrad::internals::optim::{Schedule, Sgd};
use wattgrad::internals::program::{Order, ProgramError, ProgramOptions, dispatches};
use wattgrad::internals::train::Regime;

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
                    match case.list.info(*tensor).imageable {
                        true => storage,
                        false => Storage::Buffer,
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

fn one(name: &str, texel: Option<u32>, lanes: u32, fill: u32, rule: GemmRule) -> Tuning {
    Tuning {
        name: name.into(),
        texel,
        lanes,
        reduction_lanes: lanes,
        fill,
        gemm: vec![rule],
    }
}

/// The same with Winograd's algorithm for some passes, each with the core and tile of a rule.
fn with_winograd(tuning: Tuning, passes: &[(ProductKind, GemmRule)]) -> Tuning {
    let rules = passes.iter().map(|(form, of)| GemmRule {
        form: Some(*form),
        winograd: true,
        ..of.clone()
    });
    Tuning {
        gemm: rules.chain(tuning.gemm.clone()).collect(),
        ..tuning
    }
}

/// The built-in tunings, and one row for each core; among them lanes that are no power of two.
pub fn tunings() -> Vec<Tuning> {
    let texel = GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 4);
    let direct = GemmRule::new(GemmCore::Direct, [2, 2, 8, 4], 1);
    let tile_k8 = GemmRule {
        tile_k: 8,
        ..GemmRule::new(GemmCore::Tile, [2, 2, 16, 8], 4)
    };
    let all = vec![
        Tuning::gpu(),
        Tuning::cpu(),
        Tuning::texel(8),
        one(
            "direct",
            None,
            32,
            64,
            GemmRule::new(GemmCore::Direct, [3, 2, 4, 8], 8),
        ),
        one(
            "tile",
            None,
            48,
            256,
            GemmRule::new(GemmCore::Tile, [1, 2, 8, 8], 16),
        ),
        // The texel forms next to the other cores, whose operands then live in images too.
        one(
            "direct in images",
            Some(16),
            64,
            16,
            GemmRule::new(GemmCore::Direct, [1, 2, 4, 2], 4),
        ),
        one(
            "tile in images",
            Some(8),
            128,
            32,
            GemmRule::new(GemmCore::Tile, [2, 2, 8, 8], 4),
        ),
        with_winograd(
            one("texel split", Some(4), 8, 64, texel.clone()),
            &[(ProductKind::ConvForward, texel)],
        ),
        with_winograd(
            one("winograd", None, 64, 64, tile_k8.clone()),
            &[
                (ProductKind::ConvForward, tile_k8),
                (ProductKind::ConvGradInput, direct),
            ],
        ),
    ];
    for tuning in &all {
        tuning.validate().unwrap();
    }
    all
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

/// One layer with each kind of loss, with and without weights.
pub fn losses() -> Vec<Case> {
    let mut data = dataset([1, 1, 9], 60, 9, Dtype::U8);
    for split in [&mut data.train, &mut data.test] {
        for n in [7, 3] {
            let mut column = split.targets[0].clone();
            column.spec.shape = vec![n];
            column.bytes = vec![0; split.len * n].into();
            split.targets.push(column);
        }
    }
    let mut net = Network::new();
    let x = net.input([1, 1, 9]);
    let mut task = |name: &str, kind: LossKind, out, target| {
        let output = net.linear(name, x, out).unwrap();
        net.loss(name, kind, output, target, 0.5);
    };
    let class_weights = Some(vec![0.5; 10]);
    let weighted = LossKind::CrossEntropy {
        label_smoothing: 0.1,
        class_weights,
    };
    let pos_weight = Some(vec![2.0; 7]);
    task("weighted", weighted, 10, 0);
    task("binary", LossKind::binary_cross_entropy(), 7, 2);
    task(
        "positive",
        LossKind::BinaryCrossEntropy { pos_weight },
        7,
        2,
    );
    task("squared", LossKind::MeanSquaredError, 3, 3);
    let tunings = tunings().into_iter();
    tunings
        .map(|tuning| case("losses", &net, &data, &options(&tuning, 7, 4)))
        .collect()
}

/// The same for one tuning and one size of the batches.
pub fn networks_of(shape: [u32; 3], tuning: &Tuning, batch: u32, eval: u32) -> Vec<Case> {
    let data = dataset(shape, 96, 20, Dtype::U8);
    let [channels, height, width] = shape;
    let options = options(tuning, batch, eval);
    let presets = PRESETS.iter().map(|name| (*name, by_name(name, shape)));
    let mut others = vec![("odd", odd(shape).unwrap())];
    if channels * height * width < 400 {
        others.insert(0, ("more", more(shape).unwrap()));
    }
    let networks = presets.chain(others);
    networks
        .map(|(name, network)| {
            let name = format!("{name} {channels}x{height}x{width}");
            case(&name, &network, &data, &options)
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

/// One layer for every type of a data set's elements, in more shards than are bound at once.
pub fn types() -> Vec<Case> {
    let mut cases = vec![];
    for dtype in [
        Dtype::U8,
        Dtype::I8,
        Dtype::U16,
        Dtype::I16,
        Dtype::I32,
        Dtype::F32,
    ] {
        for tuning in [Tuning::gpu(), Tuning::texel(8)] {
            let data = dataset([1, 5, 7], 60, 9, dtype);
            let mut network = Network::new();
            let x = network.input([1, 5, 7]);
            let logits = network.linear("fc", x, 10).unwrap();
            network.cross_entropy("label", logits, 0, 1.0);
            for order in [Order::Shuffled, Order::Sequential] {
                // The evaluation gathers without changes. Shards of a few samples, so that there are more than are bound at once.
                let options = ProgramOptions {
                    order,
                    augmentation: match order {
                        Order::Shuffled => "flip,crop:2,cutout:3".parse().ok(),
                        Order::Sequential => "crop:1:edge".parse().ok(),
                    },
                    shard_limit: Some(35 * 5 * dtype.size_bytes() as u64),
                    ..options(&tuning, 4, 3)
                };
                let name = format!("one layer of {dtype:?}, {order:?}");
                cases.push(case(&name, &network, &data, &options));
            }
        }
    }
    cases
}

/// The layer types that no small preset has: dilation, groups, average pools, layer norms, dropout and the activations, with
/// and without ReLU before them, and values with two consumers.
fn more(input: [u32; 3]) -> Result<Network, ModelError> {
    let mut net = Network::new();
    let conv = |out, groups, dilation: u32| Conv2d {
        groups,
        dilation: [dilation; 2],
        ..Conv2d::square(out, 3, 1, dilation)
    };
    let x = net.input(input);
    let x = net.conv2d("dilated", x, conv(6, 1, 2))?;
    let x = net.relu(x)?;
    let grouped = net.conv2d("grouped", x, conv(4, 2, 1))?;
    let a = net.gelu(grouped)?;
    let depthwise = net.conv2d("depthwise", grouped, conv(4, 4, 1))?;
    let depthwise = net.relu(depthwise)?;
    let b = net.silu(depthwise)?;
    let c = net.tanh(depthwise)?;
    let x = net.add(a, b)?;
    let x = net.add(x, c)?;
    let x = net.conv2d(
        "strided",
        x,
        Conv2d {
            stride: [2, 1],
            ..conv(8, 4, 1)
        },
    )?;
    let d = net.layer("gelu tanh", Arc::new(Activation(Function::GeluTanh)), &[x])?;
    let d = net.avg_pool(d, AvgPool2d::square(3, 2, 1))?;
    let x = net.relu(x)?;
    let e = AvgPool2d {
        count_include_pad: false,
        ..AvgPool2d::square(3, 2, 1)
    };
    let e = net.avg_pool(x, e)?;
    let e = net.layer_norm("planes", e, 2)?;
    let x = net.add(d, e)?;
    let x = net.relu(x)?;
    let f = net.dropout("drop", x, 0.25)?;
    let f = net.layer_norm("samples", f, 3)?;
    let f = net.relu(f)?;
    let g = net.layer_norm("lines", x, 1)?;
    let x = net.add(f, g)?;
    let x = net.linear("wide", x, 13)?;
    let x = net.layer_norm("features", x, 1)?;
    let x = net.dropout("drop again", x, 0.5)?;
    let logits = net.linear("fc", x, 10)?;
    net.cross_entropy("label", logits, 0, 1.0);
    Ok(net)
}

/// Every update rule over one layer with schedule, clipping and accumulation, and each of these with plain descent alone.
pub fn optimizers(tuning: &Tuning) -> Vec<Case> {
    let rules = [
        r#"{"optimizer": "sgd", "momentum": 0.0}"#,
        r#"{"optimizer": "sgd"}"#,
        r#"{"optimizer": "sgd", "dampening": 0.5}"#,
        r#"{"optimizer": "adam"}"#,
        r#"{"optimizer": "lion"}"#,
        r#"{"optimizer": "rmsprop"}"#,
        r#"{"optimizer": "rmsprop", "momentum": 0.5}"#,
        r#"{"optimizer": "rmsprop", "centered": true}"#,
        r#"{"optimizer": "rmsprop", "centered": true, "momentum": 0.5}"#,
    ];
    let data = dataset([1, 5, 7], 60, 9, Dtype::U8);
    let mut network = Network::new();
    let x = network.input([1, 5, 7]);
    let logits = network.linear("fc", x, 10).unwrap();
    network.cross_entropy("label", logits, 0, 1.0);
    let all = rules.iter().map(|rule| (*rule, true, Some(1.0), 3));
    let alone = [(false, Some(1.0), 1), (true, None, 1), (false, None, 2)];
    let alone = alone.map(|(scheduled, clip, accumulate)| (rules[0], scheduled, clip, accumulate));
    all.chain(alone)
        .map(|(rule, scheduled, clip_norm, accumulate)| {
            let regime: Regime = serde_json::from_str(rule).unwrap();
            let options = ProgramOptions {
                schedule: match scheduled {
                    true => Schedule::sweep(0.1, 1.0, 5),
                    false => Schedule::constant(),
                },
                clip_norm,
                accumulate,
                update_rule: regime.update_rule().unwrap(),
                ..options(tuning, 4, 3)
            };
            let with = format!(
                "scheduled {scheduled}, clipped {}, {accumulate} micro-batches",
                clip_norm.is_some()
            );
            case(
                &format!("one layer with {rule}, {with}"),
                &network,
                &data,
                &options,
            )
        })
        .collect()
}

/// Every layer type: windows of 1, 2, 3, 5 and 7, strides to 3, padding to 3, channels that do not fill quads, values with
/// one and with many consumers, with and without their own ReLU, two heads and a frozen layer.
fn odd(input: [u32; 3]) -> Result<Network, ModelError> {
    let mut net = Network::new();
    let conv = |out, kernel, stride, padding, bias| Conv2d {
        bias,
        ..Conv2d::square(out, kernel, stride, padding)
    };
    let pool = MaxPool2d::square;
    let plain = |net: &mut Network, name: &str, x: Value, out| {
        net.layer(name, Arc::new(Linear { out, bias: false }), &[x])
    };
    let x = net.input(input);
    let x = net.conv2d("seven", x, conv(5, 7, 1, 3, true))?;
    let x = net.relu(x)?;
    let x = net.conv2d("five", x, conv(6, 5, 1, 1, false))?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool(3, 1, 1))?;
    let x = net.conv2d("one", x, conv(9, 1, 1, 0, true))?;
    let shared = net.relu(x)?;
    // A value behind a ReLU with many consumers: their gradients are added, the last one's is masked.
    let a = net.conv2d("three", shared, conv(9, 3, 1, 1, true))?;
    let b = net.conv2d("framed", shared, conv(9, 1, 1, 1, true))?;
    let b = net.conv2d("unframed", b, conv(9, 3, 1, 0, false))?;
    let c = net.batch_norm("norm", shared)?;
    let a = net.add(a, b)?;
    let a = net.relu(a)?;
    let x = net.add(c, a)?;
    // And a value without ReLU, with many consumers.
    let y = net.conv2d("half", x, conv(10, 3, 2, 1, true))?;
    let z = net.conv2d("half by one", x, conv(10, 1, 2, 0, false))?;
    let w = net.add(y, z)?;
    let v = net.max_pool(x, pool(2, 2, 0))?;
    let v = net.conv2d("widen", v, conv(10, 1, 1, 0, true))?;
    let v = net.relu(v)?;
    let x = net.max_pool(w, pool(2, 1, 0))?;
    let u = net.batch_norm("norm again", w)?;
    let u = net.conv2d("third", u, conv(11, 3, 3, 1, true))?;
    let x = net.conv2d("third too", x, conv(11, 3, 3, 1, true))?;
    let v = net.conv2d("third as well", v, conv(11, 3, 3, 1, true))?;
    let u = net.relu(u)?;
    // Both a mean and another layer read this value, so the mean's gradient has an addend and a mask.
    let mean = net.mean_pool(u)?;
    let beside = plain(&mut net, "beside", u, 10)?;
    let flat = plain(&mut net, "flat", x, 21)?;
    let flat = net.relu(flat)?;
    let more = net.linear("more", v, 13)?;
    let again = net.linear("again", more, 10)?;
    let there = plain(&mut net, "there", more, 10)?;
    let both = net.add(again, there)?;
    let left = net.linear("left", flat, 10)?;
    let right = net.linear("right", flat, 10)?;
    let middle = net.linear("middle", mean, 10)?;
    let sum = net.add(left, middle)?;
    let sum = net.add(sum, beside)?;
    let second = net.add(right, both)?;
    net.cross_entropy("label", sum, 0, 1.0);
    net.cross_entropy("parity", second, 1, 0.5);
    assert_eq!(net.freeze("five"), 1);
    Ok(net)
}
