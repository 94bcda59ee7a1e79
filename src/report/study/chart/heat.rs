//! A heat map: a cell for each pair of values of two axes.

use maud::{Markup, html};

use super::colour::sequential;
use super::frame::px;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatCell {
    /// Large text; empty where there is no cost.
    pub value: String,
    /// Small text below it.
    pub below: String,
    /// Description for the tooltip.
    pub title: String,
    /// From the lowest cost, 0, to the highest, 1; without a cost the cell has a pattern.
    pub share: Option<f64>,
    /// Id of the pattern of a cell without a cost.
    pub pattern: &'static str,
    /// The lowest cost.
    pub best: bool,
    /// Not significantly different from the lowest.
    pub alike: bool,
}

/// The whole map. The first row is at the bottom, as on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Horizontal axis: name and values.
    pub across: (String, Vec<String>),
    /// Vertical axis: name and values.
    pub up: (String, Vec<String>),
    /// Rows of cells; `None` where the study has no such cell.
    pub cells: Vec<Vec<Option<HeatCell>>>,
    /// The size of the text of the axes.
    pub text: AxisText,
}

/// The size of the text of a map's axes, which the style sheet must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisText {
    /// 12 pixels.
    Page,
    /// 17 pixels.
    Card,
    /// 31 pixels, for a map drawn so small that cells without a cost have no room for words.
    Dense,
}

impl AxisText {
    /// Room for the name of the vertical axis, and for a character of its values.
    fn room(self) -> (f64, f64) {
        match self {
            Self::Page => (22.0, 7.0),
            Self::Card => (28.0, 10.6),
            Self::Dense => (44.0, 18.5),
        }
    }

    /// From the middle of a cell to the baseline of a value alone.
    fn drop(self) -> f64 {
        match self {
            Self::Page => 5.0,
            Self::Card => 7.0,
            Self::Dense => 10.0,
        }
    }
}

/// Height of a cell.
const HIGH: f64 = 60.0;
/// Room for the outline of the top row.
const TOP: f64 = 4.0;
const BOTTOM: f64 = 44.0;
const DENSE_BOTTOM: f64 = 86.0;
/// Distance of two cells.
const GAP: f64 = 3.0;

impl HeatMap {
    /// Width of a cell with room for its texts.
    fn wide(&self) -> f64 {
        let cells = self.cells.iter().flatten().flatten();
        let texts = cells.map(|cell| {
            let below = 6.2 * cell.below.chars().count() as f64;
            below.max(8.6 * cell.value.chars().count() as f64)
        });
        texts.fold(76.0, f64::max).min(140.0) + 20.0
    }

    /// Whether cells without a cost have no room for words.
    pub fn is_dense(&self) -> bool {
        self.text == AxisText::Dense
    }

    fn left(&self) -> f64 {
        let longest = self.up.1.iter().map(|value| value.chars().count()).max();
        let (title, letter) = self.text.room();
        let title = if self.up.0.is_empty() { 0.0 } else { title };
        title + letter * longest.unwrap_or(0).min(40) as f64 + 12.0
    }

    /// Width and height of the picture.
    pub fn size(&self) -> (f64, f64) {
        let across = self.across.1.len() as f64;
        let up = self.up.1.len() as f64;
        // Room for the name of the axis below a single cell.
        let least = 7.0 * self.across.0.chars().count() as f64;
        let width = self.left() + (across * self.wide()).max(least) + 4.0;
        let bottom = match (self.across.0.is_empty(), self.is_dense()) {
            (true, _) => 8.0,
            (false, true) => DENSE_BOTTOM,
            (false, false) => BOTTOM,
        };
        (width, TOP + up * HIGH + bottom)
    }

