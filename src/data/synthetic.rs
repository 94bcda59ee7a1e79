//! Synthetic data with a known Bayes accuracy: classes that are equally likely, each a normal distribution around its own
//! mean. The means are orthogonal and of one length, which is chosen so that the best possible classifier is right in the
//! wanted share of all cases.
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use statrs::function::erf::erfc;

use super::reader::{class_column, column};
use super::{DataError, Dataset, Dtype, Split, Task, TaskKind};

/// A value is stored as this many times itself, in 16 bits: fine enough for the accuracy to keep four decimals, coarse
/// enough for every machine to draw the same values.
const SCALE: f64 = 256.0;
/// The most values in all.
const MOST_VALUES: usize = 1 << 31;
const KEYS: &str = "classes, samples, test, shape, accuracy, seed";

/// What is drawn.
struct Synthetic {
    classes: usize,
    samples: usize,
    test: usize,
    shape: Vec<usize>,
    accuracy: f64,
    seed: u64,
}

/// The options after `synthetic` in a dataset's name, if it is one: empty, or `:KEY=VALUE,...`.
pub(super) fn options(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("synthetic")?;
    match rest.is_empty() {
        true => Some(rest),
        false => rest.strip_prefix(':'),
    }
}

/// Draws the dataset that `options` describe.
pub(super) fn open(options: &str) -> Result<Dataset, DataError> {
    let what = Synthetic::parse(options)?;
    let elements: usize = what.shape.iter().product();
    let length = mean_length(what.classes, what.accuracy);
    let mut generator = Generator(Pcg64Mcg::seed_from_u64(what.seed), None);
    let means = orthogonal(&mut generator, what.classes, elements, length);
    let mut split = |len: usize| {
        let mut labels = Vec::with_capacity(len);
        let mut bytes = Vec::with_capacity(2 * len * elements);
        for _ in 0..len {
            let class = (generator.0.next_u64() % what.classes as u64) as usize;
            labels.push(class as u32);
            for mean in &means[class] {
                let value = ((mean + generator.normal()) * SCALE).round();
                let value = value.clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
                bytes.extend(value.to_le_bytes());
            }
        }
        Split {
            len,
            inputs: vec![column("input", Dtype::I16, &what.shape, bytes)],
            targets: vec![class_column("label", &labels, what.classes)],
        }
    };
    let (train, test) = (split(what.samples), split(what.test));
    let tasks = vec![Task::new("label", 0, TaskKind::Classes(what.classes))];
    let mut data = Dataset::from_splits("synthetic", tasks, SCALE, train, test)?;
    data.source = what.describe();
    data.licence = "none needed".into();
    data.notes.push(format!(
        "the Bayes accuracy is {}: no classifier is right more often, save by chance",
        what.accuracy
    ));
    Ok(data)
}

