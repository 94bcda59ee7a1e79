//! Files of a comparison.

use std::fs::OpenOptions;
use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::files::write_whole;

use super::args::Args;
use super::comparison::{Comparison, Report};

pub struct Exports {
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

impl Exports {
    /// Checks that the files can be written before hours of runs, not after them.
    pub fn open(args: &Args) -> Result<Self, Failure> {
        let paths = [&args.export_json, &args.export_markdown];
        for path in paths.into_iter().flatten() {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            opened.map_err(|error| Failure::cannot_write(path, &error))?;
        }
        Ok(Self {
            json: args.export_json.clone(),
            markdown: args.export_markdown.clone(),
        })
    }

    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        let json = || {
            let text = serde_json::to_string_pretty(report);
            text.map(|text| text + "\n")
                .map_err(|error| Failure::failed(format!("the result is not valid JSON: {error}")))
        };
        for (path, text) in [
            (&self.json, &json as &dyn Fn() -> Result<String, Failure>),
            (&self.markdown, &|| Ok(markdown(report))),
        ] {
            if let Some(path) = path {
                write_whole(path, text()?.as_bytes())
                    .map_err(|error| Failure::cannot_write(path, &error))?;
            }
        }
        Ok(())
    }
}

fn markdown(report: &Report) -> String {
    let mut text = String::from(
        "| command | source | energy/run | power | time/run | runs | ratio to lowest (95 % CI) |\n\
         |:---|:---|---:|---:|---:|---:|---:|\n",
    );
    let comparison = report.comparison.as_ref();
    for each in &report.commands {
        for means in each.means() {
            let source = means.source.as_deref();
            let ratio =
                comparison.map_or(String::new(), |found| ratio(found, &each.command, source));
            text += &format!(
                "| `{}` | {} | {} | {} | {} | {} | {ratio} |\n",
                // A bar would end the cell.
                each.command.replace('|', "\\|"),
                source.unwrap_or("-"),
                means.energy(),
                means.power(),
                means.time(),
                means.runs
            );
        }
    }
    if let Some(comparison) = comparison {
        text += &format!("\n{}\n", comparison.sentence);
    }
    text
}

/// The ratio of a command, in the row of the source that the comparison is based on.
fn ratio(comparison: &Comparison, command: &str, source: Option<&str>) -> String {
    let by = comparison.source.as_deref();
    if by.is_some() && source != by {
        return String::new();
    }
    let mut others = comparison.others.iter();
    let Some(other) = others.find(|other| other.command == command) else {
        return "1".into();
    };
    match (other.ratio_ci_low, other.ratio_ci_high) {
        (Some(low), Some(high)) => format!("{:.3} ({low:.3} to {high:.3})", other.ratio),
        _ => format!("{:.3}", other.ratio),
    }
}
