//! What one run came to: as JSON, and as a table for the terminal.

use serde::Serialize;

use crate::energy::{Estimate, Grade, Interval, Method, Scope, SourceResult, Status, Unavailable};
use crate::report::{Align, columns};
use crate::units::{joules, joules_within, seconds, si};

/// Names beyond this are cut, so that the table fits into 80 columns.
const LONGEST_NAME: usize = 24;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub sources: Vec<Row>,
    pub seconds: f64,
    /// Absent where nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// One source of a run. A figure that does not exist is absent.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub source: String,
    pub scope: Covered,
    pub method: Method,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci_high: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_high: Option<f64>,
    #[serde(flatten)]
    above_idle: Option<AboveIdle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<Grade>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// The joules beyond those that the device would have drawn at rest, where its calibration knows that rest.
#[derive(Clone, Copy, Debug, Serialize)]
struct AboveIdle {
    #[serde(rename = "above_idle_joules")]
    joules: f64,
    #[serde(rename = "above_idle_joules_low")]
    ci_low: f64,
    #[serde(rename = "above_idle_joules_high")]
    ci_high: f64,
    #[serde(rename = "above_idle_absolute_low")]
    accuracy_low: f64,
    #[serde(rename = "above_idle_absolute_high")]
    accuracy_high: f64,
    /// Of the device at rest.
    #[serde(rename = "idle_watts")]
    watts: Interval,
}

impl AboveIdle {
    fn of(energy: &SourceResult) -> Option<Self> {
        let above = energy.above_idle()?;
        let (ci, accuracy) = (above.ci()?, above.accuracy()?);
        Some(Self {
            joules: above.joules(),
            ci_low: ci.low,
            ci_high: ci.high,
            accuracy_low: accuracy.low,
            accuracy_high: accuracy.high,
            watts: energy.idle_watts?,
        })
    }

    fn half(&self) -> f64 {
        (self.ci_high - self.ci_low) / 2.0
    }
}

/// What the joules are those of.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Covered {
    Scope(Scope),
    /// Whatever the recording is of.
    Recording(&'static str),
}

impl Row {
    /// A row of a recording.
    pub fn replayed(
        source: String,
        method: Method,
        seconds: f64,
        outcome: Result<(Estimate, Grade), Unavailable>,
    ) -> Self {
        let mut row = Self {
            source,
            scope: Covered::Recording("recording"),
            method,
            status: Status::Unavailable,
            joules: None,
            ci_low: None,
            ci_high: None,
            accuracy_low: None,
            accuracy_high: None,
            above_idle: None,
            seconds: Some(seconds),
            grade: None,
            reason: None,
            fix: None,
            notes: Vec::new(),
        };
        match outcome {
            Ok((estimate, grade)) => {
                row.status = Status::Measured;
                row.joules = Some(estimate.joules);
                row.ci_low = Some(estimate.ci.low);
                row.ci_high = Some(estimate.ci.high);
                row.accuracy_low = Some(estimate.accuracy.low);
                row.accuracy_high = Some(estimate.accuracy.high);
                row.grade = Some(grade);
            }
            Err(refusal) => {
                row.reason = Some(refusal.reason);
                row.fix = refusal.fix;
            }
        }
        row
    }

    /// Joules that an instrument measured, with half of their interval of repeatability.
    pub fn measured(&self) -> Option<(f64, Option<f64>)> {
        let joules = self.joules.filter(|_| self.status == Status::Measured)?;
        Some((joules, self.ci().map(Interval::half)))
    }

    /// Joules above those of the device's rest, with half of their interval of repeatability.
    pub fn above_idle(&self) -> Option<(f64, f64)> {
        self.above_idle.map(|above| (above.joules, above.half()))
    }

    /// Watts of the device at rest, where they are known.
    pub fn idle_watts(&self) -> Option<Interval> {
        self.above_idle.map(|above| above.watts)
    }

    /// Mean watts of the window.
    pub fn watts(&self) -> Option<f64> {
        let seconds = self.seconds.filter(|&seconds| seconds > 0.0)?;
        Some(self.joules? / seconds)
    }

    /// Whether it is of a meter that no machine has of its own.
    fn outside(&self) -> bool {
        ["file:", "cmd:"]
            .iter()
            .any(|family| self.source.starts_with(family))
    }

    fn ci(&self) -> Option<Interval> {
        Some(Interval {
            low: self.ci_low?,
            high: self.ci_high?,
        })
    }

    fn accuracy(&self) -> Option<Interval> {
        Some(Interval {
            low: self.accuracy_low?,
            high: self.accuracy_high?,
        })
    }

