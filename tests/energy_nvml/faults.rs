//! Invalid counters, from the start or during the window, and the power that replaces them.

use wattgrad::internals::energy::{Grade, Method, Status};

use crate::stand_in::{CARD, Card, NOT_SUPPORTED, StandIn, TURING};
use crate::{only, refused, report, window};

#[test]
fn invalid_counter_has_no_energy() {
    let stuck = StandIn::of(Card {
        behaviour: "STUCK",
        ..CARD
    });
    let meter = stuck.meter(None);
    assert!(report(&meter).reason.unwrap().contains("did not change"));
    let row = only(window(&meter, 0.3).0);
    refused(&row, "stayed at 4711 mJ");
    assert!(row.readings.len() > 2);
    let backwards = StandIn::of(Card {
        behaviour: "BACKWARDS",
        ..CARD
    });
    refused(&only(window(&backwards.meter(None), 0.3).0), "backwards");
    let dark = Card {
        power: NOT_SUPPORTED,
        instant: NOT_SUPPORTED,
        ..CARD
    };
    let zero = StandIn::of(Card {
        behaviour: "ZERO",
        ..dark.clone()
    });
    refused(&only(window(&zero.meter(None), 0.1).0), "reads 0");
    let maximum = StandIn::of(Card {
        behaviour: "MAXIMUM",
        ..dark
    });
    refused(
        &only(window(&maximum.meter(None), 0.1).0),
        "maximum of its type",
    );
}

#[test]
fn power_replaces_a_counter_that_fails_during_the_window() {
    let faults = [
        ("STICKS", "it has stopped"),
        ("REVERSES", "backwards"),
        ("ZEROES", "reads 0"),
        ("CONSTANT", "backwards"),
        ("UNDERFLOWS", "jumped"),
        ("FORBIDDEN", "permission denied"),
    ];
    for (behaviour, with) in faults {
        let stand_in = StandIn::of(Card {
            behaviour,
            architecture: TURING,
            ..CARD
        });
        let rows = window(&stand_in.meter(None), 2.0).0;
        assert_eq!(rows.len(), 2, "{behaviour}: {rows:?}");
        refused(&rows[0], with);
        assert_eq!(
            (rows[0].method, rows[1].method),
            (Method::Counter, Method::IntegratedPower)
        );
        assert_eq!(
            (rows[1].source.as_str(), rows[1].status),
            ("nvml:0", Status::Measured)
        );
        let truth = 200.0 * rows[1].seconds.unwrap();
        let joules = rows[1].joules.unwrap();
        assert!((joules / truth - 1.0).abs() < 0.02, "{joules} for {truth}");
        assert!(rows[1].ci().unwrap().holds(truth));
        assert_eq!(rows[1].grade, Some(Grade::C), "uncalibrated power");
    }
}

#[test]
fn card_lost_during_the_window_has_no_energy() {
    for (behaviour, with, fix) in [
        ("UNLOADED", "driver is not loaded", "sudo modprobe nvidia"),
        ("LOST", "fallen off the bus", "restart the machine"),
    ] {
        let stand_in = StandIn::of(Card {
            behaviour,
            architecture: TURING,
            ..CARD
        });
        let row = only(window(&stand_in.meter(None), 2.0).0);
        refused(&row, "lost during the window");
        refused(&row, with);
        assert_eq!(row.fix.as_deref(), Some(fix));
        assert!(!row.readings.is_empty());
    }
}

#[test]
fn power_replaces_a_counter_that_reads_zero() {
    let stand_in = StandIn::of(Card {
        behaviour: "ZERO",
        architecture: TURING,
        ..CARD
    });
    let rows = window(&stand_in.meter(None), 1.2).0;
    refused(&rows[0], "reads 0");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (rows[1].method, rows[1].status),
        (Method::IntegratedPower, Status::Measured)
    );
}

#[test]
fn counter_that_disagrees_with_power_has_grade_c() {
    let stand_in = StandIn::with(
        &[Card {
            architecture: TURING,
            ..CARD
        }],
        &["-DMILLIWATTS=(150000+ticks(device)%2)"],
    );
    let row = only(window(&stand_in.meter(None), 1.5).0);
    assert_eq!((row.status, row.grade), (Status::Measured, Some(Grade::C)));
    assert!(
        row.notes.iter().any(|note| note.contains("disagree by +3")),
        "{:?}",
        row.notes
    );
}
