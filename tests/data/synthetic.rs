//! Synthetic data.

use super::one_sentence;
use wattgrad::internals::data::{Dataset, Split};

/// The means of each class and the accuracy of choosing the nearest: with equal likelihoods and equal spread no classifier
/// is better.
fn nearest_mean(train: &Split, test: &Split, classes: usize) -> f64 {
    let elements = train.inputs[0].spec.elements();
    let samples = |split: &Split| -> Vec<Vec<f64>> {
        let values: Vec<f64> = split.inputs[0].values().map(|v| v / 256.0).collect();
        values.chunks(elements).map(<[f64]>::to_vec).collect()
    };
    let labels =
        |split: &Split| -> Vec<usize> { split.targets[0].values().map(|l| l as usize).collect() };
    let mut means = vec![vec![0.0; elements]; classes];
    let mut counts = vec![0.0; classes];
    for (sample, label) in samples(train).iter().zip(labels(train)) {
        counts[label] += 1.0;
        means[label]
            .iter_mut()
            .zip(sample)
            .for_each(|(m, v)| *m += v);
    }
    for (mean, count) in means.iter_mut().zip(&counts) {
        mean.iter_mut().for_each(|m| *m /= count);
    }
    let all = samples(test);
    let right = all.iter().zip(labels(test)).filter(|(sample, label)| {
        let distance = |mean: &Vec<f64>| -> f64 {
            mean.iter().zip(*sample).map(|(m, v)| (m - v).powi(2)).sum()
        };
        let best =
            (0..classes).min_by(|a, b| distance(&means[*a]).total_cmp(&distance(&means[*b])));
        best == Some(*label)
    });
    right.count() as f64 / test.len as f64
}

#[test]
fn the_best_classifier_has_the_wanted_accuracy() {
    for (classes, accuracy) in [(2, 0.75), (5, 0.9), (8, 0.5)] {
        let name = format!(
            "synthetic:classes={classes},samples=8000,test=8000,shape=2x4,accuracy={accuracy},seed=3"
        );
        let set = Dataset::open(&name).unwrap();
        assert_eq!(
            (set.train.len, set.test.len, set.classes()),
            (8000, 8000, classes)
        );
        assert_eq!(set.train.inputs[0].spec.shape, [2, 4]);
        let found = nearest_mean(&set.train, &set.test, classes);
        // Five standard deviations of a share of 8,000, and what the estimated means cost.
        let tolerance = 5.0 * (0.25f64 / 8000.0).sqrt();
        assert!((found - accuracy).abs() < tolerance, "{name}: {found}");
        assert_eq!(set.source, name);
    }
}

#[test]
fn the_seed_determines_the_data() {
    let open = |name: &str| Dataset::open(name).unwrap().sha256;
    let name = "synthetic:samples=50,test=20,shape=12";
    assert_eq!(open(name), open(name));
    assert_ne!(open(name), open(&format!("{name},seed=1")));
    // The values of every machine.
    assert_eq!(
        open("synthetic:classes=3,samples=50,test=20,shape=12"),
        "61f60b3de60fb2cdc0d0775f7bc32f879bb9801a53ebac16d9422859a8e9e085"
    );
}

#[test]
fn impossible_options_are_refused() {
    for (options, wanted) in [
        ("classes=1", "classes must be between 2 and the 256 values"),
        (
            "classes=20,shape=4x4",
            "classes must be between 2 and the 16 values",
        ),
        ("accuracy=0.1", "accuracy must be between 0.1"),
        ("accuracy=1", "accuracy must be between"),
        ("accuracy=high", "needs a number"),
        ("samples=0", "needs a whole number above 0"),
        ("shape=1x2x3x4", "three dimensions"),
        ("shape=99999x99999x99999", "too many values"),
        ("samples=99999999", "more than"),
        ("size=3", "is none of the options classes, samples"),
        ("classes", "is not KEY=VALUE"),
    ] {
        let error = Dataset::open(&format!("synthetic:{options}")).unwrap_err();
        one_sentence(&error);
        assert!(error.to_string().contains(wanted), "{error}");
    }
}
