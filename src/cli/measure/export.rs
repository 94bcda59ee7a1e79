//! Files of a comparison.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::Args;
use super::compare::Report;
use crate::cli::failure::Failure;
use crate::files::write_whole;

pub struct Exports {
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

impl Exports {
    /// Tries the files: one that cannot be written is told before hours of runs, not after them.
    pub fn open(args: &Args) -> Result<Self, Failure> {
        for path in [&args.export_json, &args.export_markdown]
            .into_iter()
            .flatten()
        {
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map_err(|error| refused(path, &error))?;
        }
        Ok(Self {
            json: args.export_json.clone(),
            markdown: args.export_markdown.clone(),
        })
    }

    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        if let Some(path) = &self.json {
            let mut text = serde_json::to_string_pretty(report)
                .map_err(|error| Failure::failed(format!("{path:?} cannot be JSON: {error}")))?;
            text.push('\n');
            write_whole(path, text.as_bytes()).map_err(|error| refused(path, &error))?;
        }
        if let Some(path) = &self.markdown {
            write_whole(path, markdown(report).as_bytes())
                .map_err(|error| refused(path, &error))?;
        }
        Ok(())
    }
}

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "cannot write {path:?} ({error}): choose a file that may be written"
    ))
}

fn markdown(report: &Report) -> String {
    let mut text = String::from(
        "| command | source | energy a run | power | time a run | runs | times the least |\n\
         |:---|:---|---:|---:|---:|---:|---:|\n",
    );
    for each in &report.commands {
        // The source that the comparison is by has the ratio; without one there is a single row.
        let by = report
            .comparison
            .as_ref()
            .and_then(|comparison| comparison.source.as_deref());
        for means in each.means() {
            let source = means.source.as_deref();
            let ratio = report
                .comparison
                .as_ref()
                .map_or(String::new(), |comparison| {
                    if by.is_some() && source != by {
                        return String::new();
                    }
                    let other = comparison
                        .others
                        .iter()
                        .find(|other| other.command == each.command);
                    match other {
                        None => "1".into(),
                        Some(other) => match (other.ratio_low, other.ratio_high) {
                            (Some(low), Some(high)) => {
                                format!("{:.3} ({low:.3} to {high:.3})", other.ratio)
                            }
                            _ => format!("{:.3}", other.ratio),
                        },
                    }
                });
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
    if let Some(comparison) = &report.comparison {
        text += &format!("\n{}\n", comparison.sentence);
    }
    text
}
