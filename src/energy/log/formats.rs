//! The formats that are known by name. A format is recognized by its names or its lines, and says where time and power
//! are; any other table is read by the names of its columns.

mod json_lines;
mod key_values;
mod powermetrics;

use super::error::LogError;
use super::rows::Rows;
use super::text::Text;
use crate::energy::cell::time::TimeUnit;
use crate::energy::cell::unit::{Quantity, Unit};

type Open = fn(Text, &[&str]) -> Result<(Vec<String>, Box<dyn Rows>), LogError>;

/// How a program writes its log.
pub struct Format {
    /// The program, as a sentence names it.
    pub name: &'static str,
    /// Whether a table with these names and first rows is one.
    names: fn(&[String], &[Vec<String>]) -> bool,
    /// Whether these lines begin one; such a format makes its own rows.
    lines: fn(&[&str]) -> bool,
    pub rows: Option<Open>,
    /// Its columns of the time, the first that is there counts; dates and times of day in two columns are joined.
    pub time: &'static [&'static str],
    pub time_unit: Option<TimeUnit>,
    /// Its columns of power or energy, the first that is there counts.
    pub values: &'static [&'static str],
    pub unit: Option<Unit>,
    pub quantity: Option<Quantity>,
    /// Columns that tell devices apart.
    pub devices: &'static [&'static str],
    /// Why it is no recording.
    pub refused: Option<&'static str>,
}

const fn format(name: &'static str) -> Format {
    Format {
        name,
        names: |_, _| false,
        lines: |_| false,
        rows: None,
        time: &[],
        time_unit: None,
        values: &[],
        unit: None,
        quantity: None,
        devices: &[],
        refused: None,
    }
}

fn has(names: &[String], all: &[&str]) -> bool {
    all.iter()
        .all(|wanted| names.iter().any(|name| name == wanted))
}

const WATCH: [&str; 4] = ["time", "source", "energy_j", "power_w"];

