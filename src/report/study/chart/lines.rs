//! Lines and dots on a frame.

use maud::{Markup, html};

use super::frame::{Frame, px};

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Style class: colour and dashes.
    pub class: &'static str,
    /// Description for the tooltip.
    pub title: String,
    /// Points; the line is interrupted at those that are not finite.
    pub points: Vec<(f64, f64)>,
}

/// Lines, clipped to the frame; `id` is unique on the page. Few lines can be focused with the keyboard.
pub fn lines(frame: &Frame, lines: &[Line], id: &str) -> Markup {
    let [x, y, width, height] = frame.inner();
    let stop = (lines.len() <= 24).then_some("0");
    html! {
        clipPath id=(id) {
            rect x=(px(x)) y=(px(y - 2.0)) width=(px(width)) height=(px(height + 3.0)) {}
        }
        g clip-path=(format!("url(#{id})")) {
            @for line in lines {
                path class=(format!("line {}", line.class)) tabindex=[stop] role="img" d=(path(frame, &line.points)) {
                    title { (line.title) }
                }
            }
        }
    }
}

fn path(frame: &Frame, points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    let mut sign = 'M';
    for (x, y) in points {
        if !(x.is_finite() && y.is_finite()) {
            sign = 'M';
            continue;
        }
        text.push(sign);
        text += &px(frame.at_x(*x));
        text.push(' ');
        // Far outside the frame the exact place does not matter.
        text += &px(frame.at_y(*y).clamp(-1e4, 1e4));
        sign = 'L';
    }
    text
}

/// A line that keeps its height until the next point, as a Pareto front does.
pub fn steps(frame: &Frame, points: &[(f64, f64)], class: &str) -> Markup {
    let mut text = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let (x, y) = (px(frame.at_x(*x)), px(frame.at_y(*y)));
        text += &match at {
            0 => format!("M{x} {y}"),
            _ => format!("H{x}V{y}"),
        };
    }
    html! { path class=(class) d=(text) {} }
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Style class: colour.
    pub class: &'static str,
    /// On the Pareto front: drawn as a diamond, on top.
    pub front: bool,
    /// Description for the tooltip.
    pub title: String,
    /// Its coordinates.
    pub at: (f64, f64),
    /// Text beside it, if any.
    pub label: String,
}

/// Place of a point, and place and anchor of its label.
type Placed<'a> = (f64, f64, Option<(f64, f64, &'a str)>);

/// Points with labels where there is room; a label that would cover another one or the line through `steps` is left to the
/// tooltip. Points of the front choose first and are drawn on top.
pub fn dots(frame: &Frame, dots: &[Dot], steps: &[(f64, f64)]) -> Markup {
    let mut taken: Vec<[f64; 4]> = dots
        .iter()
        .map(|dot| {
            let (x, y) = (frame.at_x(dot.at.0), frame.at_y(dot.at.1));
            [x - 5.0, y - 5.0, x + 5.0, y + 5.0]
        })
        .collect();
    for pair in steps.windows(2) {
        let at = |point: (f64, f64)| (frame.at_x(point.0), frame.at_y(point.1));
        let ((x, y), (to_x, to_y)) = (at(pair[0]), at(pair[1]));
        taken.push([x, y, to_x, y]);
        taken.push([to_x, y.min(to_y), to_x, y.max(to_y)]);
    }
    let (front, others): (Vec<&Dot>, Vec<&Dot>) = dots.iter().partition(|dot| dot.front);
    let sorted: Vec<&Dot> = front.into_iter().chain(others).collect();
    let placed: Vec<Placed<'_>> = sorted
        .iter()
        .map(|dot| {
            let (x, y) = (frame.at_x(dot.at.0), frame.at_y(dot.at.1));
            let wide = 6.4 * dot.label.chars().count() as f64;
            let inner = frame.inner();
            let right = inner[0] + inner[2];
            // Above a line there is room.
            let mut places = [
                (x + 9.0, y + 4.0, "start", x + 9.0),
                (x - 9.0, y + 4.0, "end", x - 9.0 - wide),
                (x + 6.0, y + 18.0, "start", x + 6.0),
                (x + 6.0, y - 9.0, "start", x + 6.0),
                (x - 6.0, y + 18.0, "end", x - 6.0 - wide),
            ];
            if dot.front {
                places.swap(0, 3);
            }
            let free = places.into_iter().find(|(_, below, _, from)| {
                let own = [*from, below - 11.0, from + wide, below + 3.0];
                let inside = own[0] >= inner[0]
                    && own[2] <= right
                    && own[1] >= inner[1] - 6.0
                    && own[3] <= inner[1] + inner[3];
                let clear = |other: &[f64; 4]| {
                    own[2] < other[0] || other[2] < own[0] || own[3] < other[1] || other[3] < own[1]
                };
                inside && taken.iter().all(clear)
            });
            let label = free
                .filter(|_| wide > 0.0)
                .map(|(at, below, anchor, from)| {
                    taken.push([from, below - 11.0, from + wide, below + 3.0]);
                    (at, below, anchor)
                });
            (x, y, label)
        })
        .collect();
    html! {
        @for (dot, (x, y, label)) in sorted.into_iter().zip(placed).rev() {
            g class=(format!("dot {}", dot.class)) tabindex="0" role="img" {
                title { (dot.title) }
                @match dot.front {
                    true => rect x=(px(x - 4.5)) y=(px(y - 4.5)) width="9" height="9"
                        transform=(format!("rotate(45 {} {})", px(x), px(y))) {},
                    false => circle cx=(px(x)) cy=(px(y)) r="4.5" {},
                }
                @if let Some((at, below, anchor)) = label {
                    text class="tick" x=(px(at)) y=(px(below)) text-anchor=(anchor) { (dot.label) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scale::Scale;
    use super::*;

    #[test]
    fn labels_avoid_the_line_and_the_front_is_drawn_on_top() {
        let frame = Frame::new(Scale::between(0.0, 10.0), Scale::between(0.0, 10.0));
        let dot = |front, at| Dot {
            class: "s0",
            front,
            title: format!("at {at:?}"),
            at,
            label: "64 · 0.1".into(),
        };
        let front = [(1.0, 5.0), (9.0, 5.0)];
        let all = [
            dot(true, front[0]),
            dot(false, (4.0, 5.0)),
            dot(true, front[1]),
        ];
        let drawn = dots(&frame, &all, &front).into_string();
        let on_the_line = format!("y=\"{}\" text-anchor", px(frame.at_y(5.0) + 4.0));
        assert!(!drawn.contains(&on_the_line), "{drawn}");
        assert_eq!(drawn.matches("64 · 0.1</text>").count(), 3, "{drawn}");
        let beside_no_line = dots(&frame, &all[1..2], &[]).into_string();
        assert!(beside_no_line.contains(&on_the_line), "{beside_no_line}");
        let (behind, above) = (
            drawn.find("at (4.0").unwrap(),
            drawn.find("at (1.0").unwrap(),
        );
        assert!(behind < above);
    }
}
