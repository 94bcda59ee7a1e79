//! The figures of a bench: as text, JSON and Markdown.

use serde::Serialize;

use super::args::Args;
use super::check::Compared;
use super::inputs::Data;
use super::{Candidate, Checks};
use crate::cli::failure::Failure;
use crate::cli::measure::ratio::Ratio;
use crate::cli::measure::row::{Row, amount_of, remarks};
use crate::device::Gpu;
use crate::energy::{Conditions, Interval, Meter};
use crate::lab::roofline::{Fraction, Roofline, distinct_bytes};
use crate::lab::{KernelLaunch, KernelTiming};
use crate::report::lab::short_seconds;
use crate::report::{Align, columns};
use crate::units::{percent, si, thousands};

/// Version of the keys of `bench --json`.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
pub struct Bench {
    schema: u32,
    device: Device,
    data: Vec<Described>,
    /// Against `--expect` and `--check`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<Compared>,
    /// Of the second kernel against the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agreement: Vec<Compared>,
    pub kernels: Vec<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versus: Option<Versus>,
}

#[derive(Serialize)]
pub struct Device {
    name: String,
    backend: String,
    driver: String,
}

#[derive(Serialize)]
struct Described {
    name: String,
    data: String,
}

/// The figures of one kernel.
#[derive(Serialize)]
pub struct Figures {
    kernel: String,
    entry: String,
    workgroup_size: [u32; 3],
    workgroups: [u32; 3],
    /// Whether it is timed with runtime checks.
    runtime_checks: bool,
    #[serde(skip)]
    checks: Checks,
    /// Median seconds of a launch.
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_ci: Option<Interval>,
    samples: usize,
    launches_per_sample: u32,
    /// `device` or `host`.
    clock: &'static str,
    /// Of a launch, counted from the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<Work>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_counted: Option<String>,
    /// Of the peaks of this device; absent where they were not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    roofline: Option<Fraction>,
    /// Of the sources that measured it.
    energy: Vec<Energy>,
    /// Every source over all launches, or why it measured nothing.
    sources: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Conditions>,
}

#[derive(Clone, Copy, Serialize)]
struct Work {
    flops: u64,
    loaded_bytes: u64,
    stored_bytes: u64,
    /// A loop ends by data, so these are the least.
    lower_bound: bool,
}

/// The energy of a launch through one source.
#[derive(Serialize)]
struct Energy {
    source: String,
    joules: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<Interval>,
    /// The power while it ran.
    watts: f64,
    launches: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    flops_per_joule: Option<f64>,
}

/// The second kernel against the first.
#[derive(Serialize)]
pub struct Versus {
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio_ci: Option<Interval>,
    significant: bool,
    pairs: usize,
    pub sentence: String,
}

impl Device {
    pub fn of(gpu: &Gpu) -> Self {
        let adapter = &gpu.adapter;
        Self {
            name: adapter.name.clone(),
            backend: adapter.backend.to_string(),
            driver: format!("{} {}", adapter.driver, adapter.driver_info),
        }
    }
}

