//! Two networks that together have every layer type.

use std::sync::Arc;

use wattgrad::internals::kernels::elementwise::Function;
use wattgrad::internals::model::layers::{Activation, AvgPool2d, Conv2d, Linear, MaxPool2d};
use wattgrad::internals::model::{ModelError, Network, Value};

/// The layer types that no small preset has: dilation, groups, average pools, layer norms, dropout and the activations, with
/// and without ReLU before them, and values with two consumers.
pub(super) fn more(input: [u32; 3]) -> Result<Network, ModelError> {
    let mut net = Network::new();
    let conv = |out, groups, dilation: u32| Conv2d {
        groups,
        dilation: [dilation; 2],
        ..Conv2d::square(out, 3, 1, dilation)
    };
    let x = net.input(input);
    let x = net.conv2d("dilated", x, conv(6, 1, 2))?;
    let x = net.relu(x)?;
    let grouped = net.conv2d("grouped", x, conv(4, 2, 1))?;
    let a = net.gelu(grouped)?;
    let depthwise = net.conv2d("depthwise", grouped, conv(4, 4, 1))?;
    let depthwise = net.relu(depthwise)?;
    let b = net.silu(depthwise)?;
    let c = net.tanh(depthwise)?;
    let x = net.add(a, b)?;
    let x = net.add(x, c)?;
    let x = net.conv2d(
        "strided",
        x,
        Conv2d {
            stride: [2, 1],
            ..conv(8, 4, 1)
        },
    )?;
    let d = net.layer("gelu tanh", Arc::new(Activation(Function::GeluTanh)), &[x])?;
    let d = net.avg_pool(d, AvgPool2d::square(3, 2, 1))?;
    let x = net.relu(x)?;
    let e = AvgPool2d {
        count_include_pad: false,
        ..AvgPool2d::square(3, 2, 1)
    };
    let e = net.avg_pool(x, e)?;
    let e = net.layer_norm("planes", e, 2)?;
    let x = net.add(d, e)?;
    let x = net.relu(x)?;
    let f = net.dropout("drop", x, 0.25)?;
    let f = net.layer_norm("samples", f, 3)?;
    let f = net.relu(f)?;
    let g = net.layer_norm("lines", x, 1)?;
    let x = net.add(f, g)?;
    let x = net.linear("wide", x, 13)?;
    let x = net.layer_norm("features", x, 1)?;
    let x = net.dropout("drop again", x, 0.5)?;
    let logits = net.linear("fc", x, 10)?;
    net.cross_entropy("label", logits, 0, 1.0);
    Ok(net)
}

/// Every layer type: windows of 1, 2, 3, 5 and 7, strides to 3, padding to 3, channels that do not fill quads, values with
/// one and with many consumers, with and without their own ReLU, two heads and a frozen layer.
pub(super) fn odd(input: [u32; 3]) -> Result<Network, ModelError> {
    let mut net = Network::new();
    let conv = |out, kernel, stride, padding, bias| Conv2d {
        bias,
        ..Conv2d::square(out, kernel, stride, padding)
    };
    let pool = MaxPool2d::square;
    let plain = |net: &mut Network, name: &str, x: Value, out| {
        net.layer(name, Arc::new(Linear { out, bias: false }), &[x])
    };
    let x = net.input(input);
    let x = net.conv2d("seven", x, conv(5, 7, 1, 3, true))?;
    let x = net.relu(x)?;
    let x = net.conv2d("five", x, conv(6, 5, 1, 1, false))?;
    let x = net.relu(x)?;
    let x = net.max_pool(x, pool(3, 1, 1))?;
    let x = net.conv2d("one", x, conv(9, 1, 1, 0, true))?;
    let shared = net.relu(x)?;
    // A value behind a ReLU with many consumers: their gradients are added, the last one's is masked.
    let a = net.conv2d("three", shared, conv(9, 3, 1, 1, true))?;
    let b = net.conv2d("framed", shared, conv(9, 1, 1, 1, true))?;
    let b = net.conv2d("unframed", b, conv(9, 3, 1, 0, false))?;
    let c = net.batch_norm("norm", shared)?;
    let a = net.add(a, b)?;
    let a = net.relu(a)?;
    let x = net.add(c, a)?;
    // And a value without ReLU, with many consumers.
    let y = net.conv2d("half", x, conv(10, 3, 2, 1, true))?;
    let z = net.conv2d("half by one", x, conv(10, 1, 2, 0, false))?;
    let w = net.add(y, z)?;
    let v = net.max_pool(x, pool(2, 2, 0))?;
    let v = net.conv2d("widen", v, conv(10, 1, 1, 0, true))?;
    let v = net.relu(v)?;
    let x = net.max_pool(w, pool(2, 1, 0))?;
    let u = net.batch_norm("norm again", w)?;
    let u = net.conv2d("third", u, conv(11, 3, 3, 1, true))?;
    let x = net.conv2d("third too", x, conv(11, 3, 3, 1, true))?;
    let v = net.conv2d("third as well", v, conv(11, 3, 3, 1, true))?;
    let u = net.relu(u)?;
    // Both a mean and another layer read this value, so the mean's gradient has an addend and a mask.
    let mean = net.mean_pool(u)?;
    let beside = plain(&mut net, "beside", u, 10)?;
    let flat = plain(&mut net, "flat", x, 21)?;
    let flat = net.relu(flat)?;
    let more = net.linear("more", v, 13)?;
    let again = net.linear("again", more, 10)?;
    let there = plain(&mut net, "there", more, 10)?;
    let both = net.add(again, there)?;
    let left = net.linear("left", flat, 10)?;
    let right = net.linear("right", flat, 10)?;
    let middle = net.linear("middle", mean, 10)?;
    let sum = net.add(left, middle)?;
    let sum = net.add(sum, beside)?;
    let second = net.add(right, both)?;
    net.cross_entropy("label", sum, 0, 1.0);
    net.cross_entropy("parity", second, 1, 0.5);
    assert_eq!(net.freeze("five"), 1);
    Ok(net)
}
