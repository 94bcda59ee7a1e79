//! Deserializes the values of a study file. A mistake becomes one sentence that names the key, with its place.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::keys::{nearest, unknown_key};

/// A value and the byte of the file where it begins.
#[derive(Clone, Deserialize)]
pub(super) struct At<T> {
    pub at: usize,
    pub value: T,
}

/// A mistake. It gets its place and sentence from the innermost value that contains it.
#[derive(Debug)]
pub(super) struct Mistake {
    pub at: Option<usize>,
    what: What,
}

#[derive(Debug)]
enum What {
    Sentence(String),
    /// The values that the key takes.
    Expected(String),
    OneOf(&'static [&'static str]),
}

impl Mistake {
    fn new(what: What) -> Self {
        Self { at: None, what }
    }

    pub(super) fn sentence(self) -> String {
        match self.what {
            What::Sentence(sentence) | What::Expected(sentence) => sentence,
            What::OneOf(names) => names.join(", "),
        }
    }

    fn in_item(mut self, item: &Item<'_>) -> Self {
        let key = item.key;
        self.at = self.at.or(Some(item.at));
        self.what = What::Sentence(match self.what {
            What::Sentence(sentence) => sentence,
            What::Expected(expected) => format!("`{key}` takes {expected}, not {}", item.raw),
            What::OneOf(names) => {
                let near = item.raw.text().and_then(|given| nearest(given, names));
                let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                format!("`{key}` takes {}, not {}{near}", names.join(", "), item.raw)
            }
        });
        self
    }
}

impl Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(What::Sentence(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self::new(What::Expected(match expected.as_str() {
            "f64" => "a number".to_owned(),
            "u32" => format!("a whole number from 0 to {}", u32::MAX),
            "u64" => "a whole number of at least 0".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "a string" => "text".to_owned(),
            "a sequence" => "a list".to_owned(),
            "any valid JSON value" => "one value".to_owned(),
            _ => expected,
        }))
    }

    fn invalid_value(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(given, expected)
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::custom(unknown_key(key, known))
    }

    fn missing_field(key: &'static str) -> Self {
        let key = key.replace('_', "-");
        let example = match key.as_str() {
            "name" => "name = \"my-study\"",
            "seeds" => "seeds = [1, 2, 3]",
            "target" => "[target] with metric, at-least and window",
            "evaluate" => "[evaluate] with every-samples = 6000",
            "budget" => "[budget] with samples = 600000",
            "metric" => "metric = \"accuracy\"",
            "window" => "the samples whose evaluations are averaged, as in window = 12000",
            "every-samples" => "every-samples = 6000",
            "from" => "the first value, as in from = 0.01",
            "to" => "the last value, as in to = 0.1",
            "steps" => "the number of values, as in steps = 4",
            _ => "it",
        };
        Self::custom(format!("`{key}` is missing: add {example}"))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Mistake {}

/// A value of the file, or one that replaces it, with its key.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    key: &'a str,
    at: usize,
    raw: Raw<'a>,
}

#[derive(Clone, Copy)]
enum Raw<'a> {
    Key(&'a str),
    Toml(&'a DeValue<'a>),
    Table(&'a DeTable<'a>),
    Json(&'a Value),
}

impl<'a> Item<'a> {
    /// The whole file.
    pub(super) fn file(table: &'a DeTable<'a>) -> Self {
        let raw = Raw::Table(table);
        Self {
            key: "",
            at: 0,
            raw,
        }
    }

    pub(super) fn json(key: &'a str, value: &'a Value) -> Self {
        let raw = Raw::Json(value);
        Self { key, at: 0, raw }
    }

    fn name(key: &'a Spanned<DeString<'a>>) -> Self {
        let (key, at) = (key.get_ref().as_ref(), key.span().start);
        let raw = Raw::Key(key);
        Self { key, at, raw }
    }

    fn toml(key: &'a str, value: &'a Spanned<DeValue<'a>>) -> Self {
        let raw = match value.get_ref() {
            DeValue::Table(table) => Raw::Table(table),
            value => Raw::Toml(value),
        };
        let at = value.span().start;
        Self { key, at, raw }
    }
}

impl Raw<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Toml(DeValue::String(text)) => Some(text),
            Self::Json(value) => value.as_str(),
            _ => None,
        }
    }
}

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(text) => write!(f, "{text:?}"),
            Self::Json(value) => write!(f, "{value}"),
            Self::Toml(DeValue::String(text)) => write!(f, "{text:?}"),
            Self::Toml(DeValue::Integer(number)) => write!(f, "{number}"),
            Self::Toml(DeValue::Float(number)) => write!(f, "{number}"),
            Self::Toml(DeValue::Boolean(value)) => write!(f, "{value}"),
            Self::Toml(DeValue::Datetime(_)) => f.write_str("a date or time"),
            Self::Toml(DeValue::Array(_)) => f.write_str("a list"),
            Self::Toml(DeValue::Table(_)) | Self::Table(_) => f.write_str("a table"),
        }
    }
}

