//! Several commands, run in turn and compared.

use crate::cli::failure::Failure;
use crate::cli::global::Global;
use crate::cli::interrupt::INTERRUPTED;
use crate::cli::output;
use crate::cli::wrap::clip;
use crate::energy::Meter;
use crate::report::{Align, columns};

use super::args::Args;
use super::comparison::{CommandRuns, Report, amount, compare};
use super::result::{self, Run, SCHEMA};
use super::{child, export};

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let exports = export::Exports::open(args)?;
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    child::pass_signals();
    let mut commands: Vec<CommandRuns> = args
        .commands
        .iter()
        .map(|command| CommandRuns {
            command: command.clone(),
            runs: Vec::new(),
        })
        .collect();
    let mut failed = None;
    for round in 0..args.warmup + args.runs {
        for at in order(commands.len(), round) {
            let Some(run) = run_once(&commands[at].command, &meter, args)? else {
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
    let complete = failed.is_none() && !commands.iter().any(|each| each.runs.is_empty());
    let comparison = (complete && commands.len() > 1).then(|| compare(&mut commands));
    let report = Report {
        schema: SCHEMA,
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
                "the command `{}` ended with exit code {code}, so nothing is compared: fix it, or append `|| true`",
                args.commands[at]
            ),
        )),
    }
}

/// A B, B A, A B ...: a drift of temperature or clocks affects all commands alike.
fn order(commands: usize, round: u32) -> Box<dyn Iterator<Item = usize>> {
    match round % 2 {
        0 => Box::new(0..commands),
        _ => Box::new((0..commands).rev()),
    }
}

/// One run; `None` where it was interrupted before it began.
fn run_once(command: &str, meter: &Meter, args: &Args) -> Result<Option<Run>, Failure> {
    if child::interrupted() {
        return Ok(None);
    }
    if let Some(line) = &args.prepare {
        let ended = child::run(child::shell(line, args.json))?;
        if ended.code != 0 && !child::interrupted() {
            return Err(Failure::failed(format!(
                "the --prepare command `{line}` ended with exit code {}: fix it",
                ended.code
            )));
        }
    }
    let window = meter.start();
    if child::interrupted() {
        return Ok(None);
    }
    let ended = child::run(child::shell(command, args.json))?;
    Ok(Some(Run {
        sources: window.stop().into_iter().map(Into::into).collect(),
        seconds: ended.seconds,
        exit_code: Some(ended.code),
    }))
}

fn text(report: &Report) -> String {
    let mut cells = vec![
        ["", "source", "energy/run", "power", "time/run", "runs"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let (mut legend, mut above) = (String::new(), String::new());
    for (at, each) in report.commands.iter().enumerate() {
        legend += &format!("{}: {}\n", at + 1, each.command);
        for means in each.means() {
            if let (Some(source), Some((figure, watts))) = (&means.source, means.above_idle) {
                let line = result::above_idle(source, &amount(figure), watts);
                above += &format!("{}: {line}", at + 1);
            }
            cells.push(vec![
                format!("{}", at + 1),
                clip(means.source.as_deref().unwrap_or("-"), 18),
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
    let mut commands = report.commands.iter().rev();
    if let Some(run) = commands.find_map(|each| each.runs.last()) {
        text += &result::remarks(&run.sources);
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
    fn rounds_alternate_in_direction() {
        let rounds: Vec<Vec<usize>> = (0..3).map(|round| order(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}
