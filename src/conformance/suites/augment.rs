//! Random changes of the samples of a training batch.

use super::{EPS, activation, shape};
use crate::conformance::examiner::Examiner;
use crate::conformance::examiner::Values;
use crate::conformance::numbers::Numbers;
use crate::data::{Augmentation, Dtype, Normalisation};
use crate::kernels::batch::{Shards, state};
use crate::kernels::{List, Role, Shape, Storage, Tuning, batch, oracle};

const SEED: u32 = 0x1234_5678;

/// Samples of bytes in two shards, and a batch of some of them.
struct Given {
    shape: Shape,
    bytes: Vec<u8>,
    indices: Vec<usize>,
    size: u32,
    normalisation: Normalisation,
}

impl Given {
    fn new(shape: Shape, count: usize) -> Given {
        let mut numbers = Numbers::new(3);
        let elements = count * shape.elements() as usize;
        let values = |first: f32, step: f32| {
            let values = (0..shape.channels).map(|c| f64::from(first + step * c as f32));
            values.collect()
        };
        Given {
            shape,
            // No zeros: a border is seen.
            bytes: (0..elements).map(|_| numbers.word() as u8 | 1).collect(),
            indices: (0..count).map(|at| at * 7 % count).collect(),
            size: count as u32 + 2,
            normalisation: Normalisation {
                scale: 255.0,
                mean: values(0.25, 0.125),
                std: values(0.5, 0.25),
            },
        }
    }

    /// The batch of an epoch on the device, row by row.
    fn gather(
        &self,
        exam: &mut Examiner<'_>,
        augmentation: Augmentation,
        epoch: u32,
        storage: Storage,
        tuning: &Tuning,
    ) -> Values {
        let sample = self.shape.elements() as usize;
        let border = self.bytes.len() / sample / 3;
        let mut list = List::default();
        let mut given = vec![];
        let pieces = [
            &self.bytes[..border * sample],
            &self.bytes[border * sample..],
        ]
        .map(|piece| {
            let words: Vec<u32> = piece
                .chunks(4)
                .map(|chunk| {
                    let mut four = [0; 4];
                    four[..chunk.len()].copy_from_slice(chunk);
                    u32::from_le_bytes(four)
                })
                .collect();
            let tensor = list.integers("shard", Role::Data, (words.len() as u64).div_ceil(4));
            given.push((tensor, words));
            tensor
        });
        let all = (self.bytes.len() / sample) as u32;
        let shards = Shards {
            tensors: [pieces[0], pieces[1], pieces[1], pieces[1]],
            bounds: [0, border as u32, all, all, all],
            dtype: Dtype::U8,
        };
        let mut words = vec![self.indices.len() as u32, 0, 0, 0];
        words.extend(self.indices.iter().map(|i| *i as u32));
        words.resize(4 + self.size as usize, u32::MAX);
        let tbatch = list.integers("batch", Role::State, batch::order::batch_quads(self.size));
        given.push((tbatch, words));
        let tstate = list.integers("state", Role::State, 2);
        let mut words = vec![0; 8];
        words[state::EPOCH as usize] = epoch;
        given.push((tstate, words));
        let out = activation(&mut list, "out", self.size, self.shape);
        batch::gather_augmented(
            &mut list,
            tuning,
            "gather",
            tbatch,
            tstate,
            &shards,
            out,
            self.size,
            self.shape,
            &self.normalisation,
            augmentation,
            SEED,
        );
        let got = exam.run(&list, &given, storage);
        got.rows(out, self.shape.width as usize)
    }

    /// The same by the oracle.
    fn expected(&self, augmentation: Augmentation, epoch: u32) -> Vec<f64> {
        let sample = self.shape.elements() as usize;
        let (width, height) = (self.shape.width, self.shape.height);
        let mut expected = vec![];
        for index in &self.indices {
            let changes = augmentation.changes(SEED, epoch, *index as u32, width, height);
            let raw = &self.bytes[index * sample..][..sample];
            let normalisation = &self.normalisation;
            expected.extend(oracle::augment(
                raw,
                self.shape,
                normalisation,
                augmentation,
                changes,
            ));
        }
        expected.resize(self.size as usize * sample, 0.0);
        expected
    }
}

/// Flips, crops and cutouts.
pub fn augmentation(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
        for (shape, changes) in [
            (shape(1, 7, 9), "flip"),
            (shape(3, 6, 8), "crop:3"),
            (shape(3, 5, 7), "crop:5:edge"),
            (shape(2, 6, 12), "cutout:5"),
            (shape(3, 9, 13), "flip,crop:4,cutout:6"),
            (shape(2, 4, 4), "flip,crop:1:edge,cutout:1"),
            // A series moves along its length only.
            (shape(5, 1, 30), "flip,crop:9,cutout:8"),
        ] {
            let given = Given::new(shape, 40);
            let Ok(augmentation) = changes.parse() else {
                continue;
            };
            for epoch in [0, 3] {
                let got = given.gather(exam, augmentation, epoch, storage, &tuning);
                let expected = given.expected(augmentation, epoch);
                // A conversion, two divisions of 2.5 units, a subtraction, of values up to 2.
                let bound = |_| 7.0 * EPS * 4.0;
                exam.close(&format!("{changes} of {shape:?}"), &got, &expected, bound);
            }
        }
    }
}

/// An epoch changes its samples in the same way in every storage and division of the work.
pub fn augmentation_again(exam: &mut Examiner<'_>) {
    let given = Given::new(shape(1, 8, 8), 30);
    let Ok(augmentation) = "flip,crop:4".parse() else {
        return;
    };
    let ways = exam.ways();
    let (storage, tuning) = &ways[0];
    let first = given.gather(exam, augmentation, 0, *storage, tuning);
    for (storage, tuning) in &ways {
        let again = given.gather(exam, augmentation, 0, *storage, tuning);
        exam.close("the same changes", &again, &first, |_| 0.0);
    }
}
