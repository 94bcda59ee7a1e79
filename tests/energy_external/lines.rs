//! The lines that meters and monitoring programs print, each with known power.

use std::sync::atomic::{AtomicU32, Ordering};

use wattgrad::internals::energy::{
    Edge, Estimate, Moment, RawUnit, Reading, Recording, SensorModel, SensorSpec, Unavailable,
};

use super::*;

/// Power of the made-up meters, watts.
const WATTS: f64 = 120.0;

/// A meter of lines every 50 ms, made from the time and the number of the line; its units; the result of a window.
fn metered(
    units: &[MeterUnit],
    seconds: f64,
    line: impl Fn(f64, u32) -> String + Send + 'static,
) -> SourceResult {
    let (_folder, path, name) = log();
    let number = AtomicU32::new(0);
    let _writer = Writer::start(&path, 0.05, move |now| {
        line(now, number.fetch_add(1, Ordering::Relaxed))
    });
    sleep(Duration::from_millis(120));
    let meter = Meter::open(&chosen(&[&name], units), None).unwrap();
    only(window(&meter, seconds))
}

fn holds(row: &SourceResult, truth: f64, within: f64) {
    let joules = row.joules.unwrap_or_else(|| panic!("{row}"));
    assert!((joules / truth - 1.0).abs() < within, "{truth}: {row}");
    assert!(row.ci().unwrap().holds(truth), "{truth}: {row}");
}

/// Runs cases in parallel, which mostly wait.
fn together(cases: Vec<Box<dyn Fn() + Send>>) {
    let threads: Vec<_> = cases.into_iter().map(std::thread::spawn).collect();
    let failed = threads.into_iter().filter_map(|thread| thread.join().err());
    assert_eq!(failed.count(), 0, "cases failed: see above");
}

fn local(unix: f64) -> String {
    let at = jiff::Timestamp::from_millisecond((unix * 1e3) as i64).unwrap();
    let at = at.to_zoned(jiff::tz::TimeZone::system());
    at.strftime("%Y/%m/%d %H:%M:%S%.3f").to_string()
}

/// Between 119 and 121 W, without a period.
fn noisy(number: u32) -> f64 {
    WATTS - 1.0 + f64::from(number * 7919 % 101) / 50.0
}

#[test]
fn reads_the_lines_of_other_programs() {
    type Line = fn(f64, u32) -> String;
    let began = unix();
    let forms: Vec<(Option<&str>, Line)> = vec![
        (None, |now, number| match number {
            0 => "timestamp, power.draw [W]".into(),
            number => format!("{}, {:.2} W", local(now), noisy(number)),
        }),
        (None, |now, number| {
            format!("{} {:.2}", (now * 1e3) as i64, noisy(number))
        }),
        (None, |now, number| {
            format!("{now:.3} {:.0} mW", noisy(number) * 1e3)
        }),
        (Some("kilowatts"), |now, number| {
            format!("{now:.3};{:.5}", noisy(number) / 1e3)
        }),
        // A line that is delivered twice.
        (Some("W"), |now, number| {
            let line = format!("{now:.3} {:.2}", noisy(number));
            if number % 5 == 0 {
                format!("{line}\n{line}")
            } else {
                line
            }
        }),
        // A meter that reconnects prints its header again.
        (None, |now, number| match number % 10 {
            0 => "time watts".into(),
            _ => format!("{now:.3} {:.2}", noisy(number)),
        }),
    ];
    let mut cases: Vec<Box<dyn Fn() + Send>> = Vec::new();
    for (at, (unit, line)) in forms.into_iter().enumerate() {
        let units: Vec<MeterUnit> = unit
            .map(|unit| MeterUnit::parse(unit).unwrap())
            .into_iter()
            .collect();
        cases.push(Box::new(move || {
            let row = metered(&units, 1.5, line);
            println!("form {at}");
            holds(&row, WATTS * row.seconds.unwrap(), 0.02);
        }));
    }
    for (unit, joules) in [("Wh", 3.6e3), ("millijoules", 1e-3), ("kWh", 3.6e6)] {
        cases.push(Box::new(move || {
            let units = [MeterUnit::parse(unit).unwrap()];
            let row = metered(&units, 1.5, move |now, _| {
                format!("{now:.4} {:.9}", (5000.0 + WATTS * (now - began)) / joules)
            });
            assert_eq!(row.method, Method::Counter);
            holds(&row, WATTS * row.seconds.unwrap(), 0.02);
        }));
    }
    together(cases);
}

