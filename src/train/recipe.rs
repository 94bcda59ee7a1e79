//! A regime as keys and values, and in words.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::regime::Regime;

impl Regime {
    /// Every choice under its key in a record, as JSON, in the order of the fields: every hyperparameter of the optimizer
    /// with its value, those of other optimizers left out.
    pub fn choices(&self) -> Vec<(String, Value)> {
        let resolved = self.resolved();
        fields(resolved.as_ref().unwrap_or(self))
    }

    /// The keys of all choices, those of every optimizer among them, in the order of the fields.
    pub(crate) fn keys() -> Vec<String> {
        let fields = fields(&Self::with_everything());
        fields.into_iter().map(|(key, _)| key).collect()
    }

    /// The choices that are set: a hyperparameter left to the optimizer's default is absent or null.
    pub(crate) fn set_choices(&self) -> Vec<(String, Value)> {
        fields(self)
    }

    /// This regime without its seed and those hyperparameters that a program is given only when it runs: regimes that are
    /// then equal run the same kernels over the same memory.
    pub(crate) fn program_key(&self) -> Self {
        let form = |regime: &Self| regime.update_rule().map(|rule| rule.form());
        let wanted = form(self);
        let mut key = Self {
            seed: 0,
            // These choose weights.
            init: None,
            only: None,
            new_head: None,
            ..self.clone()
        };
        let reset: [fn(&mut Self); 9] = [
            |regime| regime.lr = None,
            |regime| regime.nesterov = None,
            |regime| regime.momentum = None,
            |regime| regime.weight_decay = None,
            |regime| regime.dampening = None,
            |regime| regime.beta1 = None,
            |regime| regime.beta2 = None,
            |regime| regime.alpha = None,
            |regime| regime.eps = None,
        ];
        for reset in reset {
            let mut fewer = key.clone();
            reset(&mut fewer);
            if form(&fewer) == wanted {
                key = fewer;
            }
        }
        key
    }

    /// What the run learns with, beside network and data, in words: `batch size 64, optimizer sgd, lr 0.05, ...`. A
    /// choice that is seldom made is named only where it differs from the default.
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
            "task_targets",
        ];
        const ALWAYS: &[&str] = &["batch_size", "optimizer", "lr", "momentum", "seed"];
        let defaults = Self {
            optimizer: self.optimizer,
            ..Self::default()
        };
        let defaults = defaults.choices();
        let shown = |(key, value): &(String, Value)| {
            let name = key.as_str();
            !ELSEWHERE.contains(&name)
                && !leaves_out(name)
                && (ALWAYS.contains(&name) || !defaults.contains(&(key.clone(), value.clone())))
        };
        let words = self
            .choices()
            .into_iter()
            .filter(shown)
            .map(|(key, value)| {
                let words = key.replace('_', " ");
                match value {
                    Value::Bool(true) => words,
                    Value::Bool(false) => format!("no {words}"),
                    Value::String(text) => format!("{words} {text}"),
                    value => format!("{words} {value}"),
                }
            });
        words.collect::<Vec<_>>().join(", ")
    }
}

fn fields(regime: &Regime) -> Vec<(String, Value)> {
    serde_json::to_string(regime)
        .and_then(|text| serde_json::from_str(&text))
        .map_or_else(|_| Vec::new(), |Fields(fields)| fields)
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

    #[test]
    fn programs_differ_by_the_state_that_the_optimizer_keeps() {
        let regime = |lr, momentum| Regime {
            lr: Some(lr),
            momentum: Some(momentum),
            ..Regime::default()
        };
        let same = |a: Regime, b: Regime| a.program_key() == b.program_key();
        assert!(same(regime(0.1, 0.9), regime(0.2, 0.5)));
        assert!(same(regime(0.1, 0.0), regime(0.2, 0.0)));
        assert!(!same(regime(0.1, 0.9), regime(0.1, 0.0)));
    }
    use crate::program::Order;

    #[test]
    fn recipe_names_choices_that_differ_from_the_defaults() {
        let usual = Regime::default().recipe();
        assert_eq!(
            usual,
            "batch size 64, optimizer sgd, lr 0.05, momentum 0.9, seed 0"
        );
        let regime = Regime {
            nesterov: Some(true),
            weight_decay: Some(0.0005),
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
