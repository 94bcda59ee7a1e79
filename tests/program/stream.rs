//! Data sets that stream through a ring of shards.

use std::io::Write as _;
use std::sync::atomic::AtomicBool;

use super::{bits, gpu, mlp, options, train};
use wattgrad::internals::data::{Bytes, Dataset};
use wattgrad::internals::device::Gpu;
use wattgrad::internals::model::init;
use wattgrad::internals::program::{Order, Program, ProgramError, ProgramOptions};

/// Bytes of a sample of the digits and its label.
const SAMPLE: u64 = 65;
/// Samples of a shard of the training split in the tests.
const PER: u64 = 34;

/// A ring of 34 training samples a shard, and of a third of that for the test split.
fn window() -> u64 {
    (PER * 8 * SAMPLE) * 4 / 3 + 4
}

/// Losses of two and a half epochs and the metrics of an evaluation in their midst, as bits.
fn run(gpu: &Gpu, data: &Dataset, with: &ProgramOptions) -> Vec<u64> {
    let network = mlp(data);
    let mut program = Program::new(gpu, &network, data, with).unwrap();
    let weights = init::initial(network.parameters(), 5).unwrap();
    program.load(&weights).unwrap();
    let epoch = program.steps_per_epoch();
    let mut found = vec![];
    for steps in [epoch / 2, epoch, epoch] {
        let mut each = |r: wattgrad::internals::program::StepResult| {
            found.push(u64::from(r.loss.to_bits()));
        };
        program
            .train(steps, &AtomicBool::new(false), &mut each)
            .unwrap();
        let evaluation = program.evaluate().unwrap();
        assert_eq!(evaluation.samples, data.test.len as u64);
        let metrics = evaluation.metrics.iter();
        found.extend(metrics.flat_map(|m| [m.value.to_bits(), m.deciding.to_bits()]));
    }
    let written = program.counters().refilled_bytes;
    let all = data.train.len as u64 * SAMPLE;
    match with.data_window {
        // Shards at the border of two windows are read twice.
        Some(_) => assert!((2 * all..6 * all).contains(&written), "{written} of {all}"),
        None => assert_eq!(written, 0),
    }
    found
}

/// The digits with all columns in a file.
fn mapped() -> Dataset {
    let mut data = Dataset::open("digits").unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let columns = |data: &Dataset| -> Vec<Vec<u8>> {
        let columns = data.train.columns().chain(data.test.columns());
        columns.map(|column| column.bytes.to_vec()).collect()
    };
    for bytes in columns(&data) {
        file.write_all(&bytes).unwrap();
    }
    let all = Bytes::map(file.path()).unwrap();
    let mut at = 0;
    for split in [&mut data.train, &mut data.test] {
        for column in split.inputs.iter_mut().chain(&mut split.targets) {
            let len = column.bytes.len();
            column.bytes = all.part(at..at + len);
            assert!(column.bytes.is_mapped());
            at += len;
        }
    }
    data
}

#[test]
fn a_streamed_run_has_the_bits_of_a_resident_one() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    for order in [Order::Shuffled, Order::Sequential] {
        let with = |data_window, steps| ProgramOptions {
            order,
            data_window,
            // The same shards, all of them resident.
            shard_limit: data_window.is_none().then_some(PER * 64),
            batch_size: 24,
            eval_batch_size: 30,
            augmentation: "flip,crop:1".parse().ok(),
            steps_per_submit: Some(steps),
            ..options(&gpu)
        };
        let want = run(&gpu, &data, &with(None, 7));
        for steps in [1, 7, 64] {
            let found = run(&gpu, &data, &with(Some(window()), steps));
            assert!(found == want, "{order:?}, {steps} steps per submit");
        }
        assert!(
            run(&gpu, &mapped(), &with(Some(window()), 5)) == want,
            "{order:?}, in a file"
        );
    }
}

#[test]
fn a_window_of_all_data_changes_nothing() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let with = |data_window| ProgramOptions {
        data_window,
        ..options(&gpu)
    };
    let want = bits(&train(&gpu, &network, &data, &with(None), 30));
    assert!(want == bits(&train(&gpu, &network, &data, &with(Some(1 << 20)), 30)));
}

#[test]
fn data_on_the_device_stays_below_the_window() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    // Both splits stream, the test split stays, the training split stays.
    for (window, batch) in [(window(), 24), (90_000, 64), (110_000, 64)] {
        let with = ProgramOptions {
            data_window: Some(window),
            batch_size: batch,
            eval_batch_size: 30,
            ..options(&gpu)
        };
        let program = Program::new(&gpu, &network, &data, &with).unwrap();
        let memory = program.summary().memory;
        let held = memory.iter().filter(|slot| slot.role.to_string() == "data");
        let held: u64 = held.map(|slot| slot.bytes).sum();
        // Shards are rounded up to 16 bytes.
        assert!(held <= window + 1024, "{held} of {window}");
        assert!(held > window / 2, "{held} of {window}");
    }
}

#[test]
fn a_batch_larger_than_the_window_is_refused() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let with = ProgramOptions {
        data_window: Some(window()),
        batch_size: 3 * PER as u32 + 2,
        eval_batch_size: 30,
        ..options(&gpu)
    };
    let error = Program::new(&gpu, &network, &data, &with).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, ProgramError::DataWindow { samples: 34, .. })
            && text.contains("--data-window"),
        "{text}"
    );
}