    fn cells(&self) -> Vec<String> {
        let off = self.ci().map(Interval::half);
        vec![
            clip(&self.source, LONGEST_NAME),
            self.scope.to_string(),
            match (self.joules, off) {
                (None, _) => "-".into(),
                (Some(amount), None) => joules(amount),
                (Some(amount), Some(off)) => joules_within(amount, off),
            },
            self.watts()
                .map_or("-".into(), |watts| format!("{}W", si(watts))),
            self.seconds.map_or("-".into(), seconds),
            match (self.status, self.grade) {
                (Status::Unavailable, _) => "none".into(),
                (Status::Assumed, _) => "assumed".into(),
                (Status::Shared, _) => "shared".into(),
                (Status::Measured, Some(grade)) => format!("{grade:?}"),
                (Status::Measured, None) => "-".into(),
            },
        ]
    }
}

impl From<SourceResult> for Row {
    fn from(energy: SourceResult) -> Self {
        let above_idle = AboveIdle::of(&energy);
        Self {
            above_idle,
            source: energy.source,
            scope: Covered::Scope(energy.scope),
            method: energy.method,
            status: energy.status,
            joules: energy.joules,
            ci_low: energy.ci_low,
            ci_high: energy.ci_high,
            accuracy_low: energy.accuracy_low,
            accuracy_high: energy.accuracy_high,
            seconds: energy.seconds,
            grade: energy.grade,
            reason: energy.reason,
            fix: energy.fix,
            notes: energy.notes,
        }
    }
}

impl std::fmt::Display for Covered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scope(scope) => scope.name(),
            Self::Recording(name) => name,
        })
    }
}

/// Source, scope, joules, watts, seconds, grade, of the sources that have joules, of all where none has; below it why a
/// source has no figure, and what else is to be known.
pub fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut cells = vec![
        ["source", "scope", "energy", "power", "time", "grade"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let any = rows.iter().any(|row| row.joules.is_some());
    let shown = rows.iter().filter(|row| !any || row.joules.is_some());
    cells.extend(shown.map(Row::cells));
    let sides = [
        Align::Left,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Left,
    ];
    let mut text = columns(&cells, &sides, "");
    for row in rows {
        if let Some(((joules, half), watts)) = row.above_idle().zip(row.idle_watts()) {
            text += &above_idle(&row.source, &joules_within(joules, half), watts);
        }
    }
    text + &remarks(rows)
}

/// A line that stands below a table of gross joules.
pub fn above_idle(source: &str, figure: &str, watts: Interval) -> String {
    format!(
        "{}: {figure} above idle ({}W at rest when calibrated)\n",
        clip(source, LONGEST_NAME),
        si(watts.middle())
    )
}

/// So many sources that are not there are one line, where others are.
const MANY: usize = 3;

/// A line a source that has something to say. Where something was measured, what a machine just does not have is no more
/// than named.
pub fn remarks(rows: &[Row]) -> String {
    let any = rows.iter().any(|row| row.joules.is_some());
    // What was opened has its seconds, and what can be opened its fix.
    let lacks = |row: &Row| row.seconds.is_none() && row.fix.is_none();
    let lacking: Vec<&str> = rows
        .iter()
        .filter(|row| lacks(row))
        .map(|row| row.source.as_str())
        .collect();
    let brief = any && lacking.len() >= MANY;
    let mut text = String::new();
    for row in rows.iter().filter(|row| !(brief && lacks(row))) {
        let told = row.reason.iter().chain(&row.notes);
        for said in told {
            text += &format!("{}: {said}\n", row.source);
        }
        if let Some(fix) = &row.fix {
            text += &format!("    fix: {fix}\n");
        }
    }
    if brief {
        text += &format!(
            "not here: {} (`wattgrad doctor` says why)\n",
            lacking.join(", ")
        );
    }
    text
}

/// What a run came to, in one sentence without its end: the source that sees most of what was measured.
pub fn sentence(rows: &[Row]) -> String {
    let most = rows
        .iter()
        .filter(|row| row.status == Status::Measured)
        .max_by(|a, b| a.joules.unwrap_or(0.0).total_cmp(&b.joules.unwrap_or(0.0)));
    let Some((row, amount)) = most.and_then(|row| Some((row, row.joules?))) else {
        return match rows.is_empty() {
            true => "its joules were not metered (meter none)".into(),
            // Why none of them tells anything stands above; the doctor without them would look at others.
            false if rows.iter().all(Row::outside) => {
                "its joules could not be measured: `wattgrad doctor` with the same --meter tries it again".into()
            }
            false => "its joules could not be measured here: `wattgrad doctor` says what would open a source".into(),
        };
    };
    let figure = match row.ci() {
        Some(interval) => joules_within(amount, interval.half()),
        None => joules(amount),
    };
    let mut text = format!("{} measured {figure}", row.source);
    if let Some(interval) = row.accuracy() {
        text += &format!(
            ", with its own error {}J to {}J (95 %)",
            si(interval.low),
            si(interval.high)
        );
    }
    text
}

/// At most `length` characters.
pub fn clip(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(length - 2).collect();
    cut += "..";
    cut
}
