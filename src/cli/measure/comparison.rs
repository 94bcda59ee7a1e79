//! The comparison of commands: figures per command and source, ratios to the lowest, and one sentence.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::energy::{Interval, Status};
use crate::units::{seconds, si};

use super::baseline::Baseline;
use super::comparing::Comparing;
use super::outliers;
use super::parameters::Benchmark;
use super::ratio::{Ratio, half_of_mean, relative_error_of_mean};
use super::result::Run;
use super::row::{IdleFrom, Row, amount_of};

/// All runs and their comparison.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema: u32,
    pub commands: Vec<CommandRuns>,
    /// With `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Absent for a single command, and where a command failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// One command and its runs, in the order of the rounds.
#[derive(Debug, Serialize)]
pub struct CommandRuns {
    /// With its parameters filled in.
    pub command: String,
    /// By `--command-name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How tables show it.
    #[serde(skip)]
    pub label: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    pub runs: Vec<Run>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl From<Benchmark> for CommandRuns {
    fn from(benchmark: Benchmark) -> Self {
        Self {
            command: benchmark.command,
            name: benchmark.name,
            label: benchmark.label,
            parameters: benchmark.parameters.into_iter().collect(),
            runs: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The commands relative to the one with the lowest figure.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// `joules` or `seconds`.
    pub unit: &'static str,
    /// The source of the joules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why the unit is not joules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    pub lowest: String,
    /// Its place among the commands.
    #[serde(skip)]
    pub lowest_at: usize,
    /// Every other command.
    pub others: Vec<Relative>,
    /// Whether the commands took turns, so that a drift of the machine affects all alike.
    pub interleaved: bool,
    pub sentence: String,
}

/// A command's ratio to the lowest.
#[derive(Debug, Serialize)]
pub struct Relative {
    #[serde(skip)]
    pub at: usize,
    pub command: String,
    pub ratio: f64,
    /// Of the 95 % confidence interval over the pairs of runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_ci_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_ci_high: Option<f64>,
    pub significant: bool,
    pub pairs: usize,
    /// Of the joules above idle, where those of both commands are significant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_idle_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_idle_ratio_ci: Option<Interval>,
}

const NO_JOULES: &str = "no source measured the energy of every run";

/// Figures of each command, each with half of its confidence interval.
type Figures = Vec<Vec<(f64, Option<f64>)>>;

/// `interleaved`: whether the commands took turns.
pub fn compare(commands: &[CommandRuns], interleaved: bool) -> Comparison {
    // Of different numbers, as where a round was interrupted, the last runs have no pairs.
    let rounds = commands.iter().map(|each| each.runs.len()).min();
    let rounds = rounds.unwrap_or(0);
    let (source, figures) = match best_source(commands) {
        Some((source, figures)) => (Some(source), figures),
        None => {
            let seconds = |each: &CommandRuns| {
                let runs = each.runs.iter();
                runs.map(|run| (run.seconds, None)).collect()
            };
            (None, commands.iter().map(seconds).collect())
        }
    };
    let plain: Vec<Vec<f64>> = figures
        .iter()
        .map(|runs| runs.iter().take(rounds).map(|run| run.0).collect())
        .collect();
    let logs = |runs: &[f64]| runs.iter().map(|run| run.ln()).sum::<f64>();
    let lowest = (0..commands.len())
        .min_by(|&a, &b| logs(&plain[a]).total_cmp(&logs(&plain[b])))
        .unwrap_or(0);
    let others: Vec<(usize, Ratio, Option<Ratio>)> = (0..commands.len())
        .filter(|&at| at != lowest)
        .map(|at| {
            let error = |at: usize| relative_error_of_mean(&figures[at][..rounds]);
            let floor = error(at).hypot(error(lowest));
            let above = source
                .as_deref()
                .and_then(|source| above_idle(&commands[at], &commands[lowest], source, rounds));
            (
                at,
                Ratio::of_pairs(&plain[at], &plain[lowest], floor),
                above,
            )
        })
        .collect();
    let reason = source.is_none().then_some(NO_JOULES);
    let basis = match &source {
        Some(source) => format!("Energy by {source}"),
        None => format!("Time, because {NO_JOULES}"),
    };
    let pairs = match rounds {
        1 => "1 pair of runs".to_owned(),
        rounds => format!("{rounds} pairs of runs"),
    };
    let order = if interleaved {
        ""
    } else {
        ", one command after another"
    };
    let names: Vec<String> = commands
        .iter()
        .map(|each| format!("`{}`", each.label()))
        .collect();
    let ratios: Vec<String> = others
        .iter()
        .map(|&(at, ratio, above)| {
            sentence(&names[at], ratio, &names[lowest], source.is_some())
                + &above_idle_clause(above)
        })
        .collect();
    Comparison {
        unit: if source.is_some() {
            "joules"
        } else {
            "seconds"
        },
        sentence: format!("{}. {basis}, {pairs}{order}.", ratios.join("; ")),
        source,
        reason,
        lowest: commands[lowest].command.clone(),
        lowest_at: lowest,
        interleaved,
        others: others
            .into_iter()
            .map(|(at, ratio, above)| Relative {
                at,
                command: commands[at].command.clone(),
                ratio: ratio.ratio,
                ratio_ci_low: ratio.interval.map(|interval| interval.low),
                ratio_ci_high: ratio.interval.map(|interval| interval.high),
                significant: ratio.is_significant(),
                pairs: rounds,
                above_idle_ratio: above.map(|above| above.ratio),
                above_idle_ratio_ci: above.and_then(|above| above.interval),
            })
            .collect(),
    }
}

/// `A` used 2.1x the energy of `B` (95 % CI 1.9 to 2.3).
fn sentence(name: &str, ratio: Ratio, lowest: &str, energy: bool) -> String {
    let factor = factor(ratio.ratio);
    let relation = match energy {
        true => format!("{name} used {factor}x the energy of {lowest}"),
        false => format!("{name} took {factor}x as long as {lowest}"),
    };
    let interval = match ratio.interval {
        None => "no CI from one pair of runs".to_owned(),
        Some(interval) => {
            let verdict = if ratio.is_significant() {
                ""
            } else {
                ": not significant"
            };
            let (low, high) = (self::factor(interval.low), self::factor(interval.high));
            format!("95 % CI {low} to {high}{verdict}")
        }
    };
    format!("{relation} ({interval})")
}

/// The ratio of the joules above idle of paired runs. The idle power is one figure for all of them, so many runs do not
/// make its error smaller.
fn above_idle(of: &CommandRuns, to: &CommandRuns, source: &str, rounds: usize) -> Option<Ratio> {
    let figures = |each: &CommandRuns| {
        let runs = each.runs.iter().take(rounds);
        let amounts = runs.map(|run| Some(row(run, source)?.above_idle?.joules));
        let amounts: Vec<f64> = amounts.collect::<Option<_>>()?;
        let mut means = each.means().into_iter();
        let means = means.find(|means| means.source.as_deref() == Some(source))?;
        let ((mean, half), ..) = means.above_idle?;
        let clear = mean > half? && amounts.iter().all(|&amount| amount > 0.0);
        clear.then_some((amounts, half? / mean))
    };
    let ((of, of_error), (to, to_error)) = (figures(of)?, figures(to)?);
    Some(Ratio::of_pairs(&of, &to, of_error.hypot(to_error)))
}

fn above_idle_clause(ratio: Option<Ratio>) -> String {
    ratio.map_or(String::new(), |ratio| {
        let interval = ratio.interval.map_or(String::new(), |interval| {
            format!(" ({} to {})", factor(interval.low), factor(interval.high))
        });
        format!(", above idle {}x{interval}", factor(ratio.ratio))
    })
}

/// A ratio with three significant digits, and two decimals below 1.
fn factor(ratio: f64) -> String {
    let digits = match ratio {
        ratio if ratio < 9.995 => 2,
        ratio if ratio < 99.95 => 1,
        _ => 0,
    };
    format!("{ratio:.digits$}")
}

/// The source that measured every run; of several the one with the most joules, because it covers most of the machine.
fn best_source(commands: &[CommandRuns]) -> Option<(String, Figures)> {
    let first = commands.first()?.runs.first()?;
    let total = |figures: &Figures| figures.iter().flatten().map(|each| each.0).sum::<f64>();
    let names = first.sources.iter().map(|row| &row.result.source);
    names
        .filter_map(|name| Some((name.clone(), figures_by(commands, name)?)))
        .max_by(|(_, a), (_, b)| total(a).total_cmp(&total(b)))
}

fn figures_by(commands: &[CommandRuns], source: &str) -> Option<Figures> {
    let figure = |run: &Run| row(run, source)?.measured().filter(|figure| figure.0 > 0.0);
    let of = |each: &CommandRuns| each.runs.iter().map(figure).collect();
    commands.iter().map(of).collect()
}

fn row<'a>(run: &'a Run, source: &str) -> Option<&'a Row> {
    run.sources.iter().find(|row| row.result.source == source)
}

/// The means of a command by one source. Each figure has half of its confidence interval.
pub struct Means {
    pub source: Option<String>,
    pub assumed: bool,
    pub joules: Option<(f64, Option<f64>)>,
    /// Joules above idle, the idle power, and what measured that.
    pub above_idle: Option<((f64, Option<f64>), Interval, IdleFrom)>,
    pub watts: Option<f64>,
    pub seconds: (f64, Option<f64>),
    pub runs: usize,
}

impl CommandRuns {
    /// The label in one line.
    pub fn label(&self) -> String {
        let label = self.label.trim_end().replace('\r', "");
        label.replace('\n', "\\n")
    }

