//! One NaN in any tensor of any preset.

use std::sync::atomic::AtomicBool;

use super::{gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, InputValues};
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::model::weights::Values;
use wattgrad::internals::model::{Metric, ParameterKind, init, presets};
use wattgrad::internals::program::{Program, ProgramOptions};

#[test]
fn a_nan_in_any_tensor_reaches_the_evaluation_and_the_step() {
    let gpu = gpu();
    let inputs: Vec<f32> = (0..40 * 64).map(noise).collect();
    let labels: Vec<u32> = (0..40).map(|i| i % 10).collect();
    let arrays = || Arrays {
        inputs: InputValues::F32(&inputs),
        labels: &labels,
    };
    let data = Dataset::from_arrays("noise", 10, &[1, 8, 8], arrays(), arrays()).unwrap();
    // The larger residual networks consist of the same layers as the small one.
    for name in ["mlp", "cnn", "resnet8"] {
        let network = presets::by_name(name, Shape::from([1, 8, 8]), 10).unwrap();
        let with = ProgramOptions {
            batch_size: 20,
            eval_batch_size: 33,
            ..options(&gpu)
        };
        let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
        let good = init::initial(network.parameters(), 3).unwrap();
        for spec in std::iter::once(None).chain(network.parameters().iter().map(Some)) {
            let mut weights = good.clone();
            if let Some(spec) = spec {
                let Values::F32(mut values) = weights.get(&spec.name).unwrap().values.clone()
                else {
                    panic!("{} has no floats", spec.name);
                };
                let middle = values.len() / 2;
                values[middle] = f32::NAN;
                weights
                    .insert(&spec.name, spec.shape.clone(), values)
                    .unwrap();
            }
            let what = format!("{name}, {:?}", spec.map(|spec| &spec.name));
            program.load(&weights).unwrap();
            let found = program.evaluate().unwrap().metrics;
            for metric in &found {
                let finite = [metric.value, metric.deciding, metric.confirming];
                let finite = finite.map(f64::is_finite);
                assert_eq!(finite, [spec.is_none(); 3], "{what}: {metric:?}");
            }
            assert_eq!(found[0].metric, Metric::Accuracy);
            let mut flagged = vec![];
            program
                .train(1, &AtomicBool::new(false), &mut |step| {
                    flagged.push(step.non_finite)
                })
                .unwrap();
            // A training step takes the batch's statistics, not the running ones.
            let kinds = [ParameterKind::RunningMean, ParameterKind::RunningVar];
            let unused = spec.is_none_or(|spec| kinds.contains(&spec.kind));
            assert_eq!(flagged, [!unused], "{what}");
        }
    }
}
