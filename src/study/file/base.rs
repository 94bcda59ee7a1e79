//! `[base]`: what all cells have in common.

use super::choices::{self, Setting};
use super::error::{Source, StudyFileError};
use super::table::Table;
use crate::train::Regime;

/// The common choices.
pub(super) struct Base<'a> {
    pub source: Source<'a>,
    /// Defaults with the choices made.
    pub regime: Regime,
    /// The choices that the file makes.
    pub settings: Vec<Setting>,
}

impl<'a> Base<'a> {
    pub fn read(source: Source<'a>, table: Option<Table<'_>>) -> Result<Self, StudyFileError> {
        let mut base = Self {
            source,
            regime: Regime::default(),
            settings: Vec::new(),
        };
        let Some(table) = table else {
            return Ok(base);
        };
        let keys = choices::keys();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        table.only(&keys, choices::elsewhere)?;
        for entry in &table.entries {
            if entry.item.is_list() || entry.item.is_table() {
                let what = format!(
                    "`{}` in [base] takes one value: several belong in [axes]",
                    entry.key
                );
                return Err(entry.item.fault(what));
            }
            let value = entry.item.scalar()?;
            base.regime = choices::choose(&base.regime, entry.key, &value)
                .map_err(|what| entry.item.fault(what))?;
            base.settings.push(Setting {
                key: entry.key.to_owned(),
                value: choices::value(&base.regime, entry.key),
                at: entry.item.at,
            });
        }
        Ok(base)
    }

    /// The line in which `key` is chosen.
    pub fn line_of(&self, key: &str) -> Option<usize> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        Some(self.source.line(setting.at))
    }
}
