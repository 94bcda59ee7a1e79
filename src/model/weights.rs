//! The weights of a network by name, under PyTorch's `state_dict` names.

mod error;
mod file;
mod names;
mod transfer;

use std::collections::BTreeMap;

use super::{ParameterKind, ParameterSpec};

pub use error::WeightsError;
pub(crate) use file::metadata;
pub use transfer::Transfer;

/// The batch counter beside the running statistics of PyTorch's batch norm, an i64 scalar.
const TRACKED: &str = "num_batches_tracked";

/// The entry in the metadata of a checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// Before the name of each tensor of the update rule in a checkpoint: `optimizer.momentum.fc1.weight`.
pub(crate) const OPTIMIZER: &str = "optimizer.";

/// The values of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Elements in row-major order.
    F32(Vec<f32>),
    /// One integer: PyTorch's `num_batches_tracked`.
    I64(i64),
}

/// One named tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The shape, as in PyTorch: linear `[out, in]`, convolution `[out, in, height, width]`, a scalar `[]`.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Values,
}

/// All tensors of a network, sorted by name.
///
/// ```
/// use wattgrad::Weights;
///
/// let mut weights = Weights::default();
/// weights.insert("fc.bias", vec![2], vec![0.5, -0.5])?;
/// let again = Weights::from_bytes(&weights.to_bytes("completed")?, "memory".as_ref())?;
/// assert_eq!(again.floats("fc.bias"), Some(&[0.5, -0.5][..]));
/// # Ok::<(), wattgrad::WeightsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    params: BTreeMap<String, Param>,
}

