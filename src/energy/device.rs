//! The device whose energy is metered, as plain data, and the PCI address that pairs it with a card.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::figure::{Covers, Scope};

/// The kind of a metered device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A graphics card.
    Discrete,
    /// A GPU in the processor's package.
    Integrated,
    /// The processor itself, under a software driver.
    Cpu,
    /// Anything else, such as a virtual GPU.
    Other,
}

/// The device whose energy is metered.
///
/// ```
/// use wattgrad::{DeviceKind, Meter, MeterOptions, MeteredDevice};
///
/// let card = MeteredDevice {
///     pci_id: Some("0000:01:00.0".into()),
///     kind: DeviceKind::Discrete,
///     name: "the first card".into(),
/// };
/// // A report for every source, whether it can be read here or not.
/// let meter = Meter::open(&MeterOptions::default(), Some(&card))?;
/// assert!(meter.sources().iter().all(|report| !report.source.is_empty()));
/// # Ok::<(), wattgrad::MeterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeteredDevice {
    /// The PCI address, `0000:01:00.0`; `None` where the graphics backend does not report it.
    pub pci_id: Option<String>,
    /// What kind of device it is.
    pub kind: DeviceKind,
    /// Its name, for messages.
    pub name: String,
}

impl MeteredDevice {
    /// How a host sensor of `scope` relates to this device.
    pub(crate) fn host_covers(&self, scope: Scope) -> Covers {
        match (self.kind, scope) {
            (DeviceKind::Cpu, Scope::Package | Scope::Process) => Covers::Adapter,
            (DeviceKind::Cpu, Scope::System | Scope::Socket) => Covers::Contains,
            (DeviceKind::Integrated, Scope::Package | Scope::System | Scope::Socket) => {
                Covers::Contains
            }
            _ => Covers::Host,
        }
    }
}

/// A PCI address. Sources write the domain with four or eight digits; as numbers they compare equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PciAddress {
    domain: u32,
    bus: u8,
    device: u8,
    function: u8,
}

impl PciAddress {
    /// Reads `[domain:]bus:device.function` (hexadecimal); `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, function) = text.trim().rsplit_once('.')?;
        let mut parts = address.rsplit(':');
        let device = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        let bus = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        let domain = match parts.next() {
            Some(domain) => hex(domain, 8)?,
            None => 0,
        };
        let function = u8::try_from(hex(function, 1)?).ok()?;
        let whole = parts.next().is_none() && device < 32 && function < 8;
        whole.then_some(Self {
            domain,
            bus,
            device,
            function,
        })
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            bus,
            device,
            function,
        } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function}")
    }
}

/// At most `digits` hexadecimal digits, and nothing else (`from_str_radix` alone would take a sign).
fn hex(text: &str, digits: usize) -> Option<u32> {
    let plain = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_domains_of_four_and_eight_digits() {
        let short = PciAddress::parse("0000:01:00.0");
        assert!(short.is_some());
        assert_eq!(short, PciAddress::parse("00000000:01:00.0"));
        assert_eq!(short, PciAddress::parse("01:00.0"));
        assert_eq!(
            PciAddress::parse("0000:AF:1F.7"),
            PciAddress::parse("00000000:af:1f.7")
        );
        assert_ne!(short, PciAddress::parse("0001:01:00.0"));
        assert_ne!(short, PciAddress::parse("0000:10:00.0"));
        assert_eq!(
            short.map(|a| a.to_string()).as_deref(),
            Some("0000:01:00.0")
        );
    }

    #[test]
    fn rejects_invalid_addresses() {
        for text in [
            "",
            "card0",
            "01",
            "0000:01:00",
            "0000:01:20.0",
            "0:0000:01:00.0",
            "+000:01:00.0",
            "0000:101:00.0",
            "0000:01:00.8",
            "0000::00.0",
        ] {
            assert_eq!(PciAddress::parse(text), None, "{text}");
        }
    }
}
