//! A network over channels of wearable sensors.

use crate::model::layers::{Conv2d, MaxPool2d};
use crate::model::{ModelError, Network, Value};

/// Filters of every convolution.
const FILTERS: u32 = 64;

/// For human activity recognition: three one-dimensional convolutions of 64 filters of length 5 along the time, each with a
/// ReLU, the first two followed by a max pool of 2, then the mean over time. Filters and lengths are those of the convolutional
/// part of DeepConvLSTM (Ordonez and Roggen 2016).
pub(super) fn har_cnn(net: &mut Network, x: Value) -> Result<Value, ModelError> {
    let conv = Conv2d::along(FILTERS, 5, 1, 2);
    let pool = MaxPool2d {
        kernel: [1, 2],
        stride: [1, 2],
        padding: [0, 0],
    };
    let x = net.conv2d("conv1", x, conv)?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool)?;
    let x = net.conv2d("conv2", x, conv)?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool)?;
    let x = net.conv2d("conv3", x, conv)?;
    let x = net.relu(x)?;
    net.mean_pool(x)
}
