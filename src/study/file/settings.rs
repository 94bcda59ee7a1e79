//! Settings of a regime in a study file. Their keys are the long flags of `train`, and their values are read as those of a
//! record: a new field of [`Regime`] is a key here without further code.

use serde::Deserialize as _;
use serde::de::value::MapDeserializer;
use serde_json::Value;

use super::de::{At, Item};
use super::error::{Source, StudyFileError};
use super::format::Entries;
use super::keys::{keys, nearest, unknown_key};
use crate::model::{network_file, presets};
use crate::train::Regime;

/// A value of a key, and its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub key: String,
    pub value: Value,
    pub at: usize,
}

/// `[base]`: the settings that all cells share.
pub(super) struct Base<'a> {
    pub source: Source<'a>,
    /// The default with these settings.
    pub regime: Regime,
    pub settings: Vec<Setting>,
}

impl<'a> Base<'a> {
    pub fn new(source: Source<'a>, table: Entries<Value>) -> Result<Self, StudyFileError> {
        let mut base = Self {
            source,
            regime: Regime::default(),
            settings: Vec::new(),
        };
        check_keys(source, &table)?;
        for (key, value) in table.0 {
            // Some settings are lists.
            let list =
                value.value.is_array() && choose(&base.regime, &key.value, &value.value).is_err();
            if list || value.value.is_object() {
                let what = format!(
                    "`{}` in [base] takes one value: several belong in [axes]",
                    key.value
                );
                return Err(source.error(value.at, what));
            }
            let setting = base.setting(&key.value, &value)?;
            base.regime = choose(&base.regime, &setting.key, &setting.value)
                .map_err(|what| source.error(setting.at, what))?;
            base.settings.push(setting);
        }
        Ok(base)
    }

    /// A value as the regime understands it.
    pub fn setting(&self, key: &str, value: &At<Value>) -> Result<Setting, StudyFileError> {
        let At { at, value } = value;
        let regime =
            choose(&self.regime, key, value).map_err(|what| self.source.error(*at, what))?;
        Ok(Setting {
            key: key.to_owned(),
            value: self::value(&regime, key),
            at: *at,
        })
    }

    /// The line in which [base] sets `key`.
    pub fn line_of(&self, key: &str) -> Option<usize> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        Some(self.source.line(setting.at))
    }
}

/// Refuses the first key that is not a setting of a regime.
pub(super) fn check_keys<T>(source: Source<'_>, table: &Entries<T>) -> Result<(), StudyFileError> {
    let keys = keys();
    let known: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut entries = table.0.iter().map(|(key, _)| key);
    match entries.find(|key| !known.contains(&key.value.as_str())) {
        Some(key) => Err(source.error(key.at, unknown_key(&key.value, &known))),
        None => Ok(()),
    }
}

/// The value that `regime` has for `key`.
pub(super) fn value(regime: &Regime, key: &str) -> Value {
    let field = key.replace('-', "_");
    // What a record leaves out, being a default that changes nothing, is still the value of an axis.
    let choices = regime.choices().into_iter().chain(regime.set_choices());
    let chosen = choices
        .into_iter()
        .find(|(name, value)| *name == field && !value.is_null());
    chosen.map_or(Value::Null, |(_, value)| value)
}

/// `regime` with `value` for `key`, or why it cannot have this value.
pub(super) fn choose(regime: &Regime, key: &str, value: &Value) -> Result<Regime, String> {
    let field = key.replace('-', "_");
    let mut choices = regime.set_choices();
    choices.retain(|(name, _)| *name != field);
    let others = choices.iter().map(|(name, value)| (name.as_str(), value));
    let all = others.map(|(name, value)| (name, Item::json(name, value)));
    let all = all.chain([(field.as_str(), Item::json(key, value))]);
    let regime =
        Regime::deserialize(MapDeserializer::new(all)).map_err(|mistake| mistake.sentence())?;
    let named = presets::NAMES.contains(&regime.model.as_str());
    if key == "model" && !named && !network_file::is_file(&regime.model) {
        let near = nearest(&regime.model, presets::NAMES);
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let names = presets::NAMES.join(", ");
        return Err(format!(
            "`model` takes {names} or a network file (.toml), not {value}{near}"
        ));
    }
    Ok(regime)
}

/// The place of the first of `settings` without which `regime` passes `check`.
pub(super) fn cause<'s>(
    settings: impl IntoIterator<Item = &'s Setting>,
    regime: &Regime,
    check: impl Fn(&Regime) -> bool,
) -> Option<usize> {
    let usual = Regime::default();
    let mut settings = settings.into_iter();
    let cause = settings.find(|setting| {
        let key = &setting.key;
        choose(regime, key, &value(&usual, key)).is_ok_and(|other| check(&other))
    });
    cause.map(|setting| setting.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_a_record_reads_it() {
        let base = Regime::default();
        let regime = choose(&base, "batch-size", &Value::from(32)).unwrap();
        assert_eq!(regime.batch_size, 32);
        let regime = choose(&base, "lr", &Value::from(1)).unwrap();
        assert_eq!(value(&regime, "lr"), Value::from(1.0));
    }
}