    /// How many runs ended with another exit code than 0.
    pub fn failed(&self) -> usize {
        let failed = |run: &&Run| run.exit_code != Some(0);
        self.runs.iter().filter(failed).count()
    }

    pub fn times(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.seconds).collect()
    }

    /// Notes runs that failed, lack joules or stand out.
    pub fn note(&mut self, args: &Comparing) {
        let count = self.runs.len();
        let failed = self.failed();
        if args.ignore_failure && failed > 0 {
            self.notes.push(format!("{failed} of {count} runs failed"));
        }
        let sources = self.runs.iter().flat_map(|run| &run.sources);
        let names: BTreeSet<&str> = sources.map(|row| row.result.source.as_str()).collect();
        for name in names {
            let rows = self.runs.iter().filter_map(|run| row(run, name));
            let reasons = rows.filter(|row| row.result.joules.is_none());
            let reasons: Vec<_> = reasons
                .filter_map(|row| row.result.reason.as_ref())
                .collect();
            if let Some(reason) = reasons.first().filter(|_| reasons.len() < count) {
                self.notes.push(format!(
                    "{name}: no joules in {} of {count} runs: {reason}",
                    reasons.len()
                ));
            }
        }
        self.notes
            .extend(outliers::hint(&self.times(), args.warmup));
    }

