//! The layers that no small preset has: against PyTorch, and against central differences.

use wattgrad::internals::kernels::oracle::activation::erf;
use wattgrad::internals::kernels::oracle::{
    Activation, AveragePool, Conv, MaxPool, layer_norm, layer_norm_backward,
};

use super::gradients::{differences, dot, random};
use super::{close, close_to, layers_fixture, within};

#[test]
fn dilated_and_grouped_convolutions_are_pytorchs() {
    let fixture = layers_fixture();
    for case in fixture.cases("dilated.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let counts = |name: &str| fixture.counts(&format!("{case}.{name}"));
        let [batch, channels, height, width, out_channels] = counts("shape")[..] else {
            panic!("{case}")
        };
        let s = counts("settings");
        let conv = Conv {
            batch,
            channels,
            height,
            width,
            out_channels,
            kernel: [s[0], s[1]],
            stride: [s[2], s[3]],
            padding: [s[4], s[5]],
            dilation: [s[6], s[7]],
            groups: s[8],
        };
        let (x, w, bias, dy) = (get("x"), get("w"), get("bias"), get("r"));
        let y = conv.forward(x, w, Some(bias));
        let magnitude = conv.forward_magnitude(x, w, Some(bias));
        within(&case, &y, get("y"), &magnitude);
        let magnitude = conv.grad_input_magnitude(dy, w);
        within(&case, &conv.grad_input(dy, w), get("dx"), &magnitude);
        let magnitude = conv.grad_weight_magnitude(x, dy);
        within(&case, &conv.grad_weight(x, dy), get("dw"), &magnitude);
        let magnitude = conv.grad_bias_magnitude(dy);
        within(&case, &conv.grad_bias(dy), get("dbias"), &magnitude);
    }
}

#[test]
fn average_pool_is_pytorchs() {
    let fixture = layers_fixture();
    for case in fixture.cases("average.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let counts = |name: &str| fixture.counts(&format!("{case}.{name}"));
        let [batch, channels, height, width] = counts("shape")[..] else {
            panic!("{case}")
        };
        let s = counts("settings");
        let pool = AveragePool {
            windows: MaxPool {
                batch,
                channels,
                height,
                width,
                kernel: [s[0], s[1]],
                stride: [s[2], s[3]],
                padding: [s[4], s[5]],
            },
            count_include_pad: s[6] == 1,
        };
        close(&case, &pool.forward(get("x")), get("y"));
        close(&case, &pool.backward(get("r")), get("dx"));
        let x = get("x");
        differences(&case, x, &pool.backward(get("r")), |x| {
            dot(&pool.forward(x), get("r"))
        });
    }
}

#[test]
fn layer_norm_is_pytorchs() {
    let fixture = layers_fixture();
    for case in fixture.cases("layernorm.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let (x, weight, bias) = (get("x"), get("weight"), get("bias"));
        close(&case, &layer_norm(x, weight, bias), get("y"));
        let back = layer_norm_backward(x, weight, get("r"));
        close(&case, &back.dbias, get("dbias"));
        // One element is its own mean, so that only rounding is left of the others.
        if weight.len() == 1 {
            assert_eq!((&back.dx[..], &back.dweight[..]), (&[0.0][..], &[0.0][..]));
            continue;
        }
        close_to(&case, &back.dx, get("dx"), 1e-12);
        close_to(&case, &back.dweight, get("dweight"), 1e-12);
    }
    let (x, weight, bias, r) = (random(1, 21), random(2, 7), random(3, 7), random(4, 21));
    let back = layer_norm_backward(&x, &weight, &r);
    differences("dx", &x, &back.dx, |x| {
        dot(&layer_norm(x, &weight, &bias), &r)
    });
    differences("dweight", &weight, &back.dweight, |w| {
        dot(&layer_norm(&x, w, &bias), &r)
    });
}

#[test]
fn activations_are_pytorchs() {
    let fixture = layers_fixture();
    for (name, activation) in [
        ("gelu.", Activation::Gelu),
        ("gelutanh.", Activation::GeluTanh),
        ("silu.", Activation::Silu),
        ("tanh.", Activation::Tanh),
    ] {
        for case in fixture.cases(name) {
            let get = |name: &str| fixture.get(&format!("{case}.{name}"));
            let x = get("x");
            let y: Vec<f64> = x.iter().map(|&x| activation.value(x)).collect();
            close(&case, &y, get("y"));
            let dx = x
                .iter()
                .zip(get("r"))
                .map(|(&x, r)| activation.slope(x) * r);
            close(&case, &dx.collect::<Vec<_>>(), get("dx"));
        }
        let x = random(1, 20);
        let slopes: Vec<f64> = x.iter().map(|&x| activation.slope(x)).collect();
        differences(name, &x, &slopes, |x| {
            x.iter().map(|&x| activation.value(x)).sum()
        });
    }
    for (x, value) in [
        (0.5, 0.520_499_877_813_046_5),
        (-2.0, -0.995_322_265_018_952_7),
    ] {
        assert!((erf(x) - value).abs() < 1e-15, "{x}");
    }
}
