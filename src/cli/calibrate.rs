//! `wattgrad calibrate`.

use serde::Serialize;

use crate::device::{self, GpuOptions, ListOptions};
use crate::energy::{
    Activity, CalibrationResult, Meter, Method, SourceReport, Status, Unavailable,
};
use crate::lab::DeviceLoad;
use crate::train;
use crate::units::seconds;

use super::args::Global;
use super::failure::Failure;
use super::output;

/// Version of the keys of `calibrate --json`.
const SCHEMA: u32 = 1;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad calibrate\n  wattgrad calibrate --adapter 0 --meter nvml --json"
)]
pub struct Args {
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Findings {
    schema: u32,
    adapter: String,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    source: String,
    method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    examination: Option<CalibrationResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let adapters = device::list(&ListOptions::default())?;
    let chosen = device::select(&adapters, global.adapter.as_deref())?;
    let options = global.meter_options(None)?;
    let meter = Meter::open(&options, Some(&train::target(chosen)))?;
    let sources = meter.sources();
    let usable = sources.iter().filter(|source| examinable(source)).count();
    output::say(
        global,
        &match usable {
            0 => "no instrument can be read here, so there is nothing to examine".to_owned(),
            1 => format!(
                "examining one instrument under a load on {}, about a minute: leave the machine alone",
                chosen.name
            ),
            count => format!(
                "examining {count} instruments under a load on {}, about a minute each: leave the machine alone",
                chosen.name
            ),
        },
    );
    let method = |name: &str| {
        let mut rows = sources.iter().filter(|source| examinable(source));
        rows.find(|source| source.source == name)
            .map_or(Method::Counter, |source| source.method)
    };
    let mut found: Vec<Source> = sources
        .iter()
        .filter(|source| !examinable(source))
        .cloned()
        .map(|source| Source {
            source: source.source,
            method: source.method,
            examination: None,
            reason: source.reason,
            fix: source.fix,
        })
        .collect();
    if usable > 0 {
        let mut load = DeviceLoad::new(GpuOptions {
            adapter: Some(chosen.index.to_string()),
            ..Default::default()
        });
        let mut examined = Vec::new();
        meter
            .calibrate(&options, &mut load, |source, outcome| {
                examined.push(examined_source(source, method(source), outcome));
            })
            .map_err(|error| {
                Failure::failed(format!(
                    "the calibration cannot be kept ({error}): make the cache folder writable, or set XDG_CACHE_HOME"
                ))
            })?;
        if let Some(why) = load.failed() {
            return Err(Failure::failed(format!(
                "the adapter {} could not be worked, so nothing was learnt: {why}",
                chosen.name
            )));
        }
        found.splice(0..0, examined);
    }
    let findings = Findings {
        schema: SCHEMA,
        adapter: chosen.name.clone(),
        sources: found,
    };
    if args.json {
        output::print_json(&findings)?;
    } else {
        output::print_text(&text(&findings))?;
    }
    Ok(0)
}

fn examinable(source: &SourceReport) -> bool {
    matches!(source.status, Status::Measured | Status::Shared)
}

fn examined_source(
    source: &str,
    method: Method,
    outcome: &Result<CalibrationResult, Unavailable>,
) -> Source {
    let refusal = outcome.as_ref().err();
    Source {
        source: source.to_owned(),
        method,
        examination: outcome.as_ref().ok().cloned(),
        reason: refusal.map(|refusal| refusal.reason.clone()),
        fix: refusal.and_then(|refusal| refusal.fix.clone()),
    }
}

fn text(findings: &Findings) -> String {
    let mut text = String::new();
    for source in &findings.sources {
        match (&source.examination, &source.reason) {
            (Some(found), _) => text += &examination(source, found),
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or("it gives no measurement");
                text += &format!("{}: not examined: {reason}\n", source.source);
            }
        }
        if let Some(fix) = &source.fix {
            text += &format!("    fix: {fix}\n");
        }
    }
    text
}

fn examination(source: &Source, found: &CalibrationResult) -> String {
    let unit = match source.method {
        Method::IntegratedPower => "W",
        Method::Counter | Method::Assumed => "J",
    };
    let source = &source.source;
    let mut text = match (found.grade, &found.refused) {
        (Some(grade), _) => format!("{source}: grade {grade:?}\n"),
        (None, refused) => format!(
            "{source}: refused: {}\n",
            refused.as_deref().unwrap_or("its figures do not hold")
        ),
    };
    let mut line = |name: &str, value: String| text += &format!("    {name:<11} {value}\n");
    line(
        "tick",
        match found.update_interval_seconds {
            Some(tick) => seconds(tick),
            None => "every read gives a new value".to_owned(),
        },
    );
    line("quantum", small(found.quantum, unit));
    line("a read", seconds(found.read_seconds));
    for (activity, watts) in &found.watts {
        let name = match activity {
            Activity::Cold => "cold",
            Activity::Context => "context",
            Activity::Empty => "empty",
            Activity::Load => "load",
        };
        let idle = found.known.idle.and_then(|idle| match activity {
            Activity::Cold => Some(idle.cold),
            Activity::Context => Some(idle.context),
            Activity::Empty => Some(idle.empty),
            Activity::Load => None,
        });
        let off = idle.map_or(String::new(), |idle| format!(" +- {:.2}", idle.half()));
        line(name, format!("{watts:.2}{off} W"));
    }
    if let Some(watts) = found.polling_watts {
        line("polling", format!("{watts:+.2} W"));
    }
    match &found.response {
        Some(response) => line(
            "delay",
            format!(
                "{:.1} ms +- {:.1} ms, settled {:.0} ms later{}",
                response.delay * 1e3,
                response.delay_error * 1e3,
                response.settle * 1e3,
                match response.coverage {
                    Some(share) => format!(", looks {:.0} % of the time", share * 100.0),
                    None => String::new(),
                }
            ),
        ),
        None => line("delay", "not seen: the load hardly shows".to_owned()),
    }
    if let Some((rest, load)) = found.disagreement {
        line(
            "beside",
            format!(
                "{:+.1} % at rest, {:+.1} % under load against its second instrument",
                rest * 100.0,
                load * 100.0
            ),
        );
    }
    text
}

/// A step of an instrument's values, which is mostly small.
fn small(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 4] = [(1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n")];
    let size = |&&(size, _): &&(f64, &str)| value >= 0.9995 * size;
    let &(size, prefix) = PREFIXES.iter().find(size).unwrap_or(&PREFIXES[3]);
    let digits = format!("{:.3}", value / size);
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits} {prefix}{unit}")
}