impl Figures {
    pub fn new(
        candidate: &Candidate<'_>,
        launch: &KernelLaunch<'_>,
        timing: KernelTiming,
        meter: &Meter,
        roofline: Option<&Roofline>,
        args: &Args,
    ) -> Result<Self, Failure> {
        let counted = launch.count();
        let work = counted.as_ref().ok().map(|counted| Work {
            flops: counted.flops,
            loaded_bytes: counted.loaded_bytes,
            stored_bytes: counted.stored_bytes,
            lower_bound: counted.lower_bound,
        });
        let fraction = roofline.zip(work).and_then(|(roofline, work)| {
            let bytes = work.loaded_bytes + work.stored_bytes;
            let bytes = distinct_bytes(bytes, launch.operand_bytes());
            roofline.fraction(work.flops, bytes, timing.seconds)
        });
        let (mut energy, mut rows, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        if meter.measures() {
            let measured = launch.meter(meter, args.energy_seconds)?;
            for result in &measured.energy {
                conditions.extend(result.conditions.iter().cloned());
                let each = result
                    .measured()
                    .and_then(|all| all.per(measured.dispatches));
                energy.extend(each.zip(result.watts()).map(|(each, watts)| {
                    Energy {
                        source: result.source.clone(),
                        joules: each.joules(),
                        ci: each.ci(),
                        accuracy: each.accuracy(),
                        watts,
                        launches: measured.dispatches,
                        flops_per_joule: work
                            .filter(|work| work.flops > 0)
                            .map(|work| work.flops as f64 / each.joules()),
                    }
                }));
            }
            rows = measured.energy.into_iter().map(Row::from).collect();
        } else {
            rows.extend(meter.start().stop().into_iter().map(Row::from));
        }
        Ok(Self {
            kernel: candidate.name.clone(),
            entry: candidate.kernel.entry().to_owned(),
            workgroup_size: candidate.kernel.workgroup_size(),
            workgroups: candidate.workgroups,
            runtime_checks: candidate.checks != Checks::Off,
            checks: candidate.checks,
            seconds: timing.seconds,
            seconds_ci: timing.ci(),
            samples: timing.samples.len(),
            launches_per_sample: timing.dispatches,
            clock: timing.clock.name(),
            work,
            roofline: fraction,
            not_counted: counted.err().map(|error| error.to_string()),
            energy,
            sources: rows,
            conditions,
        })
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let size = |size: [u32; 3]| size.map(|n| n.to_string()).join("x");
        let mut lines = vec![(
            "kernel",
            format!(
                "{} {}, {} workgroups of {}",
                self.kernel,
                self.entry,
                size(self.workgroups),
                size(self.workgroup_size)
            ),
        )];
        let checks = match self.checks {
            Checks::Off => "off; a run with them gave the same outputs",
            Checks::Requested => "on",
            Checks::Needed => "on; without them the outputs differ",
        };
        lines.push(("checks", checks.to_owned()));
        lines.push(("time", self.time()));
        match (&self.work, &self.not_counted) {
            (Some(work), _) => {
                let least = if work.lower_bound { ", at least" } else { "" };
                lines.push((
                    "work",
                    format!(
                        "{}FLOP, {}B read, {}B written per launch, counted from the code{least}",
                        si(work.flops as f64),
                        si(work.loaded_bytes as f64),
                        si(work.stored_bytes as f64)
                    ),
                ));
                lines.push(("rate", self.rate(*work)));
                lines.push((
                    "roofline",
                    match self.roofline {
                        Some(found) => format!(
                            "{} of the {} peak",
                            percent(found.fraction),
                            found.bound.name()
                        ),
                        None => "not measured on this device: run `wattgrad roofline`".into(),
                    },
                ));
            }
            (None, Some(why)) => lines.push(("work", format!("not counted: {why}"))),
            (None, None) => {}
        }
        for each in &self.energy {
            let half = each.ci.map(Interval::half);
            let mut text = format!(
                "{}: {} per launch at {}W over {} launches",
                each.source,
                amount_of(each.joules, half),
                si(each.watts),
                thousands(each.launches)
            );
            if let Some(rate) = each.flops_per_joule {
                text += &format!("; {}FLOP/J", si(rate));
            }
            lines.push(("energy", text));
        }
        if self.energy.is_empty() {
            lines.push(("energy", "not measured".into()));
        }
        let clocks = self.conditions.iter().filter_map(|state| state.core_mhz);
        let clocks: Vec<String> = clocks.map(|mhz| format!("{mhz} MHz")).collect();
        if !clocks.is_empty() {
            lines.push(("clocks", format!("{} before and after", clocks.join(", "))));
        }
        lines
    }

    fn time(&self) -> String {
        let ci = self.seconds_ci.map_or(String::new(), |ci| {
            format!(
                "95 % CI {} to {}; ",
                short_seconds(ci.low),
                short_seconds(ci.high)
            )
        });
        format!(
            "{} per launch ({ci}median of {} x {} launches, {} clock)",
            short_seconds(self.seconds),
            self.samples,
            thousands(u64::from(self.launches_per_sample)),
            self.clock
        )
    }

    fn rate(&self, work: Work) -> String {
        let bytes = work.loaded_bytes + work.stored_bytes;
        let mut rates = Vec::new();
        if work.flops > 0 {
            rates.push(format!("{}FLOP/s", si(work.flops as f64 / self.seconds)));
        }
        rates.push(format!("{}B/s", si(bytes as f64 / self.seconds)));
        if work.flops > 0 && bytes > 0 {
            rates.push(format!(
                "{:.2} FLOP per byte",
                work.flops as f64 / bytes as f64
            ));
        }
        rates.join(", ")
    }
}

impl Versus {
    pub fn new(second: &str, first: &str, ratio: Ratio, kernels: &[Figures]) -> Self {
        let interval = ratio.interval.map_or(String::new(), |interval| {
            let verdict = if ratio.is_significant() {
                ""
            } else {
                ": not significant"
            };
            format!(
                " (95 % CI {:.3} to {:.3}{verdict})",
                interval.low, interval.high
            )
        });
        let mut sentence = format!(
            "{second} takes {:.3}x as long as {first}{interval}",
            ratio.ratio
        );
        if let [a, b] = kernels
            && let (Some(a), Some(b)) = (a.energy.first(), b.energy.first())
            && a.source == b.source
            && let (Some(of), Some(to)) = (b.ci, a.ci)
        {
            let energy = b.joules / a.joules;
            let half = energy * (of.half() / b.joules).hypot(to.half() / a.joules);
            sentence += &format!(
                " and {energy:.3}x the energy by {} (95 % CI {:.3} to {:.3})",
                a.source,
                energy - half,
                energy + half
            );
        }
        Self {
            ratio: ratio.ratio,
            ratio_ci: ratio.interval,
            significant: ratio.is_significant(),
            pairs: kernels.first().map_or(0, |figures| figures.samples),
            sentence: sentence + ".",
        }
    }
}

impl Bench {
    pub fn new(device: Device, data: &[Data]) -> Self {
        Self {
            schema: SCHEMA,
            device,
            data: data
                .iter()
                .map(|data| Described {
                    name: data.name.clone(),
                    data: data.described.clone(),
                })
                .collect(),
            checked: Vec::new(),
            agreement: Vec::new(),
            kernels: Vec::new(),
            versus: None,
        }
    }

