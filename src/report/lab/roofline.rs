//! A roofline as text, as a picture and as a page.

use maud::{Markup, PreEscaped, html};

use super::super::columns::{Align, columns};
use super::super::study::CsvTable;
use super::super::study::chart::{Dot, Frame, Line, Scale, dots, extent, lines, px};
use super::super::study::folded::{self, Rows, data_behind};
use super::{page, rate, short_seconds};
use crate::lab::roofline::{EnergyModel, Peak, Roofline};
use crate::units::si;

const SVG_STYLE: &str = "\
text{font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif;fill:#1b1f24;font-size:12px}\
.name{fill:#555b63}.grid{stroke:#e4e6ea}.axis,.mark{stroke:#8a9099}.line{fill:none;stroke-width:2;stroke:var(--c)}\
.swatch{stroke:var(--c)}.s0{--c:#0072b2}.s1{--c:#d55e00}.s2{--c:#009e73}.s3{--c:#cc79a7}.s4{--c:#b58900}.s5{--c:#3a9bd9}.s6{--c:#5a616b}.rest{--c:#b6bcc6}\
.dot{fill:var(--c);stroke:#fff}.dot text{fill:#1b1f24;stroke:#fff;stroke-width:3px;paint-order:stroke}\
.line.s4,.swatch.s4{stroke-dasharray:2 3}";

/// A kernel on the plot.
#[derive(Clone, Debug, PartialEq)]
pub struct PlottedKernel {
    /// Style class of its group.
    pub class: &'static str,
    /// Its name in the data.
    pub name: String,
    /// Text beside its point; empty for none.
    pub label: String,
    /// Text of its tooltip.
    pub title: String,
    /// FLOPs per distinct byte.
    pub intensity: f64,
    /// FLOP/s.
    pub flops_per_second: f64,
}