/// Every format but the last, which is any table.
static FORMATS: [Format; 19] = [
    Format {
        // It keeps the lines of a power meter; of other sources it counts the energy.
        names: |names, rows| {
            names == WATCH
                && rows
                    .first()
                    .is_some_and(|row| row.get(2).is_some_and(String::is_empty))
        },
        values: &["power_w"],
        devices: &["source"],
        ..format("wattgrad watch")
    },
    Format {
        names: |names, _| names == WATCH,
        values: &["energy_j"],
        devices: &["source"],
        ..format("wattgrad watch")
    },
    Format {
        names: |names, _| {
            has(
                names,
                &[
                    "timestamp",
                    "project_name",
                    "run_id",
                    "duration",
                    "energy_consumed",
                ],
            )
        },
        refused: Some(
            "it is CodeCarbon's emissions.csv, a table with one row per run: its column \
             energy_consumed already contains the energy of each run in kWh",
        ),
        ..format("CodeCarbon")
    },
    Format {
        names: |names, _| names.iter().any(|name| name.starts_with("power.draw")),
        time: &["timestamp"],
        time_unit: Some(TimeUnit::Iso),
        values: &[
            "power.draw [W]",
            "power.draw",
            "power.draw.instant [W]",
            "power.draw.average [W]",
        ],
        unit: Some(Unit::WATT),
        devices: &[
            "index",
            "gpu_uuid",
            "uuid",
            "pci.bus_id",
            "gpu_bus_id",
            "gpu_serial",
            "name",
        ],
        ..format("nvidia-smi")
    },
    Format {
        names: |names, _| has(names, &["gpu", "pwr"]) || has(names, &["Time", "gpu", "pwr"]),
        time: &["Time"],
        values: &["pwr"],
        unit: Some(Unit::WATT),
        devices: &["gpu"],
        ..format("nvidia-smi dmon")
    },
    Format {
        names: |names, _| has(names, &["timestamp", "gpu", "socket_power"]),
        time: &["timestamp"],
        values: &["socket_power"],
        unit: Some(Unit::WATT),
        devices: &["gpu"],
        ..format("amd-smi")
    },
    Format {
        names: |names, _| {
            has(names, &["device"])
                && names
                    .iter()
                    .any(|name| name.contains("Graphics Package Power"))
        },
        values: &[
            "Average Graphics Package Power (W)",
            "Current Socket Graphics Package Power (W)",
        ],
        unit: Some(Unit::WATT),
        devices: &["device"],
        ..format("rocm-smi")
    },
    Format {
        // Its power is in milliwatts, which its names do not say.
        names: |names, rows| names == ["Time", "Power"] && dated(rows),
        time: &["Time"],
        time_unit: Some(TimeUnit::Iso),
        values: &["Power"],
        unit: Some(Unit::MILLIWATT),
        ..format("Zeus")
    },
    Format {
        names: |names, _| has(names, &["Date", "CPU Utilization", "Total Power"]),
        time: &["Date"],
        time_unit: Some(TimeUnit::Iso),
        values: &[],
        unit: Some(Unit::WATT),
        ..format("PowerJoular")
    },
    Format {
        names: |names, _| names.len() > 2 && names[0] == "Delta" && names[1] == "Time",
        time: &["Time"],
        time_unit: Some(TimeUnit::Millis),
        ..format("EnergiBridge")
    },
    Format {
        names: |names, _| {
            names
                .iter()
                .any(|name| matches!(name.as_str(), "PkgWatt" | "Pkg_J"))
        },
        time: &["Time_Of_Day_Seconds", "usec"],
        values: &["PkgWatt"],
        unit: Some(Unit::WATT),
        devices: &["Package", "Die", "Node", "Core", "CPU"],
        ..format("turbostat")
    },
    Format {
        names: |names, rows| {
            names.len() >= 4
                && names[0] == "1"
                && rows.iter().any(|row| {
                    row.get(2).is_some_and(|unit| unit == "Joules")
                        && row.get(3).is_some_and(|event| event.contains("energy"))
                })
        },
        time: &["1"],
        time_unit: Some(TimeUnit::Seconds),
        values: &["2"],
        unit: Some(Unit::JOULE),
        quantity: Some(Quantity::PerRow),
        devices: &["4"],
        ..format("perf stat -I")
    },
    Format {
        names: |names, _| has(names, &["System Time", "RDTSC", "Elapsed Time (sec)"]),
        time: &["Elapsed Time (sec)"],
        time_unit: Some(TimeUnit::Seconds),
        values: &["Processor Power_0(Watt)", "Processor Power_0 (Watt)"],
        ..format("Intel Power Gadget")
    },
    Format {
        names: |names, _| {
            has(names, &["Date", "Board Power Draw [W]"])
                || has(names, &["Date", "GPU Clock [MHz]"])
        },
        time: &["Date"],
        time_unit: Some(TimeUnit::Iso),
        values: &["Board Power Draw [W]"],
        unit: Some(Unit::WATT),
        ..format("GPU-Z")
    },
    Format {
        names: |names, _| names.len() > 3 && names[0] == "Date" && names[1] == "Time",
        time: &["Date", "Time"],
        time_unit: Some(TimeUnit::Iso),
        ..format("HWiNFO")
    },
    Format {
        lines: |lines| {
            lines
                .iter()
                .any(|line| line.starts_with("*** Sampled system activity"))
        },
        rows: Some(powermetrics::open),
        time: &["time"],
        time_unit: Some(TimeUnit::Seconds),
        values: &[
            "Combined Power (CPU + GPU + ANE)",
            "Package Power",
            "CPU Power",
        ],
        unit: Some(Unit::MILLIWATT),
        ..format("powermetrics")
    },
    Format {
        lines: |lines| {
            lines
                .iter()
                .any(|line| line.starts_with("Time,") && line.contains(",Watts,"))
        },
        rows: Some(key_values::open),
        time: &["Time"],
        time_unit: Some(TimeUnit::Iso),
        values: &["Watts"],
        unit: Some(Unit::WATT),
        ..format("MLPerf's PTDaemon")
    },
    Format {
        lines: |lines| {
            first_json(lines)
                .is_some_and(|line| line.contains("\"consumption\"") && line.contains("\"host\""))
        },
        rows: Some(json_lines::open),
        time: &["host.timestamp"],
        time_unit: Some(TimeUnit::Seconds),
        values: &["host.consumption"],
        unit: Some(Unit::MICROWATT),
        ..format("Scaphandre")
    },
    Format {
        lines: |lines| first_json(lines).is_some(),
        rows: Some(json_lines::open),
        values: &["all_power"],
        unit: Some(Unit::WATT),
        ..format("JSON lines")
    },
];

/// Any other table.
static TABLE: Format = format("a table");

fn first_json<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let first = lines
        .iter()
        .map(|line| line.trim())
        .find(|line| !line.is_empty())?;
    first.starts_with('{').then_some(first)
}

/// Whether the first cells are dates.
fn dated(rows: &[Vec<String>]) -> bool {
    rows.first()
        .and_then(|row| row.first())
        .is_some_and(|cell| TimeUnit::Iso.read(cell.as_bytes()).is_some())
}

/// The format of a table with these names and first rows.
pub fn by_names(names: &[String], rows: &[Vec<String>]) -> &'static Format {
    let found = FORMATS.iter().find(|format| (format.names)(names, rows));
    found.unwrap_or(&TABLE)
}

/// The format that begins with these lines and is no table.
pub fn by_lines(lines: &[&str]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| (format.lines)(lines))
}
