//! Tables of the file whose every part knows where it stands.

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Source, StudyFileError};

/// Similarity, by Jaro and Winkler, from which a key is taken for a slip of another.
const NEAR: f64 = 0.8;

/// A table, its entries in the order of the file.
pub(super) struct Table<'a> {
    source: Source<'a>,
    /// Where it begins, in bytes.
    pub at: usize,
    /// As a sentence names it: `[target]`.
    pub name: String,
    pub entries: Vec<Entry<'a>>,
}

/// A key with its value.
pub(super) struct Entry<'a> {
    pub key: &'a str,
    pub key_at: usize,
    pub item: Item<'a>,
}

/// A value.
#[derive(Clone)]
pub(super) struct Item<'a> {
    source: Source<'a>,
    /// Where it begins, in bytes.
    pub at: usize,
    /// As a sentence names it: `lr`.
    pub name: String,
    value: &'a DeValue<'a>,
}

type Outcome<T> = Result<T, StudyFileError>;

impl<'a> Table<'a> {
    pub fn new(source: Source<'a>, at: usize, name: String, table: &'a DeTable<'a>) -> Self {
        let mut entries: Vec<Entry<'a>> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref(),
                key_at: key.span().start,
                item: Item::new(source, format!("`{}`", key.get_ref()), value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_at);
        Self {
            source,
            at,
            name,
            entries,
        }
    }

    /// Refuses the first key that is not `known`; `elsewhere` says where others belong.
    pub fn only(&self, known: &[&str], elsewhere: impl Fn(&str) -> Option<String>) -> Outcome<()> {
        let unknown = self
            .entries
            .iter()
            .find(|entry| !known.contains(&entry.key));
        let Some(Entry { key, key_at, .. }) = unknown else {
            return Ok(());
        };
        let what = elsewhere(key).unwrap_or_else(|| {
            let name = &self.name;
            match nearest(key, known) {
                Some(near) => format!("unknown key `{key}` in {name}: the nearest is `{near}`"),
                None => format!(
                    "unknown key `{key}` in {name}: known are {}",
                    known.join(", ")
                ),
            }
        });
        Err(self.source.fault(*key_at, what))
    }

    pub fn get(&self, key: &str) -> Option<&Item<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(&entry.item)
    }

    /// The value of `key`; where there is none, `example` says what to add.
    pub fn need(&self, key: &str, example: &str) -> Outcome<&Item<'a>> {
        self.get(key).ok_or_else(|| {
            let what = format!("`{key}` is missing in {}: add {example}", self.name);
            self.source.fault(self.at, what)
        })
    }

    pub fn fault(&self, what: impl Into<String>) -> StudyFileError {
        self.source.fault(self.at, what)
    }
}

impl<'a> Item<'a> {
    fn new(source: Source<'a>, name: String, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            source,
            at: value.span().start,
            name,
            value: value.get_ref(),
        }
    }

    pub fn fault(&self, what: impl Into<String>) -> StudyFileError {
        self.source.fault(self.at, what)
    }

    /// What it is, in words.
    fn kind(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// Refuses it for not being `wanted`.
    fn not(&self, wanted: &str) -> StudyFileError {
        let (name, kind) = (&self.name, self.kind());
        self.fault(format!("{name} takes {wanted}, not {kind}"))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    pub fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub fn table(&self, wanted: &str) -> Outcome<Table<'a>> {
        match self.value {
            DeValue::Table(table) => {
                let name = self.name.trim_matches('`');
                let name = format!("[{name}]");
                Ok(Table::new(self.source, self.at, name, table))
            }
            _ => Err(self.not(wanted)),
        }
    }

    /// The values of a list that is not empty.
    pub fn list(&self, wanted: &str) -> Outcome<Vec<Item<'a>>> {
        let DeValue::Array(values) = self.value else {
            return Err(self.not(wanted));
        };
        if values.is_empty() {
            let what = format!("{} is an empty list: it takes {wanted}", self.name);
            return Err(self.fault(what));
        }
        let item = |value| Item::new(self.source, self.name.clone(), value);
        Ok(values.iter().map(item).collect())
    }

    pub fn text(&self, wanted: &str) -> Outcome<&'a str> {
        match self.value {
            DeValue::String(text) => Ok(text),
            _ => Err(self.not(wanted)),
        }
    }

    /// A whole number from `least` to `most`.
    pub fn whole(&self, least: u64, most: u64) -> Outcome<u64> {
        let range = match most {
            u64::MAX => format!("a whole number of at least {least}"),
            most => format!("a whole number from {least} to {most}"),
        };
        let DeValue::Integer(given) = self.value else {
            return Err(self.not(&range));
        };
        let number = u64::from_str_radix(given.as_str(), given.radix());
        match number {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(self.fault(format!("{} takes {range}, not {given}", self.name))),
        }
    }

    /// A finite number.
    pub fn number(&self) -> Outcome<f64> {
        match self.scalar()? {
            Value::Number(number) => Ok(number.as_f64().unwrap_or(f64::NAN)),
            _ => Err(self.not("a number")),
        }
    }

    /// A text, a finite number, or true or false.
    pub fn scalar(&self) -> Outcome<Value> {
        match self.value {
            DeValue::String(text) => Ok(Value::from(text.as_ref())),
            DeValue::Boolean(value) => Ok(Value::from(*value)),
            DeValue::Integer(given) => {
                let whole = i64::from_str_radix(given.as_str(), given.radix()).ok();
                whole.map(Value::from).ok_or_else(|| {
                    let what = format!("{} of {given} is too large a number", self.name);
                    self.fault(what)
                })
            }
            DeValue::Float(given) => {
                let number = given.as_str().parse().ok().and_then(Number::from_f64);
                number.map(Value::Number).ok_or_else(|| {
                    let given = given.as_str();
                    let what = format!("{} takes a finite number, not {given}", self.name);
                    self.fault(what)
                })
            }
            _ => Err(self.not("one value")),
        }
    }
}

/// Which of `known` is most like `key`, if any is much like it.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let alike = |known: &str| match strsim::osa_distance(key, known) {
        // Two letters exchanged in a short word are much to Jaro and Winkler, and the commonest slip.
        0 | 1 => 1.0,
        _ => strsim::jaro_winkler(key, known),
    };
    known
        .iter()
        .map(|known| (alike(known), *known))
        .filter(|(alike, _)| *alike >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
