//! amdgpu's `gpu_metrics`: a table of the card's firmware with one layout per revision, some with an energy counter.
//!
//! Layouts: the Linux kernel's `kgd_pp_interface.h`. Fields that a card does not fill hold the maximum of their type.

use std::path::PathBuf;

use super::super::{files, fn_sensor};
use super::gauge::{EXPECTED_UPDATE_INTERVAL, MAX_WATTS};
use crate::energy::counter;
use crate::energy::figure::RawUnit;
use crate::energy::sensor::{Sensor, SensorSpec, Unavailable};

/// The counter counts units of 2^-16 J, 15.259 uJ.
const PER_JOULE: u128 = 1 << 16;

/// The start of every table: its size and the two parts of its revision.
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

    /// Whether the table belongs to a processor with graphics.
    pub(super) fn is_apu(self) -> bool {
        matches!(self.format, 2 | 3)
    }

    /// Whether the table belongs to an accelerator whose power is that of its socket.
    pub(super) fn is_socket(self) -> bool {
        self.format == 1 && self.content >= 4
    }

    /// Offset of the counter in the table, and the smallest size of the table, in bytes.
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
                "revision {format}.{content} belongs to an APU and has no energy counter"
            )),
            _ => Err(format!(
                "the energy counter of revision {format}.{content} is unknown"
            )),
        }
    }
}

/// The counter in nanojoules.
fn nanojoules(table: &[u8]) -> Result<u64, String> {
    let header = Header::parse(table).ok_or("it has no header")?;
    let (at, least) = header.counter()?;
    if header.size < least || table.len() < header.size {
        return Err(format!(
            "revision {}.{} needs {least} bytes, but its header states {} and it has {}",
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
        .map_err(|_| format!("its energy counter reads {value}, more than a card can draw"))
}

/// The energy counter in the table of a card, if the revision of the table is known and its counter works.
pub(super) fn open(table: PathBuf) -> Result<Box<dyn Sensor>, Unavailable> {
    let spec = SensorSpec::energy(RawUnit::Nanojoule, MAX_WATTS, EXPECTED_UPDATE_INTERVAL);
    fn_sensor::open(&table.clone(), spec, move || {
        nanojoules(&files::bytes(&table)?)
            .map_err(|why| Unavailable::new(format!("{}: {why}", table.display())))
    })
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
    fn reads_the_counter_of_known_revisions() {
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
    fn rejects_unknown_and_damaged_tables() {
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
        assert!(refused(&table(1, 3, 120, 24, u64::MAX - 1)).contains("more than a card"));
        assert!(refused(&table(1, 3, 120, 24, 65_536)[..40]).contains("has 40"));
        assert!(refused(&table(1, 3, 40, 24, 65_536)).contains("states 40"));
        assert!(refused(&[1]).contains("no header"));
    }
}
