//! A learning-rate range test: on a terminal, and as a picture.

use maud::{PreEscaped, html};

use super::study::chart::{Frame, Line, Scale, lines, px};
use crate::train::{LrFinding, LrPoint};

/// Columns and rows of the plot on a terminal.
const COLUMNS: usize = 60;
const ROWS: usize = 14;

/// The plot ends at this many times the loss before the descent: a diverging loss would hide it.
const HIGHEST: f64 = 1.25;

const STYLE: &str = "\
text{font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif;fill:#1b1f24;font-size:12px}\
.name{fill:#555b63}.grid{stroke:#e4e6ea}.axis,.mark{stroke:#8a9099}.line{fill:none;stroke-width:2}\
.s0{stroke:#0072b2}.rest{stroke:#b6bcc6;stroke-width:1}.chosen{stroke:#d55e00;stroke-dasharray:5 3}.swatch{fill:none}";

/// Lowest and highest loss of the plot.
fn losses(points: &[LrPoint]) -> (f64, f64) {
    let smoothed = || points.iter().map(|point| point.smoothed);
    let lowest = smoothed().fold(f64::INFINITY, f64::min);
    let first = points.first().map_or(1.0, |point| point.smoothed);
    (lowest, (HIGHEST * first).max(lowest + 1e-9))
}

/// The suggestion in a sentence, with its rule.
fn answer(found: &LrFinding) -> String {
    let rule = found.rule;
    match found.suggestion {
        Some(lr) => format!("suggested learning rate {lr:.2e} ({rule})"),
        None => "no suggestion: the loss did not fall at any learning rate".to_owned(),
    }
}

/// The plot, the suggestion and what ended the test.
pub fn lr_find(found: &LrFinding) -> String {
    let points = &found.points;
    let (lowest, highest) = losses(points);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return match found.diverged {
            true => "no suggestion: the first loss was not finite\n",
            false => {
                "no suggestion: every step was skipped because a gradient of the scaled loss was not finite; choose a smaller \
                 --loss-scale\n"
            }
        }
        .to_owned();
    };
    let mut grid = vec![[' '; COLUMNS]; ROWS];
    let decades = (last.lr / first.lr).ln().max(1e-9);
    let column = |lr: f64| {
        let share = (lr / first.lr).ln() / decades;
        ((share * (COLUMNS - 1) as f64).round() as usize).min(COLUMNS - 1)
    };
    if let Some(lr) = found.suggestion {
        let at = column(lr);
        grid.iter_mut().for_each(|row| row[at] = '|');
    }
    for point in points {
        let share = (highest - point.smoothed) / (highest - lowest);
        if share >= 0.0 {
            let row = ((share * (ROWS - 1) as f64).round() as usize).min(ROWS - 1);
            grid[row][column(point.lr)] = '*';
        }
    }
    let mut text = String::from("smoothed loss\n");
    for (at, row) in grid.iter().enumerate() {
        let share = at as f64 / (ROWS - 1) as f64;
        let label = match at % 3 == 0 || at + 1 == ROWS {
            true => format!("{:8.3}", highest - share * (highest - lowest)),
            false => " ".repeat(8),
        };
        let row: String = row.iter().collect();
        text += format!("{label} | {}", row.trim_end()).trim_end();
        text.push('\n');
    }
    text += &format!("{:>9}+{}\n", "", "-".repeat(COLUMNS + 1));
    let (from, to) = (format!("{:.1e}", first.lr), format!("{:.1e}", last.lr));
    let middle = "learning rate (log)";
    text += &format!(
        "{:>11}{from}{middle:^width$}{to}\n\n",
        "",
        width = COLUMNS - from.len() - to.len()
    );
    text += &format!("{}\n", answer(found));
    let ended = match found.diverged {
        true => "ended when the loss diverged",
        false => "all learning rates were tried",
    };
    text += &format!(
        "lowest smoothed loss at {:.2e}; {} steps from {:.1e} to {:.1e}, {ended}\n",
        found.lowest,
        points.len(),
        first.lr,
        last.lr
    );
    text
}

/// The same as an SVG, with the loss of every step.
pub fn lr_find_svg(found: &LrFinding, title: &str) -> String {
    let points = &found.points;
    let (lowest, highest) = losses(points);
    let room = 0.05 * (highest - lowest);
    let along = |loss: fn(&LrPoint) -> f64| points.iter().map(move |p| (p.lr, loss(p))).collect();
    let mut frame = Frame::new(
        Scale::around(points.iter().map(|point| point.lr)),
        Scale::between(lowest - room, highest),
    );
    frame.width = 640.0;
    frame.height = 360.0;
    let mut drawn = vec![
        Line {
            class: "rest",
            title: "loss of a step".into(),
            points: along(|point| point.loss),
        },
        Line {
            class: "s0",
            title: "smoothed loss".into(),
            points: along(|point| point.smoothed),
        },
    ];
    frame.legend = vec![
        ("rest", "loss of a step".into()),
        ("s0", format!("mean of {} steps", found.smoothed_over)),
    ];
    if let Some(lr) = found.suggestion {
        drawn.push(Line {
            class: "chosen",
            title: answer(found),
            points: vec![(lr, lowest - room), (lr, highest)],
        });
        frame
            .legend
            .push(("chosen", format!("suggestion {lr:.2e}")));
    }
    let (width, height) = (frame.width, frame.height + 64.0);
    let content = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(width)) height=(px(height)) role="img" aria-label=(answer(found))
            viewBox=(format!("0 -28 {} {}", px(width), px(height))) {
            title { (title) ": " (answer(found)) }
            style { (PreEscaped(STYLE)) }
            rect x="0" y="-28" width=(px(width)) height=(px(height)) fill="#fff" {}
            text x="56" y="-8" { (title) }
            (frame.axes("learning rate (log)", "loss"))
            (lines(&frame, &drawn, "plot"))
        }
    };
    content.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::LrSweep;

    fn found(suggestion: Option<f64>, count: u32) -> LrFinding {
        let sweep = LrSweep::default();
        let point = |step: u32| LrPoint {
            lr: sweep.lr(step),
            loss: 2.3 - 0.01 * f64::from(step),
            smoothed: 2.3 - 0.01 * f64::from(step),
        };
        LrFinding {
            schema: 1,
            sweep,
            suggestion,
            rule: "a rule",
            lowest: 0.1,
            diverged: true,
            smoothed_over: 11,
            points: (0..count).map(point).collect(),
        }
    }

    #[test]
    fn the_plot_marks_the_suggestion_and_fits_80_columns() {
        let text = lr_find(&found(Some(1e-2), 150));
        assert!(
            text.lines()
                .take(ROWS + 3)
                .all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(
            text.contains("suggested learning rate 1.00e-2 (a rule)"),
            "{text}"
        );
        assert!(text.matches('|').count() > 2 * ROWS - 3, "{text}");
        let none = lr_find(&found(None, 150));
        assert!(none.contains("no suggestion"), "{none}");
        assert!(lr_find(&found(None, 0)).contains("first loss"));
        let svg = lr_find_svg(&found(Some(1e-2), 150), "mlp");
        assert!(
            svg.starts_with("<svg") && svg.contains("suggestion 1.00e-2"),
            "{svg}"
        );
    }
}
