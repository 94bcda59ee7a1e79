//! Times as recorders write them.

use wattgrad::internals::energy::log::{LogOptions, TimeUnit};

use super::{BEGAN, gives, joules, options, power, refused, table, watts};

#[test]
fn times_are_read_in_their_unit() {
    let truth = joules(0..120);
    for (case, factor, digits) in [
        ("seconds", 1.0, 3),
        ("milliseconds", 1e3, 0),
        ("microseconds", 1e6, 0),
        ("nanoseconds", 1e9, 0),
    ] {
        let text = table("timestamp,power_w", |second| {
            format!(
                "{:.digits$},{:.2}",
                (BEGAN + f64::from(second)) * factor,
                watts(second)
            )
        });
        let energy = gives(case, text, &power(), truth, 1e-3);
        assert!(
            (energy.seconds - 120.0).abs() < 1e-3,
            "{case}: {} s",
            energy.seconds
        );
    }
    let epoch = table("timestamp,power_w", |second| {
        format!("{:.3},{:.2}", BEGAN + f64::from(second), watts(second))
    });
    let window = LogOptions {
        from: Some(format!("{:.3}", BEGAN + 30.0)),
        to: Some(format!("{:.3}", BEGAN + 90.0)),
        ..power()
    };
    gives(
        "window of Unix seconds",
        epoch,
        &window,
        joules(30..90),
        1e-3,
    );
    for (case, form) in [
        ("zone", "2026-03-03T09:15:00.112+02:00"),
        ("no zone", "2026-03-03 09:15:00.112000783"),
        ("UTC", "2026-03-03T09:15:00.112Z"),
        ("slashes", "2026/03/03 09:15:00.112"),
        ("half days", "03/03/2026 09:15:00 AM"),
    ] {
        let text = table("time,watts", |second| {
            let clock = format!("09:{:02}:{:02}", 15 + second / 60, second % 60);
            format!("{},{:.2}", form.replace("09:15:00", &clock), watts(second))
        });
        gives(case, text, &options("watts", "watts"), truth, 1e-3);
    }
    let relative = table("elapsed,power_w", |second| {
        format!("{},{:.2}", second * 1000, watts(second))
    });
    let stated = LogOptions {
        time_unit: Some(TimeUnit::Millis),
        ..power()
    };
    gives("stated milliseconds", relative, &stated, truth, 1e-3);
    // The time is the second column.
    let second_column = table("Delta,Time,PACKAGE_ENERGY (J)", |second| {
        let noise = [200, 201, 199][second as usize % 3];
        format!(
            "{noise},{},{:.6}",
            (BEGAN * 1e3) as u64 + 1000 * u64::from(second),
            5000.0 + joules(0..second)
        )
    });
    gives(
        "second column",
        second_column,
        &options("PACKAGE_ENERGY (J)", "joules"),
        truth,
        0.01,
    );
}

#[test]
fn a_clock_that_goes_back_is_named() {
    let stepped = table("seconds,power_w", |second| {
        let at = f64::from(second) - if second < 60 { 0.0 } else { 1.35 };
        format!("{at:.2},{:.2}", watts(second))
    });
    refused("step back", stepped.as_str(), &power(), &["0.35 s", "62"]);
    let before = LogOptions {
        to: Some("58".to_owned()),
        ..power()
    };
    gives("before the step", stepped, &before, joules(0..58), 1e-3);
    let winter = table("time,power_w", |second| {
        format!(
            "2026-10-25 02:{:02}:{:02},{:.2}",
            (59 + second / 60) % 60,
            second % 60,
            watts(second)
        )
    });
    refused("end of summer time", winter, &power(), &["3599"]);
    // Ten rows a second, times of whole seconds.
    let ten: String = (0..1200u32)
        .map(|row| {
            format!(
                "{},{:.2}\n",
                BEGAN as u64 + u64::from(row / 10),
                watts(row % 97)
            )
        })
        .collect();
    let truth: f64 = (0..1199u32)
        .map(|row| (watts(row % 97) + watts((row + 1) % 97)) / 20.0)
        .sum();
    gives(
        "whole seconds",
        format!("timestamp,power_w\n{ten}"),
        &power(),
        truth,
        0.01,
    );
}
