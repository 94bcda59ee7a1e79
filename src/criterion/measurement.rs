//! The source of a benchmark's joules, as criterion's measurement.

use std::rc::Rc;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use thiserror::Error;

use super::format::JoulesFormatter;
use crate::energy::{
    Covers, Meter, MeterError, MeterOptions, MeteredDevice, Method, SourceReport, SourceResult,
    Status, Window, explain,
};

/// Seconds of the pre-roll and post-roll of a window, about.
const ROLL_SECONDS: f64 = 0.8;
/// Criterion takes at least this many samples.
const MIN_WINDOWS: usize = 10;

/// How long a benchmark is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Seconds of work before the first window.
    pub warm_up_seconds: f64,
    /// Seconds of work in a window, without its pre-roll and post-roll. Every window is one sample of criterion's.
    pub window_seconds: f64,
    /// Windows of a benchmark, at least 10.
    pub windows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            warm_up_seconds: 2.0,
            window_seconds: 5.0,
            windows: MIN_WINDOWS,
        }
    }
}

/// Why benchmarks cannot be measured in joules.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum JoulesError {
    /// No source can be charged with the work.
    #[error("no energy source is available: {reasons}")]
    NoSource {
        /// `source (reason; fix)` for each source, separated by commas.
        reasons: String,
    },
    /// The meter's options are invalid.
    #[error(transparent)]
    Options(#[from] MeterError),
    /// An invalid time.
    #[error("the seconds of a window must be finite and above 0, got {seconds}")]
    Seconds {
        /// The value as it was given.
        seconds: f64,
    },
}

struct Inner {
    meter: Meter,
    source: String,
    method: Method,
    update_interval: Option<f64>,
    settings: Settings,
}

/// Criterion's measurement in joules, from one source. A clone reads the same source.
///
/// Criterion's `start` and `end` cannot return an error: if the source is lost within a benchmark, the process prints one
/// sentence and exits with 1, before criterion has saved anything of that benchmark.
///
/// ```no_run
/// use wattgrad::criterion::{Joules, Settings};
///
/// let joules = Joules::open(&Default::default(), None, Settings::default())?;
/// println!("{}: every {:?} s", joules.source(), joules.update_interval_seconds());
/// # Ok::<(), wattgrad::criterion::JoulesError>(())
/// ```
#[derive(Clone)]
pub struct Joules(Rc<Inner>);

impl Joules {
    /// Opens the meter and picks the first source that can be charged with the work of `device`: a measured one before the
    /// assumed one, and none that covers only the host beside a card, or that others use too.
    ///
    /// # Errors
    /// [`JoulesError`], where there is no such source or the options are invalid.
    pub fn open(
        options: &MeterOptions,
        device: Option<&MeteredDevice>,
        settings: Settings,
    ) -> Result<Self, JoulesError> {
        for seconds in [settings.window_seconds, settings.warm_up_seconds] {
            if Duration::try_from_secs_f64(seconds).is_err() || seconds == 0.0 {
                return Err(JoulesError::Seconds { seconds });
            }
        }
        let meter = Meter::open(options, device)?;
        let reports = meter.sources();
        let usable = |status| {
            let mut reports = reports.iter();
            reports.find(|found| found.status == status && found.covers != Some(Covers::Host))
        };
        let Some(chosen) = usable(Status::Measured).or_else(|| usable(Status::Assumed)) else {
            let reasons: Vec<String> = reports.iter().map(reason).collect();
            let reasons = match reasons.is_empty() {
                true => "none was selected".to_owned(),
                false => reasons.join(", "),
            };
            return Err(JoulesError::NoSource { reasons });
        };
        let settings = Settings {
            windows: settings.windows.max(MIN_WINDOWS),
            ..settings
        };
        Ok(Self(Rc::new(Inner {
            source: chosen.source.clone(),
            method: chosen.method,
            update_interval: chosen.update_interval_seconds,
            settings,
            meter,
        })))
    }

    /// The source, as in [`SourceResult::source`].
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// How its joules are obtained.
    pub fn method(&self) -> Method {
        self.0.method
    }

    /// The source's update interval in seconds, where known: work should be counted a few times within it.
    pub fn update_interval_seconds(&self) -> Option<f64> {
        self.0.update_interval
    }

