//! The columns of a JSON object.

use serde_json::Value;

/// Calls `each` with the path and the text of every number and string; elements of arrays are numbered.
pub fn walk(value: &Value, path: String, each: &mut dyn FnMut(String, String)) {
    let below = |key: &str| match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}.{key}"),
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| walk(value, below(key), each)),
        Value::Array(items) => items
            .iter()
            .take(16)
            .enumerate()
            .for_each(|(at, value)| walk(value, below(&at.to_string()), each)),
        Value::Number(number) => each(path, number.to_string()),
        Value::String(text) => each(path, text.clone()),
        Value::Null | Value::Bool(_) => {}
    }
}
