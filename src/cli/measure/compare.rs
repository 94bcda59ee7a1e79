//! Several commands, run in turn and compared.

use serde::Serialize;

use crate::energy::{Interval, Meter, Status};
use crate::report::{Align, columns};
use crate::units::{joules, joules_within, seconds, si};

use super::ratio::{Ratio, half_of_mean, repeatability_of_mean};
use super::rows::{self, Run};
use super::{Args, child, export};
use crate::cli::args::Global;
use crate::cli::failure::Failure;
use crate::cli::{INTERRUPTED, output};

/// Everything that was run, and what it says.
#[derive(Debug, Serialize)]
pub struct Report {
    pub commands: Vec<Commanded>,
    /// Absent for one command, and where a command failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// One command and its runs, in the order of the rounds.
#[derive(Debug, Serialize)]
pub struct Commanded {
    pub command: String,
    pub runs: Vec<Run>,
}

/// The commands against the one that took least.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// `joules` or `seconds`.
    pub unit: &'static str,
    /// The source of the joules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why it is not in joules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The command that took least.
    pub least: String,
    /// Every other command.
    pub others: Vec<Other>,
    pub sentence: String,
}

/// How many times as much as the least.
#[derive(Debug, Serialize)]
pub struct Other {
    pub command: String,
    pub ratio: f64,
    /// 95 %, over the pairs of runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_high: Option<f64>,
    pub pairs: usize,
}

const NOT_JOULES: &str = "no source measured the joules of every run";

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let exports = export::Exports::open(args)?;
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    child::pass_signals();
    let mut commands: Vec<Commanded> = args
        .commands
        .iter()
        .map(|command| Commanded {
            command: command.clone(),
            runs: Vec::new(),
        })
        .collect();
    let mut failed = None;
    for round in 0..args.warmup + args.runs {
        for at in order(commands.len(), round) {
            let Some(run) = one(&commands[at].command, &meter, args)? else {
                break;
            };
            let code = run.exit_code.unwrap_or(0);
            if code != 0 && failed.is_none() {
                failed = Some((at, code));
            }
            if round >= args.warmup || code != 0 {
                commands[at].runs.push(run);
            }
        }
        if failed.is_some() || child::interrupted() {
            break;
        }
    }
    let whole = failed.is_none() && !commands.iter().any(|each| each.runs.is_empty());
    let comparison = (whole && commands.len() > 1).then(|| compare(&mut commands));
    let report = Report {
        commands,
        comparison,
    };
    exports.write(&report)?;
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_text(&text(&report))?;
    }
    if child::interrupted() {
        return Ok(INTERRUPTED);
    }
    match failed {
        None => Ok(0),
        Some((at, code)) => Err(Failure::with_code(
            u8::try_from(code).unwrap_or(1),
            format!(
                "the command `{}` ended with exit code {code}, so nothing is compared: mend it, or let it end in `|| true`",
                args.commands[at]
            ),
        )),
    }
}

/// There and back again, so that what drifts (heat, clocks) falls on all alike: A B, B A, A B ..
fn order(commands: usize, round: u32) -> Box<dyn Iterator<Item = usize>> {
    match round % 2 {
        0 => Box::new(0..commands),
        _ => Box::new((0..commands).rev()),
    }
}

/// One run; `None` where it was called off before it began.
fn one(command: &str, meter: &Meter, args: &Args) -> Result<Option<Run>, Failure> {
    if child::interrupted() {
        return Ok(None);
    }
    if let Some(line) = &args.prepare {
        let ended = child::run(child::shell(line, args.json))?;
        if ended.code != 0 && !child::interrupted() {
            return Err(Failure::failed(format!(
                "the command of --prepare, `{line}`, ended with exit code {}: mend it",
                ended.code
            )));
        }
    }
    let window = meter.start();
    if child::interrupted() {
        return Ok(None);
    }
    let ended = child::run(child::shell(command, args.json))?;
    let energy = window.stop();
    Ok(Some(Run {
        sources: energy.into_iter().map(Into::into).collect(),
        seconds: ended.seconds,
        exit_code: Some(ended.code),
    }))
}

/// Figures of each command with half of the interval within which each repeats.
type Figures = Vec<Vec<(f64, Option<f64>)>>;

