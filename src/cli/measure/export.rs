//! Files of a comparison.

use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::files::writable;

use super::comparing::Comparing;
use super::comparison::{CommandRuns, Comparison, Means, Report};
use super::outliers::median;

type Writer = fn(&Report) -> Result<String, Failure>;

pub struct Exports(Vec<(PathBuf, Writer)>);

impl Exports {
    /// Checks that the files can be written before hours of runs, not after them.
    pub fn open(args: &Comparing) -> Result<Self, Failure> {
        let files: [(_, Writer); 3] = [
            (&args.export_json, json),
            (&args.export_csv, csv),
            (&args.export_markdown, |report| Ok(markdown(report))),
        ];
        let mut exports = Vec::new();
        for (path, writer) in files {
            if let Some(path) = path {
                writable(path).map_err(|error| Failure::cannot_write(path, &error))?;
                exports.push((path.clone(), writer));
            }
        }
        Ok(Self(exports))
    }

    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        for (path, writer) in &self.0 {
            let text = writer(report)?;
            output::write(path, &text)?;
        }
        Ok(())
    }
}

fn json(report: &Report) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(report);
    text.map(|text| text + "\n").map_err(no_text)
}

fn no_text(error: impl std::fmt::Display) -> Failure {
    Failure::failed(format!(
        "cannot write the result ({error}): report this as a bug"
    ))
}

/// One row per command and source. The columns of the time have hyperfine's names.
fn csv(report: &Report) -> Result<String, Failure> {
    let parameters: Vec<&String> = report
        .commands
        .first()
        .map_or(Vec::new(), |each| each.parameters.keys().collect());
    let heads = [
        "command",
        "name",
        "source",
        "status",
        "runs",
        "failed_runs",
        "mean",
        "stddev",
        "median",
        "min",
        "max",
        "mean_joules",
        "ci_low_joules",
        "ci_high_joules",
        "mean_watts",
        "above_idle_joules",
        "above_idle_ci_low",
        "above_idle_ci_high",
        "ratio",
        "ratio_ci_low",
        "ratio_ci_high",
    ];
    let heads = heads.iter().map(|head| (*head).to_owned());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = parameters.iter().map(|name| format!("parameter_{name}"));
    writer.write_record(heads.chain(columns)).map_err(no_text)?;
    for (at, each) in report.commands.iter().enumerate() {
        for means in each.means() {
            let values = parameters
                .iter()
                .map(|name| each.parameters.get(*name).cloned().unwrap_or_default());
            let row = row(report, at, each, &means);
            writer
                .write_record(row.into_iter().chain(values))
                .map_err(no_text)?;
        }
    }
    let bytes = writer.into_inner().map_err(no_text)?;
    String::from_utf8(bytes).map_err(no_text)
}

fn row(report: &Report, at: usize, each: &CommandRuns, means: &Means) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let ends = |figure: Option<(f64, Option<f64>)>| {
        let ends = figure.and_then(|(mean, half)| Some((mean - half?, mean + half?)));
        [
            figure.map(|figure| figure.0),
            ends.map(|ends| ends.0),
            ends.map(|ends| ends.1),
        ]
        .map(number)
    };
    let times = each.times();
    let (count, mean) = (times.len() as f64, means.seconds.0);
    let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
    let deviation = (times.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    let of = |pick: fn(f64, f64) -> f64| times.iter().copied().reduce(pick);
    let status = match (&means.source, means.assumed) {
        (None, _) => "",
        (_, true) => "assumed",
        (_, false) => "measured",
    };
    let name = each.name.clone().unwrap_or_default();
    let source = means.source.clone().unwrap_or_default();
    let mut cells = vec![
        each.command.clone(),
        name,
        source,
        status.to_owned(),
        means.runs.to_string(),
        each.failed().to_string(),
    ];
    cells.extend(
        [
            Some(mean),
            deviation,
            Some(median(&times)),
            of(f64::min),
            of(f64::max),
        ]
        .map(number),
    );
    cells.extend(ends(means.joules));
    cells.push(number(means.watts));
    cells.extend(ends(means.above_idle.map(|above| above.0)));
    let ratio = ratio(report.comparison.as_ref(), at, means.source.as_deref());
    cells.extend(
        match ratio {
            Some((ratio, ends)) => [
                Some(ratio),
                ends.map(|ends| ends.0),
                ends.map(|ends| ends.1),
            ],
            None => [None; 3],
        }
        .map(number),
    );
    cells
}

/// A command as code in a cell: a line break would end the row, a bar the cell.
fn code(text: &str) -> String {
    let lines = text
        .trim_end()
        .lines()
        .filter(|line| !line.trim().is_empty());
    let spans = lines.map(|line| {
        let line = line.replace('\r', "").replace('|', "\\|");
        match line.contains('`') {
            true => format!("`` {line} ``"),
            false => format!("`{line}`"),
        }
    });
    spans.collect::<Vec<_>>().join("<br>")
}

fn markdown(report: &Report) -> String {
    let mut text = String::from(
        "| command | source | energy/run | power | time/run | runs | ratio to lowest (95 % CI) |\n\
         |:---|:---|---:|---:|---:|---:|---:|\n",
    );
    for (at, each) in report.commands.iter().enumerate() {
        for means in each.means() {
            let source = means.source.as_deref();
            let ratio = ratio(report.comparison.as_ref(), at, source);
            let ratio = match ratio {
                None => String::new(),
                Some((_, None))
                    if report
                        .comparison
                        .as_ref()
                        .is_some_and(|found| found.lowest_at == at) =>
                {
                    "1".into()
                }
                Some((ratio, None)) => format!("{ratio:.3}"),
                Some((ratio, Some((low, high)))) => format!("{ratio:.3} ({low:.3} to {high:.3})"),
            };
            text += &format!(
                "| {} | {} | {} | {} | {} | {} | {ratio} |\n",
                code(&each.label),
                source.unwrap_or("-"),
                means.energy(),
                means.power(),
                means.time(),
                means.runs
            );
        }
    }
    if let Some(comparison) = &report.comparison {
        text += &format!("\n{}\n", comparison.sentence);
    }
    text
}

/// The ratio of a command to the lowest with its interval, in the row of the source that the comparison is based on.
fn ratio(
    comparison: Option<&Comparison>,
    at: usize,
    source: Option<&str>,
) -> Option<(f64, Option<(f64, f64)>)> {
    let comparison = comparison?;
    let by = comparison.source.as_deref();
    if by.is_some() && source != by {
        return None;
    }
    if comparison.lowest_at == at {
        return Some((1.0, None));
    }
    let other = comparison.others.iter().find(|other| other.at == at)?;
    Some((other.ratio, other.ratio_ci_low.zip(other.ratio_ci_high)))
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_command_stays_in_its_cell() {
        assert_eq!(code("a | b\n\n: two\r\n"), "`a \\| b`<br>`: two`");
        assert_eq!(code("echo `date`"), "`` echo `date` ``");
    }
}
