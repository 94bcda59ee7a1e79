//! The weights of a network by name, and safetensors files with PyTorch's `state_dict` names.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

use super::{ParameterKind, ParameterSpec};

/// The batch counter beside the running statistics of PyTorch's batch norm, an i64 scalar.
const TRACKED: &str = "num_batches_tracked";

/// Why weights could not be read, written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("cannot read the weights {path:?} ({source}): check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "cannot write the weights {path:?} ({source}): choose an existing, writable folder with enough space"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not a valid safetensors file.
    #[error("{path:?} is not a valid safetensors file ({detail}): save it again with safetensors")]
    Corrupt {
        /// The file, or `memory`.
        path: PathBuf,
        /// The reader's reason.
        detail: String,
    },
    /// A tensor of an unsupported element type.
    #[error(
        "tensor {name:?} of the weights is {found} instead of {expected}: convert it before saving"
    )]
    Dtype {
        /// The tensor's name.
        name: String,
        /// Its element type.
        found: String,
        /// The supported type.
        expected: &'static str,
    },
    /// A parameter of the network is missing in the weights.
    #[error(
        "the weights have no tensor {name:?} of shape {expected:?}: use weights of the same network"
    )]
    Missing {
        /// The tensor's name.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
    },
    /// A tensor of the weights is not a parameter of the network.
    #[error(
        "tensor {name:?} of the weights is not a parameter of the network: use weights of the same network"
    )]
    Extra {
        /// The tensor's name.
        name: String,
    },
    /// A tensor of another shape than the network's parameter.
    #[error(
        "tensor {name:?} of the weights has shape {found:?}, but the network expects {expected:?}: use weights of the \
         same network"
    )]
    Shape {
        /// The tensor's name.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
        /// Its shape in the weights.
        found: Vec<usize>,
    },
    /// A number of values that does not match the shape.
    #[error(
        "tensor {name:?} has shape {shape:?}, but got {found} values: give one value per element"
    )]
    Count {
        /// The tensor's name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Number of values.
        found: usize,
    },
}

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

    /// Sets the batch counter beside each running mean of `specs` to its value in `before` (0 where absent) plus `steps`.
    pub fn count_batches(&mut self, specs: &[ParameterSpec], before: &Weights, steps: u64) {
        for name in counts(specs) {
            let earlier = match before.get(&name).map(|param| &param.values) {
                Some(Values::I64(count)) => *count,
                _ => 0,
            };
            let steps = i64::try_from(steps).unwrap_or(i64::MAX);
            self.insert_count(name, earlier.saturating_add(steps));
        }
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`WeightsError::Read`], [`WeightsError::Corrupt`], and [`WeightsError::Dtype`] for a tensor that is neither
    /// f32 nor one i64.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let bytes = fs::read(path).map_err(|source| WeightsError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(&bytes, path)
    }

    /// Reads safetensors from memory; `path` names them in errors.
    ///
    /// # Errors
    /// As [`Weights::read`], except for [`WeightsError::Read`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Corrupt {
            path: path.to_owned(),
            detail: error.to_string(),
        })?;
        let mut weights = Self::default();
        for (name, view) in file.iter() {
            match (view.dtype(), view.data()) {
                (Dtype::F32, data) => {
                    let values = data
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .map(|b| f32::from_le_bytes(*b))
                        .collect();
                    weights.insert(name, view.shape().to_vec(), values)?;
                }
                (Dtype::I64, data) if view.shape().is_empty() && data.len() == 8 => {
                    let mut count = [0; 8];
                    count.copy_from_slice(data);
                    weights.insert_count(name, i64::from_le_bytes(count));
                }
                (dtype, _) => {
                    let tracked = name.rsplit('.').next() == Some(TRACKED);
                    return Err(WeightsError::Dtype {
                        name: name.to_owned(),
                        found: format!("{dtype:?}"),
                        expected: if tracked { "one I64" } else { "F32" },
                    });
                }
            }
        }
        Ok(weights)
    }

    /// The bytes of a safetensors file with `outcome` in its metadata, which marks the weights of an interrupted run. Equal
    /// weights and outcome give equal bytes.
    ///
    /// # Errors
    /// [`WeightsError::Corrupt`] where the names exceed the limit of the format (100 MB).
    pub fn to_bytes(&self, outcome: &str) -> Result<Vec<u8>, WeightsError> {
        let data: Vec<(&str, Dtype, &[usize], Vec<u8>)> = self
            .iter()
            .map(|(name, param)| {
                let (dtype, bytes) = match &param.values {
                    Values::F32(values) => (
                        Dtype::F32,
                        values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                    ),
                    Values::I64(count) => (Dtype::I64, count.to_le_bytes().to_vec()),
                };
                (name, dtype, param.shape.as_slice(), bytes)
            })
            .collect();
        let refused = |error: SafeTensorError| WeightsError::Corrupt {
            path: "memory".into(),
            detail: error.to_string(),
        };
        let mut views = Vec::with_capacity(data.len());
        for (name, dtype, shape, bytes) in &data {
            let view = TensorView::new(*dtype, shape.to_vec(), bytes).map_err(refused)?;
            views.push((*name, view));
        }
        // Only one entry: the order of several would vary from file to file.
        let metadata = HashMap::from([("outcome".to_owned(), outcome.to_owned())]);
        safetensors::serialize(views, Some(metadata)).map_err(refused)
    }

    /// Writes a safetensors file, whole or not at all.
    ///
    /// # Errors
    /// [`WeightsError::Write`].
    pub fn write(&self, path: &Path, outcome: &str) -> Result<(), WeightsError> {
        crate::files::write_whole(path, &self.to_bytes(outcome)?).map_err(|source| {
            WeightsError::Write {
                path: path.to_owned(),
                source,
            }
        })
    }
}

/// Names of the batch counters of batch norms.
fn counts(specs: &[ParameterSpec]) -> impl Iterator<Item = String> {
    specs
        .iter()
        .filter(|spec| spec.kind == ParameterKind::RunningMean)
        .map(|spec| match spec.name.rsplit_once('.') {
            Some((layer, _)) => format!("{layer}.{TRACKED}"),
            None => TRACKED.to_owned(),
        })
}
