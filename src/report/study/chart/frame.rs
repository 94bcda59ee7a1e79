//! A picture with two axes.

use maud::{Markup, html};

use super::scale::Scale;

/// The room of a chart and its scales.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Width of the picture.
    pub width: f64,
    /// Height of it.
    pub height: f64,
    /// Room at the left, for numbers and a title.
    pub left: f64,
    /// Room below.
    pub bottom: f64,
    /// The scale across.
    pub x: Scale,
    /// The scale up.
    pub y: Scale,
}

/// Below this share of its size a picture's text is too small to be read; it is moved within its figure instead.
const SMALLEST: f64 = 0.75;

const TOP: f64 = 12.0;
const RIGHT: f64 = 16.0;

impl Frame {
    /// A chart of the usual size.
    pub fn new(x: Scale, y: Scale) -> Self {
        Self {
            width: 460.0,
            height: 300.0,
            left: 56.0,
            bottom: 46.0,
            x,
            y,
        }
    }

    /// Where `value` lies across.
    pub fn at_x(&self, value: f64) -> f64 {
        self.left + self.x.share(value) * (self.width - self.left - RIGHT)
    }

    /// Where `value` lies down.
    pub fn at_y(&self, value: f64) -> f64 {
        let height = self.height - TOP - self.bottom;
        TOP + (1.0 - self.y.share(value)) * height
    }

    /// Grid, numbers and the names of the axes.
    pub fn axes(&self, x_name: &str, y_name: &str) -> Markup {
        let (right, base) = (self.width - RIGHT, self.height - self.bottom);
        let middle_x = f64::midpoint(self.left, right);
        let middle_y = f64::midpoint(TOP, base);
        html! {
            @for (value, text) in self.y.ticks(5) {
                @let y = self.at_y(value);
                line class="grid" x1=(px(self.left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                text class="tick" x=(px(self.left - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (text) }
            }
            @for (value, text) in self.x.ticks(6) {
                @let x = self.at_x(value);
                line class="mark" x1=(px(x)) x2=(px(x)) y1=(px(base)) y2=(px(base + 4.0)) {}
                text class="tick" x=(px(x)) y=(px(base + 17.0)) text-anchor="middle" { (text) }
            }
            line class="axis" x1=(px(self.left)) x2=(px(right)) y1=(px(base)) y2=(px(base)) {}
            text class="name" x=(px(middle_x)) y=(px(self.height - 8.0)) text-anchor="middle" { (x_name) }
            text class="name" x="14" y=(px(middle_y)) text-anchor="middle"
                transform=(format!("rotate(-90 14 {})", px(middle_y))) { (y_name) }
        }
    }

    /// Where lines may be drawn, as a rectangle.
    pub fn inner(&self) -> [f64; 4] {
        let base = self.height - self.bottom;
        [self.left, TOP, self.width - RIGHT - self.left, base - TOP]
    }
}

/// A place with one digit behind the point.
pub fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The whole picture: it shrinks with the page and says in words what it shows.
pub fn picture(width: f64, height: f64, label: &str, content: Markup) -> Markup {
    html! {
        svg class="chart" xmlns="http://www.w3.org/2000/svg" role="group" aria-label=(label)
            viewBox=(format!("0 0 {} {}", px(width), px(height)))
            style=(format!("min-width:{}px;max-width:{}px", px(SMALLEST * width), px(1.15 * width))) { (content) }
    }
}
