//! Recordings that give no figure: the reason, the place and the way out.

use wattgrad::internals::energy::log::{LogOptions, TimeUnit, Unit};

use super::read;

/// Seconds and watts of one device.
fn rows(count: u32, watts: impl Fn(u32) -> String) -> String {
    let rows: String = (0..count)
        .map(|row| format!("{row},{}\n", watts(row)))
        .collect();
    format!("seconds,power_w\n{rows}")
}

fn refused(text: &str, options: &LogOptions) -> (String, bool) {
    match read(text, options) {
        Ok(energy) => panic!("answered: {energy:?}"),
        Err(error) => (error.to_string(), error.is_misuse()),
    }
}

#[test]
fn names_the_column_that_tells_devices_apart() {
    let mut text = String::from("seconds,gpu,power_w\n");
    for row in 0..50 {
        text += &format!("{row},0,100.5\n{row},1,30.25\n");
    }
    let (why, misuse) = refused(&text, &LogOptions::default());
    assert!(
        why.contains("--where gpu=0") && why.contains("0, 1") && misuse,
        "{why}"
    );
    let without = text
        .replace(",gpu", "")
        .replace(",0,", ",")
        .replace(",1,", ",");
    let (why, _) = refused(&without, &LogOptions::default());
    assert!(why.contains("2 devices"), "{why}");
    // A column of an unknown name, whose values tell the devices apart.
    let plugs = text
        .replace("gpu", "appliance")
        .replace(",0,", ",desk 01,")
        .replace(",1,", ",desk 02,");
    let (why, _) = refused(&plugs, &LogOptions::default());
    assert!(why.contains("--where appliance=desk 01"), "{why}");
}

#[test]
fn a_condition_holds_for_the_same_number_and_the_same_word() {
    let mut text = String::from("seconds,gpu,power_w\n");
    for row in 0..50 {
        text += &format!("{row},00,100\n{row},01,30\n{row},GPU-7,20\n");
    }
    for (value, joules) in [("0", 4900.0), ("1", 1470.0), ("gpu-7", 980.0)] {
        let options = LogOptions {
            rows: vec![("gpu".into(), value.into())],
            ..LogOptions::default()
        };
        let energy = read(text.as_str(), &options).unwrap();
        assert!(
            (energy.joules / joules - 1.0).abs() < 1e-9,
            "{value}: {energy:?}"
        );
    }
    let none = LogOptions {
        rows: vec![("gpu".into(), "10".into())],
        ..LogOptions::default()
    };
    assert!(refused(&text, &none).0.contains("no row has gpu=10"));
}

#[test]
fn refuses_a_unit_that_contradicts_the_name_or_the_cell() {
    let options = |unit: &str| LogOptions {
        unit: Unit::parse(unit),
        ..LogOptions::default()
    };
    let milliwatts = rows(30, |row| (1000 + row).to_string()).replace("power_w", "power_mw");
    let (why, misuse) = refused(&milliwatts, &options("W"));
    assert!(why.contains("--unit mW") && misuse, "{why}");
    let (why, _) = refused(&rows(30, |row| format!("{row} mW")), &options("W"));
    assert!(why.contains("in mW"), "{why}");
    let (why, _) = refused(&rows(30, |row| row.to_string()), &options("J"));
    assert!(why.contains("power_w"), "{why}");
}

#[test]
fn refuses_times_of_an_unknown_unit() {
    let text: String = (0..30)
        .map(|row| format!("{},100.5\n", row * 1000))
        .collect();
    let text = format!("time,power_w\n{text}");
    let (why, misuse) = refused(&text, &LogOptions::default());
    assert!(why.contains("--time-unit") && misuse, "{why}");
    let options = LogOptions {
        time_unit: Some(TimeUnit::Millis),
        ..LogOptions::default()
    };
    assert!((read(text, &options).unwrap().joules - 29.0 * 100.5).abs() < 1e-6);
}

#[test]
fn says_where_the_clock_went_back() {
    let text = rows(30, |_| "80.5".into()) + &rows(30, |_| "80.5".into())[16..];
    let (why, _) = refused(&text, &LogOptions::default());
    assert!(why.contains("went back by 29 s at 29 s (line 32)"), "{why}");
    let summer = format!(
        "{}{}",
        rows(30, |_| "80.5".into()),
        "-3571,80.5\n-3570,80.5\n"
    );
    assert!(
        refused(&summer, &LogOptions::default())
            .0
            .contains("summer time")
    );
}

#[test]
fn a_counter_that_falls_needs_to_know_where_it_wraps() {
    let text: String = (0..30)
        .map(|row| format!("{row},{}\n", (900 + 10 * row) % 1000))
        .collect();
    let text = format!("seconds,energy_j\n{text}");
    let (why, _) = refused(&text, &LogOptions::default());
    assert!(
        why.contains("--wraps-at") && why.contains("line 12"),
        "{why}"
    );
    let options = LogOptions {
        wraps_at: Some(1000.0),
        ..LogOptions::default()
    };
    assert!((read(text, &options).unwrap().joules - 290.0).abs() < 1e-6);
}

#[test]
fn impossible_values_matter_inside_the_window_only() {
    let text = rows(30, |row| {
        if row == 20 {
            "-0.4".into()
        } else {
            "80.5".into()
        }
    });
    let (why, _) = refused(&text, &LogOptions::default());
    assert!(why.contains("-0.4") && why.contains("line 22"), "{why}");
    let options = LogOptions {
        to: Some("15".into()),
        ..LogOptions::default()
    };
    assert!((read(text, &options).unwrap().joules - 15.0 * 80.5).abs() < 1e-6);
}

#[test]
fn strict_refuses_a_row_without_a_reading() {
    let text = rows(30, |row| {
        if row == 20 {
            "[N/A]".into()
        } else {
            format!("80.{row}")
        }
    });
    let energy = read(&*text, &LogOptions::default()).unwrap();
    assert!(
        energy.notes[0].contains("1 row without a reading"),
        "{:?}",
        energy.notes
    );
    let options = LogOptions {
        strict: true,
        ..LogOptions::default()
    };
    assert!(refused(&text, &options).0.contains("line 22"));
}

#[test]
fn half_a_window_without_rows_gives_no_figure() {
    let text: String = (0..100)
        .filter(|row| !(30..90).contains(row))
        .map(|row| format!("{row},{}\n", 80 + row % 3))
        .collect();
    let (why, _) = refused(&format!("seconds,power_w\n{text}"), &LogOptions::default());
    assert!(why.contains("from 29 s to 90 s"), "{why}");
}
