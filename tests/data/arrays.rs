//! Datasets from arrays, and shards.

use super::one_sentence;
use wattgrad::internals::data::{
    Arrays, Column, ColumnSpec, DataError, Dataset, Dtype, InputValues, Normalisation, Shard,
    Split, Task, TaskKind,
};

fn floats(inputs: &[f32]) -> InputValues<'_> {
    InputValues::F32(inputs)
}

#[test]
fn arrays_make_a_dataset() {
    let (x, y) = ([1.0f32, 2.0, 3.0, 6.0], [0u32, 300]);
    let set = Dataset::from_arrays(
        "mine",
        301,
        &[2],
        Arrays {
            inputs: floats(&x),
            labels: &y,
        },
        Arrays {
            inputs: floats(&x[..2]),
            labels: &y[..1],
        },
    )
    .unwrap();
    assert_eq!((set.train.len, set.test.len), (2, 1));
    let normalisation = Normalisation {
        scale: 1.0,
        mean: vec![3.0],
        std: vec![3.5f64.sqrt()],
    };
    assert_eq!(set.normalisation, [normalisation]);
    assert_eq!(
        set.train.inputs[0].values().collect::<Vec<_>>(),
        [1.0, 2.0, 3.0, 6.0]
    );
    assert_eq!(set.train.targets[0].spec.dtype, Dtype::U16);
    assert_eq!(
        set.train.targets[0].values().collect::<Vec<_>>(),
        [0.0, 300.0]
    );

    let bytes = Arrays {
        inputs: InputValues::U8(&[7, 7]),
        labels: &[1, 0],
    };
    let set = Dataset::from_arrays("flat", 2, &[1], bytes, bytes).unwrap();
    let normalisation = &set.normalisation[0];
    assert_eq!(
        (normalisation.scale, normalisation.std[0]),
        (255.0, 1.0),
        "equal values are divided by 1"
    );
    assert_eq!(set.train.targets[0].spec.dtype, Dtype::U8);
}

#[test]
fn each_channel_has_its_own_mean_and_deviation() {
    // Two samples of [channels, length] = [2, 3]; the second channel is ten times the first.
    let x: [f32; 12] = [
        1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 3.0, 2.0, 1.0, 30.0, 20.0, 10.0,
    ];
    let floats = Arrays {
        inputs: InputValues::F32(&x),
        labels: &[0, 1],
    };
    let set = Dataset::from_arrays("two channels", 2, &[2, 3], floats, floats).unwrap();
    let deviation = (2.0f64 / 3.0).sqrt();
    let found = &set.normalisation[0];
    assert_eq!(found.mean, [2.0, 20.0]);
    for (std, expected) in found.std.iter().zip([deviation, 10.0 * deviation]) {
        assert!((std - expected).abs() < 1e-12, "{found:?}");
    }
    let bytes = x.map(|x| x as u8);
    let bytes = Arrays {
        inputs: InputValues::U8(&bytes),
        labels: &[0, 1],
    };
    let set = Dataset::from_arrays("bytes", 2, &[2, 1, 3], bytes, bytes).unwrap();
    // Of bytes, rounded to four decimals: 2 / 255 and 20 / 255.
    assert_eq!(set.normalisation[0].mean, [0.0078, 0.0784]);
}

#[test]
fn clones_share_their_bytes() {
    let set = Dataset::open("digits").unwrap();
    let bytes = |set: &Dataset| set.train.inputs[0].bytes.as_ptr();
    assert_eq!(bytes(&set), bytes(&set.clone()));
}

#[test]
fn rejects_arrays_that_do_not_fit() {
    let good = Arrays {
        inputs: floats(&[1.0, 2.0]),
        labels: &[0, 1],
    };
    let build = |classes: usize, shape: &[usize], test: Arrays<'_>| {
        let error = Dataset::from_arrays("x", classes, shape, good, test).unwrap_err();
        one_sentence(&error);
        error
    };
    let with = |inputs, labels| Arrays { inputs, labels };
    assert!(matches!(
        build(0, &[1], good),
        DataError::BadClasses { classes: 0 }
    ));
    assert!(matches!(
        build(65_537, &[1], good),
        DataError::BadClasses { .. }
    ));
    assert!(matches!(
        build(1, &[1], good),
        DataError::LabelRange {
            sample: 1,
            label: 1,
            last: 0,
            ..
        }
    ));
    assert!(matches!(build(2, &[0], good), DataError::BadShape { .. }));
    assert!(matches!(
        build(2, &[3], good),
        DataError::ColumnSize {
            found: 2,
            expected: 6,
            ..
        }
    ));
    assert!(matches!(
        build(2, &[2], good),
        DataError::CountMismatch {
            samples: 1,
            labels: 2,
            ..
        }
    ));
    assert!(matches!(
        build(2, &[usize::MAX, 2], good),
        DataError::ColumnSize { .. }
    ));
    assert!(matches!(
        build(2, &[1], with(floats(&[1.0]), &[])),
        DataError::CountMismatch { labels: 0, .. }
    ));
    assert!(matches!(
        build(2, &[1], with(floats(&[]), &[])),
        DataError::NoSamples { .. }
    ));
    let nan = build(2, &[1], with(floats(&[0.0, f32::INFINITY]), &[0, 0]));
    assert!(
        matches!(nan, DataError::NonFinite { sample: 1, .. }),
        "{nan}"
    );
    assert!(matches!(
        build(2, &[1], with(InputValues::U8(&[1]), &[0])),
        DataError::SplitsDiffer { .. }
    ));

    let column = Column {
        spec: ColumnSpec {
            name: "a".into(),
            dtype: Dtype::F32,
            shape: vec![2],
        },
        bytes: vec![0; 8].into(),
    };
    let split = |len| Split {
        len,
        inputs: vec![column.clone()],
        targets: vec![column.clone()],
    };
    let values = Task::new("values", 0, TaskKind::Values(2));
    assert!(Dataset::from_splits("two", vec![values.clone()], 1.0, split(1), split(1)).is_ok());
    let error =
        Dataset::from_splits("two", vec![values.clone()], 1.0, split(1), split(2)).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::ColumnSize {
                found: 8,
                expected: 16,
                ..
            }
        ),
        "{error}"
    );
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Dataset::from_splits("two", vec![values.clone()], scale, split(1), split(1))
            .unwrap_err();
        assert!(matches!(error, DataError::BadScale { .. }), "{error}");
    }
}