#[test]
fn a_line_without_a_reading_is_a_counted_hole() {
    let row = metered(&[], 2.0, |now, number| match number {
        30 | 31 => format!("{now:.3} [N/A]"),
        number => format!("{now:.3} {:.2}", noisy(number)),
    });
    holds(&row, WATTS * row.seconds.unwrap(), 0.02);
    let note = row.notes.iter().find(|note| note.contains("[N/A]`"));
    assert!(
        note.is_some_and(|note| note.starts_with("2 lines have no reading")),
        "{row:?}"
    );
}

#[test]
fn rejects_lines_that_may_mean_something_else() {
    type Line = fn(f64, u32) -> String;
    let forms: Vec<(Option<&str>, Line, &str)> = vec![
        (
            None,
            |now, _| format!("{now:.3};120,14").replace('.', ","),
            "120,14` is not `time W`",
        ),
        (
            None,
            |now, number| format!("{now:.0} {:.2}", noisy(number)),
            "several lines have the time",
        ),
        (
            None,
            |now, number| format!("{now:.4} {:.2}\n{:.4} 60", noisy(number), now + 0.002),
            "several devices",
        ),
        (
            Some("mW"),
            |now, _| format!("{now:.3} 120.14 W"),
            "is in W, not in mW",
        ),
        (
            Some("J"),
            |now, number| {
                if number == 0 {
                    "time,watts".into()
                } else {
                    format!("{now:.3},120")
                }
            },
            "`watts` is in W, not in J",
        ),
    ];
    let case = |(unit, line, with): (Option<&'static str>, Line, &'static str)| {
        let case: Box<dyn Fn() + Send> = Box::new(move || {
            let units: Vec<MeterUnit> = unit
                .map(|unit| MeterUnit::parse(unit).unwrap())
                .into_iter()
                .collect();
            refused(&metered(&units, 1.0, line), with);
        });
        case
    };
    together(forms.into_iter().map(case).collect());
}

/// Whether the power of a silent meter was low or high, the interval holds it.
#[test]
fn a_silent_meter_leaves_the_power_open() {
    let silent = |power: f64| {
        let began = unix();
        let row = metered(&[], 4.0, move |now, number| {
            // High power in the second second of the window, silence for 1.3 s in the third.
            let age = now - began;
            match age {
                age if (2.8..4.1).contains(&age) => String::new(),
                age => format!(
                    "{now:.3} {:.2}",
                    noisy(number) * if age < 1.8 { 1.0 } else { 2.0 }
                ),
            }
        });
        // From the line before the silence to the line behind it.
        let truth: f64 = row
            .readings
            .windows(2)
            .map(|pair| {
                let seconds = pair[1].at.monotonic - pair[0].at.monotonic;
                let watts = match seconds > 1.0 {
                    true => power,
                    false => (pair[0].value + pair[1].value) as f64 / 2e6,
                };
                let (from, to) = (pair[0].at.monotonic, pair[1].at.monotonic);
                let basis = row.basis.as_ref().unwrap().window;
                watts * (to.min(basis.1) - from.max(basis.0)).max(0.0)
            })
            .sum();
        assert!(row.ci().unwrap().holds(truth), "{power} W: {truth}: {row}");
        let note = row
            .notes
            .iter()
            .find(|note| note.contains("no reading from"));
        assert!(
            note.is_some_and(|note| note.contains("any power from 119.")),
            "{row:?}"
        );
    };
    let counter = || {
        let began = unix();
        let row = metered(&[MeterUnit::JOULE], 4.0, move |now, _| {
            let age = now - began;
            match age {
                age if (2.0..3.5).contains(&age) => String::new(),
                age => format!("{now:.4} {:.4}", 5000.0 + WATTS * age),
            }
        });
        let truth = WATTS * row.seconds.unwrap();
        holds(&row, truth, 0.01);
        assert!(row.ci().unwrap().half() < 0.02 * truth, "{row}");
    };
    let missing = || {
        let began = unix();
        let row = metered(&[], 3.0, move |now, number| {
            let age = now - began;
            match age {
                age if (1.2..3.4).contains(&age) => String::new(),
                _ => format!("{now:.3} {:.2}", noisy(number)),
            }
        });
        refused(&row, "no reading for 2.");
    };
    together(vec![
        Box::new(move || silent(120.0)),
        Box::new(move || silent(240.0)),
        Box::new(counter),
        Box::new(missing),
    ]);
}

