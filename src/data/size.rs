//! Sizes in bytes, as a user writes them.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A size such as `64MB`, `1.5GiB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

/// A size that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid size {given:?}: give a number of bytes above 0 with a unit, such as 64MB, 512MiB or 2GB"
)]
pub struct ByteSizeError {
    /// The text.
    pub given: String,
}

/// Units, the longest first.
const UNITS: [(&str, f64); 8] = [
    ("KIB", 1024.0),
    ("MIB", 1_048_576.0),
    ("GIB", 1_073_741_824.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("B", 1.0),
    ("", 1.0),
];

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(given: &str) -> Result<ByteSize, ByteSizeError> {
        let text = given.trim().to_ascii_uppercase();
        let unit = UNITS
            .iter()
            .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
        let number =
            unit.and_then(|(number, bytes)| Some(number.trim().parse::<f64>().ok()? * bytes));
        match number {
            Some(bytes) if (1.0..=1e18).contains(&bytes) => Ok(ByteSize(bytes as u64)),
            _ => Err(ByteSizeError {
                given: given.to_owned(),
            }),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
        let (unit, bytes) = units
            .into_iter()
            .find(|(_, bytes)| self.0.is_multiple_of(*bytes))
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = ByteSizeError;

    fn try_from(text: String) -> Result<ByteSize, ByteSizeError> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, shown) in [
            ("64MB", 64_000_000, "64MB"),
            ("1.5 GiB", 1_610_612_736, "1610612736B"),
            ("2kb", 2000, "2kB"),
            ("4096", 4096, "4096B"),
            ("2000MB", 2_000_000_000, "2GB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown));
            assert_eq!(shown.parse(), Ok(size));
        }
        for text in ["", "MB", "-1MB", "0", "nan", "1e300GB", "6 4MB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
