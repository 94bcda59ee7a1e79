//! Metrics: what an evaluation reports about each task of a network.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::units::percent;

/// What an evaluation measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Metric {
    /// Share of the samples whose largest logit is the label's, 0 to 1; higher is better.
    #[default]
    Accuracy,
    /// Mean loss, without the task's weight, label smoothing and weights of classes; lower is better.
    Loss,
    /// Share of independent labels that are predicted correctly, over all samples and labels, 0 to 1; higher is better.
    MeanAccuracy,
    /// F1 of independent labels: twice the labels that are predicted and true, over the predicted plus the true ones, counted
    /// over all samples and labels, 0 to 1; higher is better.
    F1,
    /// Mean squared error over all samples and values; lower is better.
    Mse,
}

impl Metric {
    /// Every metric.
    pub const ALL: &[Metric] = &[
        Metric::Accuracy,
        Metric::Loss,
        Metric::MeanAccuracy,
        Metric::F1,
        Metric::Mse,
    ];

    /// The name in flags, files and records.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::Loss => "loss",
            Metric::MeanAccuracy => "mean-accuracy",
            Metric::F1 => "f1",
            Metric::Mse => "mse",
        }
    }

    /// Whether a higher value is better.
    pub fn higher_is_better(self) -> bool {
        match self {
            Metric::Accuracy | Metric::MeanAccuracy | Metric::F1 => true,
            Metric::Loss | Metric::Mse => false,
        }
    }

    /// Whether values are shares, 0 to 1, which people read in percent.
    pub fn is_share(self) -> bool {
        match self {
            Metric::Accuracy | Metric::MeanAccuracy | Metric::F1 => true,
            Metric::Loss | Metric::Mse => false,
        }
    }

    /// Whether `value` is finite and at least as good as `threshold`.
    pub fn reaches(self, value: f64, threshold: f64) -> bool {
        let good = match self.higher_is_better() {
            true => value >= threshold,
            false => value <= threshold,
        };
        good && value.is_finite()
    }

    /// A value for people: `86.00 %`, `0.4312`.
    pub fn show(self, value: f64) -> String {
        match self.is_share() {
            true => percent(value),
            false => format!("{value:.4}"),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        let mut all = Metric::ALL.iter().copied();
        all.find(|metric| metric.name() == name)
            .ok_or_else(|| ModelError::UnknownMetric {
                name: name.to_owned(),
                known: Metric::ALL
                    .iter()
                    .map(|metric| metric.name())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

/// One metric of one task in one evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricValue {
    /// Name of the task.
    pub task: String,
    /// The metric.
    pub metric: Metric,
    /// Its value over the whole test set; NaN (null in JSON) where it or the task's loss is not finite.
    #[serde(with = "null_as_nan")]
    pub value: f64,
    /// Its value over the test samples with an even index, which decide whether a target is reached.
    #[serde(with = "null_as_nan")]
    pub deciding: f64,
    /// Its value over the test samples with an odd index, which confirm it; NaN where there are none.
    #[serde(with = "null_as_nan")]
    pub confirming: f64,
}

/// The value of `metric` of `task` (`None`: the first task).
pub fn find<'a>(
    values: &'a [MetricValue],
    task: Option<&str>,
    metric: Metric,
) -> Option<&'a MetricValue> {
    let task = task.or_else(|| Some(values.first()?.task.as_str()))?;
    values
        .iter()
        .find(|value| value.task == task && value.metric == metric)
}

/// JSON has no NaN and no infinity: they become null.
mod null_as_nan {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            to.serialize_f64(*value)
        } else {
            to.serialize_none()
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_documented_keys_and_null_for_nan() {
        let value = MetricValue {
            task: "label".into(),
            metric: Metric::Loss,
            value: 0.5,
            deciding: 0.25,
            confirming: f64::NAN,
        };
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(
            text,
            r#"{"task":"label","metric":"loss","value":0.5,"deciding":0.25,"confirming":null}"#
        );
        let read: MetricValue = serde_json::from_str(&text).unwrap();
        assert!(read.confirming.is_nan());
    }

    #[test]
    fn names_match_their_json_and_parse_back() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
            assert_eq!(metric.name().parse::<Metric>().as_ref(), Ok(metric));
        }
        let error = "f2".parse::<Metric>().unwrap_err().to_string();
        assert!(error.contains("accuracy, loss"), "{error}");
    }
}
