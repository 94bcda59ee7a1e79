//! Parallel coordinates: a vertical axis per choice and one for the cost, and a line per regime.

use maud::{Markup, html};

use super::frame::{Frame, px};
use super::scale::Scale;

/// One regime.
#[derive(Clone, Debug, PartialEq)]
pub struct ParallelLine {
    /// Style class: colour and dashes.
    pub class: &'static str,
    /// Description for the tooltip.
    pub title: String,
    /// Index of its value on each axis.
    pub places: Vec<usize>,
    /// Its cost; without one it ends above the scale.
    pub cost: Option<f64>,
}

/// Axes with their values, the scale of the cost, and the regimes.
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    /// Name and values of each axis.
    pub axes: Vec<(String, Vec<String>)>,
    /// Name and scale of the cost.
    pub cost: (String, Scale),
    /// Regimes, the last on top.
    pub lines: Vec<ParallelLine>,
    /// Line class and text of each entry of the legend.
    pub legend: Vec<(&'static str, String)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 340.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 24.0;
const SIDE: f64 = 70.0;
/// Share of the height above the cost's scale for regimes without a cost.
const ABOVE: f64 = 0.12;
/// Share of the distance of two values over which lines through one value are spread.
const SPREAD: f64 = 0.45;
/// Most lines that the keyboard stops at.
const STOPS: usize = 24;

impl Parallel {
    fn x(&self, axis: usize) -> f64 {
        SIDE + axis as f64 * (WIDTH - 2.0 * SIDE) / self.axes.len() as f64
    }

    /// Height of value `at` of an axis, its lines spread by `offset` from -0.5 to 0.5.
    fn value(&self, axis: usize, at: usize, offset: f64) -> f64 {
        let count = self.axes[axis].1.len() as f64;
        let step = (HEIGHT - TOP - BOTTOM) / count;
        HEIGHT - BOTTOM - (at as f64 + 0.5 + SPREAD * offset) * step
    }

    /// Height of a cost.
    fn cost(&self, cost: Option<f64>) -> f64 {
        let height = HEIGHT - TOP - BOTTOM;
        match cost {
            Some(cost) => HEIGHT - BOTTOM - self.cost.1.share(cost) * (1.0 - ABOVE) * height,
            None => TOP + 6.0,
        }
    }

    /// The plot as a picture that `label` describes.
    pub fn picture(&self, label: &str) -> Markup {
        let last = self.axes.len();
        let stop = (self.lines.len() <= STOPS).then_some("0");
        let count = self.lines.len().max(2) as f64 - 1.0;
        let without = self.lines.iter().any(|line| line.cost.is_none());
        // The legend is that of any other plot of this width.
        let mut frame = Frame::new(Scale::between(0.0, 1.0), Scale::between(0.0, 1.0));
        (frame.width, frame.height) = (WIDTH, HEIGHT);
        frame.legend.clone_from(&self.legend);
        frame.picture(
            label,
            html! {
                @for (axis, (name, values)) in self.axes.iter().enumerate() {
                    line class="axis" x1=(px(self.x(axis))) x2=(px(self.x(axis))) y1=(px(TOP)) y2=(px(HEIGHT - BOTTOM)) {}
                    text class="name" x=(px(self.x(axis))) y=(px(TOP - 18.0)) text-anchor="middle" { (name) }
                    @for at in 0..values.len() {
                        line class="mark" x1=(px(self.x(axis) - 4.0)) x2=(px(self.x(axis) + 4.0))
                            y1=(px(self.value(axis, at, 0.0))) y2=(px(self.value(axis, at, 0.0))) {}
                    }
                }
                line class="axis" x1=(px(self.x(last))) x2=(px(self.x(last))) y1=(px(TOP)) y2=(px(HEIGHT - BOTTOM)) {}
                text class="name" x=(px(WIDTH - 4.0)) y=(px(TOP - 18.0)) text-anchor="end" { (self.cost.0) }
                @for (at, line) in self.lines.iter().enumerate() {
                    path class=(format!("line {}", line.class)) tabindex=[stop] role="img" d=(self.path(line, at as f64 / count - 0.5)) {
                        title { (line.title) }
                    }
                }
                @for (axis, (_, values)) in self.axes.iter().enumerate() { @for (at, value) in values.iter().enumerate() {
                    text class="tick plain" x=(px(self.x(axis) - 8.0)) y=(px(self.value(axis, at, 0.0) + 4.0)) text-anchor="end" { (value) }
                } }
                @for (value, text) in self.cost.1.ticks(6) {
                    text class="tick plain" x=(px(self.x(last) + 8.0)) y=(px(self.cost(Some(value)) + 4.0)) { (text) }
                }
                @if without { text class="tick plain" x=(px(self.x(last) + 8.0)) y=(px(self.cost(None) + 4.0)) { "no cost" } }
                (frame.legend())
            },
        )
    }

    fn path(&self, line: &ParallelLine, offset: f64) -> String {
        let places = line.places.iter().enumerate();
        let points = places.map(|(axis, at)| (self.x(axis), self.value(axis, *at, offset)));
        let end = (self.x(self.axes.len()), self.cost(line.cost));
        let mut text = String::new();
        for (x, y) in points.chain([end]) {
            text.push(if text.is_empty() { 'M' } else { 'L' });
            text += &format!("{} {}", px(x), px(y));
        }
        text
    }
}
