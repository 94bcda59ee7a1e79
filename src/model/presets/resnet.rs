//! Residual networks.

use serde::{Deserialize, Serialize};

use crate::kernels::Shape;
use crate::model::layers::{Conv2d, MaxPool2d};
use crate::model::{ModelError, Network, Value};

/// Images at least this high and wide get the stem of ImageNet.
const IMAGENET_SIZE: u32 = 64;

/// The first layers of `resnet18`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// A 7x7 convolution with stride 2, then a 3x3 max pool with stride 2, as in torchvision.
    Imagenet,
    /// A 3x3 convolution with stride 1 and no pool, as is usual for images of 32x32.
    Small,
}

impl Stem {
    /// Names of the stems.
    pub const NAMES: &[&str] = &["imagenet", "small"];

    /// The default: [`Stem::Imagenet`] for images of 64x64 and larger, otherwise [`Stem::Small`].
    #[must_use]
    pub fn for_images(shape: Shape) -> Stem {
        match shape.height.min(shape.width) {
            IMAGENET_SIZE.. => Stem::Imagenet,
            _ => Stem::Small,
        }
    }
}

impl std::fmt::Display for Stem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Stem::Imagenet => "imagenet",
            Stem::Small => "small",
        })
    }
}

impl std::str::FromStr for Stem {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Stem, ModelError> {
        match name {
            "imagenet" => Ok(Stem::Imagenet),
            "small" => Ok(Stem::Small),
            _ => Err(ModelError::UnknownStem { name: name.into() }),
        }
    }
}

/// Three blocks of 16, 32 and 64 channels.
pub(super) fn resnet8(net: &mut Network, x: Value) -> Result<Value, ModelError> {
    let mut x = stem(net, x, Conv2d::square(16, 3, 1, 1))?;
    for (name, out, stride) in [("layer1", 16, 1), ("layer2", 32, 2), ("layer3", 64, 2)] {
        x = basic_block(net, name, x, out, stride)?;
    }
    net.mean_pool(x)
}

/// torchvision's `resnet18`: four layers of two blocks, of 64, 128, 256 and 512 channels.
pub(super) fn resnet18(net: &mut Network, x: Value, kind: Stem) -> Result<Value, ModelError> {
    let mut x = match kind {
        Stem::Imagenet => {
            let x = stem(net, x, Conv2d::square(64, 7, 2, 3))?;
            net.max_pool(x, MaxPool2d::square(3, 2, 1))?
        }
        Stem::Small => stem(net, x, Conv2d::square(64, 3, 1, 1))?,
    };
    for (name, out, stride) in [
        ("layer1", 64, 1),
        ("layer2", 128, 2),
        ("layer3", 256, 2),
        ("layer4", 512, 2),
    ] {
        x = layer(net, name, 2, x, out, stride)?;
    }
    net.mean_pool(x)
}

/// The CIFAR network of He et al. (2015) with n = 3: three layers of three blocks, of 16, 32 and 64 channels. Where the
/// shape changes, the shortcut is a 1x1 convolution (their option B).
pub(super) fn resnet20(net: &mut Network, x: Value) -> Result<Value, ModelError> {
    let mut x = stem(net, x, Conv2d::square(16, 3, 1, 1))?;
    for (name, out, stride) in [("layer1", 16, 1), ("layer2", 32, 2), ("layer3", 64, 2)] {
        x = layer(net, name, 3, x, out, stride)?;
    }
    net.mean_pool(x)
}

/// `conv1`, `bn1` and a ReLU.
fn stem(net: &mut Network, x: Value, conv: Conv2d) -> Result<Value, ModelError> {
    let conv = Conv2d {
        bias: false,
        ..conv
    };
    let x = net.conv2d("conv1", x, conv)?;
    let x = net.batch_norm("bn1", x)?;
    net.relu(x)
}

/// `blocks` blocks named `NAME.0`, `NAME.1` and so on, the first with the stride.
fn layer(
    net: &mut Network,
    name: &str,
    blocks: usize,
    mut x: Value,
    out: u32,
    stride: u32,
) -> Result<Value, ModelError> {
    for block in 0..blocks {
        let stride = if block == 0 { stride } else { 1 };
        x = basic_block(net, &format!("{name}.{block}"), x, out, stride)?;
    }
    Ok(x)
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
