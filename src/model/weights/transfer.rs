//! Weights that a network takes from another network.

use std::path::Path;

use super::file::{bytes, decode};
use super::{CHECKPOINT, OPTIMIZER, Weights, WeightsError, counter, metadata};
use crate::model::{ParameterKind, ParameterSpec};

/// Names that a sentence lists before it stops.
const LISTED: usize = 6;

/// What [`Weights::transfer`] took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Parameters that were taken.
    pub taken: Vec<String>,
    /// Parameters that stay new because they were not wanted.
    pub left: Vec<String>,
    /// Parameters that stay new because the other network has none of that name.
    pub missing: Vec<String>,
    /// Parameters that stay new because those of that name have another shape.
    pub misshapen: Vec<String>,
}

impl Transfer {
    /// How many of how many were taken: `12 of 14 parameters`.
    #[must_use]
    pub fn count(&self) -> String {
        let new = self.left.len() + self.missing.len() + self.misshapen.len();
        let all = self.taken.len() + new;
        format!("{} of {all} parameters", self.taken.len())
    }

    /// What was taken and what stayed new, in words.
    #[must_use]
    pub fn describe(&self, path: &Path) -> String {
        let parts = [
            ("not chosen", &self.left),
            ("not in the file", &self.missing),
            ("of another shape in the file", &self.misshapen),
        ];
        let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
        let parts = parts.map(|(why, names)| {
            let some = names.iter().take(LISTED).cloned().collect::<Vec<_>>();
            let more = match names.len().saturating_sub(LISTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more} ({why})", some.join(", "))
        });
        let new = parts.collect::<Vec<_>>().join("; ");
        let new = match new.is_empty() {
            true => String::new(),
            false => format!("; new: {new}"),
        };
        format!("took {} from {path:?}{new}", self.count())
    }
}

impl Weights {
    /// Reads the weights of any network, to take some of them with [`Weights::transfer`]. Names lose the prefixes that
    /// [`Weights::read_for`] removes; notes say so. Of a checkpoint only the network's tensors are read.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn read_any(
        path: &Path,
        specs: &[ParameterSpec],
    ) -> Result<(Self, Vec<String>), WeightsError> {
        let bytes = bytes(path)?;
        let (mut weights, mut notes) = decode(&bytes, path)?;
        if metadata(&bytes, CHECKPOINT).is_some() {
            weights.split_off(OPTIMIZER);
        }
        let (weights, renamed) = weights.renamed(specs);
        notes.extend(renamed);
        Ok((weights, notes))
    }

    /// Replaces every parameter of `specs` that is `wanted` by that of `from` with the same name, if their shapes are equal.
    pub fn transfer(
        &mut self,
        from: &Weights,
        specs: &[ParameterSpec],
        wanted: impl Fn(&ParameterSpec) -> bool,
    ) -> Transfer {
        let mut transfer = Transfer::default();
        for spec in specs {
            let place = match from.params.get(&spec.name) {
                _ if !wanted(spec) => &mut transfer.left,
                None => &mut transfer.missing,
                Some(param) if param.shape != spec.shape || from.floats(&spec.name).is_none() => {
                    &mut transfer.misshapen
                }
                Some(param) => {
                    self.params.insert(spec.name.clone(), param.clone());
                    if spec.kind == ParameterKind::RunningMean {
                        let name = counter(&spec.name);
                        let count = from.params.get(&name).cloned();
                        self.params.extend(count.map(|count| (name, count)));
                    }
                    &mut transfer.taken
                }
            };
            place.push(spec.name.clone());
        }
        transfer
    }
}