impl Synthetic {
    fn parse(options: &str) -> Result<Synthetic, DataError> {
        let mut what = Synthetic {
            classes: 10,
            samples: 10_000,
            test: 2_000,
            shape: vec![1, 16, 16],
            accuracy: 0.9,
            seed: 0,
        };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let error = |why: &str| DataError::Synthetic {
                why: format!("{option:?} {why}"),
            };
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| error("is not KEY=VALUE"))?;
            let number = |value: &str| {
                value
                    .parse::<usize>()
                    .ok()
                    .filter(|n| *n > 0)
                    .ok_or_else(|| error("needs a whole number above 0"))
            };
            match key {
                "classes" => what.classes = number(value)?,
                "samples" => what.samples = number(value)?,
                "test" => what.test = number(value)?,
                "shape" => {
                    what.shape = value.split('x').map(number).collect::<Result<_, _>>()?;
                    if what.shape.len() > 3 {
                        return Err(error("has more than three dimensions"));
                    }
                }
                "accuracy" => {
                    let parsed = value.parse().map_err(|_| error("needs a number"))?;
                    what.accuracy = parsed;
                }
                "seed" => {
                    what.seed = value
                        .parse()
                        .map_err(|_| error("needs a whole number from 0 on"))?;
                }
                _ => return Err(error(&format!("is none of the options {KEYS}"))),
            }
        }
        what.check()?;
        Ok(what)
    }

    fn check(&self) -> Result<(), DataError> {
        let error = |why: String| Err(DataError::Synthetic { why });
        let elements = self
            .shape
            .iter()
            .try_fold(1usize, |all, n| all.checked_mul(*n));
        let Some(elements) = elements.filter(|n| *n <= MOST_VALUES) else {
            return error("the shape has too many values".into());
        };
        if self.classes < 2 || self.classes > elements {
            return error(format!(
                "classes must be between 2 and the {elements} values of a sample, got {}",
                self.classes
            ));
        }
        let chance = 1.0 / self.classes as f64;
        if !(self.accuracy > chance && self.accuracy < 1.0) {
            return error(format!(
                "accuracy must be between {chance} (chance) and 1, got {}",
                self.accuracy
            ));
        }
        let all = self.samples.checked_add(self.test);
        match all.and_then(|n| n.checked_mul(elements)) {
            Some(values) if values <= MOST_VALUES => Ok(()),
            _ => error(format!("the samples have more than {MOST_VALUES} values")),
        }
    }

    fn describe(&self) -> String {
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        format!(
            "synthetic:classes={},samples={},test={},shape={},accuracy={},seed={}",
            self.classes,
            self.samples,
            self.test,
            shape.join("x"),
            self.accuracy,
            self.seed
        )
    }
}

/// The length of the means for which the best classifier has this accuracy.
fn mean_length(classes: usize, accuracy: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match bayes_accuracy(classes, middle) < accuracy {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// The probability that, of `classes` standard normal numbers, the one raised by `length` is the largest: the accuracy of
/// choosing the nearest of orthogonal means of this length, which no classifier exceeds.
fn bayes_accuracy(classes: usize, length: f64) -> f64 {
    let step = 1.0 / 128.0;
    let below = |x: f64| 0.5 * erfc(-x / std::f64::consts::SQRT_2);
    let values = (-8 * 128..=8 * 128).map(|at| {
        let x = f64::from(at) * step;
        (-0.5 * x * x).exp() * below(x + length).powf(classes as f64 - 1.0)
    });
    values.sum::<f64>() * step / (2.0 * std::f64::consts::PI).sqrt()
}

/// Orthogonal vectors of one length, by Gram and Schmidt.
fn orthogonal(
    generator: &mut Generator,
    count: usize,
    elements: usize,
    length: f64,
) -> Vec<Vec<f64>> {
    let mut vectors: Vec<Vec<f64>> = vec![];
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..elements).map(|_| generator.normal()).collect();
        // Twice, since one pass loses digits.
        for _ in 0..2 {
            for other in &vectors {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(a, b)| *a -= along * b);
            }
            let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
            vector.iter_mut().for_each(|a| *a /= norm);
        }
        vectors.push(vector);
    }
    vectors.iter_mut().flatten().for_each(|a| *a *= length);
    vectors
}

/// Normal numbers, two at a time.
struct Generator(Pcg64Mcg, Option<f64>);

impl Generator {
    fn normal(&mut self) -> f64 {
        if let Some(second) = self.1.take() {
            return second;
        }
        // From above 0 to 1.
        let mut uniform = || ((self.0.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let radius = (-2.0 * uniform().ln()).sqrt();
        let (sin, cos) = (2.0 * std::f64::consts::PI * uniform()).sin_cos();
        self.1 = Some(radius * sin);
        radius * cos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accuracy_of_two_classes_is_that_of_a_normal_distribution() {
        // Two means at a distance of sqrt(2) times their length: the chance of an error is that of half the distance.
        for length in [0.0, 1.0, 2.5] {
            let expected = 0.5 * erfc(-length / 2.0);
            assert!((bayes_accuracy(2, length) - expected).abs() < 1e-9);
        }
        assert!((bayes_accuracy(10, 0.0) - 0.1).abs() < 1e-9);
        assert!((bayes_accuracy(10, mean_length(10, 0.9)) - 0.9).abs() < 1e-9);
    }
}
