//! The built-in networks; parameters have the names of the PyTorch modules.

mod har;
mod resnet;

pub use resnet::Stem;

use super::layers::{Conv2d, MaxPool2d};
use super::{ModelError, Network, Value};
use crate::kernels::Shape;

/// Names of the presets.
pub const NAMES: &[&str] = &["mlp", "cnn", "resnet8", "resnet18", "resnet20", "har-cnn"];

/// A network without its last layer.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// The layers so far.
    pub network: Network,
    /// The features that heads read.
    pub features: Value,
    /// Name of the last layer, a linear one from the features to the classes: `fc`, `fc2`, `fc3`.
    pub head: &'static str,
}

/// Builds a preset for samples of shape `input` and `classes` classes, with the task `label` on label column 0.
///
/// # Errors
/// As [`trunk`].
pub fn by_name(name: &str, input: Shape, classes: u32) -> Result<Network, ModelError> {
    let Trunk {
        network: mut net,
        features,
        head,
    } = trunk(name, input, None)?;
    let logits = net.linear(head, features, classes)?;
    net.cross_entropy("label", logits, 0, 1.0);
    Ok(net)
}

/// Builds a preset without its head for samples of shape `input`. `stem` chooses the first layers of `resnet18`; without it
/// the size of the images does: [`Stem::for_images`].
///
/// # Errors
/// The name is unknown, or the input is too small for the network.
pub fn trunk(name: &str, input: Shape, stem: Option<Stem>) -> Result<Trunk, ModelError> {
    let mut network = Network::new();
    let x = network.input(input);
    let net = &mut network;
    let (features, head) = match name {
        "mlp" => (mlp(net, x)?, "fc3"),
        "cnn" => (cnn(net, x)?, "fc2"),
        "resnet8" => (resnet::resnet8(net, x)?, "fc"),
        "resnet18" => {
            let stem = stem.unwrap_or_else(|| Stem::for_images(input));
            (resnet::resnet18(net, x, stem)?, "fc")
        }
        "resnet20" => (resnet::resnet20(net, x)?, "fc"),
        "har-cnn" => (har::har_cnn(net, x)?, "fc"),
        _ => {
            return Err(ModelError::Unknown {
                name: name.into(),
                known: NAMES.join(", "),
            });
        }
    };
    Ok(Trunk {
        network,
        features,
        head,
    })
}

/// Whether the preset has a choice of stems.
#[must_use]
pub fn has_stem(name: &str) -> bool {
    name == "resnet18"
}

fn mlp(net: &mut Network, x: Value) -> Result<Value, ModelError> {
    let x = net.linear("fc1", x, 512)?;
    let x = net.relu(x)?;
    let x = net.linear("fc2", x, 256)?;
    net.relu(x)
}

fn cnn(net: &mut Network, x: Value) -> Result<Value, ModelError> {
    let conv = |out| Conv2d::square(out, 3, 1, 1);
    let pool = MaxPool2d::square(2, 2, 0);
    let x = net.conv2d("conv1", x, conv(32))?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool)?;
    let x = net.conv2d("conv2", x, conv(64))?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool)?;
    let x = net.linear("fc1", x, 128)?;
    net.relu(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_match_the_literature() {
        let grey = Shape::from([1, 28, 28]);
        let colour = Shape::from([3, 32, 32]);
        let photo = Shape::from([3, 224, 224]);
        for (name, input, classes, count) in [
            ("mlp", grey, 10, 535_818),
            ("cnn", grey, 10, 421_642),
            ("resnet8", grey, 10, 77_754),
            ("resnet18", photo, 1000, 11_689_512),
            ("resnet18", colour, 10, 11_173_962),
            ("resnet20", colour, 10, 272_474),
            ("har-cnn", Shape::from([36, 256]), 12, 53_452),
        ] {
            let network = by_name(name, input, classes).unwrap();
            assert_eq!(network.parameter_count(), count, "{name}");
        }
    }

    #[test]
    fn resnets_have_the_names_of_torchvision() {
        let network = by_name("resnet18", Shape::from([3, 64, 64]), 10).unwrap();
        let spec = |name: &str| {
            let found = network.parameters().iter().find(|p| p.name == name);
            found.unwrap_or_else(|| panic!("no {name}")).shape.clone()
        };
        assert_eq!(spec("conv1.weight"), [64, 3, 7, 7]);
        assert_eq!(spec("bn1.running_mean"), [64]);
        assert_eq!(spec("layer1.1.conv2.weight"), [64, 64, 3, 3]);
        assert_eq!(spec("layer4.0.downsample.0.weight"), [512, 256, 1, 1]);
        assert_eq!(spec("layer4.0.downsample.1.bias"), [512]);
        assert_eq!(spec("fc.weight"), [10, 512]);
        let trained = network.parameters().iter().filter(|p| p.kind.trained());
        assert_eq!(trained.count(), 62);
    }

    #[test]
    fn the_network_for_sensors_has_the_weights_of_conv1d() {
        let network = by_name("har-cnn", Shape::from([9, 128]), 6).unwrap();
        assert_eq!(network.parameters()[0].shape, [64, 9, 5]);
        let why = by_name("har-cnn", Shape::from([1, 28, 28]), 6).unwrap_err();
        assert!(why.to_string().contains("[channels, length]"), "{why}");
    }

    #[test]
    fn stems_follow_the_size_of_the_images_unless_one_is_chosen() {
        let first = |size, stem| {
            let input = Shape::from([3, size, size]);
            let network = trunk("resnet18", input, stem).unwrap().network;
            network.parameters()[0].shape.clone()
        };
        assert_eq!(first(32, None), [64, 3, 3, 3]);
        assert_eq!(first(64, None), [64, 3, 7, 7]);
        assert_eq!(first(64, Some(Stem::Small)), [64, 3, 3, 3]);
        assert_eq!(first(32, Some(Stem::Imagenet)), [64, 3, 7, 7]);
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
