//! The samples of a batch, their values and labels.

use super::{EPS, activation, shape};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::Numbers;
use crate::data::{Dtype, Normalisation, permute};
use crate::kernels::batch::{BatchOrder, Mode, Shards, state};
use crate::kernels::{List, Role, batch, oracle};

/// The samples of each batch, bit for bit.
pub fn order(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
        for (samples, size) in [
            (1u32, 1u32),
            (1, 3),
            (3, 3),
            (17, 5),
            (65, 65),
            (1000, 1000),
            (4097, 300),
            (65_537, 1024),
        ] {
            for (first, seed, epoch, step) in [
                (0, 0, 0, 0),
                (7, 0xdead_beef, 0xffff_ffff, 0),
                (100, 42, 3, 2),
                (1, 1, 1, 3),
            ] {
                let mut list = List::default();
                let tstate = list.integers("state", Role::State, 3);
                let quads = batch::order::batch_quads(size);
                let all = [Mode::Sequential, Mode::Shuffled, Mode::Evaluate].map(|mode| {
                    let tensor = list.integers("batch", Role::State, quads);
                    let order = BatchOrder {
                        mode,
                        samples,
                        first,
                        size,
                        seed,
                    };
                    batch::order(&mut list, &tuning, "order", tstate, tensor, order);
                    (mode, tensor)
                });
                let mut words = vec![0u32; 12];
                words[state::EPOCH as usize] = epoch;
                words[state::WINDOW_STEP as usize] = step;
                words[state::EVALUATION_BATCH as usize] = step + 1;
                let got = exam.run(&list, &[(tstate, words)], storage);
                for (mode, tensor) in all {
                    let start = if mode == Mode::Evaluate {
                        (step + 1) * size
                    } else {
                        step * size
                    };
                    let valid = size.min(samples.saturating_sub(start));
                    let mut expected = vec![valid, 0, 0, 0];
                    expected.extend((0..size).map(|i| match mode {
                        _ if i >= valid => u32::MAX,
                        Mode::Shuffled => first + permute(seed, epoch, start + i, samples),
                        _ => first + start + i,
                    }));
                    let what = format!("{mode:?}, {samples} samples in {size}, step {step}");
                    let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
                    let words = got.integers(tensor, 0..expected.len());
                    exam.close(&what, &words, &expected, |_| 0.0);
                }
            }
        }
    }
}

/// Data of a type as bytes, and the value of each element.
fn elements(dtype: Dtype, n: usize, numbers: &mut Numbers) -> (Vec<u8>, Vec<f64>) {
    let (mut bytes, mut values) = (vec![], vec![]);
    for _ in 0..n {
        let word = numbers.word() ^ numbers.word() << 16;
        let value = match dtype {
            Dtype::U8 => f64::from(word as u8),
            Dtype::I8 => f64::from(word as i8),
            Dtype::U16 => f64::from(word as u16),
            Dtype::I16 => f64::from(word as i16),
            Dtype::I32 => f64::from(word as i32),
            Dtype::F16 => half::f16::from_f32(word as i32 as f32 / 1e6).to_f64(),
            Dtype::F32 => f64::from(word as i32 as f32 / 1e8),
        };
        match dtype {
            Dtype::F16 => bytes.extend(half::f16::from_f64(value).to_le_bytes()),
            Dtype::F32 => bytes.extend((value as f32).to_le_bytes()),
            _ => bytes.extend(&word.to_le_bytes()[..dtype.size_bytes()]),
        }
        values.push(value);
    }
    (bytes, values)
}