#[test]
fn shards_hold_whole_samples_below_the_limit() {
    for (sample, total) in [(1usize, 1usize), (3, 7), (4, 8), (5, 100), (784, 65)] {
        let spec = ColumnSpec {
            name: "image".into(),
            dtype: Dtype::U8,
            shape: vec![sample],
        };
        let column = Column {
            spec,
            bytes: (0..sample * total).map(|i| (i % 251) as u8).collect(),
        };
        for limit in (0..40).chain([784, 787, 788, 1_571, 4_000, 1 << 16, u64::MAX]) {
            let shards = match column.shards(limit) {
                Ok(shards) => shards,
                Err(error) => {
                    assert!((sample as u64).div_ceil(4) * 4 > limit, "{error}");
                    assert!(error.to_string().contains("\"image\""));
                    one_sentence(&error);
                    continue;
                }
            };
            assert!((sample as u64).div_ceil(4) * 4 <= limit);
            let mut joined = Vec::new();
            for (i, shard) in shards.iter().enumerate() {
                assert_eq!(shard.first, i * shards[0].len);
                assert_eq!(shard.bytes.len(), shard.len * sample);
                let bytes = column.shard_bytes(shard).unwrap();
                assert!(bytes.len().is_multiple_of(4) && bytes.len() as u64 <= limit);
                assert!(
                    bytes.len() - shard.bytes.len() < 4
                        && bytes[shard.bytes.len()..].iter().all(|&b| b == 0)
                );
                joined.extend_from_slice(&bytes[..shard.bytes.len()]);
            }
            assert_eq!(*joined, *column.bytes);
            let (last, rest) = shards.split_last().unwrap();
            assert!(
                rest.iter().all(|s| s.len == shards[0].len)
                    && (1..=shards[0].len).contains(&last.len)
            );
            // No fewer shards would do: one more sample in each would pass the limit.
            assert!(rest.is_empty() || ((shards[0].len + 1) * sample) as u64 > limit / 4 * 4);
        }
        let foreign = Shard {
            first: total,
            len: 1,
            bytes: total * sample..(total + 1) * sample,
        };
        assert!(matches!(
            column.shard_bytes(&foreign).unwrap_err(),
            DataError::ForeignShard { .. }
        ));
    }
}

#[test]
fn each_task_reads_a_column_that_fits_it() {
    let column = |name: &str, dtype, shape: &[usize], bytes: &[u8]| Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype,
            shape: shape.to_vec(),
        },
        bytes: bytes.into(),
    };
    let split = || Split {
        len: 2,
        inputs: vec![column("x", Dtype::U8, &[1], &[3, 4])],
        targets: vec![
            column("class", Dtype::U8, &[], &[0, 2]),
            column("labels", Dtype::U8, &[3], &[0, 1, 1, 0, 0, 1]),
            column("value", Dtype::F32, &[1], &[0; 8]),
            column("two", Dtype::U8, &[2], &[0, 1, 2, 0]),
        ],
    };
    let build = |tasks: Vec<Task>| Dataset::from_splits("x", tasks, 1.0, split(), split());
    let class = Task::new("class", 0, TaskKind::Classes(3));
    let labels = Task::new("labels", 1, TaskKind::Labels(3));
    let value = Task::new("value", 2, TaskKind::Values(1));
    let set = build(vec![class.clone(), labels, value]).unwrap();
    assert_eq!(set.classes(), 3);
    assert_eq!(
        set.notes,
        ["1 of 3 classes of task class have no training sample (1)"]
    );
    let refused = |tasks: Vec<Task>, wanted: &str| {
        let error = build(tasks).unwrap_err();
        one_sentence(&error);
        assert!(error.to_string().contains(wanted), "{error}");
    };
    refused(vec![], "at least one task");
    refused(vec![class.clone(), class.clone()], "two tasks");
    let task = |target, kind| vec![Task::new("t", target, kind)];
    refused(task(4, TaskKind::Classes(3)), "target column 4");
    refused(
        task(0, TaskKind::Classes(2)),
        "label 2 of sample 1 in the training split",
    );
    refused(task(1, TaskKind::Classes(2)), "wrong dimensions [3]");
    refused(task(1, TaskKind::Labels(2)), "wrong dimensions [3]");
    refused(task(2, TaskKind::Labels(1)), "labels of type f32");
    refused(
        task(3, TaskKind::Labels(2)),
        "label 2 of sample 1 in the training split, column \"two\" is outside 0 to 1",
    );
    refused(task(0, TaskKind::Values(0)), "classes must be between");
}
