//! Evaluations: the metrics of the whole test set at some step of a run.

use serde::{Deserialize, Serialize};

use crate::model::metric::{self, Metric, MetricValue};

/// One evaluation of the whole test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationPoint {
    /// Training steps before it.
    pub step: u64,
    /// Training samples before it.
    pub samples: u64,
    /// Seconds from the start of the first step to its end.
    pub seconds: f64,
    /// Of the seconds, those of training.
    pub training_seconds: f64,
    /// The metrics of every task, in the order of the network's tasks.
    pub metrics: Vec<MetricValue>,
    /// Joules since the first step, where a budget in joules was checked right after the evaluation. The check uses them;
    /// they are not a result, since the sensor may not have reported all of them yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules_so_far: Option<f64>,
}

impl EvaluationPoint {
    /// Accuracy of the first task over the whole test set, 0 to 1; NaN where it was not measured or the loss is not finite.
    pub fn accuracy(&self) -> f64 {
        self.metric(Metric::Accuracy)
            .map_or(f64::NAN, |found| found.value)
    }

    /// Mean loss of the first task over the whole test set; NaN where it is not finite.
    pub fn loss(&self) -> f64 {
        self.metric(Metric::Loss)
            .map_or(f64::NAN, |found| found.value)
    }

    /// A metric of the first task.
    pub fn metric(&self, metric: Metric) -> Option<&MetricValue> {
        metric::find(&self.metrics, None, metric)
    }

    /// Whether every metric over the whole test set is finite.
    pub(super) fn is_finite(&self) -> bool {
        self.metrics.iter().all(|metric| metric.value.is_finite())
    }

    /// The metrics in words, such as `accuracy 86.12 %, loss 0.3912`; several tasks are named.
    pub fn describe(&self) -> String {
        let first = self.metrics.first().map(|value| &value.task);
        let several = self.metrics.iter().any(|value| Some(&value.task) != first);
        // Without an accuracy the loss is NaN, which says why.
        let known = |value: &&MetricValue| !(value.metric.is_share() && value.value.is_nan());
        let text = self.metrics.iter().filter(known).map(|value| {
            let shown = format!("{} {}", value.metric, value.metric.show(value.value));
            match several {
                true => format!("{} {shown}", value.task),
                false => shown,
            }
        });
        text.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_have_the_documented_keys() {
        let value = |metric| MetricValue {
            task: "label".into(),
            metric,
            value: 0.5,
            deciding: 0.25,
            confirming: 0.75,
        };
        let point = EvaluationPoint {
            step: 5,
            samples: 320,
            seconds: 1.5,
            training_seconds: 1.0,
            metrics: vec![value(Metric::Accuracy)],
            joules_so_far: None,
        };
        let text = serde_json::to_string(&point).unwrap();
        assert_eq!(
            text,
            r#"{"step":5,"samples":320,"seconds":1.5,"training_seconds":1.0,"metrics":[{"task":"label","metric":"accuracy","value":0.5,"deciding":0.25,"confirming":0.75}]}"#
        );
        assert!(point.loss().is_nan());
        assert_eq!(point.describe(), "accuracy 50.00 %");
        let other = MetricValue {
            task: "parity".into(),
            ..value(Metric::Loss)
        };
        let several = EvaluationPoint {
            metrics: vec![value(Metric::Accuracy), other],
            ..point
        };
        assert_eq!(
            several.describe(),
            "label accuracy 50.00 %, parity loss 0.5000"
        );
    }
}
