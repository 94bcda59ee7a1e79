//! Evaluation counts every sample once.

use super::{gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, Values};
use wattgrad::internals::model::{Network, init};
use wattgrad::internals::program::{Program, ProgramOptions};

/// Logits that tell the class of an input with certainty where it says so: a linear layer with a known weight.
#[test]
fn evaluation_counts_every_sample_once() {
    let gpu = gpu();
    let (features, classes) = (4, 3);
    for count in [1_usize, 63, 64, 65, 10_000] {
        let inputs: Vec<f32> = (0..(count * features) as u32).map(noise).collect();
        let labels: Vec<u32> = (0..count).map(|i| (i * 7 % 5 % classes) as u32).collect();
        let arrays = || Arrays {
            inputs: Values::F32(&inputs),
            labels: &labels,
        };
        let mut data =
            Dataset::from_arrays("test", classes, &[1, 1, features], arrays(), arrays()).unwrap();
        (data.mean, data.std, data.scale) = (0.0, 1.0, 1.0);
        let mut network = Network::new();
        let x = network.input([1, 1, features as u32]);
        let logits = network.linear("fc", x, classes as u32).unwrap();
        network.cross_entropy(logits, 0, 1.0);
        let weights = init::initial(network.parameters(), 9).unwrap();
        let (w, b) = (
            weights.floats("fc.weight").unwrap(),
            weights.floats("fc.bias").unwrap(),
        );
        let (mut loss, mut correct, mut even) = (0.0, 0, 0);
        for (number, (sample, label)) in inputs.chunks(features).zip(&labels).enumerate() {
            let logits: Vec<f64> = (0..classes)
                .map(|c| {
                    f64::from(b[c])
                        + (0..features)
                            .map(|f| f64::from(w[c * features + f]) * f64::from(sample[f]))
                            .sum::<f64>()
                })
                .collect();
            let sum = logits.iter().map(|l| l.exp()).sum::<f64>().ln();
            loss += sum - logits[*label as usize];
            let best =
                (0..classes).fold(0, |best, c| if logits[c] > logits[best] { c } else { best });
            let right = usize::from(best == *label as usize);
            correct += right;
            even += right * usize::from(number.is_multiple_of(2));
        }
        for eval_batch_size in [64, 65, 1000] {
            let with = ProgramOptions {
                batch_size: 1,
                eval_batch_size,
                ..options(&gpu)
            };
            let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
            program.load(&weights).unwrap();
            for _ in 0..2 {
                let found = program.evaluate().unwrap();
                assert_eq!(
                    (found.samples, found.correct),
                    (count as u64, correct as u64),
                    "{count} samples by {eval_batch_size}"
                );
                let half = count.div_ceil(2) as f64;
                assert_eq!(found.accuracy_even, even as f64 / half, "{count} samples");
                if count > 1 {
                    let odd = (correct - even) as f64 / (count / 2) as f64;
                    assert_eq!(found.accuracy_odd, odd, "{count} by {eval_batch_size}");
                }
                assert!(
                    (found.loss - loss / count as f64).abs() < 1e-6 * (1.0 + loss / count as f64),
                    "{} {}",
                    found.loss,
                    loss
                );
            }
        }
    }
}