    pub fn text(&self) -> String {
        let data = self
            .data
            .iter()
            .map(|each| format!("{} {}", each.name, each.data));
        let mut lines = vec![
            (
                "device",
                format!(
                    "{}, {}, {}",
                    self.device.name, self.device.backend, self.device.driver
                ),
            ),
            ("data", data.collect::<Vec<_>>().join("; ")),
        ];
        for compared in &self.checked {
            lines.push(("output", compared.text("as expected")));
        }
        for compared in &self.agreement {
            lines.push(("output", compared.text("the same by both kernels")));
        }
        for figures in &self.kernels {
            lines.extend(figures.lines());
        }
        let cells = lines
            .into_iter()
            .map(|(name, text)| vec![name.to_owned(), text]);
        let mut text = columns(&cells.collect::<Vec<_>>(), &[Align::Left, Align::Left], "");
        if let Some(figures) = self.kernels.last() {
            text += &remarks(&figures.sources);
        }
        if let Some(versus) = &self.versus {
            text += &format!("{}\n", versus.sentence);
        }
        text
    }

    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| kernel | time/launch | 95 % CI | FLOP/s | B/s | source | energy/launch | FLOP/J |\n\
             |:---|---:|---:|---:|---:|:---|---:|---:|\n",
        );
        for figures in &self.kernels {
            let rate = |amount: Option<u64>, unit: &str| {
                amount.map_or("-".into(), |amount| {
                    format!("{}{unit}", si(amount as f64 / figures.seconds))
                })
            };
            let flops = figures
                .work
                .map(|work| work.flops)
                .filter(|&flops| flops > 0);
            let bytes = figures
                .work
                .map(|work| work.loaded_bytes + work.stored_bytes);
            let energy = figures.energy.first();
            let ci = figures.seconds_ci;
            text += &format!(
                "| `{}` | {} | {} | {} | {} | {} | {} | {} |\n",
                figures.kernel.replace('|', "\\|"),
                short_seconds(figures.seconds),
                ci.map_or("-".into(), |ci| format!(
                    "{} to {}",
                    short_seconds(ci.low),
                    short_seconds(ci.high)
                )),
                rate(flops, "FLOP/s"),
                rate(bytes, "B/s"),
                energy.map_or("-", |each| &each.source),
                energy.map_or("-".into(), |each| {
                    amount_of(each.joules, each.ci.map(Interval::half))
                }),
                energy
                    .and_then(|each| each.flops_per_joule)
                    .map_or("-".into(), |rate| format!("{}FLOP/J", si(rate)))
            );
        }
        text += &format!(
            "\n{}, {}, {}\n",
            self.device.name, self.device.backend, self.device.driver
        );
        if let Some(versus) = &self.versus {
            text += &format!("\n{}\n", versus.sentence);
        }
        text
    }
}

impl Compared {
    fn text(&self, how: &str) -> String {
        format!(
            "{}: {} elements {how}: largest error {:.1e}, accepted {:.1e}",
            self.output,
            thousands(self.elements as u64),
            self.largest_error,
            self.bound
        )
    }
}
