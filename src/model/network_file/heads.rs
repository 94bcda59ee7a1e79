//! The heads of a network file: a linear layer and a loss for each task.

use std::collections::{BTreeMap, BTreeSet};

use super::{NetworkFile, nearest, tables::Head};
use crate::data::Task;
use crate::model::{LossKind, ModelError, Network, Value};

/// Names of the losses.
const LOSSES: [&str; 3] = [
    "cross-entropy",
    "binary-cross-entropy",
    "mean-squared-error",
];

impl NetworkFile {
    pub(super) fn add_heads(
        &self,
        net: &mut Network,
        names: &BTreeMap<String, Value>,
        read: &mut BTreeSet<Value>,
        last: Value,
        tasks: &[Task],
        chosen: &[&str],
    ) -> Result<(), ModelError> {
        let mut done: Vec<&str> = vec![];
        for table in &self.tables.head {
            let (at, head) = (table.span().start, table.get_ref());
            let task = self.task(head, at, tasks)?;
            if done.contains(&task.name.as_str()) {
                let what = format!(
                    "two heads are for the task {:?}: give each task one",
                    task.name
                );
                return Err(self.error(at, what));
            }
            let input = match &head.input {
                None => last,
                Some(name) => self.find(names, name.get_ref(), Some(name))?,
            };
            read.insert(input);
            if !chosen.is_empty() && !chosen.contains(&task.name.as_str()) {
                continue;
            }
            done.push(&task.name);
            let name = match &head.name {
                Some(name) => name.get_ref().clone(),
                None if self.tables.head.len() == 1 => "fc".to_owned(),
                None => format!("heads.{}", task.name),
            };
            let output = linear(net, &name, input, task);
            let output = output.map_err(|why| self.error(at, why.to_string()))?;
            let kind = self.loss(head, task, at)?;
            kind.check(net.nodes()[output.0].shape)
                .map_err(|why| self.error(at, why))?;
            let weight = head.weight.as_ref().map_or(1.0, |weight| *weight.get_ref());
            if !(weight.is_finite() && weight > 0.0) {
                let at = head
                    .weight
                    .as_ref()
                    .map_or(at, |weight| weight.span().start);
                let what = format!("`weight` takes a number above 0, not {weight}");
                return Err(self.error(at, what));
            }
            net.loss(&task.name, kind, output, task.target, weight);
        }
        if let Some(name) = chosen.iter().find(|name| !done.contains(name))
            && !self.tables.head.is_empty()
        {
            let what =
                format!("no head is for the task {name:?}: add a [[head]] with `task = {name:?}`");
            return Err(self.error(0, what));
        }
        if self.tables.head.is_empty() {
            read.insert(last);
            let wanted = |task: &&Task| match chosen {
                [] => task.name == tasks[0].name,
                names => names.contains(&task.name.as_str()),
            };
            for task in tasks.iter().filter(wanted) {
                let name = match chosen {
                    [] | [_] => "fc".to_owned(),
                    _ => format!("heads.{}", task.name),
                };
                let output = linear(net, &name, last, task);
                let output = output.map_err(|why| self.error(0, why.to_string()))?;
                net.loss(&task.name, task.kind.into(), output, task.target, 1.0);
            }
        }
        Ok(())
    }

    /// The task of a head: the one that it names, or the default.
    fn task<'t>(&self, head: &Head, at: usize, tasks: &'t [Task]) -> Result<&'t Task, ModelError> {
        let found = match &head.task {
            None => tasks.first(),
            Some(name) => tasks.iter().find(|task| task.name == *name.get_ref()),
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
            let name = head.task.as_ref().map_or("", |name| name.get_ref());
            let what = format!(
                "the data set has no task {name:?}: choose from {}{}",
                known.join(", "),
                nearest(name, &known)
            );
            self.error(
                head.task.as_ref().map_or(at, |name| name.span().start),
                what,
            )
        })
    }

    fn loss(&self, head: &Head, task: &Task, at: usize) -> Result<LossKind, ModelError> {
        let mut kind = match &head.loss {
            None => LossKind::from(task.kind),
            Some(name) => match name.get_ref().as_str() {
                "cross-entropy" => LossKind::cross_entropy(),
                "binary-cross-entropy" => LossKind::binary_cross_entropy(),
                "mean-squared-error" => LossKind::MeanSquaredError,
                other => {
                    let near = nearest(other, &LOSSES);
                    let what = format!("`loss` takes {}, not {other:?}{near}", LOSSES.join(", "));
                    return Err(self.error(name.span().start, what));
                }
            },
        };
        let mut taken = vec![];
        match &mut kind {
            LossKind::CrossEntropy {
                label_smoothing,
                class_weights,
            } => {
                if let Some(share) = &head.label_smoothing {
                    *label_smoothing = *share.get_ref();
                }
                *class_weights = head.class_weights.as_ref().map(|w| w.get_ref().clone());
                taken.extend(["label_smoothing", "class_weights"]);
            }
            LossKind::BinaryCrossEntropy { pos_weight } => {
                *pos_weight = head.pos_weight.as_ref().map(|w| w.get_ref().clone());
                taken.push("pos_weight");
            }
            LossKind::MeanSquaredError => {}
        }
        let place = |key: &'static str, start: Option<usize>| Some((key, start?));
        let given = [
            place(
                "label_smoothing",
                head.label_smoothing.as_ref().map(|s| s.span().start),
            ),
            place(
                "class_weights",
                head.class_weights.as_ref().map(|s| s.span().start),
            ),
            place(
                "pos_weight",
                head.pos_weight.as_ref().map(|s| s.span().start),
            ),
        ];
        match given
            .into_iter()
            .flatten()
            .find(|(key, _)| !taken.contains(key))
        {
            Some((key, at)) => {
                let what = format!("the loss {} has no `{key}`", kind.name());
                Err(self.error(at, what))
            }
            None if matches!(
                (&kind, task.kind),
                (
                    LossKind::CrossEntropy { .. },
                    crate::data::TaskKind::Classes(_)
                ) | (
                    LossKind::BinaryCrossEntropy { .. },
                    crate::data::TaskKind::Labels(_)
                ) | (
                    LossKind::MeanSquaredError,
                    crate::data::TaskKind::Values(_) | crate::data::TaskKind::Labels(_)
                )
            ) =>
            {
                Ok(kind)
            }
            None => {
                let at = head.loss.as_ref().map_or(at, |loss| loss.span().start);
                let usual = LossKind::from(task.kind);
                let what = format!(
                    "the task {:?} does not suit the loss {}: use {}",
                    task.name,
                    kind.name(),
                    usual.name()
                );
                Err(self.error(at, what))
            }
        }
    }
}

fn linear(net: &mut Network, name: &str, input: Value, task: &Task) -> Result<Value, ModelError> {
    let outputs = u32::try_from(task.kind.outputs()).unwrap_or(u32::MAX);
    net.linear(name, input, outputs)
}
