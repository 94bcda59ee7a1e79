use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::train::RegimeError;

/// An empty list of names, as a value of an axis.
const NONE: &str = "none";

/// Names or patterns, such as `conv*` and `layer1.*`. Their text is joined by `+`, and is `none` if there are none; commas
/// separate them too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of<'t>(parts: impl Iterator<Item = &'t str>) -> Self {
        let parts = parts.flat_map(|part| part.split([',', '+']));
        let parts = parts.map(str::trim);
        let parts = parts.filter(|part| !part.is_empty() && *part != NONE);
        Self(parts.map(str::to_owned).collect())
    }
}

impl FromStr for Names {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::of([text].into_iter()))
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_empty() {
            true => f.pad(NONE),
            false => f.pad(&self.0.join("+")),
        }
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = from.deserialize_any(Texts)?;
        Ok(Self::of(texts.iter().map(String::as_str)))
    }
}

/// Numbers, whose text is joined by `+`; commas separate them too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers(pub Vec<f64>);

impl FromStr for Numbers {
    type Err = RegimeError;

    fn from_str(text: &str) -> Result<Self, RegimeError> {
        let wrong = || RegimeError::Numbers {
            given: text.to_owned(),
        };
        let number = |part: &str| {
            let number = part.trim().parse::<f64>().ok();
            number.filter(|number| number.is_finite()).ok_or_else(wrong)
        };
        let parts = text.split([',', '+']);
        Ok(Self(parts.map(number).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(f64::to_string).collect();
        f.pad(&parts.join("+"))
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = from.deserialize_any(Texts)?.join("+");
        match text.is_empty() {
            true => Ok(Self::default()),
            false => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// Classes by their numbers, such as `0-4` and `0,3,5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSet(Vec<usize>);

impl ClassSet {
    /// The classes, in the order in which they are numbered anew.
    pub fn classes(&self) -> &[usize] {
        &self.0
    }
}

impl FromStr for ClassSet {
    type Err = RegimeError;

    fn from_str(text: &str) -> Result<Self, RegimeError> {
        let wrong = || RegimeError::Classes {
            given: text.to_owned(),
        };
        // Far more than any data set has; a longer range is a slip.
        const MOST: usize = 65_536;
        let number = |text: &str| {
            let found = text.trim().parse::<usize>().ok();
            found.filter(|class| *class < MOST).ok_or_else(wrong)
        };
        let mut classes = Vec::new();
        for part in text.split([',', '+']) {
            match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last {
                        return Err(wrong());
                    }
                    classes.extend(first..=last);
                }
                None => classes.push(number(part)?),
            }
        }
        Ok(Self(classes))
    }
}

impl fmt::Display for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        let mut rest = &self.0[..];
        while let Some(first) = rest.first() {
            let run = rest.iter().zip(*first..).take_while(|(a, b)| *a == b);
            let run = run.count();
            parts.push(match run {
                1 => first.to_string(),
                _ => format!("{first}-{}", first + run - 1),
            });
            rest = &rest[run..];
        }
        f.pad(&parts.join("+"))
    }
}

impl Serialize for ClassSet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClassSet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = from.deserialize_any(Texts)?.join("+");
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Texts separated by commas, or a list of texts or whole numbers.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of texts")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(Names::of([text].into_iter()).0)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Vec<String>, E> {
        Ok(vec![number.to_string()])
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Vec<String>, E> {
        Ok(vec![number.to_string()])
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Vec<String>, E> {
        Ok(vec![number.to_string()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(OneText(text)) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

struct OneText(String);

impl<'de> Deserialize<'de> for OneText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(from.deserialize_any(Texts)?.join("+")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_from_texts_and_lists() {
        let names = |json: &str| serde_json::from_str::<Names>(json).unwrap();
        let both = names(r#""conv*, layer1.*""#);
        assert_eq!(both.iter().collect::<Vec<_>>(), ["conv*", "layer1.*"]);
        assert_eq!(both.to_string(), "conv*+layer1.*");
        assert_eq!(names(r#"["conv*", "layer1.*"]"#), both);
        assert_eq!(names(r#""conv*+layer1.*""#), both);
        let numbers: Numbers = serde_json::from_str("[0.85, 1]").unwrap();
        assert_eq!(
            (numbers.to_string().as_str(), &numbers.0[..]),
            ("0.85+1", &[0.85, 1.0][..])
        );
        assert!("0.5,x".parse::<Numbers>().is_err() && "inf".parse::<Numbers>().is_err());
        assert_eq!(names("[]").to_string(), "none");
        assert!(names(r#""none""#).is_empty());
        assert!(names(r#""""#).is_empty() && names("[]").is_empty());
    }

    #[test]
    fn classes_are_numbers_and_ranges() {
        let set = |text: &str| text.parse::<ClassSet>();
        assert_eq!(set("0-4").unwrap().classes(), [0, 1, 2, 3, 4]);
        assert_eq!(set("0,3, 5").unwrap().classes(), [0, 3, 5]);
        for text in ["0-4", "0+3+5-7", "9+2"] {
            assert_eq!(set(text).unwrap().to_string(), text);
        }
        let list: ClassSet = serde_json::from_str("[5, 6, 7]").unwrap();
        assert_eq!(list.to_string(), "5-7");
        for wrong in ["", "a", "4-0", "1,", "-1", "0-999999999999"] {
            let error = set(wrong).unwrap_err().to_string();
            assert!(error.contains("0-4 or 0,3,5"), "{wrong}: {error}");
        }
    }
}
