//! The units of joules in criterion's output.

use criterion::Throughput;
use criterion::measurement::ValueFormatter;

/// Formats joules from nJ to kJ, and throughput per joule.
pub(super) struct JoulesFormatter;

/// (smallest value, unit)
const JOULES: [(f64, &str); 5] = [
    (1e3, "kJ"),
    (1.0, "J"),
    (1e-3, "mJ"),
    (1e-6, "µJ"),
    (1e-9, "nJ"),
];
const ELEMENTS: [(f64, &str); 4] = [
    (1e9, "Gelem/J"),
    (1e6, "Melem/J"),
    (1e3, "Kelem/J"),
    (1.0, "elem/J"),
];
const BITS: [(f64, &str); 4] = [(1e9, "Gb/J"), (1e6, "Mb/J"), (1e3, "Kb/J"), (1.0, "b/J")];
const DECIMAL: [(f64, &str); 4] = [(1e9, "GB/J"), (1e6, "MB/J"), (1e3, "KB/J"), (1.0, "B/J")];
const BINARY: [(f64, &str); 4] = [
    (1_073_741_824.0, "GiB/J"),
    (1_048_576.0, "MiB/J"),
    (1024.0, "KiB/J"),
    (1.0, "B/J"),
];

/// The largest unit that `typical` reaches, or the smallest of all.
fn unit(units: &[(f64, &'static str)], typical: f64) -> (f64, &'static str) {
    let reached = units.iter().find(|(size, _)| typical >= *size);
    *reached.unwrap_or(&units[units.len() - 1])
}

impl ValueFormatter for JoulesFormatter {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        let (size, name) = unit(&JOULES, typical);
        values.iter_mut().for_each(|value| *value /= size);
        name
    }

    fn scale_throughputs(
        &self,
        typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let (amount, units) = match *throughput {
            Throughput::Bits(bits) => (bits, &BITS),
            Throughput::Bytes(bytes) => (bytes, &BINARY),
            Throughput::BytesDecimal(bytes) => (bytes, &DECIMAL),
            Throughput::Elements(elements) | Throughput::ElementsAndBytes { elements, .. } => {
                (elements, &ELEMENTS)
            }
        };
        let amount = amount as f64;
        let (size, name) = unit(units, amount / typical);
        values
            .iter_mut()
            .for_each(|value| *value = amount / *value / size);
        name
    }

    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        "J"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_joules_from_nano_to_kilo() {
        for (joules, text) in [
            (2.5e-10, "0.2500 nJ"),
            (2.5e-9, "2.5000 nJ"),
            (2.5e-6, "2.5000 µJ"),
            (0.0025, "2.5000 mJ"),
            (25.0, "25.000 J"),
            (2500.0, "2.5000 kJ"),
        ] {
            assert_eq!(JoulesFormatter.format_value(joules).trim(), text);
        }
    }

    #[test]
    fn formats_throughput_per_joule() {
        let per = |throughput, joules| {
            JoulesFormatter
                .format_throughput(&throughput, joules)
                .trim()
                .to_owned()
        };
        assert_eq!(per(Throughput::Elements(64), 0.032), "2.0000 Kelem/J");
        assert_eq!(per(Throughput::Bytes(2048), 0.5), "4.0000 KiB/J");
        assert_eq!(per(Throughput::BytesDecimal(500), 0.5), "1.0000 KB/J");
        assert_eq!(per(Throughput::Bits(1), 2.0), "0.5000 b/J");
    }
}
