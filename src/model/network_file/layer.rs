//! From the table of a layer to the layer.

use std::sync::Arc;

use toml::Spanned;

use super::NetworkFile;
use super::tables::{self, Pair};
use crate::kernels::elementwise::Function;
use crate::model::layers::{
    Activation, Add, AvgPool2d, BatchNorm, Conv2d, Dropout, Layer, LayerNorm, Linear, MaxPool2d,
    MeanPool, Relu,
};
use crate::model::{ModelError, network_file::nearest};

/// The types, and the parameters that each takes.
pub(super) const TYPES: &[(&str, &[&str])] = &[
    ("linear", &["out_features", "bias"]),
    ("conv1d", CONV),
    ("conv2d", CONV),
    ("batch_norm", &["eps", "momentum"]),
    ("layer_norm", &["axes", "eps"]),
    ("max_pool1d", &["kernel_size", "stride", "padding"]),
    ("max_pool2d", &["kernel_size", "stride", "padding"]),
    ("avg_pool1d", AVERAGE),
    ("avg_pool2d", AVERAGE),
    ("mean_pool", &[]),
    ("relu", &[]),
    ("gelu", &["approximate"]),
    ("silu", &[]),
    ("tanh", &[]),
    ("dropout", &["p"]),
    ("add", &[]),
];

const CONV: &[&str] = &[
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "bias",
];
const AVERAGE: &[&str] = &["kernel_size", "stride", "padding", "count_include_pad"];

/// A layer, and how many inputs it reads.
pub(super) struct Built {
    pub layer: Arc<dyn Layer>,
    pub inputs: usize,
    /// Whether it has parameters, which need a name of their own.
    pub named: bool,
}

/// Builds the layer of a table that begins at byte `at`.
pub(super) fn build(
    file: &NetworkFile,
    table: &tables::Layer,
    at: usize,
) -> Result<Built, ModelError> {
    let kind = table.kind.get_ref().as_str();
    let Some((_, keys)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        let near = nearest(kind, &names);
        let what = format!("`type` takes {}, not {kind:?}{near}", names.join(", "));
        return Err(file.error(table.kind.span().start, what));
    };
    if let Some((key, at)) = table
        .given()
        .into_iter()
        .find(|(key, _)| !keys.contains(key))
    {
        let takes = match keys {
            [] => "no parameters".to_owned(),
            keys => keys.join(", "),
        };
        return Err(file.error(
            at,
            format!("a {kind} layer has no `{key}`: it takes {takes}"),
        ));
    }
    let needed = |key: &str| file.error(at, format!("a {kind} layer needs `{key}`"));
    let whole = |key: &str, value: &Option<Spanned<u32>>| match value {
        Some(value) => Ok(*value.get_ref()),
        None => Err(needed(key)),
    };
    let one_dimensional = kind.ends_with("1d");
    // Of a one-dimensional layer the height is not there: `none` stands for it.
    let pair = |value: &Option<Spanned<Pair>>, none: u32| -> Result<Option<[u32; 2]>, ModelError> {
        let Some(value) = value else {
            return Ok(None);
        };
        match (value.get_ref(), one_dimensional) {
            (Pair::One(n), true) => Ok(Some([none, *n])),
            (Pair::One(n), false) => Ok(Some([*n; 2])),
            (Pair::Two(sizes), false) => Ok(Some(*sizes)),
            (Pair::Two(_), true) => {
                let what = format!("a {kind} layer has one axis: give one number, not a list");
                Err(file.error(value.span().start, what))
            }
        }
    };
    let kernel = || pair(&table.kernel_size, 1)?.ok_or_else(|| needed("kernel_size"));
    let bias = table.bias.as_ref().is_none_or(|bias| *bias.get_ref());
    let eps = table.eps.as_ref().map_or(1e-5, |eps| *eps.get_ref());
    let layer: Arc<dyn Layer> = match kind {
        "linear" => Arc::new(Linear {
            out: whole("out_features", &table.out_features)?,
            bias,
        }),
        "conv1d" | "conv2d" => Arc::new(Conv2d {
            out: whole("out_channels", &table.out_channels)?,
            kernel: kernel()?,
            stride: pair(&table.stride, 1)?.unwrap_or([1; 2]),
            padding: pair(&table.padding, 0)?.unwrap_or([0; 2]),
            dilation: pair(&table.dilation, 1)?.unwrap_or([1; 2]),
            groups: table.groups.as_ref().map_or(1, |groups| *groups.get_ref()),
            bias,
            one_dimensional,
        }),
        "batch_norm" => Arc::new(BatchNorm {
            eps,
            momentum: table.momentum.as_ref().map_or(0.1, |m| *m.get_ref()),
            ..BatchNorm::default()
        }),
        "layer_norm" => Arc::new(LayerNorm {
            axes: table
                .axes
                .as_ref()
                .map_or(1, |axes| *axes.get_ref() as usize),
            eps,
        }),
        "max_pool1d" | "max_pool2d" => Arc::new(MaxPool2d {
            kernel: kernel()?,
            stride: pair(&table.stride, 1)?.unwrap_or(kernel()?),
            padding: pair(&table.padding, 0)?.unwrap_or([0; 2]),
        }),
        "avg_pool1d" | "avg_pool2d" => Arc::new(AvgPool2d {
            kernel: kernel()?,
            stride: pair(&table.stride, 1)?.unwrap_or(kernel()?),
            padding: pair(&table.padding, 0)?.unwrap_or([0; 2]),
            count_include_pad: table
                .count_include_pad
                .as_ref()
                .is_none_or(|include| *include.get_ref()),
        }),
        "mean_pool" => Arc::new(MeanPool),
        "relu" => Arc::new(Relu),
        "gelu" => Arc::new(Activation(match &table.approximate {
            None => Function::Gelu,
            Some(name) => match name.get_ref().as_str() {
                "none" => Function::Gelu,
                "tanh" => Function::GeluTanh,
                other => {
                    let what = format!("`approximate` takes none or tanh, not {other:?}");
                    return Err(file.error(name.span().start, what));
                }
            },
        })),
        "silu" => Arc::new(Activation(Function::Silu)),
        "tanh" => Arc::new(Activation(Function::Tanh)),
        "dropout" => Arc::new(Dropout {
            p: table.p.as_ref().map_or(0.5, |p| *p.get_ref()),
        }),
        _ => Arc::new(Add),
    };
    Ok(Built {
        inputs: if kind == "add" { 2 } else { 1 },
        named: matches!(
            kind,
            "linear" | "conv1d" | "conv2d" | "batch_norm" | "layer_norm"
        ),
        layer,
    })
}