fn compare(commands: &mut [Commanded]) -> Comparison {
    // A round that was called off has no pairs.
    let rounds = commands
        .iter()
        .map(|each| each.runs.len())
        .min()
        .unwrap_or(0);
    for each in commands.iter_mut() {
        each.runs.truncate(rounds);
    }
    let (source, figures) = match best_source(commands) {
        Some((source, figures)) => (Some(source), figures),
        None => {
            let seconds = |run: &Run| (run.seconds, None);
            let figures = commands
                .iter()
                .map(|each| each.runs.iter().map(seconds).collect())
                .collect();
            (None, figures)
        }
    };
    let plain: Vec<Vec<f64>> = figures
        .iter()
        .map(|runs| runs.iter().map(|run| run.0).collect())
        .collect();
    let logs = |runs: &[f64]| runs.iter().map(|run| run.ln()).sum::<f64>();
    let least = (0..commands.len())
        .min_by(|&a, &b| logs(&plain[a]).total_cmp(&logs(&plain[b])))
        .unwrap_or(0);
    let others: Vec<(usize, Ratio)> = (0..commands.len())
        .filter(|&at| at != least)
        .map(|at| {
            let floor =
                repeatability_of_mean(&figures[at]).hypot(repeatability_of_mean(&figures[least]));
            (at, Ratio::of_pairs(&plain[at], &plain[least], floor))
        })
        .collect();
    let unit = if source.is_some() {
        "joules"
    } else {
        "seconds"
    };
    let through = match &source {
        Some(source) => format!("joules by {source}"),
        None => format!("in seconds, since {NOT_JOULES}"),
    };
    Comparison {
        unit,
        sentence: sentence(commands, least, &others, (unit, &through, rounds)),
        source,
        reason: (unit == "seconds").then_some(NOT_JOULES),
        least: commands[least].command.clone(),
        others: others
            .into_iter()
            .map(|(at, ratio)| Other {
                command: commands[at].command.clone(),
                ratio: ratio.ratio,
                ratio_low: ratio.interval.map(|interval| interval.low),
                ratio_high: ratio.interval.map(|interval| interval.high),
                pairs: rounds,
            })
            .collect(),
    }
}

/// The source that measured every run; of several the one that saw most joules, for it covers most of the machine.
fn best_source(commands: &[Commanded]) -> Option<(String, Figures)> {
    let first = commands.first()?.runs.first()?;
    let total = |figures: &Figures| figures.iter().flatten().map(|each| each.0).sum::<f64>();
    first
        .sources
        .iter()
        .filter_map(|row| Some((row.source.clone(), figures_by(commands, &row.source)?)))
        .max_by(|(_, a), (_, b)| total(a).total_cmp(&total(b)))
}

fn figures_by(commands: &[Commanded], source: &str) -> Option<Figures> {
    let figure = |run: &Run| {
        let row = run.sources.iter().find(|row| row.source == source)?;
        row.measured().filter(|figure| figure.0 > 0.0)
    };
    commands
        .iter()
        .map(|each| each.runs.iter().map(figure).collect())
        .collect()
}

fn sentence(
    commands: &[Commanded],
    least: usize,
    others: &[(usize, Ratio)],
    (unit, through, rounds): (&str, &str, usize),
) -> String {
    let name = |at: usize| format!("`{}`", commands[at].command);
    let interval = |ratio: &Ratio| match ratio.interval {
        Some(interval) => format!("95 %: {:.3} to {:.3}", interval.low, interval.high),
        None => "one pair of runs, so no interval".to_owned(),
    };
    let closing = match rounds {
        1 => through.to_owned(),
        rounds => format!("{through}, {rounds} pairs of runs"),
    };
    if let [(other, ratio)] = others {
        let told = format!(
            "{} took {:.3} times the {unit} of {} ({}; {closing})",
            name(*other),
            ratio.ratio,
            name(least),
            interval(ratio)
        );
        return match (ratio.interval, ratio.differs()) {
            (Some(_), false) => format!("No difference is shown: {told}."),
            _ => format!("{told}."),
        };
    }
    let told: Vec<String> = others
        .iter()
        .map(|(other, ratio)| {
            format!(
                "{} {:.3} times as many ({})",
                name(*other),
                ratio.ratio,
                interval(ratio)
            )
        })
        .collect();
    format!(
        "{} took the least {unit}, {} ({closing}).",
        name(least),
        told.join(", ")
    )
}

