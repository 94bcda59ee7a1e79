//! Evaluation counts every sample once.

use super::{gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, InputValues, Normalisation};
use wattgrad::internals::model::{Metric, Network, init};
use wattgrad::internals::program::{Program, ProgramOptions};

/// A linear layer with known weights gives a known result for every sample.
#[test]
fn evaluation_counts_every_sample_once() {
    let gpu = gpu();
    let (features, classes) = (4, 3);
    for count in [1_usize, 63, 64, 65, 10_000] {
        let inputs: Vec<f32> = (0..(count * features) as u32).map(noise).collect();
        let labels: Vec<u32> = (0..count).map(|i| (i * 7 % 5 % classes) as u32).collect();
        let arrays = || Arrays {
            inputs: InputValues::F32(&inputs),
            labels: &labels,
        };
        let mut data =
            Dataset::from_arrays("test", classes, &[1, 1, features], arrays(), arrays()).unwrap();
        data.normalisation = vec![Normalisation::identity(1)];
        let mut network = Network::new();
        let x = network.input([1, 1, features as u32]);
        let logits = network.linear("fc", x, classes as u32).unwrap();
        network.cross_entropy("label", logits, 0, 1.0);
        let weights = init::initial(network.parameters(), 9).unwrap();
        let (w, b) = (
            weights.floats("fc.weight").unwrap(),
            weights.floats("fc.bias").unwrap(),
        );
        let (mut loss, mut even_loss, mut correct, mut even) = (0.0, 0.0, 0, 0);
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
            let is_even = number.is_multiple_of(2);
            loss += sum - logits[*label as usize];
            even_loss += f64::from(is_even) * (sum - logits[*label as usize]);
            let best =
                (0..classes).fold(0, |best, c| if logits[c] > logits[best] { c } else { best });
            let right = usize::from(best == *label as usize);
            correct += right;
            even += right * usize::from(is_even);
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
                let [accuracy, measured] = found.metrics.as_slice() else {
                    panic!("{found:?}");
                };
                let case = format!("{count} samples by {eval_batch_size}");
                assert_eq!(
                    (accuracy.metric, measured.metric),
                    (Metric::Accuracy, Metric::Loss)
                );
                assert_eq!(found.samples, count as u64, "{case}");
                assert_eq!(accuracy.value, correct as f64 / count as f64, "{case}");
                let half = count.div_ceil(2) as f64;
                assert_eq!(accuracy.deciding, even as f64 / half, "{case}");
                let close = |got: f64, want: f64| (got - want).abs() < 1e-6 * (1.0 + want);
                assert!(
                    close(measured.value, loss / count as f64),
                    "{case}: {found:?}"
                );
                assert!(
                    close(measured.deciding, even_loss / half),
                    "{case}: {found:?}"
                );
                if count > 1 {
                    let half = (count / 2) as f64;
                    assert_eq!(
                        accuracy.confirming,
                        (correct - even) as f64 / half,
                        "{case}"
                    );
                    let odd = (loss - even_loss) / half;
                    assert!(close(measured.confirming, odd), "{case}: {found:?}");
                }
            }
        }
    }
}
