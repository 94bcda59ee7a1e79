//! The terms in which results are stated: method, status, scope, grade, raw readings and intervals.

use serde::{Deserialize, Serialize};

use super::clock::Moment;

/// How joules were obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The difference of two readings of an energy counter.
    Counter,
    /// Power readings integrated over time.
    IntegratedPower,
    /// Measured CPU time multiplied by assumed watts.
    Assumed,
}

impl Method {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::IntegratedPower => "integrated power",
            Self::Assumed => "assumed watts",
        }
    }
}

/// Whether a result holds joules, and on what they rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Joules read from a sensor.
    Measured,
    /// Joules that rest on watts that the user assumed.
    Assumed,
    /// No joules; `reason` says why.
    Unavailable,
    /// Joules that include the work of other processes, so they are not charged to this run.
    Shared,
}

impl Status {
    /// Its name in records and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Assumed => "assumed",
            Self::Unavailable => "unavailable",
            Self::Shared => "shared",
        }
    }
}

/// The part of the machine that a sensor covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A whole graphics card: chip, memory and voltage regulators.
    Board,
    /// A processor package.
    Package,
    /// The machine's memory.
    Dram,
    /// A processor or accelerator socket.
    Socket,
    /// One supply rail.
    Rail,
    /// The whole machine.
    System,
    /// This process alone.
    Process,
    /// Unknown: the readings come from a recording.
    Recording,
}

impl Scope {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Package => "package",
            Self::Dram => "memory",
            Self::Socket => "socket",
            Self::Rail => "rail",
            Self::System => "system",
            Self::Process => "process",
            Self::Recording => "recording",
        }
    }
}

/// How the covered part of the machine relates to the metered device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Covers {
    /// It is the device.
    Adapter,
    /// It contains the device and more.
    Contains,
    /// It is part of the host and does not contain the device.
    Host,
}

/// How far a sensor can be trusted, as `wattgrad calibrate` found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// Its counter and its integrated power agree within 2 %.
    A,
    /// Within 5 %; the best grade of a sensor without calibration.
    B,
    /// Within 10 %. Beyond that the sensor is rejected.
    C,
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
    fn table(self) -> (&'static str, f64) {
        match self {
            Self::Millijoule => ("mJ", 1e-3),
            Self::Microjoule => ("uJ", 1e-6),
            Self::Nanojoule => ("nJ", 1e-9),
            Self::Milliwatt => ("mW", 1e-3),
            Self::Microwatt => ("uW", 1e-6),
            Self::Nanosecond => ("ns", 1e-9),
        }
    }

    /// The unit in joules, watts or seconds.
    pub fn scale(self) -> f64 {
        self.table().1
    }

    /// The unit's symbol, as in a record.
    pub fn symbol(self) -> &'static str {
        self.table().0
    }
}

/// One raw reading of a sensor. Results can be recomputed from them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The value as the sensor gave it.
    pub value: u64,
    /// The unit of `value`.
    pub unit: RawUnit,
    /// The middle of the read, on both clocks.
    #[serde(flatten)]
    pub at: Moment,
    /// Seconds that the read took.
    pub read_seconds: f64,
}

/// Work finished by a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// Seconds on the monotonic clock at which the device had finished.
    pub at: f64,
    /// Units of work (steps, iterations) finished by then.
    pub done: f64,
}

/// A range that contains the true value with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// `middle` plus or minus `half`.
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

    /// Whether it contains `value`.
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
