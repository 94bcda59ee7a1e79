//! What the lab measured: rooflines and profiles.

mod profile;
mod profile_page;
mod roofline;

use maud::{Markup, html};

pub use profile::{kernels_table, profile};
pub use profile_page::{plotted, plotted_groups, profile_page};
pub use roofline::{PlottedKernel, roofline, roofline_page, roofline_svg};

use super::study::page::shell;
use crate::lab::roofline::Peak;
use crate::units::si;

/// A page that holds everything it shows.
fn page(title: &str, content: &Markup) -> String {
    shell(title, &html! { article { (content) } })
}

/// Seconds with three significant digits and a prefix.
pub fn short_seconds(seconds: f64) -> String {
    small(seconds, "s")
}

/// Joules with three significant digits and a prefix.
pub fn short_joules(joules: f64) -> String {
    match joules.abs() >= 999.5 {
        true => format!("{}J", si(joules)),
        false => small(joules, "J"),
    }
}

fn small(amount: f64, unit: &str) -> String {
    let (value, prefix) = match amount.abs() {
        s if s >= 0.9995 => (amount, ""),
        s if s >= 0.9995e-3 => (amount * 1e3, "m"),
        s if s >= 0.9995e-6 => (amount * 1e6, "u"),
        _ => (amount * 1e9, "n"),
    };
    let digits = match value.abs() {
        0.0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {prefix}{unit}")
}

/// A share as per cent with one digit: `12.3 %`.
pub fn share(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A rate with its unit, such as `FLOP/s`.
fn rate(peak: &Peak, unit: &str) -> String {
    format!("{}{unit}", si(peak.value))
}
