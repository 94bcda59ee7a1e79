//! One source of a run: as JSON, and as a line of a table for the terminal.

use serde::Serialize;

use crate::cli::wrap::clip;
use crate::energy::Method;
use crate::energy::{Interval, SourceResult, Status, explain, missing_sources};
use crate::report::{Align, columns};
use crate::units::{joules, joules_within, seconds, si};

/// Longer names are cut, so that the table fits into 80 columns.
const LONGEST_NAME: usize = 24;

/// One source of a run, without its raw readings.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub result: SourceResult,
    #[serde(flatten)]
    pub above_idle: Option<AboveIdle>,
}

/// The energy above the idle power of the device, where its calibration or a baseline knows that.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AboveIdle {
    #[serde(rename = "above_idle_joules")]
    pub joules: f64,
    #[serde(rename = "above_idle_ci_low")]
    ci_low: f64,
    #[serde(rename = "above_idle_ci_high")]
    ci_high: f64,
    #[serde(rename = "above_idle_accuracy_low")]
    accuracy_low: f64,
    #[serde(rename = "above_idle_accuracy_high")]
    accuracy_high: f64,
    #[serde(rename = "above_idle_from")]
    pub from: IdleFrom,
    #[serde(skip)]
    pub idle_watts: Interval,
}

/// What measured the idle power.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleFrom {
    Calibration,
    Baseline,
}

impl AboveIdle {
    fn of(result: &SourceResult, from: IdleFrom) -> Option<Self> {
        let above = result.above_idle()?;
        let (ci, accuracy) = (above.ci()?, above.accuracy()?);
        Some(Self {
            joules: above.joules(),
            ci_low: ci.low,
            ci_high: ci.high,
            accuracy_low: accuracy.low,
            accuracy_high: accuracy.high,
            from,
            idle_watts: result.idle_watts?,
        })
    }

    /// Half of its confidence interval.
    pub fn half(&self) -> f64 {
        (self.ci_high - self.ci_low) / 2.0
    }
}

impl From<SourceResult> for Row {
    fn from(mut result: SourceResult) -> Self {
        result.readings.clear();
        result.conditions.clear();
        result.basis = None;
        Self {
            above_idle: AboveIdle::of(&result, IdleFrom::Calibration),
            result,
        }
    }
}

impl Row {
    /// Measured joules with half of their confidence interval.
    pub fn measured(&self) -> Option<(f64, Option<f64>)> {
        let measured = self.result.measured()?;
        Some((measured.joules(), measured.ci().map(Interval::half)))
    }

    /// Sets the idle power as a baseline measured it.
    pub fn set_idle(&mut self, watts: Interval) {
        self.result.idle_watts = Some(watts);
        self.above_idle = AboveIdle::of(&self.result, IdleFrom::Baseline);
    }

    /// The joules with half of their confidence interval, as text.
    pub fn energy(&self) -> String {
        let half = self.result.ci().map(Interval::half);
        let joules = self.result.joules;
        joules.map_or("-".into(), |amount| amount_of(amount, half))
    }

    /// Whether the source is an external meter, which exists only where it is named.
    fn external(&self) -> bool {
        let source = &self.result.source;
        source.starts_with("file:") || source.starts_with("cmd:")
    }

    fn cells(&self) -> Vec<String> {
        let result = &self.result;
        let watts = result.watts();
        vec![
            clip(&result.source, LONGEST_NAME),
            result.scope.name().to_owned(),
            self.energy(),
            watts.map_or("-".into(), |watts| format!("{}W", si(watts))),
            result.seconds.map_or("-".into(), seconds),
            match (result.status, result.grade) {
                (Status::Measured, Some(grade)) => format!("{grade:?}"),
                (Status::Measured, None) => "-".into(),
                (Status::Unavailable, _) => "none".into(),
                (status, _) => status.name().into(),
            },
        ]
    }
}

