//! Choices about training, named by the long flags of `train` and judged by [`Regime`] itself: a field of it is a key
//! here without being named.

use serde_json::Value;

use super::table::nearest;
use crate::model::presets;
use crate::train::Regime;

/// Flags of `train` that a study decides in another place, or leaves to the command line.
const ELSEWHERE: &[(&str, &str)] = &[
    ("seed", "list the seeds at the top, as in seeds = [1, 2, 3]"),
    ("epochs", "write `epochs` in [budget]"),
    ("max-steps", "write `steps` in [budget]"),
    ("eval-every", "write `every-samples` in [evaluate]"),
    ("target-accuracy", "write `at-least` in [target]"),
    ("record", KEPT),
    ("steps-log", KEPT),
    ("json", KEPT),
    ("save-weights", "a study keeps no weights"),
    (
        "init-weights",
        "every run of a study begins with weights of its seed",
    ),
    ("profile", "kernels follow the device"),
    ("adapter", GLOBAL),
    ("meter", GLOBAL),
    ("meter-unit", GLOBAL),
    ("assume-watts-per-core", GLOBAL),
];

const KEPT: &str = "a study keeps a record of every run in its folder";
const GLOBAL: &str = "give it to the command that runs the study";

/// One choice and where in the file it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub key: String,
    pub value: Value,
    pub at: usize,
}

/// The keys, in the order of the flags.
pub(super) fn keys() -> Vec<String> {
    let held = |key: &String| !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == key);
    Regime::keys()
        .into_iter()
        .map(|field| field.replace('_', "-"))
        .filter(held)
        .collect()
}

/// Where a flag of `train` belongs that is none of [`keys`].
pub(super) fn elsewhere(key: &str) -> Option<String> {
    let plain = key.replace('_', "-");
    let (_, place) = ELSEWHERE.iter().find(|(flag, _)| *flag == plain)?;
    Some(format!("`{key}` is no choice of a regime: {place}"))
}

/// The value that `regime` has for `key`.
pub(super) fn value(regime: &Regime, key: &str) -> Value {
    let field = key.replace('-', "_");
    let chosen = regime
        .choices()
        .into_iter()
        .find(|(name, _)| *name == field);
    chosen.map_or(Value::Null, |(_, value)| value)
}

/// `regime` with `value` for `key`; otherwise in a sentence why it cannot be had.
pub(super) fn choose(regime: &Regime, key: &str, value: &Value) -> Result<Regime, String> {
    let regime = regime
        .with_choice(&key.replace('-', "_"), value.clone())
        .map_err(|error| reason(key, value, &error.to_string()))?;
    if key == "model" && !presets::NAMES.contains(&regime.model.as_str()) {
        return Err(none_of(key, value, presets::NAMES));
    }
    Ok(regime)
}

/// What serde says of a value, in the words of a study file.
fn reason(key: &str, value: &Value, message: &str) -> String {
    let expected = message
        .split_once(", expected ")
        .map(|(_, expected)| expected);
    let Some(expected) = expected else {
        return format!("`{key}` cannot be {value}: {message}");
    };
    if message.starts_with("unknown variant") {
        let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return none_of(key, value, &names);
    }
    let wanted = match expected {
        "f64" | "f32" => "a number",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of at least 0",
        "a boolean" => "true or false",
        "a string" | "string or map" => "text",
        other => other,
    };
    format!("`{key}` takes {wanted}, not {value}")
}

fn none_of(key: &str, value: &Value, names: &[&str]) -> String {
    let near = value.as_str().and_then(|given| nearest(given, names));
    let near = near.map_or_else(String::new, |near| format!("; the nearest is {near}"));
    format!("`{key}` takes {}, not {value}{near}", names.join(", "))
}

/// The first of `settings` without which `judge` finds no fault with `regime`.
pub(super) fn cause<'s>(
    settings: impl IntoIterator<Item = &'s Setting>,
    regime: &Regime,
    judge: impl Fn(&Regime) -> bool,
) -> Option<usize> {
    let usual = Regime::default();
    settings
        .into_iter()
        .find(|setting| {
            let key = &setting.key;
            choose(regime, key, &value(&usual, key)).is_ok_and(|other| judge(&other))
        })
        .map(|setting| setting.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_a_regime_is_a_key_or_has_its_place() {
        let keys = keys();
        assert!(keys.iter().any(|key| key == "batch-size"));
        for field in Regime::keys() {
            let key = field.replace('_', "-");
            assert!(keys.contains(&key) != elsewhere(&key).is_some(), "{key}");
        }
    }

    #[test]
    fn a_choice_is_read_as_a_record_reads_it() {
        let base = Regime::default();
        let regime = choose(&base, "batch-size", &Value::from(32)).unwrap();
        assert_eq!(regime.batch_size, 32);
        let regime = choose(&base, "lr", &Value::from(1)).unwrap();
        assert_eq!(value(&regime, "lr"), Value::from(1.0));
    }
}
