//! A regime as keys and values, and in words.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::regime::Regime;

impl Regime {
    /// Every choice under its key in a record, as JSON, in the order of the fields.
    pub fn choices(&self) -> Vec<(String, Value)> {
        serde_json::to_string(self)
            .and_then(|text| serde_json::from_str(&text))
            .map_or_else(|_| Vec::new(), |Fields(fields)| fields)
    }

    /// What the run learns with, beside network and data, in words: `batch size 64, optimizer sgd, lr 0.05, ...`. A
    /// choice that is seldom made is named only where it was.
    pub fn recipe(&self) -> String {
        self.recipe_without(|_| false)
    }

    /// The same without the choices whose key in a record `leaves_out`.
    pub(crate) fn recipe_without(&self, leaves_out: impl Fn(&str) -> bool) -> String {
        const ELSEWHERE: &[&str] = &[
            "model",
            "data",
            "eval_batch_size",
            "epochs",
            "max_steps",
            "eval_every",
            "target_accuracy",
        ];
        const ALWAYS: &[&str] = &["batch_size", "optimizer", "lr", "momentum", "seed"];
        let usual = Self::default().choices();
        let told: Vec<String> = self
            .choices()
            .into_iter()
            .zip(usual)
            .filter(|((key, value), (_, usual))| {
                let key = key.as_str();
                !ELSEWHERE.contains(&key)
                    && !leaves_out(key)
                    && (ALWAYS.contains(&key) || value != usual)
            })
            .map(|((key, value), _)| {
                let words = key.replace('_', " ");
                match value {
                    Value::Bool(true) => words,
                    Value::Bool(false) => format!("no {words}"),
                    Value::String(text) => format!("{words} {text}"),
                    value => format!("{words} {value}"),
                }
            })
            .collect();
        told.join(", ")
    }
}

/// Keys and values in the order in which they were written; a JSON map would sort them.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = map.next_entry()? {
            fields.push(entry);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Order;

    #[test]
    fn a_recipe_names_what_was_chosen() {
        let usual = Regime::default().recipe();
        assert_eq!(
            usual,
            "batch size 64, optimizer sgd, lr 0.05, momentum 0.9, seed 0"
        );
        let regime = Regime {
            nesterov: true,
            weight_decay: 0.0005,
            order: Order::Sequential,
            model: "cnn".into(),
            epochs: Some(3),
            ..Regime::default()
        };
        assert_eq!(
            regime.recipe(),
            "batch size 64, optimizer sgd, lr 0.05, momentum 0.9, weight decay 0.0005, nesterov, seed 0, order sequential"
        );
    }
}
