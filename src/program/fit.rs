//! Checks that network, data set and options fit together.

use super::{ProgramError, ProgramOptions};
use crate::data::{Augmentation, Column, ColumnSpec, Dataset, Dtype};
use crate::kernels::Shape;
use crate::model::{Loss, LossKind, Network, NodeKind};

/// Channels with a normalisation of their own that fit the 16 KiB of a kernel's sizes.
const MOST_CHANNELS: usize = 1000;

/// Bytes that a kernel's 32-bit arithmetic can address in one tensor.
pub(super) const ADDRESSABLE: u64 = 1 << 32;

pub(super) fn check(
    net: &Network,
    data: &Dataset,
    options: &ProgramOptions,
) -> Result<(), ProgramError> {
    let fit = |why: String| ProgramError::Fit {
        data: data.name.clone(),
        why,
    };
    if net.losses().is_empty() {
        return Err(crate::model::ModelError::NoLoss.into());
    }
    let step = options.step_samples();
    if step == 0 || step as usize > data.train.len {
        return Err(ProgramError::Batch {
            batch: step,
            samples: data.train.len,
        });
    }
    if data.test.len == 0 || options.eval_batch_size == 0 {
        return Err(fit("it has no test samples: add some".into()));
    }
    for node in net.nodes() {
        if let NodeKind::Input(field) = node.kind {
            for split in [&data.train, &data.test] {
                let Some(column) = split.inputs.get(field) else {
                    return Err(fit(format!(
                        "the network reads input {field}, but the data set has {} inputs",
                        split.inputs.len()
                    )));
                };
                if column.spec.elements() != node.shape.elements() as usize {
                    return Err(fit(format!(
                        "input {:?} has {} elements per sample, but the network reads {}",
                        column.spec.name,
                        column.spec.elements(),
                        node.shape.elements()
                    )));
                }
            }
            check_channels(data, field, node.shape).map_err(fit)?;
            if let Some(augmentation) = options.augmentation {
                let dimensions = data.train.inputs[field].spec.shape.len();
                let checked = check_augmentation(augmentation, dimensions, node.shape);
                checked.map_err(|why| ProgramError::Augmentation {
                    data: data.name.clone(),
                    why,
                })?;
            }
        }
    }
    for spec in net.parameters() {
        if spec.group as usize >= options.groups.len() {
            return Err(ProgramError::Group {
                parameter: spec.name.clone(),
                group: spec.group,
                groups: options.groups.len(),
            });
        }
    }
    // Sizes are 32-bit from here on; tensors are f32.
    let images = u64::from(options.batch_size.max(options.eval_batch_size));
    let values = net.nodes().iter().map(|node| {
        let Shape {
            channels,
            height,
            width,
        } = node.shape;
        let quads = [channels, height, width.div_ceil(4)]
            .into_iter()
            .fold(images, |all, n| all.saturating_mul(u64::from(n)));
        (&node.name, quads)
    });
    let parameters = net
        .parameters()
        .iter()
        .map(|p| (&p.name, p.layout.quads() as u64));
    for (name, quads) in values.chain(parameters) {
        let bytes = quads.saturating_mul(Dtype::F32.quad_bytes());
        if bytes >= ADDRESSABLE {
            return Err(ProgramError::TooLarge {
                tensor: name.clone(),
                bytes,
                limit: ADDRESSABLE - 1,
            });
        }
    }
    for (at, loss) in net.losses().iter().enumerate() {
        if net.losses()[..at]
            .iter()
            .any(|other| other.task == loss.task)
        {
            let name = loss.task.clone();
            return Err(crate::model::ModelError::DuplicateTask { name }.into());
        }
        if data.train.targets.len() <= loss.target || data.test.targets.len() <= loss.target {
            return Err(fit(format!(
                "a loss needs target {}, but the data set has {} targets",
                loss.target,
                data.train.targets.len()
            )));
        }
        let output = net.nodes()[loss.output.0].shape;
        loss.kind
            .check(output)
            .map_err(|why| crate::model::ModelError::Loss {
                task: loss.task.clone(),
                why,
            })?;
        for split in [&data.train, &data.test] {
            let column = &split.targets[loss.target];
            check_target(loss, column, output.elements() as usize).map_err(fit)?;
        }
    }
    Ok(())
}

/// Whether the target column suits a loss on `outputs` outputs.
fn check_target(loss: &Loss, column: &Column, outputs: usize) -> Result<(), String> {
    let ColumnSpec { name, shape, .. } = &column.spec;
    if loss.kind.takes_classes() {
        if !shape.is_empty() {
            return Err(format!(
                "target {name:?} has {} values per sample, but the cross-entropy of task {:?} needs the number of a class: use another loss",
                column.spec.elements(),
                loss.task
            ));
        }
        let most = column.values().fold(0.0, f64::max);
        if most >= outputs as f64 {
            return Err(format!(
                "a label is {most}, but the network has {outputs} classes, 0 to {}",
                outputs - 1
            ));
        }
        return Ok(());
    }
    if *shape != [outputs] {
        return Err(format!(
            "target {name:?} has the shape {shape:?}, but the output of task {:?} has [{outputs}]: give both the same number of values",
            loss.task
        ));
    }
    let binary = matches!(loss.kind, LossKind::BinaryCrossEntropy { .. });
    let valid = |value: &f64| match binary {
        true => *value == 0.0 || *value == 1.0,
        false => value.is_finite(),
    };
    match column.values().find(|value| !valid(value)) {
        Some(value) if binary => Err(format!(
            "target {name:?} has the value {value}, but the labels of a binary cross-entropy are 0 or 1"
        )),
        Some(value) => Err(format!(
            "target {name:?} has the value {value}, which is not a finite number"
        )),
        None => Ok(()),
    }
}

/// Whether the normalisation of an input has one channel or those that the network reads.
fn check_channels(data: &Dataset, input: usize, shape: Shape) -> Result<(), String> {
    let Some(normalisation) = data.normalisation.get(input) else {
        return Err(format!("input {input} has no normalization: add one"));
    };
    let channels = normalisation.mean.len();
    if normalisation.std.len() != channels || (channels != 1 && channels != shape.channels as usize)
    {
        return Err(format!(
            "input {input} is normalized over {channels} channels, but the network reads {}: give the network the shape of the samples",
            shape.channels
        ));
    }
    if channels > MOST_CHANNELS {
        return Err(format!(
            "input {input} is normalized over {channels} channels, at most {MOST_CHANNELS} are possible: use one mean and standard deviation for all"
        ));
    }
    Ok(())
}

/// Whether the changes of an augmentation are smaller than the samples.
fn check_augmentation(
    augmentation: Augmentation,
    dimensions: usize,
    shape: Shape,
) -> Result<(), String> {
    if dimensions < 2 {
        return Err(
            "its samples are neither images nor series, which --augment changes: leave it out"
                .into(),
        );
    }
    for (change, pixels) in [("crop", augmentation.crop), ("cutout", augmentation.cutout)] {
        if pixels > shape.width {
            return Err(format!(
                "are {} wide, less than {change}:{pixels} of --augment: lower it",
                shape.width
            ));
        }
    }
    Ok(())
}
