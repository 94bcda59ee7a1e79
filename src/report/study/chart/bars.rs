//! Bars that lie: a row each, parts one after another, parts below zero to the left of it.

use maud::{Markup, html};

use super::frame::{picture, px};
use super::scale::Scale;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// Class and length of each part.
    pub parts: Vec<(&'static str, f64)>,
    /// An interval on its end.
    pub interval: Option<(f64, f64)>,
    /// What stands behind it.
    pub text: String,
}

const HIGH: f64 = 24.0;
const WIDTH: f64 = 460.0;
const BOTTOM: f64 = 44.0;

/// Letters of a name that there is room for.
const NAME: usize = 48;

/// Width of a letter of the page's numbers and names.
const LETTER: f64 = 7.2;

/// A picture of them all on one axis from zero.
pub fn bars(bars: &[Bar], axis: &str, label: &str) -> Markup {
    let longest = |get: fn(&Bar) -> &String| bars.iter().map(|bar| get(bar).chars().count()).max();
    let left = 10.0 + LETTER * longest(|bar| &bar.name).unwrap_or(0).min(NAME) as f64;
    let right = 12.0 + LETTER * longest(|bar| &bar.text).unwrap_or(0) as f64;
    let width = (left + right + 190.0).max(WIDTH);
    let sums = bars.iter().flat_map(|bar| {
        let of = |sign: f64| -> f64 {
            let parts = bar.parts.iter().map(|part| part.1 * sign);
            parts.filter(|part| *part > 0.0).sum::<f64>() * sign
        };
        [of(1.0), of(-1.0), bar.interval.map_or(0.0, |i| i.1)]
    });
    let scale = Scale::from_zero(sums);
    let at = |value: f64| left + scale.share(value) * (width - left - right);
    let base = bars.len() as f64 * HIGH + 4.0;
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
            @let y = row as f64 * HIGH + 5.0;
            g class="bar" tabindex="0" role="img" {
                title { (bar.title) }
                text class="tick" x=(px(left - 8.0)) y=(px(y + 12.0)) text-anchor="end" { (cut(&bar.name)) }
                @for (class, from, to) in stretches(&bar.parts) {
                    rect class=(class) x=(px(at(from))) y=(px(y)) width=(px((at(to) - at(from)).max(0.5)))
                        height=(px(HIGH - 8.0)) {}
                }
                @if let Some((low, high)) = bar.interval {
                    path class="whisker" d=(format!("M{} {}H{}", px(at(low)), px(y + 8.0), px(at(high)))) {}
                }
                text class="tick" x=(px(end(bar).map_or(left, at) + 6.0)) y=(px(y + 12.0)) { (bar.text) }
            }
        }
    };
    picture(width, height, label, content)
}

fn end(bar: &Bar) -> Option<f64> {
    let ends = stretches(&bar.parts).into_iter().map(|(_, _, to)| to);
    ends.chain(bar.interval.map(|i| i.1)).reduce(f64::max)
}

/// From where to where each part goes.
fn stretches(parts: &[(&'static str, f64)]) -> Vec<(&'static str, f64, f64)> {
    let (mut right, mut left) = (0.0, 0.0);
    parts
        .iter()
        .filter(|part| part.1 != 0.0)
        .map(|(class, length)| match *length >= 0.0 {
            true => {
                right += length;
                (*class, right - length, right)
            }
            false => {
                left += length;
                (*class, left, left - length)
            }
        })
        .collect()
}

/// A name for which there is room; its end tells more of it than its middle.
pub fn cut(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME {
        return name.to_owned();
    }
    let head: String = name.chars().take(NAME / 3).collect();
    let tail: String = name.chars().skip(count - (NAME - NAME / 3 - 1)).collect();
    format!("{head}…{tail}")
}
