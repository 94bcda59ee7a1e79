//! One card for a slide.

use maud::{Markup, PreEscaped, html};
use textwrap::{Options, WordSplitter};

use super::chart::{Bar, HeatMap, cut, patterns, px, sequential};
use super::heat::{cost_bars, panels};
use super::names::separator;
use super::words::{Unit, cost_name, dates, devices, origin, through};
use crate::study::analysis::{Analysis, CostKind, CostReport};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 675.0;
const EDGE: f64 = 48.0;
/// Width of the picture's own column.
const PICTURE: f64 = 600.0;
/// Beyond so many columns the cells of a map hold their value alone, and larger.
const DENSE: usize = 6;
/// A map of few cells is not drawn larger than this many times its own size.
const LARGEST: f64 = 1.7;
/// Sources whose names surely fit below.
const SOURCES: usize = 1;
/// Bars that fit.
const BARS: usize = 6;
/// Height of a bar with its name, and of the bar alone.
const BAR: (f64, f64) = (66.0, 22.0);
/// Room for what stands behind the longest bar.
const BEHIND: f64 = 210.0;

const STYLE: &str = "\
text{font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif;fill:#1b1f24}\
.title{font-size:30px;font-weight:650}.answer{font-size:27px}.foot{font-size:22px;fill:#555b63}\
.caption{font-size:24px;fill:#555b63}.row{font-size:21px}.amount{font-size:22px;font-weight:600}.tick{font-size:15px}.name{font-size:15px;fill:#555b63}\
.value{font-size:20px;font-weight:600}.below{font-size:13px}\
.dense .value{font-size:29px}.dense .below{display:none}.dense .tick{font-size:31px}.dense .name{font-size:31px}\
.best{fill:none;stroke:#1b1f24;stroke-width:3}.alike{fill:none;stroke:#1b1f24;stroke-width:2;stroke-dasharray:5 3}\
.ground{fill:#f1f2f4}.hatch{stroke:#9aa1ab;stroke-width:1.6;fill:none}.spot{fill:#9aa1ab}.plate{fill:#fff;opacity:.88}\
.grid{stroke:#e4e6ea}.axis,.mark{stroke:#8a9099}.part{fill:#56779c;stroke:none}.part.best,.part.alike{fill:#0072b2;stroke:none}.part.alike{opacity:.6}\
.whisker{stroke:#1b1f24;stroke-width:1.5}";

/// The card as a picture of its own: the map of the headline's cost, the answer, through what and when.
pub fn card(analysis: &Analysis) -> String {
    let content = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}"))
            width=(WIDTH) height=(HEIGHT) role="img" aria-label=(analysis.answer) {
            title { (analysis.name) ": " (analysis.answer) }
            style { (PreEscaped(STYLE)) }
            (patterns())
            rect width=(WIDTH) height=(HEIGHT) fill="#fff" {}
            text class="title" x=(EDGE) y="70" { (analysis.name) }
            @for (line, text) in answer(analysis).iter().enumerate() {
                text class="answer" x=(EDGE) y=(130 + 37 * line) { (text) }
            }
            @if let Some(cost) = analysis.headline() { (picture(analysis, cost)) }
            line x1=(EDGE) x2=(WIDTH - EDGE) y1="590" y2="590" stroke="#d6d9de" {}
            @for (line, text) in foot(analysis).iter().enumerate() {
                text class="foot" x=(EDGE) y=(625 + 30 * line) { (text) }
            }
        }
    };
    content.into_string()
}

/// As much of the answer as there is room for; sentences stay whole.
fn answer(analysis: &Analysis) -> Vec<String> {
    const LINES: usize = 12;
    let mut lines = Vec::new();
    let mut told = String::new();
    let wide = if analysis.headline().is_some() {
        31
    } else {
        72
    };
    for sentence in analysis.answer.to_string().split_inclusive(". ") {
        told += sentence;
        let options = Options::new(wide)
            .word_separator(separator())
            .word_splitter(WordSplitter::NoHyphenation);
        let wrapped: Vec<String> = textwrap::wrap(told.trim_end(), options)
            .into_iter()
            .map(std::borrow::Cow::into_owned)
            .collect();
        if wrapped.len() > LINES && !lines.is_empty() {
            break;
        }
        lines = wrapped;
    }
    lines.truncate(LINES);
    lines
}

fn foot(analysis: &Analysis) -> Vec<String> {
    let through = match analysis.headline().map(|cost| &cost.kind) {
        Some(CostKind::Energy {
            source,
            scope,
            status,
        }) => format!("energy {}", origin(source, *scope, *status)),
        _ => through(analysis, SOURCES),
    };
    let interval = analysis.headline().map_or("", |cost| {
        match cost.cells.iter().any(|cell| cell.interval.is_some()) {
            true => "; intervals hold 95 %",
            false => "",
        }
    });
    let seeds = analysis.seeds.len();
    let first: Vec<String> = [Some(devices(analysis)), dates(analysis)]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    vec![
        first.join(" · "),
        format!(
            "{through} · {seeds} seed{} a cell{interval}",
            super::words::plural(seeds)
        ),
    ]
}

