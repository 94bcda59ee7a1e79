//! The tables of a network file as TOML gives them, with their places.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub layer: Vec<Spanned<Layer>>,
    #[serde(default)]
    pub head: Vec<Spanned<Head>>,
}

/// A layer: its name, type and inputs, and the parameters of every type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    pub name: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub kind: Spanned<String>,
    pub input: Option<Spanned<Inputs>>,
    pub out_features: Option<Spanned<u32>>,
    pub out_channels: Option<Spanned<u32>>,
    pub kernel_size: Option<Spanned<Pair>>,
    pub stride: Option<Spanned<Pair>>,
    pub padding: Option<Spanned<Pair>>,
    pub dilation: Option<Spanned<Pair>>,
    pub groups: Option<Spanned<u32>>,
    pub bias: Option<Spanned<bool>>,
    pub eps: Option<Spanned<f32>>,
    pub momentum: Option<Spanned<f32>>,
    pub axes: Option<Spanned<u32>>,
    pub p: Option<Spanned<f32>>,
    pub count_include_pad: Option<Spanned<bool>>,
    pub approximate: Option<Spanned<String>>,
}

impl Layer {
    /// The parameters that are given, each with its place.
    pub fn given(&self) -> Vec<(&'static str, usize)> {
        fn at<T>(value: &Option<Spanned<T>>) -> Option<usize> {
            value.as_ref().map(|value| value.span().start)
        }
        let all = [
            ("out_features", at(&self.out_features)),
            ("out_channels", at(&self.out_channels)),
            ("kernel_size", at(&self.kernel_size)),
            ("stride", at(&self.stride)),
            ("padding", at(&self.padding)),
            ("dilation", at(&self.dilation)),
            ("groups", at(&self.groups)),
            ("bias", at(&self.bias)),
            ("eps", at(&self.eps)),
            ("momentum", at(&self.momentum)),
            ("axes", at(&self.axes)),
            ("p", at(&self.p)),
            ("count_include_pad", at(&self.count_include_pad)),
            ("approximate", at(&self.approximate)),
        ];
        all.into_iter()
            .filter_map(|(key, at)| Some((key, at?)))
            .collect()
    }
}

/// A head: a linear layer with an output for each class, label or value of a task, and its loss.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub name: Option<Spanned<String>>,
    pub task: Option<Spanned<String>>,
    pub input: Option<Spanned<String>>,
    pub loss: Option<Spanned<String>>,
    pub weight: Option<Spanned<f32>>,
    pub label_smoothing: Option<Spanned<f32>>,
    pub class_weights: Option<Spanned<Vec<f32>>>,
    pub pos_weight: Option<Spanned<Vec<f32>>>,
}

/// Names of layers: one, or a list.
#[derive(Clone, Debug)]
pub(super) struct Inputs(pub Vec<String>);

/// A size along height and width: one number for both, or a list of two.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair {
    One(u32),
    Two([u32; 2]),
}

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Inputs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a layer or a list of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Inputs, E> {
                Ok(Inputs(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Inputs, A::Error> {
                let mut names = vec![];
                while let Some(name) = all.next_element()? {
                    names.push(name);
                }
                Ok(Inputs(names))
            }
        }
        from.deserialize_any(Names)
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = Pair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a list of two: height and width")
            }

            fn visit_i64<E: Error>(self, size: i64) -> Result<Pair, E> {
                let size = u32::try_from(size);
                size.map(Pair::One)
                    .map_err(|_| E::custom("a size must be a whole number of at least 0"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Pair, A::Error> {
                let mut next = || all.next_element::<u32>();
                match (next()?, next()?, next()?) {
                    (Some(height), Some(width), None) => Ok(Pair::Two([height, width])),
                    _ => Err(A::Error::custom(
                        "a list of sizes must have two: height and width",
                    )),
                }
            }
        }
        from.deserialize_any(Sizes)
    }
}
