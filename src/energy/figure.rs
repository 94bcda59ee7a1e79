//! A figure of energy: the joules, or why there are none, and the instrument they came through.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::basis::Basis;
use super::clock::Moment;
use super::sensor::Conditions;

/// How a figure came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The difference of two readings of an energy counter.
    Counter,
    /// Readings of power, integrated over time.
    IntegratedPower,
    /// Something measured (CPU time) times something assumed (watts).
    Assumed,
}

impl Method {
    /// Words for it, as reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::IntegratedPower => "integrated power",
            Self::Assumed => "assumed watts",
        }
    }
}

/// What a row of energy is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Joules read from an instrument.
    Measured,
    /// Joules that rest on an assumption of the user's.
    Assumed,
    /// No figure; the row's `reason` says why.
    Unavailable,
    /// Joules read from an instrument that counts others' work too, so they are not charged to this run.
    Shared,
}

impl Status {
    /// A word for it, as records and reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Assumed => "assumed",
            Self::Unavailable => "unavailable",
            Self::Shared => "shared",
        }
    }
}

/// Which part of the machine an instrument covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A whole graphics board: chip, memory and voltage regulators.
    Board,
    /// A processor package.
    Package,
    /// The machine's memory.
    Dram,
    /// A processor or accelerator socket.
    Socket,
    /// One supply rail.
    Rail,
    /// The whole machine, as far as its instrument sees it.
    System,
    /// This process alone.
    Process,
    /// Unknown: the readings come from a recording.
    Recording,
}

impl Scope {
    /// A word for it, as tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Board => "board",
            Scope::Package => "package",
            Scope::Dram => "memory",
            Scope::Socket => "socket",
            Scope::Rail => "rail",
            Scope::System => "system",
            Scope::Process => "process",
            Scope::Recording => "recording",
        }
    }
}

/// How what an instrument covers lies to the chosen adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Covers {
    /// It covers the adapter.
    Adapter,
    /// The adapter is one part of what it covers.
    Contains,
    /// It covers the host's share, beside the adapter.
    Host,
}

/// The unit of a raw reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RawUnit {
    /// 1e-3 joules.
    #[serde(rename = "mJ")]
    Millijoule,
    /// 1e-6 joules.
    #[serde(rename = "uJ")]
    Microjoule,
    /// 1e-9 joules.
    #[serde(rename = "nJ")]
    Nanojoule,
    /// 1e-3 watts.
    #[serde(rename = "mW")]
    Milliwatt,
    /// 1e-6 watts.
    #[serde(rename = "uW")]
    Microwatt,
    /// 1e-9 seconds of CPU time.
    #[serde(rename = "ns")]
    Nanosecond,
}

impl RawUnit {
    /// The unit in its base unit (joules, watts or seconds).
    pub fn scale(self) -> f64 {
        match self {
            RawUnit::Millijoule | RawUnit::Milliwatt => 1e-3,
            RawUnit::Microjoule | RawUnit::Microwatt => 1e-6,
            RawUnit::Nanojoule | RawUnit::Nanosecond => 1e-9,
        }
    }

    /// The unit's symbol, as in a record.
    pub fn symbol(self) -> &'static str {
        match self {
            RawUnit::Millijoule => "mJ",
            RawUnit::Microjoule => "uJ",
            RawUnit::Nanojoule => "nJ",
            RawUnit::Milliwatt => "mW",
            RawUnit::Microwatt => "uW",
            RawUnit::Nanosecond => "ns",
        }
    }
}

/// A range that holds the truth with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// `half` to either side of `middle`.
    pub fn around(middle: f64, half: f64) -> Self {
        Self {
            low: middle - half,
            high: middle + half,
        }
    }

    /// The value in its middle.
    pub fn middle(self) -> f64 {
        f64::midpoint(self.low, self.high)
    }

    /// Half its width.
    pub fn half(self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether `value` lies in it.
    pub fn holds(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Both ends divided by `count`.
    #[must_use]
    pub fn over(self, count: f64) -> Self {
        Self {
            low: self.low / count,
            high: self.high / count,
        }
    }
}

/// How far an instrument is to be trusted, by what `wattgrad calibrate` saw of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// Its ways of seeing the same energy agree within 2 %.
    A,
    /// Within 5 %; the best an instrument can have that was not calibrated.
    B,
    /// Within 10 %. Beyond that it is refused.
    C,
}

/// One raw reading of a counter, from which a figure can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What the counter said, untouched.
    pub value: u64,
    /// The unit of `value`.
    pub unit: RawUnit,
    /// The middle of the read, on both clocks.
    #[serde(flatten)]
    pub at: Moment,
    /// How many seconds the read took.
    pub read_seconds: f64,
}

/// One source's answer for one window: joules, or the reason there are none.
///
/// ```
/// use wattgrad::internals::energy::{SourceResult, Meter, MeterOptions, Status};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let (_, rows): (_, Vec<SourceResult>) = meter.measure(|| std::hint::black_box([1.0f32; 64]));
/// for row in &rows {
///     // Joules and a reason for having none exclude each other.
///     assert_eq!(row.joules.is_none(), row.status == Status::Unavailable);
///     assert!(row.joules.is_some() || row.reason.is_some());
/// }
/// # Ok::<(), wattgrad::internals::energy::MeterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceResult {
    /// The instrument: `nvml:0`, `rapl:package-0`, `cpu-time`; only its family's name where none could be opened.
    pub source: String,
    /// Which part of the machine it covers.
    pub scope: Scope,
    /// How that lies to the chosen adapter; absent where the meter was opened without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Covers>,
    /// How the figure came about.
    pub method: Method,
    /// What the row is worth.
    pub status: Status,
    /// Joules over the window; absent where nothing was measured, never 0 in its stead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    /// Lower end of the 95 % interval of repeatability: edges, quantum and sampling, not the instrument's gain. For
    /// comparisons on one card through one instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_high: Option<f64>,
    /// Lower end of the 95 % interval that also holds the instrument's gain and offset: for everything across cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_high: Option<f64>,
    /// Seconds of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How far the instrument is to be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Whole ticks of the instrument within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<u64>,
    /// The instrument's tick in seconds, calibrated or seen around the window; absent where every read gives a new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// Watts of the device at rest with a context open, as its calibration saw them (95 %, repeatability); absent without
    /// one. What lies above them is the window's own doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_watts: Option<Interval>,
    /// Why there is no figure, or what limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would open the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What else a reader has to know of the figure, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The device's state at the start and at the end of the window, where the instrument tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Conditions>,
    /// What the figure was computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The raw readings that the figure is computed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

