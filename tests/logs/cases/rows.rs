//! Rows, cells and units as recorders write them.

use wattgrad::internals::energy::log::{Decimal, LogOptions};

use super::{BEGAN, date, gives, joules, noted, options, plain, power, refused, table, watts};

#[test]
fn rows_without_a_reading_are_holes() {
    let smi = |header: &str, unit: &str| {
        table(header, |second| {
            format!("{}, {:.2}{unit}", date(second), watts(second))
        })
    };
    let truth = joules(0..120);
    let draw = options("power.draw [W]", "watts");
    gives(
        "nvidia-smi",
        smi("timestamp, power.draw [W]", " W"),
        &draw,
        truth,
        1e-3,
    );
    gives(
        "nvidia-smi, nounits",
        smi("timestamp, power.draw [W]", ""),
        &draw,
        truth,
        1e-3,
    );
    for cell in ["[N/A]", "[Unknown Error]", ""] {
        let row = format!("\n{}, {:.2} W\n", date(40), watts(40));
        let text = smi("timestamp, power.draw [W]", " W")
            .replace(&row, &format!("\n{}, {cell}\n", date(40)));
        noted(cell, &gives(cell, text, &draw, truth, 0.01), "1 row");
        let text = plain().replace(
            &format!("\n40,{:.2}\n", watts(40)),
            &format!("\n40,{cell}\n"),
        );
        noted(
            cell,
            &gives(cell, text.as_str(), &power(), truth, 0.01),
            "1 row",
        );
        let strict = LogOptions {
            strict: true,
            ..power()
        };
        refused(cell, text, &strict, &["42"]);
    }
    let late = plain().replace(&format!("\n118,{:.2}\n", watts(118)), "\n118,[N/A]\n");
    let window = LogOptions {
        from: Some("10".to_owned()),
        to: Some("110".to_owned()),
        ..power()
    };
    let energy = gives("outside the window", late, &window, joules(10..110), 1e-3);
    assert!(energy.notes.is_empty(), "{:?}", energy.notes);
}

#[test]
fn what_recorders_leave_around_the_rows_is_passed_over() {
    let truth = joules(0..120);
    let text = plain();
    let cut = &text[..text.rfind(',').unwrap()];
    let energy = gives("last row cut", cut, &power(), joules(0..119), 1e-3);
    noted("last row cut", &energy, "last row");
    gives(
        "NUL tail",
        text.clone() + &"\0".repeat(300),
        &power(),
        truth,
        1e-3,
    );
    let trailer =
        text.clone() + "\nTotal Elapsed Time (sec) = 120.0\nCumulative energy = 17.9 kJ\n";
    gives("summary", trailer, &power(), truth, 1e-3);
    gives(
        "comments",
        format!("# recorder 1.2\n# started today\n{text}"),
        &power(),
        truth,
        1e-3,
    );
    let half = text.find("\n60,").unwrap() + 1;
    let again = format!("{}seconds,power_w\n{}", &text[..half], &text[half..]);
    gives("header again", again, &power(), truth, 1e-3);
    gives(
        "CRLF",
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
        &power(),
        truth,
        1e-3,
    );
    let semicolons = table("Zeit;Leistung_W", |second| {
        format!(
            "{second};{}",
            format!("{:.2}", watts(second)).replace('.', ",")
        )
    });
    gives(
        "decimal commas",
        semicolons,
        &options("Leistung_W", "watts"),
        truth,
        1e-3,
    );
    gives("bars", plain().replace(',', "|"), &power(), truth, 1e-3);
    let turbostat: String = (0..=120u32)
        .map(|second| {
            let header = if second % 20 == 0 {
                "Time_Of_Day_Seconds\tPkgWatt\n"
            } else {
                ""
            };
            format!(
                "{header}{:.6}\t{:.2}\n",
                BEGAN + f64::from(second),
                watts(second)
            )
        })
        .collect();
    gives(
        "turbostat",
        turbostat,
        &options("PkgWatt", "watts"),
        truth,
        1e-3,
    );
}

