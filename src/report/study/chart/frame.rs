//! A plot with two axes.

use maud::{Markup, html};

use super::scale::Scale;

/// Size, scales and legend of a plot.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Width of the whole plot.
    pub width: f64,
    /// Height without the legend.
    pub height: f64,
    /// The horizontal scale.
    pub x: Scale,
    /// The vertical scale.
    pub y: Scale,
    /// Line class and text of each entry of the legend below the plot.
    pub legend: Vec<(&'static str, String)>,
}

/// Below this share of its size a plot's text is too small to read; it scrolls within its figure instead.
const SMALLEST: f64 = 0.75;

/// Characters of a name that there is room for.
pub const NAME: usize = 48;

const TOP: f64 = 12.0;
const RIGHT: f64 = 16.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 46.0;
/// Height of a line of the legend, length of its swatch, and width of a character.
const LEGEND: (f64, f64, f64) = (18.0, 28.0, 6.3);

impl Frame {
    /// A plot of the usual size without a legend.
    pub fn new(x: Scale, y: Scale) -> Self {
        Self {
            width: 460.0,
            height: 300.0,
            x,
            y,
            legend: Vec::new(),
        }
    }

    /// Horizontal place of `value`.
    pub fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (self.width - LEFT - RIGHT)
    }

    /// Vertical place of `value`.
    pub fn at_y(&self, value: f64) -> f64 {
        let height = self.height - TOP - BOTTOM;
        TOP + (1.0 - self.y.share(value)) * height
    }

    /// Grid, ticks, titles of the axes, and the legend.
    pub fn axes(&self, x_name: &str, y_name: &str) -> Markup {
        let (right, base) = (self.width - RIGHT, self.height - BOTTOM);
        let middle_x = f64::midpoint(LEFT, right);
        let middle_y = f64::midpoint(TOP, base);
        html! {
            @for (value, text) in self.y.ticks(5) {
                @let y = self.at_y(value);
                line class="grid" x1=(px(LEFT)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                text class="tick" x=(px(LEFT - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (text) }
            }
            @for (value, text) in self.x.ticks(6) {
                @let x = self.at_x(value);
                line class="mark" x1=(px(x)) x2=(px(x)) y1=(px(base)) y2=(px(base + 4.0)) {}
                text class="tick" x=(px(x)) y=(px(base + 17.0)) text-anchor="middle" { (text) }
            }
            line class="axis" x1=(px(LEFT)) x2=(px(right)) y1=(px(base)) y2=(px(base)) {}
            text class="name" x=(px(middle_x)) y=(px(self.height - 8.0)) text-anchor="middle" { (x_name) }
            text class="name" x="14" y=(px(middle_y)) text-anchor="middle"
                transform=(format!("rotate(-90 14 {})", px(middle_y))) { (y_name) }
            (self.legend())
        }
    }

    /// The legend below the plot.
    pub fn legend(&self) -> Markup {
        html! {
            @for (class, text, x, y) in self.placed_legend() {
                line class=(format!("swatch {class}")) x1=(px(x)) x2=(px(x + LEGEND.1)) y1=(px(y)) y2=(px(y)) stroke-width="2.5" {}
                text class="tick" x=(px(x + LEGEND.1 + 6.0)) y=(px(y + 4.0)) { (text) }
            }
        }
    }

    /// The entries of the legend with their places, as many to a line as fit.
    fn placed_legend(&self) -> Vec<(&'static str, String, f64, f64)> {
        let (mut x, mut y) = (LEFT, self.height + LEGEND.0 / 2.0);
        let mut placed = Vec::new();
        for (class, text) in &self.legend {
            let text = cut(text);
            let wide = LEGEND.1 + 6.0 + LEGEND.2 * text.chars().count() as f64;
            if x > LEFT && x + wide > self.width {
                (x, y) = (LEFT, y + LEGEND.0);
            }
            placed.push((*class, text, x, y));
            x += wide + 16.0;
        }
        placed
    }

    /// The plot with its legend, as a picture that `label` describes.
    pub fn picture(&self, label: &str, content: Markup) -> Markup {
        let legend = self.placed_legend();
        let bottom = legend
            .last()
            .map_or(self.height, |entry| entry.3 + LEGEND.0 / 2.0);
        picture(self.width, bottom, label, content)
    }

    /// Left, top, width and height of the area between the axes.
    pub fn inner(&self) -> [f64; 4] {
        let base = self.height - BOTTOM;
        [LEFT, TOP, self.width - RIGHT - LEFT, base - TOP]
    }
}

/// A coordinate with one decimal.
pub fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// An SVG that shrinks with the page; `label` describes it.
pub fn picture(width: f64, height: f64, label: &str, content: Markup) -> Markup {
    html! {
        svg class="chart" xmlns="http://www.w3.org/2000/svg" role="group" aria-label=(label)
            viewBox=(format!("0 0 {} {}", px(width), px(height)))
            style=(format!("min-width:{}px;max-width:{}px", px(SMALLEST * width), px(1.15 * width))) { (content) }
    }
}

/// A name that fits; its end distinguishes it better than its middle.
pub fn cut(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME {
        return name.to_owned();
    }
    let head: String = name.chars().take(NAME / 3).collect();
    let tail: String = name.chars().skip(count - (NAME - NAME / 3 - 1)).collect();
    format!("{head}…{tail}")
}
