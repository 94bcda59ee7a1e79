//! Outputs against what they should be.

use serde::Serialize;

use super::args::Args;
use super::inputs::Data;
use super::npy;
use crate::cli::failure::Failure;
use crate::cli::measure::shell::Shell;
use crate::lab::{BindingAccess, Kernel, KernelComparison, KernelOutputs};

/// An output that was compared.
#[derive(Debug, Serialize)]
pub struct Compared {
    pub output: String,
    pub elements: usize,
    /// Absolute.
    pub largest_error: f64,
    /// The largest that is accepted.
    pub bound: f64,
}

/// An output and its elements.
type Expected = (String, Vec<f64>);

/// The expected content of outputs, by files and by a command.
pub fn expected(args: &Args, kernel: &Kernel<'_>, data: &[Data]) -> Result<Vec<Expected>, Failure> {
    let outputs: Vec<&str> = kernel
        .bindings()
        .iter()
        .filter(|binding| binding.access == BindingAccess::ReadWrite)
        .map(|binding| binding.name.as_str())
        .collect();
    let mut expected = Vec::new();
    for (name, path) in &args.expect {
        if !outputs.contains(&name.as_str()) {
            return Err(Failure::misuse(format!(
                "--expect {name}: the kernel writes {}",
                outputs.join(", ")
            )));
        }
        expected.push((name.clone(), npy::read(path.as_ref())?.1));
    }
    let Some(line) = &args.check else {
        return Ok(expected);
    };
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("cannot create a temporary folder: {error}")))?;
    for data in data {
        npy::write(
            &folder.path().join(format!("{}.npy", data.name)),
            &data.shape,
            &data.values,
        )?;
    }
    let here = std::env::current_dir().unwrap_or_default();
    let shell = Shell::parse("default").map_err(Failure::misuse)?;
    let mut command = shell.command(line)?;
    command
        .current_dir(folder.path())
        .env("WATTGRAD_BENCH_DIR", here);
    let status = command
        .status()
        .map_err(|error| Failure::failed(format!("cannot start `{line}` ({error})")))?;
    if !status.success() {
        return Err(Failure::failed(format!(
            "--check: `{line}` failed ({status}): fix the command"
        )));
    }
    let before = expected.len();
    for name in outputs {
        let path = folder.path().join(format!("{name}.npy"));
        let (shape, values) = npy::read(&path)?;
        let given = data.iter().find(|data| data.name == name);
        // The command left the file of the input as it was.
        if given.is_some_and(|data| data.shape == shape && data.values.numbers() == values) {
            continue;
        }
        expected.push((name.to_owned(), values));
    }
    match expected.len() > before {
        true => Ok(expected),
        false => Err(Failure::failed(format!(
            "--check: `{line}` changed no NAME.npy of an output: save the expected outputs there"
        ))),
    }
}

/// Compares outputs with what is expected.
pub fn compare(
    outputs: &KernelOutputs,
    expected: &[Expected],
    tolerance: f64,
) -> Result<Vec<Compared>, Failure> {
    let each = expected.iter().map(|(name, expected)| {
        let got = outputs.numbers(name)?;
        if got.len() != expected.len() {
            return Err(Failure::misuse(format!(
                "output {name} has {} elements, but {} are expected: compare outputs of one size",
                got.len(),
                expected.len()
            )));
        }
        one(name, &got, expected, tolerance).map_err(|why| {
            Failure::failed(format!(
                "{why}: fix the kernel or what is expected, or raise --tolerance"
            ))
        })
    });
    each.collect()
}

/// Compares the outputs of two kernels that have the same names.
pub fn agree(
    first: &KernelOutputs,
    second: &KernelOutputs,
    tolerance: f64,
) -> Result<Vec<Compared>, String> {
    let names: Vec<&str> = first
        .names()
        .filter(|name| second.names().any(|n| n == *name))
        .collect();
    if names.is_empty() {
        return Err("it writes no output of a name that the first kernel writes, so nothing shows that both do the same: rename its output".into());
    }
    let each = names.into_iter().map(|name| {
        let (a, b) = (first.numbers(name), second.numbers(name));
        let (a, b) = (a.map_err(|e| e.to_string())?, b.map_err(|e| e.to_string())?);
        if a.len() != b.len() {
            return Err(format!(
                "its output {name} has {} elements, not {}",
                b.len(),
                a.len()
            ));
        }
        one(name, &b, &a, tolerance).map_err(|why| {
            format!("its outputs are not those of the first kernel, so no speed is compared: {why}")
        })
    });
    each.collect()
}

/// The bound is relative to the largest finite value that is expected.
fn one(name: &str, got: &[f64], expected: &[f64], tolerance: f64) -> Result<Compared, String> {
    let finite = expected.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0f64, |largest, value| largest.max(value.abs()));
    let bound = tolerance * largest;
    let compared = KernelComparison::new(name, got, |at| expected[at]);
    if compared.largest_error > bound {
        return Err(format!(
            "output {name} differs by {:.2e} at element {}: {} instead of {} (accepted: {bound:.1e})",
            compared.largest_error, compared.at, compared.got, compared.expected
        ));
    }
    Ok(Compared {
        output: name.to_owned(),
        elements: compared.elements,
        largest_error: compared.largest_error,
        bound,
    })
}
