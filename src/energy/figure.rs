//! A figure of energy: the joules, or why there are none, and the instrument they came through.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::Moment;

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
pub enum Unit {
    /// 1e-3 joules.
    #[serde(rename = "mJ")]
    Millijoule,
    /// 1e-6 joules.
    #[serde(rename = "uJ")]
    Microjoule,
    /// 1e-9 seconds of CPU time.
    #[serde(rename = "ns")]
    Nanosecond,
}

impl Unit {
    /// The unit in its base unit (joules or seconds).
    pub fn scale(self) -> f64 {
        match self {
            Unit::Millijoule => 1e-3,
            Unit::Microjoule => 1e-6,
            Unit::Nanosecond => 1e-9,
        }
    }

    /// The unit's symbol, as in a record.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Millijoule => "mJ",
            Unit::Microjoule => "uJ",
            Unit::Nanosecond => "ns",
        }
    }
}

/// One raw reading of a counter, from which a figure can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What the counter said, untouched.
    pub value: u64,
    /// The unit of `value`.
    pub unit: Unit,
    /// The middle of the read, on both clocks.
    #[serde(flatten)]
    pub at: Moment,
    /// How many seconds the read took.
    pub read_seconds: f64,
}

/// One source's answer for one window: joules, or the reason there are none.
///
/// ```
/// use wattgrad::energy::{Energy, Meter, MeterOptions, Status};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let (_, rows): (_, Vec<Energy>) = meter.measure(|| std::hint::black_box([1.0f32; 64]));
/// for row in &rows {
///     // Joules and a reason for having none exclude each other.
///     assert_eq!(row.joules.is_none(), row.status == Status::Unavailable);
///     assert!(row.joules.is_some() || row.reason.is_some());
/// }
/// # Ok::<(), wattgrad::energy::MeterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Energy {
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
    /// How far `joules` can be off, either way, through the counter's tick and the time its reads took: what the
    /// mean power yields in one tick and one read, at each edge. Gain and offset of the instrument are not in it.
    /// Absent where no tick was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty_joules: Option<f64>,
    /// Seconds between the first and the last reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The longest time between two changes of the counter seen when the meter was opened, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_seconds: Option<f64>,
    /// Why there is no figure, or what limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would open the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The raw readings: first and last, and both sides of every wrap between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

impl Energy {
    /// The measured joules; `None` for assumed, shared and unavailable rows.
    pub fn measured(&self) -> Option<Measured> {
        self.joules
            .filter(|_| self.status == Status::Measured)
            .map(Measured)
    }

    /// The assumed joules; `None` for every other row.
    pub fn assumed(&self) -> Option<Assumed> {
        self.joules
            .filter(|_| self.status == Status::Assumed)
            .map(Assumed)
    }
}

impl fmt::Display for Energy {
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
        if let Some(off) = self.uncertainty_joules {
            write!(f, " (+-{off:.2} J)")?;
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

/// Joules read from an instrument. A type of its own, so that they meet assumed joules in no expression:
///
/// ```compile_fail
/// use wattgrad::energy::{Assumed, Measured};
/// fn mix(a: Measured, b: Assumed) -> Measured {
///     a + b
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Measured(f64);

/// Joules that rest on assumed watts. A type of its own: see [`Measured`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Assumed(f64);

macro_rules! joules {
    ($kind:ident) => {
        impl $kind {
            /// The figure in joules.
            pub fn joules(self) -> f64 {
                self.0
            }

            /// Joules for each of `count` steps, samples or iterations; `None` for none of them.
            pub fn per(self, count: u64) -> Option<f64> {
                (count > 0).then(|| self.0 / count as f64)
            }
        }
    };
}
joules!(Measured);
joules!(Assumed);
