//! amdgpu's `gpu_metrics`: a table of the card's firmware, one layout per revision, that may hold an energy counter.
//!
//! Layouts: the Linux kernel's `kgd_pp_interface.h`. Fields that a card does not fill hold their type's maximum.

use std::path::{Path, PathBuf};

use super::super::files;
use crate::energy::counter;
use crate::energy::figure::RawUnit;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// The counter is in units of 2^-16 J, 15.259 uJ.
const PER_JOULE: u128 = 1 << 16;

/// What begins every table: its size, and the two parts of its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    size: usize,
    pub format: u8,
    pub content: u8,
}

impl Header {
    pub(super) fn parse(table: &[u8]) -> Option<Self> {
        let &[low, high, format, content, ..] = table else {
            return None;
        };
        Some(Self {
            size: usize::from(u16::from_le_bytes([low, high])),
            format,
            content,
        })
    }

    /// Whether the table is one of a processor with graphics in it.
    pub(super) fn is_apu(self) -> bool {
        matches!(self.format, 2 | 3)
    }

    /// Whether the table is one of an accelerator whose power is that of its socket.
    pub(super) fn is_socket(self) -> bool {
        self.format == 1 && self.content >= 4
    }

    /// Where the counter lies in the table, and how long the table is at least.
    fn counter(self) -> Result<(usize, usize), String> {
        let Self {
            format, content, ..
        } = self;
        match (format, content) {
            (1, 1) => Ok((24, 96)),
            (1, 2) => Ok((24, 104)),
            (1, 3) => Ok((24, 120)),
            (1, 4) => Ok((24, 32)),
            (1, 5 | 6) => Ok((88, 96)),
            (2 | 3, _) => Err(format!(
                "revision {format}.{content} is that of a processor with graphics, which holds no energy counter"
            )),
            _ => Err(format!(
                "revision {format}.{content} is not one whose energy counter is known"
            )),
        }
    }
}

/// The counter in nanojoules.
fn nanojoules(table: &[u8]) -> Result<u64, String> {
    let header = Header::parse(table).ok_or("it holds no header")?;
    let (at, least) = header.counter()?;
    if header.size < least || table.len() < header.size {
        return Err(format!(
            "revision {}.{} takes {least} bytes, and it says {} and holds {}",
            header.format,
            header.content,
            header.size,
            table.len()
        ));
    }
    let field = table
        .get(at..at + 8)
        .and_then(|field| field.try_into().ok());
    let value = u64::from_le_bytes(field.ok_or("it ends before its energy counter")?);
    counter::supported(value, None)?;
    u64::try_from(u128::from(value) * 1_000_000_000 / PER_JOULE)
        .map_err(|_| format!("its energy counter reads {value}, more than any card has drawn"))
}

/// The energy counter in a card's table.
pub(super) struct Accumulator {
    path: PathBuf,
    spec: SensorSpec,
}

impl Accumulator {
    /// Opens it, where the table's revision is known and its counter counts.
    pub(super) fn open(path: &Path, max_watts: f64, tick: f64) -> Result<Self, Unavailable> {
        let accumulator = Self {
            path: path.to_owned(),
            spec: SensorSpec::energy(RawUnit::Nanojoule, max_watts, tick),
        };
        accumulator.read().map(|_| accumulator)
    }
}

impl Sensor for Accumulator {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        nanojoules(&files::bytes(&self.path)?)
            .map_err(|why| Unavailable::new(format!("{}: {why}", self.path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(format: u8, content: u8, size: u16, at: usize, value: u64) -> Vec<u8> {
        let mut table = vec![0xff; usize::from(size)];
        table[..2].copy_from_slice(&size.to_le_bytes());
        table[2..4].copy_from_slice(&[format, content]);
        table[at..at + 8].copy_from_slice(&value.to_le_bytes());
        table
    }

    #[test]
    fn known_revisions_give_their_counter() {
        // 65536 units are a joule.
        for (content, size, at) in [
            (1, 96, 24),
            (2, 104, 24),
            (3, 120, 24),
            (4, 300, 24),
            (5, 300, 88),
            (6, 300, 88),
        ] {
            let table = table(1, content, size, at, 3 * 65_536 + 32_768);
            assert_eq!(nanojoules(&table), Ok(3_500_000_000), "1.{content}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (format, content, said) in [
            (1, 0, "1.0"),
            (1, 9, "1.9"),
            (2, 3, "2.3"),
            (3, 0, "3.0"),
            (9, 1, "9.1"),
        ] {
            let why = nanojoules(&table(format, content, 120, 24, 65_536)).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        let refused = |table: &[u8]| nanojoules(table).unwrap_err();
        assert!(refused(&table(1, 3, 120, 24, 0)).contains("reads 0"));
        assert!(refused(&table(1, 3, 120, 24, u64::MAX)).contains("maximum"));
        assert!(refused(&table(1, 3, 120, 24, u64::MAX - 1)).contains("more than any card"));
        assert!(refused(&table(1, 3, 120, 24, 65_536)[..40]).contains("holds 40"));
        assert!(refused(&table(1, 3, 40, 24, 65_536)).contains("says 40"));
        assert!(refused(&[1]).contains("no header"));
    }
}
