//! One card for a slide.

use maud::{Markup, PreEscaped, html};

use super::chart::{Bar, HeatMap, cut, patterns, px, row_of, sequential};
use super::display_unit::DisplayUnit;
use super::heat_maps::{MapScale, cost_bars, panels};
use super::regimes::wrap;
use super::words::{capital, cost_name, dates, devices, energy_origins};
use crate::study::analysis::{Analysis, CostReport};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 675.0;
const EDGE: f64 = 48.0;
/// Width of the plot's column.
const PLOT: f64 = 600.0;
/// With more columns the cells of a map hold their value alone, and larger.
const DENSE: usize = 6;
/// A map of few cells is not enlarged beyond this.
const LARGEST: f64 = 1.7;
/// Sources whose names fit at the foot.
const SOURCES: usize = 1;
/// Bars that fit.
const BARS: usize = 6;
/// Height of a bar with its name above it, and room for the text behind the longest bar.
const BAR: (f64, f64) = (66.0, 290.0);
/// Place of the first line of the answer and of the rule below the plot.
const TOP: f64 = 122.0;
const RULE: f64 = 560.0;

const STYLE: &str = "\
text{font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif;fill:#1b1f24}\
.title{font-size:24px;fill:#555b63}.answer{font-size:27px;font-weight:600}.more{font-size:22px}.foot{font-size:21px;fill:#555b63}\
.caption{font-size:24px;fill:#555b63}.row{font-size:21px}.amount{font-size:21px;font-weight:600}.tick{font-size:17px}.name{font-size:17px;fill:#555b63}\
.value{font-size:20px;font-weight:600}.below{font-size:14px}\
.dense .value{font-size:29px}.dense .below{display:none}.dense .tick{font-size:31px}.dense .name{font-size:31px}\
.best{fill:none;stroke:#1b1f24;stroke-width:3}.alike{fill:none;stroke:#1b1f24;stroke-width:2;stroke-dasharray:5 3}\
.ground{fill:#f1f2f4}.hatch{stroke:#9aa1ab;stroke-width:1.6;fill:none}.spot{fill:#9aa1ab}.plate{fill:#fff;opacity:.88}\
.grid{stroke:#e4e6ea}.axis,.mark{stroke:#8a9099}.part{stroke:none}\
.s0{fill:#0072b2}.s1{fill:#d55e00}.s2{fill:#009e73}.s3{fill:#cc79a7}.s4{fill:#b58900}.s5{fill:#3a9bd9}.s6{fill:#5a616b}.rest{fill:#b6bcc6}\
.whisker{stroke:#1b1f24;stroke-width:1.5;fill:none}";

/// The card as an SVG: the answer, the headline's cost as a map or bars, how it was measured, device and date.
pub fn card(analysis: &Analysis) -> String {
    let answer = &analysis.answer;
    let content = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}"))
            width=(WIDTH) height=(HEIGHT) role="img" aria-label=(answer) {
            title { (analysis.name) ": " (answer) }
            style { (PreEscaped(STYLE)) }
            (patterns())
            rect width=(WIDTH) height=(HEIGHT) fill="#fff" {}
            text class="title" x=(EDGE) y="70" { (analysis.name) }
            (text(analysis))
            @if let Some(cost) = analysis.headline() { (plot(analysis, cost)) }
            line x1=(EDGE) x2=(WIDTH - EDGE) y1=(RULE) y2=(RULE) stroke="#d6d9de" {}
            @for (line, text) in foot(analysis).iter().enumerate() {
                text class="foot" x=(EDGE) y=(px(RULE + 32.0 + 28.0 * line as f64)) { (text) }
            }
        }
    };
    content.into_string()
}

/// The headline, and below it as many whole sentences of the comparison as there is room for.
fn text(analysis: &Analysis) -> Markup {
    let answer = &analysis.answer;
    let (headline, more) = match analysis.headline().is_some() {
        true => (31, 40),
        false => (68, 90),
    };
    let headline = wrap(&answer.headline, headline, "", "");
    let below = TOP + 37.0 * headline.len() as f64 + 6.0;
    let room = ((RULE - 14.0 - below) / 30.0).max(0.0) as usize;
    let mut comparison = Vec::new();
    let mut sentences = String::new();
    for sentence in answer.comparison.split_inclusive(". ") {
        sentences += sentence;
        let lines = wrap(sentences.trim_end(), more, "", "");
        if lines.len() > room {
            break;
        }
        comparison = lines;
    }
    html! {
        @for (line, text) in headline.iter().enumerate() {
            text class="answer" x=(EDGE) y=(px(TOP + 37.0 * line as f64)) { (text) }
        }
        @for (line, text) in comparison.iter().enumerate() {
            text class="more" x=(EDGE) y=(px(below + 30.0 * line as f64)) { (text) }
        }
    }
}

/// How it was measured, in at most two lines, then device, date and sensors.
fn foot(analysis: &Analysis) -> Vec<String> {
    let mut lines = wrap(&analysis.answer.measurement, 96, "", "");
    lines.truncate(2);
    let conditions = [Some(devices(analysis)), dates(analysis)];
    let conditions = conditions
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty());
    let conditions: Vec<String> = conditions
        .chain([energy_origins(analysis, SOURCES)])
        .collect();
    lines.push(conditions.join(" · "));
    lines
}

