//! The source of a benchmark's joules, as criterion's measurement.

use std::rc::Rc;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use thiserror::Error;

use super::format::JoulesFormatter;
use super::metered::Metered;
use crate::energy::{
    Covers, EnergyPerUnit, Meter, MeterError, MeterOptions, MeteredDevice, Method, SourceReport,
    SourceResult, Status, Window, explain,
};

/// The pre-roll and post-roll of a window, about.
const ROLLS_SECONDS: f64 = 0.8;

/// How long a benchmark is metered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Seconds of work before the first window.
    pub warm_up_seconds: f64,
    /// Seconds of a window: of work, without its rolls. Every window is one sample of criterion's.
    pub window_seconds: f64,
    /// Windows of a benchmark. Criterion wants at least 10; fewer are taken as 10.
    pub windows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            warm_up_seconds: 2.0,
            window_seconds: 5.0,
            windows: 10,
        }
    }
}

/// Why there are no joules to bench in.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Skip {
    /// No source can be charged with the work; the sentence has a reason for each.
    #[error("no source of joules can be used here: {reasons}")]
    NoSource {
        /// `source (reason; fix)`, joined by commas.
        reasons: String,
    },
    /// The meter's options are wrong.
    #[error(transparent)]
    Options(#[from] MeterError),
    /// A time that is none.
    #[error("a window of {seconds} s cannot be metered: give a finite number of seconds above 0")]
    Seconds {
        /// The value as it was given.
        seconds: f64,
    },
}

struct Inner {
    meter: Meter,
    source: String,
    method: Method,
    tick: Option<f64>,
    settings: Settings,
}

/// Criterion's measurement in joules, from one source. A clone reads the same source.
///
/// Criterion's `start` and `end` can return no error: where the source is lost within a benchmark, the process writes
/// one sentence and exits with 1, before criterion has saved anything of that benchmark.
#[derive(Clone)]
pub struct Joules(Rc<Inner>);

impl Joules {
    /// Opens the meter and picks the first source that can be charged with the work of the adapter `target`: a measured
    /// one before the assumed one, and none that covers only the host beside a card, or that others use too.
    ///
    /// # Errors
    /// [`Skip`], where there is no such source or what was asked for makes no sense.
    pub fn open(
        options: &MeterOptions,
        target: Option<&MeteredDevice>,
        settings: Settings,
    ) -> Result<Self, Skip> {
        for seconds in [settings.window_seconds, settings.warm_up_seconds] {
            if Duration::try_from_secs_f64(seconds).is_err() || seconds == 0.0 {
                return Err(Skip::Seconds { seconds });
            }
        }
        let meter = Meter::open(options, target)?;
        let reports = meter.sources();
        let usable = |status| {
            reports
                .iter()
                .find(|found| found.status == status && found.covers != Some(Covers::Host))
        };
        let Some(chosen) = usable(Status::Measured).or_else(|| usable(Status::Assumed)) else {
            let reasons: Vec<String> = reports.iter().map(reason).collect();
            let reasons = match reasons.is_empty() {
                true => "none was asked for".to_owned(),
                false => reasons.join(", "),
            };
            return Err(Skip::NoSource { reasons });
        };
        Ok(Self(Rc::new(Inner {
            source: chosen.source.clone(),
            method: chosen.method,
            tick: chosen.update_interval_seconds,
            settings,
            meter,
        })))
    }

    /// The source, as in [`SourceResult::source`].
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// How its joules come about.
    pub fn method(&self) -> Method {
        self.0.method
    }

    /// Seconds between two values of the source, where known: work is to be counted a few times within.
    pub fn update_interval_seconds(&self) -> Option<f64> {
        self.0.tick
    }

    pub(super) fn settings(&self) -> Settings {
        self.0.settings
    }

    /// `name` with source and kind: `mlp [nvml]`, `mlp [battery power]`, `mlp [assumed]`. Criterion compares whatever
    /// lay under an id before, and joules of another source, or nanoseconds, must not.
    pub fn id(&self, name: &str) -> String {
        let source = &self.0.source;
        let numbered = source
            .split_once(':')
            .filter(|(_, part)| part.parse::<u32>().is_ok());
        let source = numbered.map_or(source.as_str(), |(family, _)| family);
        match self.0.method {
            Method::Counter => format!("{name} [{source}]"),
            Method::IntegratedPower => format!("{name} [{source} power]"),
            Method::Assumed => format!("{name} [assumed]"),
        }
    }