    /// The picture's content.
    pub fn draw(&self) -> Markup {
        let (_, height) = self.size();
        let (left, wide) = (self.left(), self.wide());
        let rows = self.up.1.len();
        let base = TOP + rows as f64 * HIGH;
        let top_of = |row: usize| TOP + (rows - 1 - row) as f64 * HIGH;
        // From the middle of a row to a baseline, and the place of the rotated name.
        let (drop, beside) = match self.text {
            AxisText::Page => (4.0, 13.0),
            AxisText::Card => (6.0, 15.0),
            AxisText::Dense => (11.0, 28.0),
        };
        let middle_x = left + wide * self.across.1.len() as f64 / 2.0;
        let middle_y = f64::midpoint(TOP, base);
        html! {
            @for (row, name) in self.up.1.iter().enumerate() {
                text class="tick" x=(px(left - 8.0)) y=(px(top_of(row) + HIGH / 2.0 + drop))
                    text-anchor="end" { (name) }
                @for (column, cell) in self.cells[row].iter().enumerate() {
                    @let x = left + column as f64 * wide;
                    @match cell {
                        Some(cell) => (draw_cell(cell, (x, top_of(row)), wide, self.text.drop())),
                        None => text class="tick" x=(px(x + wide / 2.0)) y=(px(top_of(row) + HIGH / 2.0 + 4.0))
                            text-anchor="middle" { "·" },
                    }
                }
            }
            @if !self.across.0.is_empty() {
                @for (column, name) in self.across.1.iter().enumerate() {
                    text class="tick" x=(px(left + (column as f64 + 0.5) * wide)) y=(px(base + if self.is_dense() { 32.0 } else { 17.0 }))
                        text-anchor="middle" { (name) }
                }
                text class="name" x=(px(middle_x)) y=(px(height - if self.is_dense() { 12.0 } else { 7.0 })) text-anchor="middle" { (self.across.0) }
            }
            @if !self.up.0.is_empty() {
                text class="name" x=(px(beside)) y=(px(middle_y)) text-anchor="middle"
                    transform=(format!("rotate(-90 {} {})", px(beside), px(middle_y))) { (self.up.0) }
            }
        }
    }
}

fn draw_cell(cell: &HeatCell, (x, y): (f64, f64), wide: f64, drop: f64) -> Markup {
    let (width, height) = (wide - GAP, HIGH - GAP);
    // Bright is cheap.
    let (fill, ink) = match cell.share {
        Some(share) => {
            let (fill, ink) = sequential(1.0 - share);
            (fill, Some(ink))
        }
        None => (format!("url(#{})", cell.pattern), None),
    };
    let middle = x + width / 2.0;
    let line = y + height / 2.0 + if cell.below.is_empty() { drop } else { -1.0 };
    let below = if cell.value.is_empty() {
        y + height / 2.0 + 4.0
    } else {
        line + 16.0
    };
    html! {
        g class="cell" tabindex="0" role="img" {
            title { (cell.title) }
            rect x=(px(x)) y=(px(y)) width=(px(width)) height=(px(height)) rx="3" fill=(fill) {}
            @if ink.is_none() {
                rect class="plate" x=(px(x + 6.0)) y=(px(y + 9.0)) width=(px(width - 12.0))
                    height=(px(height - 18.0)) rx="3" {}
            }
            @if cell.best || cell.alike {
                rect class=(if cell.best { "best" } else { "alike" }) x=(px(x + 2.5)) y=(px(y + 2.5))
                    width=(px(width - 5.0)) height=(px(height - 5.0)) rx="2" style=[ink.map(|ink| format!("stroke:{ink}"))] {}
            }
            text class="value" x=(px(middle)) y=(px(line)) text-anchor="middle" style=[ink.map(|ink| format!("fill:{ink}"))] { (cell.value) }
            @if !cell.below.is_empty() {
                text class="below" x=(px(middle)) y=(px(below)) text-anchor="middle" style=[ink.map(|ink| format!("fill:{ink}"))] { (cell.below) }
            }
        }
    }
}

/// The patterns of cells without a cost, and the colours from the lowest cost to the highest; once on a page.
pub fn patterns() -> Markup {
    html! {
        defs {
            linearGradient id="ramp" {
                @for step in 0..=8 {
                    @let share = f64::from(step) / 8.0;
                    stop offset=(share) stop-color=(sequential(1.0 - share).0) {}
                }
            }
            pattern id="over" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect class="ground" width="7" height="7" {}
                line class="hatch" x1="0" x2="0" y1="0" y2="7" {}
            }
            pattern id="diverged" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect class="ground" width="8" height="8" {}
                path class="hatch" d="M0 0V8M0 0H8" {}
            }
            pattern id="none" width="8" height="8" patternUnits="userSpaceOnUse" {
                rect class="ground" width="8" height="8" {}
                circle class="spot" cx="2" cy="2" r="1" {}
            }
        }
    }
}