/// The sources that have joules, or those that were read where none has; below the table why the others have none, and
/// remarks.
pub fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut cells = vec![
        ["source", "scope", "energy", "power", "time", "grade"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let any = rows.iter().any(|row| row.result.joules.is_some());
    let shown = rows.iter().filter(|row| match any {
        true => row.result.joules.is_some(),
        false => row.result.seconds.is_some(),
    });
    cells.extend(shown.map(Row::cells));
    if cells.len() == 1 {
        return remarks(rows);
    }
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
        if let Some(above) = &row.above_idle {
            let figure = (above.joules, Some(above.half()));
            text += &above_idle(&row.result.source, figure, above.idle_watts, above.from);
        }
    }
    text + &remarks(rows)
}

/// A line below a table of total joules.
pub fn above_idle(
    source: &str,
    (joules, half): (f64, Option<f64>),
    idle: Interval,
    from: IdleFrom,
) -> String {
    let from = match from {
        IdleFrom::Calibration => "idle power when calibrated",
        IdleFrom::Baseline => "idle power by --baseline",
    };
    let unclear = match half {
        Some(half) if joules.abs() <= half => ", not significantly",
        _ => "",
    };
    format!(
        "{}: {} above idle{unclear} ({}W {from})\n",
        clip(source, LONGEST_NAME),
        amount_of(joules, half),
        si(idle.middle())
    )
}

/// Joules, with half of their interval where it is known.
pub fn amount_of(amount: f64, half: Option<f64>) -> String {
    half.map_or_else(|| joules(amount), |half| joules_within(amount, half))
}

/// A line for each reason and note. Of several sources that the machine does not have only the names are listed; where
/// another source has joules, not of those that can be enabled.
pub fn remarks(rows: &[Row]) -> String {
    let any = rows.iter().any(|row| row.result.joules.is_some());
    // A source that was opened has seconds, and one that can be enabled has a fix.
    let missing = |row: &&Row| {
        row.result.seconds.is_none() && !row.external() && !(any && row.result.fix.is_some())
    };
    let names: Vec<&str> = rows
        .iter()
        .filter(missing)
        .map(|row| row.result.source.as_str())
        .collect();
    let list = missing_sources(&names);
    let mut text = String::new();
    for row in rows.iter().filter(|row| !(list.is_some() && missing(row))) {
        let SourceResult {
            source,
            reason,
            fix,
            notes,
            ..
        } = &row.result;
        let reason = reason.as_ref();
        let reason = reason.map(|reason| explain(reason, fix.as_deref(), None));
        for remark in reason.iter().chain(notes) {
            text += &format!("{source}: {remark}\n");
        }
    }
    text + &list.unwrap_or_default()
}

/// The energy of a run in a clause: that of the source that covers most.
pub fn clause(rows: &[Row]) -> String {
    let measured = rows
        .iter()
        .filter_map(|row| Some((row, row.result.measured()?)));
    let most = measured.max_by(|(_, a), (_, b)| a.joules().total_cmp(&b.joules()));
    let Some((row, most)) = most else {
        let assumed = rows
            .iter()
            .find(|row| row.result.method == Method::Assumed && row.result.joules.is_some());
        if let Some(row) = assumed {
            let assumed = joules(row.result.joules.unwrap_or_default());
            return format!(
                "no energy was measured; {assumed} are assumed by {}",
                row.result.source
            );
        }
        return match rows.is_empty() {
            true => "energy was not measured (--meter none)".into(),
            false => "energy was not measured".into(),
        };
    };
    let figure = match most.ci() {
        Some(ci) => format!("{} (95 % CI", joules_within(most.joules(), ci.half())),
        None => format!("{} (no CI", joules(most.joules())),
    };
    let accuracy = most.accuracy().map_or(String::new(), |accuracy| {
        format!(
            "; sensor accuracy widens it to {}J to {}J",
            si(accuracy.low),
            si(accuracy.high)
        )
    });
    format!("{} measured {figure}{accuracy})", row.result.source)
}