/// The energy between two times by readings as of lines every `every` seconds, made from watts or joules over time in whole
/// `digit`s.
fn settled(
    unit: RawUnit,
    (every, digit): (f64, f64),
    window: (f64, f64),
    shown: impl Fn(f64) -> f64,
) -> Result<Estimate, Unavailable> {
    let count = ((window.1 + 2.0) / every) as u32;
    let readings = (0..count).map(|number| {
        let at = f64::from(number) * every;
        let shown = (shown(at) / digit).round() * digit;
        Reading {
            value: (shown * 1e6).round() as u64,
            unit,
            at: Moment {
                monotonic: at,
                unix: 1.8e9 + at,
            },
            read_seconds: 2e-3,
        }
    });
    let spec = match unit {
        RawUnit::Microwatt => SensorSpec::power(unit, 1e6, 0.0).averaging(every),
        _ => SensorSpec::energy(unit, 1e6, 0.0),
    };
    Recording::new(spec, readings.collect()).fixed(
        window,
        [Edge::Boundary; 2],
        &SensorModel::uncalibrated(&spec),
    )
}

/// Equal readings are readings: the energy of plateaus is within 1 %, and the interval within 5 %.
#[test]
fn plateaus_are_measured() {
    let window = (3.0, 123.0);
    for (every, digit, low, high, steps) in [
        (1.0, 0.01, 85.0, 85.0, 0.0),
        (0.1, 0.01, 85.0, 85.0, 0.0),
        // Idle, then a load.
        (1.0, 0.01, 15.32, 240.0, 60.0),
        (0.1, 0.01, 15.32, 240.0, 60.0),
        // Two levels in whole watts.
        (1.0, 1.0, 120.0, 180.0, 20.0),
        // A plug with a resolution of 0.1 W that is switched.
        (1.0, 0.1, 20.2, 60.1, 30.0),
        (0.1, 0.1, 2.2, 60.1, 10.0),
    ] {
        let power = |at: f64| match steps > 0.0 && ((at - 3.55) / steps).floor() % 2.0 != 0.0 {
            true => high,
            false => low,
        };
        let truth: f64 = (0..120_000)
            .map(|step| power(3.0 + f64::from(step) * 1e-3) * 1e-3)
            .sum();
        let estimate = settled(RawUnit::Microwatt, (every, digit), window, power).unwrap();
        let off = estimate.joules / truth - 1.0;
        assert!(off.abs() < 0.01, "{every} {low} {high}: {off}");
        let ci = estimate.ci;
        assert!(
            ci.low <= truth && truth <= ci.high,
            "{every} {low} {high}: {truth} in {ci:?}"
        );
        let half = ci.half() / truth;
        assert!(half < 0.05, "{every} {low} {high}: {half}");
    }
}

/// A counter whose last digit changes every few lines has not stopped.
#[test]
fn coarse_counters_are_measured() {
    let window = (3.3, 123.3);
    for every in [0.1, 0.95, 1.0] {
        for digit in [1.0, 240.0, 360.0, 1000.0] {
            let power = |at: f64| if at < 60.0 { 120.0 } else { 150.0 };
            let counter = |at: f64| 5e5 + 120.0 * at + 30.0 * (at - 60.0).max(0.0);
            let truth = counter(window.1) - counter(window.0);
            let estimate = settled(RawUnit::Microjoule, (every, digit), window, counter);
            let estimate = estimate.unwrap_or_else(|why| panic!("{every} {digit}: {why}"));
            let ci = estimate.ci;
            assert!(
                ci.low <= truth && truth <= ci.high,
                "{every} {digit}: {truth} in {ci:?}"
            );
            let open = 2.0 * (digit + power(window.1) * every);
            assert!(
                ci.half() < open + 0.005 * truth,
                "{every} {digit}: {}",
                ci.half()
            );
        }
    }
}
