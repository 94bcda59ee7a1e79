//! One card for a slide.

use maud::{Markup, PreEscaped, html};

use super::chart::{AxisText, Bar, HeatMap, cut, patterns, px, row_of};
use super::display_unit::DisplayUnit;
use super::heat_maps::{MapScale, cost_bars, panels};
use super::ledger::Shared;
use super::regimes::wrap;
use super::words::{capital, cost_name, dates, devices, energy_origins};
use crate::study::Opened;
use crate::study::analysis::{Analysis, CostReport};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 675.0;
const EDGE: f64 = 48.0;
/// Width of the plot's column, and its left end.
const PLOT: f64 = 600.0;
const LEFT: f64 = WIDTH - EDGE - PLOT;
/// Width of a character of the legend.
const LETTER: f64 = 10.6;
/// With more columns the cells of a map hold their value alone, and larger.
const DENSE: usize = 6;
/// A map of few cells is not enlarged beyond this.
const LARGEST: f64 = 1.7;
/// Sources whose names fit at the foot.
const SOURCES: usize = 1;
/// Bars that fit.
const BARS: usize = 6;
/// Height of a bar with its name above it, and room for the text behind the longest bar.
const BAR: (f64, f64) = (66.0, 320.0);
/// The end of a bar's text where the cost is not significantly different from the lowest.
const ALIKE: &str = ", not significantly different";
/// Place of the first line of the answer and of the rule below the plot.
const TOP: f64 = 122.0;
const RULE: f64 = 560.0;

const STYLE: &str = "\
text{font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif;fill:#1b1f24}\
.title{font-size:24px;fill:#555b63}.answer{font-size:27px;font-weight:600}.more{font-size:22px}.foot{font-size:19px;fill:#555b63}.legend{font-size:18px;fill:#555b63}\
.caption{font-size:24px;fill:#555b63}.row{font-size:21px}.amount{font-size:21px;font-weight:600}.tick{font-size:17px}.name{font-size:17px;fill:#555b63}\
.value{font-size:20px;font-weight:600}.below{font-size:12px}\
.dense .value{font-size:29px}.dense .tick{font-size:31px}.dense .name{font-size:31px}\
.best{fill:none;stroke:#1b1f24;stroke-width:3}.alike{fill:none;stroke:#1b1f24;stroke-width:2;stroke-dasharray:5 3}\
.ground{fill:#f1f2f4}.hatch{stroke:#9aa1ab;stroke-width:1.6;fill:none}.spot{fill:#9aa1ab}.plate{fill:#fff;opacity:.88}\
.grid{stroke:#e4e6ea}.axis,.mark{stroke:#8a9099}.part{stroke:none}\
.s0{fill:#0072b2}.s1{fill:#d55e00}.s2{fill:#009e73}.s3{fill:#cc79a7}.s4{fill:#b58900}.s5{fill:#3a9bd9}.s6{fill:#5a616b}.rest{fill:#b6bcc6}\
.p0{fill:#0072b2}.p1{fill:#b58900}.p2{fill:#d55e00}.p3{fill:#009e73}.p4{fill:#cc79a7}.p5{fill:#b6bcc6}\
.whisker{stroke:#1b1f24;stroke-width:1.5;fill:none}";

/// The card as an SVG: the answer, the headline's cost as a map or bars, how it was measured, device and date.
pub fn card(opened: &Opened) -> String {
    let analysis = &opened.analysis;
    let answer = &analysis.answer;
    let plot = match analysis.is_split() {
        // Cells that learn different tasks are not beside each other.
        true => opened
            .ledgers
            .lead(analysis)
            .into_iter()
            .min_by(|a, b| a.together.mean.total_cmp(&b.together.mean))
            .map(|lead| shared(&Shared::of(analysis, lead))),
        false => analysis.headline().map(|cost| plot(analysis, cost)),
    };
    let content = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}"))
            width=(WIDTH) height=(HEIGHT) role="img" aria-label=(answer) {
            title { (analysis.name) ": " (answer) }
            style { (PreEscaped(STYLE)) }
            (patterns())
            rect width=(WIDTH) height=(HEIGHT) fill="#fff" {}
            text class="title" x=(EDGE) y="70" { (analysis.name) }
            (text(analysis, plot.is_some()))
            @if let Some(plot) = plot { (plot) }
            line x1=(EDGE) x2=(WIDTH - EDGE) y1=(RULE) y2=(RULE) stroke="#d6d9de" {}
            @for (line, text) in foot(analysis).iter().enumerate() {
                text class="foot" x=(EDGE) y=(px(RULE + 28.0 + 26.0 * line as f64)) { (text) }
            }
        }
    };
    content.into_string()
}