/// The map beside the answer, as large as there is room.
fn picture(analysis: &Analysis, cost: &CostReport) -> Markup {
    let unit = Unit::for_cost(cost);
    let caption = format!("{}, {}", cost_name(cost), unit.symbol);
    let (panels, left_out) = panels(analysis, cost);
    let x = WIDTH - EDGE - PICTURE;
    // A study of more axes shows the panel that holds the best cell.
    let best = |map: &HeatMap| map.cells.iter().flatten().flatten().any(|cell| cell.best);
    let chosen = panels
        .iter()
        .find(|panel| best(&panel.map))
        .or(panels.first());
    let options = |wide| Options::new(wide).word_separator(separator());
    let mut lines = textwrap::wrap(&caption, options(46));
    let title = chosen
        .filter(|panel| !panel.title.is_empty())
        .map(|panel| format!("{} (1 of {} maps)", panel.title, panels.len() + left_out));
    if let Some(title) = &title {
        lines.extend(textwrap::wrap(title, options(46)));
    }
    let y = 70.0 + 28.0 * lines.len().max(2) as f64 + 4.0;
    let room = 540.0 - y;
    html! {
        @for (line, text) in lines.iter().enumerate() {
            text class="caption" x=(px(x)) y=(px(70.0 + 28.0 * line as f64)) { (text) }
        }
        @if let Some(panel) = chosen {
            @let map = HeatMap { dense: panel.map.across.1.len() > DENSE, ..panel.map.clone() };
            @let (width, height) = map.size();
            @let by = (PICTURE / width).min(room / height).min(LARGEST);
            g class=[map.dense.then_some("dense")] transform=(format!("translate({} {}) scale({by:.3})", px(x), px(y))) { (map.draw()) }
            (legend(x, 572.0, map.cells.iter().flatten().flatten().any(|cell| cell.alike)))
        } @else {
            (rows(&cost_bars(analysis, cost).0, cost.cells.len(), x, y))
        }
    }
}

/// Bars with their names above them, as long names beside them would leave the bars no room.
fn rows(all: &[Bar], cells: usize, x: f64, y: f64) -> Markup {
    let shown = &all[..all.len().min(BARS)];
    let end = |bar: &Bar| {
        let length = bar.parts.iter().map(|part| part.1).sum::<f64>();
        bar.interval
            .map_or(length, |interval| interval.1.max(length))
    };
    let most = shown.iter().map(end).fold(f64::MIN_POSITIVE, f64::max);
    let at = |value: f64| (PICTURE - BEHIND) * value / most;
    html! {
        @for (row, bar) in shown.iter().enumerate() {
            @let top = y + BAR.0 * row as f64;
            text class="row" x=(px(x)) y=(px(top + 20.0)) { (cut(&bar.name)) }
            @for (class, length) in &bar.parts {
                rect class=(class) x=(px(x)) y=(px(top + 28.0)) width=(px(at(*length))) height=(px(BAR.1)) {}
            }
            @if let Some((low, high)) = bar.interval {
                path class="whisker" d=(format!("M{} {}H{}", px(x + at(low)), px(top + 28.0 + BAR.1 / 2.0), px(x + at(high)))) {}
            }
            text class="amount" x=(px(x + at(end(bar)) + 8.0)) y=(px(top + 28.0 + 0.8 * BAR.1)) { (bar.text) }
        }
        @if cells > shown.len() {
            text class="foot" x=(px(x)) y=(px(y + BAR.0 * shown.len() as f64 + 20.0)) { "and " (cells - shown.len()) " more" }
        }
    }
}

/// From cheap to dear, and what the outlines mean.
fn legend(x: f64, y: f64, alike: bool) -> Markup {
    html! {
        @for step in 0..8 {
            rect x=(px(x + 70.0 + 14.0 * f64::from(step))) y=(px(y - 15.0)) width="14" height="16"
                fill=(sequential(1.0 - f64::from(step) / 7.0).0) {}
        }
        text class="foot" x=(px(x)) y=(px(y)) { "least" }
        text class="foot" x=(px(x + 190.0)) y=(px(y)) { "most" }
        @if alike {
            rect class="alike" x=(px(x + 265.0)) y=(px(y - 16.0)) width="24" height="18" {}
            text class="foot" x=(px(x + 298.0)) y=(px(y)) { "not told from the least" }
        }
    }
}