impl Weights {
    /// Inserts a tensor of `shape` with elements in row-major order; replaces a tensor of the same name.
    ///
    /// # Errors
    /// [`WeightsError::Count`] where the number of values does not match the shape.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        shape: Vec<usize>,
        values: Vec<f32>,
    ) -> Result<(), WeightsError> {
        let name = name.into();
        if shape.iter().product::<usize>() != values.len() {
            return Err(WeightsError::Count {
                name,
                shape,
                found: values.len(),
            });
        }
        let values = Values::F32(values);
        self.params.insert(name, Param { shape, values });
        Ok(())
    }

    /// Inserts an integer scalar; replaces a tensor of the same name.
    pub fn insert_count(&mut self, name: impl Into<String>, count: i64) {
        let param = Param {
            shape: Vec::new(),
            values: Values::I64(count),
        };
        self.params.insert(name.into(), param);
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.params.get(name)
    }

    /// The elements of a tensor; `None` where there is none of that name or it is an integer scalar.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        match &self.params.get(name)?.values {
            Values::F32(values) => Some(values),
            Values::I64(_) => None,
        }
    }

    /// Names and tensors, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Param)> {
        self.params
            .iter()
            .map(|(name, param)| (name.as_str(), param))
    }

    /// Adds every tensor of `other`, its name after `prefix`; replaces tensors of the same name.
    pub(crate) fn extend_with(&mut self, prefix: &str, other: &Weights) {
        let named = other
            .params
            .iter()
            .map(|(name, param)| (format!("{prefix}{name}"), param.clone()));
        self.params.extend(named);
    }

    /// Takes out the tensors whose names start with `prefix`, and removes it from their names.
    pub(crate) fn split_off(&mut self, prefix: &str) -> Weights {
        let (taken, kept) = std::mem::take(&mut self.params)
            .into_iter()
            .partition(|(name, _)| name.starts_with(prefix));
        self.params = kept;
        let taken: BTreeMap<String, Param> = taken;
        let named = taken
            .into_iter()
            .map(|(name, param)| (name[prefix.len()..].to_owned(), param));
        Weights {
            params: named.collect(),
        }
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.params.len()
    }

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// Checks that these are the weights of a network with parameters `specs`: every parameter in its shape, no other
    /// tensor. `num_batches_tracked` may be absent, as in files of old PyTorch versions.
    ///
    /// # Errors
    /// [`WeightsError::Missing`], [`WeightsError::Dtype`], [`WeightsError::Shape`] or [`WeightsError::Extra`] for the
    /// first difference.
    pub fn check(&self, specs: &[ParameterSpec]) -> Result<(), WeightsError> {
        for spec in specs {
            let Some(param) = self.params.get(&spec.name) else {
                return Err(WeightsError::Missing {
                    name: spec.name.clone(),
                    expected: spec.shape.clone(),
                    found: self.unknown(specs),
                });
            };
            if matches!(param.values, Values::I64(_)) {
                return Err(WeightsError::Dtype {
                    name: spec.name.clone(),
                    found: "I64".into(),
                    expected: "F32",
                });
            }
            if param.shape != spec.shape {
                return Err(WeightsError::Shape {
                    name: spec.name.clone(),
                    expected: spec.shape.clone(),
                    found: param.shape.clone(),
                });
            }
        }
        let counts: Vec<String> = counts(specs).collect();
        for (name, param) in &self.params {
            let count = counts.contains(name);
            if !count && !specs.iter().any(|spec| spec.name == *name) {
                return Err(WeightsError::Extra { name: name.clone() });
            }
            if count && !matches!(param.values, Values::I64(_)) {
                return Err(WeightsError::Dtype {
                    name: name.clone(),
                    found: "F32".into(),
                    expected: "I64",
                });
            }
        }
        Ok(())
    }

    /// A tensor that no parameter of `specs` has the name of, in words.
    fn unknown(&self, specs: &[ParameterSpec]) -> String {
        let known = |name: &str| specs.iter().any(|spec| spec.name == name);
        match self.iter().find(|(name, _)| !known(name)) {
            Some((name, param)) => format!("another one is {name:?} of shape {:?}", param.shape),
            None => format!("it has {} tensors", self.len()),
        }
    }

    /// Checks that every value is finite.
    ///
    /// # Errors
    /// [`WeightsError::NonFinite`] for the first value that is NaN or infinite.
    pub fn check_finite(&self) -> Result<(), WeightsError> {
        for (name, param) in self.iter() {
            let values = self.floats(name).unwrap_or_default();
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return Err(WeightsError::NonFinite {
                    name: name.to_owned(),
                    index: index(at, &param.shape),
                    value: values[at],
                });
            }
        }
        Ok(())
    }

    /// Sets the batch counter beside each running mean of `specs` to its value in `before` (0 where absent) plus `steps`; a
    /// frozen one stays.
    pub fn count_batches(&mut self, specs: &[ParameterSpec], before: &Weights, steps: u64) {
        for spec in specs {
            if spec.kind != ParameterKind::RunningMean {
                continue;
            }
            let name = counter(&spec.name);
            let steps = if spec.frozen { 0 } else { steps };
            let earlier = match before.get(&name).map(|param| &param.values) {
                Some(Values::I64(count)) => *count,
                _ => 0,
            };
            let steps = i64::try_from(steps).unwrap_or(i64::MAX);
            self.insert_count(name, earlier.saturating_add(steps));
        }
    }
}

/// Names of the batch counters of batch norms.
fn counts(specs: &[ParameterSpec]) -> impl Iterator<Item = String> {
    specs
        .iter()
        .filter(|spec| spec.kind == ParameterKind::RunningMean)
        .map(|spec| counter(&spec.name))
}

/// The name of the batch counter beside a running mean.
fn counter(running_mean: &str) -> String {
    match running_mean.rsplit_once('.') {
        Some((layer, _)) => format!("{layer}.{TRACKED}"),
        None => TRACKED.to_owned(),
    }
}

/// The index along each dimension of the element at `place` in row-major order.
fn index(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (at, size) in index.iter_mut().zip(shape).rev() {
        *at = place % size;
        place /= size;
    }
    index
}