/// A command's figures through one source: joules, watts, seconds.
pub struct Means {
    pub source: Option<String>,
    pub assumed: bool,
    pub joules: Option<(f64, Option<f64>)>,
    /// Above the device's rest, and the watts of that, where they are known.
    pub above_idle: Option<((f64, Option<f64>), Interval)>,
    pub watts: Option<f64>,
    pub seconds: (f64, Option<f64>),
    pub runs: usize,
}

impl Commanded {
    /// A row a source that has joules of every run; one without where none has.
    pub fn means(&self) -> Vec<Means> {
        let mean = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, half_of_mean(values))
        };
        let times: Vec<f64> = self.runs.iter().map(|run| run.seconds).collect();
        let Some(first) = self.runs.first() else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        for row in &first.sources {
            let through: Option<Vec<_>> = self
                .runs
                .iter()
                .map(|run| {
                    let row = run.sources.iter().find(|each| each.source == row.source)?;
                    Some((row, row.joules?, row.watts()?))
                })
                .collect();
            let Some(through) = through else { continue };
            let amounts: Vec<f64> = through.iter().map(|run| run.1).collect();
            let powers: Vec<f64> = through.iter().map(|run| run.2).collect();
            let above: Option<Vec<f64>> = through
                .iter()
                .map(|run| Some(run.0.above_idle()?.0))
                .collect();
            rows.push(Means {
                source: Some(row.source.clone()),
                assumed: row.status == Status::Assumed,
                joules: Some(mean(&amounts)),
                above_idle: above.map(|above| mean(&above)).zip(row.idle_watts()),
                watts: Some(mean(&powers).0),
                seconds: mean(&times),
                runs: times.len(),
            });
        }
        if rows.is_empty() {
            rows.push(Means {
                source: None,
                assumed: false,
                joules: None,
                above_idle: None,
                watts: None,
                seconds: mean(&times),
                runs: times.len(),
            });
        }
        rows
    }
}

impl Means {
    pub fn energy(&self) -> String {
        let assumed = if self.assumed { " assumed" } else { "" };
        self.joules
            .map_or("-".into(), |figure| format!("{}{assumed}", amount(figure)))
    }

    pub fn power(&self) -> String {
        self.watts
            .map_or("-".into(), |watts| format!("{}W", si(watts)))
    }

    pub fn time(&self) -> String {
        let (mean, half) = self.seconds;
        let off = half.map_or(String::new(), |half| format!(" +- {}", seconds(half)));
        format!("{}{off}", seconds(mean))
    }
}

fn amount((mean, half): (f64, Option<f64>)) -> String {
    half.map_or_else(|| joules(mean), |half| joules_within(mean, half))
}

fn text(report: &Report) -> String {
    let mut cells = vec![
        ["", "source", "energy a run", "power", "time a run", "runs"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let (mut legend, mut above) = (String::new(), String::new());
    for (at, each) in report.commands.iter().enumerate() {
        legend += &format!("{}: {}\n", at + 1, each.command);
        for means in each.means() {
            if let (Some(source), Some((figure, watts))) = (&means.source, means.above_idle) {
                above += &format!("{}: ", at + 1);
                above += &rows::above_idle(source, &amount(figure), watts);
            }
            cells.push(vec![
                format!("{}", at + 1),
                rows::clip(means.source.as_deref().unwrap_or("-"), 18),
                means.energy(),
                means.power(),
                means.time(),
                means.runs.to_string(),
            ]);
        }
    }
    let sides = [
        Align::Left,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
    ];
    let mut text = legend + &columns(&cells, &sides, "") + &above;
    let last = report
        .commands
        .iter()
        .rev()
        .find_map(|each| each.runs.last());
    if let Some(run) = last {
        text += &rows::remarks(&run.sources);
    }
    if let Some(comparison) = &report.comparison {
        text += &format!("{}\n", comparison.sentence);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_go_there_and_back() {
        let rounds: Vec<Vec<usize>> = (0..3).map(|round| order(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}
