//! Devices side by side: what is ranked, what is not, and what each format says.

use wattgrad::internals::energy::{self, Scope};
use wattgrad::internals::report::study::{
    WIDTH, markdown_by_device, page_by_device, tables_by_device, terminal_by_device,
};
use wattgrad::internals::study::side_by_side::{OnDevice, Quantity, SideBySide};
use wattgrad::internals::study::stats::{Interval, Ratio};
use wattgrad::internals::train::{EnergyFigure, Record};

use super::runs::{Joules, Made, again, only_failed};

/// A made-up device: `times` slower with small batches and `even` with large ones, with joules through `sensor`.
pub fn device(
    name: &str,
    (times, even): (f64, f64),
    sensor: Option<(&str, Scope)>,
    seeds: u32,
) -> OnDevice {
    let made = Made {
        seeds,
        ..Made::default()
    };
    of(made, name, (times, even), sensor)
}

fn of(
    made: Made,
    name: &str,
    (times, even): (f64, f64),
    sensor: Option<(&str, Scope)>,
) -> OnDevice {
    let joules = match sensor {
        Some(_) => Joules::Measured,
        None => Joules::None,
    };
    let mut opened = Made { joules, ..made }.open();
    for run in &mut opened.runs {
        let Some(record) = &mut run.record else {
            continue;
        };
        let share = f64::from(record.regime.batch_size).log2() / 7.0;
        let factor = times + (even - times) * share;
        record.device.name = name.to_owned();
        slower(record, factor);
        if let Some((source, scope)) = sensor {
            rename(record, source, scope, factor);
        }
    }
    let opened = again(opened);
    let record = opened.runs[0].record.as_ref().unwrap();
    OnDevice {
        label: name.to_owned(),
        device: record.device.clone(),
        opened,
    }
}

fn slower(record: &mut Record, factor: f64) {
    record.durations.training_seconds *= factor;
    record.durations.evaluation_seconds *= factor;
    for point in &mut record.evaluations {
        point.seconds *= factor;
        point.training_seconds *= factor;
    }
    for result in &mut record.target_results {
        for at in result.reached.iter_mut().chain(&mut result.first_single) {
            at.seconds *= factor;
            at.training_seconds *= factor;
        }
    }
}

fn rename(record: &mut Record, source: &str, scope: Scope, factor: f64) {
    let scaled = |interval: Option<energy::Interval>| interval.map(|i| i.over(1.0 / factor));
    let figures: [&mut Vec<EnergyFigure>; 3] = [
        &mut record.energy_per_step,
        &mut record.energy_per_evaluation,
        &mut record.energy_to_end,
    ];
    for figure in figures.into_iter().flatten() {
        figure.source = source.to_owned();
        figure.joules *= factor;
        figure.ci = scaled(figure.ci);
        figure.accuracy = scaled(figure.accuracy);
    }
    for phase in &mut record.energy_by_phase {
        phase.source = source.to_owned();
    }
    for row in record.energy.iter_mut().filter(|row| row.joules.is_some()) {
        row.source = source.to_owned();
        row.scope = scope;
        row.joules = row.joules.map(|joules| joules * factor);
    }
}

/// Two cards measured on their boards, and a processor measured at its package.
pub fn three(seeds: u32) -> SideBySide {
    let devices = vec![
        device("Card A", (1.0, 1.0), Some(("nvml:0", Scope::Board)), seeds),
        device(
            "Card B",
            (1.2, 3.0),
            Some(("hwmon:amdgpu", Scope::Board)),
            seeds,
        ),
        device(
            "Processor C",
            (6.0, 9.0),
            Some(("rapl:package-0", Scope::Package)),
            seeds,
        ),
    ];
    SideBySide::new("made-up".into(), devices, Vec::new())
}

fn packed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn ranks_devices_of_one_scope_and_names_those_that_it_does_not() {
    let found = three(3);
    let energy = &found.comparisons[0];
    assert_eq!(energy.quantity, Quantity::Energy);
    let ranked: Vec<usize> = energy.ranked().map(|(at, _)| at).collect();
    assert_eq!(ranked, [0, 1], "the package is not a board");
    let why = energy.not_ranked.as_deref().unwrap();
    assert!(
        why.contains("Processor C, measured by rapl:package-0 (package)"),
        "{why}"
    );
    let time = &found.comparisons[1];
    assert_eq!(time.quantity, Quantity::Seconds);
    assert_eq!(time.ranked().count(), 3, "seconds are seconds everywhere");
    assert!(time.not_ranked.is_none());
    assert!(
        found
            .answer
            .headline
            .starts_with("Lowest energy to 85 % test accuracy: Card A with "),
        "{}",
        found.answer.headline
    );
    assert!(!found.answer.headline.contains("Processor C"));
    assert!(found.answer.measurement.contains("not ranked by energy"));
}

