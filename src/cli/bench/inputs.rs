//! The data of bindings, as the command line describes them.

use std::path::PathBuf;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng as _;

use super::npy;
use super::values::Values;
use crate::cli::failure::Failure;
use crate::lab::{Binding, BindingAccess, BindingElement};

/// What `--bind` gives a binding.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// This many elements of a fill.
    Filled(Vec<usize>, Fill),
    /// The elements themselves.
    Values(Vec<String>),
    /// A file of NumPy's format.
    File(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// Of the type of the binding: normal for floats that are read, zeros otherwise.
    Default,
    Normal,
    Uniform,
    Zeros,
    Ones,
    /// 0, 1, 2, ...
    Range,
    /// Random integers from 0 to below this.
    Below(u32),
}

const FILLS: &str = "normal, uniform, zeros, ones, range or below:N";

impl Input {
    /// `NAME=SHAPE`, `NAME=SHAPE:FILL`, `NAME=[VALUES]` or `NAME=@FILE.npy`.
    pub fn parse(text: &str) -> Result<(String, Self), String> {
        let wrong =
            || "write NAME=SHAPE, NAME=SHAPE:FILL, NAME=[VALUES] or NAME=@FILE.npy".to_owned();
        let (name, data) = text.split_once('=').ok_or_else(wrong)?;
        let (name, data) = (name.trim(), data.trim());
        if name.is_empty() || data.is_empty() {
            return Err(wrong());
        }
        let input = if let Some(path) = data.strip_prefix('@') {
            Self::File(path.into())
        } else if let Some(values) = data.strip_prefix('[') {
            let values = values.strip_suffix(']').ok_or("the list lacks its `]`")?;
            let values = values.split(',').map(|value| value.trim().to_owned());
            Self::Values(values.collect())
        } else {
            let (shape, fill) = data.split_once(':').unwrap_or((data, ""));
            let sizes = shape.split('x').map(|size| size.trim().parse::<usize>());
            let sizes: Vec<usize> = sizes.collect::<Result<_, _>>().map_err(|_| wrong())?;
            Self::Filled(sizes, Fill::parse(fill)?)
        };
        Ok((name.to_owned(), input))
    }
}

impl Fill {
    fn parse(word: &str) -> Result<Self, String> {
        Ok(match word {
            "" => Self::Default,
            "normal" => Self::Normal,
            "uniform" => Self::Uniform,
            "zeros" => Self::Zeros,
            "ones" => Self::Ones,
            "range" => Self::Range,
            _ => {
                let bound = word.strip_prefix("below:").and_then(|n| n.parse().ok());
                let bound = bound.filter(|&bound| bound > 0);
                Self::Below(bound.ok_or_else(|| format!("unknown fill {word:?}: use {FILLS}"))?)
            }
        })
    }

    fn name(self) -> String {
        match self {
            Self::Default | Self::Normal => "normal".into(),
            Self::Uniform => "uniform".into(),
            Self::Zeros => "zeros".into(),
            Self::Ones => "ones".into(),
            Self::Range => "range".into(),
            Self::Below(bound) => format!("below {bound}"),
        }
    }
}

/// The data of one binding.
pub struct Data {
    pub name: String,
    /// How it was made, such as `1024x1024 normal`.
    pub described: String,
    pub shape: Vec<usize>,
    pub values: Values,
}

/// The data of every binding, in order. A seed gives each binding its own random numbers.
pub fn data(
    kernel: &str,
    bindings: &[Binding],
    given: &[(String, Input)],
    seed: u64,
) -> Result<Vec<Data>, Failure> {
    for (at, (name, _)) in given.iter().enumerate() {
        if given[..at].iter().any(|(before, _)| before == name) {
            return Err(Failure::misuse(format!(
                "--bind {name} was given twice: give it once"
            )));
        }
        if !bindings.iter().any(|binding| binding.name == *name) {
            let known: Vec<&str> = bindings.iter().map(|b| b.name.as_str()).collect();
            return Err(Failure::misuse(format!(
                "--bind {name}: {kernel} has no such binding; its bindings are {}",
                known.join(", ")
            )));
        }
    }
    let missing: Vec<String> = bindings
        .iter()
        .filter(|binding| !given.iter().any(|(name, _)| *name == binding.name))
        .map(|binding| format!("--bind {}={}", binding.name, example(binding)))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::misuse(format!(
            "the size of some bindings of {kernel} is not given: add {}",
            missing.join(" ")
        )));
    }
    (0..)
        .zip(bindings)
        .map(|(at, binding)| {
            let (_, input) = given
                .iter()
                .find(|(name, _)| *name == binding.name)
                .ok_or_else(|| Failure::failed("a binding has no data"))?;
            one(binding, input, Pcg32::new(seed, at))
        })
        .collect()
}

