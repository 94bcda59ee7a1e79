//! Simpler instruments in place of a sensor.

use wattgrad::internals::energy::Reading;
use wattgrad::internals::report::study::{markdown, page, tables, terminal};
use wattgrad::internals::study::Opened;
use wattgrad::internals::study::as_if::{AsIf, Instrument};

use super::runs::{Joules, Made, again};

/// Four regimes with three seeds each, whose power is steady.
fn made() -> Opened {
    Made {
        lrs: vec![0.05, 0.1],
        batches: vec![16, 128],
        joules: Joules::Measured,
        ..Made::default()
    }
    .open()
}

fn as_if(opened: &Opened, name: &str) -> AsIf {
    let mut all = AsIf::all(opened, name.parse::<Instrument>().unwrap());
    assert_eq!(all.len(), 1, "one sensor");
    all.remove(0)
}

#[test]
fn steady_power_gives_the_same_conclusions_and_tdp_its_own() {
    let opened = made();
    let average = as_if(&opened, "average-1s");
    assert_eq!((average.runs.len(), average.left_out), (12, 0));
    let [low, _, high] = average.errors();
    assert!(low > -0.1 && high < 0.1, "{low} {high}");
    assert!(average.best[0] == average.best[1]);
    // 140 W times at most 0.87 is what the device draws.
    let tdp = as_if(&opened, "tdp=350");
    assert!(tdp.errors()[0] > 1.5, "{:?}", tdp.errors());
    let seconds = opened.runs[0]
        .record
        .as_ref()
        .unwrap()
        .evaluations
        .last()
        .unwrap()
        .seconds;
    assert!((tdp.runs[0].as_if / (350.0 * seconds) - 1.0).abs() < 1e-9);
    assert!(tdp.runs[0].as_if > tdp.runs[0].recorded);
}

/// Sets the power of the readings: a peak in the first `share` of each run, 200 times the rest, with the same
/// joules in all.
fn peaks(opened: &mut Opened, cell: &str, share: f64) {
    for run in opened.runs.iter_mut().filter(|run| run.cell == cell) {
        for row in &mut run.record.as_mut().unwrap().energy {
            let count = row.readings.len();
            let (Some(first), Some(last)) = (row.readings.first().copied(), row.readings.last())
            else {
                continue;
            };
            let all = (last.value - first.value) as f64;
            let weight = |at: usize| {
                if (at as f64) < share * count as f64 {
                    200.0
                } else {
                    1.0
                }
            };
            let sum: f64 = (1..count).map(weight).sum();
            let mut done = 0.0;
            for (at, reading) in row.readings.iter_mut().enumerate().skip(1) {
                done += weight(at) / sum;
                *reading = Reading {
                    value: first.value + (done * all) as u64,
                    ..*reading
                };
            }
        }
    }
}

#[test]
fn a_missed_peak_changes_the_best_regime() {
    let mut opened = made();
    let cost = opened.analysis.headline().unwrap();
    let worst = opened.analysis.cells[cost.worst.unwrap()].id.clone();
    // Short of 15 s between polls, most of the worst regime's energy is unseen.
    peaks(&mut opened, &worst, 0.02);
    let opened = again(opened);
    let poll = as_if(&opened, "poll-15s");
    assert!(poll.errors()[0] < -0.1, "{:?}", poll.errors());
    assert_ne!(
        poll.changed.len() + usize::from(poll.best[0] != poll.best[1]),
        0
    );
    assert!(!poll.same_conclusions());
    let two = as_if(&opened, "two-point");
    assert!(
        two.errors()[0] > -0.1 && two.errors()[2] < 0.1,
        "a counter misses no peak: {:?}",
        two.errors()
    );
    let mut shown = opened;
    shown.as_if = vec![poll, two];
    for text in [
        markdown(std::slice::from_ref(&shown)),
        page(std::slice::from_ref(&shown)),
        terminal(std::slice::from_ref(&shown)),
    ] {
        let packed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            packed.contains("poll-15s instead of nvml:0 (board): the joules of a run"),
            "{packed}"
        );
    }
    let all = tables(&[shown]);
    let table = all.iter().find(|table| table.name == "as_if").unwrap();
    assert_eq!(table.rows.len(), 24);
}

#[test]
fn runs_without_readings_are_left_out() {
    let mut opened = made();
    for row in &mut opened.runs[0].record.as_mut().unwrap().energy {
        row.readings.clear();
    }
    let found = as_if(&opened, "two-point");
    assert_eq!((found.runs.len(), found.left_out), (11, 1));
    let none = Made {
        joules: Joules::Assumed,
        ..Made::default()
    };
    assert!(
        AsIf::all(&none.open(), Instrument::Poll15s).is_empty(),
        "assumed joules have no instrument"
    );
}