#[test]
fn without_a_common_scope_time_leads() {
    let devices = vec![
        device("Card A", (1.0, 1.0), Some(("nvml:0", Scope::Board)), 3),
        device(
            "Processor C",
            (6.0, 9.0),
            Some(("rapl:package-0", Scope::Package)),
            3,
        ),
        device("Laptop D", (4.0, 5.0), None, 3),
    ];
    let found = SideBySide::new("made-up".into(), devices, Vec::new());
    assert_eq!(found.comparisons[0].quantity, Quantity::Seconds);
    let energy = found
        .comparisons
        .iter()
        .find(|one| one.quantity == Quantity::Energy);
    let energy = energy.unwrap();
    assert_eq!(energy.ranked().count(), 0);
    let why = energy.not_ranked.as_deref().unwrap();
    assert!(why.contains("Laptop D, without measured energy"), "{why}");
    assert!(energy.devices[2].is_none());
    assert_eq!(
        energy.agreement.len(),
        1,
        "each device ranks by its own sensor"
    );
    for text in [
        page_by_device(std::slice::from_ref(&found)),
        markdown_by_device(std::slice::from_ref(&found)),
        terminal_by_device(&[found]),
    ] {
        assert!(
            packed(&text).contains("joules of different scopes"),
            "{text}"
        );
    }
}

#[test]
fn interval_between_devices_contains_the_accuracy_of_both_sensors() {
    let two = |seeds| {
        let made = || Made {
            lrs: vec![0.05, 0.1],
            seeds,
            ..Made::default()
        };
        let a = of(made(), "Card A", (1.0, 1.0), Some(("nvml:0", Scope::Board)));
        let b = of(made(), "Card B", (1.2, 3.0), Some(("nvml:0", Scope::Board)));
        let found = SideBySide::new("two".into(), vec![a, b], Vec::new());
        found.comparisons[0]
            .devices
            .iter()
            .cloned()
            .map(Option::unwrap)
            .collect::<Vec<_>>()
    };
    let costs = two(3);
    assert!(costs[0].over_cheapest.is_none());
    let Some(Ratio::Of { ratio, interval }) = costs[1].over_cheapest else {
        panic!("every run reached");
    };
    let interval = interval.unwrap();
    let errors = costs.iter().map(|cost| cost.accuracy.unwrap());
    let both = errors.map(|error| error * error).sum::<f64>().sqrt();
    assert!(both > 0.05, "the sensors are accurate to 5 % each: {both}");
    let reach = (interval.high / ratio).ln();
    assert!(reach > both, "{ratio} {interval:?}");
    // Without the sensors' errors the rest is what the seeds show.
    let seeds = (reach * reach - both * both).sqrt();
    let again = Ratio::Of {
        ratio,
        interval: Some(Interval {
            low: ratio * (-seeds).exp(),
            high: ratio * seeds.exp(),
        }),
    };
    let again = again.widened(both);
    assert!((again.low().unwrap() / interval.low - 1.0).abs() < 1e-9);
    assert!((again.high().unwrap() / interval.high - 1.0).abs() < 1e-9);
    let one = two(1)[1].over_cheapest.unwrap();
    assert!(one.low().is_none(), "one seed has no interval");
}

#[test]
fn maps_of_one_scope_share_their_colours() {
    let page = page_by_device(&[three(3)]);
    assert!(page.contains("those of different scopes cannot be compared"));
    // The lowest cost of the study is the brightest cell; of the slower card no cell is.
    let maps: Vec<&str> = page
        .split("<h3>")
        .skip(1)
        .take(3)
        .map(|part| part.split_once("</svg>").unwrap().0)
        .collect();
    let brightest = |map: &str| map.matches("fill=\"#e1cc55\"").count();
    assert_eq!(
        maps.iter().map(|map| brightest(map)).collect::<Vec<_>>(),
        [1, 0, 1]
    );
}

#[test]
fn formats_hold_every_form() {
    let empty = SideBySide::new("none".into(), Vec::new(), Vec::new());
    let one = SideBySide::new(
        "one".into(),
        vec![device("Card A", (1.0, 1.0), None, 3)],
        Vec::new(),
    );
    let mut failed = device("Card A", (1.0, 1.0), None, 3);
    failed.opened = again(only_failed(failed.opened));
    let failed = SideBySide::new("failed".into(), vec![failed.clone(), failed], Vec::new());
    for found in [three(3), three(1), empty, one, failed] {
        let text = terminal_by_device(std::slice::from_ref(&found));
        let escapes = ["\x1b[1m", "\x1b[2m", "\x1b[0m"];
        let plain = escapes
            .iter()
            .fold(text, |text, code| text.replace(code, ""));
        for line in plain.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let page = page_by_device(std::slice::from_ref(&found));
        assert!(!page.contains("NaN") && !page.contains(">inf"), "{page}");
        for tag in ["svg", "table", "section", "figure", "details", "div", "tr"] {
            let open = page.matches(&format!("<{tag} ")).count()
                + page.matches(&format!("<{tag}>")).count();
            assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        let names: Vec<&str> = tables_by_device(&[found])
            .iter()
            .map(|table| table.name)
            .collect();
        assert_eq!(names, ["devices", "device_costs", "agreement"]);
    }
}
