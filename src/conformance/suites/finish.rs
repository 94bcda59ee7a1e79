//! The ends of a step and of an evaluation.

use super::{EPS, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::batch::state;
use crate::kernels::{List, Role, batch};

/// The end of a step: its result and the counters.
pub fn end_of_step(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(8);
    for (storage, tuning) in exam.ways() {
        let (rows, chunks, ring, steps_per_window) = (131usize, 17usize, 4u32, 3u32);
        let mut row_data = vec![];
        let mut loss = 0.0;
        for i in 0..rows {
            let value = numbers.unit() + 2.0;
            loss += f64::from(value);
            row_data.extend([value, (i % 3 == 0) as u32 as f32, 0.0, 0.0]);
        }
        let partials: Vec<f32> = (0..chunks)
            .flat_map(|_| [numbers.unit() + 1.0, 9.0, 9.0, 9.0])
            .collect();
        let squares: f64 = partials.iter().step_by(4).map(|&p| f64::from(p)).sum();
        for (steps, epochs) in [(1u32, 0u32), (3, 1), (8, 2)] {
            let mut list = List::default();
            let trows = list.buffer("rows", Role::Scratch, rows as u64);
            let tpartials = list.buffer("partials", Role::Scratch, chunks as u64);
            let tstate = list.integers("state", Role::State, 3);
            let tresults = list.buffer("results", Role::Results, u64::from(ring));
            for _ in 0..steps {
                batch::finish_step(
                    &mut list,
                    &tuning,
                    "end",
                    trows,
                    rows as u32,
                    tpartials,
                    chunks as u32,
                    tstate,
                    tresults,
                    ring,
                    steps_per_window,
                    128,
                );
            }
            let mut words = vec![0u32; 12];
            words[state::STEP as usize] = 6;
            words[9] = 77;
            let given = [
                (trows, pack(&row_data, 4)),
                (tpartials, pack(&partials, 4)),
                (tstate, words),
            ];
            let got = exam.run(&list, &given, storage);
            let mut expected = vec![0u32; 12];
            expected[..4].copy_from_slice(&[6 + steps, epochs, steps % steps_per_window, 0]);
            expected[state::MICRO_BATCH as usize] = steps;
            expected[9] = 77;
            let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
            let what = format!("counters after {steps} steps");
            exam.close(&what, &got.integers(tstate, 0..12), &expected, |_| 0.0);
            for slot in 0..ring {
                let result = got.floats(tresults)[slot as usize * 4..][..4].to_vec();
                let result = got.derived(tresults, widen(&result));
                let written = (6..6 + steps).any(|step| step % ring == slot);
                // Rows per lane, then the tree.
                let chain = rows as f64 / f64::from(tuning.lanes) + 12.0;
                let exact = match written {
                    true => [loss / 128.0, 44.0, squares.sqrt(), 0.0],
                    false => [f64::NAN; 4],
                };
                let what = format!("slot {slot} after {steps} steps");
                exam.close(&what, &result, &exact, |i| chain * EPS * exact[i]);
            }
        }
    }
}

/// The end of an evaluation: a row per batch and task.
pub fn end_of_evaluation(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
        let mut list = List::default();
        let trows = list.buffer("rows", Role::Scratch, 140);
        let tbatch = list.integers("batch", Role::State, 19);
        let tstate = list.integers("state", Role::State, 3);
        let tresults = list.buffer("results", Role::Results, 9);
        for _ in 0..2 {
            batch::finish_evaluation(
                &mut list, &tuning, "end", trows, 70, 2, tbatch, tstate, tresults, 3,
            );
        }
        // The second task has twice the loss and is always correct.
        let first = (0..70).flat_map(|i| [0.5, (i % 2) as f32, 0.0, (i % 10 == 1) as u32 as f32]);
        let second = (0..70).flat_map(|i| [1.0, 1.0, 0.0, (i % 5 == 0) as u32 as f32]);
        let rows: Vec<f32> = first.chain(second).collect();
        // Every fifth sample has an even index.
        let samples = (0..70).map(|i| 2 * i + u32::from(i % 5 != 0));
        let mut words = vec![0u32; 12];
        words[state::EVALUATION_BATCH as usize] = 2;
        let given = [
            (trows, pack(&rows, 4)),
            (tbatch, [70, 0, 0, 0].into_iter().chain(samples).collect()),
            (tstate, words),
        ];
        let got = exam.run(&list, &given, storage);
        let rows: [[f64; 4]; 3] = [
            [35.0, 35.0, 7.0, 7.0],
            [70.0, 70.0, 14.0, 14.0],
            [70.0, 0.0, 0.0, 0.0],
        ];
        let result = got.derived(tresults, widen(&got.floats(tresults)));
        let rows = rows.as_flattened();
        let expected = [rows, &[f64::NAN; 12], rows].concat();
        exam.close("results", &result, &expected, |_| 0.0);
        let counters = got.integers(tstate, 0..4);
        exam.close("counters", &counters, &[0.0, 0.0, 0.0, 1.0], |_| 0.0);
    }
}

/// A loss or gradient that is not finite reaches the results and the flag.
pub fn not_finite(exam: &mut Examiner<'_>) {
    let last = 129;
    for (storage, tuning) in exam.ways() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            // A loss, and the sum of a chunk's squared gradients.
            for of_loss in [true, false] {
                let mut list = List::default();
                let trows = list.buffer("rows", Role::Scratch, 130);
                let tpartials = list.buffer("partials", Role::Scratch, 130);
                let tbatch = list.integers("batch", Role::State, 34);
                let tstate = list.integers("state", Role::State, 3);
                let tresults = list.buffer("results", Role::Results, 1);
                let tevaluated = list.buffer("evaluated", Role::Results, 2);
                batch::finish_step(
                    &mut list, &tuning, "step", trows, 130, tpartials, 130, tstate, tresults, 1, 1,
                    130,
                );
                batch::finish_evaluation(
                    &mut list, &tuning, "end", trows, 130, 1, tbatch, tstate, tevaluated, 1,
                );
                let mut rows = vec![0.5f32; 130 * 4];
                rows.iter_mut()
                    .skip(2)
                    .step_by(4)
                    .for_each(|flag| *flag = 0.0);
                let mut partials = rows.clone();
                match of_loss {
                    true => rows[last * 4] = value,
                    false => partials[last * 4] = value,
                }
                let given = [
                    (trows, pack(&rows, 4)),
                    (tpartials, pack(&partials, 4)),
                    (tbatch, vec![130; 34 * 4]),
                    (tstate, vec![0; 12]),
                ];
                let got = exam.run(&list, &given, storage);
                let what = format!("{value}, of a loss: {of_loss}");
                let flag = |yes: bool| f64::from(u8::from(yes));
                let finite = got.finite(tresults, &[0, 2]);
                let what_of = |part: &str| format!("{what}: {part}");
                let expected = [flag(!of_loss), flag(of_loss)];
                exam.close(&what_of("finite loss and norm"), &finite, &expected, |_| {
                    0.0
                });
                let flagged = got.derived(tresults, vec![got.floats(tresults)[3].into()]);
                exam.close(&what_of("flag"), &flagged, &[1.0], |_| 0.0);
                let evaluated = got.finite(tevaluated, &[0, 2]);
                let expected = [flag(!of_loss); 2];
                exam.close(&what_of("finite evaluation"), &evaluated, &expected, |_| {
                    0.0
                });
            }
        }
    }
}