    /// One entry per source that has the joules of every run, or one without a source.
    pub fn means(&self) -> Vec<Means> {
        let mean = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, half_of_mean(values))
        };
        let Some(first) = self.runs.first() else {
            return Vec::new();
        };
        let times = self.times();
        let without = Means {
            source: None,
            assumed: false,
            joules: None,
            above_idle: None,
            watts: None,
            seconds: mean(&times),
            runs: times.len(),
        };
        let by_source = |of: &Row| {
            let rows = self.runs.iter().map(|run| row(run, &of.result.source));
            let rows: Vec<&Row> = rows.collect::<Option<_>>()?;
            let all = |value: fn(&Row) -> Option<f64>| {
                rows.iter()
                    .map(|row| value(row))
                    .collect::<Option<Vec<f64>>>()
            };
            let amounts = all(|row| row.result.joules)?;
            let powers = all(|row| row.result.watts())?;
            let above = all(|row| Some(row.above_idle?.joules)).zip(of.above_idle);
            let above = above.map(|(above, of)| {
                let (mean, scatter) = mean(&above);
                // The sensor's own error, smaller for many runs, and that of the idle power, which all runs share.
                let halves = rows
                    .iter()
                    .map(|row| row.result.ci().map_or(0.0, Interval::half));
                let sensor = halves.fold(0.0, f64::hypot) / rows.len() as f64;
                let seconds = rows
                    .iter()
                    .filter_map(|row| row.result.seconds)
                    .sum::<f64>();
                let idle = of.idle_watts.half() * seconds / rows.len() as f64;
                let half = scatter.unwrap_or(0.0).max(sensor).hypot(idle);
                ((mean, Some(half)), of.idle_watts, of.from)
            });
            Some(Means {
                source: Some(of.result.source.clone()),
                assumed: of.result.status == Status::Assumed,
                joules: Some(mean(&amounts)),
                above_idle: above,
                watts: Some(mean(&powers).0),
                ..without
            })
        };
        let means: Vec<Means> = first.sources.iter().filter_map(by_source).collect();
        match means.is_empty() {
            true => vec![without],
            false => means,
        }
    }
}

impl Means {
    pub fn energy(&self) -> String {
        let assumed = if self.assumed { " assumed" } else { "" };
        self.joules.map_or("-".into(), |(mean, half)| {
            format!("{}{assumed}", amount_of(mean, half))
        })
    }

    pub fn power(&self) -> String {
        self.watts
            .map_or("-".into(), |watts| format!("{}W", si(watts)))
    }

    pub fn time(&self) -> String {
        let (mean, half) = self.seconds;
        let half = half.map_or(String::new(), |half| format!(" +- {}", seconds(half)));
        format!("{}{half}", seconds(mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_give_the_ratio_and_its_significance() {
        let ratio = |low, high| Ratio {
            ratio: 1.9,
            interval: Some(Interval { low, high }),
        };
        assert_eq!(
            sentence("`B`", ratio(0.85, 4.3), "`A`", false),
            "`B` took 1.90x as long as `A` (95 % CI 0.85 to 4.30: not significant)"
        );
        assert_eq!(
            sentence("`B`", ratio(1.8, 12.0), "`A`", true),
            "`B` used 1.90x the energy of `A` (95 % CI 1.80 to 12.0)"
        );
        let single = Ratio {
            ratio: 250.0,
            interval: None,
        };
        assert_eq!(
            sentence("`B`", single, "`A`", true),
            "`B` used 250x the energy of `A` (no CI from one pair of runs)"
        );
    }
}