/// The headline, and below it as many whole sentences of the comparison as there is room for.
fn text(analysis: &Analysis, beside_plot: bool) -> Markup {
    let answer = &analysis.answer;
    let (headline, more) = match beside_plot {
        true => (30, 40),
        false => (68, 90),
    };
    let headline = wrap(&answer.headline, headline, "", "");
    let below = TOP + 37.0 * headline.len() as f64 + 6.0;
    let room = ((RULE - 14.0 - below) / 30.0).max(0.0) as usize;
    let comparison = sentences(&answer.comparison, more, room);
    html! {
        @for (line, text) in headline.iter().enumerate() {
            text class="answer" x=(EDGE) y=(px(TOP + 37.0 * line as f64)) { (text) }
        }
        @for (line, text) in comparison.iter().enumerate() {
            text class="more" x=(EDGE) y=(px(below + 30.0 * line as f64)) { (text) }
        }
    }
}

/// As many whole sentences as fit `room` lines.
fn sentences(text: &str, width: usize, room: usize) -> Vec<String> {
    let mut fitting = Vec::new();
    let mut kept = String::new();
    for sentence in text.split_inclusive(". ") {
        kept += sentence;
        let lines = wrap(kept.trim_end(), width, "", "");
        if lines.len() > room {
            break;
        }
        fitting = lines;
    }
    fitting
}

/// How it was measured, then device, date and sensors, in at most four lines.
fn foot(analysis: &Analysis) -> Vec<String> {
    let conditions = [Some(devices(analysis)), dates(analysis)];
    let conditions = conditions
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty());
    let conditions: Vec<String> = conditions
        .chain(energy_origins(analysis, SOURCES))
        .collect();
    let conditions = wrap(&conditions.join(" · "), 102, "", "");
    let room = 4usize.saturating_sub(conditions.len());
    let mut lines = sentences(&analysis.answer.measurement, 102, room);
    lines.extend(conditions);
    lines.truncate(4);
    lines
}

/// The lines of text above the plot, and where the plot begins.
fn caption(lines: &[String]) -> (Markup, f64) {
    let markup = html! {
        @for (line, text) in lines.iter().enumerate() {
            text class="caption" x=(px(LEFT)) y=(px(70.0 + 28.0 * line as f64)) { (text) }
        }
    };
    (markup, 70.0 + 28.0 * lines.len().max(2) as f64 + 4.0)
}

/// The map or the bars beside the answer, as large as there is room.
fn plot(analysis: &Analysis, cost: &CostReport) -> Markup {
    let name = format!(
        "{}, {}",
        capital(&cost_name(analysis, cost)),
        DisplayUnit::for_cost(cost).symbol
    );
    let (panels, left_out) = panels(analysis, cost, &MapScale::of(cost, &[]));
    // Of several maps the one with the best regime.
    let best = |map: &HeatMap| map.cells.iter().flatten().flatten().any(|cell| cell.best);
    let chosen = panels
        .iter()
        .find(|panel| best(&panel.map))
        .or(panels.first());
    let mut lines = wrap(&name, 46, "", "");
    if let Some(panel) = chosen.filter(|panel| !panel.title.is_empty()) {
        let title = format!("{} (1 of {} maps)", panel.title, panels.len() + left_out);
        lines.extend(wrap(&title, 46, "", ""));
    }
    let (caption, y) = caption(&lines);
    html! {
        (caption)
        @if let Some(panel) = chosen {
            @let text = if panel.map.across.1.len() > DENSE { AxisText::Dense } else { AxisText::Card };
            @let map = with_text(&panel.map, text);
            @let (width, height) = map.size();
            @let (legend, above) = legend(&map);
            @let by = (PLOT / width).min((above - 24.0 - y) / height).min(LARGEST);
            g class=[map.is_dense().then_some("dense")] transform=(format!("translate({} {}) scale({by:.3})", px(LEFT), px(y))) { (map.draw()) }
            (legend)
        } @else {
            (rows(&cost_bars(analysis, cost).0, cost.cells.len(), y))
        }
    }
}

/// The map with axes of this size; in a dense one cells have their value alone.
fn with_text(map: &HeatMap, text: AxisText) -> HeatMap {
    let mut map = HeatMap {
        text,
        ..map.clone()
    };
    if map.is_dense() {
        let cells = map.cells.iter_mut().flatten().flatten();
        cells.for_each(|cell| cell.below.clear());
    }
    map
}

