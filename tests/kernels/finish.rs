//! The ends of a step and of an evaluation.

use super::EPS;
use super::harness::{Numbers, close, pack, run, ways};
use wattgrad::internals::kernels::batch::state;
use wattgrad::internals::kernels::{List, Role, batch};

#[test]
fn the_end_of_a_step_writes_its_result_and_advances_the_counters() {
    let mut numbers = Numbers::new(8);
    for (storage, tuning) in ways() {
        let (rows, chunks, ring, steps_per_window) = (131usize, 17usize, 4u32, 3u32);
        let mut row_data = vec![];
        let mut loss = 0.0;
        for i in 0..rows {
            let value = numbers.next() + 2.0;
            loss += f64::from(value);
            row_data.extend([value, (i % 3 == 0) as u32 as f32, 0.0, 0.0]);
        }
        let partials: Vec<f32> = (0..chunks)
            .flat_map(|_| [numbers.next() + 1.0, 9.0, 9.0, 9.0])
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
            let got = run(&list, &given, storage);
            let mut expected = vec![0u32; 12];
            expected[..4].copy_from_slice(&[6 + steps, epochs, steps % steps_per_window, 0]);
            expected[state::MICRO_BATCH as usize] = steps;
            expected[9] = 77;
            assert_eq!(got[&tstate], expected, "after {steps} steps");
            for slot in 0..ring {
                let result: Vec<f64> = got[&tresults][slot as usize * 4..][..4]
                    .iter()
                    .map(|&w| f32::from_bits(w).into())
                    .collect();
                let written = (6..6 + steps).any(|step| step % ring == slot);
                assert_eq!(
                    !result[0].is_nan(),
                    written,
                    "slot {slot} after {steps} steps"
                );
                if written {
                    // Rows per lane, then the tree.
                    let chain = rows as f64 / f64::from(tuning.lanes) + 12.0;
                    let exact = [loss / 128.0, 44.0, squares.sqrt(), 0.0];
                    close("result", &result, &exact, |i| chain * EPS * exact[i]);
                }
            }
        }
    }
}

#[test]
fn the_end_of_an_evaluation_writes_a_row_per_batch() {
    for (storage, tuning) in ways() {
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
        let got = run(&list, &given, storage);
        let result: Vec<f32> = got[&tresults].iter().map(|&w| f32::from_bits(w)).collect();
        let rows = [
            [35.0, 35.0, 7.0, 7.0],
            [70.0, 70.0, 14.0, 14.0],
            [70.0, 0.0, 0.0, 0.0],
        ];
        assert_eq!(result[..12], *rows.as_flattened());
        assert!(result[12..24].iter().all(|v| v.is_nan()));
        assert_eq!(result[24..], *rows.as_flattened());
        assert_eq!(got[&tstate][..4], [0, 0, 0, 1]);
    }
}

#[test]
fn what_is_not_finite_reaches_the_results_of_a_step_and_of_an_evaluation() {
    let last = 129;
    for (storage, tuning) in ways() {
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
                let got = run(&list, &given, storage);
                let float = |tensor, at: usize| f32::from_bits(got[&tensor][at]);
                let what = format!("{value}, of a loss: {of_loss}");
                let bad = [0, 2].map(|at| !float(tresults, at).is_finite());
                assert_eq!(
                    bad,
                    [of_loss, !of_loss],
                    "{what}: loss and norm of the gradient"
                );
                assert_eq!(float(tresults, 3), 1.0, "{what}: flag");
                assert_eq!(
                    !float(tevaluated, 0).is_finite(),
                    of_loss,
                    "{what}: evaluation"
                );
                assert_eq!(
                    !float(tevaluated, 2).is_finite(),
                    of_loss,
                    "{what}: deciding half"
                );
            }
        }
    }
}
