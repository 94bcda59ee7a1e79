//! One recording in the forms in which people have it: each gives its energy, or the reason why not.

mod names;
mod rows;
mod times;

use wattgrad::internals::energy::log::{LogEnergy, LogOptions, Unit};

use crate::read;

/// Unix time of the first row: 2026-03-03 09:15:00.112 UTC.
const BEGAN: f64 = 1_772_529_300.112;

/// A device whose power changes in every second of two minutes.
fn watts(second: u32) -> f64 {
    let swing = [0.0, 24.5, -9.9, 32.1, 5.6, -20.9, 15.4][second as usize % 7];
    ((150.0 + swing + f64::from(second) / 10.0) * 100.0).round() / 100.0
}

/// Its energy from one second to another.
fn joules(seconds: std::ops::Range<u32>) -> f64 {
    seconds
        .map(|second| (watts(second) + watts(second + 1)) / 2.0)
        .sum()
}

/// `header`, then a line for every second from 0 to 120.
fn table(header: &str, line: impl Fn(u32) -> String) -> String {
    let lines: String = (0..=120).map(|second| line(second) + "\n").collect();
    format!("{header}\n{lines}")
}

/// Seconds and watts.
fn plain() -> String {
    table("seconds,power_w", |second| {
        format!("{second},{:.2}", watts(second))
    })
}

/// The date of a row, as nvidia-smi prints it.
fn date(second: u32) -> String {
    format!(
        "2026/03/03 09:{:02}:{:02}.112",
        15 + second / 60,
        second % 60
    )
}

fn options(column: &str, unit: &str) -> LogOptions {
    LogOptions {
        column: Some(column.to_owned()),
        unit: Some(Unit::parse(unit).unwrap()),
        ..LogOptions::default()
    }
}

fn power() -> LogOptions {
    options("power_w", "watts")
}

/// Reads a log that gives `truth` joules within `share`, in an interval that holds them.
fn gives(
    case: &str,
    text: impl Into<Vec<u8>>,
    options: &LogOptions,
    truth: f64,
    share: f64,
) -> LogEnergy {
    let energy = read(text, options).unwrap_or_else(|why| panic!("{case}: {why}"));
    assert!(
        (energy.joules / truth - 1.0).abs() <= share,
        "{case}: {} J, not {truth} J",
        energy.joules
    );
    assert!(
        energy.ci.0 <= truth && truth <= energy.ci.1,
        "{case}: {truth} J are not in {:?}",
        energy.ci
    );
    energy
}

/// The interval is no wider than this share of the energy.
fn sure(case: &str, energy: &LogEnergy, share: f64) {
    let half = (energy.ci.1 - energy.ci.0) / 2.0;
    assert!(
        half <= share * energy.joules,
        "{case}: {} J +- {half} J",
        energy.joules
    );
}

/// Reads a log that gives no energy, for a reason that says each of `words`.
fn refused(case: &str, text: impl Into<Vec<u8>>, options: &LogOptions, words: &[&str]) {
    match read(text, options) {
        Ok(energy) => panic!("{case}: answered {energy:?}"),
        Err(why) => {
            let why = why.to_string();
            for word in words {
                assert!(why.contains(word), "{case}: `{word}` is not in `{why}`");
            }
        }
    }
}

fn noted(case: &str, energy: &LogEnergy, words: &str) {
    assert!(
        energy.notes.iter().any(|note| note.contains(words)),
        "{case}: no note says `{words}`: {:?}",
        energy.notes
    );
}

#[test]
fn every_row_is_a_reading() {
    let truth = joules(0..120);
    sure(
        "control",
        &gives("control", plain(), &power(), truth, 1e-6),
        0.05,
    );

    // Idle at one value, then a load that changes in every row.
    let level = |second: u32| {
        if second < 90 {
            15.32
        } else {
            watts(second) + 60.0
        }
    };
    let rest: String = (0..=210)
        .map(|second| format!("{second},{:.2}\n", level(second)))
        .collect();
    let rest_truth: f64 = (0..210)
        .map(|second| (level(second) + level(second + 1)) / 2.0)
        .sum();
    for averaging in [None, Some(1.0)] {
        let options = LogOptions {
            averaging,
            ..power()
        };
        let text = format!("seconds,power_w\n{rest}");
        sure(
            "rest",
            &gives("rest", text, &options, rest_truth, 0.01),
            0.05,
        );
    }

    let two = table("seconds,power_w", |second| {
        format!("{second},{}", if second < 60 { 100 } else { 200 })
    });
    sure(
        "two levels",
        &gives("two levels", two, &power(), 18_000.0, 0.01),
        0.05,
    );

    let steady = table("seconds,power_w", |second| format!("{second},85.00"));
    sure(
        "steady",
        &gives("steady", steady, &power(), 10_200.0, 1e-3),
        0.05,
    );

    let nothing = table("seconds,power_w", |second| format!("{second},0"));
    let energy = read(nothing, &power()).unwrap();
    noted("nothing", &energy, "every reading is 0");

    // A plug of 0.1 W whose device switches every 20 s.
    let plug = table("seconds,power_w", |second| {
        format!(
            "{second},{:.1}",
            if second / 20 % 2 == 0 { 2.1 } else { 58.3 }
        )
    });
    sure(
        "plug",
        &gives("plug", plug, &power(), 60.0 * (2.1 + 58.3), 0.02),
        0.05,
    );
}