    pub(super) fn settings(&self) -> Settings {
        self.0.settings
    }

    /// `name` with source and method: `mlp [nvml]`, `mlp [battery power]`, `mlp [assumed]`. Criterion compares with the last
    /// value of the same id, which must not be joules of another source, or nanoseconds.
    pub fn id(&self, name: &str) -> String {
        let source = &self.0.source;
        let numbered = source
            .split_once(':')
            .filter(|(_, part)| part.parse::<u32>().is_ok());
        let source = numbered.map_or(source.as_str(), |(source, _)| source);
        match self.0.method {
            Method::Counter => format!("{name} [{source}]"),
            Method::IntegratedPower => format!("{name} [{source} power]"),
            Method::Assumed => format!("{name} [assumed]"),
        }
    }

    /// How long `benchmarks` benchmarks take, and through which source: one line to print before they begin.
    pub fn announcement(&self, benchmarks: usize) -> String {
        let Settings {
            warm_up_seconds,
            window_seconds,
            windows,
        } = self.0.settings;
        let each = warm_up_seconds + windows as f64 * (window_seconds + ROLL_SECONDS);
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

    /// A group whose samples are windows. Criterion plans by wall time, from a warm-up that ends with its first call: flat
    /// samples of as many iterations as a window holds. `--sample-size` and the times of the command line have no effect.
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
        let mut group = criterion.benchmark_group(name);
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(windows)
            .warm_up_time(Duration::from_nanos(1))
            .measurement_time(Duration::from_secs_f64(window_seconds * windows as f64));
        group
    }

    pub(super) fn window(&self) -> Window {
        self.0.meter.start()
    }

    /// The joules of one of the `done` units that were stamped in the window, or why they are unknown.
    pub(super) fn per_unit(&self, window: Window, done: u64) -> Result<f64, String> {
        let (results, units) = window.stop_per_unit();
        if self.0.method == Method::Assumed {
            // The whole window is work, and CPU time is read at its very ends.
            return self.whole(&results).map(|joules| joules / done as f64);
        }
        let mut units = units.iter();
        let unit = units.find(|unit| unit.source == self.0.source && unit.method == self.0.method);
        match unit.filter(|unit| unit.status == Status::Measured) {
            Some(unit) => positive(unit.joules()),
            None => Err(self.why(&results)),
        }
    }

    fn own<'r>(&self, results: &'r [SourceResult]) -> Option<&'r SourceResult> {
        let mut results = results.iter();
        results.find(|result| result.source == self.0.source && result.method == self.0.method)
    }

    fn whole(&self, results: &[SourceResult]) -> Result<f64, String> {
        let status = match self.0.method {
            Method::Assumed => Status::Assumed,
            _ => Status::Measured,
        };
        let own = self.own(results).filter(|result| result.status == status);
        match own.and_then(|result| result.joules) {
            Some(joules) => positive(joules),
            None => Err(self.why(results)),
        }
    }

    fn why(&self, results: &[SourceResult]) -> String {
        let reason = self.own(results).and_then(|result| result.reason.clone());
        reason.unwrap_or_else(|| {
            "the window contains too few updates: set a longer window".to_owned()
        })
    }

    /// Ends the process: criterion takes no error, and saves every value that it gets.
    pub(super) fn abort(&self, benchmark: &str, why: &str) -> ! {
        eprintln!(
            "error: {benchmark}: no joules from {}, and none of its samples is saved: {why}",
            self.0.source
        );
        std::process::exit(1);
    }
}

/// A sample of 0 drops criterion's report, and NaN panics in it.
fn positive(joules: f64) -> Result<f64, String> {
    match joules.is_finite() && joules > 0.0 {
        true => Ok(joules),
        false => Err(format!(
            "the source measured {joules} J: set a longer window"
        )),
    }
}

fn reason(found: &SourceReport) -> String {
    let why = match (&found.reason, found.covers) {
        (_, Some(Covers::Host)) => "it covers the host only, not the device",
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
        self.whole(&window.stop()).unwrap_or_else(|why| {
            self.abort(
                "a benchmark that criterion itself timed",
                &format!("{why}; use Joules::metered"),
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