#[test]
fn energy_per_row_is_summed() {
    let perf = |separator: char, point: char| -> String {
        (1..=120u32)
            .map(|second| {
                let number = |value: String| value.replace('.', &point.to_string());
                [
                    number(format!("{second}.000112")),
                    number(format!("{:.2}", joules(second - 1..second))),
                    "Joules".to_owned(),
                    "power/energy-pkg/".to_owned(),
                    "1000113121".to_owned(),
                    number("100.00".to_owned()),
                    String::new(),
                    String::new(),
                ]
                .join(&separator.to_string())
                    + "\n"
            })
            .collect()
    };
    for (case, separator, point) in [
        ("perf stat", ',', '.'),
        ("perf stat with decimal commas", ';', ','),
    ] {
        let energy = gives(
            case,
            perf(separator, point),
            &LogOptions::default(),
            joules(1..120),
            1e-3,
        );
        // The first row says when the next interval begins.
        assert!(
            (energy.seconds - 119.0).abs() < 1e-3,
            "{case}: {} s",
            energy.seconds
        );
    }
}

#[test]
fn units_agree_or_are_refused() {
    let truth = joules(0..120);
    let milliwatts = table("seconds,power_mw", |second| {
        format!("{second},{:.0}", watts(second) * 1e3)
    });
    refused(
        "mW as W",
        milliwatts.as_str(),
        &options("power_mw", "watts"),
        &["mW"],
    );
    gives(
        "mW",
        milliwatts.as_str(),
        &options("power_mw", "milliwatts"),
        truth,
        1e-3,
    );
    gives(
        "mW by name",
        milliwatts,
        &LogOptions::default(),
        truth,
        1e-3,
    );
    for (unit, factor) in [("uW", 1e6), ("kW", 1e-3)] {
        let text = table("seconds,power", |second| {
            format!("{second},{:.7}", watts(second) * factor)
        });
        gives(unit, text, &options("power", unit), truth, 1e-3);
    }
    for (unit, factor) in [
        ("kJ", 1e-3),
        ("mJ", 1e3),
        ("uJ", 1e6),
        ("Wh", 1.0 / 3.6e3),
        ("kWh", 1.0 / 3.6e6),
    ] {
        let text = table("seconds,energy", |second| {
            format!("{second},{:.9}", (9000.0 + joules(0..second)) * factor)
        });
        gives(unit, text, &options("energy", unit), truth, 0.01);
    }
    let cells = table("seconds,power.draw [W]", |second| {
        format!("{second},{:.2} W", watts(second))
    });
    gives(
        "unit in the cell",
        cells,
        &options("power.draw [W]", "watts"),
        truth,
        1e-3,
    );
}

#[test]
fn a_comma_that_could_group_thousands_needs_an_option() {
    // 185,123 mW in a table with semicolons: 185 W, or 0.2 W.
    let grouped = table("seconds;Power [mW]", |second| {
        let milliwatts = (watts(second) * 1e3).round() as u64;
        format!("{second};{},{:03}", milliwatts / 1000, milliwatts % 1000)
    });
    refused(
        "unclear comma",
        grouped.as_str(),
        &LogOptions::default(),
        &["--decimal", "line 2"],
    );
    let stated = |decimal| LogOptions {
        decimal: Some(decimal),
        ..LogOptions::default()
    };
    let truth = joules(0..120);
    gives(
        "thousands",
        grouped.as_str(),
        &stated(Decimal::Point),
        truth,
        1e-3,
    );
    gives(
        "decimals",
        grouped.as_str(),
        &stated(Decimal::Comma),
        truth / 1e3,
        0.01,
    );
    // A number with both signs, or with other than three decimals, shows which it is.
    let quoted = table("seconds,power_w", |second| {
        format!("{second},\"1,{:06.2}\"", watts(second))
    });
    gives("quoted", quoted, &power(), truth + 120e3, 1e-3);
    let three = table("seconds;power_w", |second| {
        format!(
            "{};{}",
            format!("{second}.5").replace('.', ","),
            format!("{:.3}", watts(second)).replace('.', ",")
        )
    });
    gives("three decimals", three, &power(), truth, 1e-3);
}

#[test]
fn impossible_readings_are_named() {
    let reset = table("seconds,energy_j", |second| {
        format!(
            "{second},{:.2}",
            if second < 60 {
                5000.0 + joules(0..second)
            } else {
                joules(60..second)
            }
        )
    });
    refused(
        "counter began again",
        reset,
        &options("energy_j", "joules"),
        &["62"],
    );
    let spike = plain().replace(&format!("\n50,{:.2}\n", watts(50)), "\n50,429496420\n");
    refused("spike", spike, &power(), &["52", "429496420"]);
    let negative = plain().replace(&format!("\n50,{:.2}\n", watts(50)), "\n50,-0.4\n");
    refused("negative", negative, &power(), &["52", "-0.4"]);
}