    /// How long `benchmarks` benchmarks take, and what is read: one line to print before they begin.
    pub fn announcement(&self, benchmarks: usize) -> String {
        let Settings {
            warm_up_seconds,
            window_seconds,
            windows,
        } = self.0.settings;
        let windows = windows.max(10);
        let each = warm_up_seconds + windows as f64 * (window_seconds + ROLLS_SECONDS);
        let minutes = each * benchmarks as f64 / 60.0;
        format!(
            "{benchmarks} benchmarks at most, {windows} windows of {window_seconds} s each, in joules of {}: about \
             {minutes:.1} minutes",
            self.id("source")
        )
    }

    /// Criterion with this measurement.
    pub fn criterion(&self) -> Criterion<Self> {
        let criterion: Criterion<WallTime> = Criterion::default();
        criterion.with_measurement(self.clone())
    }

    /// A group whose samples are windows. Criterion plans by wall time, from a warm-up that is over after its first
    /// call: flat samples of as many iterations as a window holds. `--sample-size` and the times of the command line
    /// have no effect on it.
    pub fn group<'c>(
        &self,
        criterion: &'c mut Criterion<Self>,
        name: &str,
    ) -> BenchmarkGroup<'c, Self> {
        let Settings {
            window_seconds,
            windows,
            ..
        } = self.0.settings;
        let windows = windows.max(10);
        let mut group = criterion.benchmark_group(name);
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(windows)
            .warm_up_time(Duration::from_nanos(1))
            .measurement_time(Duration::from_secs_f64(window_seconds * windows as f64));
        group
    }

    /// A benchmark of its own, named as [`Joules::id`] names it.
    pub fn metered(&self, name: &str) -> Metered {
        Metered::new(self.clone(), name)
    }

    pub(super) fn window(&self) -> Window {
        self.0.meter.start()
    }

    /// The joules of one unit of the `done` that were stamped in the window, or why they are not known.
    pub(super) fn each(&self, window: Window, done: u64) -> Result<f64, String> {
        let (rows, units) = window.stop_per_unit();
        if self.0.method == Method::Assumed {
            // The whole window is work, and CPU time is read at its very ends.
            return self.whole(&rows).map(|joules| joules / done as f64);
        }
        let of_it =
            |unit: &&EnergyPerUnit| unit.source == self.0.source && unit.method == self.0.method;
        match units.iter().find(of_it) {
            Some(unit) if unit.status != Status::Measured => Err(self.why(&rows)),
            Some(unit) => positive(unit.joules()),
            None => Err(self.why(&rows)),
        }
    }

    fn row<'r>(&self, rows: &'r [SourceResult]) -> Option<&'r SourceResult> {
        let mut of_it = rows.iter().filter(|row| row.source == self.0.source);
        of_it.find(|row| row.method == self.0.method)
    }

    fn whole(&self, rows: &[SourceResult]) -> Result<f64, String> {
        let row = self.row(rows).filter(|row| {
            let status = match self.0.method {
                Method::Assumed => Status::Assumed,
                _ => Status::Measured,
            };
            row.status == status
        });
        match row.and_then(|row| row.joules) {
            Some(joules) => positive(joules),
            None => Err(self.why(rows)),
        }
    }

    fn why(&self, rows: &[SourceResult]) -> String {
        let reason = self.row(rows).and_then(|row| row.reason.clone());
        reason.unwrap_or_else(|| "the window holds too few ticks: set a longer one".to_owned())
    }

    /// Ends the process: criterion can be told of no error, and what it is given it saves.
    pub(super) fn lost(&self, benchmark: &str, why: &str) -> ! {
        eprintln!(
            "error: {benchmark}: no joules from {}, and nothing of it is saved: {why}",
            self.0.source
        );
        std::process::exit(1);
    }
}

/// A sample of 0 drops criterion's report, and NaN panics in it.
fn positive(joules: f64) -> Result<f64, String> {
    if joules.is_finite() && joules > 0.0 {
        return Ok(joules);
    }
    Err(format!(
        "the source told {joules} J, which no work takes: set a longer window"
    ))
}

fn reason(found: &SourceReport) -> String {
    let why = match (&found.reason, found.covers) {
        (_, Some(Covers::Host)) => "it covers the host only, beside the adapter",
        (Some(reason), _) => reason,
        (None, _) => "no reason known",
    };
    let why = explain(why, found.fix.as_deref(), None);
    format!("{} ({why})", found.source)
}

impl Measurement for Joules {
    type Intermediate = Window;
    type Value = f64;

    fn start(&self) -> Window {
        self.window()
    }

    fn end(&self, window: Window) -> f64 {
        let rows = window.stop();
        self.whole(&rows).unwrap_or_else(|why| {
            self.lost(
                "a benchmark that criterion timed itself",
                &format!("{why}; bench through Joules::metered"),
            )
        })
    }

    fn add(&self, one: &f64, other: &f64) -> f64 {
        one + other
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, joules: &f64) -> f64 {
        *joules
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &JoulesFormatter
    }
}
