//! Limits of batches, shards and bindings.

use super::{gpu, mlp, options};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::device::{Gpu, GpuOptions};
use wattgrad::internals::kernels::Tuning;
use wattgrad::internals::program::{Program, ProgramError, ProgramOptions};

#[test]
fn rejects_sizes_out_of_range_by_name() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let refuse = |with: ProgramOptions| {
        Program::new(&gpu, &network, &data, &with)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        refuse(ProgramOptions {
            batch_size: 0,
            ..options(&gpu)
        }),
        ProgramError::Batch { batch: 0, .. }
    ));
    assert!(matches!(
        refuse(ProgramOptions {
            batch_size: 5000,
            ..options(&gpu)
        }),
        ProgramError::Batch { .. }
    ));
    assert!(
        refuse(ProgramOptions {
            shard_limit: Some(60),
            ..options(&gpu)
        })
        .to_string()
        .contains("image")
    );

    let narrow = Gpu::open(&GpuOptions {
        storage_binding_limit: Some(64 << 10),
        ..GpuOptions::default()
    })
    .unwrap();
    let with = ProgramOptions {
        tuning: Tuning::gpu(),
        ..options(&narrow)
    };
    let why = Program::new(&narrow, &network, &data, &with)
        .map(|_| ())
        .unwrap_err();
    let ProgramError::TooLarge { tensor, limit, .. } = &why else {
        panic!("{why}")
    };
    assert_eq!((tensor.as_str(), *limit), ("fc1.weight", 64 << 10));
}
