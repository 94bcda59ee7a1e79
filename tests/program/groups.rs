//! Parameter groups have their own learning rate and weight decay.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{gpu, mlp, options};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::kernels::oracle;
use wattgrad::internals::model::init;
use wattgrad::internals::optim::{ParameterGroup, Sgd};
use wattgrad::internals::program::{Program, ProgramError, ProgramOptions};

/// Two groups, like PyTorch's `param_groups`: weights with weight decay at the full learning rate, biases without it at a
/// tenth. The oracle of the update rule gets the gradients that the device computed.
#[test]
fn two_groups_follow_the_oracle_with_their_own_hyperparameters() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    for momentum in [0.9, 0.0] {
        let mut network = mlp(&data);
        let biases = network.set_group(1, |spec| spec.shape.len() == 1);
        assert_eq!(biases, network.parameters().len() / 2);
        let no_decay = ParameterGroup {
            lr: Some(0.005),
            weight_decay: Some(0.0),
        };
        let with = ProgramOptions {
            update_rule: Arc::new(Sgd::new(0.05, momentum, 0.1, momentum > 0.0).unwrap()),
            groups: vec![ParameterGroup::default(), no_decay],
            ..options(&gpu)
        };
        let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
        // Biases that are not zero, so that weight decay would change them.
        let mut initial = init::initial(network.parameters(), 5).unwrap();
        for spec in network.parameters().iter().filter(|p| p.group == 1) {
            let values = vec![0.5; spec.shape[0]];
            initial
                .insert(spec.name.clone(), spec.shape.clone(), values)
                .unwrap();
        }
        program.load(&initial).unwrap();
        let widen = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let mut expected: Vec<(Vec<f64>, Vec<f64>)> = network
            .parameters()
            .iter()
            .map(|spec| widen(initial.floats(&spec.name).unwrap()))
            .map(|values| (values.clone(), vec![0.0; values.len()]))
            .collect();
        for _ in 0..5 {
            program
                .train(1, &AtomicBool::new(false), &mut |_| {})
                .unwrap();
            for (spec, (values, buffer)) in network.parameters().iter().zip(&mut expected) {
                let decays = spec.group == 0;
                let rule = oracle::Sgd {
                    lr: if decays { 0.05 } else { 0.005 },
                    momentum,
                    weight_decay: if decays { 0.1 } else { 0.0 },
                    nesterov: momentum > 0.0,
                };
                let gradient = program.gradient(&spec.name).unwrap().unwrap();
                rule.step(values, &widen(&gradient), buffer);
            }
        }
        let found = program.weights().unwrap();
        for (spec, (values, _)) in network.parameters().iter().zip(&expected) {
            for (found, expected) in found.floats(&spec.name).unwrap().iter().zip(values) {
                let error = (f64::from(*found) - expected).abs();
                // Five steps of about ten roundings each, of values below 1.
                assert!(
                    error < 50.0 * f64::from(f32::EPSILON),
                    "{}: {error}",
                    spec.name
                );
            }
        }
    }
}

#[test]
fn rejects_an_undefined_group_by_name() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let mut network = mlp(&data);
    network.set_group(2, |spec| spec.name == "fc2.bias");
    let error = Program::new(&gpu, &network, &data, &options(&gpu)).unwrap_err();
    assert!(matches!(error, ProgramError::Group { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("\"fc2.bias\" is in parameter group 2")
    );
}
