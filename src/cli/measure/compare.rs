//! Several commands, run in turn and compared.

use std::time::Instant;

use crate::cli::failure::Failure;
use crate::cli::global::Global;
use crate::cli::interrupt::INTERRUPTED;
use crate::cli::output;
use crate::cli::wrap::clip;
use crate::energy::{Meter, Window};
use crate::report::{Align, columns};

use super::args::Args;
use super::baseline::{Before, UNMEASURED};
use super::comparison::{CommandRuns, Report, compare};
use super::hooks::{Hook, Hooks, one};
use super::parameters::expand;
use super::result::{Run, SCHEMA};
use super::row;
use super::streams::{Output, discard};
use super::{child, export};

pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let (plans, mut commands) = plan(args)?;
    let exports = export::Exports::open(&args.comparing)?;
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    child::pass_signals();
    let before = Before::measure(&meter, args.baseline);
    let mut session = Session {
        args,
        meter: &meter,
        plans: &plans,
        commands: &mut commands,
    };
    let failed = session.run().err();
    let unmeasured = args.baseline.is_some() && before.is_none();
    let baseline = before.map(Before::finish);
    if commands.iter().all(|each| each.runs.is_empty()) {
        // Exports of earlier runs stay.
        return failed.map_or(Ok(INTERRUPTED), Err);
    }
    if let Some(baseline) = &baseline {
        let runs = commands.iter_mut().flat_map(|each| &mut each.runs);
        runs.for_each(|run| baseline.apply(run));
    }
    for each in &mut commands {
        each.note(&args.comparing);
        each.notes.extend(unmeasured.then(|| UNMEASURED.to_owned()));
    }
    let complete = failed.is_none() && commands.iter().all(|each| !each.runs.is_empty());
    let comparison =
        (complete && commands.len() > 1).then(|| compare(&commands, args.comparing.takes_turns()));
    let report = Report {
        schema: SCHEMA,
        commands,
        baseline,
        comparison,
    };
    exports.write(&report)?;
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_text(&text(&report))?;
    }
    match failed {
        _ if child::interrupted() => Ok(INTERRUPTED),
        None => Ok(0),
        Some(failure) => Err(failure),
    }
}

/// What belongs to one command beside its line.
struct Plan {
    hooks: Hooks,
    output: Output,
}

/// Everything that can be wrong is found before the first run.
fn plan(args: &Args) -> Result<(Vec<Plan>, Vec<CommandRuns>), Failure> {
    let own = &args.comparing;
    own.check()?;
    let benchmarks = expand(&args.commands, own)?;
    let count = benchmarks.len();
    let mut plans = Vec::new();
    for (at, benchmark) in benchmarks.iter().enumerate() {
        let output = one("--output", &own.output, at, count)?;
        let output = output.cloned().unwrap_or(Output::Null);
        output.check()?;
        let mut command = own.shell().command(&benchmark.command)?;
        own.input.set(&mut command)?;
        let hooks = Hooks::of(own, benchmark, at, count)?;
        plans.push(Plan { hooks, output });
    }
    Ok((plans, benchmarks.into_iter().map(Into::into).collect()))
}

struct Session<'a> {
    args: &'a Args,
    meter: &'a Meter,
    plans: &'a [Plan],
    commands: &'a mut [CommandRuns],
}

