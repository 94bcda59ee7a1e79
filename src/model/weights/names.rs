//! Names of tensors in files: wrappers of PyTorch put segments before the names of a network, or between them.

use std::collections::BTreeSet;

use super::Weights;
use crate::model::ParameterSpec;

/// Segments of `torch.compile`, data parallelism, FSDP and activation checkpointing.
const WRAPPERS: [&str; 4] = [
    "_orig_mod",
    "module",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
];

impl Weights {
    /// These weights under the names of `specs`, without segments of wrappers and without a prefix that all names share;
    /// and a note on what was removed. Names that fit as they are stay.
    pub(super) fn renamed(self, specs: &[ParameterSpec]) -> (Self, Option<String>) {
        let Some(first) = specs.first() else {
            return (self, None);
        };
        if specs
            .iter()
            .all(|spec| self.params.contains_key(&spec.name))
        {
            return (self, None);
        }
        let unwrapped = self.params.keys().map(|name| without_wrappers(name));
        let unwrapped: Vec<String> = unwrapped.collect();
        let all_start_with = |prefix: &&str| unwrapped.iter().all(|name| name.starts_with(*prefix));
        let ends = unwrapped
            .iter()
            .filter_map(|name| name.strip_suffix(first.name.as_str()));
        let prefix = ends
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .find(all_start_with);
        let Some(prefix) = prefix else {
            return (self, None);
        };
        let names: Vec<&str> = unwrapped.iter().map(|name| &name[prefix.len()..]).collect();
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return (self, None);
        }
        let removed = |(old, new): (&String, &&str)| Some(old.strip_suffix(*new)?.to_owned());
        let removed: BTreeSet<_> = self.params.keys().zip(&names).map(removed).collect();
        if removed.first() == Some(&Some(String::new())) && removed.len() == 1 {
            return (self, None);
        }
        let note = match removed.first() {
            Some(Some(prefix)) if removed.len() == 1 => format!(
                "all {} tensor names of the weights start with {prefix:?}, which was removed",
                names.len()
            ),
            _ => format!(
                "the names of wrappers ({}) were removed from the {} tensor names of the weights",
                wrappers(self.params.keys()).join(", "),
                names.len()
            ),
        };
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let params = names.into_iter().zip(self.params.into_values()).collect();
        (Self { params }, Some(note))
    }
}

fn without_wrappers(name: &str) -> String {
    let kept = name.split('.').filter(|part| !WRAPPERS.contains(part));
    kept.collect::<Vec<_>>().join(".")
}

/// The wrappers in some names.
fn wrappers<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let parts: BTreeSet<&str> = names.flat_map(|name| name.split('.')).collect();
    parts
        .into_iter()
        .filter(|part| WRAPPERS.contains(part))
        .collect()
}
