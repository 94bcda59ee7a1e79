//! What columns hold, by their names, and what rows hold that differ from the first.

use wattgrad::internals::energy::log::{LogOptions, Unit};

use super::{gives, joules, noted, options, plain, power, refused, table, watts};

#[test]
fn a_column_that_is_no_power_of_the_moment_is_not_chosen() {
    for name in [
        "tdp_w",
        "max_power_w",
        "target_power_w",
        "power_percent",
        "Power (%) [% TDP]",
        "power_dbm",
        "apparent_power_va",
        "power_dW",
        "power_100mw",
        "Power (MW)",
    ] {
        let text = plain().replace("power_w", name);
        refused(name, text, &LogOptions::default(), &["--unit"]);
    }
}

#[test]
fn an_energy_without_a_known_unit_needs_an_option() {
    let counter = |name: &str, scale: f64| {
        table(&format!("seconds,{name}"), |second| {
            format!("{second},{:.6}", (9000.0 + joules(0..second)) * scale)
        })
    };
    for name in [
        "energy",
        "aenergy.total",
        "energy_kcal",
        "energy_MWh",
        "energy_MJ",
    ] {
        let text = counter(name, 1.0);
        refused(name, text.as_str(), &LogOptions::default(), &["--unit"]);
        gives(name, text, &options(name, "J"), joules(0..120), 0.01);
    }
    for (name, scale) in [
        ("energy_mwh", 1.0 / 3.6),
        ("energy watt_hours", 1.0 / 3600.0),
        ("energy_ujoule", 1e6),
    ] {
        let text = counter(name, scale);
        gives(name, text, &LogOptions::default(), joules(0..120), 0.01);
    }
    let rows = table("seconds,energy_delta_j", |second| {
        format!("{second},{:.3}", joules(second.max(1) - 1..second.max(1)))
    });
    gives(
        "per row",
        rows,
        &LogOptions::default(),
        joules(0..120),
        1e-3,
    );
}

#[test]
fn times_in_minutes_or_hours_are_read_and_unclear_ones_refused() {
    for (name, per) in [("time [min]", 60.0), ("elapsed_hours", 3600.0)] {
        let text = table(&format!("{name},power_w"), |second| {
            format!("{:.9},{:.2}", f64::from(second) / per, watts(second))
        });
        gives(name, text, &power(), joules(0..120), 1e-3);
    }
    let clock = table("time,power_w", |second| {
        format!("{:02}:{:02},{:.2}", second / 60, second % 60, watts(second))
    });
    refused("minutes and seconds", clock, &power(), &["hours"]);
    let sheet = table("time,power_w", |second| {
        format!(
            "{:.9},{:.2}",
            45_413.4 + f64::from(second) / 86_400.0,
            watts(second)
        )
    });
    refused("days of a spreadsheet", sheet, &power(), &["--time-unit"]);
    let daily = |month_first: bool| {
        let rows = (1..=20).map(|day| match month_first {
            true => format!("05/{day:02}/2024 10:00:00,100\n"),
            false => format!("{:02}/05/2024 10:00:00,100\n", day % 12 + 1),
        });
        format!("time,power_w\n{}", rows.collect::<String>())
    };
    gives(
        "month first",
        daily(true),
        &power(),
        19.0 * 86_400.0 * 100.0,
        1e-3,
    );
    refused(
        "day or month first",
        daily(false),
        &power(),
        &["2026-03-31"],
    );
    let days = plain().replace("seconds", "time_days");
    refused("days", days, &power(), &["--time-unit"]);
}

#[test]
fn rows_unlike_the_first_are_no_readings() {
    let half = plain().find("\n60,").unwrap() + 1;
    let changed = format!("{}seconds,power_mw\n{}", &plain()[..half], &plain()[half..]);
    refused("other names", changed, &power(), &["line 62"]);
    let chosen = table("seconds,gpu,power_w", |second| {
        let header = if second == 60 {
            "seconds,gpu,power_mw\n"
        } else {
            ""
        };
        format!("{header}{second},0,{:.2}", watts(second))
    });
    let rows = LogOptions {
        rows: vec![("gpu".to_owned(), "0".to_owned())],
        ..power()
    };
    refused("other names beside --where", chosen, &rows, &["line 62"]);
    // Every fifth row lacks a cell, and nobody knows which.
    let short = table("seconds,temperature,power_w", |second| match second % 5 {
        4 => format!("{second},{:.2}", watts(second)),
        _ => format!("{second},70,{:.2}", watts(second)),
    });
    noted(
        "short rows",
        &gives("short rows", short, &power(), joules(0..120), 0.02),
        "24 rows",
    );
    let units = plain().replace("power_w\n", "power\ns,mW\n");
    let energy = gives(
        "row of units",
        units,
        &LogOptions::default(),
        joules(0..120) / 1e3,
        0.01,
    );
    assert!(energy.read_as.contains("in mW"), "{}", energy.read_as);
}

#[test]
fn a_gap_in_which_a_counter_may_wrap_is_refused() {
    let rapl = |step: u32, watts: f64, range: f64, begin: f64| -> String {
        let rows = (0..60u32).map(|row| {
            let joules = (begin + f64::from(row * step) * watts) % range;
            format!("{},{:.0}\n", row * step, joules * 1e6)
        });
        format!("seconds,energy_uj\n{}", rows.collect::<String>())
    };
    let column = options("energy_uj", "uJ");
    // Seen by its rows, the counter rises by 8 kJ in 15 minutes; it wrapped in each of them.
    refused(
        "unseen wraps",
        rapl(900, 300.0, 262_143.328_85, 0.0),
        &column,
        &["--wraps-at"],
    );
    for range in [262_143.328_85, 65_712.999_613, 65_532.610_987] {
        let text = rapl(1, 100.0, range, range - 3000.0);
        gives("ranges of RAPL", text, &column, 5900.0, 0.005);
    }
    // An idle machine whose counter is reset is no wrap.
    let reset = rapl(1, 5.0, 262_000.0, 261_900.0);
    refused("reset near the range", reset, &column, &["22"]);
    assert_eq!(Unit::parse("mWh").map(|unit| unit.symbol), Some("mWh"));
}