fn example(binding: &Binding) -> String {
    match (binding.access, binding.item) {
        (BindingAccess::Uniform, _) | (_, None) if binding.elements <= 8 => {
            format!("[{}]", vec!["1"; binding.elements].join(","))
        }
        (_, None) => binding.elements.to_string(),
        _ => "1024".into(),
    }
}

fn one(binding: &Binding, input: &Input, mut rng: Pcg32) -> Result<Data, Failure> {
    let name = &binding.name;
    let (described, shape, values) = match input {
        Input::File(path) => {
            let (shape, values) = npy::read(path)?;
            let described = format!("{} from {}", sizes(&shape), path.display());
            (
                described,
                shape,
                Values::of(binding.element, values.into_iter()),
            )
        }
        Input::Values(texts) => {
            let values = parse(binding, texts)?;
            (format!("[{}]", texts.join(",")), vec![texts.len()], values)
        }
        Input::Filled(shape, fill) => {
            let count = shape
                .iter()
                .try_fold(1usize, |all, &size| all.checked_mul(size));
            let count = count.filter(|&count| count <= u32::MAX as usize);
            let count = count.ok_or_else(|| {
                Failure::misuse(format!(
                    "--bind {name}: {} are too many elements",
                    sizes(shape)
                ))
            })?;
            let float = binding.element == BindingElement::F32;
            let fill = match fill {
                Fill::Default if float && binding.access != BindingAccess::ReadWrite => {
                    Fill::Normal
                }
                Fill::Default => Fill::Zeros,
                Fill::Normal | Fill::Uniform if !float => {
                    return Err(Failure::misuse(format!(
                        "--bind {name}: its elements are {}: use zeros, ones, range or below:N",
                        binding.element.name()
                    )));
                }
                fill => *fill,
            };
            let values = (0..count).map(|at| match fill {
                Fill::Default | Fill::Normal => normal(&mut rng),
                Fill::Uniform => uniform(&mut rng),
                Fill::Zeros => 0.0,
                Fill::Ones => 1.0,
                Fill::Range => at as f64,
                Fill::Below(bound) => f64::from(rng.next_u32() % bound),
            });
            let described = format!("{} {}", sizes(shape), fill.name());
            (
                described,
                shape.clone(),
                Values::of(binding.element, values),
            )
        }
    };
    Ok(Data {
        name: name.clone(),
        described,
        shape,
        values,
    })
}

/// Elements as written; those of a structure are floats where they have a point or an exponent.
fn parse(binding: &Binding, texts: &[String]) -> Result<Values, Failure> {
    let wrong = |text: &String| {
        Failure::misuse(format!(
            "--bind {}: {text:?} is not a value of {}",
            binding.name,
            binding.element.name()
        ))
    };
    fn all<T: std::str::FromStr>(
        texts: &[String],
        wrong: impl Fn(&String) -> Failure,
    ) -> Result<Vec<T>, Failure> {
        let values = texts
            .iter()
            .map(|text| text.parse().map_err(|_| wrong(text)));
        values.collect()
    }
    Ok(match binding.element {
        BindingElement::F32 => Values::F32(all(texts, wrong)?),
        BindingElement::I32 => Values::I32(all(texts, wrong)?),
        BindingElement::U32 => Values::U32(all(texts, wrong)?),
        BindingElement::Words => {
            let word = |text: &String| {
                let whole = text.parse::<u32>().ok();
                let signed = || text.parse::<i32>().ok().map(|value| value as u32);
                let float = || text.parse::<f32>().ok().map(f32::to_bits);
                whole
                    .or_else(signed)
                    .or_else(float)
                    .ok_or_else(|| wrong(text))
            };
            Values::U32(texts.iter().map(word).collect::<Result<_, _>>()?)
        }
    })
}

fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("x")
}

/// In (0, 1).
fn uniform(rng: &mut Pcg32) -> f64 {
    (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0
}

/// By Box and Muller.
fn normal(rng: &mut Pcg32) -> f64 {
    let radius = (-2.0 * uniform(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_names_what_is_wrong() {
        let of = |text: &str| Input::parse(text).map(|(_, input)| input);
        assert_eq!(of("x=8x4"), Ok(Input::Filled(vec![8, 4], Fill::Default)));
        assert_eq!(
            of("x=8:below:9"),
            Ok(Input::Filled(vec![8], Fill::Below(9)))
        );
        assert_eq!(
            of("x=[1, 2.5]"),
            Ok(Input::Values(vec!["1".into(), "2.5".into()]))
        );
        assert_eq!(of("x=@a b.npy"), Ok(Input::File("a b.npy".into())));
        for text in [
            "x",
            "=3",
            "x=",
            "x=3xy",
            "x=-3",
            "x=[1",
            "x=3:gauss",
            "x=3:below:0",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn random_floats_have_their_distribution() {
        let mut rng = Pcg32::new(1, 1);
        let values: Vec<f64> = (0..20_000).map(|_| normal(&mut rng)).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
