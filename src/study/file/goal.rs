//! `[target]`, `[evaluate]` and `[budget]`: what runs are held to.

use super::base::Base;
use super::cells::Made;
use super::choices;
use super::error::StudyFileError;
use super::table::{Item, Table};
use crate::model::Metric;
use crate::train::{Budget, MetricTarget};

/// What runs are held to, and where it is said.
pub(super) struct Held<'a> {
    pub target: MetricTarget,
    pub window_samples: u64,
    pub every_samples: u64,
    pub budget: Budget,
    every: Item<'a>,
    /// The limits in samples and in steps.
    limits: [Option<Item<'a>>; 2],
}

pub(super) fn read<'a>(top: &Table<'a>) -> Result<Held<'a>, StudyFileError> {
    let section = |key, example| {
        let item = top.need(key, example)?;
        item.table(&format!("a table: write [{key}] and its keys below"))
    };
    let table = section("target", "[target] with metric, at-least and window")?;
    table.only(&["task", "metric", "at-least", "at-most", "window"], |_| {
        None
    })?;
    let task = table
        .get("task")
        .map(|item| item.text("label"))
        .transpose()?;
    let item = table.need("metric", "metric = \"accuracy\"")?;
    let parsed = item.text("accuracy")?.parse::<Metric>();
    let metric = parsed.map_err(|error| item.fault(error.to_string()))?;
    let (key, other, example) = match metric.higher_is_better() {
        true => ("at-least", "at-most", "at-least = [0.80, 0.85]"),
        false => ("at-most", "at-least", "at-most = [0.50, 0.40]"),
    };
    if let Some(wrong) = table.get(other) {
        return Err(wrong.fault(format!("a target {metric} takes `{key}`, not `{other}`")));
    }
    let thresholds = thresholds(table.need(key, example)?, metric)?;
    let target = MetricTarget {
        task: task.map(str::to_owned),
        metric,
        thresholds,
    };
    let window = table.need(
        "window",
        "the samples whose evaluations are averaged, as in window = 12000",
    )?;
    let window_samples = window.whole(1, u64::MAX)?;

    let table = section("evaluate", "[evaluate] with every-samples = 6000")?;
    table.only(&["every-samples"], |_| None)?;
    let every = table.need("every-samples", "every-samples = 6000")?;
    let every_samples = every.whole(1, u64::MAX)?;
    if window_samples % every_samples != 0 {
        let what = format!(
            "a window of {window_samples} samples is no whole number of evaluations, which come every {every_samples}: give a multiple of {every_samples}"
        );
        return Err(window.fault(what));
    }
    if window_samples / every_samples > u64::from(u32::MAX) {
        return Err(
            window.fault("a window of so many evaluations is never full: give a smaller one")
        );
    }

    let table = section("budget", "[budget] with samples = 600000")?;
    let budget = budget(&table)?;
    Ok(Held {
        target,
        window_samples,
        every_samples,
        budget,
        every: every.clone(),
        limits: ["samples", "steps"].map(|key| table.get(key).cloned()),
    })
}

fn thresholds(item: &Item<'_>, metric: Metric) -> Result<Vec<f64>, StudyFileError> {
    let mut thresholds = Vec::new();
    for item in item.list(&format!("a list of values of {metric}"))? {
        thresholds.push(item.number()?);
        let target = MetricTarget {
            task: None,
            metric,
            thresholds: thresholds.clone(),
        };
        target
            .check()
            .map_err(|error| item.fault(error.to_string()))?;
    }
    Ok(thresholds)
}

fn budget(table: &Table<'_>) -> Result<Budget, StudyFileError> {
    table.only(
        &["samples", "steps", "epochs", "seconds", "joules"],
        |key| (key == "max-steps").then(|| "`max-steps` is called `steps` here".to_owned()),
    )?;
    if table.entries.is_empty() {
        return Err(
            table.fault("[budget] limits nothing: give samples, steps, epochs, seconds or joules")
        );
    }
    let whole = |key| {
        table
            .get(key)
            .map(|item| item.whole(1, u64::MAX))
            .transpose()
    };
    let amount = |key| {
        let above_0 = |item: &Item<'_>| match item.number()? {
            number if number > 0.0 => Ok(number),
            number => Err(item.fault(format!(
                "{} takes a number above 0, not {number}",
                item.name
            ))),
        };
        table.get(key).map(above_0).transpose()
    };
    Ok(Budget {
        samples: whole("samples")?,
        steps: whole("steps")?,
        epochs: amount("epochs")?,
        seconds: amount("seconds")?,
        joules: amount("joules")?,
    })
}

impl Held<'_> {
    /// Judges what cells and goal are for each other.
    pub fn judge(&self, cells: &[Made], base: &Base<'_>) -> Result<(), StudyFileError> {
        for made in cells {
            let batch = made.cell.regime.batch_size;
            if self.every_samples < u64::from(batch) {
                let what = format!(
                    "an evaluation every {} samples cannot be had from steps of {batch}: give a smaller batch size, or every-samples of at least {batch}",
                    self.every_samples
                );
                let both = made.settings.iter().chain(&base.settings);
                let at = choices::cause(both, &made.cell.regime, |other| {
                    u64::from(other.batch_size) <= self.every_samples
                });
                return Err(at.map_or_else(
                    || self.every.fault(what.clone()),
                    |at| base.source.fault(at, what.clone()),
                ));
            }
            // Epochs are left out, as how many samples they have is not known yet.
            let known = Budget {
                epochs: None,
                ..self.budget
            };
            let steps = known.steps(batch, u32::MAX);
            let samples = steps.saturating_mul(u64::from(batch));
            let window = self.window_samples;
            let [by_samples, by_steps] = &self.limits;
            let by_steps = by_steps.as_ref().filter(|_| known.steps == Some(steps));
            if let Some(limit) = by_steps.or(by_samples.as_ref())
                && samples < window
            {
                let what = format!(
                    "the budget ends after {steps} steps of {batch} samples, before the window of {window} samples is full, so no target could be reached: give more"
                );
                return Err(limit.fault(what));
            }
        }
        Ok(())
    }
}
