//! `--baseline`: the idle power of the machine before and after the runs, by the sources that measure the runs.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::energy::{Interval, Meter, Method, SourceResult, explain};
use crate::train::Contention;
use crate::units::{percent, si};

use super::child;
use super::result::Run;
use super::row::Row;

/// The idle power of each source.
#[derive(Debug, Serialize)]
pub struct Baseline {
    /// Of each of its two windows.
    pub seconds: f64,
    pub sources: Vec<IdlePower>,
    /// Why it may not be the idle power.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The idle power by one source: 95 % confidence intervals in watts.
#[derive(Debug, Serialize)]
pub struct IdlePower {
    pub source: String,
    #[serde(skip)]
    method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    before_watts: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_watts: Option<Interval>,
    /// That of both; as wide as they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watts: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// In place of a baseline that was requested but that no source can measure.
pub const UNMEASURED: &str = "baseline: not measured, because no source can measure energy";

/// The window before the runs.
pub struct Before<'a> {
    meter: &'a Meter,
    seconds: f64,
    window: IdleWindow,
}

/// One window without a command.
struct IdleWindow {
    results: Vec<SourceResult>,
    contention: Contention,
}

impl<'a> Before<'a> {
    /// `None` where it was not requested or nothing can measure it.
    pub fn measure(meter: &'a Meter, seconds: Option<f64>) -> Option<Self> {
        let seconds = seconds.filter(|_| meter.measures())?;
        Some(Self {
            meter,
            seconds,
            window: IdleWindow::measure(meter, seconds),
        })
    }

    /// Measures the window after the runs, unless they were interrupted.
    pub fn finish(self) -> Baseline {
        let after = (!child::interrupted()).then(|| IdleWindow::measure(self.meter, self.seconds));
        let mut notes: Vec<String> = self.window.disturbance("before").into_iter().collect();
        match &after {
            None => notes.push("interrupted: there is none after the runs".to_owned()),
            Some(after) => notes.extend(after.disturbance("after")),
        }
        let results = self.window.results.iter();
        let sources = results
            .filter(|before| before.method != Method::Assumed && before.seconds.is_some())
            .map(|before| {
                let mut results = after.iter().flat_map(|after| &after.results);
                let after = results.find(|after| same(before, after));
                let power = IdlePower::of(before, after);
                notes.extend(power.drift());
                power
            })
            .collect();
        Baseline {
            seconds: self.seconds,
            sources,
            notes,
        }
    }
}

fn same(a: &SourceResult, b: &SourceResult) -> bool {
    a.source == b.source && a.method == b.method
}

impl IdleWindow {
    fn measure(meter: &Meter, seconds: f64) -> Self {
        let watch = Contention::watch();
        let window = meter.start();
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while !child::interrupted() {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                break;
            };
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        Self {
            results: window.stop(),
            contention: watch.stop(),
        }
    }

    fn disturbance(&self, when: &str) -> Option<String> {
        let share = self.contention.cpu_share?;
        self.contention.is_significant().then(|| {
            format!(
                "other processes used {} of the CPUs {when} the runs, so the machine was not idle: \
                 stop them and measure again",
                percent(share)
            )
        })
    }
}

impl IdlePower {
    fn of(before: &SourceResult, after: Option<&SourceResult>) -> Self {
        let (first, second) = (watts(before), after.and_then(watts));
        let both = first.zip(second).map(|(first, second)| {
            let middle = f64::midpoint(first.middle(), second.middle());
            // What lies between them during the runs is unknown.
            let apart = (first.middle() - second.middle()).abs() / 2.0;
            Interval::around(
                middle,
                (first.half().hypot(second.half()) / 2.0).hypot(apart),
            )
        });
        let watts = both.or(first).or(second);
        let reason = before.reason.as_deref();
        let reason = reason.map(|reason| explain(reason, before.fix.as_deref(), None));
        Self {
            source: before.source.clone(),
            method: before.method,
            before_watts: first,
            after_watts: second,
            watts,
            reason: reason.filter(|_| watts.is_none()),
        }
    }

    /// Whether the power before and after differ by more than chance.
    fn drift(&self) -> Option<String> {
        let (before, after) = self.before_watts.zip(self.after_watts)?;
        let apart = (before.middle() - after.middle()).abs();
        let drifted = apart > before.half().hypot(after.half()) && apart > 0.01 * before.middle();
        drifted.then(|| {
            format!(
                "{}: idle power was {}W before and {}W after the runs; the joules above idle include this drift \
                 in their interval",
                self.source,
                si(before.middle()),
                si(after.middle())
            )
        })
    }
}

/// Mean power; `None` unless it was measured.
fn watts(result: &SourceResult) -> Option<Interval> {
    let ci = result.measured()?.ci()?;
    Some(ci.over(result.seconds?))
}

impl Baseline {
    /// Gives the run its joules above this idle power.
    pub fn apply(&self, run: &mut Run) {
        let phases = run.phases.iter_mut().flatten();
        let rows = phases.flat_map(|phase| &mut phase.sources);
        for row in run.sources.iter_mut().chain(rows) {
            if let Some(watts) = self.of(row) {
                row.set_idle(watts);
            }
        }
    }

    fn of(&self, row: &Row) -> Option<Interval> {
        let mut sources = self.sources.iter();
        let own = sources
            .find(|power| power.source == row.result.source && power.method == row.result.method);
        own?.watts
    }

    /// Lines below the table: what disturbed it, and sources without an idle power.
    pub fn text(&self) -> String {
        let reasons = self.sources.iter().filter_map(|power| {
            let reason = power.reason.as_ref()?;
            Some(format!("{} has no idle power: {reason}", power.source))
        });
        let notes = self.notes.iter().cloned().chain(reasons);
        notes.map(|note| format!("baseline: {note}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_power_is_as_wide_as_it_drifted() {
        let power = |before, after| IdlePower {
            source: "a".into(),
            method: Method::Counter,
            before_watts: Some(before),
            after_watts: Some(after),
            watts: None,
            reason: None,
        };
        let around = Interval::around;
        assert_eq!(power(around(50.0, 1.0), around(51.0, 1.0)).drift(), None);
        let drift = power(around(50.0, 1.0), around(60.0, 1.0)).drift().unwrap();
        assert!(drift.contains("50 W") && drift.contains("60 W"), "{drift}");
        // Tiny intervals: a hundredth of the power is no drift.
        assert_eq!(power(around(50.0, 0.01), around(50.3, 0.01)).drift(), None);
    }
}
