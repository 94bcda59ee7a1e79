//! The initial weights of a run that starts from those of another.

use std::path::Path;

use super::error::TrainError;
use super::regime::{Init, Regime};
use super::regime_error::RegimeError;
use crate::data::Dataset;
use crate::model::weights::{Weights, WeightsError};
use crate::model::{init, pattern, presets};

/// Weights to start from.
#[derive(Clone, Debug)]
pub struct InitialWeights {
    /// The weights of every parameter.
    pub weights: Weights,
    /// Where they come from, for records: the file, and how many parameters were taken if not all.
    pub origin: String,
    /// What was converted, renamed, taken and left, a sentence each.
    pub notes: Vec<String>,
}

impl Regime {
    /// Reads weights from a file for the network of this regime for `data`: all of them, or with [`Regime::only`] or
    /// [`Regime::new_head`] those that match by name and shape, the others being drawn from the seed.
    ///
    /// # Errors
    /// [`TrainError::Weights`], and those of [`Regime::build_network`].
    pub fn read_weights(
        &self,
        path: &Path,
        data: &Dataset,
        allow_non_finite: bool,
    ) -> Result<InitialWeights, TrainError> {
        match self.only.is_some() || self.new_head == Some(true) {
            true => self.take_weights(path, data, allow_non_finite),
            false => self.read_all_weights(path, data, allow_non_finite),
        }
    }

    fn take_weights(
        &self,
        path: &Path,
        data: &Dataset,
        allow_non_finite: bool,
    ) -> Result<InitialWeights, TrainError> {
        let network = self.build_network(data)?;
        let specs = network.parameters();
        let head: Vec<&str> = match self.new_head {
            Some(true) => {
                let head = network.head_parameters().into_iter();
                head.map(|at| specs[at].name.as_str()).collect()
            }
            _ => Vec::new(),
        };
        let (file, mut notes) = Weights::read_any(path, specs)?;
        let mut weights = init::initial(specs, self.seed)?;
        let chosen = |name: &str| match &self.only {
            Some(only) => only.iter().any(|one| pattern::matches(one, name)),
            None => true,
        };
        let transfer = weights.transfer(&file, specs, |spec| {
            chosen(&spec.name) && !head.contains(&spec.name.as_str())
        });
        if transfer.taken.is_empty() {
            let wanted = transfer.missing.iter().chain(&transfer.misshapen);
            return Err(WeightsError::NothingTaken {
                path: path.to_owned(),
                example: wanted
                    .chain(&transfer.left)
                    .next()
                    .cloned()
                    .unwrap_or_default(),
            }
            .into());
        }
        match weights.check_finite() {
            Err(WeightsError::NonFinite { .. }) if allow_non_finite => (),
            finite => finite?,
        }
        notes.push(transfer.describe(path));
        Ok(InitialWeights {
            weights,
            origin: format!("{} ({})", path.display(), transfer.count()),
            notes,
        })
    }

    fn read_all_weights(
        &self,
        path: &Path,
        data: &Dataset,
        allow_non_finite: bool,
    ) -> Result<InitialWeights, TrainError> {
        let read = |regime: &Regime| -> Result<_, TrainError> {
            let network = regime.build_network(data)?;
            let specs = network.parameters();
            let (weights, notes) = Weights::read_for(path, specs, allow_non_finite)?;
            Ok(InitialWeights {
                weights,
                origin: path.display().to_string(),
                notes,
            })
        };
        let of_other_shape = |error: &TrainError| {
            let TrainError::Weights(error) = error else {
                return false;
            };
            use WeightsError::{Extra, Missing, Shape};
            matches!(error, Missing { .. } | Extra { .. } | Shape { .. })
        };
        let error = match read(self) {
            Err(error) if of_other_shape(&error) => error,
            result => return result,
        };
        let fits = presets::NAMES.iter().find(|name| {
            let model = (**name).to_owned();
            let other = read(&Regime {
                model,
                freeze: None,
                unfreeze_at: None,
                ..self.clone()
            });
            other.is_ok()
        });
        Err(fits.map_or(error, |fits| {
            TrainError::Weights(WeightsError::OtherModel {
                path: path.to_owned(),
                model: self.model.clone(),
                fits,
            })
        }))
    }

    /// Checks that pretrained weights are given exactly if they are chosen; without a choice, they may be.
    pub(super) fn check_weights(&self, given: bool) -> Result<(), RegimeError> {
        match (self.init, given) {
            (Some(Init::Pretrained), false) => Err(RegimeError::NoPretrained),
            (Some(Init::Scratch), true) => Err(RegimeError::ScratchWithWeights),
            _ => Ok(()),
        }
    }

    /// Checks the flags of `train` beside each other, and notes in [`Regime::init`] that weights are given.
    #[cfg(feature = "cli")]
    pub(crate) fn with_weights_given(mut self, given: bool) -> Result<Self, RegimeError> {
        self.check_weights(given)?;
        for (flag, chosen) in [
            ("--only", self.only.is_some()),
            ("--new-head", self.new_head == Some(true)),
        ] {
            if chosen && !given {
                return Err(RegimeError::NeedsWeights { flag });
            }
        }
        if given {
            self.init = Some(Init::Pretrained);
        }
        Ok(self)
    }

    /// The steps after which frozen parameters are trained too.
    pub(super) fn unfreeze_step(&self, steps_per_epoch: u32) -> Option<u64> {
        let epochs = self.unfreeze_at.filter(|_| self.freezes())?;
        Some((epochs * f64::from(steps_per_epoch)).round().max(1.0) as u64)
    }
}