/// One network beside several.
fn shared(found: &Shared) -> Markup {
    let (caption, y) = caption(&wrap(&found.axis, 46, "", ""));
    let swatches = found.legend.iter().map(|(class, name)| {
        let swatch = html! { rect class=(class) width="24" height="16" {} };
        (Some(swatch), name.clone())
    });
    html! {
        (caption)
        (rows(&found.bars, found.bars.len(), y))
        (entries(swatches.collect()).0)
    }
}

/// Bars with their names above them, as long names beside them would leave the bars no room.
fn rows(all: &[Bar], regimes: usize, y: f64) -> Markup {
    let shown = &all[..all.len().min(BARS)];
    let end = |bar: &Bar| {
        let length = bar.parts.iter().map(|part| part.1).sum::<f64>();
        bar.interval
            .map_or(length, |interval| interval.1.max(length))
    };
    let most = shown.iter().map(end).fold(f64::MIN_POSITIVE, f64::max);
    let at = |value: f64| LEFT + (PLOT - BAR.1) * value / most;
    // The words have no room behind a bar.
    let alike = |bar: &Bar| bar.text.strip_suffix(ALIKE).map(|text| format!("~ {text}"));
    let any_alike = shown.iter().any(|bar| alike(bar).is_some());
    let more = regimes - shown.len();
    html! {
        @for (row, bar) in shown.iter().enumerate() {
            @let top = y + BAR.0 * row as f64;
            text class="row" x=(px(LEFT)) y=(px(top + 20.0)) { (cut(&bar.name)) }
            (row_of(bar, top + 28.0, &at))
            text class="amount" x=(px(at(end(bar)) + 8.0)) y=(px(top + 44.0)) { (alike(bar).unwrap_or_else(|| bar.text.clone())) }
        }
        @if more > 0 || any_alike {
            text class="legend" x=(px(LEFT)) y=(px(RULE - 14.0)) {
                @if any_alike { "~ not significantly different" } @if more > 0 && any_alike { "; " } @if more > 0 { "and " (more) " more" }
            }
        }
    }
}

/// The colour scale, the outlines, and in a dense map the patterns, which have no words there; and where it begins.
fn legend(map: &HeatMap) -> (Markup, f64) {
    let cells = || map.cells.iter().flatten().flatten();
    let mut all = vec![
        (None, "lowest".to_owned()),
        (
            Some(html! { rect fill="url(#ramp)" width="90" height="16" {} }),
            "highest".to_owned(),
        ),
    ];
    if cells().any(|cell| cell.alike) {
        let outline = html! { rect class="alike" width="24" height="16" {} };
        all.push((Some(outline), "not significantly different".to_owned()));
    }
    for (pattern, words) in [("over", "over budget"), ("diverged", "diverged")] {
        let has = cells().any(|cell| cell.share.is_none() && cell.pattern == pattern);
        if map.is_dense() && has {
            let filled = html! { rect fill=(format!("url(#{pattern})")) width="24" height="16" {} };
            all.push((Some(filled), words.to_owned()));
        }
    }
    entries(all)
}

/// A legend at the foot of the plot, as many entries to a line as fit, and the top of its first line.
fn entries(all: Vec<(Option<Markup>, String)>) -> (Markup, f64) {
    let mut placed = Vec::new();
    let (mut x, mut line) = (0.0, 0);
    for (swatch, words) in all {
        let before = match &swatch {
            Some(swatch) if swatch.0.contains("ramp") => 98.0,
            Some(_) => 32.0,
            None => 0.0,
        };
        let wide = before + LETTER * words.chars().count() as f64;
        if x > 0.0 && x + wide > PLOT {
            (x, line) = (0.0, line + 1);
        }
        placed.push((swatch, words, LEFT + x, before, line));
        // The colours follow "lowest" at once.
        x += wide + if before > 0.0 { 24.0 } else { 0.0 };
    }
    let base = |at: i32| RULE - 16.0 - 26.0 * f64::from(line - at);
    let markup = html! {
        @for (swatch, words, x, before, line) in &placed {
            @if let Some(swatch) = swatch { g transform=(format!("translate({} {})", px(*x), px(base(*line) - 14.0))) { (swatch) } }
            text class="legend" x=(px(x + before)) y=(px(base(*line))) { (words) }
        }
    };
    (markup, base(0) - 16.0)
}
