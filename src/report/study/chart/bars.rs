//! Horizontal bars: one row each, parts one after another, negative parts to the left of zero.

use maud::{Markup, html};

use super::frame::{NAME, cut, picture, px};
use super::scale::Scale;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Text to the left.
    pub name: String,
    /// Description for the tooltip.
    pub title: String,
    /// Class and length of each part.
    pub parts: Vec<(&'static str, f64)>,
    /// Interval of the bar's end, drawn below the bar.
    pub interval: Option<(f64, f64)>,
    /// Text to the right.
    pub text: String,
}

const ROW: f64 = 26.0;
/// Height of a bar without and with an interval below it.
const BAR: (f64, f64) = (16.0, 10.0);
const WIDTH: f64 = 460.0;
/// Least width of the bars.
const PLOT: f64 = 190.0;
const BOTTOM: f64 = 44.0;

/// Width of a character.
const LETTER: f64 = 7.5;

/// All bars on one axis from zero.
pub fn bars(bars: &[Bar], axis: &str, label: &str) -> Markup {
    let longest = |get: fn(&Bar) -> &String| bars.iter().map(|bar| get(bar).chars().count()).max();
    let left = 10.0 + LETTER * longest(|bar| &bar.name).unwrap_or(0).min(NAME) as f64;
    let right = 12.0 + LETTER * longest(|bar| &bar.text).unwrap_or(0) as f64;
    let width = (left + right + PLOT).max(WIDTH);
    let ends = bars.iter().flat_map(|bar| {
        let (low, high) = extremes(bar);
        let (from, to) = bar.interval.unwrap_or((0.0, 0.0));
        [low, high, from, to]
    });
    let scale = Scale::from_zero(ends);
    let at = |value: f64| left + scale.share(value) * (width - left - right);
    let base = bars.len() as f64 * ROW + 4.0;
    let height = base + BOTTOM;
    let content = html! {
        @for (value, text) in scale.ticks(4) {
            @let x = at(value);
            line class="grid" x1=(px(x)) x2=(px(x)) y1="0" y2=(px(base)) {}
            text class="tick" x=(px(x)) y=(px(base + 15.0)) text-anchor="middle" { (text) }
        }
        line class="axis" x1=(px(at(0.0))) x2=(px(at(0.0))) y1="0" y2=(px(base)) {}
        text class="name" x=(px(width / 2.0)) y=(px(height - 8.0)) text-anchor="middle" { (axis) }
        @for (row, bar) in bars.iter().enumerate() {
            @let y = row as f64 * ROW + 5.0;
            @let end = extremes(bar).1.max(bar.interval.map_or(0.0, |i| i.1));
            g class="bar" tabindex="0" role="img" {
                title { (bar.title) }
                text class="tick" x=(px(left - 8.0)) y=(px(y + 12.0)) text-anchor="end" { (cut(&bar.name)) }
                (row_of(bar, y, &at))
                text class="tick" x=(px(at(end) + 6.0)) y=(px(y + 12.0)) { (bar.text) }
            }
        }
    };
    picture(width, height, label, content)
}

/// The parts of a bar, and its interval below them: on the bar it would hide the end and have no contrast.
pub fn row_of(bar: &Bar, y: f64, at: &dyn Fn(f64) -> f64) -> Markup {
    let high = if bar.interval.is_some() { BAR.1 } else { BAR.0 };
    let middle = y + high + 5.0;
    html! {
        @for (class, from, to) in placed(&bar.parts) {
            rect class=(class) x=(px(at(from))) y=(px(y)) width=(px((at(to) - at(from)).max(0.5))) height=(px(high)) {}
        }
        @if let Some((low, top)) = bar.interval {
            @let (low, top) = (px(at(low)), px(at(top)));
            path class="whisker" d=(format!("M{low} {}V{}M{low} {}H{top}M{top} {}V{}",
                px(middle - 3.0), px(middle + 3.0), px(middle), px(middle - 3.0), px(middle + 3.0))) {}
        }
    }
}

/// The left and the right end of a bar.
fn extremes(bar: &Bar) -> (f64, f64) {
    let ends = placed(&bar.parts).into_iter();
    ends.fold((0.0, 0.0), |(low, high), (_, from, to)| {
        (low.min(from), high.max(to))
    })
}

/// Both ends of each part.
fn placed(parts: &[(&'static str, f64)]) -> Vec<(&'static str, f64, f64)> {
    let (mut right, mut left) = (0.0, 0.0);
    let parts = parts.iter().filter(|part| part.1 != 0.0);
    parts
        .map(|(class, length)| {
            let end = if *length >= 0.0 {
                &mut right
            } else {
                &mut left
            };
            let from = *end;
            *end += length;
            (*class, from.min(*end), from.max(*end))
        })
        .collect()
}
