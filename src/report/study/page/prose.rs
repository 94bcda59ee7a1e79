//! Text in which the names of cells are broken between their parts alone.

use maud::{Markup, html};

use super::super::names::parts;

/// A cell's name.
pub(super) fn name(id: &str) -> Markup {
    html! { @for (at, part) in parts(id).into_iter().enumerate() {
        @if at > 0 { wbr; }
        span class="whole" { (part) }
    } }
}

/// A sentence that may have such names in it. A number stays beside its `%`.
pub(super) fn text(text: &str) -> Markup {
    html! { @for (at, word) in text.split(' ').enumerate() {
        @if at > 0 { @if word.starts_with('%') { "\u{a0}" } @else { " " } }
        @if word.contains('=') { (name(word)) } @else { (word) }
    } }
}
