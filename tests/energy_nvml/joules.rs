//! The joules of a card, compared with its watts times the window.

use wattgrad::internals::energy::{Covers, Grade, Method, Scope, SourceResult, Status};

use crate::stand_in::{CARD, Card, StandIn};
use crate::{discrete, only, refused, window};

#[test]
fn joules_are_watts_times_the_window() {
    let stand_in = StandIn::of(CARD);
    let meter = stand_in.meter(Some(&discrete(Some("0000:01:00.0"))));
    // Where the machine was busy the counter was read late, and the interval is rightly wide: one of five windows is narrow.
    let narrow = (0..5).any(|_| {
        let (rows, most_seconds) = window(&meter, 1.0);
        has_the_energy_of_its_window(only(rows), most_seconds)
    });
    assert!(
        narrow,
        "each of five windows is wider or further off than its sensor"
    );
}

/// Checks a window of a card of 200 W; whether its interval is within 5 % and its joules within a step of the counter at
/// either edge.
fn has_the_energy_of_its_window(row: SourceResult, most_seconds: f64) -> bool {
    assert_eq!(
        (row.source.as_str(), row.scope, row.method),
        ("nvml:0", Scope::Board, Method::Counter)
    );
    assert_eq!(
        (row.status, row.covers),
        (Status::Measured, Some(Covers::Adapter))
    );
    let (joules, seconds) = (row.joules.unwrap(), row.seconds.unwrap());
    assert!((1.0..=most_seconds).contains(&seconds), "{seconds}");
    let truth = 200.0 * seconds;
    assert!(row.ci().unwrap().holds(truth), "{row:?}");
    let (low, high) = (row.accuracy_low.unwrap(), row.accuracy_high.unwrap());
    assert!(
        low <= truth * 0.91 && high >= truth * 1.09,
        "{low} to {high}"
    );
    let interval = row.update_interval_seconds.unwrap();
    assert!((0.018..0.03).contains(&interval), "{interval}");
    assert_eq!(row.grade, Some(Grade::B), "uncalibrated");
    assert_eq!(row.measured().unwrap().joules(), joules);
    assert_eq!(row.assumed(), None);
    // The record has the readings of pre-roll and post-roll, from which the energy can be recomputed.
    let (first, last) = (row.readings[0], row.readings[row.readings.len() - 1]);
    assert!(last.at.monotonic - first.at.monotonic > seconds);
    assert!(last.at.unix - first.at.unix > 0.9 && first.at.unix > 1.6e9);
    // The counter is updated in steps of 4 J.
    row.ci().unwrap().half() < 0.05 * truth && (joules - truth).abs() <= 2.0 * 4.0
}

#[test]
fn result_round_trips_through_json() {
    let stand_in = StandIn::of(CARD);
    let row = only(window(&stand_in.meter(None), 0.3).0);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(json["method"], "counter");
    assert_eq!(json["status"], "measured");
    assert_eq!(json["scope"], "board");
    assert_eq!(json["readings"][0]["unit"], "mJ");
    assert!(json["readings"][0]["monotonic"].is_f64() && json["readings"][0]["unix"].is_f64());
    assert!(json.get("reason").is_none() && json.get("covers").is_none());
    assert_eq!(serde_json::from_value::<SourceResult>(json).unwrap(), row);
}

#[test]
fn window_shorter_than_an_update_has_no_energy() {
    let slow = StandIn::of(Card {
        update_interval: 0.1,
        ..CARD
    });
    let meter = slow.meter(None);
    let row = only(window(&meter, 0.03).0);
    refused(&row, "too few updates of the sensor");
    assert!(
        row.fix
            .as_deref()
            .is_some_and(|fix| fix.contains("longer window"))
    );
}

#[test]
fn slow_updates_widen_the_interval() {
    let slow = StandIn::of(Card {
        update_interval: 0.4,
        ..CARD
    });
    let row = only(window(&slow.meter(None), 1.7).0);
    let truth = 200.0 * row.seconds.unwrap();
    let interval = row.ci().unwrap();
    assert!(interval.holds(truth), "{truth} J: {row:?}");
}

#[test]
fn interval_covers_slow_reads() {
    let slow = StandIn::with(&[CARD], &["-DLATENCY=0.005"]);
    let row = only(window(&slow.meter(None), 1.0).0);
    let truth = 200.0 * row.seconds.unwrap();
    assert!(row.ci().unwrap().holds(truth), "{row:?}");
    assert!(
        row.readings
            .iter()
            .all(|reading| reading.read_seconds >= 0.005)
    );
}

#[test]
fn result_has_the_state_of_the_card() {
    let row = only(window(&StandIn::of(CARD).meter(None), 0.3).0);
    assert_eq!(row.conditions.len(), 2, "before and after");
    for state in &row.conditions {
        assert_eq!((state.core_mhz, state.memory_mhz), (Some(1410), Some(9501)));
        assert_eq!(
            (state.celsius, state.limit_watts),
            (Some(71.0), Some(285.0))
        );
        assert_eq!(
            state.throttled_by,
            ["SW power cap", "SW thermal slowdown"],
            "an idle card is not throttled"
        );
        assert_eq!(
            (
                state.power_violation_seconds,
                state.thermal_violation_seconds
            ),
            (Some(2.5), Some(0.125))
        );
    }
}
