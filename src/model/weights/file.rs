//! Weights in safetensors files.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

use super::{TRACKED, Values, Weights, WeightsError, index};
use crate::model::ParameterSpec;

impl Weights {
    /// Reads a safetensors file. Elements of type F16 and BF16 are widened to f32, those of F64 are rounded.
    ///
    /// # Errors
    /// [`WeightsError::Read`], [`WeightsError::Corrupt`], [`WeightsError::Dtype`] for a tensor that has neither a float
    /// type nor one i64, and [`WeightsError::Range`].
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        Ok(decode(&bytes(path)?, path)?.0)
    }

    /// Reads the weights of a network with parameters `specs`: as [`Weights::read`], but a prefix of the names, such as
    /// `_orig_mod.` or `module.`, is removed. Also returns notes on what was converted, removed and allowed.
    ///
    /// # Errors
    /// As [`Weights::read`] and [`Weights::check`], and unless `allow_non_finite`, as [`Weights::check_finite`].
    pub fn read_for(
        path: &Path,
        specs: &[ParameterSpec],
        allow_non_finite: bool,
    ) -> Result<(Self, Vec<String>), WeightsError> {
        let (weights, mut notes) = Self::read_any(path, specs)?;
        weights.check(specs)?;
        match weights.check_finite() {
            Err(WeightsError::NonFinite { name, index, value }) if allow_non_finite => {
                notes.push(format!(
                    "the weights are not finite: tensor {name:?} has the value {value} at index {index:?}"
                ));
            }
            finite => finite?,
        }
        Ok((weights, notes))
    }

    /// Reads safetensors from memory; `path` names them in errors.
    ///
    /// # Errors
    /// As [`Weights::read`], except for [`WeightsError::Read`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, WeightsError> {
        Ok(decode(bytes, path)?.0)
    }

    /// The bytes of a safetensors file with `outcome` in its metadata, which marks the weights of an interrupted run. Equal
    /// weights and outcome give equal bytes.
    ///
    /// # Errors
    /// [`WeightsError::Corrupt`] where the names exceed the limit of the format (100 MB).
    pub fn to_bytes(&self, outcome: &str) -> Result<Vec<u8>, WeightsError> {
        self.to_bytes_with("outcome", outcome)
    }

    /// The bytes of a safetensors file with one entry of metadata: the order of several would vary from file to file.
    ///
    /// # Errors
    /// As [`Weights::to_bytes`].
    pub(crate) fn to_bytes_with(&self, key: &str, entry: &str) -> Result<Vec<u8>, WeightsError> {
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
        let metadata = HashMap::from([(key.to_owned(), entry.to_owned())]);
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

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, WeightsError> {
    fs::read(path).map_err(|source| WeightsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// An entry of a file's metadata; `None` without it, or for something else than a safetensors file.
pub(crate) fn metadata(bytes: &[u8], key: &str) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    header.metadata().as_ref()?.get(key).cloned()
}

/// The tensors of a file as f32, and notes on those that had another type.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<(Weights, Vec<String>), WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Corrupt {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    let mut weights = Weights::default();
    let mut converted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut vanished = 0;
    for (name, view) in file.iter() {
        let (data, shape) = (view.data(), view.shape());
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => elements(data, f32::from_le_bytes).collect(),
            Dtype::F16 => elements(data, |b| f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::BF16 => elements(data, |b| bf16::from_le_bytes(b).to_f32()).collect(),
            Dtype::F64 => {
                let wide: Vec<f64> = elements(data, f64::from_le_bytes).collect();
                if let Some(at) = wide
                    .iter()
                    .position(|v| v.is_finite() && !(*v as f32).is_finite())
                {
                    return Err(WeightsError::Range {
                        name: name.to_owned(),
                        index: index(at, shape),
                        value: wide[at],
                    });
                }
                // Below the smallest normal f32 digits are lost, not only rounded.
                let small = |v: &&f64| **v != 0.0 && v.abs() < f64::from(f32::MIN_POSITIVE);
                vanished += wide.iter().filter(small).count();
                wide.iter().map(|v| *v as f32).collect()
            }
            Dtype::I64 if shape.is_empty() && data.len() == 8 => {
                let count = elements(data, i64::from_le_bytes).next();
                weights.insert_count(name, count.unwrap_or_default());
                continue;
            }
            other => {
                let tracked = name.rsplit('.').next() == Some(TRACKED);
                return Err(WeightsError::Dtype {
                    name: name.to_owned(),
                    found: format!("{other:?}"),
                    expected: match tracked {
                        true => "one I64",
                        false => "F32, F16, BF16 or F64",
                    },
                });
            }
        };
        let how = match view.dtype() {
            Dtype::F16 => Some("F16 and were widened"),
            Dtype::BF16 => Some("BF16 and were widened"),
            Dtype::F64 => Some("F64 and were rounded"),
            _ => None,
        };
        if let Some(how) = how {
            *converted.entry(how).or_default() += 1;
        }
        weights.insert(name, shape.to_vec(), values)?;
    }
    let all = weights.len();
    let notes = converted
        .iter()
        .map(|(how, count)| format!("{count} of {all} tensors of the weights are {how} to f32"));
    let mut notes: Vec<String> = notes.collect();
    if vanished > 0 {
        notes.push(format!(
            "{vanished} values of the weights are too small for f32 (below 1.2e-38) and lost digits or became 0"
        ));
    }
    Ok((weights, notes))
}

/// The elements of `N` bytes each.
fn elements<const N: usize, T>(
    data: &[u8],
    element: impl Fn([u8; N]) -> T,
) -> impl Iterator<Item = T> {
    data.as_chunks::<N>()
        .0
        .iter()
        .map(move |bytes| element(*bytes))
}
