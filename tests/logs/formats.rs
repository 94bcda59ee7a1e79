//! Logs as their programs write them, each of one minute at 100 and 200 W in turn.

use wattgrad::internals::energy::log::LogOptions;

use super::read;

/// A log of a known program.
pub struct Sample {
    pub name: &'static str,
    pub text: &'static str,
    /// `--column` and `--where`, if the log needs them.
    column: Option<&'static str>,
    rows: Option<(&'static str, &'static str)>,
    /// How the program is named in the answer.
    read_as: &'static str,
}

macro_rules! sample {
    ($name:literal, $read_as:literal) => {
        sample!($name, $read_as, None, None)
    };
    ($name:literal, $read_as:literal, $column:expr, $rows:expr) => {
        Sample {
            name: $name,
            text: include_str!(concat!("samples/", $name)),
            column: $column,
            rows: $rows,
            read_as: $read_as,
        }
    };
}

/// A sample of every format.
pub const SAMPLES: &[Sample] = &[
    sample!("nvidia-smi.csv", "nvidia-smi"),
    sample!(
        "nvidia-smi-2gpus.csv",
        "nvidia-smi",
        None,
        Some(("index", "1"))
    ),
    sample!("nvidia-smi-dmon.txt", "nvidia-smi dmon"),
    sample!("amd-smi.csv", "amd-smi", None, Some(("gpu", "1"))),
    sample!("zeus.csv", "Zeus"),
    sample!("powerjoular.csv", "PowerJoular", Some("Total Power"), None),
    sample!("energibridge.csv", "EnergiBridge"),
    sample!("turbostat.txt", "turbostat"),
    sample!("perf-stat.csv", "perf stat -I"),
    sample!("power-gadget.csv", "Intel Power Gadget"),
    sample!("gpu-z.txt", "GPU-Z"),
    sample!("hwinfo.csv", "HWiNFO", Some("GPU Power [W]"), None),
    sample!("powermetrics.txt", "powermetrics"),
    sample!("macmon.jsonl", "JSON lines"),
    sample!("scaphandre.jsonl", "Scaphandre"),
    sample!("ptdaemon.log", "MLPerf's PTDaemon"),
    sample!("plain.csv", "a table"),
];

#[test]
fn every_format_gives_its_joules() {
    for sample in SAMPLES {
        let rows = sample
            .rows
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = LogOptions {
            column: sample.column.map(str::to_owned),
            rows: rows.into_iter().collect(),
            ..LogOptions::default()
        };
        let energy =
            read(sample.text, &options).unwrap_or_else(|why| panic!("{}: {why}", sample.name));
        assert!(
            energy.read_as.starts_with(sample.read_as),
            "{}: {}",
            sample.name,
            energy.read_as
        );
        assert!(
            (energy.joules / 9000.0 - 1.0).abs() < 0.01
                && energy.ci.0 <= 9000.0
                && 9000.0 <= energy.ci.1,
            "{}: {} J, {:?}",
            sample.name,
            energy.joules,
            energy.ci
        );
        assert!(
            (energy.seconds - 60.0).abs() < 1e-3,
            "{}: {} s",
            sample.name,
            energy.seconds
        );
        assert!(
            energy.notes.is_empty(),
            "{}: {:?}",
            sample.name,
            energy.notes
        );
    }
}

/// The same recording in other encodings and with what recorders leave around it.
#[test]
fn encodings_and_trimmings_change_nothing() {
    let plain = SAMPLES
        .iter()
        .find(|sample| sample.name == "plain.csv")
        .unwrap()
        .text;
    let wanted = read(plain, &LogOptions::default()).unwrap().joules;
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(plain.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut latin1 = plain
        .replace("seconds,power_w", "seconds,power_w,temp [x]")
        .into_bytes();
    let degree = latin1.iter().position(|&byte| byte == b'x').unwrap();
    latin1[degree] = 0xb0;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, plain.as_bytes()).unwrap();
    let forms: [(&str, Vec<u8>); 8] = [
        ("UTF-16", utf16),
        ("Latin-1", latin1),
        ("gzip", packed.finish().unwrap()),
        (
            "BOM and CRLF",
            format!("\u{feff}{}", plain.replace('\n', "\r\n")).into_bytes(),
        ),
        ("comments", format!("# a recorder\n\n{plain}").into_bytes()),
        (
            "names again",
            plain
                .replace("\n30,", "\nseconds,power_w\n30,")
                .into_bytes(),
        ),
        (
            "semicolons",
            plain.replace(',', ";").replace('.', ",").into_bytes(),
        ),
        (
            "a row twice",
            plain.replace("\n30,", "\n30,200.0\n30,").into_bytes(),
        ),
    ];
    for (form, bytes) in forms {
        let energy =
            read(bytes, &LogOptions::default()).unwrap_or_else(|why| panic!("{form}: {why}"));
        assert!(
            (energy.joules / wanted - 1.0).abs() < 1e-9,
            "{form}: {} instead of {wanted}",
            energy.joules
        );
        assert!(energy.notes.is_empty(), "{form}: {:?}", energy.notes);
    }
    for (form, note, bytes) in [
        (
            "a summary",
            "after the last reading",
            format!("{plain}\nTotal Elapsed Time (sec) = 60.0\nMean = 150\n").into_bytes(),
        ),
        ("a cut row", "cut off", format!("{plain}61").into_bytes()),
        ("NULs", "NUL", [plain.as_bytes(), &[0; 100]].concat()),
    ] {
        let energy =
            read(bytes, &LogOptions::default()).unwrap_or_else(|why| panic!("{form}: {why}"));
        assert!(
            (energy.joules / wanted - 1.0).abs() < 1e-9,
            "{form}: {} instead of {wanted}",
            energy.joules
        );
        assert!(
            energy.notes.iter().any(|found| found.contains(note)),
            "{form}: {:?}",
            energy.notes
        );
    }
}

#[test]
fn a_table_of_runs_is_no_recording() {
    let text = "timestamp,project_name,run_id,duration,emissions,energy_consumed\n2026-03-03T09:17:00,demo,a,121.3,0.0012,0.00588\n";
    let error = read(text, &LogOptions::default()).unwrap_err();
    assert!(error.to_string().contains("emissions.csv"), "{error}");
}
