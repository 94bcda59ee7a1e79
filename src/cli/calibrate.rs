//! `wattgrad calibrate`.

use serde::Serialize;

use crate::device::{self, GpuOptions, ListOptions};
use crate::energy::{
    Activity, CalibrationResult, Meter, Method, SourceReport, Status, Unavailable, explain,
};
use crate::lab::DeviceLoad;
use crate::train;
use crate::units::seconds;

use super::failure::Failure;
use super::global::Global;
use super::output;

/// Version of the keys of `calibrate --json`.
const SCHEMA: u32 = 2;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  wattgrad calibrate\n  wattgrad calibrate --adapter 0 --meter nvml --json"
)]
pub struct Args {
    /// Print JSON
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
    calibration: Option<CalibrationResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let adapters = device::list(&ListOptions::default())?;
    let chosen = device::select(&adapters, global.adapter.as_deref())?;
    let options = global.meter_options(None)?;
    let meter = Meter::open(&options, Some(&train::metered_device(chosen)))?;
    let usable = |source: &SourceReport| matches!(source.status, Status::Measured | Status::Shared);
    let (usable, unusable): (Vec<_>, Vec<_>) = meter.sources().into_iter().partition(usable);
    output::say(
        global,
        &match usable.len() {
            0 => "no sensor can be read, so there is nothing to calibrate".to_owned(),
            count => format!(
                "calibrating {count} sensor{} under load on {}, about a minute each: do not use the machine meanwhile",
                if count == 1 { "" } else { "s" },
                chosen.name
            ),
        },
    );
    let mut sources = Vec::new();
    if !usable.is_empty() {
        let mut load = DeviceLoad::new(GpuOptions {
            adapter: Some(chosen.index.to_string()),
            ..Default::default()
        });
        meter
            .calibrate(&options, &mut load, |name, outcome| {
                let report = usable.iter().find(|source| source.source == name);
                let method = report.map_or(Method::Counter, |source| source.method);
                sources.push(calibrated(name, method, outcome));
            })
            .map_err(|error| {
                Failure::failed(format!(
                    "cannot save the calibration ({error}): make the cache folder writable, or set XDG_CACHE_HOME"
                ))
            })?;
        if let Some(why) = load.failed() {
            return Err(Failure::failed(format!(
                "the load on the adapter {} failed, so nothing was calibrated: {why}",
                chosen.name
            )));
        }
    }
    sources.extend(unusable.into_iter().map(|source| Source {
        source: source.source,
        method: source.method,
        calibration: None,
        reason: source.reason,
        fix: source.fix,
    }));
    let findings = Findings {
        schema: SCHEMA,
        adapter: chosen.name.clone(),
        sources,
    };
    if args.json {
        output::print_json(&findings)?;
    } else {
        output::print_text(&findings.sources.iter().map(text).collect::<String>())?;
    }
    Ok(0)
}

fn calibrated(
    source: &str,
    method: Method,
    outcome: &Result<CalibrationResult, Unavailable>,
) -> Source {
    let unavailable = outcome.as_ref().err();
    Source {
        source: source.to_owned(),
        method,
        calibration: outcome.as_ref().ok().cloned(),
        reason: unavailable.map(|unavailable| unavailable.reason.clone()),
        fix: unavailable.and_then(|unavailable| unavailable.fix.clone()),
    }
}

fn text(source: &Source) -> String {
    let name = &source.source;
    let Some(found) = &source.calibration else {
        let reason = source.reason.as_deref().unwrap_or("it measures nothing");
        let reason = explain(reason, source.fix.as_deref(), None);
        return format!("{name}: not calibrated: {reason}\n");
    };
    let unit = match source.method {
        Method::IntegratedPower => "W",
        Method::Counter | Method::Assumed => "J",
    };
    let mut text = match (found.grade, &found.rejected) {
        (Some(grade), _) => format!("{name}: grade {grade:?}\n"),
        (None, reason) => format!(
            "{name}: rejected: {}\n",
            reason.as_deref().unwrap_or("its values are not consistent")
        ),
    };
    let mut line = |name: &str, value: String| text += &format!("    {name:<15} {value}\n");
    line(
        "update interval",
        match found.update_interval_seconds {
            Some(interval) => seconds(interval),
            None => "every read returns a new value".to_owned(),
        },
    );
    line("quantum", small(found.quantum, unit));
    line("time per read", seconds(found.read_seconds));
    for (activity, watts) in &found.watts {
        let idle = found.model.idle;
        let (name, interval) = match activity {
            Activity::Cold => ("cold", idle.map(|idle| idle.cold)),
            Activity::Context => ("context", idle.map(|idle| idle.context)),
            Activity::Empty => ("empty", idle.map(|idle| idle.empty)),
            Activity::Load => ("load", None),
        };
        let half = interval.map_or(String::new(), |interval| {
            format!(" +- {:.2}", interval.half())
        });
        line(name, format!("{watts:.2}{half} W"));
    }
    if let Some(watts) = found.polling_watts {
        line("polling", format!("{watts:+.2} W"));
    }
    line(
        "delay",
        match &found.response {
            None => "unknown: the load hardly changes the power".to_owned(),
            Some(response) => {
                let coverage = response.coverage.map_or(String::new(), |share| {
                    format!(", samples {:.0} % of the time", share * 100.0)
                });
                format!(
                    "{:.1} ms +- {:.1} ms, settled {:.0} ms later{coverage}",
                    response.delay * 1e3,
                    response.delay_error * 1e3,
                    response.settle * 1e3,
                )
            }
        },
    );
    if let Some((idle, load)) = found.disagreement {
        line(
            "second sensor",
            format!(
                "{:+.1} % idle, {:+.1} % under load relative to it",
                idle * 100.0,
                load * 100.0
            ),
        );
    }
    text
}

/// A small value with a prefix: `15.3 uJ`.
fn small(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 4] = [(1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n")];
    let size = |&&(size, _): &&(f64, &str)| value >= 0.9995 * size;
    let &(size, prefix) = PREFIXES.iter().find(size).unwrap_or(&PREFIXES[3]);
    let digits = format!("{:.3}", value / size);
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits} {prefix}{unit}")
}
