//! Network files: a user's own network as TOML, described in `docs/networks.md`.

mod heads;
mod layer;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use toml::Spanned;

use self::tables::{File, Inputs};
use super::{ModelError, Network, Value};
use crate::data::Task;
use crate::kernels::Shape;

/// The name under which layers read the samples.
const INPUT: &str = "input";

/// The text that a network was built from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NetworkSource {
    /// SHA-256 of the text, in hexadecimal.
    pub sha256: String,
    /// The network file.
    pub text: String,
}

/// A network file that was read.
#[derive(Debug)]
pub struct NetworkFile {
    name: String,
    text: String,
    tables: File,
}

/// Whether `model` names a network file rather than a preset.
#[must_use]
pub fn is_file(model: &str) -> bool {
    Path::new(model)
        .extension()
        .is_some_and(|end| end == "toml")
}

impl NetworkFile {
    /// Reads a network file.
    ///
    /// # Errors
    /// [`ModelError::ReadFile`]; [`ModelError::File`] for a text that is not TOML, an unknown key or a value of the wrong type.
    pub fn read(path: &str) -> Result<NetworkFile, ModelError> {
        let text = std::fs::read_to_string(path).map_err(|why| ModelError::ReadFile {
            path: path.to_owned(),
            why: why.to_string(),
        })?;
        NetworkFile::parse(path, &text)
    }

    /// The network file `name` with this text.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn parse(name: &str, text: &str) -> Result<NetworkFile, ModelError> {
        let tables = toml::from_str(text).map_err(|error| ModelError::File {
            file: name.to_owned(),
            line: line(text, error.span().map_or(0, |span| span.start)),
            what: error.message().replace('\n', " "),
        })?;
        Ok(NetworkFile {
            name: name.to_owned(),
            text: text.to_owned(),
            tables,
        })
    }

    /// Builds the network for samples of shape `input`. `tasks` are those of the data set, the first being the default;
    /// `chosen` names those to learn, none: the tasks of the file's heads. Without heads there is one, `fc`, or `heads.TASK`
    /// for each chosen task, on the last layer.
    ///
    /// # Errors
    /// [`ModelError::File`], with the line: a layer that does not fit its input, is not used or has the name of another, an
    /// unknown type, task or loss, a key that is missing or belongs to another type.
    pub fn build(
        &self,
        input: Shape,
        tasks: &[Task],
        chosen: &[&str],
    ) -> Result<Network, ModelError> {
        let mut net = Network::new();
        let x = net.input(input);
        let mut names: BTreeMap<String, Value> = BTreeMap::from([(INPUT.to_owned(), x)]);
        let mut read: BTreeSet<Value> = BTreeSet::new();
        let mut last = x;
        for (index, table) in self.tables.layer.iter().enumerate() {
            let (at, table) = (table.span().start, table.get_ref());
            let built = layer::build(self, table, at)?;
            let kind = table.kind.get_ref();
            let name = match &table.name {
                Some(name) => name.get_ref().clone(),
                None if built.named => {
                    let what = format!(
                        "a {kind} layer needs a `name`, under which its parameters are stored"
                    );
                    return Err(self.error(at, what));
                }
                None => format!("{kind}{index}"),
            };
            if names.contains_key(&name) {
                let at = table.name.as_ref().map_or(at, |name| name.span().start);
                let what = format!("the name {name:?} is taken: give each layer its own");
                return Err(self.error(at, what));
            }
            let inputs = match &table.input {
                None => vec![last],
                Some(given) => {
                    let Inputs(given) = given.get_ref();
                    let find = |name: &String| self.find(&names, name, table.input.as_ref());
                    given.iter().map(find).collect::<Result<_, _>>()?
                }
            };
            if inputs.len() != built.inputs {
                let at = table.input.as_ref().map_or(at, |input| input.span().start);
                let what = format!(
                    "a {kind} layer reads {} input{}, not {}: name {} in `input`",
                    built.inputs,
                    if built.inputs == 1 { "" } else { "s" },
                    inputs.len(),
                    if built.inputs == 1 {
                        "one layer"
                    } else {
                        "two layers"
                    },
                );
                return Err(self.error(at, what));
            }
            let added = net.layer(&name, built.layer, &inputs);
            last = added.map_err(|why| self.error(at, why.to_string()))?;
            read.extend(inputs);
            names.insert(name, last);
        }
        self.add_heads(&mut net, &names, &mut read, last, tasks, chosen)?;
        for (table, value) in self.tables.layer.iter().zip(1..) {
            // Node 0 is the input, and every layer is one node.
            if !read.contains(&Value(value)) {
                let name = &net.nodes()[value].name;
                let what = format!(
                    "no layer and no head reads layer {name:?}: name it in an `input`, or remove it"
                );
                return Err(self.error(table.span().start, what));
            }
        }
        net.source = Some(NetworkSource {
            sha256: Sha256::digest(self.text.as_bytes())
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            text: self.text.clone(),
        });
        Ok(net)
    }

    /// The value of a name that the key at `place` gives.
    fn find<T>(
        &self,
        names: &BTreeMap<String, Value>,
        name: &str,
        place: Option<&Spanned<T>>,
    ) -> Result<Value, ModelError> {
        names.get(name).copied().ok_or_else(|| {
            let known: Vec<&str> = names.keys().map(String::as_str).collect();
            let near = nearest(name, &known);
            let at = place.map_or(0, |place| place.span().start);
            let what = format!("`input` names no earlier layer {name:?}{near}");
            self.error(at, what)
        })
    }

    /// The mistake `what` at byte `at`.
    fn error(&self, at: usize, what: impl Into<String>) -> ModelError {
        ModelError::File {
            file: self.name.clone(),
            line: line(&self.text, at),
            what: what.into(),
        }
    }
}

/// Line of byte `at`, from 1.
fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

/// `; did you mean NAME?` where one of `names` is like `given`.
fn nearest(given: &str, names: &[&str]) -> String {
    let likeness = |name: &&&str| (strsim::jaro_winkler(given, name) * 1e6) as u64;
    let near = names.iter().max_by_key(likeness);
    let near = near.filter(|name| strsim::jaro_winkler(given, name) >= 0.8);
    near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests;