impl SourceResult {
    /// The interval of repeatability.
    pub fn ci(&self) -> Option<Interval> {
        interval(self.ci_low, self.ci_high)
    }

    /// The interval that also holds gain and offset.
    pub fn accuracy(&self) -> Option<Interval> {
        interval(self.accuracy_low, self.accuracy_high)
    }

    /// What the device would have drawn in this window at rest, with a context open: joules, by [`SourceResult::idle_watts`]; the
    /// interval of repeatability, and the one that also holds gain and offset. The joules above idle are the row's less
    /// these.
    pub fn idle(&self) -> Option<[Interval; 2]> {
        let (watts, seconds) = self.idle_watts.zip(self.seconds)?;
        let ci = watts.over(1.0 / seconds);
        Some([ci, super::estimate::absolute(ci, seconds)])
    }

    /// The measured joules less those of [`SourceResult::idle`]: what the device drew beyond its rest. SensorModel only where the source
    /// was calibrated, and as good as the rest of that day is the rest of this one. The gain counts once, for both come
    /// through one instrument; its offset is not taken to cancel.
    pub fn above_idle(&self) -> Option<Measured> {
        let gross = self.measured()?;
        let [idle, _] = self.idle()?;
        let joules = gross.joules - idle.middle();
        let half = gross.ci?.half().hypot(idle.half());
        let ci = Interval::around(joules, half);
        Some(Measured {
            joules,
            ci: Some(ci),
            accuracy: Some(super::estimate::absolute(ci, self.seconds?)),
        })
    }

    /// Mean power over the window.
    pub fn watts(&self) -> Option<f64> {
        let seconds = self.seconds.filter(|&seconds| seconds > 0.0)?;
        Some(self.joules? / seconds)
    }

    /// The measured joules; `None` for assumed, shared and unavailable rows.
    pub fn measured(&self) -> Option<Measured> {
        self.joules
            .filter(|_| self.status == Status::Measured)
            .map(|joules| Measured {
                joules,
                ci: self.ci(),
                accuracy: self.accuracy(),
            })
    }

    /// The assumed joules; `None` for every other row.
    pub fn assumed(&self) -> Option<Assumed> {
        self.joules
            .filter(|_| self.status == Status::Assumed)
            .map(Assumed)
    }
}

fn interval(low: Option<f64>, high: Option<f64>) -> Option<Interval> {
    Some(Interval {
        low: low?,
        high: high?,
    })
}

impl fmt::Display for SourceResult {
    /// One line: `nvml:0: 812.4 J in 3.021 s (+-52 J)`, or `rapl: unavailable: not built in: feature rapl`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        let Some(joules) = self.joules else {
            f.write_str("unavailable")?;
            return match &self.reason {
                Some(reason) => write!(f, ": {reason}"),
                None => Ok(()),
            };
        };
        write!(f, "{joules:.4} J")?;
        if let Some(seconds) = self.seconds {
            write!(f, " in {seconds:.3} s")?;
        }
        if let Some(off) = self.ci() {
            write!(f, " (+-{:.2} J)", off.half())?;
        }
        match self.status {
            Status::Assumed => f.write_str(", assumed")?,
            Status::Shared => f.write_str(", shared")?,
            Status::Measured | Status::Unavailable => {}
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// Joules read from an instrument, with both its intervals. A type of its own, so that they meet assumed joules in no
/// expression:
///
/// ```compile_fail
/// use wattgrad::internals::energy::{Assumed, Measured};
/// fn mix(a: Measured, b: Assumed) -> Measured {
///     a + b
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    joules: f64,
    ci: Option<Interval>,
    accuracy: Option<Interval>,
}

impl Measured {
    /// The figure in joules.
    pub fn joules(self) -> f64 {
        self.joules
    }

    /// The 95 % interval of repeatability, for comparisons through one instrument.
    pub fn ci(self) -> Option<Interval> {
        self.ci
    }

    /// The 95 % interval that also holds gain and offset, for everything across instruments.
    pub fn accuracy(self) -> Option<Interval> {
        self.accuracy
    }

    /// The figure and its intervals for each of `count` steps, samples or iterations; `None` for none of them.
    pub fn per(self, count: u64) -> Option<Self> {
        let by = count as f64;
        (count > 0).then(|| Self {
            joules: self.joules / by,
            ci: self.ci.map(|interval| interval.over(by)),
            accuracy: self.accuracy.map(|interval| interval.over(by)),
        })
    }
}

/// Joules that rest on assumed watts. A type of its own: see [`Measured`]. They have no interval: the watts are a guess.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Assumed(f64);

impl Assumed {
    /// The figure in joules.
    pub fn joules(self) -> f64 {
        self.0
    }

    /// Joules for each of `count` steps, samples or iterations; `None` for none of them.
    pub fn per(self, count: u64) -> Option<f64> {
        (count > 0).then(|| self.0 / count as f64)
    }
}