#[test]
fn a_hole_leaves_open_what_it_may_have_held() {
    // The recorder slept while the device was at its lowest power.
    let drawn = |second: u32| {
        if (40..80).contains(&second) {
            60.0
        } else {
            watts(second)
        }
    };
    let truth: f64 = (0..120)
        .map(|second| (drawn(second) + drawn(second + 1)) / 2.0)
        .sum();
    let without = |from: u32, to: u32| -> String {
        let lines = (0..=120).filter(|second| !(from..to).contains(second));
        let lines: String = lines
            .map(|second| format!("{second},{:.2}\n", drawn(second)))
            .collect();
        format!("seconds,power_w\n{lines}")
    };
    match read(without(41, 79), &power()) {
        Ok(energy) => {
            assert!(energy.ci.0 <= truth && truth <= energy.ci.1, "{energy:?}");
            noted("hole", &energy, "39");
        }
        Err(why) => assert!(why.to_string().contains("no row"), "{why}"),
    }
    refused(
        "long hole",
        without(40, 101),
        &power(),
        &["no row for 62 s"],
    );

    // A counter loses nothing.
    let counter: String = (0..=120u32)
        .filter(|second| !(41..80).contains(second))
        .map(|second| format!("{second},{:.3}\n", joules(0..second)))
        .collect();
    let energy = gives(
        "counter over a hole",
        format!("seconds,energy_j\n{counter}"),
        &options("energy_j", "joules"),
        joules(0..120),
        1e-3,
    );
    sure("counter over a hole", &energy, 0.05);
}

#[test]
fn devices_in_one_file_are_kept_apart() {
    let boards = table("seconds,gpu,power_w", |second| {
        format!(
            "{second},0,{:.2}\n{second},1,{:.2}",
            watts(second),
            watts(second) / 5.0
        )
    });
    refused("two boards", boards.as_str(), &power(), &["gpu", "--where"]);
    for (gpu, share) in [("0", 1.0), ("1", 0.2)] {
        let options = LogOptions {
            rows: vec![("gpu".to_owned(), gpu.to_owned())],
            ..power()
        };
        gives(
            "one board",
            boards.as_str(),
            &options,
            share * joules(0..120),
            1e-3,
        );
    }
    let mute = table("seconds,power_w", |second| {
        format!(
            "{second},{:.2}\n{second},{:.2}",
            watts(second),
            watts(second) / 5.0
        )
    });
    refused(
        "two boards without a column",
        mute,
        &power(),
        &["2 devices"],
    );
    // Alike, but with times of milliseconds.
    let alike = table("seconds,power_w", |second| {
        format!(
            "{second}.112,{:.2}\n{second}.112,{:.2}",
            watts(second),
            watts(second + 3)
        )
    });
    refused("two boards of one level", alike, &power(), &["2 devices"]);
    let four = table("timestamp,gpu,socket_power", |second| {
        let line = |gpu: u32| {
            format!(
                "{},{gpu},{:.2}",
                BEGAN as u64 + u64::from(second),
                watts(second) * f64::from(4 - gpu)
            )
        };
        [0, 1, 2, 3].map(line).join("\n")
    });
    refused(
        "four boards",
        four,
        &options("socket_power", "watts"),
        &["gpu", "--where"],
    );
    let smi = table("timestamp, index, power.draw [W]", |second| {
        format!(
            "{}, 0, {:.2} W\n{}, 1, 30.00 W",
            date(second),
            watts(second),
            date(second)
        )
    });
    refused(
        "nvidia-smi of two boards",
        smi,
        &LogOptions::default(),
        &["--where index=0"],
    );
}
