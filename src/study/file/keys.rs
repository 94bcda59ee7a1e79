//! Keys of a study file: which are settings of a regime, and where unknown keys belong.

use crate::train::Regime;

/// Jaro-Winkler similarity from which a key counts as a misspelling of another.
const NEAR: f64 = 0.8;

/// Flags of `train` that a study sets in another place, or leaves to the command line.
const ELSEWHERE: &[(&str, &str)] = &[
    ("seed", "list the seeds at the top, as in seeds = [1, 2, 3]"),
    ("epochs", "write `epochs` in [budget]"),
    ("max-steps", "write `steps` in [budget]"),
    ("eval-every", "write `every-samples` in [evaluate]"),
    ("target-accuracy", "write `at-least` in [target]"),
    ("task-targets", "write lists of values in [target.tasks]"),
    ("record", RECORDED),
    ("steps-log", RECORDED),
    ("json", RECORDED),
    ("save-weights", "a study saves no weights"),
    (
        "init-weights",
        "the seed of a run determines its initial weights, or a [pretrain] table",
    ),
    ("profile", "the device determines the kernels"),
    ("adapter", GLOBAL),
    ("meter", GLOBAL),
    ("meter-unit", GLOBAL),
    ("assume-watts-per-core", GLOBAL),
    ("meter-seconds", GLOBAL),
];

const RECORDED: &str = "a study keeps a record of every run in its folder";
const GLOBAL: &str = "give it to the command that runs the study";

/// The keys of a regime's settings, in the order of the flags.
pub(super) fn keys() -> Vec<String> {
    let here = |key: &String| !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == key);
    Regime::keys()
        .into_iter()
        .map(|field| field.replace('_', "-"))
        .filter(here)
        .collect()
}

/// Where a key belongs that is unknown in its place.
fn elsewhere(key: &str) -> Option<String> {
    let section = match key {
        "metric" | "at-least" | "at-most" | "window" => "target",
        "every-samples" => "evaluate",
        "samples" | "steps" | "seconds" | "joules" => "budget",
        _ if keys().iter().any(|known| known == key) => {
            return Some(format!(
                "`{key}` is a setting of a regime: write it in [base], or its values in [axes]"
            ));
        }
        _ => {
            let plain = key.replace('_', "-");
            let (_, place) = ELSEWHERE.iter().find(|(flag, _)| *flag == plain)?;
            return Some(format!("`{key}` does not belong here: {place}"));
        }
    };
    Some(format!("`{key}` belongs in [{section}]"))
}

/// The sentence for an unknown key: where it belongs, or the nearest of the keys known in its place.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    elsewhere(key).unwrap_or_else(|| match nearest(key, known) {
        Some(near) => format!("unknown key `{key}`: did you mean `{near}`?"),
        None => format!("unknown key `{key}`: known are {}", known.join(", ")),
    })
}

/// The most similar of `known`, if any is similar.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let similarity = |known: &str| match strsim::osa_distance(key, known) {
        // Jaro-Winkler rates two exchanged letters of a short word, the most common slip, low.
        0 | 1 => 1.0,
        _ => strsim::jaro_winkler(key, known),
    };
    known
        .iter()
        .map(|known| (similarity(known), *known))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_a_regime_is_a_key_or_has_its_place() {
        let keys = keys();
        assert!(keys.iter().any(|key| key == "batch-size"));
        for field in Regime::keys() {
            let place = elsewhere(&field.replace('_', "-"));
            assert!(place.is_some(), "{field}");
        }
        assert!(elsewhere("lr").unwrap().contains("[base]"));
        assert!(elsewhere("seed").unwrap().contains("seeds"));
    }
}