/// The words of a piece, the last one filled with ones.
fn as_words(bytes: &[u8]) -> Vec<u32> {
    let word = |chunk: &[u8]| {
        let mut four = [0xff; 4];
        four[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(four)
    };
    bytes.chunks(4).map(word).collect()
}

/// Samples of every type and shard, normalized.
pub fn gather(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(7);
    let dtypes = [
        Dtype::U8,
        Dtype::I8,
        Dtype::U16,
        Dtype::I16,
        Dtype::I32,
        Dtype::F16,
        Dtype::F32,
    ];
    for (storage, tuning) in exam.ways() {
        for (case, dtype) in dtypes.into_iter().enumerate() {
            // Samples of 51, 1, 28 and 195 elements: they start at every offset within a word.
            let shape = [
                shape(3, 17, 1),
                shape(1, 1, 1),
                shape(1, 4, 7),
                shape(3, 1, 65),
            ][case % 4];
            let counts: [usize; 4] =
                [[11, 0, 0, 0], [5, 3, 1, 2], [6, 5, 0, 0], [1, 9, 1, 0]][case % 4];
            let sample = shape.elements() as usize;
            let (bytes, values) = elements(dtype, 11 * sample, &mut numbers);
            let mut list = List::default();
            let (mut bounds, mut tensors, mut given) = ([0u32; 5], vec![], vec![]);
            for (i, count) in counts.into_iter().enumerate() {
                let start = bounds[i] as usize;
                bounds[i + 1] = (start + count) as u32;
                if count == 0 {
                    tensors.push(tensors[i - 1]);
                    continue;
                }
                let size = sample * dtype.size_bytes();
                let words = as_words(&bytes[start * size..(start + count) * size]);
                let tensor = list.integers("shard", Role::Data, (words.len() as u64).div_ceil(4));
                tensors.push(tensor);
                given.push((tensor, words));
            }
            let shards = Shards {
                tensors: std::array::from_fn(|i| tensors[i]),
                bounds,
                dtype,
            };
            let indices = [10usize, 0, 4, 5, 7, 8, 9, 9, 1, 6, 3];
            let size = 13u32;
            let mut words = vec![indices.len() as u32, 0, 0, 0];
            words.extend(indices.map(|i| i as u32));
            words.resize(4 + size as usize, u32::MAX);
            let tbatch = list.integers("batch", Role::State, batch::order::batch_quads(size));
            given.push((tbatch, words));
            let out = activation(&mut list, "out", size, shape);
            // One mean and deviation for all channels, or one per channel.
            let channels = [1, shape.channels as usize][usize::from(case > 2)];
            let each = |first: f32, step: f32| -> Vec<f64> {
                let values = (0..channels).map(|channel| first + step * channel as f32);
                values.map(f64::from).collect()
            };
            let normalisation = Normalisation {
                scale: 255.0,
                mean: each(0.286, 0.1),
                std: each(0.353, 0.05),
            };
            let normal = &normalisation;
            batch::gather(
                &mut list, &tuning, "gather", tbatch, &shards, out, size, shape, normal,
            );
            let got = exam.run(&list, &given, storage);
            let what = format!("{dtype} {shape:?}");
            let mut expected = oracle::gather(&values, sample, &indices, normal);
            expected.resize(size as usize * sample, 0.0);
            let none = Normalisation {
                mean: vec![0.0; channels],
                ..normalisation.clone()
            };
            let mut magnitude =
                oracle::magnitudes(&oracle::gather(&values, sample, &indices, &none));
            magnitude.resize(expected.len(), 0.0);
            let ratios = normalisation.mean.iter().zip(&normalisation.std);
            let shift = ratios.map(|(mean, std)| mean / std).fold(0.0, f64::max);
            // The conversion of a large whole number, two divisions of 2.5 units, a subtraction.
            let bound = |i: usize| 7.0 * EPS * (magnitude[i] + shift);
            // Rows that are not valid are zero.
            let bound = |i: usize| match i < indices.len() * sample {
                true => bound(i),
                false => 0.0,
            };
            exam.close(
                &what,
                &got.rows(out, shape.width as usize),
                &expected,
                bound,
            );
        }
    }
}

/// Labels of every type and shard.
pub fn labels(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
        for dtype in [
            Dtype::U8,
            Dtype::I8,
            Dtype::U16,
            Dtype::I16,
            Dtype::I32,
            Dtype::F16,
            Dtype::F32,
        ] {
            let labels: Vec<u32> = (0..11).map(|i| (i * 37 + 5) % 120).collect();
            let bytes = |range: std::ops::Range<usize>| -> Vec<u8> {
                labels[range]
                    .iter()
                    .flat_map(|label| match dtype {
                        Dtype::F16 => half::f16::from_f32(*label as f32).to_le_bytes().to_vec(),
                        Dtype::F32 => (*label as f32).to_le_bytes().to_vec(),
                        _ => label.to_le_bytes()[..dtype.size_bytes()].to_vec(),
                    })
                    .collect()
            };
            let mut list = List::default();
            let bounds = [0, 5, 8, 11, 11];
            let mut given = vec![];
            let pieces = [0..5, 5..8, 8..11].map(|range| {
                let tensor = list.integers("shard", Role::Data, 3);
                given.push((tensor, as_words(&bytes(range))));
                tensor
            });
            let shards = Shards {
                tensors: [pieces[0], pieces[1], pieces[2], pieces[2]],
                bounds,
                dtype,
            };
            let indices = [10u32, 0, 4, 5, 7, 8, 1];
            let mut words = vec![7, 0, 0, 0];
            words.extend(indices);
            words.resize(4 + 9, u32::MAX);
            let tbatch = list.integers("batch", Role::State, batch::order::batch_quads(9));
            given.push((tbatch, words));
            let out = list.integers("labels", Role::State, 3);
            batch::gather_labels(&mut list, &tuning, "labels", tbatch, &shards, out, 9);
            let got = exam.run(&list, &given, storage);
            let mut expected: Vec<u32> = indices.iter().map(|&i| labels[i as usize]).collect();
            expected.extend([0, 0]);
            let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
            let found = got.integers(out, 0..9);
            exam.close(&format!("{dtype} labels"), &found, &expected, |_| 0.0);
        }
    }
}