impl Session<'_> {
    /// All runs, until a command or hook fails or a signal comes.
    fn run(&mut self) -> Result<(), Failure> {
        let all: Vec<usize> = (0..self.commands.len()).collect();
        let own = &self.args.comparing;
        if own.takes_turns() {
            return self.rounds(&all);
        }
        for at in all {
            if child::interrupted() {
                break;
            }
            let plan = &self.plans[at];
            let hook = |hook: &Hook| hook.run(own, &plan.output, self.args.json);
            hook(&plan.hooks.setup)?;
            let ran = self.rounds(&[at]);
            hook(&plan.hooks.cleanup).and(ran)?;
        }
        Ok(())
    }

    /// The rounds of `commands`, which take turns.
    fn rounds(&mut self, commands: &[usize]) -> Result<(), Failure> {
        let own = &self.args.comparing;
        let mut count = own.runs;
        let mut round = 0;
        while round < own.warmup + count {
            let mut shortest = f64::INFINITY;
            for at in order(commands, round) {
                let began = Instant::now();
                let measured = round >= own.warmup;
                if !self.run_once(at, measured)? {
                    return Ok(());
                }
                shortest = shortest.min(began.elapsed().as_secs_f64());
            }
            if round == own.warmup {
                count = own.count(shortest);
            }
            round += 1;
        }
        Ok(())
    }

    /// One run; false where it was interrupted.
    fn run_once(&mut self, at: usize, measured: bool) -> Result<bool, Failure> {
        let (args, plan) = (self.args, &self.plans[at]);
        let own = &args.comparing;
        if child::interrupted() {
            return Ok(false);
        }
        plan.hooks.prepare.run(own, &plan.output, args.json)?;
        let mut command = own.shell().command(&self.commands[at].command)?;
        own.input.set(&mut command)?;
        plan.output.set(&mut command, args.json)?;
        // Nothing shows the joules of a warm-up run.
        let window = measured.then(|| self.meter.start());
        if child::interrupted() {
            return Ok(false);
        }
        let ended = child::run_reading(command, discard)?;
        let sources = window.map(Window::stop);
        let failed = ended.code != 0;
        if measured || failed {
            let runs = &mut self.commands[at].runs;
            runs.push(Run::new(sources.unwrap_or_default(), ended));
        }
        if child::interrupted() {
            return Ok(false);
        }
        if failed && !own.ignore_failure {
            let show = match plan.output {
                Output::Inherit => "",
                _ => ", see why with --output inherit",
            };
            let single = self.in_words();
            return Err(Failure::with_code(
                ended.exit(),
                format!(
                    "the command `{}` {}, so nothing is compared: fix it{show}, or use --ignore-failure{single}",
                    self.commands[at].label(),
                    ended.describe()
                ),
            ));
        }
        plan.hooks.conclude.run(own, &plan.output, args.json)?;
        Ok(true)
    }

    /// A hint where the words of one command were given as several commands.
    fn in_words(&self) -> String {
        let words = &self.args.commands;
        match words.len() > 1 && words.iter().all(|word| !word.contains(char::is_whitespace)) {
            true => format!(
                "; to run it as one command: wattgrad measure -- {}",
                words.join(" ")
            ),
            false => String::new(),
        }
    }
}

/// A B, B A, A B ...: a drift of temperature or clocks affects all commands alike.
fn order(commands: &[usize], round: u32) -> Box<dyn Iterator<Item = usize> + '_> {
    let commands = commands.iter().copied();
    match round % 2 {
        0 => Box::new(commands),
        _ => Box::new(commands.rev()),
    }
}

fn text(report: &Report) -> String {
    let mut cells = vec![
        ["", "source", "energy/run", "power", "time/run", "runs"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let (mut legend, mut below) = (String::new(), String::new());
    for (at, each) in report.commands.iter().enumerate() {
        legend += &format!("{}: {}\n", at + 1, each.label());
        for means in each.means() {
            if let (Some(source), Some((figure, idle, from))) = (&means.source, means.above_idle) {
                let line = row::above_idle(source, figure, idle, from);
                below += &format!("{}: {line}", at + 1);
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
        for note in &each.notes {
            below += &format!("{}: {note}\n", at + 1);
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
    let mut text = legend + &columns(&cells, &sides, "") + &below;
    if let Some(baseline) = &report.baseline {
        text += &baseline.text();
    }
    let mut commands = report.commands.iter().rev();
    if let Some(run) = commands.find_map(|each| each.runs.last()) {
        text += &row::remarks(&run.sources);
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
        let rounds: Vec<Vec<usize>> = (0..3)
            .map(|round| order(&[0, 1, 2], round).collect())
            .collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}
