//! What the figures of all ledgers have.

use maud::{Markup, html};

use super::super::regimes::unbroken;
use super::words::sentences;
use crate::study::Opened;
use crate::study::stats::Interval;

/// The sentences of a ledger.
pub(super) fn text(opened: &Opened, name: &str) -> Markup {
    let all = sentences(opened).into_iter().filter(|one| one.0 == name);
    html! { @for (_, text) in all { p { (unbroken(&text)) } } }
}

/// The ends of an interval in units of `per`.
pub(super) fn whisker(interval: Option<Interval>, per: f64) -> Option<(f64, f64)> {
    interval.map(|i| (i.low / per, i.high / per))
}