/// The map or the bars beside the answer, as large as there is room.
fn plot(analysis: &Analysis, cost: &CostReport) -> Markup {
    let caption = format!(
        "{}, {}",
        capital(&cost_name(analysis, cost)),
        DisplayUnit::for_cost(cost).symbol
    );
    let (panels, left_out) = panels(analysis, cost, &MapScale::of(cost, &[]));
    let x = WIDTH - EDGE - PLOT;
    // Of several maps the one with the best regime.
    let best = |map: &HeatMap| map.cells.iter().flatten().flatten().any(|cell| cell.best);
    let chosen = panels
        .iter()
        .find(|panel| best(&panel.map))
        .or(panels.first());
    let mut lines = wrap(&caption, 46, "", "");
    if let Some(panel) = chosen.filter(|panel| !panel.title.is_empty()) {
        let title = format!("{} (1 of {} maps)", panel.title, panels.len() + left_out);
        lines.extend(wrap(&title, 46, "", ""));
    }
    let y = 70.0 + 28.0 * lines.len().max(2) as f64 + 4.0;
    let room = RULE - 46.0 - y;
    html! {
        @for (line, text) in lines.iter().enumerate() {
            text class="caption" x=(px(x)) y=(px(70.0 + 28.0 * line as f64)) { (text) }
        }
        @if let Some(panel) = chosen {
            @let map = HeatMap { dense: panel.map.across.1.len() > DENSE, ..panel.map.clone() };
            @let (width, height) = map.size();
            @let by = (PLOT / width).min(room / height).min(LARGEST);
            g class=[map.dense.then_some("dense")] transform=(format!("translate({} {}) scale({by:.3})", px(x), px(y))) { (map.draw()) }
            (legend(x, RULE - 16.0, &map))
        } @else {
            (rows(&cost_bars(analysis, cost).0, cost.cells.len(), x, y))
        }
    }
}

/// Bars with their names above them, as long names beside them would leave the bars no room.
fn rows(all: &[Bar], regimes: usize, x: f64, y: f64) -> Markup {
    let shown = &all[..all.len().min(BARS)];
    let end = |bar: &Bar| {
        let length = bar.parts.iter().map(|part| part.1).sum::<f64>();
        bar.interval
            .map_or(length, |interval| interval.1.max(length))
    };
    let most = shown.iter().map(end).fold(f64::MIN_POSITIVE, f64::max);
    let at = |value: f64| x + (PLOT - BAR.1) * value / most;
    html! {
        @for (row, bar) in shown.iter().enumerate() {
            @let top = y + BAR.0 * row as f64;
            text class="row" x=(px(x)) y=(px(top + 20.0)) { (cut(&bar.name)) }
            (row_of(bar, top + 28.0, &at))
            text class="amount" x=(px(at(end(bar)) + 8.0)) y=(px(top + 44.0)) { (bar.text) }
        }
        @if regimes > shown.len() {
            text class="foot" x=(px(x)) y=(px(y + BAR.0 * shown.len() as f64 + 20.0)) { "and " (regimes - shown.len()) " more" }
        }
    }
}

/// The colour scale, the outlines, and in a dense map the patterns, which have no words there.
fn legend(x: f64, y: f64, map: &HeatMap) -> Markup {
    let has = |pattern: &str| {
        let cells = map.cells.iter().flatten().flatten();
        map.dense
            && cells
                .into_iter()
                .any(|cell| cell.share.is_none() && cell.pattern == pattern)
    };
    let alike = map.cells.iter().flatten().flatten().any(|cell| cell.alike);
    let mut entries: Vec<(&str, &str)> = Vec::new();
    if alike {
        entries.push(("alike", "not significantly different"));
    }
    for (pattern, words) in [("over", "over budget"), ("diverged", "diverged")] {
        if has(pattern) {
            entries.push((pattern, words));
        }
    }
    let mut from = x + 275.0;
    let placed = entries.into_iter().map(|(class, words)| {
        let at = from;
        from += 45.0 + 10.5 * words.len() as f64;
        (class, words, at)
    });
    let placed: Vec<(&str, &str, f64)> = placed.collect();
    html! {
        @for step in 0..8 {
            rect x=(px(x + 75.0 + 14.0 * f64::from(step))) y=(px(y - 15.0)) width="14" height="16"
                fill=(sequential(1.0 - f64::from(step) / 7.0).0) {}
        }
        text class="foot" x=(px(x)) y=(px(y)) { "lowest" }
        text class="foot" x=(px(x + 195.0)) y=(px(y)) { "highest" }
        @for (class, words, at) in placed {
            @if class == "alike" {
                rect class="alike" x=(px(at)) y=(px(y - 16.0)) width="24" height="18" {}
            } @else {
                rect fill=(format!("url(#{class})")) x=(px(at)) y=(px(y - 16.0)) width="24" height="18" {}
            }
            text class="foot" x=(px(at + 33.0)) y=(px(y)) { (words) }
        }
    }
}