impl<'de> Deserializer<'de> for Item<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let key = self.key;
        let visited = match self.raw {
            Raw::Key(text) => visitor.visit_borrowed_str(text),
            Raw::Toml(DeValue::String(text)) => visitor.visit_borrowed_str(text),
            Raw::Toml(DeValue::Boolean(value)) => visitor.visit_bool(*value),
            Raw::Toml(DeValue::Integer(given)) => {
                match i64::from_str_radix(given.as_str(), given.radix()) {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => Err(Mistake::custom(format!("`{key}` is too large: {given}"))),
                }
            }
            Raw::Toml(DeValue::Float(given)) => match given.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => visitor.visit_f64(number),
                _ => Err(Mistake::new(What::Expected("a finite number".into()))),
            },
            Raw::Toml(DeValue::Array(values)) => {
                let values = values.iter().map(|value| Item::toml(key, value));
                visitor.visit_seq(SeqDeserializer::new(values))
            }
            Raw::Table(table) | Raw::Toml(DeValue::Table(table)) => {
                let mut entries: Vec<_> = table.iter().collect();
                entries.sort_by_key(|(key, _)| key.span().start);
                let entries = entries.into_iter();
                visitor.visit_map(MapDeserializer::new(
                    entries.map(|(key, value)| (Item::name(key), Item::toml(key.get_ref(), value))),
                ))
            }
            Raw::Json(Value::Array(values)) => {
                let values = values.iter().map(|value| Item::json(key, value));
                visitor.visit_seq(SeqDeserializer::new(values))
            }
            Raw::Json(Value::String(text)) => visitor.visit_borrowed_str(text),
            Raw::Json(Value::Bool(value)) => visitor.visit_bool(*value),
            Raw::Json(Value::Number(given)) => match (given.as_i64(), given.as_f64()) {
                (Some(number), _) => visitor.visit_i64(number),
                (None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            _ => Err(Mistake::invalid_type(Unexpected::Unit, &visitor)),
        };
        visited.map_err(|mistake| mistake.in_item(&self))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.raw {
            Raw::Json(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self.raw.text().filter(|given| names.contains(given)) {
            Some(given) => visitor.visit_enum(StrDeserializer::new(given)),
            None => Err(Mistake::new(What::OneOf(names)).in_item(&self)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match name {
            "At" => visitor.visit_seq(Fields {
                item: self,
                next: 0,
            }),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for Item<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The fields of an [`At`].
struct Fields<'a> {
    item: Item<'a>,
    next: u8,
}

impl<'de> SeqAccess<'de> for Fields<'de> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mistake> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.item.at.into_deserializer()).map(Some),
            2 => seed.deserialize(self.item).map(Some),
            _ => Ok(None),
        }
    }
}
