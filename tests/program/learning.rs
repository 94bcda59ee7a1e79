//! Every preset learns.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{gpu, options};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::model::{Metric, init, presets};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Program, ProgramOptions};

#[test]
fn every_preset_that_fits_learns_digits() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    for (name, lr, epochs) in [("mlp", 0.05, 8), ("cnn", 0.05, 6), ("resnet8", 0.05, 3)] {
        let network = presets::by_name(
            name,
            Shape {
                channels: 1,
                height: 8,
                width: 8,
            },
            10,
        )
        .unwrap();
        let with = ProgramOptions {
            update_rule: Arc::new(Sgd::new(lr, 0.9, 0.0, false).unwrap()),
            ..options(&gpu)
        };
        let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
        program
            .load(&init::initial(network.parameters(), 1).unwrap())
            .unwrap();
        let steps = epochs * program.steps_per_epoch();
        program
            .train(steps, &AtomicBool::new(false), &mut |_| ())
            .unwrap();
        let accuracy = program.evaluate().unwrap().first(Metric::Accuracy);
        assert!(accuracy > 0.85, "{name}: {accuracy}");
        let counters = program.counters();
        // A step of a larger network may take as long as a submit should, on a busy machine.
        if name == "mlp" {
            assert!(counters.submits < counters.steps, "{name}: {counters:?}");
        }
    }
}