/// The figures as a table.
pub fn roofline(found: &Roofline) -> String {
    let mut text = format!(
        "{}, {}, {}\nmeasured {}\n\n",
        found.device.name, found.device.backend, found.device.driver, found.measured_at
    );
    let mut rows = vec![
        ["", "best", "median", "fastest kernel"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(table(found));
    let align = [Align::Left, Align::Right, Align::Right, Align::Left];
    text += &columns(&rows, &align, "");
    if let Some(balance) = found.balance() {
        text += &format!(
            "\nKernels below {balance:.2} FLOP per byte are limited by memory, those above by arithmetic.\n"
        );
    }
    if let Some(energy) = &found.energy {
        text += &format!("\n{}", energy_lines(energy));
    }
    for missing in &found.missing {
        let fix = missing.fix.as_ref();
        let fix = fix.map_or(String::new(), |fix| format!(" (fix: {fix})"));
        text += &format!("{}: unavailable: {}{fix}\n", missing.what, missing.reason);
    }
    text
}

/// Name, best, median and kernel of each peak.
fn table(found: &Roofline) -> Vec<Vec<String>> {
    let rates = [
        ("f32 multiply-add", &found.f32_fma, "FLOP/s"),
        ("f16 multiply-add", &found.f16_fma, "FLOP/s"),
        ("memory read", &found.memory_read, "B/s"),
        ("memory copy", &found.memory_copy, "B/s"),
        ("workgroup memory", &found.workgroup_read, "B/s"),
    ];
    let gaps = [
        ("launch", &found.launch_gap),
        ("dependent launch", &found.dependent_launch_gap),
        ("submission", &found.submission),
    ];
    let row = |name: &str, peak: &Peak, show: &dyn Fn(f64) -> String| {
        vec![
            name.to_owned(),
            show(peak.value),
            show(peak.median),
            peak.kernel.clone(),
        ]
    };
    let mut rows = Vec::new();
    for (name, peak, unit) in rates {
        let show = |value: f64| format!("{}{unit}", si(value));
        rows.extend(peak.iter().map(|peak| row(name, peak, &show)));
    }
    for (name, peak) in gaps {
        rows.extend(peak.iter().map(|peak| row(name, peak, &short_seconds)));
    }
    rows
}

/// The lines of the energy model.
fn energy_lines(model: &EnergyModel) -> String {
    let pico = |joules: f64| format!("{:.2}", joules * 1e12);
    let rows = [
        (
            "per FLOP",
            format!("{} pJ", pico(model.joules_per_flop)),
            [model.joules_per_flop_ci.low, model.joules_per_flop_ci.high].map(pico),
        ),
        (
            "per byte",
            format!("{} pJ", pico(model.joules_per_byte)),
            [model.joules_per_byte_ci.low, model.joules_per_byte_ci.high].map(pico),
        ),
        (
            "standing power",
            format!("{}W", si(model.standing_watts)),
            [model.standing_watts_ci.low, model.standing_watts_ci.high]
                .map(|watts| format!("{watts:.2}")),
        ),
    ];
    let rows = rows.map(|(name, value, [low, high])| {
        vec![name.to_owned(), value, format!("95 % CI {low} to {high}")]
    });
    let align = [Align::Left, Align::Right, Align::Left];
    let mut text = format!(
        "energy by {} ({}), fitted to {} intensities, R2 {:.3}\n{}",
        model.source,
        model.scope,
        model.sweep.len(),
        model.r_squared,
        columns(&rows, &align, "")
    );
    if let Some(balance) = model.balance() {
        text +=
            &format!("Arithmetic and memory cost the same energy at {balance:.2} FLOP per byte.\n");
    }
    text
}

/// The log-log plot: the roofs, and kernels below or above them.
fn plot(
    found: &Roofline,
    kernels: &[PlottedKernel],
    label: &str,
    groups: &[(&'static str, String)],
) -> Option<(Frame, Markup)> {
    let memory = found.memory()?;
    let compute = found.f32_fma.as_ref()?;
    let balance = compute.value / memory.value;
    let points = || {
        kernels
            .iter()
            .map(|kernel| (kernel.intensity, kernel.flops_per_second))
    };
    let reach = points()
        .map(|(x, _)| x)
        .chain([balance / 30.0, balance * 30.0, 0.1]);
    let (left, right) = extent(reach)?;
    let roofs: Vec<(&'static str, String, f64, f64)> = [
        (
            "rest",
            "f16",
            found.f16_fma.as_ref(),
            Some(memory),
            "memory",
        ),
        (
            "s4",
            "f32",
            Some(compute),
            found.workgroup_read.as_ref(),
            "workgroup memory",
        ),
        ("s0", "f32", Some(compute), Some(memory), "memory"),
    ]
    .into_iter()
    .filter_map(|(class, kind, peak, slope, place)| {
        let (peak, slope) = (peak?, slope?);
        let text = format!(
            "{kind} {}, {place} {}",
            rate(peak, "FLOP/s"),
            rate(slope, "B/s")
        );
        Some((class, text, peak.value, slope.value))
    })
    .collect();
    let giga = 1e-9;
    let line = |(class, title, peak, slope): &(&'static str, String, f64, f64)| {
        let corner = peak / slope;
        let roof = |x: f64| (x, (slope * x).min(*peak) * giga);
        let mut points = vec![roof(left)];
        if (left..right).contains(&corner) {
            points.push(roof(corner));
        }
        points.push(roof(right));
        Line {
            class,
            title: title.clone(),
            points,
        }
    };
    let drawn: Vec<Line> = roofs.iter().map(line).collect();
    let heights = drawn
        .iter()
        .flat_map(|line| line.points.iter().map(|point| point.1));
    let heights = heights.chain(points().map(|(_, y)| y * giga));
    let mut frame = Frame::new(Scale::around([left, right]), Scale::around(heights));
    frame.width = 760.0;
    frame.height = 440.0;
    frame.legend = roofs.iter().map(|roof| (roof.0, roof.1.clone())).collect();
    frame.legend.extend(groups.iter().cloned());
    let marks: Vec<Dot> = kernels
        .iter()
        .map(|kernel| Dot {
            class: kernel.class,
            front: false,
            title: kernel.title.clone(),
            at: (kernel.intensity, kernel.flops_per_second * giga),
            label: kernel.label.clone(),
        })
        .collect();
    let content = html! {
        (frame.axes("FLOP per byte of operands (log)", "GFLOP/s (log)"))
        (lines(&frame, &drawn, &format!("roofs-{label}")))
        (dots(&frame, &marks, &[]))
    };
    Some((frame, content))
}

/// The plot as an SVG of its own; `groups` are the classes of the kernels with their names. `None` where a peak that it needs
/// is absent.
pub fn roofline_svg(
    found: &Roofline,
    kernels: &[PlottedKernel],
    groups: &[(&'static str, String)],
    title: &str,
) -> Option<String> {
    let (frame, content) = plot(found, kernels, "svg", groups)?;
    let (width, height) = (
        frame.width,
        frame.height + 28.0 + 18.0 * (frame.legend.len() as f64),
    );
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(width)) height=(px(height)) role="img" aria-label=(title)
            viewBox=(format!("0 -28 {} {}", px(width), px(height))) {
            title { (title) }
            style { (PreEscaped(SVG_STYLE)) }
            rect x="0" y="-28" width=(px(width)) height=(px(height)) fill="#fff" {}
            text x="56" y="-8" { (title) }
            (content)
        }
    };
    Some(svg.into_string())
}

/// The plot as a figure of a page, with a caption.
pub(super) fn figure(
    found: &Roofline,
    kernels: &[PlottedKernel],
    groups: &[(&'static str, String)],
    caption: &str,
) -> Markup {
    match plot(found, kernels, "page", groups) {
        Some((frame, content)) => html! {
            (folded::figure(&Rows::all("roofline"), &html! {
                div class="scroll" { (frame.picture("Roofline", content)) }
                figcaption { (caption) }
            }))
            (data_behind(&[data(found, kernels, groups)], ""))
        },
        None => {
            html! { p class="quiet" { "There is no plot: a peak of arithmetic or memory was not measured." } }
        }
    }
}

/// The peaks, and the kernels below them.
fn data(
    found: &Roofline,
    kernels: &[PlottedKernel],
    groups: &[(&'static str, String)],
) -> CsvTable {
    let mut table = CsvTable::new("roofline", "name group flop_per_byte flop_per_s byte_per_s");
    let peaks = [
        ("f32 multiply-add", &found.f32_fma, true),
        ("f16 multiply-add", &found.f16_fma, true),
        ("memory read", &found.memory_read, false),
        ("memory copy", &found.memory_copy, false),
        ("workgroup memory", &found.workgroup_read, false),
    ];
    for (name, peak, arithmetic) in peaks {
        let value = peak.as_ref().map(|peak| peak.value);
        let of = |wanted: bool| value.filter(|_| wanted == arithmetic);
        if value.is_some() {
            table.push((name, "peak", None::<f64>, of(true), of(false)));
        }
    }
    for kernel in kernels {
        let group = groups.iter().find(|group| group.0 == kernel.class);
        table.push((
            (&kernel.name, group.map(|group| &group.1)),
            (kernel.intensity, kernel.flops_per_second, None::<f64>),
        ));
    }
    table
}

/// A page with the plot, the peaks and the energy.
pub fn roofline_page(
    found: &Roofline,
    kernels: &[PlottedKernel],
    groups: &[(&'static str, String)],
    caption: &str,
) -> String {
    let device = &found.device;
    let answer = match (&found.f32_fma, found.memory()) {
        (Some(compute), Some(memory)) => format!(
            "{} does {} in f32 and moves {}.",
            device.name,
            rate(compute, "FLOP/s"),
            rate(memory, "B/s")
        ),
        _ => format!("The roofline of {} is not complete.", device.name),
    };
    let content = html! {
        h1 { "Roofline · " (found.measured_at.get(..10).unwrap_or_default()) }
        p class="answer" { (answer) }
        p class="quiet" { (device.name) ", " (device.backend) ", " (device.driver) }
        (figure(found, kernels, groups, caption))
        h2 { "Peaks" }
        (peaks_table(found))
        @if let Some(model) = &found.energy {
            h2 { "Energy" }
            pre { (energy_lines(model)) }
        }
        @for missing in &found.missing {
            p class="quiet" { (missing.what) ": unavailable: " (missing.reason) @if let Some(fix) = &missing.fix { " (fix: " (fix) ")" } }
        }
    };
    page("Roofline", &content)
}

/// The peaks as a table of a page.
fn peaks_table(found: &Roofline) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr { th class="w" { "" } th { "best" } th { "median" } th class="w" { "fastest kernel" } } }
            tbody {
                @for row in table(found) {
                    tr { td class="w" { (row[0]) } td class="n" { (row[1]) } td class="n" { (row[2]) } td class="w" { (row[3]) } }
                }
            }
        } }
    }
}
