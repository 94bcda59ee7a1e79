//! The first difference of two JSON values, in words.

use serde_json::Value;

/// The first place where two values differ, in the order of `there`, with both values: `base.lr is 0.1 there and 0.01
/// here`. The key `inner` is left out of the names of what it holds.
pub(crate) fn first(there: &Value, here: &Value, inner: &str) -> Option<String> {
    difference("", there, here, inner)
}

fn difference(at: &str, there: &Value, here: &Value, inner: &str) -> Option<String> {
    let name = |key: &str| match at {
        _ if at.is_empty() || at == inner => key.to_owned(),
        at => format!("{at}.{key}"),
    };
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => difference(&name(key), a, b, inner),
                (a, b) => Some(both(&name(key), a, b)),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| difference(&format!("{at}[{i}]"), a, b, inner))
        }
        (a, b) => (a != b).then(|| both(at, Some(a), Some(b))),
    }
}

fn both(at: &str, there: Option<&Value>, here: Option<&Value>) -> String {
    let [there, here] = [there, here].map(|value| value.map_or("absent".to_owned(), brief));
    format!("{at} is {there} there and {here} here")
}

/// A value short enough for a sentence.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match value {
        _ if text.chars().count() <= 40 => text,
        Value::Array(items) => format!("a list of {}", items.len()),
        _ => text.chars().take(37).chain("...".chars()).collect(),
    }
}
