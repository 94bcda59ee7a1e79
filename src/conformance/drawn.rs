//! Weights and samples that are drawn by name from a generator which the scripts of the fixtures have too, so that no file
//! stores them.

use crate::data::{Column, ColumnSpec, DataError, Dataset, Dtype, Normalisation, Split, Task};
use crate::model::weights::{Weights, WeightsError};
use crate::model::{Network, ParameterKind};

/// The words of the generator for a name.
fn draw(name: &str, n: usize) -> impl Iterator<Item = u64> {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    (1..=n as u64).map(move |i| {
        let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(i));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Numbers in 0 .. 1 for a name.
pub fn unit(name: &str, n: usize) -> impl Iterator<Item = f64> {
    draw(name, n).map(|word| (word >> 40) as f64 / f64::from(1 << 24))
}

/// Weights of a network, each tensor by its name.
///
/// # Errors
/// None for the parameters of a network.
pub fn weights(network: &Network) -> Result<Weights, WeightsError> {
    let mut weights = Weights::default();
    for spec in network.parameters() {
        let count = spec.shape.iter().product();
        let values = unit(&spec.name, count).map(|u| match spec.kind {
            ParameterKind::Weight { fan_in } | ParameterKind::Bias { fan_in } => {
                (2.0 * u - 1.0) / (fan_in as f64).sqrt()
            }
            ParameterKind::NormWeight | ParameterKind::RunningVar => 0.75 + u / 2.0,
            ParameterKind::NormBias | ParameterKind::RunningMean => 0.2 * (2.0 * u - 1.0),
        });
        let values = values.map(|v| v as f32).collect();
        weights.insert(spec.name.clone(), spec.shape.clone(), values)?;
        if let Some(layer) = spec.name.strip_suffix("running_var") {
            weights.insert_count(format!("{layer}num_batches_tracked"), 0);
        }
    }
    Ok(weights)
}

/// `count` samples of a shape, the brighter the higher their class, for training and test alike.
///
/// # Errors
/// As [`Dataset::from_splits`].
pub fn samples(count: usize, shape: &[usize], classes: usize) -> Result<Dataset, DataError> {
    let labels: Vec<u8> = draw("labels", count)
        .map(|word| (word % classes as u64) as u8)
        .collect();
    let size: usize = shape.iter().product();
    let pixels: Vec<u8> = draw("pixels", count * size)
        .enumerate()
        .map(|(i, word)| (word >> 57) as u8 + 12 * labels[i / size])
        .collect();
    let column = |name: &str, shape: &[usize], bytes: Vec<u8>| Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype: Dtype::U8,
            shape: shape.to_vec(),
        },
        bytes: bytes.into(),
    };
    let split = Split {
        len: count,
        inputs: vec![column("pixels", shape, pixels)],
        targets: vec![column("label", &[], labels)],
    };
    let tasks = vec![Task::label(classes)];
    let mut data = Dataset::from_splits("drawn", tasks, 255.0, split.clone(), split)?;
    data.normalisation = vec![Normalisation {
        scale: 255.0,
        mean: vec![0.5],
        std: vec![0.25],
    }];
    Ok(data)
}
