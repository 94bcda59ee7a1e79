//! The built-in networks; parameters have the names of the PyTorch modules.

use super::layers::{Conv2d, MaxPool2d};
use super::{ModelError, Network, Value};
use crate::kernels::Shape;

/// Names of the presets.
pub const NAMES: &[&str] = &["mlp", "cnn", "resnet8"];

/// Builds a preset for samples of shape `input` and `classes` classes, with the task `label` on label column 0.
///
/// # Errors
/// The name is unknown, or the input is too small for the network.
pub fn by_name(name: &str, input: Shape, classes: u32) -> Result<Network, ModelError> {
    let mut net = Network::new();
    let x = net.input(input);
    let logits = match name {
        "mlp" => mlp(&mut net, x, classes),
        "cnn" => cnn(&mut net, x, classes),
        "resnet8" => resnet8(&mut net, x, classes),
        _ => Err(ModelError::Unknown {
            name: name.into(),
            known: NAMES.join(", "),
        }),
    }?;
    net.cross_entropy("label", logits, 0, 1.0);
    Ok(net)
}

fn mlp(net: &mut Network, x: Value, classes: u32) -> Result<Value, ModelError> {
    let x = net.linear("fc1", x, 512)?;
    let x = net.relu(x)?;
    let x = net.linear("fc2", x, 256)?;
    let x = net.relu(x)?;
    net.linear("fc3", x, classes)
}

fn cnn(net: &mut Network, x: Value, classes: u32) -> Result<Value, ModelError> {
    let conv = |out| Conv2d::square(out, 3, 1, 1);
    let pool = MaxPool2d::square(2, 2, 0);
    let x = net.conv2d("conv1", x, conv(32))?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool)?;
    let x = net.conv2d("conv2", x, conv(64))?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool)?;
    let x = net.linear("fc1", x, 128)?;
    let x = net.relu(x)?;
    net.linear("fc2", x, classes)
}

fn resnet8(net: &mut Network, x: Value, classes: u32) -> Result<Value, ModelError> {
    let x = net.conv2d(
        "conv1",
        x,
        Conv2d {
            bias: false,
            ..Conv2d::square(16, 3, 1, 1)
        },
    )?;
    let x = net.batch_norm("bn1", x)?;
    let mut x = net.relu(x)?;
    for (name, out, stride) in [("layer1", 16, 1), ("layer2", 32, 2), ("layer3", 64, 2)] {
        x = basic_block(net, name, x, out, stride)?;
    }
    let x = net.mean_pool(x)?;
    net.linear("fc", x, classes)
}

fn basic_block(
    net: &mut Network,
    name: &str,
    x: Value,
    out: u32,
    stride: u32,
) -> Result<Value, ModelError> {
    let conv = |kernel, stride, padding| Conv2d {
        bias: false,
        ..Conv2d::square(out, kernel, stride, padding)
    };
    let y = net.conv2d(&format!("{name}.conv1"), x, conv(3, stride, 1))?;
    let y = net.batch_norm(&format!("{name}.bn1"), y)?;
    let y = net.relu(y)?;
    let y = net.conv2d(&format!("{name}.conv2"), y, conv(3, 1, 1))?;
    let y = net.batch_norm(&format!("{name}.bn2"), y)?;
    let same = stride == 1 && net.nodes()[x.0].shape.channels == out;
    let shortcut = if same {
        x
    } else {
        let s = net.conv2d(&format!("{name}.downsample.0"), x, conv(1, stride, 0))?;
        net.batch_norm(&format!("{name}.downsample.1"), s)?
    };
    let y = net.add(y, shortcut)?;
    net.relu(y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_match_the_literature() {
        let input = Shape::from([1, 28, 28]);
        for (name, count) in [("mlp", 535_818), ("cnn", 421_642), ("resnet8", 77_754)] {
            assert_eq!(
                by_name(name, input, 10).unwrap().parameter_count(),
                count,
                "{name}"
            );
        }
    }

    #[test]
    fn rejects_small_inputs_and_unknown_names() {
        let small = Shape::from([1, 1, 1]);
        assert!(matches!(
            by_name("cnn", small, 10),
            Err(ModelError::Misfit { .. })
        ));
        assert!(
            by_name("vgg", small, 10)
                .unwrap_err()
                .to_string()
                .contains("mlp, cnn, resnet8")
        );
    }
}
